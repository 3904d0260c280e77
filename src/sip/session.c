#include "sip/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sip/session_parts.h"
#include "sip/write.h"

#define DEFAULT_EXPIRES_S 1800
#define LEAST_EXPIRES_S 90

/* ---- all legs ---- */

enum ct_result ct_sip_sessions_new(struct ct_sip *sip, const struct ct_sip_session_options *options,
                                   struct ct_sip_sessions **out)
{
    struct ct_sip_sessions *sessions = calloc(1, sizeof(*sessions));

    if (sessions == NULL)
        return CT_NOMEM;
    sessions->sip = sip;
    if (options != NULL)
        sessions->options = *options;
    if (sessions->options.expires_s == 0)
        sessions->options.expires_s = DEFAULT_EXPIRES_S;
    if (sessions->options.min_expires_s < LEAST_EXPIRES_S)
        sessions->options.min_expires_s = LEAST_EXPIRES_S;
    *out = sessions;
    return CT_OK;
}

static void session_free(struct ct_sip_session *session)
{
    struct ct_sip_sessions *sessions = session->sessions;

    ct_timer_stop(&session->answer_timer);
    ct_timer_stop(&session->prack_timer);
    ct_timer_stop(&session->glare_timer);
    ct_timer_stop(&session->refresh_timer);
    ct_sip_leg_drop_offers(session);
    ct_sip_leg_drop_refer(session);
    ct_sip_leg_drop_invite(session, 500);
    while (session->outgoing != NULL)
        ct_sip_outgoing_free(session->outgoing);
    while (session->branches != NULL)
        ct_sip_leg_branch_free(session, session->branches);
    ct_sip_keep_clear(&session->ring);
    ct_sip_keep_clear(&session->answer);
    ct_sip_keep_clear(&session->offer_again);
    ct_sip_keep_clear(&session->local);
    ct_sip_keep_clear(&session->remote);
    ct_sip_keep_clear(&session->notify);
    ct_arena_free(session->call_arena);
    *session->back = session->next;
    if (session->next != NULL)
        session->next->back = session->back;
    sessions->count--;
    free(session->memory);
    free(session);
}

void ct_sip_sessions_free(struct ct_sip_sessions *sessions)
{
    if (sessions == NULL)
        return;
    while (sessions->first != NULL) {
        sessions->first->events = NULL;
        session_free(sessions->first);
    }
    free(sessions);
}

size_t ct_sip_sessions_count(const struct ct_sip_sessions *sessions)
{
    return sessions->count;
}

/* ---- one leg ---- */

enum ct_result ct_sip_leg_new(struct ct_sip_sessions *sessions,
                              const struct ct_sip_leg_names *names,
                              const struct ct_sip_session_events *events, void *ctx,
                              struct ct_sip_session **out)
{
    struct ct_sip_session *session = calloc(1, sizeof(*session));
    size_t size = names->call_id.len + names->local_tag.len + names->user.len;
    char *at;

    if (session == NULL)
        return CT_NOMEM;
    session->memory = malloc(size + 1);
    if (session->memory == NULL) {
        free(session);
        return CT_NOMEM;
    }
    at = session->memory;
    session->call_id = (struct ct_str){at, names->call_id.len};
    memcpy(at, names->call_id.at, names->call_id.len);
    at += names->call_id.len;
    session->local_tag = (struct ct_str){at, names->local_tag.len};
    memcpy(at, names->local_tag.at, names->local_tag.len);
    at += names->local_tag.len;
    session->user = (struct ct_str){at, names->user.len};
    if (names->user.len > 0)
        memcpy(at, names->user.at, names->user.len);
    session->sessions = sessions;
    session->events = events;
    session->ctx = ctx;
    session->expires_s = sessions->options.expires_s;
    session->min_expires_s = sessions->options.min_expires_s;
    session->answer_timer = (struct ct_timer){.fire = ct_sip_leg_answer_fire, .ctx = session};
    session->prack_timer = (struct ct_timer){.fire = ct_sip_leg_prack_fire, .ctx = session};
    session->glare_timer = (struct ct_timer){.fire = ct_sip_leg_glare, .ctx = session};
    session->refresh_timer = (struct ct_timer){.fire = ct_sip_leg_timer_fire, .ctx = session};
    session->next = sessions->first;
    session->back = &sessions->first;
    if (session->next != NULL)
        session->next->back = &session->next;
    sessions->first = session;
    sessions->count++;
    *out = session;
    return CT_OK;
}

void ct_sip_leg_enter(struct ct_sip_session *session)
{
    session->depth++;
}

void ct_sip_leg_leave(struct ct_sip_session *session)
{
    assert(session->depth > 0);
    session->depth--;
    if (session->depth == 0 && session->state == CT_SIP_SESSION_OVER && session->events == NULL &&
        session->outgoing == NULL)
        session_free(session);
}

void ct_sip_leg_step(struct ct_sip_session *session, enum ct_sip_session_step step)
{
    session->state = ct_sip_life_next(session->state, step);
    if (session->state != CT_SIP_SESSION_OVER && session->state != CT_SIP_SESSION_ENDING)
        return;
    /* nothing of this is of use any more, and the other side is not left to wait */
    session->wants_ack = false;
    ct_timer_stop(&session->prack_timer);
    ct_timer_stop(&session->glare_timer);
    ct_timer_stop(&session->refresh_timer);
    ct_sip_leg_drop_offers(session);
    ct_sip_leg_drop_refer(session);
    ct_sip_leg_drop_invite(session, 487);
}

void ct_sip_leg_tell_ended(struct ct_sip_session *session, const struct ct_sip_ended *ended)
{
    const struct ct_sip_session_events *events = session->events;

    session->events = NULL;
    if (events != NULL && events->ended != NULL)
        events->ended(session->ctx, ended);
}

void ct_sip_leg_break(struct ct_sip_session *session, enum ct_sip_end cause, int status)
{
    const struct ct_sip_ended ended = {
        .cause = cause, .status = status, .reason = ct_sip_reason(status)};

    assert(session->state == CT_SIP_SESSION_CONFIRMED);
    if (session->wants_ack)
        ct_sip_leg_ack_empty(session);
    ct_sip_leg_step(session, CT_SIP_STEP_HANG_UP);
    ct_sip_leg_bye(session, session->main, status, (struct ct_str){0});
    ct_sip_leg_tell_ended(session, &ended);
}

void ct_sip_leg_reason(struct ct_buf *out, int status, struct ct_str reason)
{
    if (status == 0)
        return;
    ct_buf_text(out, "Reason: SIP;cause=");
    ct_buf_int(out, status);
    ct_buf_text(out, ";text=\"");
    if (reason.len == 0)
        reason = ct_sip_reason(status);
    for (size_t i = 0; i < reason.len; i++) {
        unsigned char c = (unsigned char)reason.at[i];

        if (c == '"' || c == '\\')
            ct_buf_char(out, '\\');
        /* what a stranger's phrase may have in quotes is no part of a request that is to be sent */
        ct_buf_char(out, c < ' ' || c == 0x7F ? ' ' : (char)c);
    }
    ct_buf_text(out, "\"\r\n");
}

void ct_sip_leg_bye(struct ct_sip_session *session, struct ct_sip_branch *branch, int status,
                    struct ct_str reason)
{
    _Alignas(16) char room[512];
    struct ct_arena *arena = ct_arena_in(room, sizeof(room));
    struct ct_sip_request_parts parts = {.purpose = CT_SIP_FOR_BYE, .method = CT_STR("BYE")};
    struct ct_sip_outgoing *bye;
    struct ct_buf headers;
    enum ct_result result = CT_NOMEM;

    if (arena != NULL) {
        headers = ct_buf_in(arena);
        ct_sip_leg_reason(&headers, status, reason);
        /* what a Reason says can be done without */
        if (!headers.failed)
            parts.headers = (struct ct_str){headers.at, headers.len};
    }
    result = ct_sip_outgoing_new(session, branch, &parts, &bye);
    if (result == CT_OK)
        ct_sip_outgoing_start(bye);
    else if (session->state == CT_SIP_SESSION_ENDING && !branch->stray)
        /* the other side finds out by its session timer, or when it next asks (481) */
        ct_sip_leg_step(session, CT_SIP_STEP_GONE);
    ct_arena_free(arena);
}

/* ---- branches ---- */

enum ct_result ct_sip_leg_branch_new(struct ct_sip_session *session, struct ct_sip_branch **out)
{
    struct ct_sip_branch *branch = calloc(1, sizeof(*branch));

    if (branch == NULL)
        return CT_NOMEM;
    branch->session = session;
    branch->next = session->branches;
    session->branches = branch;
    *out = branch;
    return CT_OK;
}

void ct_sip_leg_branch_free(struct ct_sip_session *session, struct ct_sip_branch *branch)
{
    struct ct_sip_branch **at = &session->branches;
    struct ct_sip_outgoing *outgoing = session->outgoing;

    while (*at != branch)
        at = &(*at)->next;
    *at = branch->next;
    if (session->main == branch)
        session->main = NULL;
    if (session->refer_branch == branch)
        session->refer_branch = NULL;
    while (outgoing != NULL) {
        struct ct_sip_outgoing *next = outgoing->next;

        if (outgoing->branch == branch) {
            if (session->offer == outgoing)
                session->offer = NULL;
            ct_sip_outgoing_free(outgoing);
        }
        outgoing = next;
    }
    ct_sip_outgoing_free(branch->ack);
    ct_sip_dialog_free(branch->dialog);
    free(branch);
}

void ct_sip_leg_prune(struct ct_sip_session *session)
{
    struct ct_sip_branch *branch = session->branches;

    while (branch != NULL) {
        struct ct_sip_branch *next = branch->next;

        if (branch != session->main)
            ct_sip_leg_branch_free(session, branch);
        branch = next;
    }
}

struct ct_sip_branch *ct_sip_leg_branch_of(struct ct_sip_session *session, ct_sip_fork fork)
{
    for (struct ct_sip_branch *branch = session->branches; branch != NULL; branch = branch->next)
        if (branch->fork == fork && !branch->stray)
            return branch;
    return NULL;
}

/* ---- small things ---- */

int64_t ct_sip_leg_now_ms(const struct ct_sip_session *session)
{
    const struct ct_sip_env *env = ct_sip_env(session->sessions->sip);

    return env->now_ms(env->ctx);
}

uint32_t ct_sip_leg_random(const struct ct_sip_session *session, uint32_t below)
{
    const struct ct_sip_env *env = ct_sip_env(session->sessions->sip);
    uint64_t value;

    env->random(env->ctx, &value, sizeof(value));
    return (uint32_t)(value % below);
}

void ct_sip_keep_clear(struct ct_sip_kept *kept)
{
    free(kept->memory);
    *kept = (struct ct_sip_kept){0};
}

enum ct_result ct_sip_keep(struct ct_sip_kept *kept, struct ct_str reason, struct ct_sip_body body)
{
    char *memory = malloc(reason.len + body.type.len + body.bytes.len + 1);
    char *at = memory;

    if (memory == NULL)
        return CT_NOMEM;
    if (reason.len > 0)
        memcpy(at, reason.at, reason.len);
    reason.at = at;
    at += reason.len;
    if (body.type.len > 0)
        memcpy(at, body.type.at, body.type.len);
    body.type.at = at;
    at += body.type.len;
    if (body.bytes.len > 0)
        memcpy(at, body.bytes.at, body.bytes.len);
    body.bytes.at = at;
    free(kept->memory);
    kept->memory = memory;
    kept->reason = reason;
    kept->body = body;
    kept->waits = true;
    return CT_OK;
}

struct ct_sip_body ct_sip_body_of(const struct ct_sip_message *message)
{
    return (struct ct_sip_body){message->content_type, message->body};
}

void ct_sip_leg_contact(const struct ct_sip_session *session, const struct ct_sip_hop *hop,
                        struct ct_buf *out)
{
    const struct ct_sip_env *env = ct_sip_env(session->sessions->sip);
    struct ct_sip_local local = {0};

    env->local(env->ctx, hop, &local);
    ct_buf_char(out, '<');
    ct_sip_write_contact_uri(out, session->user, &local);
    ct_buf_char(out, '>');
}

void ct_sip_leg_reply(struct ct_sip_server *server, int status,
                      const struct ct_sip_reply_options *options)
{
    enum ct_result result = ct_sip_reply(server, status, options);

    /* CT_NOMEM: letting go of the transaction tries once more, with 500; or the peer asks again */
    (void)result;
}

/* ---- what the user asks ---- */

enum ct_sip_session_state ct_sip_session_state(const struct ct_sip_session *session)
{
    return session->state;
}

bool ct_sip_session_reliable(const struct ct_sip_session *session, bool *required)
{
    *required = session->peer_requires_reliable;
    return session->peer_reliable;
}

struct ct_str ct_sip_session_call_id(const struct ct_sip_session *session)
{
    return session->call_id;
}

struct ct_str ct_sip_session_local_tag(const struct ct_sip_session *session)
{
    return session->main == NULL ? session->local_tag : session->main->dialog->local_tag;
}

struct ct_str ct_sip_session_remote_tag(const struct ct_sip_session *session)
{
    return session->main == NULL ? (struct ct_str){0} : session->main->dialog->remote_tag;
}

const struct ct_sip_hop *ct_sip_session_hop(const struct ct_sip_session *session)
{
    return session->main == NULL ? NULL : &session->main->dialog->hop;
}

struct ct_sip_body ct_sip_session_remote_body(const struct ct_sip_session *session)
{
    return session->remote.body;
}

enum ct_result ct_sip_session_replaced(struct ct_sip_sessions *sessions, struct ct_str value,
                                       struct ct_sip_session **out, void **ctx)
{
    struct ct_str call_id = value;
    struct ct_str params = {0};
    struct ct_str to_tag;
    struct ct_str from_tag;
    struct ct_str early;
    struct ct_sip_dialog_entry *entry;
    struct ct_sip_session *session;
    const char *semicolon = value.len == 0 ? NULL : memchr(value.at, ';', value.len);

    if (semicolon != NULL) {
        call_id.len = (size_t)(semicolon - value.at);
        params = (struct ct_str){semicolon, value.len - call_id.len};
    }
    call_id = ct_sip_trim(call_id);
    if (call_id.len == 0 || !ct_sip_param(params, CT_STR("to-tag"), &to_tag) ||
        !ct_sip_param(params, CT_STR("from-tag"), &from_tag))
        return CT_INVALID;
    /* the header is written as whoever gets it sees the dialog: his tag is the one of To */
    entry = ct_sip_dialog_find(sessions->sip, call_id, to_tag, from_tag);
    if (entry == NULL || entry->events != &ct_sip_leg_dialog_events)
        return CT_NOT_FOUND;
    session = ((struct ct_sip_branch *)entry->ctx)->session;
    if (session->sessions != sessions || session->events == NULL ||
        ((struct ct_sip_branch *)entry->ctx)->stray)
        return CT_NOT_FOUND;
    switch (session->state) {
    case CT_SIP_SESSION_CONFIRMED:
    case CT_SIP_SESSION_ANSWERED:
        if (ct_sip_param(params, CT_STR("early-only"), &early))
            return CT_CONFLICT;
        break;
    case CT_SIP_SESSION_PROCEEDING:
        /* an early dialog that its callee wants taken over: we made the call */
        break;
    default:
        return CT_NOT_FOUND;
    }
    *out = session;
    *ctx = session->ctx;
    return CT_OK;
}

void ct_sip_session_end(struct ct_sip_session *session, int status, struct ct_str reason,
                        struct ct_str headers)
{
    struct ct_sip_outgoing *outgoing = session->outgoing;

    assert(session->events != NULL);
    session->events = NULL;
    ct_sip_leg_enter(session);
    switch (session->state) {
    case CT_SIP_SESSION_CALLING:
    case CT_SIP_SESSION_PROCEEDING:
        ct_sip_leg_step(session, CT_SIP_STEP_HANG_UP);
        while (outgoing->purpose != CT_SIP_FOR_CALL)
            outgoing = outgoing->next;
        ct_sip_outgoing_cancel(outgoing, status, reason);
        break;
    case CT_SIP_SESSION_INCOMING:
        ct_sip_leg_refuse(session, status == 0 ? 480 : status, reason, headers);
        break;
    case CT_SIP_SESSION_ANSWERED:
        ct_sip_leg_step(session, CT_SIP_STEP_HANG_UP);
        break;
    case CT_SIP_SESSION_CONFIRMED:
        if (session->wants_ack)
            ct_sip_leg_ack_empty(session);
        ct_sip_leg_step(session, CT_SIP_STEP_HANG_UP);
        ct_sip_leg_bye(session, session->main, status, reason);
        break;
    default:
        /* a leg that ends has nobody who could end it */
        assert(false);
    }
    ct_sip_leg_leave(session);
}
