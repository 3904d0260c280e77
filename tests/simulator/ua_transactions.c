#include "simulator/ua.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A phone's own transactions: RFC 3261 section 17 in the plainest way. */

int64_t ua_now(const struct ua *ua)
{
    return lan_now_ms(ua->world->lan);
}

static struct ct_sip_hop server_hop(const struct ua *ua)
{
    struct ct_sip_hop hop = lan_hop(ua->world->server);

    hop.transport = ua->transport;
    return hop;
}

static void say(struct ua *ua, const struct ct_sip_hop *hop, const char *text, size_t size)
{
    if (ua->on)
        lan_send(ua->world->lan, ua->address, hop, (struct ct_str){text, size});
}

static bool unreliable(const struct ua *ua)
{
    return ua->transport == CT_SIP_UDP;
}

static int64_t next_interval(const char *method, int64_t interval_ms)
{
    bool invite = strcmp(method, "INVITE") == 0;

    return 2 * interval_ms > 4000 && !invite ? 4000 : 2 * interval_ms;
}

/* ---- clients ---- */

void ua_client_free(struct ua_client *client)
{
    ct_timer_stop(&client->timer);
    client->used = false;
}

static void client_fire(void *ctx)
{
    struct ua_client *client = ctx;
    struct ua *ua = client->ua;
    struct ct_sip_hop hop = server_hop(ua);

    if (client->final) {
        ua_client_free(client);
        return;
    }
    if (ua_now(ua) >= client->until_ms) {
        int status = client->provisional && strcmp(client->method, "INVITE") == 0 ? 487 : 408;

        client->final = true;
        ua_on_response(ua, client, status, NULL);
        ua_client_free(client);
        return;
    }
    if (unreliable(ua) && !(client->provisional && strcmp(client->method, "INVITE") == 0)) {
        say(ua, &hop, client->text, client->size);
        client->interval_ms = next_interval(client->method, client->interval_ms);
    } else {
        client->interval_ms = client->until_ms - ua_now(ua);
    }
    if (ua_now(ua) + client->interval_ms > client->until_ms)
        client->interval_ms = client->until_ms - ua_now(ua);
    ct_timer_start(lan_wheel(ua->world->lan), &client->timer, client->interval_ms);
}

int ua_request(struct ua *ua, const char *method, unsigned cseq, int call, const char *start,
               const char *rest, const char *branch)
{
    struct ct_sip_hop hop = server_hop(ua);
    struct ua_client *client = NULL;
    int index = 0;

    for (; index < UA_CLIENTS && client == NULL; index++)
        if (!ua->clients[index].used)
            client = &ua->clients[index];
    if (client == NULL)
        return -1;
    *client = (struct ua_client){.ua = ua,
                                 .used = true,
                                 .cseq = cseq,
                                 .call = call,
                                 .interval_ms = T1_MS,
                                 .until_ms = ua_now(ua) + PATIENCE_MS,
                                 .timer = {.fire = client_fire, .ctx = client}};
    say_in(client->method, sizeof(client->method), "%s", method);
    if (branch != NULL)
        say_in(client->branch, sizeof(client->branch), "%s", branch);
    else
        say_in(client->branch, sizeof(client->branch), "z9hG4bK-%s-%u", ua->user, ua->next++);
    client->size = say_in(client->text, sizeof(client->text),
                          "%s\r\nVia: SIP/2.0/%s %s:5060;branch=%s;rport\r\n%s", start, ua_via(ua),
                          ua->host, client->branch, rest);
    if (client->size >= sizeof(client->text))
        abort();
    say(ua, &hop, client->text, client->size);
    ct_timer_start(lan_wheel(ua->world->lan), &client->timer, unreliable(ua) ? T1_MS : PATIENCE_MS);
    return index - 1;
}

void ua_client_ack(struct ua *ua, struct ua_client *client, const char *text)
{
    struct ct_sip_hop hop = server_hop(ua);

    client->size = say_in(client->text, sizeof(client->text), "%s", text);
    if (client->size >= sizeof(client->text))
        abort();
    say(ua, &hop, client->text, client->size);
}

static void on_response(struct ua *ua, const struct said *said)
{
    struct ct_sip_hop hop = server_hop(ua);
    struct ua_client *client = NULL;

    for (int i = 0; i < UA_CLIENTS; i++)
        if (ua->clients[i].used && strcmp(ua->clients[i].branch, said->branch) == 0 &&
            strcmp(ua->clients[i].method, said->cseq_method) == 0)
            client = &ua->clients[i];
    if (client == NULL)
        return;
    if (client->final) {
        /* it comes again: so does the ACK */
        if (strcmp(client->method, "INVITE") == 0 && said->status >= 200)
            say(ua, &hop, client->text, client->size);
        return;
    }
    if (said->status < 200) {
        /* after CANCEL no more patience is had than this */
        if (!client->provisional && strcmp(client->method, "INVITE") == 0) {
            client->until_ms = ua_now(ua) + 240000;
            ct_timer_start(lan_wheel(ua->world->lan), &client->timer, 240000);
        }
        client->provisional = true;
    } else {
        client->final = true;
        ct_timer_start(lan_wheel(ua->world->lan), &client->timer,
                       strcmp(client->method, "INVITE") == 0 ? PATIENCE_MS : 5000);
    }
    ua_on_response(ua, client, said->status, said);
}

/* ---- servers ---- */

void ua_server_free(struct ua_server *server)
{
    ct_timer_stop(&server->timer);
    server->used = false;
}

static void server_fire(void *ctx)
{
    struct ua_server *server = ctx;
    struct ua *ua = server->ua;

    if (!server->repeats) {
        ua_server_free(server);
        return;
    }
    if (ua_now(ua) >= server->until_ms) {
        int call = server->call;
        bool success = server->success;

        ua_server_free(server);
        if (success)
            ua_on_unacked(ua, call);
        return;
    }
    /* a 2xx is repeated over streams too (13.3.1.4) */
    if (unreliable(ua) || server->success)
        say(ua, &server->hop, server->text, server->size);
    server->interval_ms = 2 * server->interval_ms > 4000 ? 4000 : 2 * server->interval_ms;
    if (ua_now(ua) + server->interval_ms > server->until_ms)
        server->interval_ms = server->until_ms - ua_now(ua);
    ct_timer_start(lan_wheel(ua->world->lan), &server->timer, server->interval_ms);
}

static struct ua_server *server_new(struct ua *ua, const struct ct_sip_hop *hop,
                                    const struct said *said)
{
    struct ua_server *server = NULL;
    size_t size = 0;
    char via[SAID_TEXT];

    for (int i = 0; i < UA_SERVERS && server == NULL; i++)
        if (!ua->servers[i].used)
            server = &ua->servers[i];
    if (server == NULL)
        return NULL;
    *server = (struct ua_server){.ua = ua,
                                 .used = true,
                                 .cseq = said->cseq,
                                 .call = -1,
                                 .hop = *hop,
                                 .timer = {.fire = server_fire, .ctx = server}};
    say_in(server->method, sizeof(server->method), "%s", said->method);
    say_in(server->branch, sizeof(server->branch), "%s", said->branch);
    for (size_t i = 0; said_header(said, "Via", "v", i, via, sizeof(via)); i++)
        size += say_in(server->head + size, sizeof(server->head) - size, "Via: %s\r\n", via);
    size += say_in(server->head + size, sizeof(server->head) - size,
                   "From: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n", said->from, said->call_id,
                   said->cseq, said->cseq_method);
    say_in(server->to, sizeof(server->to), "%s", said->to);
    server->has_tag = said->to_tag[0] != '\0';
    return server;
}

void ua_reply(struct ua *ua, struct ua_server *server, const char *tag, int status,
              const char *rest)
{
    bool invite = strcmp(server->method, "INVITE") == 0;

    server->size =
        say_in(server->text, sizeof(server->text), "SIP/2.0 %d Said\r\n%sTo: %s%s%s\r\n%s", status,
               server->head, server->to, server->has_tag || tag == NULL ? "" : ";tag=",
               server->has_tag || tag == NULL ? "" : tag, rest);
    if (server->size >= sizeof(server->text))
        abort();
    say(ua, &server->hop, server->text, server->size);
    server->success = status >= 200 && status < 300;
    if (status < 200) {
        ct_timer_stop(&server->timer);
        return;
    }
    server->repeats = invite;
    server->interval_ms = T1_MS;
    server->until_ms = ua_now(ua) + PATIENCE_MS;
    ct_timer_start(lan_wheel(ua->world->lan), &server->timer, invite ? T1_MS : PATIENCE_MS);
}

/* The INVITE that an ACK or a CANCEL is about. */
static struct ua_server *invite_of(struct ua *ua, const struct said *said)
{
    for (int i = 0; i < UA_SERVERS; i++) {
        struct ua_server *server = &ua->servers[i];

        if (!server->used || strcmp(server->method, "INVITE") != 0)
            continue;
        if (strcmp(server->branch, said->branch) == 0)
            return server;
    }
    return NULL;
}

/* An ACK of a 2xx has a branch of its own: its dialog and its number say what it is about. */
static struct ua_server *answered_by(struct ua *ua, const struct said *said)
{
    const struct ua_call *call = ua_call_find(ua, said);

    for (int i = 0; call != NULL && i < UA_SERVERS; i++) {
        struct ua_server *server = &ua->servers[i];

        if (server->used && server->success && strcmp(server->method, "INVITE") == 0 &&
            server->call == (int)(call - ua->calls) && server->cseq == said->cseq)
            return server;
    }
    return NULL;
}

static void on_ack(struct ua *ua, const struct said *said)
{
    struct ua_server *server = invite_of(ua, said);

    if (server == NULL || server->success)
        server = answered_by(ua, said);
    if (server == NULL || !server->repeats)
        return;
    server->repeats = false;
    ct_timer_start(lan_wheel(ua->world->lan), &server->timer, 5000);
    ua_on_ack(ua, server, said);
}

static void on_request(struct ua *ua, const struct ct_sip_hop *hop, const struct said *said)
{
    struct ua_server *server = NULL;

    if (strcmp(said->method, "ACK") == 0) {
        on_ack(ua, said);
        return;
    }
    for (int i = 0; i < UA_SERVERS && server == NULL; i++)
        if (ua->servers[i].used && strcmp(ua->servers[i].branch, said->branch) == 0 &&
            strcmp(ua->servers[i].method, said->method) == 0)
            server = &ua->servers[i];
    if (server != NULL) {
        if (server->size > 0)
            say(ua, &server->hop, server->text, server->size);
        return;
    }
    server = server_new(ua, hop, said);
    if (server == NULL)
        return;
    if (strcmp(said->method, "CANCEL") == 0) {
        struct ua_server *invite = invite_of(ua, said);

        ua_reply(ua, server, "cancelled", invite == NULL ? 481 : 200, "Content-Length: 0\r\n\r\n");
        if (invite != NULL)
            ua_on_cancel(ua, invite);
        return;
    }
    ua_on_request(ua, server, said);
}

void ua_receive(void *ctx, const struct ct_sip_hop *hop, struct ct_str bytes, bool spoilt)
{
    struct ua *ua = ctx;
    struct said said;

    /* UDP's checksum finds most of it */
    if (spoilt || !ua->on || !said_read(bytes, &said))
        return;
    if (said.status != 0)
        on_response(ua, &said);
    else
        on_request(ua, hop, &said);
}

/* What waits for an answer waits in vain; a phone comes back, and a browser is not there until it does. */
void ua_lost(void *ctx, const struct ct_sip_hop *hop)
{
    struct ua *ua = ctx;

    (void)hop;
    if (!ua->on || !ua->registers || ua->transport == CT_SIP_UDP)
        return;
    if (ua->transport == CT_SIP_WS)
        ua->registered = false;
    if (!ua->world->quiet)
        ct_timer_start(lan_wheel(ua->world->lan), &ua->refresh, ua_between(ua, 1, 5000));
}

const char *ua_via(const struct ua *ua)
{
    return ua->transport == CT_SIP_UDP ? "UDP" : ua->transport == CT_SIP_WS ? "WS" : "TCP";
}

void ua_contact(const struct ua *ua, char *out, size_t size)
{
    say_in(out, size, "<sip:%s@%s%s>", ua->user, ua->host,
           ua->transport == CT_SIP_UDP  ? ""
           : ua->transport == CT_SIP_WS ? ";transport=ws"
                                        : ";transport=tcp");
}

void ua_body(char *out, size_t size, const char *sdp)
{
    if (sdp == NULL)
        say_in(out, size, "Content-Length: 0\r\n\r\n");
    else
        say_in(out, size, "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
               strlen(sdp), sdp);
}
