#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulator/ua.h"

/* What a phone does: it registers, calls, is called, and hangs up, as chance has it. */

#define NOTHING "Content-Length: 0\r\n\r\n"

bool ua_chance(struct ua *ua, unsigned percent)
{
    return lan_random(ua->world->lan, 100) < percent;
}

int64_t ua_between(struct ua *ua, int64_t from_ms, int64_t to_ms)
{
    return from_ms + lan_random(ua->world->lan, (uint32_t)(to_ms - from_ms + 1));
}

const char *ua_sdp(const struct ua *ua)
{
    return ua->transport == CT_SIP_UDP
               ? "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
                 "m=audio 4000 RTP/AVP 0\r\n"
               : "v=0\r\no=- 2 1 IN IP4 192.0.2.8\r\ns=-\r\nc=IN IP4 192.0.2.8\r\nt=0 0\r\n"
                 "m=audio 4002 RTP/AVP 8\r\n";
}

static void later(struct ua *ua, struct ct_timer *timer, int64_t ms)
{
    ct_timer_start(lan_wheel(ua->world->lan), timer, ms);
}

/* ---- the life of a call ---- */

static void act(void *ctx);
static void ring(void *ctx);

static struct ua_call *call_new(struct ua *ua, const char *call_id)
{
    struct ua_world *world = ua->world;
    struct ua_call *call = NULL;

    for (int i = 0; i < UA_CALLS && call == NULL; i++)
        if (ua->calls[i].state == UA_FREE)
            call = &ua->calls[i];
    if (call == NULL || world->diary_count == world->diary_room)
        return NULL;
    *call = (struct ua_call){.ua = ua,
                             .invite = -1,
                             .diary = &world->diaries[world->diary_count++],
                             .ring = {.fire = ring, .ctx = call},
                             .act = {.fire = act, .ctx = call},
                             .extra = {.fire = ua_call_extra, .ctx = call}};
    say_in(call->call_id, sizeof(call->call_id), "%s", call_id);
    say_in(call->local_tag, sizeof(call->local_tag), "%s%u", ua->user, ua->next++);
    *call->diary = (struct diary){.who = ua->user, .began_ms = ua_now(ua)};
    say_in(call->diary->call_id, sizeof(call->diary->call_id), "%s", call_id);
    return call;
}

void ua_call_over(struct ua_call *call, int status)
{
    if (status != 0 && call->diary->status == 0)
        call->diary->status = status;
    if (call->diary->over_ms == 0)
        call->diary->over_ms = ua_now(call->ua);
    ct_timer_stop(&call->ring);
    ct_timer_stop(&call->act);
    ct_timer_stop(&call->extra);
    /* what goes on of its transactions is nobody's */
    for (int i = 0; i < UA_CLIENTS; i++)
        if (call->ua->clients[i].call == (int)(call - call->ua->calls))
            call->ua->clients[i].call = -1;
    for (int i = 0; i < UA_SERVERS; i++)
        if (call->ua->servers[i].call == (int)(call - call->ua->calls))
            call->ua->servers[i].call = -1;
    call->state = UA_FREE;
}

void ua_call_up(struct ua_call *call)
{
    struct ua *ua = call->ua;

    call->state = UA_UP;
    later(ua, &call->act, ua_between(ua, 0, ua_chance(ua, 20) ? 200 : 60000));
    if (!ua->world->quiet && ua_chance(ua, 50))
        later(ua, &call->extra, ua_between(ua, 0, 15000));
}

/* Writes BYE, or waits for what has to come first. */
void ua_call_leave(struct ua_call *call)
{
    call->wants_out = true;
    if (call->state == UA_CALLING && !call->cancelled && call->invite >= 0 &&
        call->ua->clients[call->invite].provisional) {
        struct ua_client *invite = &call->ua->clients[call->invite];
        char start[SAID_TEXT + 32];
        char rest[1024];

        call->cancelled = true;
        call->diary->bye_ms = ua_now(call->ua);
        say_in(start, sizeof(start), "CANCEL %s SIP/2.0", call->target);
        say_in(
            rest, sizeof(rest),
            "Max-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u CANCEL\r\n" NOTHING,
            call->local, call->remote, call->call_id, invite->cseq);
        if (ua_request(call->ua, "CANCEL", invite->cseq, (int)(call - call->ua->calls), start, rest,
                       invite->branch) < 0)
            call->cancelled = false;
        /* the final response is waited for this long (9.1) */
        invite->until_ms = ua_now(call->ua) + PATIENCE_MS;
        later(call->ua, &invite->timer, PATIENCE_MS);
    } else if (call->state == UA_UP) {
        if (ua_call_request(call, "BYE", NOTHING) < 0) {
            later(call->ua, &call->act, 1000);
            return;
        }
        call->state = UA_ENDING;
        call->diary->bye_ms = ua_now(call->ua);
        ct_timer_stop(&call->extra);
    } else if (call->state == UA_RINGING) {
        ua_reply(call->ua, &call->ua->servers[call->invite], call->local_tag, 480, NOTHING);
        ua_call_over(call, 480);
    }
}

/* ---- who is called ---- */

static void answer(struct ua_call *call, int status)
{
    struct ua *ua = call->ua;
    struct ua_server *server = &ua->servers[call->invite];
    char rest[1024];
    char body[512];
    char where[96];

    ua_contact(ua, where, sizeof(where));
    ua_body(body, sizeof(body),
            status < 200 && !call->reliable ? NULL
            : status < 300                  ? ua_sdp(ua)
                                            : NULL);
    if (status == 183 && call->reliable) {
        call->rseq = 1 + lan_random(ua->world->lan, 1000);
        say_in(rest, sizeof(rest), "Contact: %s\r\nRequire: 100rel\r\nRSeq: %u\r\n%s", where,
               call->rseq, body);
    } else {
        say_in(rest, sizeof(rest),
               "Contact: %s\r\nAllow: INVITE, ACK, CANCEL, BYE, UPDATE, INFO, PRACK\r\n%s", where,
               body);
    }
    ua_reply(ua, server, call->local_tag, status, rest);
    if (status < 200) {
        if (call->diary->rang_ms == 0)
            call->diary->rang_ms = ua_now(ua);
        return;
    }
    if (status >= 300) {
        ua_call_over(call, status);
        return;
    }
    call->diary->status = status;
    call->diary->answered_ms = ua_now(ua);
    call->state = UA_ANSWERED;
}

static void ring(void *ctx)
{
    struct ua_call *call = ctx;
    struct ua *ua = call->ua;

    answer(call, call->reliable ? 183 : 180);
    /* who uses reliable responses says it again until it is heard, and without an offer cannot wait for it */
    later(ua, &call->act, ua_between(ua, 0, 12000));
}

static void decide(struct ua_call *call)
{
    static const int refusals[] = {486, 486, 603, 480, 500, 488, 404, 600};
    struct ua *ua = call->ua;

    if (ua_chance(ua, 68))
        call->answer = 200;
    else if (ua_chance(ua, 65))
        call->answer = refusals[lan_random(ua->world->lan, 8)];
    else
        call->answer = 0; /* rings until the caller gives up */
    if (ua_chance(ua, 75))
        later(ua, &call->ring, ua_between(ua, 1, 3000));
    else
        later(ua, &call->act, ua_between(ua, 1, 6000));
}

/* An INVITE outside a dialog. */
static void invited(struct ua *ua, struct ua_server *server, const struct said *said)
{
    struct ua_call *call;

    if (ua->customer != NULL && strstr(said->uri, "+33") != NULL && !ua_believes(ua, server, said))
        return;
    call = call_new(ua, said->call_id);
    if (call != NULL)
        said_between(said->uri, "sip:", "@", call->diary->number, sizeof(call->diary->number));
    if (call == NULL || ua->world->quiet) {
        if (call != NULL)
            ua_call_over(call, 486);
        ua_reply(ua, server, "busy", 486, NOTHING);
        return;
    }
    call->state = UA_RINGING;
    call->invite = (int)(server - ua->servers);
    server->call = (int)(call - ua->calls);
    say_in(call->local, sizeof(call->local), "%s;tag=%s", said->to, call->local_tag);
    say_in(call->remote, sizeof(call->remote), "%s", said->from);
    say_in(call->remote_tag, sizeof(call->remote_tag), "%s", said->from_tag);
    say_in(call->target, sizeof(call->target), "%s", said->contact);
    call->remote_cseq = said->cseq;
    call->offered = said->body.len > 0;
    call->reliable =
        said_has(said, "Supported", "k", "100rel") && call->offered && ua_chance(ua, 40);
    if (ua_chance(ua, 60))
        ua_reply(ua, server, NULL, 100, NOTHING);
    decide(call);
}

void ua_on_request(struct ua *ua, struct ua_server *server, const struct said *said)
{
    struct ua_call *call;

    if (strcmp(said->method, "OPTIONS") == 0 && said->to_tag[0] == '\0') {
        ua_reply(ua, server, "options", 200, NOTHING);
    } else if (strcmp(said->method, "REGISTER") == 0 && ua->customer != NULL) {
        ua_registered(ua, server, said);
    } else if (said->to_tag[0] != '\0') {
        call = ua_call_find(ua, said);
        if (call == NULL)
            ua_reply(ua, server, NULL, 481, NOTHING);
        else
            ua_in_dialog(call, server, said);
    } else if (strcmp(said->method, "INVITE") == 0) {
        invited(ua, server, said);
    } else {
        ua_reply(ua, server, "none", 405, "Allow: INVITE, ACK, CANCEL, BYE\r\n" NOTHING);
    }
}

void ua_on_cancel(struct ua *ua, struct ua_server *invite)
{
    struct ua_call *call = invite->call < 0 ? NULL : &ua->calls[invite->call];

    if (call == NULL || call->state != UA_RINGING)
        return;
    ua_reply(ua, invite, call->local_tag, 487, NOTHING);
    ua_call_over(call, 487);
}

void ua_on_ack(struct ua *ua, struct ua_server *invite, const struct said *said)
{
    struct ua_call *call = invite->call < 0 ? NULL : &ua->calls[invite->call];

    (void)said;
    if (call == NULL || !invite->success || call->state != UA_ANSWERED)
        return;
    call->diary->acked_ms = ua_now(ua);
    ua_call_up(call);
}

void ua_on_unacked(struct ua *ua, int index)
{
    struct ua_call *call = index < 0 ? NULL : &ua->calls[index];

    if (call == NULL || (call->state != UA_ANSWERED && call->state != UA_UP))
        return;
    call->diary->lost = true;
    call->state = UA_UP;
    ua_call_leave(call);
}

/* ---- who calls ---- */

bool ua_call_invite(struct ua_call *call)
{
    struct ua *ua = call->ua;
    char rest[2560];
    char body[512];
    char where[96];
    char field[1024];
    char start[SAID_TEXT + 32];

    ua_contact(ua, where, sizeof(where));
    ua_body(body, sizeof(body), call->offers ? ua_sdp(ua) : NULL);
    ua_authorization(ua, "INVITE", call->target, field, sizeof(field));
    say_in(start, sizeof(start), "INVITE %s SIP/2.0", call->target);
    say_in(rest, sizeof(rest),
           "Max-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u INVITE\r\nContact: "
           "%s\r\n"
           "%s%s%sAllow: INVITE, ACK, CANCEL, BYE, UPDATE, INFO, NOTIFY, REFER, PRACK\r\n%s",
           call->local, call->remote, call->call_id, ++call->cseq, where, field,
           ua->prack ? "Supported: 100rel\r\n" : "", call->replaces, body);
    call->invite = ua_request(ua, "INVITE", call->cseq, (int)(call - ua->calls), start, rest, NULL);
    return call->invite >= 0;
}

void ua_call(struct ua *ua, const char *number, const struct ua_call *replaces)
{
    char call_id[SAID_TEXT];
    struct ua_call *call;
    bool known; /* it says who it is by what it can prove */

    say_in(call_id, sizeof(call_id), "%s-%u-%lld", ua->user, ua->next++, (long long)ua_now(ua));
    call = ua->on && (!ua->registers || ua->registered) ? call_new(ua, call_id) : NULL;
    if (call == NULL)
        return;
    if (ua_chance(ua, 30))
        ua->nonce[0] = '\0';
    known = ua->device_id == 0 || (ua->nonce[0] != '\0' && ua_chance(ua, 50));
    call->offers = ua_chance(ua, 88);
    call->diary->caller = true;
    say_in(call->diary->number, sizeof(call->diary->number), "%s", number);
    call->cseq = lan_random(ua->world->lan, 100);
    call->state = UA_CALLING;
    say_in(call->local, sizeof(call->local), "\"%s\" <sip:%s@%s>;tag=%s", ua->user,
           known ? ua->number : ua->username, ua->world->server, call->local_tag);
    say_in(call->remote, sizeof(call->remote), "<sip:%s@%s>", number, ua->world->server);
    say_in(call->target, sizeof(call->target), "sip:%s@%s", number, ua->world->server);
    if (replaces != NULL) {
        call->diary->replaces = true;
        say_in(call->replaces, sizeof(call->replaces), "Replaces: %s;to-tag=%s;from-tag=%s\r\n",
               replaces->call_id, replaces->remote_tag, replaces->local_tag);
    }
    if (!ua_call_invite(call)) {
        ua->world->diary_count--;
        *call = (struct ua_call){0};
        return;
    }
    if (ua_chance(ua, 25))
        later(ua, &call->act, ua_between(ua, 0, 9000));
    else
        later(ua, &call->act, ua_between(ua, 60000, 100000));
}

/* When chance has it that something is done: an answer, giving up, hanging up. */
static void act(void *ctx)
{
    struct ua_call *call = ctx;

    if (call->state != UA_RINGING) {
        ua_call_leave(call);
    } else if (call->answer == 200 && call->rseq != 0 && call->tries < 12) {
        /* what was said reliably is said again until it is heard (RFC 3262 section 3) */
        struct ua_server *server = &call->ua->servers[call->invite];
        char text[UA_TEXT];

        memcpy(text, server->text, sizeof(text));
        call->tries++;
        lan_send(call->ua->world->lan, call->ua->address, &server->hop,
                 (struct ct_str){text, server->size});
        later(call->ua, &call->act, 2000);
    } else if (call->answer != 0) {
        answer(call, call->rseq != 0 ? 504 : call->answer);
    }
}

void ua_hang_up(struct ua *ua)
{
    for (int i = 0; i < UA_CALLS; i++) {
        struct ua_call *call = &ua->calls[i];

        if (call->state == UA_RINGING && call->answer == 0)
            call->answer = 480;
        if (call->state == UA_RINGING || call->state == UA_CALLING || call->state == UA_UP)
            later(ua, &call->act, ua_between(ua, 1, 5000));
    }
}

/* ---- on and off ---- */

void ua_init(struct ua *ua, struct ua_world *world, int64_t device_id, const char *user,
             const char *address, enum ct_sip_transport transport)
{
    *ua = (struct ua){.world = world,
                      .transport = transport,
                      .registers = device_id != 0,
                      .device_id = device_id};
    say_in(ua->user, sizeof(ua->user), "%s", user);
    say_in(ua->address, sizeof(ua->address), "%s", address);
    if (transport == CT_SIP_WS)
        say_in(ua->host, sizeof(ua->host), "b%s.invalid", user);
    else
        say_in(ua->host, sizeof(ua->host), "%s", address);
}

void ua_switch_on(struct ua *ua)
{
    const struct lan_resident resident = {.ctx = ua, .receive = ua_receive, .lost = ua_lost};

    if (ua->on)
        return;
    if (lan_reside(ua->world->lan, ua->address, &resident) != CT_OK)
        abort();
    ua->on = true;
    ua->refresh = (struct ct_timer){.fire = ua_register, .ctx = ua};
    say_in(ua->register_id, sizeof(ua->register_id), "reg-%s-%u", ua->user, ua->next++);
    ua->register_cseq = 0;
    ua->nonce[0] = '\0';
    if (ua->registers)
        ua_register(ua);
}

void ua_crash(struct ua *ua)
{
    if (!ua->on)
        return;
    ua->on = false;
    ua->registered = false;
    for (int i = 0; i < UA_CALLS; i++) {
        if (ua->calls[i].state == UA_FREE)
            continue;
        ua->calls[i].diary->crashed = true;
        ua_call_over(&ua->calls[i], 0);
    }
    for (int i = 0; i < UA_CLIENTS; i++)
        ua_client_free(&ua->clients[i]);
    for (int i = 0; i < UA_SERVERS; i++)
        ua_server_free(&ua->servers[i]);
    ct_timer_stop(&ua->refresh);
    lan_break(ua->world->lan, ua->address);
    if (lan_reside(ua->world->lan, ua->address, NULL) != CT_OK)
        abort();
}

bool ua_is_idle(const struct ua *ua)
{
    for (int i = 0; i < UA_CALLS; i++)
        if (ua->calls[i].state != UA_FREE)
            return false;
    for (int i = 0; i < UA_CLIENTS; i++)
        if (ua->clients[i].used)
            return false;
    /* the server may look whether it is there, or register with it, at any time */
    for (int i = 0; i < UA_SERVERS; i++)
        if (ua->servers[i].used && strcmp(ua->servers[i].method, "OPTIONS") != 0 &&
            strcmp(ua->servers[i].method, "REGISTER") != 0)
            return false;
    return true;
}
