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

/* Without memory a request is lost. */
static enum ct_result heard(const struct user *user, int requests)
{
    return user->requests < requests ? CT_NOMEM : CT_OK;
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

static enum ct_result test_answer(void)
{
    static struct user user;
    enum ct_result result = CT_OK;
    TRY(open_user(&user));
    user.answer = 200;
    world_receive(&user.world, CT_SIP_UDP, invite);
    TRY(heard(&user, 1));
    TRY(user.result);
    EXPECT(world_last_begins(&user.world, expected_200));
    EXPECT(world_last_has(&user.world, "\r\nRecord-Route: <sip:far.example.com;lr>\r\n"));
    EXPECT(world_last_has(&user.world, "\r\nServer: test\r\nContent-Length: 0\r\n\r\n"));

out:
    close_user(&user);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_answer)};
    return ct_unit_main("sip/server", units, sizeof(units) / sizeof(units[0]));
}
