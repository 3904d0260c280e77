#include "http/transport.h"

#include <assert.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "http/tally.h"

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

bool ct_transport_send_by_hand(struct MHD_Connection *connection, int status, const char *id,
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
    struct ct_open_connection *state = ct_transport_state_of(connection);
    if (state == NULL)
        return queue_directly(connection, status, response);
    struct ct_exchange *exchange = state->exchange;
    struct ct_transport *transport = exchange == NULL ? NULL : exchange->transport;
    char made[17];
    ct_transport_make_id(state->server, made);
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
    if (judged && ct_transport_send_by_hand(connection, (int)status, id, body))
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

enum MHD_Result ct_transport_reply(struct ct_exchange *exchange)
{
    struct ct_transport *transport = exchange->transport;
    ct_exchange_reply(exchange);
    const struct ct_reply *reply = &exchange->reply;
    /* The bytes are in the arena or in the program; both outlive the reply (see ct_transport_completed). */
    struct MHD_Response *response =
        exchange->source != NULL && reply->status == 200
            ? ct_transport_begin_stream(exchange)
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
