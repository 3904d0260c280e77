/* Whatever comes as a datagram or as a message of a stream, an endpoint lives through it, answers nothing but what can be
 * read again, and has forgotten all of it in the end. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "sip/endpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    int64_t now_ms;
    uint64_t seed;
    int sent;
};

static int64_t now_ms(void *ctx)
{
    const struct world *world = ctx;
    return world->now_ms;
}

static void fill_random(void *ctx, void *out, size_t size)
{
    struct world *world = ctx;
    uint8_t *bytes = out;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)((world->seed = world->seed * 6364136223846793005U + 1) >> 56);
}

static void local(void *ctx, const struct ct_sip_hop *to, struct ct_sip_local *out)
{
    (void)ctx;
    *out = (struct ct_sip_local){CT_STR("us.example.org"), 0, to->transport};
}

/* An answer is a message without a fault of its own making: it has what it took from the request. */
static enum ct_result send_bytes(void *ctx, const struct ct_sip_hop *to, struct ct_str bytes)
{
    struct world *world = ctx;
    struct ct_arena *arena = ct_arena_new();
    struct ct_sip_message *message;
    (void)to;
    assert(arena != NULL);
    enum ct_result result = ct_sip_message_read(arena, bytes, true, &message);
    assert(result == CT_OK && !message->request && message->status >= 100);
    assert(message->bytes.len == bytes.len);
    assert(message->status >= 400 || message->fault.status == 0);
    ct_arena_free(arena);
    world->sent++;
    return CT_OK;
}

static void request(void *ctx, struct ct_sip_server *server, const struct ct_sip_message *message)
{
    static const int answers[] = {200, 180, 404, 0};
    (void)ctx;
    assert(message->fault.status == 0 && message->call_id.len > 0 && message->via.host.len > 0);
    int answer = answers[message->call_id.len % 4];
    if (answer != 0) {
        enum ct_result result = ct_sip_reply(server, answer, NULL);
        assert(result == CT_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {.now_ms = 1000, .seed = 1};
    const struct ct_sip_options options = {
        .env = {.ctx = &world,
                .now_ms = now_ms,
                .unix_ms = now_ms,
                .random = fill_random,
                .send = send_bytes,
                .local = local},
        .user = {.ctx = &world, .request = request},
        .methods = CT_STR("INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, MESSAGE"),
        .extensions = CT_STR("timer"),
        .max_transactions = 16,
    };
    struct ct_sip_hop from = {
        .peer = {.family = CT_SIP_IPV4, .bytes = {192, 0, 2, 1}, .port = 5060}};
    struct ct_sip *sip;
    enum ct_result result = ct_sip_new(&options, &sip);
    assert(result == CT_OK);
    for (int stream = 0; stream < 2; stream++) {
        from.transport = stream ? CT_SIP_TCP : CT_SIP_UDP;
        from.connection = (uint64_t)stream;
        ct_sip_receive(sip, &from, (struct ct_str){(const char *)data, size});
        ct_sip_receive(sip, &from, (struct ct_str){(const char *)data, size});
        world.now_ms += 400;
        ct_sip_turn(sip);
    }
    while (ct_sip_next_ms(sip) != INT64_MAX) {
        world.now_ms = ct_sip_next_ms(sip);
        ct_sip_turn(sip);
    }
    struct ct_sip_counts counts = ct_sip_counts(sip);
    assert(counts.servers == 0 && counts.clients == 0);
    ct_sip_free(sip);
    return 0;
}
