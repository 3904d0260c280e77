#include "sip/session_parts.h"
#include "sip/write.h"

/* REFER (RFC 3515): the referrer is told with NOTIFY what became of it. The subscription ends with the leg. */

static void refer_gone(void *ctx, enum ct_sip_gone why)
{
    struct ct_sip_session *session = ctx;

    (void)why;
    ct_sip_server_forget(session->refer_server);
    session->refer_server = NULL;
}

static const struct ct_sip_server_events refer_events = {NULL, refer_gone};

void ct_sip_leg_drop_refer(struct ct_sip_session *session)
{
    struct ct_sip_server *server = session->refer_server;

    session->refer_server = NULL;
    session->refer_on = false;
    ct_sip_keep_clear(&session->notify);
    if (server == NULL)
        return;
    ct_sip_leg_reply(server, 487, NULL);
    ct_sip_server_forget(server);
}

/* The value of a header within a URI, still escaped. */
static bool uri_header(struct ct_str headers, struct ct_str name, struct ct_str *out)
{
    size_t at = 0;

    while (at < headers.len) {
        size_t end = at;
        size_t equals;

        while (end < headers.len && headers.at[end] != '&')
            end++;
        for (equals = at; equals < end && headers.at[equals] != '='; equals++)
            ;
        if (equals < end &&
            ct_str_equal_nocase((struct ct_str){headers.at + at, equals - at}, name)) {
            *out = (struct ct_str){headers.at + equals + 1, end - equals - 1};
            return true;
        }
        at = end + 1;
    }
    return false;
}

/* Reads Refer-To. The status that refuses it, or 0. */
static int read_target(const struct ct_sip_message *message, struct ct_arena *arena,
                       struct ct_sip_refer *out)
{
    struct ct_str value = ct_sip_header(message, CT_SIP_H_REFER_TO);
    struct ct_sip_address address;
    struct ct_str method;
    struct ct_str escaped;
    struct ct_buf uri;

    if (value.len == 0 || !ct_sip_address_read(value, &address) || address.star)
        return 400;
    if (address.uri.scheme == CT_SIP_URI_OTHER)
        return 416;
    if (ct_sip_param(address.uri.params, CT_STR("method"), &method) &&
        !ct_str_equal(method, CT_STR("INVITE")))
        return 603;
    if (uri_header(address.uri.headers, CT_STR("Replaces"), &escaped)) {
        enum ct_result result = ct_sip_unescape(arena, escaped, &out->replaces);

        if (result != CT_OK)
            return result == CT_NOMEM ? 500 : 400;
    }
    uri = ct_buf_in(arena);
    ct_sip_uri_write(&uri, &address.uri);
    out->target = ct_buf_done(&uri);
    return uri.failed ? 500 : 0;
}

void ct_sip_leg_refer(struct ct_sip_branch *branch, struct ct_sip_server *server,
                      const struct ct_sip_message *message)
{
    struct ct_sip_session *session = branch->session;
    struct ct_sip_refer event = {.by = ct_sip_header(message, CT_SIP_H_REFERRED_BY),
                                 .message = message};
    _Alignas(16) char room[512];
    struct ct_arena *arena;
    int status;

    if (session->events == NULL || session->events->referred == NULL ||
        session->state != CT_SIP_SESSION_CONFIRMED) {
        ct_sip_leg_reply(server, 603, NULL);
        return;
    }
    if (session->refer_on || session->refer_server != NULL) {
        ct_sip_leg_reply(server, 491, NULL);
        return;
    }
    arena = ct_arena_in(room, sizeof(room));
    status = arena == NULL ? 500 : read_target(message, arena, &event);
    if (status != 0) {
        ct_sip_leg_reply(server, status, NULL);
    } else {
        session->refer_server = server;
        session->refer_branch = branch;
        ct_sip_server_watch(server, &refer_events, session);
        session->events->referred(session->ctx, &event);
    }
    ct_arena_free(arena);
}

enum ct_result ct_sip_session_refer_refuse(struct ct_sip_session *session, int status)
{
    struct ct_sip_server *server = session->refer_server;

    if (server == NULL)
        return CT_FORBIDDEN;
    session->refer_server = NULL;
    ct_sip_leg_reply(server, status, NULL);
    ct_sip_server_forget(server);
    return CT_OK;
}

static enum ct_result send_notify(struct ct_sip_session *session, int status, struct ct_str reason)
{
    _Alignas(16) char room[512];
    struct ct_arena *arena = ct_arena_in(room, sizeof(room));
    struct ct_sip_request_parts parts = {.purpose = CT_SIP_FOR_NOTIFY,
                                         .method = CT_STR("NOTIFY"),
                                         .body.type = CT_STR("message/sipfrag;version=2.0")};
    struct ct_sip_outgoing *outgoing;
    struct ct_buf body;
    enum ct_result result = CT_NOMEM;

    if (arena == NULL)
        return CT_NOMEM;
    parts.headers =
        status < 200
            ? CT_STR("Event: refer\r\nSubscription-State: active;expires=180\r\n")
            : CT_STR("Event: refer\r\nSubscription-State: terminated;reason=noresource\r\n");
    body = ct_buf_in(arena);
    ct_sip_write_status_line(&body, status, reason);
    parts.body.bytes = (struct ct_str){body.at, body.len};
    if (!body.failed)
        result = ct_sip_outgoing_new(session, session->refer_branch, &parts, &outgoing);
    if (result == CT_OK) {
        session->notifying = true;
        if (status >= 200)
            session->refer_on = false;
        ct_sip_outgoing_start(outgoing);
    }
    ct_arena_free(arena);
    return result;
}

enum ct_result ct_sip_session_refer_accept(struct ct_sip_session *session)
{
    struct ct_sip_server *server = session->refer_server;
    _Alignas(16) char room[512];
    struct ct_arena *arena;
    struct ct_buf contact;
    enum ct_result result = CT_NOMEM;

    if (server == NULL)
        return CT_FORBIDDEN;
    arena = ct_arena_in(room, sizeof(room));
    if (arena == NULL)
        return CT_NOMEM;
    contact = ct_buf_in(arena);
    ct_sip_leg_contact(session, ct_sip_server_from(server), &contact);
    if (!contact.failed)
        result = ct_sip_reply(
            server, 202,
            &(struct ct_sip_reply_options){.contact = (struct ct_str){contact.at, contact.len}});
    ct_arena_free(arena);
    if (result == CT_NOMEM)
        return result;
    session->refer_server = NULL;
    ct_sip_server_forget(server);
    session->refer_on = true;
    return ct_sip_session_refer_notify(session, 100, (struct ct_str){0});
}

enum ct_result ct_sip_session_refer_notify(struct ct_sip_session *session, int status,
                                           struct ct_str reason)
{
    enum ct_result result;

    if (!session->refer_on || session->refer_branch == NULL)
        return CT_FORBIDDEN;
    /* one after the other, since a later one that overtakes is refused for its CSeq */
    if (!session->notifying)
        return send_notify(session, status, reason);
    result = ct_sip_keep(&session->notify, reason, (struct ct_sip_body){0});
    if (result == CT_OK)
        session->notify.status = status;
    return result;
}

void ct_sip_leg_notified(struct ct_sip_outgoing *outgoing, int status)
{
    struct ct_sip_session *session = outgoing->session;
    struct ct_sip_kept kept = session->notify;

    session->notifying = false;
    session->notify = (struct ct_sip_kept){0};
    /* 481: the referrer has lost interest; without memory he is told no more */
    if (kept.waits && session->refer_on && status < 300 &&
        send_notify(session, kept.status, kept.reason) != CT_OK)
        session->refer_on = false;
    if (status >= 300)
        session->refer_on = false;
    ct_sip_keep_clear(&kept);
}
