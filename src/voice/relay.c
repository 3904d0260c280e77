#include "voice/relay.h"

#include <stdlib.h>
#include <string.h>

#include "sip/endpoint.h"
#include "sip/message.h"
#include "sip/write.h"
#include "voice/relay_token.h"

/* How long a token is good for a new call: clocks differ a little. */
#define FRESH_S 300
/* Servers that are remembered. */
#define PEERS 32

struct ct_relay {
    struct ct_relay_options options;
    struct ct_relay_key key;
    struct ct_sip_hop own;
    bool on;
    struct ct_sip_socket peers[PEERS]; /* a ring */
    size_t peer_count;
};

/* "udp:192.0.2.1:5060", "tcp:[2001:db8::1]:5060" */
static bool read_node(struct ct_str text, struct ct_sip_hop *out)
{
    const char *first = text.len == 0 ? NULL : memchr(text.at, ':', text.len);
    const char *last = text.len == 0 ? NULL : memrchr(text.at, ':', text.len);
    uint32_t port;
    memset(out, 0, sizeof(*out));
    if (first == NULL || first == last)
        return false;
    struct ct_str transport = {text.at, (size_t)(first - text.at)};
    struct ct_str host = {first + 1, (size_t)(last - first - 1)};
    struct ct_str digits = {last + 1, text.len - (size_t)(last + 1 - text.at)};
    if (!ct_sip_transport_read(transport, &out->transport) ||
        !ct_sip_address_parse(host, &out->peer) || !ct_sip_number(digits, 65535, &port))
        return false;
    out->peer.port = (uint16_t)port;
    return true;
}

enum ct_result ct_relay_new(const struct ct_relay_options *options, struct ct_relay **out)
{
    struct ct_relay *relay = calloc(1, sizeof(*relay));
    if (relay == NULL)
        return CT_NOMEM;
    relay->options = *options;
    relay->on = options->secret.len > 0 && read_node(options->node, &relay->own);
    ct_relay_key_set(&relay->key, options->secret);
    *out = relay;
    return CT_OK;
}

void ct_relay_free(struct ct_relay *relay)
{
    if (relay != NULL)
        explicit_bzero(&relay->key, sizeof(relay->key));
    free(relay);
}

bool ct_relay_knows(const struct ct_relay *relay, const struct ct_sip_hop *from)
{
    for (size_t i = 0; i < PEERS && i < relay->peer_count; i++)
        if (ct_sip_address_equal(&relay->peers[i], &from->peer))
            return true;
    return false;
}

static void note_peer(struct ct_relay *relay, const struct ct_sip_hop *hop)
{
    if (!ct_relay_knows(relay, hop))
        relay->peers[relay->peer_count++ % PEERS] = hop->peer;
}

enum ct_result ct_relay_route(struct ct_relay *relay, struct ct_arena *arena,
                              const struct ct_binding *binding, struct ct_sip_hop *hop,
                              struct ct_str *route)
{
    const struct ct_sip_env *env = relay->options.env;
    struct ct_buf user = ct_buf_in(arena);
    struct ct_buf text = ct_buf_in(arena);
    if (!relay->on || !read_node(binding->node, hop))
        return CT_INVALID;
    const struct ct_relay_token token = {.device_id = binding->device_id,
                                         .place = ct_registrar_place(binding),
                                         .issued_s = env->unix_ms(env->ctx) / 1000,
                                         .caller = relay->own};
    ct_relay_token_write(&user, &relay->key, &token);
    ct_buf_text(&text, "<sip:");
    ct_buf_str(&text, ct_buf_done(&user));
    ct_buf_char(&text, '@');
    ct_sip_socket_write(&text, &hop->peer);
    ct_buf_text(&text, ";transport=");
    ct_buf_str(&text, ct_sip_transport_param(hop->transport));
    ct_buf_text(&text, binding->path.len > 0 ? ";lr>, " : ";lr>");
    ct_buf_str(&text, binding->path);
    *route = ct_buf_done(&text);
    note_peer(relay, hop);
    return user.failed || text.failed ? CT_NOMEM : CT_OK;
}

/* ---- requests ---- */

/* A request on its way through. */
struct passage {
    struct ct_relay *relay;
    struct ct_arena *arena;
    const struct ct_sip_hop *from;
    const struct ct_sip_message *message;
    struct ct_relay_token token;
    struct ct_str user; /* that the token was read from */
};

static bool find_token(struct passage *passage)
{
    struct ct_sip_cursor cursor = {0};
    struct ct_str value;
    struct ct_sip_address address;
    if (!ct_sip_next_value(passage->message, CT_SIP_H_ROUTE, &cursor, &value) ||
        !ct_sip_address_read(value, &address))
        return false;
    passage->user = address.uri.user;
    return ct_relay_token_read(&passage->relay->key, address.uri.user, &passage->token);
}

static void refuse(const struct passage *passage, int status)
{
    if (passage->message->method != CT_SIP_ACK)
        ct_sip_reply_statelessly(passage->relay->options.sip, passage->from, passage->message,
                                 status, NULL);
}

/* All values of a list but the first. */
static void write_rest(struct ct_buf *out, const struct ct_sip_message *message,
                       enum ct_sip_header_id id)
{
    struct ct_sip_cursor cursor = {0};
    struct ct_str value;
    bool first = true;
    while (ct_sip_next_value(message, id, &cursor, &value)) {
        if (!first)
            ct_sip_write_header(out, id, value);
        first = false;
    }
}

static void write_headers(struct ct_buf *out, const struct ct_sip_message *message, bool request)
{
    bool via = false;
    bool route = false;
    for (size_t i = 0; i < message->header_count; i++) {
        const struct ct_sip_header *header = &message->headers[i];
        if (header->id == CT_SIP_H_VIA && !request && !via) {
            write_rest(out, message, CT_SIP_H_VIA);
            via = true;
        } else if (header->id == CT_SIP_H_ROUTE && request && !route) {
            write_rest(out, message, CT_SIP_H_ROUTE);
            route = true;
        } else if ((header->id == CT_SIP_H_VIA && !request) ||
                   (header->id == CT_SIP_H_ROUTE && request) ||
                   header->id == CT_SIP_H_CONTENT_LENGTH ||
                   (header->id == CT_SIP_H_MAX_FORWARDS && request)) {
            continue;
        } else {
            ct_sip_write_named(out, header->name, header->value);
        }
    }
    ct_sip_write_number(out, CT_SIP_H_CONTENT_LENGTH, (int64_t)message->body.len);
    ct_buf_text(out, "\r\n");
    ct_buf_str(out, message->body);
}

static void write_route_back(struct ct_buf *out, const struct passage *passage,
                             const struct ct_sip_local *local)
{
    ct_buf_text(out, "Record-Route: <");
    ct_sip_write_contact_uri(out, passage->user, local);
    ct_buf_text(out, ";lr>\r\n");
}

static void pass_on(const struct passage *passage, const struct ct_sip_hop *to)
{
    const struct ct_sip_env *env = passage->relay->options.env;
    const struct ct_sip_message *message = passage->message;
    const struct ct_sip_hop back = ct_sip_reply_hop(message, passage->from);
    struct ct_buf text = ct_buf_in(passage->arena);
    struct ct_sip_local local;
    if (message->max_forwards == 0) {
        refuse(passage, 483);
        return;
    }
    env->local(env->ctx, to, &local);
    ct_sip_write_request_line(&text, message->method_name, message->uri.text);
    ct_buf_text(&text, "Via: SIP/2.0/");
    ct_buf_str(&text, ct_sip_transport_name(to->transport));
    ct_buf_char(&text, ' ');
    ct_sip_write_local(&text, &local);
    ct_relay_mark_write(&text, &passage->relay->key, &back, message->via.branch);
    ct_buf_text(&text, ";rport\r\n");
    if (message->method == CT_SIP_INVITE && message->to.tag.len == 0)
        write_route_back(&text, passage, &local);
    ct_sip_write_number(&text, CT_SIP_H_MAX_FORWARDS,
                        message->max_forwards < 0 ? 70 : message->max_forwards - 1);
    write_headers(&text, message, true);
    if (text.failed)
        refuse(passage, 503);
    else if (env->send(env->ctx, to, ct_buf_done(&text)) != CT_OK)
        refuse(passage, 480);
}

static bool comes_from(const struct ct_binding *binding, const struct ct_sip_hop *from)
{
    if (ct_sip_reliable(from->transport))
        return from->connection != 0 && binding->hop.connection == from->connection;
    return binding->hop.transport == CT_SIP_UDP &&
           ct_sip_socket_equal(&binding->hop.peer, &from->peer);
}

static void take_from_server(const struct passage *passage, const struct ct_binding *binding)
{
    const struct ct_sip_env *env = passage->relay->options.env;
    const struct ct_sip_message *message = passage->message;
    int64_t age_s = env->unix_ms(env->ctx) / 1000 - passage->token.issued_s;
    bool fresh = age_s <= FRESH_S && age_s >= -FRESH_S;
    bool begins = message->to.tag.len == 0 && message->method != CT_SIP_CANCEL;
    if (begins && !fresh)
        refuse(passage, 403);
    else if (binding == NULL)
        refuse(passage, 480); /* it has gone, and its server does not know that yet */
    else
        pass_on(passage, &binding->hop);
}

static bool take_request(struct passage *passage)
{
    struct ct_relay *relay = passage->relay;
    const struct ct_sip_message *message = passage->message;
    if (message->fault.status != 0 || !find_token(passage))
        return false;
    const struct ct_sip_hop *caller = &passage->token.caller;
    if (ct_sip_socket_equal(&caller->peer, &relay->own.peer))
        return false; /* it is here already */
    const struct ct_binding *binding = relay->options.find(
        relay->options.find_ctx, passage->token.device_id, passage->token.place);
    note_peer(relay, caller);
    if (ct_sip_address_equal(&passage->from->peer, &caller->peer) &&
        (binding == NULL || !comes_from(binding, passage->from)))
        take_from_server(passage, binding);
    else if (message->to.tag.len > 0)
        pass_on(passage, caller);
    else
        return false;
    return true;
}

/* ---- responses ---- */

static bool take_response(const struct passage *passage)
{
    const struct ct_sip_env *env = passage->relay->options.env;
    const struct ct_sip_message *message = passage->message;
    struct ct_sip_cursor cursor = {0};
    struct ct_str value;
    struct ct_sip_via below;
    struct ct_sip_hop back;
    if (message->fault.status != 0 || !ct_sip_next_value(message, CT_SIP_H_VIA, &cursor, &value) ||
        !ct_sip_next_value(message, CT_SIP_H_VIA, &cursor, &value) ||
        !ct_sip_via_read(value, &below) ||
        !ct_relay_mark_read(&passage->relay->key, &message->via, below.branch, &back))
        return false;
    struct ct_buf text = ct_buf_in(passage->arena);
    ct_sip_write_status_line(&text, message->status, message->reason);
    write_headers(&text, message, false);
    if (!text.failed)
        (void)!env->send(env->ctx, &back, ct_buf_done(&text));
    return true;
}

bool ct_relay_take(struct ct_relay *relay, const struct ct_sip_hop *from, struct ct_str bytes)
{
    struct ct_sip_message *message;
    bool taken = false;
    if (!relay->on || memmem(bytes.at, bytes.len, CT_RELAY_SIGN, strlen(CT_RELAY_SIGN)) == NULL)
        return false;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return false;
    if (ct_sip_message_read(arena, bytes, ct_sip_reliable(from->transport), &message) == CT_OK) {
        struct passage passage = {.relay = relay, .arena = arena, .from = from, .message = message};
        taken = message->request ? take_request(&passage) : take_response(&passage);
    }
    ct_arena_free(arena);
    return taken;
}
