#include "sip/write.h"
#include "voice/call_parts.h"

/* What one side of a call wants of the other: offers and their answers, INFO and the like. */

void ct_live_forget_exchange(struct ct_live *call, const struct ct_live_leg *leg)
{
    if (call->giver == leg) {
        call->giver = NULL;
        call->exchange = CT_LIVE_QUIET;
    }
    if (call->ack_to == leg)
        call->ack_to = NULL;
    if (call->transferor == leg)
        call->transferor = NULL;
    for (size_t i = 0; i < CT_SIP_MAX_FORKS; i++)
        if (call->forks[i].leg == leg)
            call->forks[i].leg = NULL;
}

static void cannot_connect(struct ct_live *call)
{
    ct_live_finish(call, CT_CALL_COMPLETED, CT_CALL_SYSTEM, call->facts.sip_code,
                   CT_STR("The two sides could not be connected"));
}

/* Passes a description on; @p send is one of the session's functions that take one. */
typedef enum ct_result send_body(struct ct_sip_session *session, struct ct_sip_body body);

static enum ct_result pass(const struct ct_live_leg *from, struct ct_live_leg *to, bool offer,
                           struct ct_sip_body body, send_body *send)
{
    struct ct_arena *arena = ct_arena_new();
    enum ct_result result = CT_NOMEM;

    if (arena != NULL)
        result = send(to->session, ct_live_through(from, offer, body, arena));
    ct_arena_free(arena);
    return result;
}

static enum ct_result offer_slowly(struct ct_sip_session *session, struct ct_sip_body body)
{
    return ct_sip_session_offer(session, 0, 0, body);
}

static enum ct_result offer_patiently(struct ct_sip_session *session, struct ct_sip_body body)
{
    return ct_sip_session_offer(session, 0, CT_SIP_OFFER_PATIENT, body);
}

static enum ct_result offer_quickly(struct ct_sip_session *session, struct ct_sip_body body)
{
    return ct_sip_session_offer(session, 0, CT_SIP_OFFER_QUICK, body);
}

static enum ct_result answer_newcomer(struct ct_sip_session *session, struct ct_sip_body body)
{
    return ct_sip_session_answer(session, 0, body);
}

bool ct_live_offer(struct ct_live_leg *giver, struct ct_live_leg *to,
                   enum ct_live_exchange exchange, struct ct_sip_body body)
{
    struct ct_live *call = giver->call;

    if (pass(giver, to, true, body, offer_patiently) != CT_OK)
        return false;
    call->exchange = exchange;
    call->giver = giver;
    return true;
}

/* ---- offers of one side ---- */

/* An UPDATE or PRACK of the caller before the answer goes to the early dialog that it belongs to. */
static enum ct_result pass_early(struct ct_live_leg *leg, const struct ct_sip_offer *offer,
                                 struct ct_live_leg **to)
{
    struct ct_live *call = leg->call;
    struct ct_arena *arena;
    ct_sip_fork fork = 0;
    enum ct_result result = CT_NOMEM;

    if (leg == call->side[0]) {
        *to = ct_live_fork_down(call, offer->fork, &fork);
    } else {
        *to = call->side[0];
        fork = ct_live_fork_up(call, leg, offer->fork, false);
    }
    if (*to == NULL || (*to)->session == NULL)
        return CT_FORBIDDEN;
    arena = ct_arena_new();
    if (arena != NULL)
        result = ct_sip_session_offer((*to)->session, fork, CT_SIP_OFFER_QUICK,
                                      ct_live_through(leg, true, offer->body, arena));
    ct_arena_free(arena);
    return result;
}

void ct_live_leg_offered(void *ctx, const struct ct_sip_offer *offer)
{
    struct ct_live_leg *leg = ctx;
    struct ct_live *call = leg->call;
    struct ct_live_leg *other = call == NULL ? NULL : ct_live_other(leg);
    enum ct_result result = CT_FORBIDDEN;
    enum ct_sip_session_state state = ct_sip_session_state(leg->session);
    bool early = state == CT_SIP_SESSION_INCOMING || state == CT_SIP_SESSION_PROCEEDING;

    if (call != NULL && call->exchange != CT_LIVE_QUIET) {
        result = CT_CONFLICT;
    } else if (call != NULL && early) {
        result = pass_early(leg, offer, &other);
    } else if (call != NULL && other != NULL && other->session != NULL && call->ack_to == NULL) {
        result = pass(leg, other, true, offer->body, offer->quick ? offer_quickly : offer_slowly);
    } else if (call != NULL && call->ack_to != NULL) {
        result = CT_CONFLICT;
    }
    if (result == CT_OK) {
        call->exchange = CT_LIVE_PASSED;
        call->giver = leg;
        return;
    }
    /* the other side is busy with an offer of its own (491); there is none, or it cannot (488) */
    result = ct_sip_session_refuse_offer(leg->session, result == CT_CONFLICT ? 491 : 488, 0);
    (void)result; /* it waits, so it can be refused */
}

/* Who had offered something has gone, and the other side has taken it: it is asked what it offers, so that the two
 * that are left agree again. One that is about to be offered something else needs no such help. */
static void mend(struct ct_live_leg *leg)
{
    struct ct_live *call = leg->call;
    struct ct_live_leg *other = ct_live_other(leg);

    if (call->over || other == NULL || other->session == NULL ||
        ct_sip_session_state(other->session) != CT_SIP_SESSION_CONFIRMED ||
        offer_patiently(leg->session, (struct ct_sip_body){0}) != CT_OK)
        return;
    call->exchange = CT_LIVE_ASKED;
    call->giver = leg;
}

void ct_live_leg_offer_accepted(void *ctx, bool wants_ack, struct ct_sip_body body)
{
    struct ct_live_leg *leg = ctx;
    struct ct_live *call = leg->call;
    struct ct_live_leg *giver;
    enum ct_live_exchange exchange;
    enum ct_result result = CT_OK;

    if (call == NULL || call->exchange == CT_LIVE_QUIET || call->giver == NULL) {
        /* who had asked is gone; what was offered gets an answer all the same */
        if (wants_ack)
            result = ct_sip_session_ack(leg->session, (struct ct_sip_body){0});
        if (call != NULL && call->exchange == CT_LIVE_QUIET && result == CT_OK)
            mend(leg);
        return;
    }
    ct_live_enter(call);
    giver = call->giver;
    exchange = call->exchange;
    call->exchange = CT_LIVE_QUIET;
    call->giver = NULL;
    if (wants_ack)
        call->ack_to = leg;
    switch (exchange) {
    case CT_LIVE_PASSED:
        result = pass(leg, giver, wants_ack, body, ct_sip_session_accept_offer);
        if (result != CT_FORBIDDEN)
            break;
        /* it was cancelled meanwhile */
        call->ack_to = NULL;
        result = wants_ack ? ct_sip_session_ack(leg->session, (struct ct_sip_body){0}) : CT_OK;
        if (result == CT_OK)
            mend(leg);
        break;
    case CT_LIVE_BRIDGED:
        result = pass(leg, giver, false, body, ct_sip_session_ack);
        break;
    case CT_LIVE_ASKED:
        /* `leg` is the giver itself: its offer goes on to the other side */
        call->ack_to = NULL;
        if (ct_live_other(leg) == NULL ||
            !ct_live_offer(leg, ct_live_other(leg), CT_LIVE_BRIDGED, body))
            result = CT_FORBIDDEN;
        break;
    case CT_LIVE_REPLACED:
        result = pass(leg, giver, wants_ack, body, answer_newcomer);
        if (result == CT_OK)
            ct_live_take_place(call);
        break;
    case CT_LIVE_QUIET:
        break;
    }
    if (result != CT_OK)
        cannot_connect(call);
    ct_live_leave(call);
}

void ct_live_leg_offer_refused(void *ctx, const struct ct_sip_refusal *refusal)
{
    struct ct_live_leg *leg = ctx;
    struct ct_live *call = leg->call;
    struct ct_live_leg *giver;
    enum ct_live_exchange exchange;
    enum ct_result result;

    if (call == NULL || call->exchange == CT_LIVE_QUIET || call->giver == NULL)
        return;
    ct_live_enter(call);
    giver = call->giver;
    exchange = call->exchange;
    call->exchange = CT_LIVE_QUIET;
    call->giver = NULL;
    if (exchange == CT_LIVE_PASSED) {
        /* what a hop has to say is not the business of the other side; nor are passwords */
        result = ct_sip_session_refuse_offer(
            giver->session, refusal->status >= 400 ? ct_call_told(refusal->status) : 488,
            refusal->retry_after_s);
        (void)result; /* it may have been cancelled */
    } else if (exchange == CT_LIVE_REPLACED) {
        call->newcomer = NULL;
        ct_live_leg_end(giver, refusal->status >= 400 ? ct_call_told(refusal->status) : 488,
                        (struct ct_str){0}, (struct ct_str){0});
    } else {
        cannot_connect(call);
    }
    ct_live_leave(call);
}

void ct_live_leg_acked(void *ctx, struct ct_sip_body body)
{
    struct ct_live_leg *leg = ctx;
    struct ct_live *call = leg->call;
    struct ct_live_leg *waits;

    if (call == NULL || call->ack_to == NULL || call->ack_to == leg)
        return;
    ct_live_enter(call);
    waits = call->ack_to;
    call->ack_to = NULL;
    if (pass(leg, waits, false, body, ct_sip_session_ack) == CT_NOMEM)
        cannot_connect(call);
    ct_live_leave(call);
}

/* ---- INFO, MESSAGE, … ---- */

static void relay_gone(void *ctx, enum ct_sip_gone why)
{
    struct ct_live_leg *leg = ctx;

    (void)why;
    ct_sip_server_forget(leg->relay);
    leg->relay = NULL;
}

static const struct ct_sip_server_events relay_events = {NULL, relay_gone};

static void relayed(void *ctx, int status, const struct ct_sip_message *message)
{
    struct ct_live_leg *leg = ctx;
    struct ct_sip_reply_options options = {0};
    enum ct_result result;

    if (leg->relay == NULL)
        return;
    if (message != NULL) {
        options.reason = message->reason;
        options.content_type = message->content_type;
        options.body = message->body;
    }
    result = ct_sip_reply(leg->relay, status == 401 || status == 407 ? 403 : status, &options);
    (void)result; /* whoever asked asks again */
    ct_sip_server_forget(leg->relay);
    leg->relay = NULL;
}

/* Those headers that belong to the body, or say what it is for. */
static void write_headers(struct ct_buf *out, const struct ct_sip_message *message)
{
    static const enum ct_sip_header_id ids[] = {CT_SIP_H_CONTENT_DISPOSITION,
                                                CT_SIP_H_CONTENT_ENCODING, CT_SIP_H_EVENT,
                                                CT_SIP_H_SUBSCRIPTION_STATE};
    struct ct_str package = ct_sip_header_named(message, CT_STR("Info-Package"));

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        if (ct_sip_has(message, ids[i]))
            ct_sip_write_header(out, ids[i], ct_sip_header(message, ids[i]));
    if (package.len > 0)
        ct_sip_write_named(out, CT_STR("Info-Package"), package);
}

void ct_live_leg_request(void *ctx, struct ct_sip_server *server,
                         const struct ct_sip_message *message)
{
    struct ct_live_leg *leg = ctx;
    struct ct_live_leg *other = leg->call == NULL ? NULL : ct_live_other(leg);
    struct ct_arena *arena;
    struct ct_buf headers;
    int status = 500;
    enum ct_result result = CT_NOMEM;

    if (other == NULL || other->session == NULL ||
        ct_sip_session_state(other->session) != CT_SIP_SESSION_CONFIRMED)
        status = 481;
    else if (other->relay != NULL)
        status = 500; /* one after the other */
    else {
        arena = ct_arena_new();
        if (arena != NULL) {
            headers = ct_buf_in(arena);
            write_headers(&headers, message);
            if (!headers.failed)
                result = ct_sip_session_request(
                    other->session, message->method_name, (struct ct_str){headers.at, headers.len},
                    (struct ct_sip_body){message->content_type, message->body}, relayed, other);
        }
        ct_arena_free(arena);
    }
    if (result == CT_OK) {
        other->relay = server;
        ct_sip_server_watch(server, &relay_events, other);
        return;
    }
    result = ct_sip_reply(server, status, NULL);
    (void)result; /* whoever asked asks again */
}
