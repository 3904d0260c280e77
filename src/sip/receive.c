#include <assert.h>
#include <string.h>

#include "sip/core.h"
#include "sip/read.h"

/* What becomes of a message that came: the order is that of endpoint.h, after RFC 3261 sections 8.2, 16.3 and 17.2.3. */

/* In so many seconds a server that has no room wants to be asked again. */
#define RETRY_AFTER "Retry-After: 5\r\n"
/* No more extensions than these are listed as unsupported. */
#define UNSUPPORTED_MOST 32

/* A message on its way through the checks. */
struct arrival {
    struct ct_sip *sip;
    struct ct_arena *arena;
    const struct ct_sip_hop *from;
    const struct ct_sip_message *message;
    struct ct_sip_dialog_entry *dialog; /* NULL: none */
    uint64_t key[2];                    /* of its server transaction */
    uint64_t merged[2];                 /* of section 8.2.2.2 */
    uint64_t fingerprint[2];            /* by which a loop is known */
    bool has_fingerprint;
};

/* ---- answers without state ---- */

/* The same tag for the same request, so that the answer to a retransmission is the same (section 8.2.7). */
static struct ct_str stateless_tag(const struct arrival *arrival, char room[CT_SIP_MARK_SIZE])
{
    uint64_t fingerprint[2];

    if (ct_sip_fingerprint(arrival->sip, arrival->arena, arrival->message, fingerprint) != CT_OK ||
        ct_sip_mark(arrival->sip, arrival->arena, arrival->message->via.branch, fingerprint,
                    room) != CT_OK)
        return CT_STR("");
    return (struct ct_str){room, CT_SIP_MARK_SIZE};
}

static void refuse(const struct arrival *arrival, int status,
                   const struct ct_sip_reply_options *options)
{
    const struct ct_sip_message *message = arrival->message;
    struct ct_sip_hop to = ct_sip_reply_hop(message, arrival->from);
    struct ct_buf text = ct_buf_in(arrival->arena);
    char room[CT_SIP_MARK_SIZE];
    struct ct_str tag = options->to_tag;

    if (tag.len == 0 && status > 100)
        tag = stateless_tag(arrival, room);
    ct_sip_write_status_line(&text, status, options->reason);
    ct_sip_write_reply_head(&text, message, arrival->from, tag, NULL);
    ct_sip_write_reply_rest(&text, arrival->sip->options.name, options);
    if (!text.failed)
        (void)ct_sip_transmit(arrival->sip, &to, (struct ct_str){text.at, text.len},
                              message->call_id);
}

/* With further headers, or "". */
static void refuse_with(const struct arrival *arrival, int status, struct ct_str headers)
{
    const struct ct_sip_reply_options options = {.headers = headers};
    refuse(arrival, status, &options);
}

static void refuse_for(const struct arrival *arrival, int status, const char *why)
{
    const struct ct_sip_reply_options options = {.reason = ct_str_of(why)};
    refuse(arrival, status, &options);
}

void ct_sip_reply_statelessly(struct ct_sip *sip, const struct ct_sip_hop *from,
                              const struct ct_sip_message *request, int status,
                              const struct ct_sip_reply_options *options)
{
    static const struct ct_sip_reply_options none;
    CT_SIP_ARENA(arena);
    if (arena == NULL)
        return;
    struct arrival arrival = {.sip = sip, .arena = arena, .from = from, .message = request};
    refuse(&arrival, status, options == NULL ? &none : options);
    ct_arena_free(arena);
}

/* ---- the checks: each answers whether the request goes on ---- */

static bool check_form(const struct arrival *arrival)
{
    const struct ct_sip_message *message = arrival->message;
    size_t most = arrival->sip->options.max_message;
    uint32_t length;

    if (message->bytes.len > most ||
        (ct_sip_header_number(message, CT_SIP_H_CONTENT_LENGTH, &length) && length > most)) {
        refuse_with(arrival, 513, CT_STR(""));
        return false;
    }
    if (message->fault.status != 0) {
        refuse_for(arrival, message->fault.status, message->fault.why);
        return false;
    }
    return true;
}

static bool check_method(const struct arrival *arrival)
{
    enum ct_sip_method method = arrival->message->method;
    struct ct_buf headers = ct_buf_in(arrival->arena);

    if (method != CT_SIP_OTHER_METHOD && (arrival->sip->methods >> method & 1) != 0)
        return true;
    ct_sip_write_header(&headers, CT_SIP_H_ALLOW, arrival->sip->options.methods);
    if (!headers.failed)
        refuse_with(arrival, method == CT_SIP_OTHER_METHOD ? 501 : 405,
                    (struct ct_str){headers.at, headers.len});
    return false;
}

static bool check_scheme(const struct arrival *arrival)
{
    if (arrival->message->uri.scheme != CT_SIP_URI_OTHER)
        return true;
    refuse_with(arrival, 416, CT_STR(""));
    return false;
}

static bool check_hops(const struct arrival *arrival)
{
    enum ct_sip_method method = arrival->message->method;

    if (arrival->message->max_forwards != 0 || arrival->dialog != NULL ||
        method == CT_SIP_OPTIONS || method == CT_SIP_REGISTER)
        return true;
    refuse_with(arrival, 483, CT_STR(""));
    return false;
}

/* Whether this is a branch of ours, and the request is what we sent with it, unchanged (section 16.3 item 4). */
static bool is_ours(struct arrival *arrival, struct ct_str branch)
{
    char mark[CT_SIP_MARK_SIZE];

    if (branch.len != CT_SIP_BRANCH_SIZE || memcmp(branch.at, CT_SIP_BRANCH_COOKIE, 7) != 0)
        return false;
    /* Once, however many Vias there are. */
    if (!arrival->has_fingerprint &&
        ct_sip_fingerprint(arrival->sip, arrival->arena, arrival->message, arrival->fingerprint) !=
            CT_OK)
        return false;
    arrival->has_fingerprint = true;
    struct ct_str token = {branch.at + 7, CT_SIP_TOKEN_SIZE};
    return ct_sip_mark(arrival->sip, arrival->arena, token, arrival->fingerprint, mark) == CT_OK &&
           memcmp(branch.at + 8 + CT_SIP_TOKEN_SIZE, mark, sizeof(mark)) == 0;
}

static bool check_loop(struct arrival *arrival)
{
    const struct ct_sip_message *message = arrival->message;
    struct ct_sip_cursor cursor = {0};
    struct ct_sip_via via;
    struct ct_str value;
    bool loop = is_ours(arrival, message->via.branch);

    for (size_t i = 0; message->via_count > 1 && !loop &&
                       ct_sip_next_value(message, CT_SIP_H_VIA, &cursor, &value);
         i++)
        loop = i > 0 && ct_sip_via_read(value, &via) && is_ours(arrival, via.branch);
    if (loop)
        refuse_with(arrival, 482, CT_STR(""));
    return !loop;
}

/* The same request on another way (section 8.2.2.2). */
static bool check_merged(struct arrival *arrival)
{
    const struct ct_sip_message *message = arrival->message;
    uint32_t cseq = message->cseq;
    const struct ct_str texts[] = {message->call_id,
                                   message->from.tag,
                                   message->method_name,
                                   {(const char *)&cseq, sizeof(cseq)}};

    if (message->to.tag.len > 0)
        return true;
    if (ct_sip_key(arrival->sip, arrival->arena, texts, 4, arrival->merged) != CT_OK)
        return false;
    if (ct_sip_table_find(&arrival->sip->merged, arrival->merged) == NULL)
        return true;
    refuse_with(arrival, 482, CT_STR(""));
    return false;
}

static bool supports(const struct arrival *arrival, struct ct_str tag)
{
    struct ct_str list = arrival->sip->options.extensions;
    for (size_t at = 0; at < list.len;) {
        size_t end = ct_sip_value_end(list, at);
        if (ct_str_equal_nocase(ct_sip_trim((struct ct_str){list.at + at, end - at}), tag))
            return true;
        at = end + 1;
    }
    return false;
}

static bool check_extensions(const struct arrival *arrival)
{
    struct ct_buf headers = ct_buf_in(arrival->arena);
    struct ct_sip_cursor cursor = {0};
    struct ct_str tag;
    size_t unsupported = 0;

    while (unsupported < UNSUPPORTED_MOST &&
           ct_sip_next_value(arrival->message, CT_SIP_H_REQUIRE, &cursor, &tag)) {
        if (supports(arrival, tag))
            continue;
        unsupported++;
        ct_buf_text(&headers, headers.len == 0 ? "Unsupported: " : ", ");
        ct_buf_str(&headers, tag);
    }
    if (headers.len == 0 && !headers.failed)
        return true;
    ct_buf_text(&headers, "\r\n");
    if (!headers.failed)
        refuse_with(arrival, 420, (struct ct_str){headers.at, headers.len});
    return false;
}

/* A tag in To names a dialog, and there is none of that name. Some clients register with one. */
static bool check_dialog(const struct arrival *arrival)
{
    const struct ct_sip_message *message = arrival->message;
    if (arrival->dialog != NULL || message->to.tag.len == 0 || message->method == CT_SIP_REGISTER)
        return true;
    refuse_with(arrival, 481, CT_STR(""));
    return false;
}

/* ---- requests ---- */

static void receive_ack(const struct arrival *arrival)
{
    const struct ct_sip_message *message = arrival->message;
    struct ct_sip_server *server = ct_sip_server_find(arrival->sip, arrival->key, message);
    bool to_dialog = server == NULL || ct_sip_server_acked(server);

    if (to_dialog && arrival->dialog != NULL && message->fault.status == 0)
        arrival->dialog->events->ack(arrival->dialog->ctx, message);
}

/* A CANCEL has been admitted: its own transaction answers it, and its INVITE hears of it. */
static void receive_cancel(const struct arrival *arrival, struct ct_sip_server *invite)
{
    struct ct_sip_server *server;

    if (invite == NULL) {
        refuse_with(arrival, 481, CT_STR(""));
        return;
    }
    struct ct_str tag = ct_sip_server_tag(invite);
    if (!ct_sip_has_room(arrival->sip)) {
        const struct ct_sip_reply_options options = {.to_tag = tag};
        refuse(arrival, 200, &options);
    } else if (ct_sip_server_new(arrival->sip, arrival->arena, arrival->from, arrival->message,
                                 arrival->key, NULL, &server) == CT_OK) {
        ct_sip_server_answer_cancel(server, tag);
    }
    ct_sip_server_cancelled(invite, arrival->message);
}

static void begin_transaction(const struct arrival *arrival)
{
    const struct ct_sip_message *message = arrival->message;
    const struct ct_sip_user *user = &arrival->sip->options.user;
    struct ct_sip_dialog_entry *dialog = arrival->dialog;
    struct ct_sip_server *server;

    bool room =
        dialog != NULL ? ct_sip_has_room(arrival->sip) : ct_sip_has_room_to_begin(arrival->sip);
    if (!room || !ct_sip_source_has_room(arrival->sip, arrival->from, dialog != NULL)) {
        refuse_with(arrival, 503, CT_STR(RETRY_AFTER));
        return;
    }
    /* Without memory the request is lost, as on the network, and comes once more. */
    if (ct_sip_server_new(arrival->sip, arrival->arena, arrival->from, message, arrival->key,
                          message->to.tag.len > 0 ? NULL : arrival->merged, &server) != CT_OK)
        return;
    if (dialog != NULL)
        ct_sip_server_hand_over(server, dialog->events->request, dialog->ctx, message);
    else
        ct_sip_server_hand_over(server, user->request, user->ctx, message);
}

static void receive_request(struct arrival *arrival)
{
    struct ct_sip *sip = arrival->sip;
    const struct ct_sip_message *message = arrival->message;
    const struct ct_sip_user *user = &sip->options.user;
    bool ack = message->method == CT_SIP_ACK;
    bool cancel = message->method == CT_SIP_CANCEL;
    struct ct_sip_server *invite = NULL;
    uint64_t invite_key[2];

    if (ct_sip_server_key(sip, arrival->arena, message,
                          ack ? CT_STR("INVITE") : message->method_name, arrival->key) != CT_OK)
        return;
    struct ct_sip_server *server = ack ? NULL : ct_sip_server_find(sip, arrival->key, message);
    if (server != NULL) {
        ct_sip_server_repeated(server);
        return;
    }
    if (message->to.tag.len > 0)
        arrival->dialog =
            ct_sip_dialog_find(sip, message->call_id, message->to.tag, message->from.tag);
    if (ack) {
        receive_ack(arrival);
        return;
    }
    if (cancel) {
        if (ct_sip_server_key(sip, arrival->arena, message, CT_STR("INVITE"), invite_key) != CT_OK)
            return;
        invite = ct_sip_server_find(sip, invite_key, message);
    }
    if (arrival->dialog == NULL && invite == NULL && user->admit_message != NULL &&
        !user->admit_message(user->ctx, arrival->from, message))
        return;
    if (!check_form(arrival))
        return;
    if (cancel)
        receive_cancel(arrival, invite);
    else if (check_method(arrival) && check_scheme(arrival) && check_hops(arrival) &&
             check_loop(arrival) && check_merged(arrival) && check_extensions(arrival) &&
             check_dialog(arrival))
        begin_transaction(arrival);
}

void ct_sip_receive(struct ct_sip *sip, const struct ct_sip_hop *from, struct ct_str bytes)
{
    const struct ct_sip_env *env = &sip->options.env;
    const struct ct_sip_user *user = &sip->options.user;
    struct ct_sip_message *message;

    assert(!sip->receiving);
    ct_wheel_tell(sip->wheel, env->now_ms(env->ctx));
    if (user->admit != NULL && !user->admit(user->ctx, from, bytes))
        return;
    CT_SIP_ARENA(arena);
    if (arena == NULL)
        return;
    sip->receiving = true;
    /* A frame of a WebSocket is a message, as a datagram is (RFC 7118). */
    bool stream = from->transport == CT_SIP_TCP || from->transport == CT_SIP_TLS;
    if (ct_sip_message_read(arena, bytes, stream, &message) == CT_OK) {
        if (user->trace != NULL)
            user->trace(user->ctx, false, from, message->bytes, message->call_id);
        struct arrival arrival = {.sip = sip, .arena = arena, .from = from, .message = message};
        if (message->request)
            receive_request(&arrival);
        else if (message->fault.status == 0 && message->via_count == 1)
            (void)ct_sip_client_receive(sip, message);
    }
    sip->receiving = false;
    ct_arena_free(arena);
}
