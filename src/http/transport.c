#include "http/transport.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/loops.h"
#include "http/tally.h"

/* Mixes a counter so that ids do not tell how many requests there were (splitmix64's finalizer). */
static uint64_t scramble(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

void ct_transport_make_id(struct ct_server *server, char out[17])
{
    uint64_t id = scramble(server->id_key + atomic_fetch_add(&server->id_next, 1));
    for (int i = 0; i < 16; i++)
        out[i] = "0123456789abcdef"[id >> (60 - 4 * i) & 15];
    out[16] = '\0';
}

struct ct_open_connection *ct_transport_state_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static void set_peer(struct ct_open_connection *state, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    ct_peer_text(info == NULL ? NULL : info->client_addr, state->peer);
}

/* Hides the query from libmicrohttpd, which would make a record of each of its parts in the connection's
 * memory. When that is full, 0.9.75 prepares a reply and forgets to send it (connection.c,
 * parse_initial_message_line). The bytes are its own buffer, lent to be read; it looks at them again
 * behind the question mark alone. */
static void hide_query(const char *target)
{
    char *mark = strchr((char *)(uintptr_t)target, '?');
    if (mark != NULL)
        mark[1] = '\0';
}

/* Called when the request line has been read, before any header. */
void *ct_transport_begin(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct ct_server *server = cls;
    struct ct_open_connection *state = ct_transport_state_of(connection);
    struct ct_exchange *exchange =
        state == NULL ? NULL : ct_exchange_new(&server->options, server->spares, target);
    hide_query(target);
    if (exchange == NULL)
        return NULL;
    struct ct_transport *transport = ct_arena_alloc(exchange->arena, sizeof(*transport));
    if (transport == NULL) {
        ct_exchange_free(exchange);
        return NULL;
    }
    transport->server = server;
    transport->connection = connection;
    exchange->transport = transport;
    exchange->limits = server->limits;
    exchange->peer = state->peer;
    state->exchange = exchange;
    ct_connection_began(server->connections, &state->watch, exchange->started_us);
    return exchange;
}

void ct_transport_completed(void *cls, struct MHD_Connection *connection, void **context,
                            enum MHD_RequestTerminationCode code)
{
    (void)cls;
    struct ct_exchange *exchange = *context;
    if (exchange == NULL)
        return;
    struct ct_transport *transport = exchange->transport;
    struct ct_open_connection *state = ct_transport_state_of(connection);
    if (state != NULL) {
        state->exchange = NULL;
        ct_connection_replied(transport->server->connections, &state->watch,
                              ct_clock_monotonic_us());
    }
    /* Without headers it was no request; what libmicrohttpd answered then has its own line. */
    if (transport->headed && !transport->told) {
        bool gone = !transport->replied || (code != MHD_REQUEST_TERMINATED_COMPLETED_OK &&
                                            code != MHD_REQUEST_TERMINATED_WITH_ERROR);
        ct_tally_request(exchange, gone ? CT_STATUS_CLIENT_GONE : exchange->reply.status);
    }
    if (transport->running)
        atomic_fetch_sub(&transport->server->running, 1);
    ct_stream_close(transport->stream);
    ct_exchange_free(exchange);
    *context = NULL;
}

static struct ct_open_connection *new_connection(struct ct_server *server,
                                                 struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ct_open_connection *state = info == NULL ? NULL : calloc(1, sizeof(*state));
    if (state == NULL)
        return NULL;
    int fd = info->connect_fd; /* the next question overwrites it */
    state->server = server;
    set_peer(state, connection);
    (void)ct_connections_add(server->connections, &state->watch, fd, state->peer);
    return state;
}

void ct_transport_connection(void *cls, struct MHD_Connection *connection, void **context,
                             enum MHD_ConnectionNotificationCode code)
{
    struct ct_server *server = cls;
    ct_tally_connection(&server->options, code == MHD_CONNECTION_NOTIFY_STARTED);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        /* without memory: its requests are not answered */
        *context = new_connection(server, connection);
    } else if (*context != NULL) {
        ct_connections_remove(server->connections, &((struct ct_open_connection *)*context)->watch);
        free(*context);
        *context = NULL;
    }
}

/* Keeps names and values as they came: src/http decodes them itself, and strictly. */
size_t ct_transport_keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                   size_t name_size, const char *value, size_t value_size)
{
    (void)kind;
    ct_headers_add(cls, (struct ct_str){name, name_size},
                   (struct ct_str){value == NULL ? "" : value, value_size});
    return MHD_YES;
}

/* From another thread. */
static void wake(struct ct_exchange *exchange)
{
    struct ct_transport *transport = exchange->transport;
    struct ct_server *server = transport->server;
    MHD_resume_connection(transport->connection);
    /* The exchange may be gone by now; the server waits for this count. */
    atomic_fetch_sub(&server->waiting, 1);
}

static void rest(void *db)
{
    ct_store_read_rest(db);
}

static void paused(struct ct_db *db)
{
    ct_loops_before_waiting(rest, db);
}

static enum MHD_Result begin_headers(struct ct_exchange *exchange, const char *method)
{
    struct ct_transport *transport = exchange->transport;
    transport->phase = CT_PHASE_BODY;
    transport->headed = true;
    exchange->wake = wake;
    exchange->paused = paused;
    exchange->method = ct_method_of(ct_str_of(method));
    (void)MHD_get_connection_values_n(transport->connection, MHD_HEADER_KIND, take_header,
                                      &exchange->headers);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(transport->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    exchange->headers.size = info == NULL ? 0 : info->header_size;
    char made[17];
    struct ct_str id = exchange->headers.request_id;
    if (!ct_request_id_is_sane(id)) {
        ct_transport_make_id(transport->server, made);
        id = (struct ct_str){made, 16};
    }
    exchange->id = ct_str_dup(exchange->arena, id);
    if (exchange->id == NULL)
        return MHD_NO;
    ct_exchange_headers(exchange);
    /* Some refusals cannot wait for the body: it would not be read whole, or the client waits to be
     * told whether to send it. The connection ends with them. */
    const char *expect =
        exchange->refusal == 0
            ? NULL
            : MHD_lookup_connection_value(transport->connection, MHD_HEADER_KIND, "Expect");
    /* Headers that fill the connection's memory leave none for those of a reply. */
    if (exchange->refusal == 431) {
        ct_exchange_reply(exchange);
        char body[160];
        assert(exchange->reply.body.len < sizeof(body));
        memcpy(body, exchange->reply.body.at, exchange->reply.body.len);
        body[exchange->reply.body.len] = '\0';
        transport->replied = ct_transport_send_by_hand(transport->connection,
                                                       exchange->reply.status, exchange->id, body);
        return transport->replied ? MHD_NO : ct_transport_reply(exchange);
    }
    if (exchange->closing || expect != NULL)
        return ct_transport_reply(exchange);
    return MHD_YES;
}

enum MHD_Result ct_transport_handle(void *cls, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_size, void **context)
{
    (void)cls;
    (void)connection;
    (void)url;
    (void)version;
    struct ct_exchange *exchange = *context;
    if (exchange == NULL)
        return MHD_NO;
    struct ct_transport *transport = exchange->transport;
    if (transport->phase == CT_PHASE_HEADERS)
        return begin_headers(exchange, method);
    if (transport->phase == CT_PHASE_BODY && *upload_size > 0) {
        bool wanted = ct_exchange_body(exchange, upload, *upload_size);
        *upload_size = 0;
        return wanted ? MHD_YES : MHD_NO;
    }
    if (transport->phase == CT_PHASE_BODY) {
        transport->phase = CT_PHASE_WAITING;
        transport->running = true;
        struct ct_open_connection *state = ct_transport_state_of(connection);
        if (state != NULL)
            ct_connection_complete(&state->watch);
        atomic_fetch_add(&transport->server->running, 1);
        if (!ct_exchange_run(exchange)) {
            struct ct_server *server = transport->server;
            /* Counted before it looks: ct_server_stop sets the flag and then reads the count. */
            atomic_fetch_add(&server->waiting, 1);
            if (!atomic_load(&server->closing)) {
                MHD_suspend_connection(connection);
                ct_exchange_submit(exchange);
                return MHD_YES;
            }
            atomic_fetch_sub(&server->waiting, 1);
            exchange->result = CT_UNAVAILABLE;
        }
    }
    return ct_transport_reply(exchange);
}
