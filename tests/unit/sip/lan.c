#include "sip/lan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/uri.h"

#define PLACES 12
#define NAMES 8

struct flight {
    struct flight *next;
    int64_t due_ms;
    struct lan_packet packet;
    char bytes[];
};

struct place {
    struct lan *lan;
    struct ct_sip_socket socket;
    char address[20];
    struct ct_sip *sip;
};

/* The first line of what was sent, for counting. */
struct line {
    struct line *next;
    int64_t at_ms;
    char from[20];
    char to[20];
    char text[64];
};

struct lan {
    int64_t now_ms;
    uint64_t random;
    struct flight *flights; /* in the order of the times */
    struct place places[PLACES];
    size_t place_count;
    struct {
        const char *name;
        const char *addresses;
    } names[NAMES];
    size_t name_count;
    lan_judge *judge;
    void *judge_ctx;
    size_t sent;
    struct line *lines;
    struct line **last_line;
};

enum ct_result lan_new(uint64_t seed, struct lan **out)
{
    struct lan *lan = calloc(1, sizeof(*lan));

    if (lan == NULL)
        return CT_NOMEM;
    lan->now_ms = 1000;
    lan->random = seed;
    lan->last_line = &lan->lines;
    *out = lan;
    return CT_OK;
}

void lan_free(struct lan *lan)
{
    if (lan == NULL)
        return;
    while (lan->flights != NULL) {
        struct flight *flight = lan->flights;

        lan->flights = flight->next;
        free(flight);
    }
    while (lan->lines != NULL) {
        struct line *line = lan->lines;

        lan->lines = line->next;
        free(line);
    }
    free(lan);
}

void lan_network(struct lan *lan, lan_judge *judge, void *ctx)
{
    lan->judge = judge;
    lan->judge_ctx = ctx;
}

/* splitmix64 */
static uint64_t next_random(struct lan *lan)
{
    uint64_t z = (lan->random += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t lan_random(struct lan *lan, uint32_t below)
{
    return (uint32_t)(next_random(lan) % below);
}

struct ct_sip_hop lan_hop(const char *address)
{
    struct ct_sip_hop hop = {.transport = CT_SIP_UDP};

    if (!ct_sip_address_parse(ct_str_of(address), &hop.peer))
        abort();
    hop.peer.port = 5060;
    return hop;
}

static struct place *place_at(struct lan *lan, const struct ct_sip_socket *socket)
{
    for (size_t i = 0; i < lan->place_count; i++)
        if (ct_sip_socket_equal(&lan->places[i].socket, socket))
            return &lan->places[i];
    return NULL;
}

/* ---- the network ---- */

/* What there is no memory for is lost, as on a network. */
static void fly(struct lan *lan, const struct lan_packet *packet, int64_t after_ms)
{
    struct flight *flight = malloc(sizeof(*flight) + packet->bytes.len);
    struct flight **at = &lan->flights;

    if (flight == NULL)
        return;
    flight->due_ms = lan->now_ms + after_ms;
    flight->packet = *packet;
    memcpy(flight->bytes, packet->bytes.at, packet->bytes.len);
    flight->packet.bytes.at = flight->bytes;
    while (*at != NULL && (*at)->due_ms <= flight->due_ms)
        at = &(*at)->next;
    flight->next = *at;
    *at = flight;
}

static const char *name_of(struct lan *lan, const struct ct_sip_socket *socket)
{
    const struct place *place = place_at(lan, socket);

    return place == NULL ? "nowhere" : place->address;
}

static void note(struct lan *lan, const struct lan_packet *packet)
{
    struct line *line = calloc(1, sizeof(*line));
    size_t length = 0;

    if (line == NULL)
        return;
    while (length < packet->bytes.len && length < sizeof(line->text) - 1 &&
           packet->bytes.at[length] != '\r')
        length++;
    memcpy(line->text, packet->bytes.at, length);
    snprintf(line->from, sizeof(line->from), "%s", name_of(lan, &packet->from));
    snprintf(line->to, sizeof(line->to), "%s", name_of(lan, &packet->to));
    line->at_ms = lan->now_ms;
    *lan->last_line = line;
    lan->last_line = &line->next;
}

static void launch(struct lan *lan, const struct ct_sip_socket *from,
                   const struct ct_sip_socket *to, struct ct_str bytes)
{
    const struct lan_packet packet = {*from, *to, bytes, lan->sent++};
    struct lan_fate fate = {1, {LAN_DELAY_MS}};

    note(lan, &packet);
    if (lan->judge != NULL)
        fate = lan->judge(lan->judge_ctx, &packet);
    for (int i = 0; i < fate.copies; i++)
        fly(lan, &packet, fate.after_ms[i]);
}

void lan_drop_in(struct lan *lan, const char *from, const char *to, const char *bytes)
{
    struct ct_sip_hop source = lan_hop(from);
    struct ct_sip_hop target = lan_hop(to);

    launch(lan, &source.peer, &target.peer, ct_str_of(bytes));
}

static void deliver(struct lan *lan)
{
    struct flight *flight = lan->flights;
    struct place *place = place_at(lan, &flight->packet.to);
    struct ct_sip_hop from = {.transport = CT_SIP_UDP, .peer = flight->packet.from};

    lan->flights = flight->next;
    if (place != NULL && place->sip != NULL)
        ct_sip_receive(place->sip, &from, flight->packet.bytes);
    free(flight);
}

void lan_run(struct lan *lan, int64_t ms)
{
    int64_t end_ms = lan->now_ms + ms;

    for (;;) {
        int64_t next_ms = lan->flights != NULL ? lan->flights->due_ms : INT64_MAX;
        struct ct_sip *turning = NULL;

        for (size_t i = 0; i < lan->place_count; i++) {
            struct ct_sip *sip = lan->places[i].sip;

            if (sip != NULL && ct_sip_next_ms(sip) < next_ms) {
                next_ms = ct_sip_next_ms(sip);
                turning = sip;
            }
        }
        if (next_ms > end_ms)
            break;
        if (next_ms > lan->now_ms)
            lan->now_ms = next_ms;
        if (turning != NULL)
            ct_sip_turn(turning);
        else
            deliver(lan);
    }
    lan->now_ms = end_ms;
    /* what a test begins now counts from now */
    for (size_t i = 0; i < lan->place_count; i++)
        if (lan->places[i].sip != NULL)
            ct_sip_turn(lan->places[i].sip);
}

/* ---- what an endpoint sees ---- */

static int64_t env_now_ms(void *ctx)
{
    return ((struct place *)ctx)->lan->now_ms;
}

static int64_t env_unix_ms(void *ctx)
{
    return 1795000000000 + ((struct place *)ctx)->lan->now_ms;
}

static void env_random(void *ctx, void *out, size_t size)
{
    uint8_t *at = out;

    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)next_random(((struct place *)ctx)->lan);
}

static enum ct_result env_send(void *ctx, const struct ct_sip_hop *to, struct ct_str bytes)
{
    struct place *place = ctx;

    launch(place->lan, &place->socket, &to->peer, bytes);
    return CT_OK;
}

static void env_local(void *ctx, const struct ct_sip_hop *to, struct ct_sip_local *out)
{
    (void)to;
    *out = (struct ct_sip_local){ct_str_of(((struct place *)ctx)->address), 0, CT_SIP_UDP};
}

static size_t look_up(struct lan *lan, struct ct_str host, struct ct_sip_hop *hops, size_t most)
{
    size_t count = 0;

    if (ct_sip_address_parse(host, &hops[0].peer)) {
        hops[0].peer.port = 5060;
        return 1;
    }
    for (size_t i = 0; i < lan->name_count; i++) {
        const char *at = lan->names[i].addresses;

        if (!ct_str_equal_nocase(host, ct_str_of(lan->names[i].name)))
            continue;
        while (count < most) {
            size_t length = strcspn(at, ",");

            if (!ct_sip_address_parse((struct ct_str){at, length}, &hops[count].peer))
                abort();
            hops[count++].peer.port = 5060;
            if (at[length] == '\0')
                break;
            at += length + 1;
        }
    }
    return count;
}

static enum ct_result env_resolve(void *ctx, struct ct_str uri, ct_sip_found *found,
                                  void *found_ctx, struct ct_sip_lookup **out)
{
    struct place *place = ctx;
    struct ct_sip_hop hops[8] = {{0}};
    struct ct_sip_uri read;
    size_t count = 0;

    if (ct_sip_uri_read(uri, &read))
        count = look_up(place->lan, read.host, hops, 8);
    *out = NULL;
    found(found_ctx, hops, count);
    return CT_OK;
}

static void env_resolve_cancel(void *ctx, struct ct_sip_lookup *lookup)
{
    (void)ctx;
    (void)lookup;
}

enum ct_result lan_place(struct lan *lan, const char *address, struct ct_sip_env *out)
{
    struct place *place = &lan->places[lan->place_count];

    if (lan->place_count == PLACES)
        return CT_INVALID;
    lan->place_count++;
    *place = (struct place){.lan = lan, .socket = lan_hop(address).peer};
    snprintf(place->address, sizeof(place->address), "%s", address);
    *out = (struct ct_sip_env){place,    env_now_ms, env_unix_ms, env_random,
                               env_send, env_local,  env_resolve, env_resolve_cancel};
    return CT_OK;
}

void lan_inhabit(struct lan *lan, const char *address, struct ct_sip *sip)
{
    struct ct_sip_hop hop = lan_hop(address);

    place_at(lan, &hop.peer)->sip = sip;
}

void lan_name(struct lan *lan, const char *name, const char *addresses)
{
    if (lan->name_count == NAMES)
        abort();
    lan->names[lan->name_count].name = name;
    lan->names[lan->name_count++].addresses = addresses;
}

int64_t lan_now_ms(const struct lan *lan)
{
    return lan->now_ms;
}

size_t lan_count(const struct lan *lan, const char *beginning)
{
    size_t count = 0;

    for (const struct line *line = lan->lines; line != NULL; line = line->next)
        if (strncmp(line->text, beginning, strlen(beginning)) == 0)
            count++;
    return count;
}

void lan_print(const struct lan *lan)
{
    for (const struct line *line = lan->lines; line != NULL; line = line->next)
        fprintf(stderr, "%9lld %-12s > %-12s %s\n", (long long)line->at_ms, line->from, line->to,
                line->text);
}
