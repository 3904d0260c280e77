#include "voice/keeper.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/random.h"
#include "voice/ladder.h"
#include "voice/records.h"

#define DAY_MS INT64_C(86400000)
/* Beats until there is a look at what others have left, and at what is old. */
#define BEATS_A_ROUND 15

/* ---- this process is up ---- */

struct beat {
    struct ct_str node;
    int64_t now_ms;
};

static enum ct_result run_begin(void *ctx, struct ct_db *db)
{
    const struct beat *beat = ctx;
    return ct_node_begin(db, beat->node, beat->now_ms);
}

static enum ct_result has_open(struct ct_store *store, struct ct_str node, bool *out)
{
    struct ct_stmt *stmt;
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(store, &db);
    if (result != CT_OK)
        return result;
    result =
        ct_db_query(db, "SELECT 1 FROM calls WHERE node = $1 AND ended_at IS NULL LIMIT 1", &stmt);
    if (result == CT_OK) {
        ct_bind_str(stmt, 1, node);
        result = ct_step(stmt);
    }
    *out = result == CT_ROW;
    ct_store_read_end(db);
    return result == CT_ROW ? CT_OK : result;
}

enum ct_result ct_keep_beat(struct ct_store *store, struct ct_str node, int64_t now_ms)
{
    struct beat beat = {node, now_ms};
    bool open = false;
    enum ct_result result = has_open(store, node, &open);
    /* It also puts the row there again, should another process have taken this one for gone. */
    return result == CT_OK && open ? ct_store_write(store, run_begin, &beat) : result;
}

/* ---- others are gone ---- */

struct interruption {
    struct ct_str node;
    int64_t before_ms;
    const struct beat *begin; /* written with it, unless NULL */
    size_t count;
};

static enum ct_result run_interrupt(void *ctx, struct ct_db *db)
{
    struct interruption *job = ctx;
    enum ct_result result =
        job->begin == NULL ? CT_OK : ct_node_begin(db, job->begin->node, job->begin->now_ms);
    return result == CT_OK
               ? ct_record_interrupt(db, job->node, job->before_ms, CT_KEEP_ROWS, &job->count)
               : result;
}

static enum ct_result is_any_gone(struct ct_store *store, struct ct_str node, int64_t before_ms,
                                  bool *out)
{
    struct ct_stmt *stmt;
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(store, &db);
    if (result != CT_OK)
        return result;
    result = ct_db_query(
        db,
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM call_nodes WHERE seen_at < $1 AND node <> $2) OR "
        "EXISTS (SELECT 1 FROM calls WHERE ended_at IS NULL AND started_at < $1 AND node <> $2 AND "
        "NOT EXISTS (SELECT 1 FROM call_nodes WHERE call_nodes.node = calls.node))",
        &stmt);
    if (result == CT_OK) {
        ct_bind_int(stmt, 1, before_ms);
        ct_bind_str(stmt, 2, node);
        result = ct_step(stmt);
    }
    *out = result == CT_ROW;
    ct_store_read_end(db);
    return result == CT_ROW ? CT_OK : result;
}

static enum ct_result interrupt_all(struct ct_store *store, struct interruption *job)
{
    enum ct_result result;
    do {
        result = ct_store_write(store, run_interrupt, job);
    } while (result == CT_OK && job->count == CT_KEEP_ROWS);
    return result;
}

enum ct_result ct_keep_interrupt(struct ct_store *store, struct ct_str node, int64_t before_ms)
{
    struct interruption job = {.node = node, .before_ms = before_ms};
    bool gone = false;
    enum ct_result result = is_any_gone(store, node, before_ms, &gone);
    return result == CT_OK && gone ? interrupt_all(store, &job) : result;
}

/* ---- what was kept long enough ---- */

struct tidying {
    int64_t messages_before_ms;
    int64_t records_before_ms; /* INT64_MIN: they are kept for good */
    size_t messages;
    size_t records;
};

static enum ct_result run_tidy(void *ctx, struct ct_db *db)
{
    struct tidying *job = ctx;
    enum ct_result result =
        ct_ladder_discard(db, job->messages_before_ms, CT_KEEP_ROWS, &job->messages);
    if (result == CT_OK && job->records_before_ms != INT64_MIN)
        result = ct_record_discard(db, job->records_before_ms, CT_KEEP_ROWS, &job->records);
    return result;
}

/* Whether anything is old: one look into an index each. */
static enum ct_result is_due(struct ct_store *store, const struct tidying *job, bool *out)
{
    struct ct_stmt *stmt;
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(store, &db);
    if (result != CT_OK)
        return result;
    result = ct_db_query(db,
                         "SELECT 1 WHERE EXISTS (SELECT 1 FROM call_messages WHERE at < $1) OR "
                         "EXISTS (SELECT 1 FROM (SELECT started_at, ended_at FROM calls "
                         "ORDER BY id LIMIT $3) AS old "
                         "WHERE started_at < $2 AND ended_at IS NOT NULL)",
                         &stmt);
    if (result == CT_OK) {
        ct_bind_int(stmt, 1, job->messages_before_ms);
        ct_bind_int(stmt, 2, job->records_before_ms);
        ct_bind_int(stmt, 3, CT_KEEP_ROWS);
        result = ct_step(stmt);
    }
    *out = result == CT_ROW;
    ct_store_read_end(db);
    return result == CT_ROW ? CT_OK : result;
}

enum ct_result ct_keep_tidy(struct ct_store *store, const struct ct_config *config, int64_t now_ms,
                            bool *more)
{
    struct tidying job = {.messages_before_ms = now_ms - config->call_messages_keep_days * DAY_MS,
                          .records_before_ms = config->calls_keep_days == 0
                                                   ? INT64_MIN
                                                   : now_ms - config->calls_keep_days * DAY_MS};
    bool due = false;
    *more = false;
    enum ct_result result = is_due(store, &job, &due);
    if (result == CT_OK && due)
        result = ct_store_write(store, run_tidy, &job);
    *more = result == CT_OK && (job.messages >= CT_KEEP_ROWS || job.records == CT_KEEP_ROWS);
    return result;
}

/* ---- the thread ---- */

#define NODE_BYTES 16

struct ct_keeper {
    struct ct_keeper_options options;
    char node[2 * NODE_BYTES + 1];
    pthread_t thread;
    pthread_mutex_t mutex; /* guards `stopping` */
    pthread_cond_t wake;
    bool stopping;
};

struct ct_str ct_keeper_node(const struct ct_keeper *keeper)
{
    return ct_str_of(keeper->node);
}

/* A full queue or disk is said by those who wait for it; this can be done later. */
static void complain(const struct ct_keeper *keeper, enum ct_result result)
{
    if (result != CT_OK && result != CT_BUSY && result != CT_UNAVAILABLE)
        CT_LOG(keeper->options.log, CT_LOG_ERROR, "call_records_not_kept",
               CT_F_TEXT("why", ct_result_text(result)));
}

static void make_round(const struct ct_keeper *keeper, int64_t now_ms)
{
    const struct ct_keeper_options *options = &keeper->options;
    bool more = false;
    complain(keeper,
             ct_keep_interrupt(options->store, ct_keeper_node(keeper), now_ms - CT_NODE_GONE_MS));
    enum ct_result result = ct_keep_tidy(options->store, options->config, now_ms, &more);
    /* The rest waits for the next beats, so that calls have the writer in between. */
    for (int i = 0; result == CT_OK && more && i < 10; i++)
        result = ct_keep_tidy(options->store, options->config, now_ms, &more);
    complain(keeper, result);
}

/* True when it is time to end. */
static bool wait_a_while(struct ct_keeper *keeper)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += CT_NODE_BEAT_MS / 1000;
    pthread_mutex_lock(&keeper->mutex);
    int status = 0;
    while (!keeper->stopping && status == 0)
        status = pthread_cond_timedwait(&keeper->wake, &keeper->mutex, &until);
    bool stopping = keeper->stopping;
    pthread_mutex_unlock(&keeper->mutex);
    return stopping;
}

static void *run(void *ctx)
{
    struct ct_keeper *keeper = ctx;
    for (unsigned beats = 0; !wait_a_while(keeper); beats++) {
        int64_t now_ms = ct_clock_unix_ms();
        complain(keeper, ct_keep_beat(keeper->options.store, ct_keeper_node(keeper), now_ms));
        if (beats % BEATS_A_ROUND == 0)
            make_round(keeper, now_ms);
    }
    return NULL;
}

static enum ct_result make_name(struct ct_keeper *keeper)
{
    unsigned char bytes[NODE_BYTES];
    enum ct_result result = ct_random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; result == CT_OK && i < sizeof(bytes); i++)
        (void)snprintf(keeper->node + 2 * i, 3, "%02x", bytes[i]);
    return result;
}

static enum ct_result begin(struct ct_keeper *keeper)
{
    const struct ct_keeper_options *options = &keeper->options;
    int64_t now_ms = ct_clock_unix_ms();
    enum ct_result result = make_name(keeper);
    const struct beat beat = {ct_keeper_node(keeper), now_ms};
    struct interruption job = {.node = beat.node,
                               .before_ms = options->alone ? INT64_MAX : now_ms - CT_NODE_GONE_MS,
                               .begin = &beat};
    /* One transaction as a rule: a start waits for the disk. */
    return result == CT_OK ? interrupt_all(options->store, &job) : result;
}

enum ct_result ct_keeper_start(const struct ct_keeper_options *options, struct ct_keeper **out)
{
    pthread_condattr_t monotonic;
    struct ct_keeper *keeper = calloc(1, sizeof(*keeper));
    if (keeper == NULL)
        return CT_NOMEM;
    keeper->options = *options;
    enum ct_result result = begin(keeper);
    if (result != CT_OK) {
        free(keeper);
        return result;
    }
    pthread_mutex_init(&keeper->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&keeper->thread, NULL, run, keeper) != 0) {
        pthread_cond_destroy(&keeper->wake);
        pthread_mutex_destroy(&keeper->mutex);
        free(keeper);
        return CT_NOMEM;
    }
    (void)pthread_setname_np(keeper->thread, "call-keeper");
    *out = keeper;
    return CT_OK;
}

void ct_keeper_stop(struct ct_keeper *keeper)
{
    if (keeper == NULL)
        return;
    pthread_mutex_lock(&keeper->mutex);
    keeper->stopping = true;
    pthread_cond_signal(&keeper->wake);
    pthread_mutex_unlock(&keeper->mutex);
    pthread_join(keeper->thread, NULL);
    pthread_cond_destroy(&keeper->wake);
    pthread_mutex_destroy(&keeper->mutex);
    free(keeper);
}
