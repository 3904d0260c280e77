#include <stdio.h>

#include "sip/session_parts.h"
#include "sip/write.h"

/* Offers after the first: re-INVITE (section 14) and UPDATE (RFC 3311), ours and theirs, and what happens when they
 * meet. */

#define MAX_GLARES 3
#define RETRY_AFTER_S 11 /* chosen below it (14.2) */

/* ---- theirs ---- */

static void offer_gone(void *ctx, enum ct_sip_gone why)
{
    struct ct_sip_session *session = ctx;

    (void)why;
    ct_sip_leg_enter(session);
    ct_sip_server_forget(session->offer_server);
    session->offer_server = NULL;
    session->offer_waits = false;
    ct_sip_leg_leave(session);
}

static const struct ct_sip_server_events offer_events = {NULL, offer_gone};

void ct_sip_leg_drop_offers(struct ct_sip_session *session)
{
    struct ct_sip_server *server = session->offer_server;
    struct ct_sip_outgoing *offer = session->offer;

    session->offer = NULL;
    /* an INVITE that was answered with 100 alone waits for ever; the other side forgets it with the dialog */
    if (offer != NULL && !offer->succeeded && ct_str_equal(offer->method, CT_STR("INVITE")))
        ct_sip_outgoing_cancel(offer, 0, (struct ct_str){0});
    session->offer_waits = false;
    session->offer_server = NULL;
    ct_sip_keep_clear(&session->offer_again);
    ct_timer_stop(&session->glare_timer);
    if (server != NULL) {
        ct_sip_leg_reply(server, 487, NULL);
        ct_sip_server_forget(server);
    }
    if (session->state != CT_SIP_SESSION_INCOMING && !session->incoming.answered)
        ct_sip_leg_drop_invite(session, 487);
}

static void refuse_for_now(struct ct_sip_session *session, struct ct_sip_server *server)
{
    char line[32];
    int length = snprintf(line, sizeof(line), "Retry-After: %u\r\n",
                          ct_sip_leg_random(session, RETRY_AFTER_S));
    const struct ct_sip_reply_options options = {.headers = {line, (size_t)length}};

    ct_sip_leg_reply(server, 500, &options);
}

/* Whether an offer of theirs cannot be taken now; it was answered. */
static bool in_the_way(struct ct_sip_branch *branch, struct ct_sip_server *server)
{
    struct ct_sip_session *session = branch->session;

    if (session->offer != NULL || session->wants_ack) {
        ct_sip_leg_reply(server, 491, NULL);
        return true;
    }
    if (session->offer_waits ||
        (session->state == CT_SIP_SESSION_CONFIRMED && session->incoming.server != NULL) ||
        session->state == CT_SIP_SESSION_ANSWERED ||
        (session->state == CT_SIP_SESSION_INCOMING && !branch->negotiated)) {
        refuse_for_now(session, server);
        return true;
    }
    if (session->state == CT_SIP_SESSION_PROCEEDING && !branch->negotiated) {
        ct_sip_leg_reply(server, 491, NULL);
        return true;
    }
    return false;
}

bool ct_sip_leg_take_offer(struct ct_sip_branch *branch, struct ct_sip_server *server,
                           const struct ct_sip_message *message, bool quick)
{
    struct ct_sip_session *session = branch->session;
    const struct ct_sip_offer event = {
        .fork = branch->fork, .quick = quick, .body = ct_sip_body_of(message), .message = message};

    if (session->events == NULL || session->events->offered == NULL) {
        ct_sip_leg_reply(server, 488, NULL);
        return false;
    }
    if (message->body.len > 0 &&
        ct_sip_keep(&session->remote, (struct ct_str){0}, event.body) != CT_OK) {
        ct_sip_leg_reply(server, 500, NULL);
        return false;
    }
    if (quick) {
        session->offer_server = server;
        ct_sip_server_watch(server, &offer_events, session);
    } else {
        session->incoming =
            (struct ct_sip_incoming){.server = server, .branch = branch, .cseq = message->cseq};
        ct_sip_server_watch(server, &ct_sip_leg_invite_events, session);
    }
    session->offer_waits = true;
    session->events->offered(session->ctx, &event);
    return true;
}

void ct_sip_leg_reinvite(struct ct_sip_branch *branch, struct ct_sip_server *server,
                         const struct ct_sip_message *message)
{
    struct ct_sip_session *session = branch->session;

    if (in_the_way(branch, server))
        return;
    if (session->state != CT_SIP_SESSION_CONFIRMED) {
        ct_sip_leg_reply(server, 491, NULL);
        return;
    }
    if (!ct_sip_leg_timer_read(session, server, message))
        return;
    if (ct_sip_dialog_refresh(branch->dialog, message, ct_sip_server_from(server)) != CT_OK) {
        ct_sip_leg_reply(server, 500, NULL);
        return;
    }
    (void)ct_sip_leg_take_offer(branch, server, message, false);
}

/* A 2xx to a re-INVITE or an UPDATE. */
static enum ct_result accept_on(struct ct_sip_session *session, struct ct_sip_server *server,
                                struct ct_sip_body body)
{
    _Alignas(16) char room[1024];
    struct ct_arena *arena = ct_arena_in(room, sizeof(room));
    struct ct_sip_reply_options options = {.content_type = body.type, .body = body.bytes};
    struct ct_buf contact;
    struct ct_buf lines;
    enum ct_result result = CT_NOMEM;

    if (arena == NULL)
        return CT_NOMEM;
    contact = ct_buf_in(arena);
    ct_sip_leg_contact(session, ct_sip_server_from(server), &contact);
    lines = ct_buf_in(arena);
    ct_sip_write_header(&lines, CT_SIP_H_ALLOW, ct_sip_options(session->sessions->sip)->methods);
    ct_sip_write_header(&lines, CT_SIP_H_SUPPORTED, CT_STR("timer, replaces"));
    ct_sip_leg_timer_answer(session, &lines);
    if (!contact.failed && !lines.failed) {
        options.contact = (struct ct_str){contact.at, contact.len};
        options.headers = (struct ct_str){lines.at, lines.len};
        result = ct_sip_reply(server, 200, &options);
    }
    ct_arena_free(arena);
    return result == CT_UNAVAILABLE ? CT_OK : result == CT_STALE ? CT_FORBIDDEN : result;
}

void ct_sip_leg_update(struct ct_sip_branch *branch, struct ct_sip_server *server,
                       const struct ct_sip_message *message)
{
    struct ct_sip_session *session = branch->session;

    if (message->body.len > 0 && in_the_way(branch, server))
        return;
    if (!ct_sip_leg_timer_read(session, server, message))
        return;
    if (ct_sip_dialog_refresh(branch->dialog, message, ct_sip_server_from(server)) != CT_OK) {
        ct_sip_leg_reply(server, 500, NULL);
        return;
    }
    branch->update = true;
    if (message->body.len > 0)
        (void)ct_sip_leg_take_offer(branch, server, message, true);
    else if (accept_on(session, server, (struct ct_sip_body){0}) != CT_OK)
        ct_sip_leg_reply(server, 500, NULL);
}

enum ct_result ct_sip_session_accept_offer(struct ct_sip_session *session, struct ct_sip_body body)
{
    struct ct_sip_server *server = session->offer_server;
    enum ct_result result;

    if (!session->offer_waits)
        return CT_FORBIDDEN;
    result = ct_sip_keep(&session->local, (struct ct_str){0}, body);
    if (result == CT_OK)
        result = accept_on(session, server != NULL ? server : session->incoming.server, body);
    if (result == CT_NOMEM)
        return result;
    session->offer_waits = false;
    if (server != NULL) {
        session->offer_server = NULL;
        ct_sip_server_forget(server);
    } else {
        ct_sip_leg_repeat(session);
    }
    return result;
}

enum ct_result ct_sip_session_refuse_offer(struct ct_sip_session *session, int status,
                                           int64_t retry_after_s)
{
    struct ct_sip_server *server = session->offer_server;
    char line[48];
    int length = retry_after_s <= 0 ? 0
                                    : snprintf(line, sizeof(line), "Retry-After: %lld\r\n",
                                               (long long)retry_after_s);
    const struct ct_sip_reply_options options = {.headers = {line, (size_t)length}};

    if (!session->offer_waits)
        return CT_FORBIDDEN;
    session->offer_waits = false;
    session->offer_server = NULL;
    if (server == NULL) {
        server = session->incoming.server;
        session->incoming = (struct ct_sip_incoming){0};
    }
    ct_sip_leg_reply(server, status, &options);
    ct_sip_server_forget(server);
    return CT_OK;
}

/* ---- ours ---- */

static bool offer_is_due(const struct ct_sip_session *session)
{
    return session->offer == NULL && !session->offer_waits && !session->wants_ack &&
           (session->state != CT_SIP_SESSION_CONFIRMED || session->incoming.server == NULL);
}

enum ct_result ct_sip_leg_send_offer(struct ct_sip_branch *branch, enum ct_sip_purpose purpose,
                                     bool update, struct ct_sip_body body)
{
    struct ct_sip_session *session = branch->session;
    const struct ct_sip_request_parts parts = {
        .purpose = purpose, .method = update ? CT_STR("UPDATE") : CT_STR("INVITE"), .body = body};
    struct ct_sip_outgoing *outgoing;
    enum ct_result result = CT_OK;

    if (!offer_is_due(session))
        return CT_CONFLICT;
    if (body.bytes.len > 0 && purpose == CT_SIP_FOR_OFFER)
        result = ct_sip_keep(&session->local, (struct ct_str){0}, body);
    if (result == CT_OK)
        result = ct_sip_outgoing_new(session, branch, &parts, &outgoing);
    if (result != CT_OK)
        return result;
    if (!update || body.bytes.len > 0)
        session->offer = outgoing;
    ct_sip_outgoing_start(outgoing);
    return CT_OK;
}

enum ct_result ct_sip_session_offer(struct ct_sip_session *session, ct_sip_fork fork, unsigned how,
                                    struct ct_sip_body body)
{
    struct ct_sip_branch *branch = session->main;
    bool update = (how & CT_SIP_OFFER_QUICK) != 0;

    switch (session->state) {
    case CT_SIP_SESSION_PROCEEDING:
    case CT_SIP_SESSION_INCOMING:
        branch = ct_sip_leg_branch_of(session, fork);
        update = true;
        if (branch == NULL || !branch->update || !branch->negotiated || body.bytes.len == 0)
            return CT_FORBIDDEN;
        break;
    case CT_SIP_SESSION_CONFIRMED:
        update = update && branch->update && body.bytes.len > 0;
        break;
    case CT_SIP_SESSION_ANSWERED:
        return CT_CONFLICT;
    default:
        return CT_FORBIDDEN;
    }
    if (session->offer_again.waits)
        return CT_CONFLICT;
    session->glares = (how & CT_SIP_OFFER_PATIENT) != 0 ? 0 : MAX_GLARES;
    return ct_sip_leg_send_offer(branch, CT_SIP_FOR_OFFER, update, body);
}

/* 491: in 2.1 to 4 s for who made the Call-ID, in 0 to 2 s for the other (14.1). */
static bool wait_for_glare(struct ct_sip_session *session, const struct ct_sip_outgoing *outgoing)
{
    int64_t wait_ms = session->caller ? 2100 + 10 * (int64_t)ct_sip_leg_random(session, 191)
                                      : 10 * (int64_t)ct_sip_leg_random(session, 201);

    if (session->glares == MAX_GLARES || session->state != CT_SIP_SESSION_CONFIRMED ||
        ct_sip_keep(&session->offer_again, (struct ct_str){0}, outgoing->body) != CT_OK)
        return false;
    session->glares++;
    session->offer_again.flag = ct_str_equal(outgoing->method, CT_STR("UPDATE"));
    ct_timer_start(ct_sip_wheel(session->sessions->sip), &session->glare_timer, wait_ms);
    return true;
}

static void refused(struct ct_sip_session *session, int status,
                    const struct ct_sip_message *message)
{
    struct ct_sip_refusal event = {.status = status,
                                   .reason =
                                       message != NULL ? message->reason : ct_sip_reason(status),
                                   .message = message};
    uint32_t seconds;

    if (message != NULL && ct_sip_header_number(message, CT_SIP_H_RETRY_AFTER, &seconds))
        event.retry_after_s = seconds;
    if (session->events != NULL && session->events->offer_refused != NULL)
        session->events->offer_refused(session->ctx, &event);
}

void ct_sip_leg_glare(void *ctx)
{
    struct ct_sip_session *session = ctx;
    struct ct_sip_kept kept = session->offer_again;
    enum ct_result result;

    ct_sip_leg_enter(session);
    if (!offer_is_due(session)) {
        /* theirs came first: ours has to wait for its end */
        ct_timer_start(ct_sip_wheel(session->sessions->sip), &session->glare_timer, 1000);
    } else {
        session->offer_again = (struct ct_sip_kept){0};
        result = ct_sip_leg_send_offer(session->main, CT_SIP_FOR_OFFER, kept.flag, kept.body);
        ct_sip_keep_clear(&kept);
        if (result != CT_OK)
            refused(session, 500, NULL);
    }
    ct_sip_leg_leave(session);
}

/* A 2xx to a re-INVITE of ours. False: it was one that came before, or has to come again. */
static bool acknowledge(struct ct_sip_outgoing *outgoing, const struct ct_sip_message *message,
                        bool wants_ack)
{
    struct ct_sip_branch *branch = outgoing->branch;
    bool known = branch->ack != NULL && branch->ack->cseq == message->cseq;

    if (known) {
        ct_sip_outgoing_ack(branch->ack);
        return false;
    }
    if (branch->session->offer != outgoing) {
        /* the leg ended meanwhile; while the user is asked for the answer, nothing is to be said */
        if (!branch->session->wants_ack &&
            ct_sip_leg_ack(branch, message->cseq, ct_str_of(outgoing->authorization),
                           (struct ct_sip_body){0}) != CT_OK)
            return false;
        return false;
    }
    return wants_ack || ct_sip_leg_ack(branch, message->cseq, ct_str_of(outgoing->authorization),
                                       (struct ct_sip_body){0}) == CT_OK;
}

static void accepted(struct ct_sip_outgoing *outgoing, const struct ct_sip_message *message)
{
    struct ct_sip_session *session = outgoing->session;
    struct ct_sip_body body = ct_sip_body_of(message);
    bool invite = ct_str_equal(outgoing->method, CT_STR("INVITE"));
    bool confirmed = session->state == CT_SIP_SESSION_CONFIRMED;
    bool wants_ack = invite && outgoing->body.bytes.len == 0 && body.bytes.len > 0 &&
                     session->events != NULL && session->events->offer_accepted != NULL &&
                     outgoing->purpose == CT_SIP_FOR_OFFER;

    if (invite && !acknowledge(outgoing, message, wants_ack))
        return;
    if (session->offer == outgoing)
        session->offer = NULL;
    if (invite)
        session->wants_ack = wants_ack;
    if (ct_sip_dialog_refresh(outgoing->branch->dialog, message,
                              &outgoing->hops[outgoing->hop_at]) != CT_OK ||
        (body.bytes.len > 0 && ct_sip_keep(&session->remote, (struct ct_str){0}, body) != CT_OK)) {
        /* what the other side now is cannot be kept */
        if (confirmed) {
            ct_sip_leg_break(session, CT_SIP_END_FAILED, 500);
            return;
        }
    }
    if (ct_sip_has(message, CT_SIP_H_ALLOW))
        outgoing->branch->update = ct_sip_has_token(message, CT_SIP_H_ALLOW, CT_STR("UPDATE"));
    if (confirmed)
        ct_sip_leg_timer_take(session, message);
    if (outgoing->purpose == CT_SIP_FOR_OFFER && session->events != NULL &&
        session->events->offer_accepted != NULL)
        session->events->offer_accepted(session->ctx, wants_ack, body);
}

void ct_sip_leg_offer_response(struct ct_sip_outgoing *outgoing, int status,
                               const struct ct_sip_message *message)
{
    struct ct_sip_session *session = outgoing->session;
    bool live = session->state == CT_SIP_SESSION_CONFIRMED ||
                session->state == CT_SIP_SESSION_PROCEEDING ||
                session->state == CT_SIP_SESSION_INCOMING;

    if (message != NULL && status < 300) {
        if (status >= 200)
            accepted(outgoing, message);
        return;
    }
    if (outgoing->succeeded || !live)
        return;
    if (session->offer == outgoing)
        session->offer = NULL;
    if ((status == 408 || status == 481) && session->state == CT_SIP_SESSION_CONFIRMED)
        ct_sip_leg_break(session, CT_SIP_END_EXPIRED, status);
    else if (outgoing->purpose == CT_SIP_FOR_REFRESH)
        ct_sip_leg_timer_retry(session);
    else if (status != 491 || !wait_for_glare(session, outgoing))
        refused(session, status, message);
}
