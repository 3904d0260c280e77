#ifndef CT_HTTP_CONNECTIONS_H
#define CT_HTTP_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "http/client_address.h"

/**
 * The open connections of a server. Whoever sends a request a byte at a time is cut off: a request has to be
 * complete within a time, however often a byte comes. And an address may have so many connections and no more.
 * Safe from any thread.
 */
struct ct_connections;

/** One of them; kept by the server, from ct_connections_add to ct_connections_remove. */
struct ct_connection_watch {
    struct ct_connection_watch *next, **link; /* of this module, as what follows */
    _Atomic int64_t deadline_us;
    int fd;
    uint32_t bucket; /* of the address that it is counted with */
    unsigned cuts;   /* how often it was cut off */
    char peer[CT_ADDRESS_TEXT];
    bool counted;
};

struct ct_connections_options {
    int64_t request_s;       /* within which a request has to be complete */
    int64_t idle_s;          /* that the server leaves a silent connection open */
    int64_t max_per_address; /* 0: any number */
    const char
        *trusted; /* networks whose connections are not counted (TRUSTED_PROXIES); borrowed */
};

/** Starts the thread that watches. The owner frees with ct_connections_free. CT_NOMEM. */
CT_CHECKED enum ct_result ct_connections_new(const struct ct_connections_options *options,
                                             struct ct_connections **out);
/** Ends the thread. No connection is left. NULL is allowed. */
void ct_connections_free(struct ct_connections *connections);

/** A connection was opened: its socket and its other end, as text. False: the address has too many, and the
 *  socket was shut down, so that the server closes it; ct_connections_remove is called all the same. */
bool ct_connections_add(struct ct_connections *connections, struct ct_connection_watch *watch,
                        int fd, const char *peer);
/** The socket is about to be closed. */
void ct_connections_remove(struct ct_connections *connections, struct ct_connection_watch *watch);

/** A request line has come: the rest has to come in time. */
void ct_connection_began(struct ct_connections *connections, struct ct_connection_watch *watch,
                         int64_t now_us);
/** The request is complete: from now on it is the server that takes its time. */
void ct_connection_complete(struct ct_connection_watch *watch);
/** The reply is out. The next request may begin as late as the server waits for it, and then has its time. */
void ct_connection_replied(struct ct_connections *connections, struct ct_connection_watch *watch,
                           int64_t now_us);

#endif
