#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sip/session_parts.h"
#include "sip/write.h"

/* After the second wrong password a third will not help; one more is for a nonce that had become stale. */
#define MAX_CHALLENGES 2
#define CANCEL_AGAIN_MS 500
#define MAX_HOPS ((size_t)16)

static void send_next(struct ct_sip_outgoing *outgoing);
static void on_found(void *ctx, const struct ct_sip_hop *hops, size_t count);
static void later(void *ctx);

static bool is_invite(const struct ct_sip_outgoing *outgoing)
{
    return ct_str_equal(outgoing->method, CT_STR("INVITE"));
}

static struct ct_str kept(char **at, struct ct_str text)
{
    struct ct_str copy = {*at, text.len};

    if (text.len > 0)
        memcpy(*at, text.at, text.len);
    *at += text.len;
    return copy;
}

enum ct_result ct_sip_outgoing_new(struct ct_sip_session *session, struct ct_sip_branch *branch,
                                   const struct ct_sip_request_parts *parts,
                                   struct ct_sip_outgoing **out)
{
    struct ct_sip_outgoing *outgoing =
        calloc(1, sizeof(*outgoing) + parts->method.len + parts->headers.len +
                      parts->body.type.len + parts->body.bytes.len);
    char *at;

    if (outgoing == NULL)
        return CT_NOMEM;
    at = (char *)(outgoing + 1);
    outgoing->session = session;
    outgoing->branch = branch;
    outgoing->purpose = parts->purpose;
    outgoing->method = kept(&at, parts->method);
    outgoing->headers = kept(&at, parts->headers);
    outgoing->body.type = kept(&at, parts->body.type);
    outgoing->body.bytes = kept(&at, parts->body.bytes);
    outgoing->done = parts->done;
    outgoing->done_ctx = parts->done_ctx;
    outgoing->token = ct_sip_token(session->sessions->sip);
    outgoing->later = (struct ct_timer){.fire = later, .ctx = outgoing};
    if (parts->purpose != CT_SIP_FOR_ACK) {
        outgoing->cseq = branch == NULL ? 1 : ++branch->dialog->local_cseq;
        outgoing->next = session->outgoing;
        outgoing->back = &session->outgoing;
        if (outgoing->next != NULL)
            outgoing->next->back = &outgoing->next;
        session->outgoing = outgoing;
    }
    *out = outgoing;
    return CT_OK;
}

static void unlink_outgoing(struct ct_sip_outgoing *outgoing)
{
    if (outgoing->back == NULL)
        return;
    *outgoing->back = outgoing->next;
    if (outgoing->next != NULL)
        outgoing->next->back = outgoing->back;
    outgoing->back = NULL;
}

static void stop(struct ct_sip_outgoing *outgoing)
{
    const struct ct_sip_env *env = ct_sip_env(outgoing->session->sessions->sip);

    ct_timer_stop(&outgoing->later);
    if (outgoing->lookup != NULL)
        env->resolve_cancel(env->ctx, outgoing->lookup);
    outgoing->lookup = NULL;
    if (outgoing->client != NULL)
        ct_sip_client_forget(outgoing->client);
    outgoing->client = NULL;
}

void ct_sip_outgoing_free(struct ct_sip_outgoing *outgoing)
{
    if (outgoing == NULL)
        return;
    stop(outgoing);
    unlink_outgoing(outgoing);
    free(outgoing->authorization);
    free(outgoing->hops);
    free(outgoing);
}

/* ---- writing ---- */

static void write_tag(struct ct_buf *out, const char *name, struct ct_str address,
                      struct ct_str tag)
{
    ct_buf_text(out, name);
    ct_buf_str(out, address);
    if (tag.len > 0) {
        ct_buf_text(out, ";tag=");
        ct_buf_str(out, tag);
    }
    ct_buf_text(out, "\r\n");
}

static void write_call(const struct ct_sip_outgoing *outgoing, struct ct_buf *out)
{
    const struct ct_sip_session *session = outgoing->session;
    const struct ct_sip_invite *call = &session->call;

    ct_sip_write_request_line(out, outgoing->method, call->uri);
    if (call->route.len > 0)
        ct_sip_write_header(out, CT_SIP_H_ROUTE, call->route);
    ct_sip_write_number(out, CT_SIP_H_MAX_FORWARDS, call->max_forwards);
    write_tag(out, "From: ", call->from, session->local_tag);
    write_tag(out, "To: ", call->to, (struct ct_str){0});
    ct_sip_write_header(out, CT_SIP_H_CALL_ID, session->call_id);
    ct_sip_write_cseq(out, outgoing->cseq, outgoing->method);
}

/* What an INVITE and an UPDATE say of us. */
static void write_abilities(const struct ct_sip_outgoing *outgoing, struct ct_buf *out)
{
    const struct ct_sip_session *session = outgoing->session;
    bool first = outgoing->purpose == CT_SIP_FOR_CALL;

    if (first && session->call.require_reliable)
        ct_sip_write_header(out, CT_SIP_H_REQUIRE, CT_STR("100rel"));
    ct_sip_write_header(out, CT_SIP_H_SUPPORTED,
                        first && session->call.reliable ? CT_STR("timer, replaces, 100rel")
                                                        : CT_STR("timer, replaces"));
    ct_sip_write_header(out, CT_SIP_H_ALLOW, ct_sip_options(session->sessions->sip)->methods);
    ct_sip_leg_timer_ask(session, first, out);
}

static void write_outgoing(const struct ct_sip_outgoing *outgoing, const struct ct_sip_hop *hop,
                           struct ct_buf *out)
{
    const struct ct_sip_session *session = outgoing->session;
    struct ct_str name = ct_sip_options(session->sessions->sip)->name;
    bool offers = is_invite(outgoing) || ct_str_equal(outgoing->method, CT_STR("UPDATE"));

    if (outgoing->branch == NULL)
        write_call(outgoing, out);
    else
        ct_sip_dialog_write(outgoing->branch->dialog, out, outgoing->method, outgoing->cseq);
    if (offers || outgoing->purpose == CT_SIP_FOR_NOTIFY) {
        ct_buf_text(out, "Contact: ");
        ct_sip_leg_contact(session, hop, out);
        ct_buf_text(out, "\r\n");
    }
    if (offers)
        write_abilities(outgoing, out);
    if (outgoing->authorization != NULL)
        ct_buf_text(out, outgoing->authorization);
    if (name.len > 0)
        ct_sip_write_header(out, CT_SIP_H_USER_AGENT, name);
    ct_buf_str(out, outgoing->headers);
    ct_sip_write_body(out, outgoing->body.type, outgoing->body.bytes);
}

/* ---- what becomes of it ---- */

/* Reports the end of it, and frees it. */
static void finish(struct ct_sip_outgoing *outgoing, int status,
                   const struct ct_sip_message *message)
{
    stop(outgoing);
    unlink_outgoing(outgoing);
    ct_sip_leg_response(outgoing, status, message);
    ct_sip_outgoing_free(outgoing);
}

/* Not now: whoever sends hears nothing before he has returned. */
static void fail_later(struct ct_sip_outgoing *outgoing, int status, int64_t after_ms)
{
    outgoing->failure = status;
    ct_timer_start(ct_sip_wheel(outgoing->session->sessions->sip), &outgoing->later, after_ms);
}

static bool next_hop(struct ct_sip_outgoing *outgoing)
{
    if (outgoing->cancelled || outgoing->provisional || outgoing->hop_at + 1 >= outgoing->hop_count)
        return false;
    outgoing->hop_at++;
    return true;
}

/* Writes the line that answers a challenge. False: there is no answer. */
static bool authorize(struct ct_sip_outgoing *outgoing, const struct ct_sip_message *message)
{
    struct ct_sip_session *session = outgoing->session;
    struct ct_str uri = outgoing->branch == NULL
                            ? session->call.uri
                            : ct_sip_dialog_request_uri(outgoing->branch->dialog);
    _Alignas(16) char room[1024];
    struct ct_arena *arena;
    struct ct_buf line;
    bool answered;

    if (session->credentials == NULL || outgoing->cancelled ||
        outgoing->challenges == MAX_CHALLENGES)
        return false;
    arena = ct_arena_in(room, sizeof(room));
    if (arena == NULL)
        return false;
    line = ct_buf_in(arena);
    answered =
        session->credentials(session->credentials_ctx, message, outgoing->method, uri, &line) &&
        !line.failed && line.len > 0;
    if (answered) {
        char *copy = malloc(line.len + 1);

        answered = copy != NULL;
        if (answered) {
            memcpy(copy, line.at, line.len);
            copy[line.len] = '\0';
            free(outgoing->authorization);
            outgoing->authorization = copy;
            outgoing->challenges++;
        }
    }
    ct_arena_free(arena);
    return answered;
}

/* Whether a final response asks for the same once more, in other words; then it is under way. */
static bool once_more(struct ct_sip_outgoing *outgoing, const struct ct_sip_message *message)
{
    bool again = false;

    if (message->status == 401 || message->status == 407) {
        again = authorize(outgoing, message);
    } else if (message->status == 422 && !outgoing->too_short && !outgoing->cancelled) {
        again = ct_sip_leg_timer_longer(outgoing->session, message);
        outgoing->too_short = true;
    } else if (message->status == 503) {
        if (!next_hop(outgoing))
            return false;
        stop(outgoing);
        send_next(outgoing);
        return true;
    }
    if (!again)
        return false;
    /* the same hop, which is the one that asked */
    stop(outgoing);
    outgoing->provisional = false;
    outgoing->cseq =
        outgoing->branch == NULL ? outgoing->cseq + 1 : ++outgoing->branch->dialog->local_cseq;
    send_next(outgoing);
    return true;
}

static void on_response(void *ctx, const struct ct_sip_message *message)
{
    struct ct_sip_outgoing *outgoing = ctx;
    struct ct_sip_session *session = outgoing->session;

    ct_sip_leg_enter(session);
    if (message->status < 200) {
        outgoing->provisional = true;
        if (is_invite(outgoing) && message->status > 100)
            ct_sip_leg_response(outgoing, message->status, message);
    } else if (message->status < 300 && is_invite(outgoing)) {
        outgoing->succeeded = true;
        ct_sip_leg_response(outgoing, message->status, message);
    } else if (!once_more(outgoing, message)) {
        finish(outgoing, message->status, message);
    }
    ct_sip_leg_leave(session);
}

static void on_failed(void *ctx, int status)
{
    struct ct_sip_outgoing *outgoing = ctx;
    struct ct_sip_session *session = outgoing->session;

    ct_sip_leg_enter(session);
    if (next_hop(outgoing)) {
        stop(outgoing);
        send_next(outgoing);
    } else {
        finish(outgoing, status, NULL);
    }
    ct_sip_leg_leave(session);
}

static void on_ended(void *ctx)
{
    struct ct_sip_outgoing *outgoing = ctx;
    struct ct_sip_session *session = outgoing->session;

    if (!outgoing->succeeded)
        return;
    ct_sip_leg_enter(session);
    /* for a leg that could take none of the 2xx, for want of memory, this is the end */
    finish(outgoing, 408, NULL);
    ct_sip_leg_leave(session);
}

static const struct ct_sip_client_events client_events = {on_response, on_failed, on_ended};

static void later(void *ctx)
{
    struct ct_sip_outgoing *outgoing = ctx;
    struct ct_sip_session *session = outgoing->session;

    ct_sip_leg_enter(session);
    if (outgoing->failure != 0)
        finish(outgoing, outgoing->failure, NULL);
    else
        ct_sip_outgoing_cancel(outgoing, 0, (struct ct_str){0});
    ct_sip_leg_leave(session);
}

/* ---- sending ---- */

static enum ct_result send_to(struct ct_sip_outgoing *outgoing, const struct ct_sip_hop *hop)
{
    struct ct_sip *sip = outgoing->session->sessions->sip;
    _Alignas(16) char room[4096];
    struct ct_arena *arena = ct_arena_in(room, sizeof(room));
    struct ct_buf text;
    enum ct_result result = CT_NOMEM;

    if (arena == NULL)
        return CT_NOMEM;
    text = ct_buf_in(arena);
    write_outgoing(outgoing, hop, &text);
    if (text.failed)
        goto out;
    if (outgoing->purpose == CT_SIP_FOR_ACK)
        result = ct_sip_send_ack(sip, hop, (struct ct_str){text.at, text.len},
                                 CT_SIP_TOKEN_STR(outgoing->token));
    else
        result = ct_sip_request(sip, hop, (struct ct_str){text.at, text.len}, &client_events,
                                outgoing, &outgoing->client);
out:
    ct_arena_free(arena);
    return result;
}

/* When the stream is gone on which a dialog stayed, whoever came by it may have a new one: to where his Contact says, at
 * the address that he had. Elsewhere somebody may take our word for it: a trunk, which knows us by our address. And not
 * where his certificate counts: nobody can say which name one from there should have. */
static bool elsewhere(struct ct_sip_outgoing *outgoing)
{
    struct ct_sip_session *session = outgoing->session;
    const struct ct_sip_env *env = ct_sip_env(session->sessions->sip);
    struct ct_sip_lookup *lookup = NULL;

    if (outgoing->branch == NULL || !session->stay || outgoing->looked ||
        !ct_sip_reliable(outgoing->hops[outgoing->hop_at].transport) ||
        outgoing->hops[outgoing->hop_at].name != NULL)
        return false;
    outgoing->looked = true;
    if (env->resolve(env->ctx, ct_sip_dialog_next_hop(outgoing->branch->dialog), on_found, outgoing,
                     &lookup) != CT_OK)
        return false;
    outgoing->lookup = lookup;
    return true;
}

/* To the hop that it is at; when that does not go, to the next ones. */
static void send_next(struct ct_sip_outgoing *outgoing)
{
    while (outgoing->hop_at < outgoing->hop_count) {
        enum ct_result result = send_to(outgoing, &outgoing->hops[outgoing->hop_at]);

        if (result == CT_UNAVAILABLE && elsewhere(outgoing))
            return;
        /* an ACK that is lost is sent again, when the 2xx comes again */
        if (result == CT_OK || outgoing->purpose == CT_SIP_FOR_ACK)
            return;
        if (result == CT_NOMEM || !next_hop(outgoing)) {
            fail_later(outgoing, 503, 0);
            return;
        }
    }
    if (outgoing->purpose != CT_SIP_FOR_ACK)
        fail_later(outgoing, 503, 0);
}

/* Takes those over that lead to @p address; NULL: all. */
static void take_hops(struct ct_sip_outgoing *outgoing, const struct ct_sip_hop *hops, size_t count,
                      const struct ct_sip_socket *address)
{
    if (count > MAX_HOPS)
        count = MAX_HOPS;
    free(outgoing->hops);
    outgoing->hops = count == 0 ? NULL : malloc(count * sizeof(*hops));
    outgoing->hop_count = 0;
    outgoing->hop_at = 0;
    for (size_t i = 0; outgoing->hops != NULL && i < count; i++)
        if (address == NULL || ct_sip_address_equal(&hops[i].peer, address))
            outgoing->hops[outgoing->hop_count++] = hops[i];
}

static void on_found(void *ctx, const struct ct_sip_hop *hops, size_t count)
{
    struct ct_sip_outgoing *outgoing = ctx;
    const struct ct_sip_socket *address =
        outgoing->looked ? &outgoing->branch->dialog->hop.peer : NULL;

    outgoing->lookup = NULL;
    /* where the name of a Contact leads nowhere, the peer may still be where it was heard from */
    if (count == 0 && outgoing->branch != NULL) {
        hops = &outgoing->branch->dialog->hop;
        count = 1;
    }
    take_hops(outgoing, hops, count, address);
    send_next(outgoing);
}

void ct_sip_outgoing_start(struct ct_sip_outgoing *outgoing)
{
    struct ct_sip_session *session = outgoing->session;
    const struct ct_sip_env *env = ct_sip_env(session->sessions->sip);
    struct ct_sip_lookup *lookup = NULL;
    struct ct_str uri;

    if (outgoing->branch != NULL) {
        if (session->stay) {
            on_found(outgoing, &outgoing->branch->dialog->hop, 1);
            return;
        }
        uri = ct_sip_dialog_next_hop(outgoing->branch->dialog);
    } else if (session->call.hop_count > 0) {
        on_found(outgoing, session->call.hops, session->call.hop_count);
        return;
    } else if (!ct_sip_first_route(session->call.route, &uri)) {
        uri = session->call.uri;
    }
    if (env->resolve(env->ctx, uri, on_found, outgoing, &lookup) != CT_OK)
        fail_later(outgoing, 503, 0);
    else
        outgoing->lookup = lookup;
}

void ct_sip_outgoing_ack(struct ct_sip_outgoing *outgoing)
{
    assert(outgoing->purpose == CT_SIP_FOR_ACK);
    if (outgoing->lookup != NULL)
        return;
    if (outgoing->hop_count > 0)
        send_next(outgoing);
    else
        ct_sip_outgoing_start(outgoing);
}

void ct_sip_outgoing_cancel(struct ct_sip_outgoing *outgoing, int status, struct ct_str reason)
{
    _Alignas(16) char room[512];
    struct ct_arena *arena = NULL;
    struct ct_buf headers = {0};
    enum ct_result result = CT_NOMEM;

    outgoing->cancelled = true;
    if (outgoing->client == NULL) {
        stop(outgoing);
        fail_later(outgoing, 487, 0);
        return;
    }
    arena = ct_arena_in(room, sizeof(room));
    if (arena != NULL) {
        headers = ct_buf_in(arena);
        ct_sip_leg_reason(&headers, status, reason);
        if (!headers.failed)
            result = ct_sip_cancel(outgoing->client, (struct ct_str){headers.at, headers.len});
        ct_arena_free(arena);
    }
    if (result == CT_NOMEM)
        fail_later(outgoing, 0, CANCEL_AGAIN_MS);
}
