#include "sip/session_parts.h"

/* Requests within a dialog (RFC 3261 section 12.2), those that come and those of ours that were answered. */

static void bye(struct ct_sip_branch *branch, struct ct_sip_server *server,
                const struct ct_sip_message *message)
{
    struct ct_sip_session *session = branch->session;
    struct ct_sip_outgoing *outgoing = session->outgoing;

    if (session->state == CT_SIP_SESSION_OVER && !branch->stray) {
        ct_sip_leg_reply(server, 481, NULL);
        return;
    }
    ct_sip_leg_reply(server, 200, NULL);
    if (branch->stray)
        return;
    if (ct_sip_life_allows(session->state, CT_SIP_STEP_BYE)) {
        ct_sip_leg_step(session, CT_SIP_STEP_BYE);
        ct_sip_leg_given_up(session, CT_SIP_END_BYE, message);
    } else if (session->state == CT_SIP_SESSION_INCOMING) {
        ct_sip_leg_given_up(session, CT_SIP_END_BYE, message);
    } else if (ct_sip_life_allows(session->state, CT_SIP_STEP_HANG_UP)) {
        /* its 2xx was lost, every time */
        while (outgoing->purpose != CT_SIP_FOR_CALL)
            outgoing = outgoing->next;
        ct_sip_leg_step(session, CT_SIP_STEP_HANG_UP);
        ct_sip_outgoing_cancel(outgoing, 0, (struct ct_str){0});
        ct_sip_leg_given_up(session, CT_SIP_END_BYE, message);
    }
}

static void other(struct ct_sip_branch *branch, struct ct_sip_server *server,
                  const struct ct_sip_message *message)
{
    struct ct_sip_session *session = branch->session;

    if (message->method == CT_SIP_OPTIONS)
        ct_sip_leg_reply(server, 200, NULL);
    else if (session->events == NULL || branch->stray)
        ct_sip_leg_reply(server, 481, NULL);
    else if (session->events->request == NULL)
        ct_sip_leg_reply(server, 405, NULL);
    else
        session->events->request(session->ctx, server, message);
}

static void request(void *ctx, struct ct_sip_server *server, const struct ct_sip_message *message)
{
    struct ct_sip_branch *branch = ctx;
    struct ct_sip_session *session = branch->session;

    ct_sip_leg_enter(session);
    if (!ct_sip_dialog_take_cseq(branch->dialog, message))
        ct_sip_leg_reply(server, 500,
                         &(struct ct_sip_reply_options){.reason = CT_STR("CSeq Out of Order")});
    else if (message->method == CT_SIP_BYE)
        bye(branch, server, message);
    else if (session->state == CT_SIP_SESSION_OVER || session->state == CT_SIP_SESSION_ENDING)
        ct_sip_leg_reply(server, 481, NULL);
    else if (message->method == CT_SIP_INVITE)
        ct_sip_leg_reinvite(branch, server, message);
    else if (message->method == CT_SIP_UPDATE)
        ct_sip_leg_update(branch, server, message);
    else if (message->method == CT_SIP_PRACK)
        ct_sip_leg_prack(branch, server, message);
    else if (message->method == CT_SIP_REFER)
        ct_sip_leg_refer(branch, server, message);
    else
        other(branch, server, message);
    ct_sip_leg_leave(session);
}

static void ack(void *ctx, const struct ct_sip_message *message)
{
    struct ct_sip_branch *branch = ctx;
    struct ct_sip_session *session = branch->session;

    ct_sip_leg_enter(session);
    ct_sip_leg_acked(branch, message);
    ct_sip_leg_leave(session);
}

const struct ct_sip_dialog_events ct_sip_leg_dialog_events = {request, ack};

enum ct_result ct_sip_session_request(struct ct_sip_session *session, struct ct_str method,
                                      struct ct_str headers, struct ct_sip_body body,
                                      ct_sip_session_done *done, void *ctx)
{
    const struct ct_sip_request_parts parts = {.purpose = CT_SIP_FOR_USER,
                                               .method = method,
                                               .headers = headers,
                                               .body = body,
                                               .done = done,
                                               .done_ctx = ctx};
    struct ct_sip_outgoing *outgoing;
    enum ct_result result;

    if (session->main == NULL || session->state == CT_SIP_SESSION_CALLING)
        return CT_FORBIDDEN;
    result = ct_sip_outgoing_new(session, session->main, &parts, &outgoing);
    if (result == CT_OK)
        ct_sip_outgoing_start(outgoing);
    return result;
}

void ct_sip_leg_response(struct ct_sip_outgoing *outgoing, int status,
                         const struct ct_sip_message *message)
{
    struct ct_sip_session *session = outgoing->session;

    switch (outgoing->purpose) {
    case CT_SIP_FOR_CALL:
        ct_sip_leg_call_response(outgoing, status, message);
        break;
    case CT_SIP_FOR_OFFER:
    case CT_SIP_FOR_REFRESH:
        ct_sip_leg_offer_response(outgoing, status, message);
        break;
    case CT_SIP_FOR_BYE:
        if (!outgoing->branch->stray && ct_sip_life_allows(session->state, CT_SIP_STEP_GONE))
            ct_sip_leg_step(session, CT_SIP_STEP_GONE);
        break;
    case CT_SIP_FOR_NOTIFY:
        ct_sip_leg_notified(outgoing, status);
        break;
    case CT_SIP_FOR_USER:
        if (session->events != NULL && outgoing->done != NULL)
            outgoing->done(outgoing->done_ctx, status, message);
        break;
    case CT_SIP_FOR_PRACK: /* the callee repeats what was not acknowledged, or gives up */
    case CT_SIP_FOR_ACK:
        break;
    }
}
