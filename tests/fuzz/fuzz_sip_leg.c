/* A leg, whatever comes and whatever its user does, in whichever order: in the end nothing is left of it. The input is
 * steps with a zero between them; the first byte says what is done, and in a message 1, 2, 3 and 4 stand for our tag,
 * the peer's, the Call-ID, and the branch of the request that was sent last; 5 for the RSeq of our last response. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sip/endpoint.h"
#include "sip/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LONG_MS 400000

struct desk {
    int64_t now_ms;
    uint64_t random;
    struct ct_sip *sip;
    struct ct_sip_sessions *sessions;
    struct ct_sip_session *leg;
    char branch[64]; /* of the request that was sent last */
    size_t branch_size;
    char rseq[16]; /* of the reliable response that was sent last */
    size_t rseq_size;
};

static int64_t now_ms(void *ctx)
{
    return ((struct desk *)ctx)->now_ms;
}

static void random_bytes(void *ctx, void *out, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        ((struct desk *)ctx)->random = ((struct desk *)ctx)->random * 6364136223846793005u + 1;
        ((uint8_t *)out)[i] = (uint8_t)(((struct desk *)ctx)->random >> 56);
    }
}

/* What is behind a name in a message, up to the end of the line or of the parameter. */
static void take(struct ct_str bytes, const char *name, char *out, size_t room, size_t *size)
{
    const char *at = memmem(bytes.at, bytes.len, name, strlen(name));
    size_t length = 0;

    if (at == NULL)
        return;
    at += strlen(name);
    while (length < room && at[length] != ';' && at[length] != '\r')
        length++;
    memcpy(out, at, length);
    *size = length;
}

static enum ct_result deliver(void *ctx, const struct ct_sip_hop *to, struct ct_str bytes)
{
    struct desk *desk = ctx;

    (void)to;
    take(bytes, "\r\nRSeq: ", desk->rseq, sizeof(desk->rseq), &desk->rseq_size);
    if (memcmp(bytes.at, "SIP/2.0", 7) != 0)
        take(bytes, "branch=", desk->branch, sizeof(desk->branch), &desk->branch_size);
    return CT_OK;
}

static void local(void *ctx, const struct ct_sip_hop *to, struct ct_sip_local *out)
{
    (void)ctx;
    (void)to;
    *out = (struct ct_sip_local){CT_STR("192.0.2.9"), 0, CT_SIP_UDP};
}

static struct ct_sip_hop peer(void)
{
    struct ct_sip_hop hop = {.transport = CT_SIP_UDP};

    (void)ct_sip_address_parse(CT_STR("192.0.2.1"), &hop.peer);
    hop.peer.port = 5060;
    return hop;
}

static enum ct_result resolve(void *ctx, struct ct_str uri, ct_sip_found *found, void *found_ctx,
                              struct ct_sip_lookup **out)
{
    struct ct_sip_hop hops[2] = {peer(), peer()};

    (void)ctx;
    *out = NULL;
    found(found_ctx, hops, uri.len % 4 == 0 ? 0 : 1 + uri.len % 2);
    return CT_OK;
}

static void resolve_cancel(void *ctx, struct ct_sip_lookup *lookup)
{
    (void)ctx;
    (void)lookup;
}

/* ---- the user ---- */

#define IGNORE(result)                \
    do {                              \
        enum ct_result done = result; \
        (void)done;                   \
    } while (0)

static const struct ct_sip_body sdp = {{"application/sdp", 15}, {"v=0", 3}};

static void on_ended(void *ctx, const struct ct_sip_ended *ended)
{
    (void)ended;
    ((struct desk *)ctx)->leg = NULL;
}

static void on_offered(void *ctx, const struct ct_sip_offer *offer)
{
    if (offer->body.bytes.len % 2 == 0)
        IGNORE(ct_sip_session_accept_offer(((struct desk *)ctx)->leg, sdp));
}

static void on_referred(void *ctx, const struct ct_sip_refer *refer)
{
    struct desk *desk = ctx;
    struct ct_sip_session *found;
    void *owner;

    if (refer->replaces.len > 0 &&
        ct_sip_session_replaced(desk->sessions, refer->replaces, &found, &owner) == CT_OK)
        assert(found == desk->leg && owner == desk);
    if (refer->target.len % 2 == 0)
        IGNORE(ct_sip_session_refer_accept(desk->leg));
}

static void on_request(void *ctx, struct ct_sip_server *server,
                       const struct ct_sip_message *message)
{
    (void)ctx;
    IGNORE(ct_sip_reply(server, message->body.len % 2 == 0 ? 200 : 415, NULL));
}

static const struct ct_sip_session_events events = {
    .offered = on_offered,
    .referred = on_referred,
    .request = on_request,
    .ended = on_ended,
};

static void request(void *ctx, struct ct_sip_server *server, const struct ct_sip_message *message)
{
    struct desk *desk = ctx;

    if (message->method == CT_SIP_INVITE && desk->leg == NULL)
        IGNORE(ct_sip_session_accept(desk->sessions, server, message, CT_STR("u"),
                                     message->body.len % 2 == 0, &events, desk, &desk->leg));
    else
        IGNORE(ct_sip_reply(server, 486, NULL));
}

static void call(struct desk *desk, unsigned how)
{
    const struct ct_sip_invite invite = {
        .uri = CT_STR("sip:b@192.0.2.1"),
        .from = CT_STR("<sip:a@192.0.2.9>"),
        .to = CT_STR("<sip:b@192.0.2.1>"),
        .body = (how & 1) != 0 ? sdp : (struct ct_sip_body){0},
        .reliable = (how & 2) != 0,
        .stay = (how & 4) != 0,
    };

    if (desk->leg == NULL)
        IGNORE(ct_sip_session_invite(desk->sessions, &invite, &events, desk, &desk->leg));
}

static void end(struct desk *desk)
{
    struct ct_sip_session *leg = desk->leg;

    desk->leg = NULL;
    if (leg != NULL)
        ct_sip_session_end(leg, 0, (struct ct_str){0}, (struct ct_str){0});
}

static void pass(struct desk *desk, int64_t ms)
{
    int64_t until_ms = desk->now_ms + ms;

    while (ct_sip_next_ms(desk->sip) <= until_ms) {
        if (ct_sip_next_ms(desk->sip) > desk->now_ms)
            desk->now_ms = ct_sip_next_ms(desk->sip);
        ct_sip_turn(desk->sip);
    }
    desk->now_ms = until_ms;
    ct_sip_turn(desk->sip);
}

/* ---- one step ---- */

static void receive(struct desk *desk, struct ct_str text)
{
    struct ct_arena *arena = ct_arena_new();
    struct ct_buf message = ct_buf_in(arena);
    struct ct_str empty = {0};
    struct ct_sip_hop from = peer();

    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == 1)
            ct_buf_str(&message, desk->leg == NULL ? empty : ct_sip_session_local_tag(desk->leg));
        else if (text.at[i] == 2)
            ct_buf_str(&message, desk->leg == NULL ? empty : ct_sip_session_remote_tag(desk->leg));
        else if (text.at[i] == 3)
            ct_buf_str(&message, desk->leg == NULL ? empty : ct_sip_session_call_id(desk->leg));
        else if (text.at[i] == 4)
            ct_buf_add(&message, desk->branch, desk->branch_size);
        else if (text.at[i] == 5)
            ct_buf_add(&message, desk->rseq, desk->rseq_size);
        else
            ct_buf_char(&message, text.at[i]);
    }
    ct_sip_receive(desk->sip, &from, ct_buf_done(&message));
    ct_arena_free(arena);
}

static void step(struct desk *desk, struct ct_str text)
{
    unsigned how = text.len > 1 ? (uint8_t)text.at[1] : 0;

    switch (text.at[0]) {
    case 'm':
        receive(desk, (struct ct_str){text.at + 1, text.len - 1});
        return;
    case 't':
        pass(desk, 100 * (int64_t)how);
        return;
    case 'T':
        pass(desk, 10000 * (int64_t)how);
        return;
    case 'c':
        call(desk, how);
        return;
    case 'e':
        end(desk);
        return;
    default:
        break;
    }
    if (desk->leg == NULL)
        return;
    switch (text.at[0]) {
    case 'r':
        IGNORE(ct_sip_session_ring(desk->leg, 180 + (int)(how % 4), (struct ct_str){0},
                                   (how >> 2) % 3, (how & 16) != 0,
                                   (how & 32) != 0 ? sdp : (struct ct_sip_body){0}));
        break;
    case 'a':
        IGNORE(ct_sip_session_answer(desk->leg, how % 3, sdp));
        break;
    case 'o':
        IGNORE(ct_sip_session_offer(desk->leg, 0, how % 4,
                                    (how & 4) != 0 ? sdp : (struct ct_sip_body){0}));
        break;
    case 'x':
        IGNORE(ct_sip_session_accept_offer(desk->leg, sdp));
        break;
    case 'y':
        IGNORE(ct_sip_session_refuse_offer(desk->leg, 488, how % 4));
        break;
    case 'n':
        IGNORE(ct_sip_session_refer_notify(desk->leg, 100 + (int)how % 500, (struct ct_str){0}));
        break;
    case 'k':
        IGNORE(ct_sip_session_ack(desk->leg, sdp));
        break;
    case 'p':
        IGNORE(ct_sip_session_prack(desk->leg, how % 3, sdp));
        break;
    case 'i':
        IGNORE(
            ct_sip_session_request(desk->leg, CT_STR("INFO"), (struct ct_str){0}, sdp, NULL, NULL));
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct desk desk = {.now_ms = 1000};
    struct ct_sip_options options = {
        .env = {&desk, now_ms, now_ms, random_bytes, deliver, local, resolve, resolve_cancel},
        .user = {.ctx = &desk, .request = request},
        .methods = CT_STR("INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY"),
        .extensions = CT_STR("100rel, timer, replaces"),
    };
    struct ct_sip_counts counts;

    if (ct_sip_new(&options, &desk.sip) != CT_OK ||
        ct_sip_sessions_new(desk.sip, NULL, &desk.sessions) != CT_OK)
        abort();
    for (size_t at = 0; at < size;) {
        const uint8_t *zero = memchr(data + at, 0, size - at);
        size_t length = zero == NULL ? size - at : (size_t)(zero - data) - at;

        if (length > 0)
            step(&desk, (struct ct_str){(const char *)data + at, length});
        at += length + 1;
    }
    end(&desk);
    pass(&desk, LONG_MS);
    counts = ct_sip_counts(desk.sip);
    assert(ct_sip_sessions_count(desk.sessions) == 0);
    assert(counts.servers == 0 && counts.clients == 0 && counts.dialogs == 0);
    assert(ct_wheel_count(ct_sip_wheel(desk.sip)) == 0);
    ct_sip_sessions_free(desk.sessions);
    ct_sip_free(desk.sip);
    return 0;
}
