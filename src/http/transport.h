#ifndef CT_HTTP_TRANSPORT_H
#define CT_HTTP_TRANSPORT_H

#include <microhttpd.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/client_address.h"
#include "http/connections.h"
#include "http/exchange.h"
#include "http/server.h"
#include "http/stream.h"

/**
 * What stands between libmicrohttpd and exchanges; server.c starts and stops it. All of it runs on
 * libmicrohttpd's threads. The functions without a comment are callbacks, which libmicrohttpd documents.
 */

struct ct_server {
    struct ct_server_options options;
    struct ct_connections *connections;
    struct ct_limits *limits; /* NULL: none */
    struct ct_spares *spares; /* for exchanges */
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
struct ct_open_connection {
    struct ct_server *server;
    struct ct_exchange *exchange;
    struct ct_connection_watch watch;
    char peer[CT_ADDRESS_TEXT];
};

enum ct_transport_phase { CT_PHASE_HEADERS, CT_PHASE_BODY, CT_PHASE_WAITING };

/** What is kept of an exchange, in its arena. */
struct ct_transport {
    struct ct_server *server;
    struct MHD_Connection *connection;
    enum ct_transport_phase phase;
    bool headed;  /* its headers are complete: it is a request */
    bool running; /* it is counted */
    bool replied;
    bool told;                /* its line is written and its metrics are counted */
    struct ct_stream *stream; /* NULL: its reply is none */
};

void *ct_transport_begin(void *server, const char *target, struct MHD_Connection *connection);
enum MHD_Result ct_transport_handle(void *server, struct MHD_Connection *connection,
                                    const char *url, const char *method, const char *version,
                                    const char *upload, size_t *upload_size, void **context);
void ct_transport_completed(void *server, struct MHD_Connection *connection, void **context,
                            enum MHD_RequestTerminationCode code);
void ct_transport_connection(void *server, struct MHD_Connection *connection, void **context,
                             enum MHD_ConnectionNotificationCode code);
/** Keeps names and values as they came: src/http decodes them itself, and strictly. */
size_t ct_transport_keep_escapes(void *server, struct MHD_Connection *connection, char *text);

/** NULL for a connection that there was no memory for. */
struct ct_open_connection *ct_transport_state_of(struct MHD_Connection *connection);
/** Makes an id for a request that brings none. */
void ct_transport_make_id(struct ct_server *server, char out[17]);

/**
 * libmicrohttpd 0.9.75 sends the header section of its own reply twice when it was the judgement of the
 * headers that failed (no Host, a Content-Length that is no number, cookies it has no memory for). Such a
 * reply is written here, to the socket, and the library told to close. Over TLS the library's own way has
 * to do: false.
 */
bool ct_transport_send_by_hand(struct MHD_Connection *connection, int status, const char *id,
                               const char *body);
/** A reply without an end: who stops the server does not wait for it, nor is its time that of a request. NULL for
 *  want of memory. */
struct MHD_Response *ct_transport_begin_stream(struct ct_exchange *exchange);
/** Makes the reply of an exchange and gives it to libmicrohttpd. */
enum MHD_Result ct_transport_reply(struct ct_exchange *exchange);

#endif
