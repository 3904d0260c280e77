#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sip/session_parts.h"
#include "sip/write.h"

/* A leg that is called: how it is taken, its provisional responses and their PRACK, its answer. */
/* ---- taking a call ---- */

static void note_request(struct ct_sip_session *session, const struct ct_sip_message *message)
{
    session->peer_requires_reliable = ct_sip_has_token(message, CT_SIP_H_REQUIRE, CT_STR("100rel"));
    session->peer_reliable = session->peer_requires_reliable ||
                             ct_sip_has_token(message, CT_SIP_H_SUPPORTED, CT_STR("100rel"));
    session->body_came = message->body.len > 0;
}

static enum ct_result take(struct ct_sip_session *session, struct ct_sip_server *server,
                           const struct ct_sip_message *message)
{
    struct ct_sip_branch *branch;
    enum ct_result result;

    if (!ct_sip_leg_timer_read(session, server, message))
        return CT_LIMITED;
    result = ct_sip_keep(&session->remote, (struct ct_str){0}, ct_sip_body_of(message));
    if (result == CT_OK)
        result = ct_sip_leg_branch_new(session, &branch);
    if (result != CT_OK)
        return result;
    result = ct_sip_dialog_called(session->sessions->sip, message, ct_sip_server_from(server),
                                  session->local_tag, &ct_sip_leg_dialog_events, branch,
                                  &branch->dialog);
    if (result != CT_OK) {
        ct_sip_leg_branch_free(session, branch);
        return result;
    }
    branch->update = ct_sip_has_token(message, CT_SIP_H_ALLOW, CT_STR("UPDATE"));
    session->main = branch;
    session->incoming.branch = branch;
    session->incoming.cseq = message->cseq;
    session->incoming.server = server;
    note_request(session, message);
    return CT_OK;
}

enum ct_result ct_sip_session_accept(struct ct_sip_sessions *sessions, struct ct_sip_server *server,
                                     const struct ct_sip_message *message, struct ct_str user,
                                     bool stay, const struct ct_sip_session_events *events,
                                     void *ctx, struct ct_sip_session **out)
{
    const struct ct_sip_leg_names names = {message->call_id, ct_sip_server_tag(server), user};
    struct ct_sip_session *session;
    enum ct_result result = ct_sip_leg_new(sessions, &names, events, ctx, &session);

    assert(message->method == CT_SIP_INVITE);
    if (result != CT_OK) {
        ct_sip_leg_reply(server, 500, NULL);
        return result;
    }
    ct_sip_leg_enter(session);
    session->state = CT_SIP_SESSION_INCOMING;
    session->stay = stay;
    result = take(session, server, message);
    if (result == CT_OK) {
        ct_sip_server_watch(server, &ct_sip_leg_invite_events, session);
        *out = session;
    } else {
        if (result == CT_INVALID)
            ct_sip_leg_reply(
                server, 400,
                &(struct ct_sip_reply_options){.reason = CT_STR("Missing or Bad Contact")});
        else if (result != CT_LIMITED)
            ct_sip_leg_reply(server, 500, NULL);
        session->events = NULL;
        ct_sip_leg_step(session, CT_SIP_STEP_REFUSE);
    }
    ct_sip_leg_leave(session);
    return result;
}

/* ---- answering ---- */

/* The dialog of a fork, a new one when it is the first that is heard of it. */
static enum ct_result fork_of(struct ct_sip_session *session, ct_sip_fork fork,
                              struct ct_sip_branch **out)
{
    struct ct_sip_branch *branch = ct_sip_leg_branch_of(session, fork);
    struct ct_sip_token tag;
    enum ct_result result;

    if (branch != NULL) {
        *out = branch;
        return CT_OK;
    }
    result = ct_sip_leg_branch_new(session, &branch);
    if (result != CT_OK)
        return result;
    tag = ct_sip_token(session->sessions->sip);
    branch->fork = fork;
    branch->update = session->main->update;
    result =
        ct_sip_dialog_fork(session->sessions->sip, session->main->dialog, CT_SIP_TOKEN_STR(tag),
                           &ct_sip_leg_dialog_events, branch, &branch->dialog);
    if (result != CT_OK) {
        ct_sip_leg_branch_free(session, branch);
        return result;
    }
    *out = branch;
    return CT_OK;
}

/* Sends a response of the INVITE. @p lines: further headers. */
static enum ct_result respond(struct ct_sip_session *session, struct ct_sip_branch *branch,
                              int status, struct ct_str reason, struct ct_str lines,
                              struct ct_sip_body body)
{
    _Alignas(16) char room[512];
    struct ct_arena *arena = ct_arena_in(room, sizeof(room));
    struct ct_sip_reply_options options = {.reason = reason,
                                           .headers = lines,
                                           .content_type = body.type,
                                           .body = body.bytes,
                                           .to_tag = branch->dialog->local_tag};
    struct ct_buf contact;
    enum ct_result result = CT_NOMEM;

    if (arena == NULL)
        return CT_NOMEM;
    contact = ct_buf_in(arena);
    ct_sip_leg_contact(session, ct_sip_server_from(session->incoming.server), &contact);
    if (!contact.failed) {
        options.contact = (struct ct_str){contact.at, contact.len};
        result = ct_sip_reply(session->incoming.server, status, &options);
    }
    ct_arena_free(arena);
    /* what could not be sent is sent again, or its transaction says that it is gone */
    return result == CT_UNAVAILABLE ? CT_OK : result == CT_STALE ? CT_FORBIDDEN : result;
}

/* One that is acknowledged, from which the caller also learns that he may use UPDATE (RFC 3311 section 5.1). */
static enum ct_result send_reliably(struct ct_sip_session *session, struct ct_sip_branch *branch,
                                    int status, struct ct_str reason, struct ct_sip_body body)
{
    struct ct_sip *sip = session->sessions->sip;
    _Alignas(16) char room[512];
    struct ct_arena *arena = ct_arena_in(room, sizeof(room));
    uint32_t rseq =
        session->rseq == 0 ? 1 + ct_sip_leg_random(session, 0x7fffffff) : session->rseq + 1;
    struct ct_buf lines;
    enum ct_result result = CT_NOMEM;

    if (arena == NULL)
        return CT_NOMEM;
    lines = ct_buf_in(arena);
    ct_sip_write_header(&lines, CT_SIP_H_REQUIRE, CT_STR("100rel"));
    ct_sip_write_number(&lines, CT_SIP_H_RSEQ, rseq);
    ct_sip_write_header(&lines, CT_SIP_H_ALLOW, ct_sip_options(sip)->methods);
    if (!lines.failed)
        result =
            respond(session, branch, status, reason, (struct ct_str){lines.at, lines.len}, body);
    ct_arena_free(arena);
    if (result != CT_OK)
        return result;
    session->rseq = rseq;
    session->prack_due = true;
    session->prack_fork = branch->fork;
    session->prack_body = body.bytes.len > 0;
    session->prack_interval_ms = ct_sip_t1_ms(sip);
    session->prack_until_ms = ct_sip_leg_now_ms(session) + 64 * ct_sip_t1_ms(sip);
    ct_timer_start(ct_sip_wheel(sip), &session->prack_timer, session->prack_interval_ms);
    return CT_OK;
}

static enum ct_result send_ring(struct ct_sip_session *session, int status, struct ct_str reason,
                                ct_sip_fork fork, bool reliable, struct ct_sip_body body)
{
    struct ct_sip_branch *branch;
    enum ct_result result = fork_of(session, fork, &branch);

    if (result == CT_OK && body.bytes.len > 0)
        result = ct_sip_keep(&session->local, (struct ct_str){0}, body);
    if (result == CT_OK)
        result = reliable ? send_reliably(session, branch, status, reason, body)
                          : respond(session, branch, status, reason, (struct ct_str){0}, body);
    if (result == CT_OK)
        ct_timer_start(ct_sip_wheel(session->sessions->sip), &session->answer_timer,
                       CT_SIP_REMIND_MS);
    return result;
}

enum ct_result ct_sip_session_ring(struct ct_sip_session *session, int status, struct ct_str reason,
                                   ct_sip_fork fork, bool reliable, struct ct_sip_body body)
{
    enum ct_result result;

    assert(status > 100 && status < 200);
    if (session->state != CT_SIP_SESSION_INCOMING || session->answer.waits)
        return CT_FORBIDDEN;
    reliable = session->peer_reliable && (reliable || session->peer_requires_reliable);
    if (!session->prack_due)
        return send_ring(session, status, reason, fork, reliable, body);
    result = ct_sip_keep(&session->ring, reason, body);
    if (result != CT_OK)
        return result;
    session->ring.status = status;
    session->ring.fork = fork;
    session->ring.flag = reliable;
    return CT_OK;
}

static enum ct_result send_answer(struct ct_sip_session *session, ct_sip_fork fork,
                                  struct ct_sip_body body)
{
    _Alignas(16) char room[512];
    struct ct_arena *arena = ct_arena_in(room, sizeof(room));
    struct ct_sip_branch *branch;
    struct ct_buf lines;
    enum ct_result result = CT_NOMEM;

    if (arena == NULL)
        return CT_NOMEM;
    lines = ct_buf_in(arena);
    ct_sip_write_header(&lines, CT_SIP_H_ALLOW, ct_sip_options(session->sessions->sip)->methods);
    ct_sip_write_header(&lines, CT_SIP_H_SUPPORTED, CT_STR("timer, replaces, 100rel"));
    ct_sip_leg_timer_answer(session, &lines);
    if (!lines.failed)
        result = fork_of(session, fork, &branch);
    if (result == CT_OK)
        result = ct_sip_keep(&session->local, (struct ct_str){0}, body);
    if (result == CT_OK)
        result = respond(session, branch, 200, (struct ct_str){0},
                         (struct ct_str){lines.at, lines.len}, body);
    if (result == CT_OK) {
        session->main = branch;
        session->incoming.branch = branch;
        session->prack_due = false;
        ct_timer_stop(&session->prack_timer);
        ct_sip_leg_prune(session);
        ct_sip_leg_step(session, CT_SIP_STEP_ANSWER);
        ct_sip_leg_repeat(session);
    }
    ct_arena_free(arena);
    return result;
}

enum ct_result ct_sip_session_answer(struct ct_sip_session *session, ct_sip_fork fork,
                                     struct ct_sip_body body)
{
    enum ct_result result;

    if (session->state != CT_SIP_SESSION_INCOMING || session->answer.waits)
        return CT_FORBIDDEN;
    /* a description that was sent reliably must have arrived before the 2xx (RFC 3262 section 3) */
    if (!session->prack_due || !session->prack_body)
        return send_answer(session, fork, body);
    result = ct_sip_keep(&session->answer, (struct ct_str){0}, body);
    if (result == CT_OK)
        session->answer.fork = fork;
    return result;
}

/* ---- PRACK (RFC 3262 section 3) ---- */

void ct_sip_leg_prack_fire(void *ctx)
{
    struct ct_sip_session *session = ctx;
    const struct ct_sip_ended ended = {
        .cause = CT_SIP_END_NO_PRACK, .status = 504, .reason = CT_STR("No PRACK")};
    int64_t left_ms = session->prack_until_ms - ct_sip_leg_now_ms(session);
    enum ct_result result;

    ct_sip_leg_enter(session);
    if (left_ms <= 0) {
        ct_sip_leg_refuse(session, 504, ended.reason, (struct ct_str){0});
        ct_sip_leg_tell_ended(session, &ended);
    } else {
        result = ct_sip_reply_again(session->incoming.server);
        (void)result; /* one that is lost is sent again */
        session->prack_interval_ms *= 2;
        ct_timer_start(ct_sip_wheel(session->sessions->sip), &session->prack_timer,
                       left_ms < session->prack_interval_ms ? left_ms : session->prack_interval_ms);
    }
    ct_sip_leg_leave(session);
}

static bool next_number(struct ct_str *text, uint32_t *out)
{
    size_t at = 0;

    *text = ct_sip_trim(*text);
    while (at < text->len && text->at[at] != ' ' && text->at[at] != '\t')
        at++;
    if (!ct_sip_number((struct ct_str){text->at, at}, UINT32_MAX, out))
        return false;
    *text = ct_sip_trim((struct ct_str){text->at + at, text->len - at});
    return true;
}

/* Whether RAck names the response that waits. */
static bool names_ours(const struct ct_sip_branch *branch, const struct ct_sip_message *message)
{
    const struct ct_sip_session *session = branch->session;
    struct ct_str rack = ct_sip_header(message, CT_SIP_H_RACK);
    uint32_t rseq;
    uint32_t cseq;

    return session->state == CT_SIP_SESSION_INCOMING && session->prack_due &&
           session->prack_fork == branch->fork && next_number(&rack, &rseq) &&
           next_number(&rack, &cseq) && rseq == session->rseq && cseq == session->incoming.cseq &&
           ct_str_equal(rack, CT_STR("INVITE"));
}

/* What had to wait for the PRACK. A want of memory leaves it waiting, for the next thing that moves the leg. */
static void go_on(struct ct_sip_session *session)
{
    struct ct_sip_kept kept;
    enum ct_result result;

    if (session->state != CT_SIP_SESSION_INCOMING || session->prack_due)
        return;
    if (session->answer.waits) {
        kept = session->answer;
        session->answer = (struct ct_sip_kept){0};
        result = send_answer(session, kept.fork, kept.body);
    } else if (session->ring.waits) {
        kept = session->ring;
        session->ring = (struct ct_sip_kept){0};
        result = send_ring(session, kept.status, kept.reason, kept.fork, kept.flag, kept.body);
    } else {
        return;
    }
    if (result == CT_NOMEM && kept.status == 0) {
        const struct ct_sip_ended ended = {
            .cause = CT_SIP_END_FAILED, .status = 500, .reason = ct_sip_reason(500)};

        ct_sip_leg_refuse(session, 500, (struct ct_str){0}, (struct ct_str){0});
        ct_sip_leg_tell_ended(session, &ended);
    }
    ct_sip_keep_clear(&kept);
}

void ct_sip_leg_prack(struct ct_sip_branch *branch, struct ct_sip_server *server,
                      const struct ct_sip_message *message)
{
    struct ct_sip_session *session = branch->session;
    struct ct_sip_body body = ct_sip_body_of(message);
    bool answers = session->prack_body && !session->body_came && !branch->negotiated;
    ct_sip_fork fork = branch->fork;

    if (!names_ours(branch, message)) {
        ct_sip_leg_reply(server, 481, NULL);
        return;
    }
    if (body.bytes.len > 0 && ct_sip_keep(&session->remote, (struct ct_str){0}, body) != CT_OK) {
        ct_sip_leg_reply(server, 500, NULL);
        return;
    }
    session->prack_due = false;
    ct_timer_stop(&session->prack_timer);
    branch->negotiated = branch->negotiated || session->prack_body;
    if (body.bytes.len > 0 && !answers) {
        if (ct_sip_leg_take_offer(branch, server, message, true) && session->events != NULL &&
            session->events->pracked != NULL)
            session->events->pracked(session->ctx, fork, (struct ct_sip_body){0});
    } else {
        ct_sip_leg_reply(server, 200, NULL);
        if (session->events != NULL && session->events->pracked != NULL)
            session->events->pracked(session->ctx, fork, body);
    }
    go_on(session);
}
