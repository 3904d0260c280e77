#include "http/server.h"

#include <assert.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "http/listen.h"
#include "http/loops.h"
#include "http/pem.h"
#include "http/stream.h"
#include "http/transport.h"

/* Memory that libmicrohttpd keeps for a connection: request headers, a window of the body, reply
 * headers. Ten thousand idle connections cost ten thousand times this. */
#define CONNECTION_MEMORY 8192
/* Seconds without a byte in either direction. */
#define IDLE_TIMEOUT 60
/* How long who stops waits for clients to take the end of their streams. */
#define STREAM_FAREWELL_US 1000000
/* Requests of one turn of a thread, for which it keeps the memory: 128 KB. */
#define SPARES 32
/* Descriptors that are not connections: database, log, threads. */
#define OTHER_DESCRIPTORS 128

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
    ct_spares_free(server->spares);
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
        flags, 0, NULL, NULL, ct_transport_handle, server, MHD_OPTION_EXTERNAL_LOGGER, library_log,
        server, MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_CONNECTION_LIMIT, limit,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_TIMEOUT, MHD_OPTION_URI_LOG_CALLBACK,
        ct_transport_begin, server, MHD_OPTION_NOTIFY_COMPLETED, ct_transport_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, ct_transport_connection, server, MHD_OPTION_UNESCAPE_CALLBACK,
        ct_transport_keep_escapes, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
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
        result = ct_spares_new(CT_EXCHANGE_BYTES, SPARES, &server->spares);
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
