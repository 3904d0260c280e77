#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/lan_inside.h"

enum ct_result lan_new(uint64_t seed, struct lan **out)
{
    struct lan *lan = calloc(1, sizeof(*lan));

    if (lan == NULL)
        return CT_NOMEM;
    if (ct_wheel_new(1000, &lan->wheel) != CT_OK) {
        free(lan);
        return CT_NOMEM;
    }
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
    ct_wheel_free(lan->wheel);
    free(lan);
}

void lan_network(struct lan *lan, lan_judge *judge, void *ctx)
{
    lan->judge = judge;
    lan->judge_ctx = ctx;
}

/* splitmix64 */
uint64_t lan_next_random(struct lan *lan)
{
    uint64_t z = (lan->random += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t lan_random(struct lan *lan, uint32_t below)
{
    return (uint32_t)(lan_next_random(lan) % below);
}

struct ct_sip_hop lan_hop(const char *address)
{
    struct ct_sip_hop hop = {.transport = CT_SIP_UDP};

    if (!ct_sip_address_parse(ct_str_of(address), &hop.peer))
        abort();
    hop.peer.port = 5060;
    return hop;
}

struct place *lan_place_at(struct lan *lan, const struct ct_sip_socket *socket)
{
    for (size_t i = 0; i < lan->place_count; i++)
        if (ct_sip_socket_equal(&lan->places[i].socket, socket))
            return &lan->places[i];
    return NULL;
}

/* ---- the network ---- */

const char *lan_address(struct lan *lan, const struct ct_sip_socket *socket)
{
    const struct place *place = lan_place_at(lan, socket);

    return place == NULL ? "nowhere" : place->address;
}

static void show(struct lan *lan, const struct lan_sight *sight)
{
    if (lan->seen != NULL)
        lan->seen(lan->seen_ctx, sight);
}

/* What there is no memory for is lost, as on a network. */
static void fly(struct lan *lan, const struct lan_packet *packet, int64_t after_ms, uint32_t spoilt)
{
    struct flight *flight = malloc(sizeof(*flight) + packet->bytes.len);
    struct flight **at = &lan->flights;

    if (flight == NULL)
        return;
    flight->due_ms = lan->now_ms + after_ms;
    flight->packet = *packet;
    flight->spoilt = spoilt > 0;
    memcpy(flight->bytes, packet->bytes.at, packet->bytes.len);
    for (uint32_t i = 0; i < spoilt && packet->bytes.len > 0; i++)
        flight->bytes[lan_random(lan, (uint32_t)packet->bytes.len)] ^=
            (char)(1 + lan_random(lan, 255));
    flight->packet.bytes.at = flight->bytes;
    while (*at != NULL && (*at)->due_ms <= flight->due_ms)
        at = &(*at)->next;
    flight->next = *at;
    *at = flight;
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
    snprintf(line->from, sizeof(line->from), "%s", lan_address(lan, &packet->from));
    snprintf(line->to, sizeof(line->to), "%s", lan_address(lan, &packet->to));
    line->at_ms = lan->now_ms;
    *lan->last_line = line;
    lan->last_line = &line->next;
}

static void launch(struct lan *lan, const struct ct_sip_socket *from,
                   const struct ct_sip_socket *to, struct ct_str bytes, struct stream *stream)
{
    const struct lan_packet packet = {*from, *to, bytes, lan->sent++,
                                      stream == NULL ? 0 : stream->number};
    const struct lan_sight sight = {.packet = &packet};
    struct lan_fate fate = {.copies = 1, .after_ms = {LAN_DELAY_MS}};

    if (lan->seen == NULL)
        note(lan, &packet);
    show(lan, &sight);
    if (lan->judge != NULL)
        fate = lan->judge(lan->judge_ctx, &packet);
    if (stream == NULL) {
        for (int i = 0; i < fate.copies; i++)
            fly(lan, &packet, fate.after_ms[i], fate.spoilt[i]);
        return;
    }
    if (lan->now_ms + fate.after_ms[0] > stream->last_ms)
        stream->last_ms = lan->now_ms + fate.after_ms[0];
    fly(lan, &packet, stream->last_ms - lan->now_ms, 0);
}

void lan_drop_in(struct lan *lan, const char *from, const char *to, const char *bytes)
{
    struct ct_sip_hop source = lan_hop(from);
    struct ct_sip_hop target = lan_hop(to);

    launch(lan, &source.peer, &target.peer, ct_str_of(bytes), NULL);
}

/* ---- streams ---- */

static struct stream *stream_of(struct lan *lan, uint64_t number)
{
    for (size_t i = 0; i < STREAMS; i++)
        if (number != 0 && lan->streams[i].number == number)
            return &lan->streams[i];
    return NULL;
}

static bool joins(const struct stream *stream, const struct ct_sip_socket *a,
                  const struct ct_sip_socket *b)
{
    return (ct_sip_socket_equal(&stream->ends[0], a) && ct_sip_socket_equal(&stream->ends[1], b)) ||
           (ct_sip_socket_equal(&stream->ends[0], b) && ct_sip_socket_equal(&stream->ends[1], a));
}

static bool at_home(const struct place *place)
{
    return place != NULL && (place->sip != NULL || place->resident.receive != NULL);
}

/* Whether the other side takes a new stream. */
static bool opens(struct lan *lan, const struct ct_sip_socket *from, const struct ct_sip_hop *to)
{
    const struct place *place = lan_place_at(lan, &to->peer);
    const struct ct_sip_hop hop = {.transport = to->transport, .peer = *from};

    if (!at_home(place))
        return false;
    if (place->sip == NULL && place->resident.accept != NULL)
        return place->resident.accept(place->resident.ctx, &hop);
    return place->sip != NULL || to->transport != CT_SIP_WS;
}

/* The stream of this number; of 0 one between the two, or a new one. NULL: there is none. */
static struct stream *stream_to(struct lan *lan, const struct ct_sip_socket *from,
                                const struct ct_sip_hop *to)
{
    struct stream *unused = NULL;

    if (to->connection != 0)
        return stream_of(lan, to->connection);
    for (size_t i = 0; i < STREAMS; i++) {
        struct stream *stream = &lan->streams[i];

        if (stream->number == 0)
            unused = stream;
        else if (stream->transport == to->transport && joins(stream, from, &to->peer))
            return stream;
    }
    if (unused == NULL || !opens(lan, from, to))
        return NULL;
    *unused = (struct stream){++lan->last_stream, to->transport, {*from, to->peer}, lan->now_ms};
    return unused;
}

enum ct_result lan_dispatch(struct lan *lan, const struct ct_sip_socket *from,
                            const struct ct_sip_hop *to, struct ct_str bytes)
{
    struct stream *stream = NULL;

    if (ct_sip_reliable(to->transport)) {
        stream = stream_to(lan, from, to);
        if (stream == NULL)
            return CT_UNAVAILABLE;
    }
    launch(lan, from,
           stream == NULL || ct_sip_socket_equal(&stream->ends[1], from) == false
               ? &to->peer
               : &stream->ends[0],
           bytes, stream);
    return CT_OK;
}

void lan_send(struct lan *lan, const char *from, const struct ct_sip_hop *to, struct ct_str bytes)
{
    struct ct_sip_hop source = lan_hop(from);
    enum ct_result result = lan_dispatch(lan, &source.peer, to, bytes);

    (void)result; /* as if it got lost */
}

static void tell_lost(struct lan *lan, const struct stream *stream, int end)
{
    struct place *place = lan_place_at(lan, &stream->ends[end]);
    struct ct_sip_hop hop = {.transport = stream->transport,
                             .peer = stream->ends[1 - end],
                             .connection = stream->number};

    if (place->sip != NULL)
        ct_sip_hop_lost(place->sip, &hop);
    else if (place->resident.receive != NULL)
        place->resident.lost(place->resident.ctx, &hop);
}

static bool ends_at(const struct stream *stream, const struct ct_sip_socket *socket)
{
    return ct_sip_socket_equal(&stream->ends[0], socket) ||
           ct_sip_socket_equal(&stream->ends[1], socket);
}

uint64_t lan_streams(const struct lan *lan)
{
    return lan->last_stream;
}

bool lan_stream_is_open(struct lan *lan, uint64_t stream)
{
    return stream_of(lan, stream) != NULL;
}

bool lan_stream_is_of(struct lan *lan, uint64_t stream, const char *address)
{
    struct ct_sip_hop hop = lan_hop(address);
    const struct stream *found = stream_of(lan, stream);

    return found != NULL && ends_at(found, &hop.peer);
}

void lan_break(struct lan *lan, const char *address)
{
    struct ct_sip_hop hop = lan_hop(address);

    for (size_t i = 0; i < STREAMS; i++) {
        struct stream broken = lan->streams[i];

        if (broken.number == 0 || !ends_at(&broken, &hop.peer))
            continue;
        lan->streams[i].number = 0;
        tell_lost(lan, &broken, 0);
        tell_lost(lan, &broken, 1);
    }
}

static void deliver(struct lan *lan)
{
    struct flight *flight = lan->flights;
    struct place *place = lan_place_at(lan, &flight->packet.to);
    struct stream *stream = stream_of(lan, flight->packet.stream);
    struct lan_sight sight = {&flight->packet, true, flight->spoilt, !at_home(place)};
    struct ct_sip_hop from = {.transport = stream == NULL ? CT_SIP_UDP : stream->transport,
                              .peer = flight->packet.from,
                              .connection = flight->packet.stream};

    lan->flights = flight->next;
    /* what is under way on a stream when it breaks is gone */
    sight.nowhere = sight.nowhere || (flight->packet.stream != 0 && stream == NULL);
    show(lan, &sight);
    if (!sight.nowhere && place->sip != NULL)
        ct_sip_receive(place->sip, &from, flight->packet.bytes);
    else if (!sight.nowhere)
        place->resident.receive(place->resident.ctx, &from, flight->packet.bytes, flight->spoilt);
    free(flight);
}

static int64_t next_turn(const struct place *place)
{
    if (place->sip != NULL)
        return ct_sip_next_ms(place->sip);
    return place->resident.next_ms == NULL ? INT64_MAX
                                           : place->resident.next_ms(place->resident.ctx);
}

static void turn(const struct place *place)
{
    if (place->sip != NULL)
        ct_sip_turn(place->sip);
    else if (place->resident.turn != NULL)
        place->resident.turn(place->resident.ctx);
}

void lan_run(struct lan *lan, int64_t ms)
{
    int64_t end_ms = lan->now_ms + ms;

    for (;;) {
        int64_t next_ms = lan->flights != NULL ? lan->flights->due_ms : INT64_MAX;
        bool wheel = ct_wheel_next_ms(lan->wheel) < next_ms;
        const struct place *turning = NULL;

        if (wheel)
            next_ms = ct_wheel_next_ms(lan->wheel);
        for (size_t i = 0; i < lan->place_count; i++)
            if (next_turn(&lan->places[i]) < next_ms) {
                next_ms = next_turn(&lan->places[i]);
                turning = &lan->places[i];
            }
        if (next_ms > end_ms)
            break;
        if (next_ms > lan->now_ms)
            lan->now_ms = next_ms;
        ct_wheel_tell(lan->wheel, lan->now_ms);
        if (turning != NULL)
            turn(turning);
        else if (wheel)
            ct_wheel_turn(lan->wheel, lan->now_ms);
        else
            deliver(lan);
    }
    lan->now_ms = end_ms;
    ct_wheel_turn(lan->wheel, end_ms);
    /* what a test begins now counts from now */
    for (size_t i = 0; i < lan->place_count; i++)
        turn(&lan->places[i]);
}

void lan_inhabit(struct lan *lan, const char *address, struct ct_sip *sip)
{
    struct ct_sip_hop hop = lan_hop(address);

    lan_place_at(lan, &hop.peer)->sip = sip;
}

enum ct_result lan_reside(struct lan *lan, const char *address, const struct lan_resident *resident)
{
    struct ct_sip_hop hop = lan_hop(address);
    struct place *place = lan_place_at(lan, &hop.peer);
    struct ct_sip_env unused;

    if (place == NULL) {
        if (lan_place(lan, address, &unused) != CT_OK)
            return CT_INVALID;
        place = lan_place_at(lan, &hop.peer);
    }
    place->resident = resident == NULL ? (struct lan_resident){0} : *resident;
    return CT_OK;
}

void lan_watch(struct lan *lan, void (*seen)(void *ctx, const struct lan_sight *sight), void *ctx)
{
    lan->seen = seen;
    lan->seen_ctx = ctx;
}

struct ct_wheel *lan_wheel(struct lan *lan)
{
    return lan->wheel;
}

size_t lan_flights(const struct lan *lan)
{
    size_t count = 0;

    for (const struct flight *flight = lan->flights; flight != NULL; flight = flight->next)
        count++;
    return count;
}

void lan_name(struct lan *lan, const char *name, const char *addresses)
{
    if (lan->name_count == NAMES)
        abort();
    lan->names[lan->name_count].name = name;
    lan->names[lan->name_count++].addresses = addresses;
}

void lan_slow_names(struct lan *lan, int64_t ms)
{
    lan->name_ms = ms;
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
