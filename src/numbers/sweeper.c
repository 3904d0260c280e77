#include "numbers/sweeper.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "numbers/numbers.h"
#include "numbers/pool_discard.h"

#define INTERVAL_S 2

enum ct_result ct_sweep_is_due(struct ct_db *db, int64_t now_ms, bool *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db, "SELECT 1 FROM virtual_phone_numbers WHERE status_until <= $1 LIMIT 1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, now_ms);
    result = ct_step(stmt);
    *out = result == CT_ROW;
    return result == CT_ROW ? CT_OK : result;
}

enum ct_result ct_sweep(struct ct_db *db, int64_t now_ms, size_t *count)
{
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    struct ct_number *rows = ct_arena_alloc(arena, CT_SWEEP_ROWS * sizeof(*rows));
    enum ct_result result =
        rows == NULL ? CT_NOMEM
                     : ct_number_list_over(arena, db, CT_SWEEP_ROWS, now_ms, rows, count);
    for (size_t i = 0; result == CT_OK && i < *count; i++)
        result = ct_number_tidy(db, &rows[i], now_ms);
    ct_arena_free(arena);
    return result;
}

/* ---- the thread ---- */

struct ct_sweeper {
    struct ct_store *store;
    struct ct_log *log;
    struct ct_metrics *metrics;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards `stopping` */
    pthread_cond_t wake;
    bool stopping;
};

struct round {
    int64_t now_ms;
    size_t count;
    bool more;
};

static enum ct_result run_round(void *ctx, struct ct_db *db)
{
    struct round *round = ctx;
    size_t count = 0;
    int64_t import_id = 0;
    bool more = false;
    enum ct_result result = ct_sweep(db, round->now_ms, &count);
    if (result == CT_OK)
        result = ct_pool_discard_find(db, &import_id);
    if (result == CT_OK && import_id != 0)
        result = ct_pool_discard_some(db, import_id, CT_DISCARD_ROWS, &more);
    round->count = count;
    round->more = more || count == CT_SWEEP_ROWS;
    return result;
}

static enum ct_result look(struct ct_store *store, int64_t now_ms, bool *due)
{
    int64_t import_id = 0;
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(store, &db);
    if (result != CT_OK)
        return result;
    result = ct_sweep_is_due(db, now_ms, due);
    if (result == CT_OK && !*due) {
        result = ct_pool_discard_find(db, &import_id);
        *due = import_id != 0;
    }
    ct_store_read_end(db);
    return result;
}

/* True when there is more to do at once. */
static bool sweep_once(struct ct_sweeper *sweeper)
{
    bool due = false;
    struct round round = {.now_ms = ct_clock_unix_ms()};
    enum ct_result result = look(sweeper->store, round.now_ms, &due);
    if (result == CT_OK && due)
        result = ct_store_write(sweeper->store, run_round, &round);
    /* A full queue or disk is said by those who wait for it; this can be done later. */
    if (result != CT_OK && result != CT_BUSY && result != CT_UNAVAILABLE)
        CT_LOG(sweeper->log, CT_LOG_ERROR, "sweep_failed",
               CT_F_TEXT("why", ct_result_text(result)));
    ct_metrics_add(sweeper->metrics,
                   result == CT_OK ? CT_METRIC_SWEEPS_DONE : CT_METRIC_SWEEPS_FAILED, 1);
    if (result == CT_OK)
        ct_metrics_add(sweeper->metrics, CT_METRIC_SWEPT_NUMBERS, (int64_t)round.count);
    return result == CT_OK && round.more;
}

/* True when it is time to end. */
static bool wait_a_while(struct ct_sweeper *sweeper, time_t seconds)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&sweeper->mutex);
    int status = 0;
    while (!sweeper->stopping && status == 0)
        status = pthread_cond_timedwait(&sweeper->wake, &sweeper->mutex, &until);
    bool stopping = sweeper->stopping;
    pthread_mutex_unlock(&sweeper->mutex);
    return stopping;
}

static void *run(void *ctx)
{
    struct ct_sweeper *sweeper = ctx;
    bool more = true;
    while (!wait_a_while(sweeper, more ? 0 : INTERVAL_S))
        more = sweep_once(sweeper);
    return NULL;
}

enum ct_result ct_sweeper_start(struct ct_store *store, struct ct_log *log,
                                struct ct_metrics *metrics, struct ct_sweeper **out)
{
    pthread_condattr_t monotonic;
    struct ct_sweeper *sweeper = calloc(1, sizeof(*sweeper));
    if (sweeper == NULL)
        return CT_NOMEM;
    sweeper->store = store;
    sweeper->log = log;
    sweeper->metrics = metrics;
    pthread_mutex_init(&sweeper->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&sweeper->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&sweeper->thread, NULL, run, sweeper) != 0) {
        pthread_cond_destroy(&sweeper->wake);
        pthread_mutex_destroy(&sweeper->mutex);
        free(sweeper);
        return CT_NOMEM;
    }
    (void)pthread_setname_np(sweeper->thread, "sweeper");
    *out = sweeper;
    return CT_OK;
}

void ct_sweeper_stop(struct ct_sweeper *sweeper)
{
    if (sweeper == NULL)
        return;
    pthread_mutex_lock(&sweeper->mutex);
    sweeper->stopping = true;
    pthread_cond_signal(&sweeper->wake);
    pthread_mutex_unlock(&sweeper->mutex);
    pthread_join(sweeper->thread, NULL);
    pthread_cond_destroy(&sweeper->wake);
    pthread_mutex_destroy(&sweeper->mutex);
    free(sweeper);
}
