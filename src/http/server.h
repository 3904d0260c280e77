#ifndef CT_HTTP_SERVER_H
#define CT_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/pool.h"
#include "base/result.h"
#include "config/config.h"
#include "http/listen.h"
#include "http/route.h"
#include "store/store.h"

/** The HTTP server: reads, limits, routes, binds, authenticates, runs, prints. Knows no domain. */
struct ct_server;

/** Who sent this token (or API key)? CT_OK with the caller, CT_DENIED for a token that is not accepted,
 * or what went wrong. @p address is where the request came from. Called on the server's threads with
 * a read transaction. */
typedef enum ct_result ct_authenticate(void *room, struct ct_arena *arena, struct ct_db *db,
                                       struct ct_str token, struct ct_str address,
                                       struct ct_caller *out);

struct ct_server_options {
    const struct ct_config *config;
    struct ct_store *store;
    struct ct_pool *hashing; /* where a route's `prepare` runs */
    struct ct_pool *readers; /* where reads run that wait for a network; NULL: where they are */
    struct ct_log *log;
    struct ct_metrics
        *metrics; /* may be NULL; its routes are those of the mounts, in their order */
    const struct ct_mount *mounts;
    size_t mount_count;
    ct_authenticate *authenticate;
    void *authenticate_room;
    struct ct_listener *listener; /* bound; the server takes its socket when it has started */
    int turn_within_ms;           /* for who watches its threads: see http/loops.h; 0: nobody */
};

/** Starts to serve; everything in @p options is borrowed and must outlive the server. When it
 * fails,
 *  @p why (in @p arena) says in one line which setting is wrong and what to do. */
CT_CHECKED enum ct_result ct_server_start(const struct ct_server_options *options,
                                          struct ct_arena *arena, struct ct_server **out,
                                          const char **why);
/** The port it listens on (the kernel's choice when PORT is 0). */
uint16_t ct_server_port(const struct ct_server *server);
/** Stops accepting, waits up to @p grace_ms for running requests, closes all. NULL is allowed. */
void ct_server_stop(struct ct_server *server, int64_t grace_ms);

#endif
