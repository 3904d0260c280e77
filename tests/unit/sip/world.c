#include "world.h"

#include <stdio.h>
#include <string.h>

static int64_t now_ms(void *ctx)
{
    const struct world *world = ctx;
    return world->now_ms;
}

static int64_t unix_ms(void *ctx)
{
    const struct world *world = ctx;
    return INT64_C(1790000000000) + world->now_ms;
}

static void fill_random(void *ctx, void *out, size_t size)
{
    struct world *world = ctx;
    uint8_t *bytes = out;
    for (size_t i = 0; i < size; i++) {
        world->seed = world->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        bytes[i] = (uint8_t)(world->seed >> 56);
    }
}

static enum ct_result send_bytes(void *ctx, const struct ct_sip_hop *to, struct ct_str bytes)
{
    struct world *world = ctx;
    if (world->broken || (to->connection != 0 && to->connection == world->lost_connection))
        return CT_UNAVAILABLE;
    struct world_sent *sent = &world->sent[world->count % WORLD_SENT];
    sent->at_ms = world->now_ms;
    sent->to = *to;
    sent->size = bytes.len;
    memcpy(sent->bytes, bytes.at, bytes.len < WORLD_BYTES ? bytes.len : WORLD_BYTES);
    world->count++;
    return CT_OK;
}

static void local(void *ctx, const struct ct_sip_hop *to, struct ct_sip_local *out)
{
    (void)ctx;
    *out = (struct ct_sip_local){CT_STR("us.example.org"), 5070, to->transport};
}

void world_init(struct world *world)
{
    memset(world, 0, sizeof(*world));
    world->now_ms = 1000000;
    world->seed = 1;
}

struct ct_sip_env world_env(struct world *world)
{
    return (struct ct_sip_env){.ctx = world,
                               .now_ms = now_ms,
                               .unix_ms = unix_ms,
                               .random = fill_random,
                               .send = send_bytes,
                               .local = local};
}

void world_pass(struct world *world, int64_t ms)
{
    int64_t end = world->now_ms + ms;
    for (;;) {
        int64_t next = ct_sip_next_ms(world->sip);
        if (next > end)
            break;
        if (next > world->now_ms)
            world->now_ms = next;
        ct_sip_turn(world->sip);
    }
    world->now_ms = end;
    ct_sip_turn(world->sip);
}

struct ct_sip_hop world_hop(enum ct_sip_transport transport)
{
    struct ct_sip_hop hop = {.transport = transport,
                             .peer = {.family = CT_SIP_IPV4, .bytes = {192, 0, 2, 1}, .port = 5060},
                             .listener = 1};
    hop.connection = ct_sip_reliable(transport) ? 7 : 0;
    return hop;
}

void world_receive_from(struct world *world, const struct ct_sip_hop *from, struct ct_str bytes)
{
    ct_sip_receive(world->sip, from, bytes);
}

void world_receive(struct world *world, enum ct_sip_transport transport, const char *text)
{
    struct ct_sip_hop from = world_hop(transport);
    char bytes[8192];
    size_t size = 0;
    for (; *text != '\0' && size + 2 < sizeof(bytes); text++) {
        if (*text == '\n')
            bytes[size++] = '\r';
        bytes[size++] = *text;
    }
    world_receive_from(world, &from, (struct ct_str){bytes, size});
}

struct ct_str world_last(const struct world *world)
{
    if (world->count == 0)
        return CT_STR("");
    const struct world_sent *sent = &world->sent[(world->count - 1) % WORLD_SENT];
    return (struct ct_str){sent->bytes, sent->size < WORLD_BYTES ? sent->size : WORLD_BYTES};
}

bool world_last_begins(const struct world *world, const char *text)
{
    struct ct_str last = world_last(world);
    return last.len >= strlen(text) && memcmp(last.at, text, strlen(text)) == 0;
}

bool world_last_has(const struct world *world, const char *text)
{
    struct ct_str last = world_last(world);
    return last.len > 0 && memmem(last.at, last.len, text, strlen(text)) != NULL;
}

int world_last_status(const struct world *world)
{
    struct ct_str last = world_last(world);
    int status = 0;
    if (!world_last_begins(world, "SIP/2.0 ") || last.len < 11)
        return 0;
    for (size_t i = 8; i < 11; i++)
        status = status * 10 + (last.at[i] - '0');
    return status;
}

bool world_sent_at(const struct world *world, int64_t from_ms, const int64_t *after_ms,
                   size_t count)
{
    if (world->count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (world->sent[i].at_ms - from_ms != after_ms[i])
            return false;
    return true;
}

void world_clear(struct world *world)
{
    world->count = 0;
}

struct ct_str world_last_header(const struct world *world, const char *name)
{
    struct ct_str last = world_last(world);
    char line[64];
    snprintf(line, sizeof(line), "\r\n%s: ", name);
    const char *at = last.len == 0 ? NULL : memmem(last.at, last.len, line, strlen(line));
    if (at == NULL)
        return CT_STR("");
    at += strlen(line);
    const char *end = memmem(at, (size_t)(last.at + last.len - at), "\r\n", 2);
    return (struct ct_str){at, (size_t)(end - at)};
}

enum ct_result world_despite_loss(enum ct_result (*scenario)(void))
{
    enum ct_result result = scenario();
    if (result == CT_OK || result == CT_NOMEM)
        return result;
    result = scenario();
    return result == CT_OK ? CT_NOMEM : result;
}
