#include "http/stream.h"

#include <assert.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Locks are taken in this order: of the list, of a stream, of the library. A source may hold its own when it
 * wakes a stream, and takes it when it is read from, so no lock is held here meanwhile.
 */
struct ct_stream {
    struct ct_streams *streams;
    struct ct_stream *next, **link; /* in the list of all */
    const struct ct_stream_source *source;
    struct ct_stream_link connection;
    pthread_mutex_t mutex; /* guards what follows */
    bool woken;            /* since the source was last asked */
    bool asleep;
    bool ending;
};

void ct_streams_init(struct ct_streams *streams)
{
    *streams = (struct ct_streams){0};
    pthread_mutex_init(&streams->mutex, NULL);
}

void ct_streams_destroy(struct ct_streams *streams)
{
    assert(streams->first == NULL);
    pthread_mutex_destroy(&streams->mutex);
}

static void rouse(struct ct_stream *stream, bool ending)
{
    pthread_mutex_lock(&stream->mutex);
    stream->woken = true;
    stream->ending = stream->ending || ending;
    bool asleep = stream->asleep;
    stream->asleep = false;
    if (asleep)
        stream->connection.resume(stream->connection.ctx);
    pthread_mutex_unlock(&stream->mutex);
}

void ct_stream_wake(struct ct_stream *stream)
{
    rouse(stream, false);
}

void ct_streams_end(struct ct_streams *streams)
{
    pthread_mutex_lock(&streams->mutex);
    streams->ending = true;
    for (struct ct_stream *stream = streams->first; stream != NULL; stream = stream->next)
        rouse(stream, true);
    pthread_mutex_unlock(&streams->mutex);
}

bool ct_streams_any(struct ct_streams *streams)
{
    pthread_mutex_lock(&streams->mutex);
    bool any = streams->first != NULL;
    pthread_mutex_unlock(&streams->mutex);
    return any;
}

bool ct_stream_is_gone(const struct ct_stream *stream)
{
    struct pollfd look = {.fd = stream->connection.fd, .events = POLLRDHUP};
    return poll(&look, 1, 0) == 1 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void ct_stream_cut(struct ct_stream *stream)
{
    rouse(stream, true);
    (void)shutdown(stream->connection.fd, SHUT_RDWR);
}

struct ct_stream *ct_stream_open(struct ct_streams *streams, struct ct_arena *arena,
                                 const struct ct_stream_source *source,
                                 const struct ct_stream_link *link)
{
    struct ct_stream *stream = ct_arena_alloc(arena, sizeof(*stream));
    if (stream == NULL)
        return NULL;
    stream->streams = streams;
    stream->source = source;
    stream->connection = *link;
    pthread_mutex_init(&stream->mutex, NULL);
    pthread_mutex_lock(&streams->mutex);
    stream->ending = streams->ending;
    stream->next = streams->first;
    stream->link = &streams->first;
    if (stream->next != NULL)
        stream->next->link = &stream->next;
    streams->first = stream;
    pthread_mutex_unlock(&streams->mutex);
    source->opened(source->ctx, stream);
    return stream;
}

/* Before the source is asked: what comes from now on wakes. False when the stream is to end. */
static bool listen_up(struct ct_stream *stream)
{
    pthread_mutex_lock(&stream->mutex);
    stream->woken = false;
    bool ending = stream->ending;
    pthread_mutex_unlock(&stream->mutex);
    return !ending;
}

/* False when somebody has called meanwhile. */
static bool fall_asleep(struct ct_stream *stream)
{
    pthread_mutex_lock(&stream->mutex);
    bool asleep = !stream->woken && !stream->ending;
    if (asleep) {
        stream->asleep = true;
        stream->connection.suspend(stream->connection.ctx);
    }
    pthread_mutex_unlock(&stream->mutex);
    return asleep;
}

size_t ct_stream_read(struct ct_stream *stream, char *out, size_t size)
{
    while (listen_up(stream)) {
        size_t count = stream->source->read(stream->source->ctx, out, size);
        if (count > 0)
            return count;
        if (fall_asleep(stream))
            return 0;
    }
    return CT_STREAM_END;
}

void ct_stream_close(struct ct_stream *stream)
{
    if (stream == NULL)
        return;
    pthread_mutex_lock(&stream->streams->mutex);
    *stream->link = stream->next;
    if (stream->next != NULL)
        stream->next->link = stream->link;
    pthread_mutex_unlock(&stream->streams->mutex);
}
