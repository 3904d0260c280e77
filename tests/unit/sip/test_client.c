#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "world.h"

/* The user of these tests notes what it hears. */
struct user {
    struct world world;
    struct ct_sip_client *client;
    int responses;
    int status; /* of the last response */
    int failed; /* with this status */
    int ended;
    char to[128]; /* To of the last response */
    bool let_go;  /* of the transaction, at the first final response */
};

static void response(void *ctx, const struct ct_sip_message *message)
{
    struct user *user = ctx;
    struct ct_str to = ct_sip_header(message, CT_SIP_H_TO);
    user->responses++;
    user->status = message->status;
    snprintf(user->to, sizeof(user->to), "%.*s", (int)to.len, to.at);
    if (user->let_go && message->status >= 200) {
        ct_sip_client_forget(user->client);
        user->client = NULL;
    }
}

static void failed(void *ctx, int status)
{
    struct user *user = ctx;
    user->failed = status;
}

static void ended(void *ctx)
{
    struct user *user = ctx;
    user->ended++;
}

static const struct ct_sip_client_events events = {response, failed, ended};

static const char invite[] = "INVITE sip:bob@example.com SIP/2.0\r\n"
                             "Route: <sip:p1.example.com;lr>\r\n"
                             "Route: <sip:p2.example.com;lr>\r\n"
                             "Max-Forwards: 70\r\n"
                             "From: <sip:alice@us.example.org>;tag=mine\r\n"
                             "To: <sip:bob@example.com>\r\n"
                             "Call-ID: out@us\r\nCSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n";
static const char options_request[] =
    "OPTIONS sip:example.com SIP/2.0\r\nMax-Forwards: 70\r\n"
    "From: <sip:us.example.org>;tag=mine\r\nTo: <sip:example.com>\r\n"
    "Call-ID: probe@us\r\nCSeq: 8 OPTIONS\r\nContent-Length: 0\r\n\r\n";

static enum ct_result begin(struct user *user, enum ct_sip_transport transport,
                            const char *request_text)
{
    memset(user, 0, sizeof(*user));
    world_init(&user->world);
    const struct ct_sip_options options = {.env = world_env(&user->world),
                                           .max_transactions = 8,
                                           .user = {.ctx = user},
                                           .methods = CT_STR("INVITE, ACK"),
                                           .extensions = CT_STR("")};
    struct ct_sip_hop to = world_hop(transport);
    enum ct_result result = ct_sip_new(&options, &user->world.sip);
    if (result == CT_OK)
        result = ct_sip_request(user->world.sip, &to, ct_str_of(request_text), &events, user,
                                &user->client);
    return result;
}

static void close_user(struct user *user)
{
    if (user->client != NULL)
        ct_sip_client_forget(user->client);
    ct_sip_free(user->world.sip);
    user->client = NULL;
    user->world.sip = NULL;
}

/* The peer answers the request of this number among those that were sent. */
static void answer(struct user *user, size_t number, int status, const char *tag)
{
    struct world *world = &user->world;
    const struct world_sent *sent = &world->sent[number];
    struct ct_sip_hop from = sent->to;
    struct ct_arena *arena = ct_arena_new();
    struct ct_sip_message *request;
    struct ct_str bytes = {sent->bytes, sent->size};

    if (arena != NULL && ct_sip_message_read(arena, bytes, true, &request) == CT_OK) {
        struct ct_buf text = ct_buf_in(arena);
        ct_sip_write_status_line(&text, status, CT_STR(""));
        ct_sip_write_reply_head(&text, request, &from, ct_str_of(tag), NULL);
        ct_sip_write_body(&text, CT_STR(""), CT_STR(""));
        if (!text.failed)
            world_receive_from(world, &from, (struct ct_str){text.at, text.len});
    }
    ct_arena_free(arena);
}

static bool sent_at(const struct world *world, int64_t from_ms, const int64_t *after_ms,
                    size_t count)
{
    if (world->count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (world->sent[i].at_ms - from_ms != after_ms[i])
            return false;
    return true;
}

/* Timers A and B over UDP: doubled without an end, until 64*T1. */
static enum ct_result scenario_invite_unanswered(void)
{
    static const int64_t times[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_UDP, invite);
    if (result != CT_OK)
        goto out;
    int64_t now = user.world.now_ms;
    EXPECT(world_last_begins(&user.world, "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP "
                                          "us.example.org:5070;branch=z9hG4bK"));
    EXPECT(world_last_has(&user.world, ";rport\r\nRoute: <sip:p1.example.com;lr>\r\n"));
    world_pass(&user.world, 31999);
    EXPECT(sent_at(&user.world, now, times, 7) && user.failed == 0);
    EXPECT(user.world.sent[6].size == user.world.sent[0].size);
    EXPECT(memcmp(user.world.sent[6].bytes, user.world.sent[0].bytes, user.world.sent[0].size) ==
           0);
    world_pass(&user.world, 1);
    EXPECT(user.failed == 408 && user.responses == 0 && user.ended == 0);
    EXPECT(ct_sip_counts(user.world.sip).clients == 0);

out:
    close_user(&user);
    return result;
}
SCENARIO(invite_unanswered)

/* Over a stream the INVITE is sent once; timer B is the same. A stream needs no rport. */
static enum ct_result scenario_invite_stream(void)
{
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_TCP, invite);
    if (result != CT_OK)
        goto out;
    EXPECT(!world_last_has(&user.world, "rport"));
    world_pass(&user.world, 31999);
    EXPECT(user.world.count == 1 && user.failed == 0);
    world_pass(&user.world, 1);
    EXPECT(user.failed == 408);

out:
    close_user(&user);
    return result;
}
SCENARIO(invite_stream)

/* In Proceeding nothing is sent, and no time is too long. */
static enum ct_result scenario_ringing(void)
{
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_UDP, invite);
    if (result != CT_OK)
        goto out;
    world_pass(&user.world, 600);
    answer(&user, 0, 100, "");
    EXPECT(user.responses == 1 && user.status == 100);
    answer(&user, 0, 180, "a");
    answer(&user, 0, 180, "a");
    EXPECT(user.responses == 3 && user.status == 180);
    world_pass(&user.world, 3600000);
    EXPECT(user.world.count == 2 && user.failed == 0);
    answer(&user, 0, 486, "a");
    EXPECT(user.responses == 4 && user.status == 486 && user.world.count == 3);
    EXPECT(world_last_begins(&user.world, "ACK sip:bob@example.com SIP/2.0\r\nVia: "));
    EXPECT(world_last_has(&user.world, "\r\nRoute: <sip:p1.example.com;lr>\r\n"
                                       "Route: <sip:p2.example.com;lr>\r\n"));
    EXPECT(world_last_has(&user.world, "\r\nTo: <sip:bob@example.com>;tag=a\r\n"));
    EXPECT(world_last_has(&user.world, "\r\nCSeq: 7 ACK\r\n"));
    EXPECT(world_last_has(&user.world, "\r\nContent-Length: 0\r\n\r\n"));
    struct ct_str via = world_last_header(&user.world, "Via");
    EXPECT(memmem(user.world.sent[0].bytes, user.world.sent[0].size, via.at, via.len) != NULL);
    /* Completed: the response once more is acknowledged once more, and goes no further. */
    answer(&user, 0, 486, "a");
    EXPECT(user.responses == 4 && user.world.count == 4);
    answer(&user, 0, 180, "a");
    answer(&user, 0, 200, "a");
    EXPECT(user.responses == 4 && user.world.count == 4);
    /* Timer D. */
    world_pass(&user.world, 31999);
    EXPECT(user.ended == 0);
    world_pass(&user.world, 1);
    EXPECT(user.ended == 1 && ct_sip_counts(user.world.sip).clients == 0);
    answer(&user, 0, 486, "a");
    EXPECT(user.responses == 4 && user.world.count == 4);

out:
    close_user(&user);
    return result;
}
SCENARIO(ringing)

/* Refused in Calling; over a stream timer D is 0. */
static enum ct_result scenario_refused_stream(void)
{
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_TLS, invite);
    if (result != CT_OK)
        goto out;
    answer(&user, 0, 302, "a");
    EXPECT(user.responses == 1 && user.ended == 1 && user.world.count == 2);
    EXPECT(ct_sip_counts(user.world.sip).clients == 0);
    /* The ACK that cannot be sent ends it. */
    close_user(&user);
    result = begin(&user, CT_SIP_UDP, invite);
    if (result != CT_OK)
        goto out;
    user.world.broken = true;
    answer(&user, 0, 404, "a");
    EXPECT(user.status == 404 && ct_sip_counts(user.world.sip).clients == 0);

out:
    close_user(&user);
    return result;
}
SCENARIO(refused_stream)

/* RFC 6026: every 2xx, of every fork, for 64*T1; the ACK is the user's. */
static enum ct_result accept_over(enum ct_sip_transport transport, bool ringing)
{
    static struct user user;
    enum ct_result result = begin(&user, transport, invite);
    if (result != CT_OK)
        goto out;
    if (ringing)
        answer(&user, 0, 180, "a");
    user.responses = 0;
    answer(&user, 0, 200, "a");
    answer(&user, 0, 200, "a");
    answer(&user, 0, 200, "b");
    EXPECT(user.responses == 3 && strcmp(user.to, "<sip:bob@example.com>;tag=b") == 0);
    answer(&user, 0, 180, "c");
    answer(&user, 0, 486, "c");
    EXPECT(user.responses == 3 && user.world.count == 1);
    world_pass(&user.world, 31999);
    answer(&user, 0, 200, "a");
    EXPECT(user.responses == 4 && user.ended == 0);
    world_pass(&user.world, 1);
    EXPECT(user.ended == 1);
    answer(&user, 0, 200, "a");
    EXPECT(user.responses == 4);

out:
    close_user(&user);
    return result;
}

static enum ct_result scenario_accepted(void)
{
    enum ct_result result = accept_over(CT_SIP_UDP, false);
    if (result == CT_OK)
        result = accept_over(CT_SIP_UDP, true);
    return result == CT_OK ? accept_over(CT_SIP_WS, true) : result;
}
SCENARIO(accepted)

/* Timers E, F and K over UDP: doubled up to T2, and T2 once there was a 1xx. */
static enum ct_result scenario_other_unanswered(void)
{
    static const int64_t times[] = {0,     500,   1500,  3500,  7500, 11500,
                                    15500, 19500, 23500, 27500, 31500};
    static const int64_t proceeding[] = {0,     500,   1500,  5500,  9500,
                                         13500, 17500, 21500, 25500, 29500};
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_UDP, options_request);
    if (result != CT_OK)
        goto out;
    int64_t now = user.world.now_ms;
    world_pass(&user.world, 31999);
    EXPECT(sent_at(&user.world, now, times, 11) && user.failed == 0);
    world_pass(&user.world, 1);
    EXPECT(user.failed == 408);
    close_user(&user);
    result = begin(&user, CT_SIP_UDP, options_request);
    if (result != CT_OK)
        goto out;
    now = user.world.now_ms;
    world_pass(&user.world, 600);
    answer(&user, 0, 100, "");
    answer(&user, 0, 182, "a");
    EXPECT(user.responses == 2);
    world_pass(&user.world, 31399);
    EXPECT(sent_at(&user.world, now, proceeding, 10) && user.failed == 0);
    world_pass(&user.world, 1);
    EXPECT(user.failed == 408 && user.responses == 2);

out:
    close_user(&user);
    return result;
}
SCENARIO(other_unanswered)

static enum ct_result scenario_other_answered(void)
{
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_UDP, options_request);
    if (result != CT_OK)
        goto out;
    answer(&user, 0, 200, "a");
    answer(&user, 0, 100, "");
    answer(&user, 0, 200, "a");
    answer(&user, 0, 500, "a");
    EXPECT(user.responses == 1 && user.status == 200);
    world_pass(&user.world, 4999);
    EXPECT(user.ended == 0 && user.world.count == 1);
    world_pass(&user.world, 1);
    EXPECT(user.ended == 1);
    close_user(&user);
    /* Over a stream K is 0; after a 1xx too. */
    result = begin(&user, CT_SIP_TCP, options_request);
    if (result != CT_OK)
        goto out;
    answer(&user, 0, 100, "");
    world_pass(&user.world, 20000);
    EXPECT(user.world.count == 1);
    answer(&user, 0, 404, "a");
    EXPECT(user.responses == 2 && user.ended == 1);
    close_user(&user);
    result = begin(&user, CT_SIP_UDP, options_request);
    if (result != CT_OK)
        goto out;
    answer(&user, 0, 100, "");
    answer(&user, 0, 202, "a");
    EXPECT(user.responses == 2 && user.status == 202);
    close_user(&user);
    result = begin(&user, CT_SIP_UDP, options_request);
    if (result != CT_OK)
        goto out;
    answer(&user, 0, 401, "a");
    EXPECT(user.status == 401);

out:
    close_user(&user);
    return result;
}
SCENARIO(other_answered)

/* What cannot be sent fails with 503: at once, later, and when the stream breaks. */
static enum ct_result scenario_transport(void)
{
    static const char *const requests[] = {invite, options_request};
    static struct user user;
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < 2; i++) {
        struct ct_sip_hop to = world_hop(CT_SIP_UDP);
        struct ct_sip_client *none = NULL;
        TRY(begin(&user, CT_SIP_UDP, requests[i]));
        user.world.broken = true;
        EXPECT_RESULT(CT_UNAVAILABLE, ct_sip_request(user.world.sip, &to, ct_str_of(requests[i]),
                                                     &events, &user, &none));
        EXPECT(none == NULL && ct_sip_counts(user.world.sip).clients == 1);
        world_pass(&user.world, 500);
        EXPECT(user.failed == 503 && ct_sip_counts(user.world.sip).clients == 0);
        close_user(&user);

        TRY(begin(&user, CT_SIP_TCP, requests[i]));
        struct ct_sip_hop other = world_hop(CT_SIP_TCP);
        other.connection = 8;
        ct_sip_hop_lost(user.world.sip, &other);
        other.connection = 7;
        other.peer.port++;
        ct_sip_hop_lost(user.world.sip, &other);
        other = world_hop(CT_SIP_TLS);
        ct_sip_hop_lost(user.world.sip, &other);
        EXPECT(user.failed == 0);
        other = world_hop(CT_SIP_TCP);
        ct_sip_hop_lost(user.world.sip, &other);
        EXPECT(user.failed == 503 && ct_sip_counts(user.world.sip).clients == 0);
        close_user(&user);

        TRY(begin(&user, CT_SIP_TCP, requests[i]));
        answer(&user, 0, 100, "");
        EXPECT(user.responses == 1);
        ct_sip_hop_lost(user.world.sip, &other);
        EXPECT(user.failed == 503);
        close_user(&user);

        /* What has its answer does not wait any more. */
        TRY(begin(&user, CT_SIP_TCP, requests[i]));
        answer(&user, 0, 200, "a");
        EXPECT(user.responses == 1);
        ct_sip_hop_lost(user.world.sip, &other);
        EXPECT(user.failed == 0);
        close_user(&user);
    }

    /* A retransmission in Proceeding. */
    TRY(begin(&user, CT_SIP_UDP, options_request));
    answer(&user, 0, 100, "");
    user.world.broken = true;
    world_pass(&user.world, 500);
    EXPECT(user.responses == 1 && user.failed == 503);

out:
    close_user(&user);
    return result;
}
SCENARIO(transport)

/* A CANCEL waits for a provisional response (section 9.1). */
static enum ct_result scenario_cancel_early(void)
{
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_UDP, invite);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_cancel(user.client, CT_STR("Reason: SIP;cause=200\r\n")));
    EXPECT(user.world.count == 1);
    EXPECT_RESULT(CT_STALE, ct_sip_cancel(user.client, CT_STR("")));
    answer(&user, 0, 100, "");
    EXPECT(user.world.count == 2);
    EXPECT(world_last_begins(&user.world, "CANCEL sip:bob@example.com SIP/2.0\r\nVia: "));
    EXPECT(world_last_has(&user.world, "\r\nReason: SIP;cause=200\r\n"));
    EXPECT(world_last_has(&user.world, "\r\nCSeq: 7 CANCEL\r\n"));
    EXPECT(world_last_has(&user.world, "\r\nTo: <sip:bob@example.com>\r\n"));
    EXPECT(world_last_has(&user.world, "\r\nRoute: <sip:p1.example.com;lr>\r\n"));
    struct ct_str via = world_last_header(&user.world, "Via");
    EXPECT(memmem(user.world.sent[0].bytes, user.world.sent[0].size, via.at, via.len) != NULL);
    answer(&user, 0, 180, "a");
    EXPECT(user.world.count == 2);
    answer(&user, 1, 200, "a");
    EXPECT(user.responses == 2 && user.status == 180);
    answer(&user, 0, 487, "a");
    EXPECT(user.responses == 3 && user.status == 487 && user.world.count == 3);
    world_pass(&user.world, 32000);
    EXPECT(ct_sip_counts(user.world.sip).clients == 0 && user.ended == 1);

out:
    close_user(&user);
    return result;
}
SCENARIO(cancel_early)

/* No final response follows the CANCEL: the INVITE ends 64*T1 later. */
static enum ct_result scenario_cancel_unheard(void)
{
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_UDP, invite);
    if (result != CT_OK)
        goto out;
    answer(&user, 0, 180, "a");
    world_pass(&user.world, 60000);
    TRY(ct_sip_cancel(user.client, CT_STR("")));
    EXPECT(user.world.count == 2 && user.failed == 0);
    world_pass(&user.world, 31999);
    EXPECT(user.failed == 0);
    world_pass(&user.world, 1);
    EXPECT(user.failed == 408 && ct_sip_counts(user.world.sip).clients == 0);
    close_user(&user);
    /* A 2xx crosses it: that is a call. */
    result = begin(&user, CT_SIP_UDP, invite);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_cancel(user.client, CT_STR("")));
    answer(&user, 0, 200, "a");
    EXPECT(user.status == 200 && user.world.count == 1);
    EXPECT_RESULT(CT_STALE, ct_sip_cancel(user.client, CT_STR("")));
    close_user(&user);
    result = begin(&user, CT_SIP_UDP, options_request);
    if (result != CT_OK)
        goto out;
    EXPECT_RESULT(CT_STALE, ct_sip_cancel(user.client, CT_STR("")));

out:
    close_user(&user);
    return result;
}
SCENARIO(cancel_unheard)

/* Who has let go hears nothing more, and nothing stays. */
static enum ct_result scenario_let_go(void)
{
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_UDP, invite);
    if (result != CT_OK)
        goto out;
    user.let_go = true;
    answer(&user, 0, 200, "a");
    answer(&user, 0, 200, "a");
    EXPECT(user.responses == 1 && user.client == NULL);
    world_pass(&user.world, 32000);
    EXPECT(user.ended == 0 && ct_sip_counts(user.world.sip).clients == 0);
    close_user(&user);
    result = begin(&user, CT_SIP_UDP, invite);
    if (result != CT_OK)
        goto out;
    answer(&user, 0, 180, "a");
    ct_sip_client_forget(user.client);
    user.client = NULL;
    world_pass(&user.world, 32000);
    EXPECT(user.failed == 0 && user.responses == 1);
    EXPECT(ct_sip_counts(user.world.sip).clients == 0);
    close_user(&user);
    /* The endpoint goes first. */
    result = begin(&user, CT_SIP_TCP, invite);
    if (result != CT_OK)
        goto out;
    struct ct_sip *sip = user.world.sip;
    user.world.sip = NULL;
    ct_sip_free(sip);
    EXPECT(user.failed == 503 && user.client != NULL);

out:
    close_user(&user);
    return result;
}
SCENARIO(let_go)

/* Responses that are nobody's. */
static enum ct_result scenario_stray(void)
{
    static const char text[] = "SIP/2.0 200 OK\nVia: SIP/2.0/UDP us.example.org:5070;branch=%s\n"
                               "%sFrom: <sip:us.example.org>;tag=mine\n"
                               "To: <sip:example.com>;tag=a\nCall-ID: probe@us\nCSeq: 8 %s\n"
                               "Content-Length: 0\n\n";
    static struct user user;
    char room[1024];
    char branch[64];
    enum ct_result result = begin(&user, CT_SIP_UDP, options_request);
    if (result != CT_OK)
        goto out;
    const char *at = strstr(user.world.sent[0].bytes, "z9hG4bK");
    snprintf(branch, sizeof(branch), "%.40s", at);
    snprintf(room, sizeof(room), text, "z9hG4bKx", "", "OPTIONS");
    world_receive(&user.world, CT_SIP_UDP, room);
    snprintf(room, sizeof(room), text, branch, "", "INVITE");
    world_receive(&user.world, CT_SIP_UDP, room);
    snprintf(room, sizeof(room), text, branch, "", "CANCEL");
    world_receive(&user.world, CT_SIP_UDP, room);
    /* Two Vias (section 8.1.3.3). */
    snprintf(room, sizeof(room), text, branch, "Via: SIP/2.0/UDP a;branch=z9hG4bK1\n", "OPTIONS");
    world_receive(&user.world, CT_SIP_UDP, room);
    snprintf(room, sizeof(room), text, branch, "Call-ID: two\n", "OPTIONS");
    world_receive(&user.world, CT_SIP_UDP, room);
    EXPECT(user.responses == 0 && user.world.count == 1);
    snprintf(room, sizeof(room), text, branch, "", "OPTIONS");
    world_receive(&user.world, CT_SIP_UDP, room);
    EXPECT(user.responses == 1);

out:
    close_user(&user);
    return result;
}
SCENARIO(stray)

/* What can be asked for, and what not; and the ACK of a 2xx. */
static enum ct_result scenario_requests(void)
{
    static struct user user;
    static struct ct_sip_client *more[8];
    size_t count = 0;
    struct ct_sip_hop to = world_hop(CT_SIP_UDP);
    enum ct_result result = begin(&user, CT_SIP_UDP, options_request);
    if (result != CT_OK)
        goto out;
    EXPECT_RESULT(CT_INVALID, ct_sip_request(user.world.sip, &to, CT_STR("OPTIONS sip:a"), &events,
                                             &user, &more[0]));
    EXPECT_RESULT(CT_INVALID,
                  ct_sip_request(user.world.sip, &to,
                                 CT_STR("OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n"),
                                 &events, &user, &more[0]));
    struct ct_sip_token token = ct_sip_token(user.world.sip);
    for (int i = 0; i < 2; i++)
        TRY(ct_sip_send_ack(user.world.sip, &to,
                            CT_STR("ACK sip:b@c SIP/2.0\r\nContent-Length: 0\r\n\r\n"),
                            CT_SIP_TOKEN_STR(token)));
    EXPECT(user.world.count == 3 && user.world.sent[1].size == user.world.sent[2].size);
    EXPECT(memcmp(user.world.sent[1].bytes, user.world.sent[2].bytes, user.world.sent[1].size) ==
           0);
    EXPECT(world_last_begins(&user.world, "ACK sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP "));
    while (count < 7) {
        TRY(ct_sip_request(user.world.sip, &to, ct_str_of(options_request), &events, &user,
                           &more[count]));
        count++;
    }
    EXPECT_RESULT(CT_BUSY, ct_sip_request(user.world.sip, &to, ct_str_of(options_request), &events,
                                          &user, &more[7]));

out:
    while (count > 0)
        ct_sip_client_forget(more[--count]);
    close_user(&user);
    return result;
}
SCENARIO(requests)

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(invite_unanswered), CT_UNIT(invite_stream), CT_UNIT(ringing),
        CT_UNIT(refused_stream),    CT_UNIT(accepted),      CT_UNIT(other_unanswered),
        CT_UNIT(other_answered),    CT_UNIT(transport),     CT_UNIT(cancel_early),
        CT_UNIT(cancel_unheard),    CT_UNIT(let_go),        CT_UNIT(stray),
        CT_UNIT(requests)};
    return ct_unit_main("sip/client", units, sizeof(units) / sizeof(units[0]));
}
