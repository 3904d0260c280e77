#include "store/store.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/module.h"
#include "store/backend.h"
#include "store/migrate.h"
#include "store/writer.h"

#define QUEUE_CAPACITY 4096
#define WATCHERS_MOST 4
/* What processes tell each other of commits: the bits of ct_db_touch as one digit behind it. */
#define TOUCHED "touched "

/* One thread's connection for reading, made when it first reads. */
struct reader {
    struct ct_store *store;
    struct ct_db *db;
    struct reader *next;
    struct reader **link; /* what points here */
};

struct ct_store {
    const struct ct_backend *backend;
    struct ct_database *database;
    struct ct_db *db; /* the writer's, once that runs */
    struct ct_writer *writer;

    bool has_key;
    pthread_key_t reader_key; /* a thread's struct reader */
    pthread_mutex_t mutex;    /* guards the list */
    struct reader *readers;

    pthread_mutex_t watching; /* guards `watchers`, also while they are told */
    struct watcher {
        void (*touched)(void *ctx, unsigned what);
        void *ctx;
    } watchers[WATCHERS_MOST];
    void (*heard)(void *ctx, struct ct_str text);
    void *heard_ctx;
};

#define POSTGRES_MODULE "ct_postgres.so"

enum ct_result ct_store_explain(struct ct_arena *arena, const char **why, enum ct_result result,
                                const char *format, ...)
{
    struct ct_buf line = ct_buf_in(arena);
    va_list args;
    va_start(args, format);
    ct_buf_vprintf(&line, format, args);
    va_end(args);
    struct ct_str text = ct_buf_done(&line);
    if (line.failed)
        return CT_NOMEM;
    *why = text.at;
    return result;
}

/* ---- opening and closing ---- */

static bool begins(const char *url, const char *scheme)
{
    return scheme != NULL && strncmp(url, scheme, strlen(scheme)) == 0;
}

static enum ct_result load_postgres(struct ct_arena *arena, const struct ct_backend **out,
                                    const char **why)
{
    const char *path;
    const char *reason;
    enum ct_result result = ct_module_find(arena, POSTGRES_MODULE, &path, why);
    if (result != CT_OK)
        return result;
    const struct ct_postgres_module *module =
        ct_module_open(path, CT_POSTGRES_MODULE_SYMBOL, &reason);
    if (module == NULL)
        return ct_store_explain(arena, why, CT_IO,
                                "%s cannot be loaded, which PostgreSQL needs: %s", path, reason);
    *out = module->backend;
    return CT_OK;
}

enum ct_result ct_backend_of(const char *url, struct ct_arena *arena, const struct ct_backend **out,
                             const char **why)
{
    if (url != NULL && (begins(url, CT_POSTGRES_SCHEME) || begins(url, CT_POSTGRES_OTHER_SCHEME)))
        return load_postgres(arena, out, why);
    if (url != NULL && (begins(url, ct_sqlite.scheme) || begins(url, ct_sqlite.other_scheme))) {
        *out = &ct_sqlite;
        return CT_OK;
    }
    /* The URL itself is not repeated: it may hold a password. */
    *why = "DATABASE_URL names no database that this version can use: give sqlite:///FILE, "
           "sqlite:////FILE for a path from the root, or postgresql://USER:PASSWORD@HOST/DATABASE";
    return CT_INVALID;
}

static void close_reader(void *ctx)
{
    struct reader *reader = ctx;
    struct ct_store *store = reader->store;
    pthread_mutex_lock(&store->mutex);
    *reader->link = reader->next;
    if (reader->next != NULL)
        reader->next->link = reader->link;
    pthread_mutex_unlock(&store->mutex);
    ct_store_read_rest(reader->db);
    store->backend->disconnect(reader->db);
    free(reader);
}

static void tell_watchers(struct ct_store *store, unsigned what)
{
    pthread_mutex_lock(&store->watching);
    for (size_t i = 0; i < WATCHERS_MOST; i++)
        if (store->watchers[i].touched != NULL)
            store->watchers[i].touched(store->watchers[i].ctx, what);
    pthread_mutex_unlock(&store->watching);
}

/* On the writer's thread. */
static void touched_here(void *ctx, unsigned what)
{
    struct ct_store *store = ctx;
    tell_watchers(store, what);
    if (store->backend->touch != NULL)
        store->backend->touch(store->database, what);
}

enum ct_result ct_store_open(const struct ct_store_options *options, struct ct_arena *arena,
                             struct ct_store **out, const char **why)
{
    enum ct_result result;
    struct ct_store *store = NULL;
    const struct ct_backend *backend;

    *why = ct_result_text(CT_NOMEM);
    result = ct_backend_of(options->url, arena, &backend, why);
    if (result != CT_OK)
        goto out;
    result = CT_NOMEM;
    store = calloc(1, sizeof(*store));
    if (store == NULL)
        goto out;
    store->backend = backend;
    pthread_mutex_init(&store->mutex, NULL);
    pthread_mutex_init(&store->watching, NULL);
    store->has_key = pthread_key_create(&store->reader_key, close_reader) == 0;
    if (!store->has_key)
        goto out;
    result = backend->open(options->url, options->log, arena, &store->database, &store->db, why);
    if (result != CT_OK)
        goto out;
    result = ct_migrate(store->db, options->log, arena, why);
    if (result != CT_OK)
        goto out;
    size_t capacity = options->queue_capacity == 0 ? QUEUE_CAPACITY : options->queue_capacity;
    const struct ct_writer_options writing = {
        .capacity = capacity, .log = options->log, .metrics = options->metrics};
    result = ct_writer_start(store->db, &writing, &store->writer);
    if (result == CT_OK) {
        ct_writer_limit_wait(store->writer, options->max_wait_ms);
        ct_writer_watch(store->writer, touched_here, store);
    }
out:
    if (result == CT_OK) {
        *why = NULL;
        *out = store;
    } else {
        ct_store_close(store);
    }
    return result;
}

void ct_store_close(struct ct_store *store)
{
    if (store == NULL)
        return;
    if (store->database != NULL && store->backend->deafen != NULL)
        store->backend->deafen(store->database);
    ct_writer_stop(store->writer);
    if (store->has_key)
        pthread_key_delete(store->reader_key);
    while (store->readers != NULL)
        close_reader(store->readers);
    if (store->db != NULL)
        store->backend->disconnect(store->db);
    if (store->database != NULL)
        store->backend->close(store->database);
    pthread_mutex_destroy(&store->watching);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

/* ---- the others ---- */

static void sort_out(void *ctx, struct ct_str text)
{
    struct ct_store *store = ctx;
    const size_t begin = strlen(TOUCHED);
    if (text.len == begin + 1 && memcmp(text.at, TOUCHED, begin) == 0)
        tell_watchers(store, (unsigned)(unsigned char)(text.at[begin] - '0'));
    else
        store->heard(store->heard_ctx, text);
}

enum ct_result ct_store_listen(struct ct_store *store, void (*heard)(void *ctx, struct ct_str text),
                               void *ctx)
{
    if (store->backend->listen == NULL)
        return CT_OK;
    store->heard = heard;
    store->heard_ctx = ctx;
    return store->backend->listen(store->database, sort_out, store);
}

void ct_store_tell(struct ct_store *store, struct ct_str text)
{
    if (store->backend->tell != NULL)
        store->backend->tell(store->database, text);
}

/* ---- writing ---- */

enum ct_result ct_store_submit(struct ct_store *store, struct ct_job *job)
{
    return ct_writer_submit(store->writer, job);
}

void ct_store_watch(struct ct_store *store, void (*touched)(void *ctx, unsigned what), void *ctx)
{
    size_t place = 0;
    pthread_mutex_lock(&store->watching);
    while (place < WATCHERS_MOST && store->watchers[place].touched != NULL)
        place++;
    assert(place < WATCHERS_MOST);
    store->watchers[place] = (struct watcher){touched, ctx};
    pthread_mutex_unlock(&store->watching);
}

void ct_store_unwatch(struct ct_store *store, const void *ctx)
{
    pthread_mutex_lock(&store->watching);
    for (size_t i = 0; i < WATCHERS_MOST; i++)
        if (store->watchers[i].ctx == ctx)
            store->watchers[i] = (struct watcher){0};
    pthread_mutex_unlock(&store->watching);
}

struct waiter {
    enum ct_result (*run)(void *ctx, struct ct_db *db);
    void *ctx;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool done;
    enum ct_result result;
};

static enum ct_result waiter_run(void *ctx, struct ct_db *db)
{
    struct waiter *waiter = ctx;
    return waiter->run(waiter->ctx, db);
}

static void waiter_done(void *ctx, enum ct_result result)
{
    struct waiter *waiter = ctx;
    pthread_mutex_lock(&waiter->mutex);
    waiter->result = result;
    waiter->done = true;
    pthread_cond_signal(&waiter->wake);
    pthread_mutex_unlock(&waiter->mutex);
}

enum ct_result ct_store_write(struct ct_store *store,
                              enum ct_result (*run)(void *ctx, struct ct_db *db), void *ctx)
{
    assert(!ct_writer_is_self(store->writer)); /* it would wait for itself */
    struct waiter waiter = {.run = run, .ctx = ctx};
    struct ct_job job = {.run = waiter_run, .done = waiter_done, .ctx = &waiter};
    pthread_mutex_init(&waiter.mutex, NULL);
    pthread_cond_init(&waiter.wake, NULL);
    enum ct_result result = ct_store_submit(store, &job);
    if (result == CT_OK) {
        pthread_mutex_lock(&waiter.mutex);
        while (!waiter.done)
            pthread_cond_wait(&waiter.wake, &waiter.mutex);
        pthread_mutex_unlock(&waiter.mutex);
        result = waiter.result;
    }
    pthread_cond_destroy(&waiter.wake);
    pthread_mutex_destroy(&waiter.mutex);
    return result;
}

const struct ct_pulse *ct_store_poke(struct ct_store *store)
{
    return ct_writer_poke(store->writer);
}

void ct_store_look(struct ct_store *store, struct ct_store_state *out)
{
    *out = (struct ct_store_state){.database_bytes = -1, .log_bytes = -1};
    ct_writer_look(store->writer, out);
    if (store->backend->sizes != NULL)
        store->backend->sizes(store->database, &out->database_bytes, &out->log_bytes);
}

/* ---- reading ---- */

bool ct_store_reads_wait(const struct ct_store *store)
{
    return store->backend->is_remote;
}

static enum ct_result open_reader(struct ct_store *store, struct reader **out)
{
    struct reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL)
        return CT_NOMEM;
    enum ct_result result = store->backend->connect_reader(store->database, &reader->db);
    if (result != CT_OK) {
        free(reader);
        return result;
    }
    reader->store = store;
    pthread_mutex_lock(&store->mutex);
    reader->next = store->readers;
    reader->link = &store->readers;
    if (reader->next != NULL)
        reader->next->link = &reader->next;
    store->readers = reader;
    pthread_mutex_unlock(&store->mutex);
    if (pthread_setspecific(store->reader_key, reader) != 0) {
        close_reader(reader);
        return CT_NOMEM;
    }
    *out = reader;
    return CT_OK;
}

enum ct_result ct_store_read_begin(struct ct_store *store, struct ct_db **out)
{
    struct reader *reader = pthread_getspecific(store->reader_key);
    if (reader == NULL) {
        enum ct_result result = open_reader(store, &reader);
        if (result != CT_OK)
            return result;
    }
    if (reader->db->paused) {
        reader->db->paused = false;
        if (store->backend->is_current(reader->db)) {
            *out = reader->db;
            return CT_OK;
        }
        ct_store_read_end(reader->db);
    }
    assert(!store->backend->in_transaction(reader->db)); /* reads are not nested */
    enum ct_result result = store->backend->control(reader->db, CT_BEGIN_READ);
    if (result == CT_OK)
        *out = reader->db;
    return result;
}

void ct_store_read_end(struct ct_db *db)
{
    if (ct_db_commit(db) != CT_OK)
        ct_db_rollback(db);
}

void ct_store_read_pause(struct ct_db *db)
{
    ct_db_reset(db);
    if (db->backend->is_current != NULL && db->backend->in_transaction(db))
        db->paused = true;
    else
        ct_store_read_end(db);
}

void ct_store_read_rest(struct ct_db *db)
{
    if (!db->paused)
        return;
    db->paused = false;
    ct_store_read_end(db);
}
