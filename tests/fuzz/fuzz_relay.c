/* Whatever a message is, it is passed on only with what servers have signed; and then it is a good message still, with the
 * body that it had, and one Via more or less. @@ stands for a token that is good, %% for a Via. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sip/endpoint.h"
#include "sip/message.h"
#include "voice/relay.h"
#include "voice/relay_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ct_sip_hop server = {
    .peer = {.family = CT_SIP_IPV4, .bytes = {192, 0, 2, 10}, .port = 5060}};
static const struct ct_sip_hop phone = {
    .peer = {.family = CT_SIP_IPV4, .bytes = {192, 0, 2, 1}, .port = 5060}};

/* What came, and how often something was sent. */
struct world {
    const struct ct_sip_message *message;
    size_t sent;
};

static int64_t stand_still(void *ctx)
{
    (void)ctx;
    return 3000;
}

static enum ct_result look(void *ctx, const struct ct_sip_hop *to, struct ct_str bytes)
{
    struct world *world = ctx;
    const struct ct_sip_message *before = world->message;
    struct ct_sip_message *after;
    struct ct_arena *arena = ct_arena_new();
    assert(arena != NULL && before != NULL);
    world->sent++;
    assert(ct_sip_socket_equal(&to->peer, &server.peer) ||
           ct_sip_socket_equal(&to->peer, &phone.peer) || !before->request || bytes.len > 0);
    assert(ct_sip_message_read(arena, bytes, false, &after) == CT_OK);
    if (before->request == after->request) {
        assert(after->fault.status == 0 || before->fault.status != 0);
        assert(before->request ? after->via_count == before->via_count + 1
                               : after->via_count + 1 == before->via_count);
        assert(ct_str_equal(after->body, before->body));
        assert(ct_str_equal(after->call_id, before->call_id));
    }
    ct_arena_free(arena);
    return CT_OK;
}

static void tell_local(void *ctx, const struct ct_sip_hop *to, struct ct_sip_local *out)
{
    (void)ctx;
    *out = (struct ct_sip_local){.host = CT_STR("192.0.2.11"), .transport = to->transport};
}

static void give_zeros(void *ctx, void *out, size_t size)
{
    (void)ctx;
    memset(out, 0, size);
}

static const struct ct_binding *find(void *ctx, int64_t device_id, int64_t place)
{
    assert(device_id == 1 && place == 2);
    return ctx;
}

static struct ct_str expand(struct ct_arena *arena, const struct ct_relay_key *key,
                            const uint8_t *data, size_t size)
{
    const struct ct_relay_token token = {
        .device_id = 1, .place = 2, .issued_s = 3, .caller = server};
    struct ct_buf text = ct_buf_in(arena);
    for (size_t i = 0; i < size; i++) {
        bool pair = i + 1 < size && data[i] == data[i + 1];
        if (pair && data[i] == '@') {
            ct_relay_token_write(&text, key, &token);
            i++;
        } else if (pair && data[i] == '%') {
            ct_buf_text(&text, "SIP/2.0/UDP h");
            ct_relay_mark_write(&text, key, &server, CT_STR("z9hG4bKx"));
            i++;
        } else {
            ct_buf_char(&text, (char)data[i]);
        }
    }
    struct ct_str whole = ct_buf_done(&text);
    assert(!text.failed);
    return whole;
}

/* The first byte says where it comes from. */
static void pass(struct ct_arena *arena, struct ct_str bytes, const struct ct_sip_hop *from)
{
    struct ct_sip_message *message;
    struct ct_sip *sip;
    struct ct_relay *relay;
    struct ct_binding binding = {.device_id = 1, .hop = phone};
    struct world world = {0};
    const struct ct_sip_options options = {.env = {.ctx = &world,
                                                   .now_ms = stand_still,
                                                   .unix_ms = stand_still,
                                                   .random = give_zeros,
                                                   .send = look,
                                                   .local = tell_local},
                                           .methods = CT_STR("INVITE")};
    assert(ct_sip_new(&options, &sip) == CT_OK);
    const struct ct_relay_options relaying = {.sip = sip,
                                              .env = ct_sip_env(sip),
                                              .find = find,
                                              .find_ctx = &binding,
                                              .secret = CT_STR("a secret"),
                                              .node = CT_STR("udp:192.0.2.11:5060")};
    assert(ct_relay_new(&relaying, &relay) == CT_OK);
    if (ct_sip_message_read(arena, bytes, false, &message) == CT_OK)
        world.message = message;
    bool taken = ct_relay_take(relay, from, bytes);
    assert(world.sent <= 1 && (taken || world.sent == 0));
    ct_relay_free(relay);
    ct_sip_free(sip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_relay_key key;
    struct ct_relay_token token;
    if (size == 0 || size > 4096)
        return 0;
    struct ct_arena *arena = ct_arena_new();
    assert(arena != NULL);
    ct_relay_key_set(&key, CT_STR("a secret"));
    struct ct_str bytes = expand(arena, &key, data + 1, size - 1);
    if (ct_relay_token_read(&key, bytes, &token))
        assert(token.device_id == 1 && token.place == 2 && token.issued_s == 3);
    pass(arena, bytes, data[0] % 2 == 0 ? &server : &phone);
    ct_arena_free(arena);
    return 0;
}
