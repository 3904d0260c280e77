#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulator/ua.h"

/* What a phone says and hears inside of a call. */

#define NOTHING "Content-Length: 0\r\n\r\n"

struct ua_call *ua_call_find(struct ua *ua, const struct said *said)
{
    for (int i = 0; i < UA_CALLS; i++) {
        struct ua_call *call = &ua->calls[i];

        if (call->state != UA_FREE && strcmp(call->call_id, said->call_id) == 0 &&
            strcmp(call->local_tag, said->to_tag) == 0)
            return call;
    }
    return NULL;
}

static void write_head(const struct ua_call *call, const char *method, unsigned cseq, char *start,
                       size_t start_size, char *head, size_t head_size)
{
    char where[96];

    ua_contact(call->ua, where, sizeof(where));
    say_in(start, start_size, "%s %s SIP/2.0", method, call->target);
    say_in(head, head_size,
           "Max-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContact: "
           "%s\r\n",
           call->local, call->remote, call->call_id, cseq, method, where);
}

int ua_call_request(struct ua_call *call, const char *method, const char *rest)
{
    char start[SAID_TEXT + 32];
    char head[1024];
    char text[2048];

    write_head(call, method, ++call->cseq, start, sizeof(start), head, sizeof(head));
    say_in(text, sizeof(text), "%s%s", head, rest);
    return ua_request(call->ua, method, call->cseq, (int)(call - call->ua->calls), start, text,
                      NULL);
}

/* The ACK of a 2xx: a request of its own (13.2.2.4). */
static void acknowledge(struct ua_call *call, struct ua_client *client, bool with_answer)
{
    char start[SAID_TEXT + 32];
    char head[1024];
    char body[512];
    char text[UA_TEXT];

    write_head(call, "ACK", client->cseq, start, sizeof(start), head, sizeof(head));
    ua_body(body, sizeof(body), with_answer ? ua_sdp(call->ua) : NULL);
    say_in(text, sizeof(text),
           "%s\r\nVia: SIP/2.0/%s %s:5060;branch=z9hG4bK-ack-%s-%u;rport\r\n%s%s", start,
           ua_via(call->ua), call->ua->host, call->ua->user, call->ua->next++, head, body);
    ua_client_ack(call->ua, client, text);
}

/* That of a refusal: of the same transaction (17.1.1.3). */
static void acknowledge_refusal(struct ua *ua, struct ua_client *client, const struct said *said)
{
    char uri[SAID_TEXT];
    char text[UA_TEXT];

    if (!said_between(client->text, "INVITE ", " ", uri, sizeof(uri)))
        abort();
    say_in(text, sizeof(text),
           "ACK %s SIP/2.0\r\nVia: SIP/2.0/%s %s:5060;branch=%s;rport\r\nMax-Forwards: "
           "70\r\nFrom: %s\r\n"
           "To: %s\r\nCall-ID: %s\r\nCSeq: %u ACK\r\n" NOTHING,
           uri, ua_via(ua), ua->host, client->branch, said->from, said->to, said->call_id,
           client->cseq);
    ua_client_ack(ua, client, text);
}

/* ---- responses ---- */

static void prack(struct ua_call *call, const struct said *said)
{
    char rseq[32];
    char rest[1024];
    char to[2 * SAID_TEXT];
    char target[SAID_TEXT];

    if (!said_has(said, "Require", NULL, "100rel") ||
        !said_header(said, "RSeq", NULL, 0, rseq, sizeof(rseq)) || atoi(rseq) == (int)call->rseq)
        return;
    call->rseq = (unsigned)atoi(rseq);
    say_in(rest, sizeof(rest), "RAck: %s %u INVITE\r\n" NOTHING, rseq, said->cseq);
    /* in the early dialog of this response */
    memcpy(to, call->remote, sizeof(to));
    memcpy(target, call->target, sizeof(target));
    say_in(call->remote, sizeof(call->remote), "%s", said->to);
    if (said->contact[0] != '\0')
        memcpy(call->target, said->contact, sizeof(target));
    ua_call_request(call, "PRACK", rest);
    memcpy(call->remote, to, sizeof(to));
    memcpy(call->target, target, sizeof(target));
}

/* Of the INVITE that began the call. */
static void invite_response(struct ua_call *call, struct ua_client *client, int status,
                            const struct said *said)
{
    struct ua *ua = call->ua;

    if (said == NULL) {
        call->diary->lost = true;
        ua_call_over(call, 0);
        return;
    }
    if (status < 200) {
        if (status > 100 && call->diary->rang_ms == 0)
            call->diary->rang_ms = ua_now(ua);
        if (call->wants_out)
            ua_call_leave(call);
        else
            prack(call, said);
        return;
    }
    call->invite = -1;
    if (status >= 300) {
        acknowledge_refusal(ua, client, said);
        if (status != 401 || call->wants_out || ++call->auth_tries > 3 ||
            !ua_take_challenge(ua, said) || !ua_call_invite(call))
            ua_call_over(call, status);
        return;
    }
    call->diary->status = status;
    call->diary->answered_ms = ua_now(ua);
    say_in(call->remote, sizeof(call->remote), "%s", said->to);
    say_in(call->remote_tag, sizeof(call->remote_tag), "%s", said->to_tag);
    if (said->contact[0] != '\0')
        say_in(call->target, sizeof(call->target), "%s", said->contact);
    acknowledge(call, client, strstr(client->text, "\r\n\r\nv=0") == NULL);
    ua_call_up(call);
    if (call->wants_out)
        ua_call_leave(call);
}

static void reinvite_response(struct ua_call *call, struct ua_client *client, int status,
                              const struct said *said)
{
    if (status < 200)
        return;
    call->offering = false;
    if (said == NULL) {
        ua_call_leave(call);
        return;
    }
    if (status < 300)
        acknowledge(call, client, strstr(client->text, "\r\n\r\nv=0") == NULL);
    else
        acknowledge_refusal(call->ua, client, said);
    /* the dialog is gone there (12.2.1.2) */
    if (status == 481 || status == 408)
        ua_call_leave(call);
}

void ua_dialog_response(struct ua_call *call, struct ua_client *client, int status,
                        const struct said *said)
{
    if (strcmp(client->method, "INVITE") == 0) {
        if (call->diary->caller && call->invite == (int)(client - call->ua->clients))
            invite_response(call, client, status, said);
        else
            reinvite_response(call, client, status, said);
    } else if (status >= 200 && strcmp(client->method, "BYE") == 0) {
        call->diary->lost = call->diary->lost || said == NULL;
        ua_call_over(call, 0);
    } else if ((status == 481 || status == 408) && call->state == UA_UP &&
               strcmp(client->method, "CANCEL") != 0) {
        ua_call_leave(call);
    }
}

void ua_on_response(struct ua *ua, struct ua_client *client, int status, const struct said *said)
{
    struct ua_call *call = client->call < 0 ? NULL : &ua->calls[client->call];

    if (strcmp(client->method, "REGISTER") == 0)
        ua_on_register_response(ua, status, said);
    else if (call != NULL)
        ua_dialog_response(call, client, status, said);
    else if (strcmp(client->method, "INVITE") == 0 && said != NULL && status >= 300)
        acknowledge_refusal(ua, client, said);
}

/* ---- requests ---- */

static void reinvited(struct ua_call *call, struct ua_server *server, const struct said *said)
{
    char rest[1024];
    char body[512];
    char where[96];

    if (call->offering) {
        ua_reply(call->ua, server, NULL, 491, NOTHING);
        return;
    }
    if (said->body.len > 0 && ua_chance(call->ua, 10)) {
        ua_reply(call->ua, server, NULL, 488, NOTHING);
        return;
    }
    server->call = (int)(call - call->ua->calls);
    ua_body(body, sizeof(body), ua_sdp(call->ua));
    ua_contact(call->ua, where, sizeof(where));
    say_in(rest, sizeof(rest), "Contact: %s\r\n%s", where, body);
    ua_reply(call->ua, server, NULL, 200, rest);
}

static void ended(struct ua_call *call, struct ua_server *server)
{
    ua_reply(call->ua, server, NULL, 200, NOTHING);
    if (call->state == UA_RINGING && call->invite >= 0)
        ua_reply(call->ua, &call->ua->servers[call->invite], call->local_tag, 487, NOTHING);
    /* a 2xx that waits for its ACK waits no longer */
    for (int i = 0; i < UA_SERVERS; i++)
        if (call->ua->servers[i].used &&
            call->ua->servers[i].call == (int)(call - call->ua->calls) &&
            call->ua->servers[i].repeats && call->ua->servers[i].success)
            ua_server_free(&call->ua->servers[i]);
    ua_call_over(call, 0);
}

void ua_in_dialog(struct ua_call *call, struct ua_server *server, const struct said *said)
{
    char body[512];

    if (said->cseq <= call->remote_cseq) {
        ua_reply(call->ua, server, NULL, 500, NOTHING);
        return;
    }
    call->remote_cseq = said->cseq;
    if (strcmp(said->method, "BYE") == 0) {
        ended(call, server);
    } else if (strcmp(said->method, "INVITE") == 0) {
        if (call->state == UA_RINGING || call->state == UA_CALLING)
            ua_reply(call->ua, server, NULL, 491, NOTHING);
        else
            reinvited(call, server, said);
    } else if (strcmp(said->method, "UPDATE") == 0 && said->body.len > 0) {
        ua_body(body, sizeof(body), ua_sdp(call->ua));
        ua_reply(call->ua, server, NULL, 200, body);
    } else if (strcmp(said->method, "PRACK") == 0) {
        call->rseq = 0;
        ua_reply(call->ua, server, NULL, 200, NOTHING);
    } else if (strcmp(said->method, "REFER") == 0) {
        ua_reply(call->ua, server, NULL, 603, NOTHING);
    } else if (strcmp(said->method, "NOTIFY") == 0) {
        ua_reply(call->ua, server, NULL, 200, NOTHING);
        /* what was asked for has been done: out of the way */
        if (call->refers && call->state == UA_UP && said->body.len > 11 &&
            memmem(said->body.at, said->body.len, "SIP/2.0 2", 9) != NULL)
            ua_call_leave(call);
    } else {
        ua_reply(call->ua, server, NULL, 200, NOTHING);
    }
}

/* ---- what else is done in a call ---- */

static void refer(struct ua_call *call)
{
    struct ua *ua = call->ua;
    struct ua_call *other = NULL;
    char rest[1024];

    for (int i = 0; i < UA_CALLS; i++)
        if (&ua->calls[i] != call && ua->calls[i].state == UA_UP)
            other = &ua->calls[i];
    call->diary->transferred = true;
    call->refers = true;
    if (other != NULL)
        other->diary->transferred = true;
    if (other != NULL)
        say_in(rest, sizeof(rest),
               "Refer-To: <%s?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>\r\n" NOTHING,
               other->target, other->call_id, other->remote_tag, other->local_tag);
    else
        say_in(rest, sizeof(rest), "Refer-To: <sip:%s@%s>\r\n" NOTHING,
               ua->world->somebody(ua->world->ctx, ua), ua->world->server);
    ua_call_request(call, "REFER", rest);
}

void ua_call_extra(void *ctx)
{
    struct ua_call *call = ctx;
    char body[512];
    char rest[1024];

    if (call->state != UA_UP || call->wants_out)
        return;
    switch (lan_random(call->ua->world->lan, 4)) {
    case 0:
        refer(call);
        break;
    case 1:
        say_in(rest, sizeof(rest),
               "Info-Package: dtmf\r\nContent-Type: application/dtmf-relay\r\n"
               "Content-Length: 10\r\n\r\nSignal=5\r\n");
        ua_call_request(call, "INFO", rest);
        break;
    default:
        ua_body(body, sizeof(body), ua_chance(call->ua, 80) ? ua_sdp(call->ua) : NULL);
        call->offering = ua_call_request(call, "INVITE", body) >= 0;
    }
    if (ua_chance(call->ua, 40))
        ct_timer_start(lan_wheel(call->ua->world->lan), &call->extra,
                       ua_between(call->ua, 1, 8000));
}
