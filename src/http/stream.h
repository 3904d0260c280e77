#ifndef CT_HTTP_STREAM_H
#define CT_HTTP_STREAM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/result.h"

/**
 * A reply that goes on for as long as both sides like: bytes are sent as they come. It takes no thread; while
 * there is nothing to send its connection sleeps.
 */
struct ct_stream;

#define CT_STREAM_END SIZE_MAX

/** Where the bytes come from: what the handler of a route's `stream` fills in. */
struct ct_stream_source {
    const char *type; /* Content-Type */
    void *ctx;
    /** The reply begins, on a server's thread; @p stream is there until `closed`. */
    void (*opened)(void *ctx, struct ct_stream *stream);
    /** Puts up to @p size bytes into @p out and says how many, on a server's thread. 0: there are none;
     *  ct_stream_wake has to follow when there are some. CT_STREAM_END: there will be none. */
    size_t (*read)(void *ctx, char *out, size_t size);
    /** It is over, whether or not it has begun; called exactly once when the handler has answered CT_OK. */
    void (*closed)(void *ctx);
};

/** There may be something to be read. From any thread, between `opened` and the return of `closed`. */
void ct_stream_wake(struct ct_stream *stream);
/** Whether the other side has closed the connection, which nobody notices while it sleeps. As ct_stream_wake. */
bool ct_stream_is_gone(const struct ct_stream *stream);

/** Ends it at once, whether or not the other side reads what it was sent. As ct_stream_wake. */
void ct_stream_cut(struct ct_stream *stream);

/* ---- for the server ---- */

/** The streams of a server. */
struct ct_streams {
    pthread_mutex_t mutex; /* guards what follows */
    struct ct_stream *first;
    bool ending;
};

/** How the server holds a connection, for ct_stream_read: all may be called with locks of this module held. */
struct ct_stream_link {
    void *ctx;
    void (*suspend)(void *ctx); /* inside ct_stream_read alone */
    void (*resume)(void *ctx);
    int fd;
};

void ct_streams_init(struct ct_streams *streams);
/** No stream is left. */
void ct_streams_destroy(struct ct_streams *streams);
/** From now on every stream ends, and none sleeps any more. */
void ct_streams_end(struct ct_streams *streams);
/** Whether there is one that has not been closed. */
bool ct_streams_any(struct ct_streams *streams);

/** Opens one, in @p arena, which outlives it, as @p source does. NULL without memory. */
struct ct_stream *ct_stream_open(struct ct_streams *streams, struct ct_arena *arena,
                                 const struct ct_stream_source *source,
                                 const struct ct_stream_link *link);
/** What to send next: as a source's `read`, but that 0 means that the connection was suspended. */
size_t ct_stream_read(struct ct_stream *stream, char *out, size_t size);
/** Its connection is no more; the source is closed by whoever closes it. NULL is allowed. */
void ct_stream_close(struct ct_stream *stream);

#endif
