#include "events/streams.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "events/events.h"
#include "http/route.h"

/* Events that are read for a stream at a time. */
#define PAGE 100
/* Events whose owners are looked up at a time; behind more, every stream is read for. */
#define OWNERS 1000
#define SECOND_US INT64_C(1000000)

/* One stream. The thread frees it, or who closes it when the thread is not busy with it. */
struct listener {
    struct ct_event_streams *streams;
    struct listener *next, **link;
    int64_t user_id;
    uint64_t types;
    int64_t after_id; /* the thread's: what is behind it was not put into the buffer yet */
    char *token, *scope, *address;
    bool behind; /* there may be events behind after_id */
    /* guarded by the mutex */
    struct ct_stream *stream; /* NULL before it is opened and once it is closed */
    bool closed;
    bool busy;  /* the thread works on it without the lock */
    bool ended; /* nothing is put into the buffer any more */
    char *text; /* what is to be sent: from `start` on, `size` bytes; NULL: nothing */
    size_t start, size;
    int64_t put_us;    /* when something was last put there */
    int64_t taken_us;  /* when something was last taken, or there was nothing to be taken */
    int64_t judged_us; /* the thread's: when the token was last looked at */
    int64_t asked_us;  /* the thread's: when it was last asked whether the client is still there */
};

struct ct_event_streams {
    struct ct_event_streams_options options;
    pthread_t thread;
    bool has_thread;
    int64_t seen_id; /* the thread's: events up to here are known */
    bool primed;     /* and it is known what that is */

    pthread_mutex_t mutex; /* guards what follows; nothing waits for the store while it is held */
    pthread_cond_t wake;
    bool stopping;
    bool touched; /* something was written, or taken, or opened */
    struct listener *first;
    int64_t count;
};

/* ---- one stream ---- */

static void free_listener(struct listener *listener)
{
    struct ct_event_streams *streams = listener->streams;
    *listener->link = listener->next;
    if (listener->next != NULL)
        listener->next->link = listener->link;
    streams->count--;
    ct_metrics_add(streams->options.metrics, CT_METRIC_EVENT_STREAMS, -1);
    if (listener->token != NULL)
        explicit_bzero(listener->token, strlen(listener->token));
    free(listener->token);
    free(listener->scope);
    free(listener->address);
    free(listener->text);
    free(listener);
}

static void nudge(struct ct_event_streams *streams)
{
    streams->touched = true;
    pthread_cond_signal(&streams->wake);
}

static void opened(void *ctx, struct ct_stream *stream)
{
    struct listener *listener = ctx;
    struct ct_event_streams *streams = listener->streams;
    pthread_mutex_lock(&streams->mutex);
    listener->stream = stream;
    nudge(streams);
    pthread_mutex_unlock(&streams->mutex);
}

static size_t read_text(void *ctx, char *out, size_t size)
{
    struct listener *listener = ctx;
    struct ct_event_streams *streams = listener->streams;
    pthread_mutex_lock(&streams->mutex);
    size_t count = listener->size < size ? listener->size : size;
    if (count > 0)
        memcpy(out, listener->text + listener->start, count);
    listener->start += count;
    listener->size -= count;
    if (count > 0)
        listener->taken_us = ct_clock_monotonic_us();
    if (count > 0 && listener->size == 0) {
        free(listener->text);
        listener->text = NULL;
        if (listener->behind)
            nudge(streams);
    }
    bool ended = listener->ended;
    pthread_mutex_unlock(&streams->mutex);
    return count == 0 && ended ? CT_STREAM_END : count;
}

static void closed(void *ctx)
{
    struct listener *listener = ctx;
    struct ct_event_streams *streams = listener->streams;
    pthread_mutex_lock(&streams->mutex);
    listener->stream = NULL;
    listener->closed = true;
    if (!listener->busy)
        free_listener(listener);
    pthread_mutex_unlock(&streams->mutex);
}

/* Puts a text behind what waits. Without memory the stream ends, and its client comes back. */
static void put(struct listener *listener, struct ct_str text, int64_t now_us)
{
    char *grown = malloc(listener->size + text.len);
    if (grown == NULL) {
        listener->ended = true;
    } else {
        if (listener->size > 0)
            memcpy(grown, listener->text + listener->start, listener->size);
        else
            listener->taken_us = now_us;
        memcpy(grown + listener->size, text.at, text.len);
        free(listener->text);
        listener->text = grown;
        listener->start = 0;
        listener->size += text.len;
        listener->put_us = now_us;
    }
    if (listener->stream != NULL)
        ct_stream_wake(listener->stream);
}

static int64_t count_of(const struct ct_event_streams *streams, int64_t user_id)
{
    int64_t count = 0;
    for (const struct listener *listener = streams->first; listener != NULL;
         listener = listener->next)
        count += listener->user_id == user_id && !listener->ended;
    return count;
}

static enum ct_result may_open(struct ct_event_streams *streams, int64_t user_id)
{
    if (streams->stopping || streams->count >= streams->options.most)
        return CT_BUSY;
    return count_of(streams, user_id) >= streams->options.most_per_account ? CT_LIMITED : CT_OK;
}

static struct listener *copy_of(const struct ct_event_listener *listener)
{
    struct listener *copy = calloc(1, sizeof(*copy));
    if (copy == NULL)
        return NULL;
    copy->user_id = listener->user_id;
    copy->types = listener->types;
    copy->after_id = listener->after_id;
    copy->token = strndup(listener->token.at, listener->token.len);
    copy->scope = strndup(listener->scope.at, listener->scope.len);
    copy->address = strndup(listener->address.at, listener->address.len);
    copy->behind = true;
    if (copy->token != NULL && copy->scope != NULL && copy->address != NULL)
        return copy;
    free(copy->token);
    free(copy->scope);
    free(copy->address);
    free(copy);
    return NULL;
}

enum ct_result ct_event_streams_open(struct ct_event_streams *streams,
                                     const struct ct_event_listener *listener,
                                     struct ct_stream_source *out)
{
    int64_t now_us = ct_clock_monotonic_us();
    struct listener *copy = copy_of(listener);
    if (copy == NULL)
        return CT_NOMEM;
    pthread_mutex_lock(&streams->mutex);
    enum ct_result result = may_open(streams, listener->user_id);
    copy->streams = streams;
    copy->next = streams->first;
    copy->link = &streams->first;
    if (copy->next != NULL)
        copy->next->link = &copy->next;
    streams->first = copy;
    streams->count++;
    copy->judged_us = now_us;
    ct_metrics_add(streams->options.metrics, CT_METRIC_EVENT_STREAMS, 1);
    if (result == CT_OK)
        put(copy, CT_STR("retry: 2000\n\n"), now_us);
    if (result == CT_OK && copy->ended)
        result = CT_NOMEM;
    if (result != CT_OK)
        free_listener(copy);
    pthread_mutex_unlock(&streams->mutex);
    if (result != CT_OK)
        return result;
    *out = (struct ct_stream_source){.type = "text/event-stream",
                                     .ctx = copy,
                                     .opened = opened,
                                     .read = read_text,
                                     .closed = closed};
    return CT_OK;
}

/* ---- the thread's turn ---- */

/* The next stream that is still there behind @p at, which is let go; both are held by `busy`. */
static struct listener *hold_next(struct ct_event_streams *streams, struct listener *at)
{
    pthread_mutex_lock(&streams->mutex);
    struct listener *next = at == NULL ? streams->first : at->next;
    while (next != NULL && next->closed)
        next = next->next;
    if (next != NULL)
        next->busy = true;
    if (at != NULL) {
        at->busy = false;
        if (at->closed)
            free_listener(at);
    }
    pthread_mutex_unlock(&streams->mutex);
    return next;
}

static void end(struct listener *listener, bool cut)
{
    pthread_mutex_lock(&listener->streams->mutex);
    listener->ended = true;
    if (listener->stream != NULL && cut)
        ct_stream_cut(listener->stream);
    else if (listener->stream != NULL)
        ct_stream_wake(listener->stream);
    pthread_mutex_unlock(&listener->streams->mutex);
}

/* Whether the token would still open the stream. */
static enum ct_result judge(struct listener *listener, struct ct_arena *arena, struct ct_db *db)
{
    struct ct_caller caller;
    enum ct_result result =
        ct_accounts_authenticate(listener->streams->options.accounts, arena, db,
                                 ct_str_of(listener->token), ct_str_of(listener->address), &caller);
    if (result == CT_OK && (caller.user_id != listener->user_id ||
                            !ct_caller_has_scope(&caller, ct_str_of(listener->scope))))
        return CT_DENIED;
    return result;
}

static void print(const struct ct_event *event, struct ct_buf *out)
{
    ct_buf_text(out, "id: ");
    ct_buf_int(out, event->id);
    ct_buf_text(out, "\nevent: ");
    ct_buf_text(out, ct_event_word(event->type));
    ct_buf_text(out, "\ndata: ");
    ct_event_print(event, out);
    ct_buf_text(out, "\n\n");
}

/* Reads on for one stream, and puts what it gets into its buffer. */
static enum ct_result read_on(struct listener *listener, struct ct_arena *arena, struct ct_db *db,
                              int64_t now_us)
{
    struct ct_event *events = ct_arena_alloc(arena, PAGE * sizeof(*events));
    if (events == NULL)
        return CT_NOMEM;
    const struct ct_event_query query = {.user_id = listener->user_id,
                                         .after_id = listener->after_id,
                                         .types = listener->types,
                                         .limit = PAGE};
    size_t count;
    int64_t seen;
    bool more;
    enum ct_result result = ct_event_read(arena, db, &query, events, &count, &seen, &more);
    if (result != CT_OK)
        return result;
    struct ct_buf text = ct_buf_in(arena);
    size_t printed = 0;
    while (printed < count && text.len < CT_STREAM_BUFFER)
        print(&events[printed++], &text);
    if (text.failed)
        return CT_NOMEM;
    ct_metrics_add(listener->streams->options.metrics, CT_METRIC_EVENTS_STREAMED, (int64_t)printed);
    pthread_mutex_lock(&listener->streams->mutex);
    listener->behind = more || printed < count;
    listener->after_id = printed < count ? events[printed - 1].id : seen;
    if (printed > 0)
        put(listener, (struct ct_str){text.at, text.len}, now_us);
    pthread_mutex_unlock(&listener->streams->mutex);
    return CT_OK;
}

/* What one stream needs. True when there is more to be read for it at once. */
static bool look_after(struct listener *listener, struct ct_db *db, int64_t now_us)
{
    struct ct_event_streams *streams = listener->streams;
    pthread_mutex_lock(&streams->mutex);
    bool ended = listener->ended || listener->closed;
    bool waits = listener->size > 0;
    bool lags = waits && now_us - listener->taken_us > CT_STREAM_LAG_US;
    bool asks = listener->stream != NULL && now_us - listener->asked_us >= SECOND_US;
    bool gone = asks && ct_stream_is_gone(listener->stream);
    if (asks)
        listener->asked_us = now_us;
    if (!ended && !waits && now_us - listener->put_us >= CT_STREAM_HEARTBEAT_US)
        put(listener, CT_STR(":\n\n"), now_us);
    pthread_mutex_unlock(&streams->mutex);
    if (!ended && (lags || gone))
        end(listener, true);
    if (!ended && lags)
        ct_metrics_add(streams->options.metrics, CT_METRIC_EVENT_STREAMS_CUT, 1);
    if (ended || lags || gone)
        return false;
    bool reads = listener->behind && !waits;
    if (!reads && now_us - listener->judged_us < CT_STREAM_JUDGE_US)
        return false;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return false;
    enum ct_result result = judge(listener, arena, db);
    listener->judged_us = now_us;
    if (result == CT_DENIED)
        end(listener, false);
    else if (result == CT_OK && reads)
        result = read_on(listener, arena, db, now_us);
    ct_arena_free(arena);
    return result == CT_OK && reads && listener->behind;
}

/* Whose events are new; @p all when that are too many to tell. */
static enum ct_result find_owners(struct ct_db *db, int64_t after_id, int64_t owners[OWNERS],
                                  size_t *count, bool *all)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "SELECT user_id FROM events WHERE id > $1 ORDER BY id LIMIT $2", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, after_id);
    ct_bind_int(stmt, 2, OWNERS);
    *count = 0;
    while (*count < OWNERS && (result = ct_step(stmt)) == CT_ROW) {
        int64_t owner = ct_column_int(stmt, 0);
        if (*count == 0 || owners[*count - 1] != owner)
            owners[(*count)++] = owner;
    }
    *all = *count == OWNERS;
    return result == CT_ROW ? CT_OK : result;
}

static bool is_among(const int64_t *owners, size_t count, int64_t owner)
{
    for (size_t i = 0; i < count; i++) {
        if (owners[i] == owner)
            return true;
    }
    return false;
}

/* Marks the streams for which there is something new. */
static enum ct_result notice(struct ct_event_streams *streams, struct ct_db *db)
{
    int64_t owners[OWNERS];
    size_t count = 0;
    bool all = !streams->primed;
    int64_t last;
    enum ct_result result = ct_event_last(db, &last);
    if (result == CT_OK && !all && last > streams->seen_id)
        result = find_owners(db, streams->seen_id, owners, &count, &all);
    if (result != CT_OK)
        return result;
    streams->seen_id = last;
    streams->primed = true;
    pthread_mutex_lock(&streams->mutex);
    for (struct listener *listener = streams->first; listener != NULL; listener = listener->next)
        listener->behind = listener->behind || all || is_among(owners, count, listener->user_id);
    pthread_mutex_unlock(&streams->mutex);
    return CT_OK;
}

void ct_event_streams_turn(struct ct_event_streams *streams, int64_t now_us)
{
    struct ct_db *db;
    pthread_mutex_lock(&streams->mutex);
    bool any = streams->first != NULL;
    pthread_mutex_unlock(&streams->mutex);
    if (!any) {
        streams->primed = false; /* what is written meanwhile is nobody's */
        return;
    }
    if (ct_store_read_begin(streams->options.store, &db) != CT_OK)
        return;
    if (notice(streams, db) == CT_OK) {
        bool more = false;
        struct listener *listener = NULL;
        while ((listener = hold_next(streams, listener)) != NULL)
            more = look_after(listener, db, now_us) || more;
        if (more)
            ct_event_streams_wake(streams);
    }
    ct_store_read_end(db);
}

static void *run(void *ctx)
{
    struct ct_event_streams *streams = ctx;
    pthread_mutex_lock(&streams->mutex);
    while (!streams->stopping) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec++;
        int status = 0;
        while (!streams->stopping && !streams->touched && status == 0)
            status = pthread_cond_timedwait(&streams->wake, &streams->mutex, &until);
        streams->touched = false;
        pthread_mutex_unlock(&streams->mutex);
        ct_event_streams_turn(streams, ct_clock_monotonic_us());
        pthread_mutex_lock(&streams->mutex);
    }
    pthread_mutex_unlock(&streams->mutex);
    return NULL;
}

void ct_event_streams_wake(struct ct_event_streams *streams)
{
    pthread_mutex_lock(&streams->mutex);
    nudge(streams);
    pthread_mutex_unlock(&streams->mutex);
}

/* ---- all of them ---- */

/* Signals are for the threads that expect them. */
static bool start_thread(struct ct_event_streams *streams)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    streams->has_thread = pthread_create(&streams->thread, NULL, run, streams) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (streams->has_thread)
        (void)pthread_setname_np(streams->thread, "ct-events");
    return streams->has_thread;
}

enum ct_result ct_event_streams_new(const struct ct_event_streams_options *options,
                                    struct ct_event_streams **out)
{
    struct ct_event_streams *streams = calloc(1, sizeof(*streams));
    if (streams == NULL)
        return CT_NOMEM;
    pthread_condattr_t monotonic;
    streams->options = *options;
    pthread_mutex_init(&streams->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&streams->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!options->still && !start_thread(streams)) {
        ct_event_streams_free(streams);
        return CT_NOMEM;
    }
    *out = streams;
    return CT_OK;
}

void ct_event_streams_free(struct ct_event_streams *streams)
{
    if (streams == NULL)
        return;
    pthread_mutex_lock(&streams->mutex);
    streams->stopping = true;
    pthread_cond_signal(&streams->wake);
    pthread_mutex_unlock(&streams->mutex);
    if (streams->has_thread)
        pthread_join(streams->thread, NULL);
    assert(streams->first == NULL);
    pthread_cond_destroy(&streams->wake);
    pthread_mutex_destroy(&streams->mutex);
    free(streams);
}
