#ifndef CT_HTTP_EXCHANGE_H
#define CT_HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/pool.h"
#include "base/spares.h"
#include "base/text.h"
#include "http/client_address.h"
#include "http/faults.h"
#include "http/headers.h"
#include "http/idempotency.h"
#include "http/limits.h"
#include "http/route.h"
#include "http/router.h"
#include "http/server.h"
#include "http/stream.h"
#include "store/store.h"

/**
 * One request and its reply, without a word of sockets: the way from headers to a reply.
 * transport.c feeds it and sends what comes out.
 *
 *   ct_exchange_headers   route, judge the headers, authorize what has a body (where that needs no waiting)
 *   ct_exchange_body      collect the body, within its limit
 *   ct_exchange_run       bind, and run in place what needs no other thread
 *   ct_exchange_submit    prepare and run on other threads, which call `wake` at the end
 *   ct_exchange_reply     status, headers and bytes
 */

struct ct_reply_header {
    const char *name;
    const char *value;
};

#define CT_REPLY_HEADERS 16

struct ct_reply {
    int status;
    struct ct_str body;
    struct ct_reply_header headers[CT_REPLY_HEADERS];
    size_t header_count;
};

struct ct_exchange {
    struct ct_arena *arena;
    struct ct_spares *spares; /* whose block the arena begins in; NULL: nobody's */
    void *block;
    const struct ct_server_options *server;
    int64_t started_us;
    struct ct_limits *limits; /* the server's; NULL: none */
    const char *peer;         /* the connection's other end, as text; borrowed */
    struct ct_str address;    /* where the request came from; terminated */
    char address_room[CT_ADDRESS_TEXT];
    struct ct_str target; /* as it came, in the arena */
    enum ct_method method;
    const char *id; /* X-Request-ID */
    struct ct_headers headers;
    struct ct_str body;
    char *body_buffer; /* from malloc: it grows, and an arena would keep what it grew from */
    size_t body_capacity;
    struct ct_str query;
    struct ct_match match;
    struct ct_call call;
    struct ct_faults faults;
    struct ct_idempotency *idempotency; /* NULL: the request has no Idempotency-Key */
    struct ct_kept_reply kept;          /* the answer of its key; status 0: none yet */
    bool replayed;                      /* `kept` was made by an earlier request */
    bool ran;                           /* the handler had its turn: the next one is a repetition */
    bool streaming;                     /* the route's `stream` runs, not its `run` */
    struct ct_stream_source *source;    /* what that has opened; NULL: none */
    enum ct_result result;              /* of the handler */
    int refusal;                        /* a status decided before any handler; 0 is none */
    bool closing;                       /* the connection is to end with this reply */
    const char *refusal_detail;
    int fault; /* the status of a fault of the headers that is told only to who is authorized; 0 is none */
    const char *fault_detail;
    bool unknown; /* who calls is still to be found out: by a thread that may wait for it */
    bool reading; /* on its way to such a thread */
    struct ct_task task;
    struct ct_job job;
    void (*wake)(struct ct_exchange *exchange); /* from another thread: the result is there */
    /** A read of this thread is over but for ct_store_read_rest, which is to come before it waits; NULL:
     *  reads are ended at once. */
    void (*paused)(struct ct_db *db);
    void *transport; /* transport.c's */
    struct ct_reply reply;
};

/** What an arena needs for an ordinary request. */
#define CT_EXCHANGE_BYTES ((size_t)4032)
/** A new exchange in an arena of its own, or NULL without memory. The caller frees it with ct_exchange_free.
 *  @p spares, of CT_EXCHANGE_BYTES, may be NULL. @p target is copied. */
struct ct_exchange *ct_exchange_new(const struct ct_server_options *server,
                                    struct ct_spares *spares, const char *target);
/** Frees an exchange and all that was allocated for it. NULL is allowed. */
void ct_exchange_free(struct ct_exchange *exchange);

/** All headers are in `headers`, the method in `method`, the other end in `peer`. Afterwards `refusal` may
 *  be set. */
void ct_exchange_headers(struct ct_exchange *exchange);
/** Takes a piece of the body. False: so much more than is allowed that the connection should end.
 */
bool ct_exchange_body(struct ct_exchange *exchange, const char *data, size_t size);
/** The request is complete. True: the reply can be made now; false: ct_exchange_submit is to be
 * called, once the connection is ready to be woken. */
bool ct_exchange_run(struct ct_exchange *exchange);
/** Queues the work. `wake` is called exactly once, possibly before this returns; afterwards the
 * exchange may not be touched here. */
void ct_exchange_submit(struct ct_exchange *exchange);
/** Fills `reply`; never fails: without memory the reply is a 503 of static text. */
void ct_exchange_reply(struct ct_exchange *exchange);

/** Decides the reply before any handler; the first refusal counts. @p detail is borrowed until the reply is
 *  sent. */
void ct_exchange_refuse(struct ct_exchange *exchange, int status, const char *detail);

/** What a handler's failure is answered with: the status, and the sentence, borrowed. */
struct ct_failure {
    int status;
    const char *detail; /* NULL: the faults */
    bool defect;        /* nobody expected it: it is to be logged */
};
struct ct_failure ct_exchange_failure(const struct ct_exchange *exchange, enum ct_result result);
/** The status of success and the bytes of a reply with a schema. Whether memory was short, @p out tells. */
int ct_exchange_print(const struct ct_exchange *exchange, struct ct_buf *out);

/** The sentence for a status that is decided before there is a route: static text, never NULL. */
const char *ct_protocol_detail(int status);

#endif
