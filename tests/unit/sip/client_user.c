#include "client_user.h"

#include <stdio.h>
#include <string.h>

static void response(void *ctx, const struct ct_sip_message *message)
{
    struct client_user *user = ctx;
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
    struct client_user *user = ctx;
    user->failed = status;
}

static void ended(void *ctx)
{
    struct client_user *user = ctx;
    user->ended++;
}

const struct ct_sip_client_events client_user_events = {response, failed, ended};

const char client_invite[] = "INVITE sip:bob@example.com SIP/2.0\r\n"
                             "Route: <sip:p1.example.com;lr>\r\n"
                             "Route: <sip:p2.example.com;lr>\r\n"
                             "Max-Forwards: 70\r\n"
                             "From: <sip:alice@us.example.org>;tag=mine\r\n"
                             "To: <sip:bob@example.com>\r\n"
                             "Call-ID: out@us\r\nCSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n";

const char client_options[] = "OPTIONS sip:example.com SIP/2.0\r\nMax-Forwards: 70\r\n"
                              "From: <sip:us.example.org>;tag=mine\r\nTo: <sip:example.com>\r\n"
                              "Call-ID: probe@us\r\nCSeq: 8 OPTIONS\r\nContent-Length: 0\r\n\r\n";

enum ct_result client_user_begin(struct client_user *user, enum ct_sip_transport transport,
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
        result = ct_sip_request(user->world.sip, &to, ct_str_of(request_text), &client_user_events,
                                user, &user->client);
    return result;
}

void client_user_close(struct client_user *user)
{
    if (user->client != NULL)
        ct_sip_client_forget(user->client);
    ct_sip_free(user->world.sip);
    user->client = NULL;
    user->world.sip = NULL;
}

void client_user_answer(struct client_user *user, size_t number, int status, const char *tag)
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
