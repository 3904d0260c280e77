#include "http/server.h"

#include <assert.h>
#include <dlfcn.h>
#include <microhttpd.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "http/connections.h"
#include "http/exchange.h"
#include "http/listen.h"
#include "http/loops.h"
#include "http/pem.h"
#include "http/stream.h"
#include "http/tally.h"

/* Memory that libmicrohttpd keeps for a connection: request headers, a window of the body, reply
 * headers. Ten thousand idle connections cost ten thousand times this. */
#define CONNECTION_MEMORY 8192
/* Seconds without a byte in either direction. */
#define IDLE_TIMEOUT 60
/* How long who stops waits for clients to take the end of their streams. */
#define STREAM_FAREWELL_US 1000000
/* What is read of a stream at a time. */
#define STREAM_BLOCK 2048
/* Descriptors that are not connections: database, log, threads. */
#define OTHER_DESCRIPTORS 128

struct ct_server {
    struct ct_server_options options;
    struct ct_connections *connections;
    struct ct_limits *limits; /* NULL: none */
    struct ct_streams streams;
    struct MHD_Daemon *daemon;
    uint16_t port;
    uint64_t id_key; /* makes request ids of one process differ from another's */
    _Atomic uint64_t id_next;
    _Atomic int64_t running; /* requests that are complete, up to their reply's end */
    _Atomic int64_t waiting; /* of those, the ones whose work is on other threads */
    _Atomic bool stopping;   /* no new connections; replies end theirs */
    _Atomic bool closing;    /* nothing may wait for other threads any more */
    char *tls_certificate, *tls_key;
    char tls_priorities[48];
};

/** What is kept of a connection: its request, between the request line and the reply's end. */
struct connection {
    struct ct_server *server;
    struct ct_exchange *exchange;
    struct ct_connection_watch watch;
    char peer[CT_ADDRESS_TEXT];
};

enum phase { PHASE_HEADERS, PHASE_BODY, PHASE_WAITING };

/** What server.c keeps of an exchange. */
struct transport {
    struct ct_server *server;
    struct MHD_Connection *connection;
    enum phase phase;
    bool headed;  /* its headers are complete: it is a request */
    bool running; /* it is counted */
    bool replied;
    bool told;                /* its line is written and its metrics are counted */
    struct ct_stream *stream; /* NULL: its reply is none */
};

/*
 * libmicrohttpd answers what it cannot parse (400, 413, 414, 431, …) by itself, with a page of
 * HTML, and offers no hook. It queues that page through its own public function, which the dynamic
 * linker looks up in the program first: this definition stands in front of the library's, gives the
 * page the form of every other error, and passes on. What this file sends itself goes to the
 * library directly.
 */
typedef enum MHD_Result queue_response(struct MHD_Connection *, unsigned int,
                                       struct MHD_Response *);

static queue_response *library_queue;
static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void find_library_queue(void)
{
    void *found = dlsym(RTLD_NEXT, "MHD_queue_response");
    assert(found != NULL);
    memcpy(&library_queue, &found, sizeof(found));
}

static enum MHD_Result queue_directly(struct MHD_Connection *connection, unsigned int status,
                                      struct MHD_Response *response)
{
    (void)pthread_once(&library_once, find_library_queue);
    return library_queue(connection, status, response);
}

/* Mixes a counter so that ids do not tell how many requests there were (splitmix64's finalizer). */
static uint64_t scramble(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

static void make_id(struct ct_server *server, char out[17])
{
    uint64_t id = scramble(server->id_key + atomic_fetch_add(&server->id_next, 1));
    for (int i = 0; i < 16; i++)
        out[i] = "0123456789abcdef"[id >> (60 - 4 * i) & 15];
    out[16] = '\0';
}

static struct connection *state_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static void set_peer(struct connection *state, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    ct_peer_text(info == NULL ? NULL : info->client_addr, state->peer);
}

/*
 * libmicrohttpd 0.9.75 sends the header section of its own reply twice when it was the judgement of the
 * headers that failed (no Host, a Content-Length that is no number, cookies it has no memory for). Such a
 * reply is written here, to the socket, and the library told to close. Over TLS the library's own way has
 * to do.
 */
static bool send_by_hand(struct MHD_Connection *connection, int status, const char *id,
                         const char *body)
{
    const union MHD_ConnectionInfo *tls =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info == NULL || (tls != NULL && tls->tls_session != NULL))
        return false;
    char date[64] = "";
    time_t now = time(NULL);
    struct tm tm;
    if (gmtime_r(&now, &tm) != NULL)
        (void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    char text[512];
    int size = snprintf(text, sizeof(text),
                        "HTTP/1.1 %d %s\r\nDate: %s\r\nConnection: close\r\n"
                        "Content-Type: application/json\r\nX-Request-ID: %s\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        status, MHD_get_reason_phrase_for((unsigned int)status), date, id,
                        strlen(body), body);
    assert(size > 0 && (size_t)size < sizeof(text));
    (void)send(info->connect_fd, text, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
    /* Bytes that nobody reads would reset the connection, and the reply with it. */
    (void)shutdown(info->connect_fd, SHUT_WR);
    for (int i = 0; i < 16 && recv(info->connect_fd, text, sizeof(text), MSG_DONTWAIT) > 0; i++)
        ;
    return true;
}

enum MHD_Result MHD_queue_response(struct MHD_Connection *connection, unsigned int status,
                                   struct MHD_Response *response)
{
    struct connection *state = state_of(connection);
    if (state == NULL)
        return queue_directly(connection, status, response);
    struct ct_exchange *exchange = state->exchange;
    struct transport *transport = exchange == NULL ? NULL : exchange->transport;
    char made[17];
    make_id(state->server, made);
    const char *id = exchange != NULL && exchange->id != NULL ? exchange->id : made;
    char body[160];
    int size = snprintf(body, sizeof(body), "{\"detail\":\"%s\"}", ct_protocol_detail((int)status));
    assert(size > 0 && (size_t)size < sizeof(body));
    if (transport != NULL && transport->headed) {
        exchange->reply.status = (int)status;
        exchange->reply.body.len = (size_t)size;
        transport->replied = true;
    } else {
        ct_tally_garbage(&state->server->options, id, state->peer, (int)status, size);
    }
    bool judged = transport != NULL && !transport->headed &&
                  (status == 400 || status == 413 || status == 431);
    if (judged && send_by_hand(connection, (int)status, id, body))
        return MHD_NO;
    struct MHD_Response *ours =
        MHD_create_response_from_buffer((size_t)size, body, MHD_RESPMEM_MUST_COPY);
    if (ours == NULL)
        return queue_directly(connection, status, response);
    (void)MHD_add_response_header(ours, "Content-Type", "application/json");
    (void)MHD_add_response_header(ours, "X-Request-ID", id);
    enum MHD_Result result = queue_directly(connection, status, ours);
    MHD_destroy_response(ours);
    return result;
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
static void *begin(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct ct_server *server = cls;
    struct connection *state = state_of(connection);
    struct ct_exchange *exchange = state == NULL ? NULL : ct_exchange_new(&server->options, target);
    hide_query(target);
    if (exchange == NULL)
        return NULL;
    struct transport *transport = ct_arena_alloc(exchange->arena, sizeof(*transport));
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

static void completed(void *cls, struct MHD_Connection *connection, void **context,
                      enum MHD_RequestTerminationCode code)
{
    (void)cls;
    struct ct_exchange *exchange = *context;
    if (exchange == NULL)
        return;
    struct transport *transport = exchange->transport;
    struct connection *state = state_of(connection);
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

static struct connection *new_connection(struct ct_server *server,
                                         struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct connection *state = info == NULL ? NULL : calloc(1, sizeof(*state));
    if (state == NULL)
        return NULL;
    int fd = info->connect_fd; /* the next question overwrites it */
    state->server = server;
    set_peer(state, connection);
    (void)ct_connections_add(server->connections, &state->watch, fd, state->peer);
    return state;
}

static void connection_changed(void *cls, struct MHD_Connection *connection, void **context,
                               enum MHD_ConnectionNotificationCode code)
{
    struct ct_server *server = cls;
    ct_tally_connection(&server->options, code == MHD_CONNECTION_NOTIFY_STARTED);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        /* without memory: its requests are not answered */
        *context = new_connection(server, connection);
    } else if (*context != NULL) {
        ct_connections_remove(server->connections, &((struct connection *)*context)->watch);
        free(*context);
        *context = NULL;
    }
}

/* Keeps names and values as they came: src/http decodes them itself, and strictly. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
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

static void suspend_stream(void *connection)
{
    MHD_suspend_connection(connection);
}

static void resume_stream(void *connection)
{
    MHD_resume_connection(connection);
}

static ssize_t read_stream(void *cls, uint64_t position, char *out, size_t size)
{
    (void)position;
    size_t count = ct_stream_read(cls, out, size);
    return count == CT_STREAM_END ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)count;
}

/* A reply without an end. Neither does who stops the server wait for it, nor is its time that of a request. */
static struct MHD_Response *begin_stream(struct ct_exchange *exchange)
{
    struct transport *transport = exchange->transport;
    struct ct_server *server = transport->server;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(transport->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const struct ct_stream_link link = {.ctx = transport->connection,
                                        .suspend = suspend_stream,
                                        .resume = resume_stream,
                                        .fd = info == NULL ? -1 : info->connect_fd};
    transport->stream = ct_stream_open(&server->streams, exchange->arena, exchange->source, &link);
    if (transport->stream == NULL)
        return NULL;
    ct_tally_request(exchange, exchange->reply.status);
    transport->told = true;
    transport->running = false;
    atomic_fetch_sub(&server->running, 1);
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream,
                                             transport->stream, NULL);
}

static enum MHD_Result send_reply(struct ct_exchange *exchange)
{
    struct transport *transport = exchange->transport;
    ct_exchange_reply(exchange);
    const struct ct_reply *reply = &exchange->reply;
    /* The bytes are in the arena or in the program; both outlive the reply (see completed). */
    struct MHD_Response *response =
        exchange->source != NULL && reply->status == 200
            ? begin_stream(exchange)
            : MHD_create_response_from_buffer(reply->body.len, (void *)(uintptr_t)reply->body.at,
                                              MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return MHD_NO;
    for (size_t i = 0; i < reply->header_count; i++)
        (void)MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
    if (exchange->closing ||
        atomic_load_explicit(&transport->server->stopping, memory_order_relaxed))
        (void)MHD_add_response_header(response, "Connection", "close");
    enum MHD_Result result =
        queue_directly(transport->connection, (unsigned int)reply->status, response);
    transport->replied = result == MHD_YES;
    MHD_destroy_response(response);
    return result;
}

/* From another thread. */
static void wake(struct ct_exchange *exchange)
{
    struct transport *transport = exchange->transport;
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
    struct transport *transport = exchange->transport;
    transport->phase = PHASE_BODY;
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
        make_id(transport->server, made);
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
        transport->replied =
            send_by_hand(transport->connection, exchange->reply.status, exchange->id, body);
        return transport->replied ? MHD_NO : send_reply(exchange);
    }
    if (exchange->closing || expect != NULL)
        return send_reply(exchange);
    return MHD_YES;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url,
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
    struct transport *transport = exchange->transport;
    if (transport->phase == PHASE_HEADERS)
        return begin_headers(exchange, method);
    if (transport->phase == PHASE_BODY && *upload_size > 0) {
        bool wanted = ct_exchange_body(exchange, upload, *upload_size);
        *upload_size = 0;
        return wanted ? MHD_YES : MHD_NO;
    }
    if (transport->phase == PHASE_BODY) {
        transport->phase = PHASE_WAITING;
        transport->running = true;
        struct connection *state = state_of(connection);
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
    return send_reply(exchange);
}

__attribute__((format(printf, 2, 0))) static void library_log(void *cls, const char *format,
                                                              va_list args)
{
    struct ct_server *server = cls;
    if (!ct_log_wants(server->options.log, CT_LOG_DEBUG))
        return;
    char text[512];
    int size = vsnprintf(text, sizeof(text), format, args);
    if (size < 0)
        return;
    text[strcspn(text, "\n")] = '\0';
    CT_LOG(server->options.log, CT_LOG_DEBUG, "http_library", CT_F_TEXT("message", text));
}

static unsigned int thread_count(const struct ct_config *config)
{
    if (config->http_threads > 0)
        return (unsigned int)config->http_threads;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    return (unsigned int)CPU_COUNT(&set);
}

/* As many connections as the settings ask for and the operating system allows. */
static unsigned int connection_limit(struct ct_server *server)
{
    rlim_t wanted = (rlim_t)server->options.config->max_connections + OTHER_DESCRIPTORS;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return (unsigned int)server->options.config->max_connections;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= wanted)
        return (unsigned int)server->options.config->max_connections;
    rlim_t possible = limit.rlim_cur > 2 * OTHER_DESCRIPTORS ? limit.rlim_cur - OTHER_DESCRIPTORS
                                                             : OTHER_DESCRIPTORS;
    CT_LOG(server->options.log, CT_LOG_WARNING, "fewer_connections",
           CT_F_INT("MAX_CONNECTIONS", server->options.config->max_connections),
           CT_F_INT("possible", possible),
           CT_F_TEXT("hint", "raise the limit of open files (ulimit -n, LimitNOFILE=)"));
    return (unsigned int)possible;
}

static void free_server(struct ct_server *server)
{
    if (server->tls_key != NULL)
        explicit_bzero(server->tls_key, strlen(server->tls_key));
    free(server->tls_key);
    free(server->tls_certificate);
    ct_limits_free(server->limits);
    ct_connections_free(server->connections);
    ct_streams_destroy(&server->streams);
    free(server);
}

static enum ct_result start_daemon(struct ct_server *server, int socket)
{
    /* Older versions are not to be used any more (RFC 8996). */
    (void)strcpy(server->tls_priorities, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2");
    unsigned int threads = thread_count(server->options.config);
    unsigned int limit = connection_limit(server);
    if (threads > limit)
        threads = limit;
    ct_loops_turn_within(server->options.turn_within_ms);
    struct MHD_OptionItem more[6];
    size_t count = 0;
    if (threads > 1)
        more[count++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, threads, NULL};
    if (server->tls_key != NULL) {
        more[count++] =
            (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, server->tls_certificate};
        more[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, server->tls_key};
        more[count++] =
            (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, server->tls_priorities};
    }
    more[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    unsigned int flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_ITC;
    if (server->tls_key != NULL)
        flags |= MHD_USE_TLS;
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, handle, server, MHD_OPTION_EXTERNAL_LOGGER, library_log, server,
        MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_CONNECTION_LIMIT, limit,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_TIMEOUT, MHD_OPTION_URI_LOG_CALLBACK,
        begin, server, MHD_OPTION_NOTIFY_COMPLETED, completed, server, MHD_OPTION_NOTIFY_CONNECTION,
        connection_changed, server, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY,
        more, MHD_OPTION_END);
    return server->daemon == NULL ? CT_IO : CT_OK;
}

enum ct_result ct_server_start(const struct ct_server_options *options, struct ct_arena *arena,
                               struct ct_server **out, const char **why)
{
    const struct ct_config *config = options->config;
    struct ct_server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return CT_NOMEM;
    struct ct_listener *listener = options->listener;
    server->options = *options;
    server->port = listener->port;
    ct_streams_init(&server->streams);
    enum ct_result result = ct_random_bytes(&server->id_key, sizeof(server->id_key));
    if (result == CT_OK)
        result = ct_limits_new(config, &server->limits);
    if (result == CT_OK)
        result = ct_connections_new(
            &(const struct ct_connections_options){.request_s = config->request_timeout_seconds,
                                                   .idle_s = IDLE_TIMEOUT,
                                                   .max_per_address =
                                                       config->max_connections_per_address,
                                                   .trusted = config->trusted_proxies},
            &server->connections);
    if (result == CT_OK && config->tls_cert_file[0] != '\0')
        result = ct_pem_read(arena, "TLS_CERT_FILE", config->tls_cert_file,
                             &server->tls_certificate, why);
    if (result == CT_OK && config->tls_key_file[0] != '\0')
        result = ct_pem_read(arena, "TLS_KEY_FILE", config->tls_key_file, &server->tls_key, why);
    if (result == CT_OK)
        result = ct_listener_open(listener, arena, config->host, why);
    if (result != CT_OK)
        goto out;
    int socket = listener->socket;
    listener->socket = -1; /* libmicrohttpd closes it also when it does not start */
    result = start_daemon(server, socket);
    if (result != CT_OK) {
        *why = server->tls_key != NULL
                   ? "TLS_CERT_FILE, TLS_KEY_FILE: the certificate and the key do not work together"
                   : "the HTTP server cannot start: too few threads or descriptors are allowed";
        goto out;
    }
    *out = server;
    server = NULL;
out:
    if (server != NULL)
        free_server(server);
    return result;
}

uint16_t ct_server_port(const struct ct_server *server)
{
    return server->port;
}

void ct_server_stop(struct ct_server *server, int64_t grace_ms)
{
    if (server == NULL)
        return;
    atomic_store(&server->stopping, true);
    MHD_socket socket = MHD_quiesce_daemon(server->daemon);
    int64_t now = ct_clock_monotonic_us();
    int64_t deadline = now + grace_ms * 1000;
    int64_t farewell = now + STREAM_FAREWELL_US;
    const struct timespec pause = {0, 2000000};
    ct_streams_end(&server->streams);
    while (ct_streams_any(&server->streams) && ct_clock_monotonic_us() < farewell)
        (void)nanosleep(&pause, NULL);
    while (atomic_load(&server->running) > 0 && ct_clock_monotonic_us() < deadline)
        (void)nanosleep(&pause, NULL);
    /* What waits for a hash or a commit cannot be cut off, and ends by itself. */
    atomic_store(&server->closing, true);
    while (atomic_load(&server->waiting) > 0)
        (void)nanosleep(&pause, NULL);
    MHD_stop_daemon(server->daemon);
    if (socket != MHD_INVALID_SOCKET)
        (void)close(socket);
    free_server(server);
}
