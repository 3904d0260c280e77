#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/session_parts.h"
#include "sip/write.h"

/* A leg that calls: the INVITE, what it is answered with, its forks, ACK and PRACK. */

#define DEFAULT_MAX_FORWARDS 70
/* What is kept of an INVITE of ordinary length, as long as its leg. */
#define CALL_BYTES 600

/* ---- calling ---- */

static enum ct_result copy(struct ct_arena *arena, struct ct_str text, struct ct_str *out)
{
    out->at = ct_str_dup(arena, text);
    out->len = text.len;
    return out->at == NULL ? CT_NOMEM : CT_OK;
}

static enum ct_result copy_call(struct ct_sip_session *session, const struct ct_sip_invite *invite)
{
    struct ct_sip_invite *call = &session->call;
    struct ct_arena *arena = ct_arena_sized(CALL_BYTES);
    struct ct_sip_hop *hops;
    enum ct_result result = CT_NOMEM;

    session->call_arena = arena;
    if (arena == NULL)
        return CT_NOMEM;
    *call = *invite;
    if (call->max_forwards == 0)
        call->max_forwards = DEFAULT_MAX_FORWARDS;
    if (copy(arena, invite->uri, &call->uri) != CT_OK ||
        copy(arena, invite->from, &call->from) != CT_OK ||
        copy(arena, invite->to, &call->to) != CT_OK ||
        copy(arena, invite->route, &call->route) != CT_OK)
        return CT_NOMEM;
    hops = ct_arena_alloc(arena, (invite->hop_count + 1) * sizeof(*hops));
    if (hops == NULL)
        return CT_NOMEM;
    if (invite->hop_count > 0)
        memcpy(hops, invite->hops, invite->hop_count * sizeof(*hops));
    call->hops = hops;
    session->stay = invite->stay;
    session->credentials = invite->credentials;
    session->credentials_ctx = invite->credentials_ctx;
    session->offered = invite->body.bytes.len > 0;
    result = ct_sip_keep(&session->local, (struct ct_str){0}, invite->body);
    /* the outgoing INVITE has copies of its own */
    call->headers = (struct ct_str){0};
    call->body = (struct ct_sip_body){0};
    call->user = (struct ct_str){0};
    return result;
}

enum ct_result ct_sip_session_invite(struct ct_sip_sessions *sessions,
                                     const struct ct_sip_invite *invite,
                                     const struct ct_sip_session_events *events, void *ctx,
                                     struct ct_sip_session **out)
{
    const struct ct_sip_request_parts parts = {.purpose = CT_SIP_FOR_CALL,
                                               .method = CT_STR("INVITE"),
                                               .headers = invite->headers,
                                               .body = invite->body};
    struct ct_sip_token call_id = ct_sip_token(sessions->sip);
    struct ct_sip_token tag = ct_sip_token(sessions->sip);
    const struct ct_sip_leg_names names = {CT_SIP_TOKEN_STR(call_id), CT_SIP_TOKEN_STR(tag),
                                           invite->user};
    struct ct_sip_uri uri;
    struct ct_sip_session *session;
    struct ct_sip_outgoing *outgoing;
    enum ct_result result;

    if (!ct_sip_uri_read(invite->uri, &uri))
        return CT_INVALID;
    result = ct_sip_leg_new(sessions, &names, events, ctx, &session);
    if (result != CT_OK)
        return result;
    ct_sip_leg_enter(session);
    session->caller = true;
    result = copy_call(session, invite);
    if (result == CT_OK)
        result = ct_sip_outgoing_new(session, NULL, &parts, &outgoing);
    if (result == CT_OK) {
        ct_sip_outgoing_start(outgoing);
        *out = session;
    } else {
        session->events = NULL;
        ct_sip_leg_step(session, CT_SIP_STEP_FAILURE);
    }
    ct_sip_leg_leave(session);
    return result;
}

/* ---- branches ---- */

static struct ct_sip_branch *find(struct ct_sip_session *session, struct ct_str remote_tag)
{
    for (struct ct_sip_branch *branch = session->branches; branch != NULL; branch = branch->next)
        if (branch->dialog != NULL && ct_str_equal(branch->dialog->remote_tag, remote_tag))
            return branch;
    return NULL;
}

/* The dialog that a response belongs to, a new one if it is the first of it. NULL: for want of memory, or because
 * there are too many. */
static struct ct_sip_branch *branch_of(struct ct_sip_outgoing *outgoing,
                                       const struct ct_sip_message *message)
{
    struct ct_sip_session *session = outgoing->session;
    const struct ct_sip_dialog_caller caller = {session->call.from, session->call.to,
                                                session->call.uri,  session->call_id,
                                                session->local_tag, outgoing->cseq};
    struct ct_sip_branch *branch = find(session, message->to.tag);

    if (branch != NULL) {
        branch->dialog->hop = *ct_sip_client_to(outgoing->client);
        return branch;
    }
    /* beyond those that rang some may answer, which is to be ended; not without end */
    if (session->next_fork >= (message->status < 200 ? CT_SIP_MAX_FORKS : 2 * CT_SIP_MAX_FORKS))
        return NULL;
    if (ct_sip_leg_branch_new(session, &branch) != CT_OK)
        return NULL;
    if (ct_sip_dialog_calling(session->sessions->sip, message, ct_sip_client_to(outgoing->client),
                              &caller, &ct_sip_leg_dialog_events, branch,
                              &branch->dialog) != CT_OK) {
        ct_sip_leg_branch_free(session, branch);
        return NULL;
    }
    branch->fork = session->next_fork++;
    branch->invite_cseq = outgoing->cseq;
    if (session->main == NULL)
        session->main = branch;
    return branch;
}

static void note_abilities(struct ct_sip_branch *branch, const struct ct_sip_message *message)
{
    if (ct_sip_has(message, CT_SIP_H_ALLOW))
        branch->update = ct_sip_has_token(message, CT_SIP_H_ALLOW, CT_STR("UPDATE"));
}

static void note_body(struct ct_sip_session *session, const struct ct_sip_message *message)
{
    /* without memory for it the one before stands */
    if (message->body.len > 0 &&
        ct_sip_keep(&session->remote, (struct ct_str){0}, ct_sip_body_of(message)) != CT_OK)
        return;
}

/* ---- PRACK (RFC 3262 section 4) ---- */

static enum ct_result send_prack(struct ct_sip_branch *branch, uint32_t rseq,
                                 struct ct_sip_body body)
{
    struct ct_sip_session *session = branch->session;
    char headers[64];
    struct ct_sip_request_parts parts = {
        .purpose = CT_SIP_FOR_PRACK, .method = CT_STR("PRACK"), .body = body};
    struct ct_sip_outgoing *outgoing;
    enum ct_result result;
    int length =
        snprintf(headers, sizeof(headers), "RAck: %u %u INVITE\r\n", rseq, branch->invite_cseq);

    parts.headers = (struct ct_str){headers, (size_t)length};
    result = ct_sip_outgoing_new(session, branch, &parts, &outgoing);
    if (result == CT_OK)
        ct_sip_outgoing_start(outgoing);
    return result;
}

enum ct_result ct_sip_session_prack(struct ct_sip_session *session, ct_sip_fork fork,
                                    struct ct_sip_body body)
{
    struct ct_sip_branch *branch = ct_sip_leg_branch_of(session, fork);
    uint32_t rseq;
    enum ct_result result;

    if (session->state != CT_SIP_SESSION_PROCEEDING || branch == NULL || branch->prack_rseq == 0)
        return CT_FORBIDDEN;
    rseq = branch->prack_rseq;
    result = send_prack(branch, rseq, body);
    if (result != CT_OK)
        return result;
    branch->prack_rseq = 0;
    branch->negotiated = true;
    return CT_OK;
}

/* Whether a reliable response is the one that is due, and not one that came before or too early. */
static bool take_rseq(struct ct_sip_branch *branch, const struct ct_sip_message *message,
                      uint32_t *rseq)
{
    if (!ct_sip_header_number(message, CT_SIP_H_RSEQ, rseq) || *rseq == 0)
        return false;
    if (branch->rseq != 0 && *rseq != branch->rseq + 1)
        return false;
    return true;
}

/* ---- responses ---- */

static void progress(struct ct_sip_outgoing *outgoing, const struct ct_sip_message *message)
{
    struct ct_sip_session *session = outgoing->session;
    struct ct_sip_progress event = {.status = message->status,
                                    .reason = message->reason,
                                    .body = ct_sip_body_of(message),
                                    .message = message};
    struct ct_sip_branch *branch = NULL;
    uint32_t rseq;

    if (!ct_sip_life_allows(session->state, CT_SIP_STEP_PROVISIONAL))
        return;
    event.reliable = ct_sip_has_token(message, CT_SIP_H_REQUIRE, CT_STR("100rel"));
    if (message->to.tag.len > 0) {
        branch = branch_of(outgoing, message);
        if (branch == NULL)
            return;
        note_abilities(branch, message);
        event.fork = branch->fork;
    }
    if (event.reliable) {
        if (branch == NULL || !take_rseq(branch, message, &rseq))
            return;
        event.wants_prack = message->body.len > 0 && !session->offered && !branch->negotiated &&
                            session->events != NULL && session->events->progress != NULL;
        if (event.wants_prack) {
            branch->prack_rseq = rseq;
        } else {
            /* without memory this response is as if it had been lost: it comes again */
            if (send_prack(branch, rseq, (struct ct_sip_body){0}) != CT_OK)
                return;
            branch->negotiated = branch->negotiated || message->body.len > 0;
        }
        branch->rseq = rseq;
    }
    note_body(session, message);
    ct_sip_leg_step(session, CT_SIP_STEP_PROVISIONAL);
    if (session->events != NULL && session->events->progress != NULL)
        session->events->progress(session->ctx, &event);
}

enum ct_result ct_sip_leg_ack(struct ct_sip_branch *branch, uint32_t cseq,
                              struct ct_str authorization, struct ct_sip_body body)
{
    const struct ct_sip_request_parts parts = {
        .purpose = CT_SIP_FOR_ACK, .method = CT_STR("ACK"), .headers = authorization, .body = body};
    struct ct_sip_outgoing *ack;
    enum ct_result result = ct_sip_outgoing_new(branch->session, branch, &parts, &ack);

    if (result != CT_OK)
        return result;
    ack->cseq = cseq;
    ct_sip_outgoing_free(branch->ack);
    branch->ack = ack;
    ct_sip_outgoing_ack(ack);
    return CT_OK;
}

/* The INVITE whose 2xx is to be acknowledged by the user. */
static struct ct_sip_outgoing *acknowledged(struct ct_sip_session *session)
{
    struct ct_sip_outgoing *found = NULL;

    for (struct ct_sip_outgoing *outgoing = session->outgoing; outgoing != NULL;
         outgoing = outgoing->next)
        if (outgoing->succeeded && (found == NULL || outgoing->cseq > found->cseq))
            found = outgoing;
    return found;
}

enum ct_result ct_sip_session_ack(struct ct_sip_session *session, struct ct_sip_body body)
{
    struct ct_sip_outgoing *invite = acknowledged(session);
    enum ct_result result;

    if (session->state != CT_SIP_SESSION_CONFIRMED || !session->wants_ack || invite == NULL)
        return CT_FORBIDDEN;
    result = ct_sip_keep(&session->local, (struct ct_str){0}, body);
    if (result == CT_OK)
        result =
            ct_sip_leg_ack(session->main, invite->cseq, ct_str_of(invite->authorization), body);
    if (result == CT_OK)
        session->wants_ack = false;
    return result;
}

void ct_sip_leg_ack_empty(struct ct_sip_session *session)
{
    struct ct_sip_outgoing *invite = acknowledged(session);

    session->wants_ack = false;
    if (invite != NULL &&
        ct_sip_leg_ack(session->main, invite->cseq, ct_str_of(invite->authorization),
                       (struct ct_sip_body){0}) != CT_OK)
        return; /* the BYE that follows says enough */
}

/* A 2xx that came before, or of another fork, which is ended at once (13.2.2.4). */
static void stray(struct ct_sip_outgoing *outgoing, struct ct_sip_branch *branch,
                  const struct ct_sip_message *message)
{
    struct ct_sip_session *session = outgoing->session;
    enum ct_result result = CT_OK;

    if (branch->ack != NULL) {
        if (branch->ack->cseq == outgoing->cseq)
            ct_sip_outgoing_ack(branch->ack);
        return;
    }
    if (branch == session->main) {
        /* while the user is asked for the answer, nothing is to be said; later there is none */
        if (!session->wants_ack)
            result = ct_sip_leg_ack(branch, outgoing->cseq, ct_str_of(outgoing->authorization),
                                    (struct ct_sip_body){0});
        (void)result;
        return;
    }
    branch->stray = true;
    if (ct_sip_dialog_confirm(branch->dialog, message, ct_sip_client_to(outgoing->client)) ==
            CT_OK &&
        ct_sip_leg_ack(branch, outgoing->cseq, ct_str_of(outgoing->authorization),
                       (struct ct_sip_body){0}) == CT_OK)
        ct_sip_leg_bye(session, branch, 0, (struct ct_str){0});
}

static void success(struct ct_sip_outgoing *outgoing, const struct ct_sip_message *message)
{
    struct ct_sip_session *session = outgoing->session;
    struct ct_sip_answer event = {
        .status = message->status, .body = ct_sip_body_of(message), .message = message};
    /* Each failure for want of memory is as if this 2xx had been lost: it comes again. */
    struct ct_sip_branch *branch = branch_of(outgoing, message);
    bool cancelled = session->state == CT_SIP_SESSION_CANCELLING;

    if (branch == NULL)
        return;
    if (!ct_sip_life_allows(session->state, CT_SIP_STEP_SUCCESS)) {
        stray(outgoing, branch, message);
        return;
    }
    if (ct_sip_dialog_confirm(branch->dialog, message, ct_sip_client_to(outgoing->client)) != CT_OK)
        return;
    event.fork = branch->fork;
    event.wants_ack = !session->offered && !branch->negotiated && message->body.len > 0 &&
                      !cancelled && session->events->answered != NULL;
    if (!event.wants_ack &&
        ct_sip_leg_ack(branch, outgoing->cseq, ct_str_of(outgoing->authorization),
                       (struct ct_sip_body){0}) != CT_OK)
        return;
    note_abilities(branch, message);
    note_body(session, message);
    session->main = branch;
    session->wants_ack = event.wants_ack;
    ct_sip_leg_prune(session);
    ct_sip_leg_step(session, CT_SIP_STEP_SUCCESS);
    if (cancelled) {
        ct_sip_leg_bye(session, branch, 0, (struct ct_str){0});
        return;
    }
    ct_sip_leg_timer_take(session, message);
    if (session->events->answered != NULL)
        session->events->answered(session->ctx, &event);
}

static void failure(struct ct_sip_session *session, int status,
                    const struct ct_sip_message *message)
{
    struct ct_sip_ended event = {.cause = CT_SIP_END_REFUSED,
                                 .status = status,
                                 .reason =
                                     message != NULL ? message->reason : ct_sip_reason(status),
                                 .message = message};
    uint32_t seconds;

    if (message != NULL && ct_sip_header_number(message, CT_SIP_H_RETRY_AFTER, &seconds))
        event.retry_after_s = seconds;
    ct_sip_leg_step(session, CT_SIP_STEP_FAILURE);
    ct_sip_leg_tell_ended(session, &event);
}

void ct_sip_leg_call_response(struct ct_sip_outgoing *outgoing, int status,
                              const struct ct_sip_message *message)
{
    struct ct_sip_session *session = outgoing->session;

    if (message != NULL && status < 200)
        progress(outgoing, message);
    else if (message != NULL && status < 300)
        success(outgoing, message);
    else if (ct_sip_life_allows(session->state, CT_SIP_STEP_FAILURE))
        failure(session, status, message);
}
