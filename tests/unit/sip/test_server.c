#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "world.h"

/* The user of these tests: notes what it hears, and answers as it is told. */
struct user {
    struct world world;
    int requests;
    int answer; /* given at once; 0: none */
    bool watch;
    bool forget;
    struct ct_sip_server *server;
    int cancelled;
    int gone;
    enum ct_sip_gone why;
    enum ct_result result; /* of the answer */
};

static void cancelled(void *ctx, const struct ct_sip_message *cancel)
{
    struct user *user = ctx;
    (void)cancel;
    user->cancelled++;
}

static void gone(void *ctx, enum ct_sip_gone why)
{
    struct user *user = ctx;
    user->gone++;
    user->why = why;
}

static const struct ct_sip_server_events events = {cancelled, gone};

static void request(void *ctx, struct ct_sip_server *server, const struct ct_sip_message *message)
{
    struct user *user = ctx;
    (void)message;
    user->requests++;
    if (user->watch) {
        ct_sip_server_watch(server, &events, user);
        user->server = server;
    }
    const struct ct_sip_reply_options options = {.forget = user->forget};
    if (user->answer != 0)
        user->result = ct_sip_reply(server, user->answer, &options);
}

static enum ct_result open_user(struct user *user)
{
    memset(user, 0, sizeof(*user));
    world_init(&user->world);
    const struct ct_sip_options options = {.env = world_env(&user->world),
                                           .max_transactions = 8,
                                           .user = {.ctx = user, .request = request},
                                           .methods = CT_STR("INVITE, ACK, CANCEL, OPTIONS, BYE"),
                                           .extensions = CT_STR("100rel"),
                                           .name = CT_STR("test")};
    return ct_sip_new(&options, &user->world.sip);
}

static void close_user(struct user *user)
{
    if (user->server != NULL)
        ct_sip_server_forget(user->server);
    ct_sip_free(user->world.sip);
}

static const char invite[] = "INVITE sip:bob@us.example.org SIP/2.0\n"
                             "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;rport\n"
                             "Via: SIP/2.0/TCP far.example.com;branch=z9hG4bKfar\n"
                             "Max-Forwards: 70\n"
                             "From: Alice <sip:alice@example.com>;tag=1\n"
                             "To: <sip:bob@us.example.org>\n"
                             "Call-ID: call@example.com\n"
                             "CSeq: 1 INVITE\n"
                             "Record-Route: <sip:far.example.com;lr>\n"
                             "Content-Length: 0\n\n";

static const char expected_200[] = "SIP/2.0 200 OK\r\n"
                                   "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;rport=5060;"
                                   "received=192.0.2.1\r\n"
                                   "Via: SIP/2.0/TCP far.example.com;branch=z9hG4bKfar\r\n"
                                   "From: Alice <sip:alice@example.com>;tag=1\r\n"
                                   "To: <sip:bob@us.example.org>;tag=";

static enum ct_result scenario_answer(void)
{
    static struct user user;
    enum ct_result result = CT_OK;
    TRY(open_user(&user));
    user.answer = 200;
    world_receive(&user.world, CT_SIP_UDP, invite);
    EXPECT(user.requests == 1 && user.result == CT_OK);
    EXPECT(world_last_begins(&user.world, expected_200));
    EXPECT(world_last_has(&user.world, "\r\nRecord-Route: <sip:far.example.com;lr>\r\n"));
    EXPECT(world_last_has(&user.world, "\r\nServer: test\r\nContent-Length: 0\r\n\r\n"));
    EXPECT(world_last_header(&user.world, "To").len ==
           strlen("<sip:bob@us.example.org>;tag=") + CT_SIP_TOKEN_SIZE);

out:
    close_user(&user);
    return result;
}
SCENARIO(answer)

#define ACK                                              \
    "ACK sip:bob@us.example.org SIP/2.0\n"               \
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;rport\n" \
    "From: Alice <sip:alice@example.com>;tag=1\n"        \
    "To: <sip:bob@us.example.org>;tag=whatever\n"        \
    "Call-ID: call@example.com\nCSeq: 1 ACK\nContent-Length: 0\n\n"

/* Whether the messages that were sent, and no others, were sent so long after a moment. */
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

/* A server transaction that waits for its user. */
static enum ct_result begin(struct user *user, enum ct_sip_transport transport, const char *text)
{
    enum ct_result result = open_user(user);
    if (result != CT_OK)
        return result;
    user->watch = true;
    world_receive(&user->world, transport, text);
    return user->server == NULL ? CT_BUG : CT_OK;
}

static enum ct_result scenario_proceeding(void)
{
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_UDP, invite);
    if (result != CT_OK)
        goto out;
    /* Nothing to say yet; after 200 ms it is 100, without a tag. */
    world_receive(&user.world, CT_SIP_UDP, invite);
    world_pass(&user.world, 199);
    EXPECT(user.world.count == 0 && user.requests == 1);
    world_pass(&user.world, 1);
    EXPECT(user.world.count == 1 && world_last_begins(&user.world, "SIP/2.0 100 Trying\r\n"));
    EXPECT(world_last_header(&user.world, "To").len == strlen("<sip:bob@us.example.org>"));
    EXPECT(!world_last_has(&user.world, "Record-Route"));
    world_receive(&user.world, CT_SIP_UDP, invite);
    EXPECT(user.world.count == 2 && world_last_status(&user.world) == 100);
    TRY(ct_sip_reply(user.server, 180, NULL));
    EXPECT(world_last_status(&user.world) == 180);
    EXPECT(world_last_has(&user.world, "Record-Route"));
    TRY(ct_sip_reply(user.server, 183, NULL));
    world_receive(&user.world, CT_SIP_UDP, invite);
    EXPECT(user.world.count == 5 && world_last_status(&user.world) == 183);
    TRY(ct_sip_reply_again(user.server));
    EXPECT(user.world.count == 6 && world_last_status(&user.world) == 183);
    /* An ACK that is none changes nothing; nor does time, nor an answer that cannot be sent. */
    world_receive(&user.world, CT_SIP_UDP, ACK);
    user.world.broken = true;
    EXPECT_RESULT(CT_UNAVAILABLE, ct_sip_reply(user.server, 181, NULL));
    user.world.broken = false;
    world_pass(&user.world, 600000);
    EXPECT(user.gone == 0 && user.world.count == 6);
    EXPECT(!ct_sip_server_answered(user.server));

out:
    close_user(&user);
    return result;
}
SCENARIO(proceeding)

/* Timers G, H and I over UDP. */
static enum ct_result scenario_refused(void)
{
    static const int64_t times[] = {0,     500,   1500,  3500,  7500, 11500,
                                    15500, 19500, 23500, 27500, 31500};
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_UDP, invite);
    if (result != CT_OK)
        goto out;
    int64_t now = user.world.now_ms;
    TRY(ct_sip_reply(user.server, 486, NULL));
    EXPECT(ct_sip_server_answered(user.server));
    EXPECT_RESULT(CT_STALE, ct_sip_reply(user.server, 200, NULL));
    world_pass(&user.world, 31999);
    EXPECT(sent_at(&user.world, now, times, 11) && world_last_status(&user.world) == 486);
    EXPECT(user.gone == 0);
    world_receive(&user.world, CT_SIP_UDP, invite);
    EXPECT(user.world.count == 12 && user.requests == 1);
    world_pass(&user.world, 1);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_TIMEOUT);
    EXPECT(ct_sip_counts(user.world.sip).servers == 0);
    EXPECT_RESULT(CT_STALE, ct_sip_reply_again(user.server));

out:
    close_user(&user);
    return result;
}
SCENARIO(refused)

static enum ct_result scenario_confirmed(void)
{
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_UDP, invite);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 404, NULL));
    world_pass(&user.world, 600);
    EXPECT(user.world.count == 2);
    world_receive(&user.world, CT_SIP_UDP, ACK);
    world_clear(&user.world);
    world_receive(&user.world, CT_SIP_UDP, ACK);
    world_receive(&user.world, CT_SIP_UDP, invite);
    world_pass(&user.world, 4999);
    EXPECT(user.world.count == 0 && user.gone == 0 && user.requests == 1);
    world_pass(&user.world, 1);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_DONE);

out:
    close_user(&user);
    return result;
}
SCENARIO(confirmed)

/* Over a stream no timer G, and timer I is 0. An answer that does not go out changes nothing. */
static enum ct_result scenario_refused_stream(void)
{
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_TCP, invite);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 486, NULL));
    world_pass(&user.world, 31999);
    EXPECT(user.world.count == 1 && user.gone == 0);
    user.world.broken = true;
    world_receive(&user.world, CT_SIP_TCP, invite);
    EXPECT(user.gone == 0);
    world_receive(&user.world, CT_SIP_TCP, ACK);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_DONE);
    close_user(&user);
    result = begin(&user, CT_SIP_TCP, invite);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 486, NULL));
    world_pass(&user.world, 32000);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_TIMEOUT);

out:
    close_user(&user);
    return result;
}
SCENARIO(refused_stream)

/* RFC 6026: for 64*T1 after the 2xx the INVITE is absorbed, and the 2xx can be sent again. */
static enum ct_result accept_over(enum ct_sip_transport transport)
{
    static struct user user;
    enum ct_result result = begin(&user, transport, invite);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 200, NULL));
    world_receive(&user.world, transport, invite);
    world_receive(&user.world, transport, ACK);
    world_pass(&user.world, 20000);
    EXPECT(user.world.count == 1 && user.requests == 1);
    TRY(ct_sip_reply_again(user.server));
    EXPECT(user.world.count == 2 && world_last_begins(&user.world, expected_200));
    user.world.broken = true;
    EXPECT_RESULT(CT_UNAVAILABLE, ct_sip_reply_again(user.server));
    user.world.broken = false;
    EXPECT_RESULT(CT_STALE, ct_sip_reply(user.server, 200, NULL));
    world_pass(&user.world, 11999);
    EXPECT(user.gone == 0);
    world_pass(&user.world, 1);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_DONE && user.world.count == 2);

out:
    close_user(&user);
    return result;
}

static enum ct_result scenario_accepted(void)
{
    enum ct_result result = accept_over(CT_SIP_UDP);
    return result == CT_OK ? accept_over(CT_SIP_WSS) : result;
}
SCENARIO(accepted)

#define OPTIONS                                          \
    "OPTIONS sip:us.example.org SIP/2.0\n"               \
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKo;rport\n" \
    "From: <sip:alice@example.com>;tag=1\n"              \
    "To: <sip:us.example.org>\n"                         \
    "Call-ID: o\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n"

static enum ct_result scenario_other(void)
{
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_UDP, OPTIONS);
    if (result != CT_OK)
        goto out;
    /* Trying is silent, also when the request comes once more. */
    world_pass(&user.world, 5000);
    world_receive(&user.world, CT_SIP_UDP, OPTIONS);
    EXPECT(user.world.count == 0 && user.requests == 1);
    TRY(ct_sip_reply(user.server, 100, NULL));
    TRY(ct_sip_reply(user.server, 182, NULL));
    world_receive(&user.world, CT_SIP_UDP, OPTIONS);
    EXPECT(user.world.count == 3 && world_last_status(&user.world) == 182);
    TRY(ct_sip_reply(user.server, 200, NULL));
    world_receive(&user.world, CT_SIP_UDP, OPTIONS);
    EXPECT(user.world.count == 5 && world_last_status(&user.world) == 200);
    /* Timer J. */
    world_pass(&user.world, 31999);
    EXPECT(user.gone == 0);
    world_pass(&user.world, 1);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_DONE && user.world.count == 5);
    ct_sip_server_forget(user.server);
    user.server = NULL;
    world_receive(&user.world, CT_SIP_UDP, OPTIONS);
    EXPECT(user.requests == 2);

out:
    close_user(&user);
    return result;
}
SCENARIO(other)

static enum ct_result scenario_other_stream(void)
{
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_TLS, OPTIONS);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 404, NULL));
    EXPECT(user.gone == 0 && ct_sip_counts(user.world.sip).servers == 0);
    world_pass(&user.world, 1);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_DONE && user.world.count == 1);

out:
    close_user(&user);
    return result;
}
SCENARIO(other_stream)

/* Nobody answers: RFC 4320 wants no 408, since no client waits any more. */
static enum ct_result scenario_too_late(void)
{
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_UDP, OPTIONS);
    if (result != CT_OK)
        goto out;
    world_pass(&user.world, 31999);
    EXPECT(user.gone == 0);
    world_pass(&user.world, 1);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_TIMEOUT && user.world.count == 0);
    EXPECT_RESULT(CT_STALE, ct_sip_reply(user.server, 200, NULL));
    close_user(&user);
    result = begin(&user, CT_SIP_UDP, OPTIONS);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 180, NULL));
    world_pass(&user.world, 32000);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_TIMEOUT);

out:
    close_user(&user);
    return result;
}
SCENARIO(too_late)

static enum ct_result scenario_not_sent(void)
{
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_UDP, OPTIONS);
    if (result != CT_OK)
        goto out;
    user.world.broken = true;
    EXPECT_RESULT(CT_UNAVAILABLE, ct_sip_reply(user.server, 183, NULL));
    /* not while it answers */
    EXPECT(user.gone == 0);
    world_pass(&user.world, 1);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_TRANSPORT);
    close_user(&user);
    result = begin(&user, CT_SIP_UDP, OPTIONS);
    if (result != CT_OK)
        goto out;
    user.world.broken = true;
    EXPECT_RESULT(CT_UNAVAILABLE, ct_sip_reply(user.server, 200, NULL));
    EXPECT(user.gone == 0 && ct_sip_counts(user.world.sip).servers == 0);
    /* who lets go meanwhile is not told any more */
    ct_sip_server_forget(user.server);
    user.server = NULL;
    world_pass(&user.world, 1);
    EXPECT(user.gone == 0 && ct_wheel_count(ct_sip_wheel(user.world.sip)) == 0);
    close_user(&user);
    /* and who has not when the endpoint goes is */
    result = begin(&user, CT_SIP_TCP, OPTIONS);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 200, NULL));
    EXPECT(user.gone == 0);
    struct ct_sip *sip = user.world.sip;
    user.world.sip = NULL;
    ct_sip_free(sip);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_DONE);

out:
    close_user(&user);
    return result;
}
SCENARIO(not_sent)

/* A request whose user does not care is answered all the same, and so is one that is let go of. */
static enum ct_result scenario_nobody(void)
{
    static struct user user;
    enum ct_result result = CT_OK;
    TRY(open_user(&user));
    world_receive(&user.world, CT_SIP_UDP, invite);
    EXPECT(user.requests == 1 && world_last_status(&user.world) == 500);
    close_user(&user);
    result = begin(&user, CT_SIP_UDP, invite);
    if (result != CT_OK)
        goto out;
    ct_sip_server_forget(user.server);
    user.server = NULL;
    EXPECT(world_last_status(&user.world) == 500 && user.gone == 0);
    /* It goes on by itself. */
    EXPECT(ct_sip_counts(user.world.sip).servers == 1);
    world_pass(&user.world, 32000);
    EXPECT(ct_sip_counts(user.world.sip).servers == 0);

out:
    close_user(&user);
    return result;
}
SCENARIO(nobody)

#define CANCEL                                           \
    "CANCEL sip:bob@us.example.org SIP/2.0\n"            \
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;rport\n" \
    "From: Alice <sip:alice@example.com>;tag=1\n"        \
    "To: <sip:bob@us.example.org>\n"                     \
    "Call-ID: call@example.com\nCSeq: 1 CANCEL\nContent-Length: 0\n\n"

static enum ct_result scenario_cancel(void)
{
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_UDP, invite);
    if (result != CT_OK)
        goto out;
    world_receive(&user.world, CT_SIP_UDP, CANCEL);
    EXPECT(user.world.count == 1 && world_last_begins(&user.world, "SIP/2.0 200 OK\r\n"));
    EXPECT(world_last_has(&user.world, "CSeq: 1 CANCEL\r\n") && user.cancelled == 1);
    world_receive(&user.world, CT_SIP_UDP, CANCEL);
    EXPECT(user.world.count == 2 && user.cancelled == 1);
    TRY(ct_sip_reply(user.server, 487, NULL));
    EXPECT(world_last_has(&user.world, "CSeq: 1 INVITE\r\n"));
    /* Both have the same tag (section 9.2). */
    struct ct_str to = world_last_header(&user.world, "To");
    EXPECT(memmem(user.world.sent[0].bytes, user.world.sent[0].size, to.at, to.len) != NULL);
    world_receive(&user.world, CT_SIP_UDP, ACK);
    world_pass(&user.world, 32000);
    EXPECT(user.gone == 1 && ct_sip_counts(user.world.sip).servers == 0);
    /* Of nothing: 481. */
    world_receive(&user.world, CT_SIP_UDP, CANCEL);
    EXPECT(world_last_status(&user.world) == 481);
    close_user(&user);
    /* Too late: it is answered, and has no effect. */
    result = begin(&user, CT_SIP_UDP, invite);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 200, NULL));
    world_receive(&user.world, CT_SIP_UDP, CANCEL);
    EXPECT(user.cancelled == 0 && world_last_has(&user.world, "CSeq: 1 CANCEL\r\n"));

out:
    close_user(&user);
    return result;
}
SCENARIO(cancel)

/* What may be asked twice without harm leaves nothing behind. */
static enum ct_result scenario_forget(void)
{
    static struct user user;
    enum ct_result result = CT_OK;
    TRY(open_user(&user));
    user.answer = 401;
    user.forget = true;
    for (int i = 1; i <= 3; i++) {
        world_receive(&user.world, CT_SIP_UDP, invite);
        EXPECT(user.requests == i && user.result == CT_OK);
        EXPECT((int)user.world.count == i && world_last_status(&user.world) == 401);
        EXPECT(ct_sip_counts(user.world.sip).servers == 0);
    }
    world_receive(&user.world, CT_SIP_UDP, ACK);
    EXPECT(user.world.count == 3);
    EXPECT(ct_sip_next_ms(user.world.sip) == INT64_MAX);

out:
    close_user(&user);
    return result;
}
SCENARIO(forget)

/* A client of RFC 2543 has no branch, or one without the cookie. */
static enum ct_result scenario_old(void)
{
    static const char old_invite[] = "INVITE sip:bob@us.example.org SIP/2.0\n"
                                     "Via: SIP/2.0/UDP 192.0.2.1:5080\n"
                                     "From: <sip:alice@example.com>\n"
                                     "To: <sip:bob@us.example.org>\n"
                                     "Call-ID: old\nCSeq: 1 INVITE\nContent-Length: 0\n\n";
    static struct user user;
    char ack[512];
    enum ct_result result = begin(&user, CT_SIP_UDP, old_invite);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 486, NULL));
    EXPECT(user.world.sent[0].to.peer.port == 5080);
    world_receive(&user.world, CT_SIP_UDP, old_invite);
    EXPECT(user.world.count == 2 && user.requests == 1);
    struct ct_str to = world_last_header(&user.world, "To");
    snprintf(ack, sizeof(ack),
             "ACK sip:bob@us.example.org SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5080\n"
             "From: <sip:alice@example.com>\nTo: %.*s\nCall-ID: old\nCSeq: 1 ACK\n"
             "Content-Length: 0\n\n",
             (int)to.len, to.at);
    /* With another tag it is another's. */
    char last = ack[0];
    char *end = memmem(ack, strlen(ack), "\nCall-ID", 8);
    last = end[-1];
    end[-1] = last == 'x' ? 'y' : 'x';
    world_receive(&user.world, CT_SIP_UDP, ack);
    world_pass(&user.world, 500);
    EXPECT(user.world.count == 3);
    end[-1] = last;
    world_receive(&user.world, CT_SIP_UDP, ack);
    world_pass(&user.world, 5000);
    EXPECT(user.world.count == 3 && user.gone == 1 && user.why == CT_SIP_GONE_DONE);

out:
    close_user(&user);
    return result;
}
SCENARIO(old)

/* Where answers go (section 18.2.2, RFC 3581), and what the top Via then says. */
static enum ct_result scenario_way_back(void)
{
    static const struct {
        const char *via;
        uint16_t port;
        const char *written;
    } ways[] = {
        {"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", 5060, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"},
        {"SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bK2", 5080,
         "SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bK2"},
        {"SIP/2.0/UDP 10.0.0.1:5080;branch=z9hG4bK3", 5080,
         "SIP/2.0/UDP 10.0.0.1:5080;branch=z9hG4bK3;received=192.0.2.1"},
        {"SIP/2.0/UDP pc.example.com;received=6.6.6.6;branch=z9hG4bK4", 5060,
         "SIP/2.0/UDP pc.example.com;branch=z9hG4bK4;received=192.0.2.1"},
        {"SIP/2.0/UDP 10.0.0.1:5080;rport;branch=z9hG4bK5", 40000,
         "SIP/2.0/UDP 10.0.0.1:5080;rport=40000;branch=z9hG4bK5;received=192.0.2.1"},
        {"SIP/2.0/UDP 10.0.0.1;maddr=6.6.6.6;branch=z9hG4bK6", 5060,
         "SIP/2.0/UDP 10.0.0.1;maddr=6.6.6.6;branch=z9hG4bK6;received=192.0.2.1"},
    };
    static struct user user;
    char text[512];
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct ct_sip_hop from = world_hop(CT_SIP_UDP);
        from.peer.port = 40000;
        TRY(open_user(&user));
        user.answer = 200;
        int size = snprintf(text, sizeof(text),
                            "OPTIONS sip:us.example.org SIP/2.0\r\nVia: %s\r\nFrom: "
                            "<sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: w\r\nCSeq: 1 "
                            "OPTIONS\r\n\r\n",
                            ways[i].via);
        world_receive_from(&user.world, &from, (struct ct_str){text, (size_t)size});
        EXPECT(user.world.count == 1 && user.world.sent[0].to.peer.port == ways[i].port);
        EXPECT(user.world.sent[0].to.peer.bytes[0] == 192);
        EXPECT(ct_str_equal(world_last_header(&user.world, "Via"), ct_str_of(ways[i].written)));
        ct_sip_free(user.world.sip);
        user.world.sip = NULL;
    }

out:
    close_user(&user);
    return result;
}
SCENARIO(way_back)

/* A stream that is gone is replaced by one to the port of sent-by. */
static enum ct_result scenario_lost_stream(void)
{
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_TCP, invite);
    if (result != CT_OK)
        goto out;
    user.world.lost_connection = 7;
    TRY(ct_sip_reply(user.server, 180, NULL));
    EXPECT(user.world.count == 1 && user.world.sent[0].to.connection == 0);
    EXPECT(user.world.sent[0].to.peer.port == 5060);

out:
    close_user(&user);
    return result;
}
SCENARIO(lost_stream)

/* The endpoint goes while there is something going on. */
static enum ct_result scenario_closed(void)
{
    static struct user user;
    enum ct_result result = begin(&user, CT_SIP_UDP, invite);
    if (result != CT_OK)
        goto out;
    struct ct_sip *sip = user.world.sip;
    user.world.sip = NULL;
    ct_sip_free(sip);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_CLOSED && user.world.count == 0);
    EXPECT_RESULT(CT_STALE, ct_sip_reply(user.server, 200, NULL));

out:
    close_user(&user);
    return result;
}
SCENARIO(closed)

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(answer),         CT_UNIT(proceeding), CT_UNIT(refused),  CT_UNIT(confirmed),
        CT_UNIT(refused_stream), CT_UNIT(accepted),   CT_UNIT(other),    CT_UNIT(other_stream),
        CT_UNIT(too_late),       CT_UNIT(not_sent),   CT_UNIT(nobody),   CT_UNIT(cancel),
        CT_UNIT(forget),         CT_UNIT(old),        CT_UNIT(way_back), CT_UNIT(lost_stream),
        CT_UNIT(closed)};
    return ct_unit_main("sip/server", units, sizeof(units) / sizeof(units[0]));
}
