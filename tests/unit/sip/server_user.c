#include "server_user.h"

#include <string.h>

const char server_invite[] = "INVITE sip:bob@us.example.org SIP/2.0\n"
                             "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;rport\n"
                             "Via: SIP/2.0/TCP far.example.com;branch=z9hG4bKfar\n"
                             "Max-Forwards: 70\n"
                             "From: Alice <sip:alice@example.com>;tag=1\n"
                             "To: <sip:bob@us.example.org>\n"
                             "Call-ID: call@example.com\n"
                             "CSeq: 1 INVITE\n"
                             "Record-Route: <sip:far.example.com;lr>\n"
                             "Content-Length: 0\n\n";

const char server_ack[] = "ACK sip:bob@us.example.org SIP/2.0\n"
                          "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;rport\n"
                          "From: Alice <sip:alice@example.com>;tag=1\n"
                          "To: <sip:bob@us.example.org>;tag=whatever\n"
                          "Call-ID: call@example.com\nCSeq: 1 ACK\nContent-Length: 0\n\n";

const char server_options[] = "OPTIONS sip:us.example.org SIP/2.0\n"
                              "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKo;rport\n"
                              "From: <sip:alice@example.com>;tag=1\n"
                              "To: <sip:us.example.org>\n"
                              "Call-ID: o\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n";

const char server_cancel[] = "CANCEL sip:bob@us.example.org SIP/2.0\n"
                             "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;rport\n"
                             "From: Alice <sip:alice@example.com>;tag=1\n"
                             "To: <sip:bob@us.example.org>\n"
                             "Call-ID: call@example.com\nCSeq: 1 CANCEL\nContent-Length: 0\n\n";

const char server_invite_200[] = "SIP/2.0 200 OK\r\n"
                                 "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;rport=5060;"
                                 "received=192.0.2.1\r\n"
                                 "Via: SIP/2.0/TCP far.example.com;branch=z9hG4bKfar\r\n"
                                 "From: Alice <sip:alice@example.com>;tag=1\r\n"
                                 "To: <sip:bob@us.example.org>;tag=";

static void cancelled(void *ctx, const struct ct_sip_message *cancel)
{
    struct server_user *user = ctx;
    (void)cancel;
    user->cancelled++;
}

static void gone(void *ctx, enum ct_sip_gone why)
{
    struct server_user *user = ctx;
    user->gone++;
    user->why = why;
}

static const struct ct_sip_server_events events = {cancelled, gone};

static void request(void *ctx, struct ct_sip_server *server, const struct ct_sip_message *message)
{
    struct server_user *user = ctx;
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

enum ct_result server_user_open(struct server_user *user)
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

void server_user_close(struct server_user *user)
{
    if (user->server != NULL)
        ct_sip_server_forget(user->server);
    ct_sip_free(user->world.sip);
}

enum ct_result server_user_begin(struct server_user *user, enum ct_sip_transport transport,
                                 const char *text)
{
    enum ct_result result = server_user_open(user);
    if (result != CT_OK)
        return result;
    user->watch = true;
    world_receive(&user->world, transport, text);
    return user->server == NULL ? CT_BUG : CT_OK;
}
