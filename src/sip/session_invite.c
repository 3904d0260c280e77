#include <assert.h>
#include <string.h>

#include "sip/session_parts.h"
#include "sip/write.h"

/* The transaction of an INVITE that came: its 2xx until the ACK, its refusal, CANCEL. */

#define DEFAULT_T2_MS 4000

/* ---- the INVITE's transaction ---- */

void ct_sip_leg_drop_invite(struct ct_sip_session *session, int status)
{
    struct ct_sip_server *server = session->incoming.server;

    ct_timer_stop(&session->answer_timer);
    session->incoming = (struct ct_sip_incoming){0};
    if (server == NULL)
        return;
    if (!ct_sip_server_answered(server))
        ct_sip_leg_reply(server, status, NULL);
    ct_sip_server_forget(server);
}

void ct_sip_leg_refuse(struct ct_sip_session *session, int status, struct ct_str reason,
                       struct ct_str headers)
{
    const struct ct_sip_reply_options options = {.reason = reason, .headers = headers};

    assert(session->state == CT_SIP_SESSION_INCOMING);
    ct_sip_leg_reply(session->incoming.server, status, &options);
    ct_sip_leg_step(session, CT_SIP_STEP_REFUSE);
}

/* The text of a Reason header (RFC 3326), without its quotes. */
static struct ct_str reason_text(const struct ct_sip_message *message)
{
    struct ct_str value = ct_sip_header(message, CT_SIP_H_REASON);
    struct ct_str text = {0};
    const char *semicolon = value.len == 0 ? NULL : memchr(value.at, ';', value.len);

    if (semicolon == NULL)
        return text;
    value.len -= (size_t)(semicolon - value.at);
    value.at = semicolon;
    if (!ct_sip_param(value, CT_STR("text"), &text))
        return (struct ct_str){0};
    if (text.len >= 2 && text.at[0] == '"' && text.at[text.len - 1] == '"')
        text = (struct ct_str){text.at + 1, text.len - 2};
    return text;
}

void ct_sip_leg_given_up(struct ct_sip_session *session, enum ct_sip_end cause,
                         const struct ct_sip_message *message)
{
    const struct ct_sip_ended ended = {.cause = cause,
                                       .status = session->state == CT_SIP_SESSION_OVER ? 200 : 487,
                                       .reason = reason_text(message),
                                       .message = message};

    if (session->state == CT_SIP_SESSION_INCOMING)
        ct_sip_leg_refuse(session, 487, (struct ct_str){0}, (struct ct_str){0});
    ct_sip_leg_tell_ended(session, &ended);
}

static void cancelled(void *ctx, const struct ct_sip_message *cancel)
{
    struct ct_sip_session *session = ctx;

    ct_sip_leg_enter(session);
    if (session->state == CT_SIP_SESSION_INCOMING)
        ct_sip_leg_given_up(session, CT_SIP_END_CANCELLED, cancel);
    else if (!session->incoming.answered)
        ct_sip_leg_drop_offers(session);
    ct_sip_leg_leave(session);
}

static void no_ack(struct ct_sip_session *session)
{
    const struct ct_sip_ended ended = {
        .cause = CT_SIP_END_NO_ACK, .status = 408, .reason = CT_STR("No ACK")};

    ct_sip_leg_drop_invite(session, 500);
    if (session->state == CT_SIP_SESSION_CONFIRMED) {
        ct_sip_leg_break(session, CT_SIP_END_NO_ACK, 408);
        return;
    }
    ct_sip_leg_step(session, CT_SIP_STEP_NO_ACK);
    ct_sip_leg_bye(session, session->main, 408, ended.reason);
    ct_sip_leg_tell_ended(session, &ended);
}

static void gone(void *ctx, enum ct_sip_gone why)
{
    struct ct_sip_session *session = ctx;
    const struct ct_sip_ended ended = {
        .cause = CT_SIP_END_FAILED, .status = 503, .reason = ct_sip_reason(503)};

    (void)why;
    ct_sip_leg_enter(session);
    if (session->incoming.answered) {
        no_ack(session);
    } else if (session->state == CT_SIP_SESSION_INCOMING) {
        ct_sip_leg_step(session, CT_SIP_STEP_REFUSE);
        ct_sip_leg_tell_ended(session, &ended);
    } else {
        ct_sip_leg_drop_offers(session);
    }
    ct_sip_leg_leave(session);
}

const struct ct_sip_server_events ct_sip_leg_invite_events = {cancelled, gone};

void ct_sip_leg_repeat(struct ct_sip_session *session)
{
    struct ct_sip *sip = session->sessions->sip;

    session->incoming.answered = true;
    session->incoming.interval_ms = ct_sip_t1_ms(sip);
    session->incoming.until_ms = ct_sip_leg_now_ms(session) + 64 * ct_sip_t1_ms(sip);
    ct_timer_start(ct_sip_wheel(sip), &session->answer_timer, session->incoming.interval_ms);
}

void ct_sip_leg_answer_fire(void *ctx)
{
    struct ct_sip_session *session = ctx;
    struct ct_sip_incoming *incoming = &session->incoming;
    struct ct_sip *sip = session->sessions->sip;
    int64_t t2 = ct_sip_options(sip)->t2_ms;
    enum ct_result result;

    ct_sip_leg_enter(session);
    if (incoming->answered && ct_sip_leg_now_ms(session) >= incoming->until_ms) {
        no_ack(session);
    } else {
        result = ct_sip_reply_again(incoming->server);
        (void)result; /* one that is lost is sent again */
        if (incoming->answered) {
            incoming->interval_ms *= 2;
            if (t2 == 0)
                t2 = DEFAULT_T2_MS;
            if (incoming->interval_ms > t2)
                incoming->interval_ms = t2;
        }
        ct_timer_start(ct_sip_wheel(sip), &session->answer_timer,
                       incoming->answered ? incoming->interval_ms : CT_SIP_REMIND_MS);
    }
    ct_sip_leg_leave(session);
}

/* ---- ACK ---- */

void ct_sip_leg_acked(struct ct_sip_branch *branch, const struct ct_sip_message *message)
{
    struct ct_sip_session *session = branch->session;
    struct ct_sip_incoming *incoming = &session->incoming;
    struct ct_sip_body body = ct_sip_body_of(message);

    if (incoming->server == NULL || !incoming->answered || incoming->branch != branch ||
        incoming->cseq != message->cseq)
        return;
    /* without memory for the description this ACK is as if it had been lost: it comes again */
    if (body.bytes.len > 0 && ct_sip_keep(&session->remote, (struct ct_str){0}, body) != CT_OK)
        return;
    ct_sip_leg_drop_invite(session, 500);
    if (session->state == CT_SIP_SESSION_UNACKED) {
        ct_sip_leg_step(session, CT_SIP_STEP_ACK);
        ct_sip_leg_bye(session, branch, 0, (struct ct_str){0});
        return;
    }
    if (session->state == CT_SIP_SESSION_ANSWERED)
        ct_sip_leg_step(session, CT_SIP_STEP_ACK);
    if (session->events != NULL && session->events->acked != NULL)
        session->events->acked(session->ctx, body);
}
