#include "store/writer.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/backlog.h"
#include "base/clock.h"
#include "store/backend.h"

/* A full disk is told once in this time, not once a batch. */
#define REPORT_INTERVAL_US 1000000

struct ct_writer {
    struct ct_db *db;
    struct ct_log *log;
    struct ct_metrics *metrics;
    size_t capacity;
    pthread_t thread;
    struct ct_pulse pulse;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t wake;
    struct ct_job *first;
    struct ct_job *last;
    size_t waiting;
    bool closing;
    struct ct_backlog backlog;
    void (*touched)(void *ctx, unsigned what);
    void *touched_ctx;

    /* the thread's own */
    int64_t begun_us; /* when the batch's transaction was begun */
    int64_t ran_us;   /* when all of its jobs had run */
    bool failing;
    int64_t failed_jobs; /* jobs that failed and that no line has told of */
    int64_t reported_us;
    unsigned careful; /* batches to come in which each job gets a savepoint */
};

/* So many batches, once a job has failed that had written: others like it may follow. */
#define CAREFUL_BATCHES 16

/* Says that writes fail, or that they work again: a line a second, however often that changes. */
static void report(struct ct_writer *writer, enum ct_result result, size_t jobs)
{
    if (result == CT_OK && !writer->failing)
        return;
    int64_t now = ct_clock_monotonic_us();
    if (result != CT_OK) {
        writer->failing = true;
        writer->failed_jobs += (int64_t)jobs;
    }
    if (now - writer->reported_us < REPORT_INTERVAL_US)
        return;
    writer->reported_us = now;
    if (result == CT_OK) {
        CT_LOG(writer->log, CT_LOG_INFO, "writes_work_again",
               CT_F_INT("failed", writer->failed_jobs));
        writer->failing = false;
    } else {
        CT_LOG(writer->log, CT_LOG_ERROR, "writes_failed", CT_F_TEXT("reason", writer->db->trouble),
               CT_F_INT("failed", writer->failed_jobs));
    }
    writer->failed_jobs = 0;
}

/* Runs one job in its savepoint. False when the engine gave up the whole transaction. */
static bool run_job(struct ct_db *db, struct ct_job *job)
{
    const struct ct_backend *backend = db->backend;
    job->result = backend->control(db, CT_SAVEPOINT);
    if (job->result == CT_OK) {
        job->result = job->run(job->ctx, db);
        assert(job->result != CT_ROW);
        if (job->result == CT_OK)
            job->result = ct_db_release(db);
        if (job->result != CT_OK)
            ct_db_rollback_to(db);
    }
    return backend->in_transaction(db);
}

/* Runs one job without a savepoint, which costs as much as a quarter of a job. @p spoiled tells that it
 * failed and had written: what it wrote can only be undone together with all the rest. False when
 * the engine gave up the whole transaction. */
static bool run_job_alone(struct ct_db *db, struct ct_job *job, bool *spoiled)
{
    const struct ct_backend *backend = db->backend;
    int64_t before = backend->changes(db);
    job->result = job->run(job->ctx, db);
    assert(job->result != CT_ROW);
    ct_db_reset(db);
    *spoiled = job->result != CT_OK && backend->changes(db) != before;
    return backend->in_transaction(db);
}

/*
 * One transaction for all jobs of a batch. CT_BUSY when it has to be tried again: without a job that
 * spoiled it, since want of memory takes the whole transaction with it, and the others must not
 * suffer for that; or with savepoints, since a job failed halfway.
 */
static enum ct_result run_batch(struct ct_writer *writer, struct ct_job *batch)
{
    struct ct_db *db = writer->db;
    const struct ct_backend *backend = db->backend;
    enum ct_result result = backend->control(db, CT_BEGIN_WRITE);
    writer->begun_us = writer->ran_us = ct_clock_monotonic_us();
    if (result != CT_OK)
        return result == CT_NOMEM ? CT_NOMEM : CT_UNAVAILABLE;
    bool careful = backend->changes == NULL || writer->careful > 0;
    for (struct ct_job *job = batch; job != NULL; job = job->next) {
        bool spoiled = false;
        if (job->result == CT_NOMEM || job->result == CT_BUG)
            continue; /* it had its turn in an earlier attempt */
        ct_pulse_beat(&writer->pulse);
        if (careful ? run_job(db, job) : run_job_alone(db, job, &spoiled)) {
            if (!spoiled)
                continue;
            /* It runs again, but for want of memory or a defect, which are its answer. */
            if (job->result != CT_NOMEM && job->result != CT_BUG)
                job->result = CT_OK;
            writer->careful = CAREFUL_BATCHES;
            return CT_BUSY;
        }
        if (job->result == CT_UNAVAILABLE || backend->given_up == CT_UNAVAILABLE)
            return CT_UNAVAILABLE;
        if (job->result != CT_BUG)
            job->result = CT_NOMEM; /* its own, or that of undoing it */
        return CT_BUSY;
    }
    writer->ran_us = ct_clock_monotonic_us();
    result = ct_db_commit(db);
    ct_metrics_observe(writer->metrics, CT_METRIC_COMMIT, ct_clock_monotonic_us() - writer->ran_us);
    return result == CT_OK || result == CT_NOMEM ? result : CT_UNAVAILABLE;
}

static void measured(struct ct_writer *writer, size_t jobs, int64_t started_us)
{
    int64_t jobs_us = writer->ran_us - writer->begun_us;
    int64_t rest_us = ct_clock_monotonic_us() - started_us - jobs_us;
    pthread_mutex_lock(&writer->mutex);
    ct_backlog_measured(&writer->backlog, jobs, jobs_us, rest_us);
    pthread_mutex_unlock(&writer->mutex);
}

static bool runs_again(struct ct_db *db, int64_t began_us, enum ct_result *result)
{
    return *result != CT_OK && db->backend->recover != NULL &&
           db->backend->recover(db, began_us, result);
}

static void count_batch(struct ct_writer *writer, enum ct_result result, size_t jobs,
                        int64_t started_us)
{
    ct_metrics_observe(writer->metrics, CT_METRIC_WRITE, ct_clock_monotonic_us() - started_us);
    ct_metrics_observe(writer->metrics, CT_METRIC_WRITE_BATCH, (int64_t)jobs);
    if (result != CT_OK)
        ct_metrics_add(writer->metrics, CT_METRIC_WRITES_FAILED, (int64_t)jobs);
}

/* Tells who waits for what was changed. */
static void tell_touched(struct ct_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    void (*touched)(void *ctx, unsigned what) = writer->touched;
    void *ctx = writer->touched_ctx;
    if (touched != NULL)
        touched(ctx, writer->db->touched);
    pthread_mutex_unlock(&writer->mutex);
}

static void commit_batch(struct ct_writer *writer, struct ct_job *batch)
{
    struct ct_db *db = writer->db;
    int64_t started_us = ct_clock_monotonic_us();
    size_t count = 0;
    db->touched = 0;
    for (struct ct_job *job = batch; job != NULL; job = job->next) {
        job->result = CT_OK;
        count++;
    }
    enum ct_result result;
    do {
        result = run_batch(writer, batch);
        if (result != CT_OK)
            ct_db_rollback(db);
    } while (result == CT_BUSY || runs_again(db, started_us, &result));
    if (writer->careful > 0)
        writer->careful--;
    count_batch(writer, result, count, started_us);
    report(writer, result, count);
    measured(writer, count, started_us);
    if (result == CT_OK && db->touched != 0)
        tell_touched(writer);

    for (struct ct_job *job = batch, *next; job != NULL; job = next) {
        next = job->next; /* `done` may free the job */
        /* a conflict is no answer either when the row in the way was not kept */
        job->done(job->ctx, result == CT_OK ? job->result : result);
    }
    db->backend->tidy(db);
}

/* Answers what has waited too long, without running it; the others, in their order. Its client may have given
 * up, and those that wait behind this batch would wait longer for that. */
static struct ct_job *drop_late(struct ct_writer *writer, struct ct_job *batch)
{
    int64_t now = ct_clock_monotonic_us();
    while (batch != NULL && ct_backlog_is_late(&writer->backlog, batch->queued_us, now)) {
        struct ct_job *late = batch;
        batch = late->next; /* `done` may free the job */
        ct_metrics_add(writer->metrics, CT_METRIC_WRITES_REFUSED, 1);
        late->done(late->ctx, CT_BUSY);
    }
    return batch;
}

/* Takes the jobs that wait, up to the limit; NULL once the writer is closing and nothing is left. @p more:
 * others wait behind them. */
static struct ct_job *take_batch(struct ct_writer *writer, bool *more)
{
    size_t limit = writer->db->backend->batch_limit;
    pthread_mutex_lock(&writer->mutex);
    ct_pulse_beat(&writer->pulse);
    while (writer->first == NULL && !writer->closing) {
        pthread_cond_wait(&writer->wake, &writer->mutex);
        ct_pulse_beat(&writer->pulse);
    }
    struct ct_job *batch = writer->first;
    struct ct_job *last = writer->last;
    size_t count = writer->waiting;
    if (count > limit) {
        last = batch;
        for (count = 1; count < limit; count++)
            last = last->next;
    }
    if (batch != NULL) {
        writer->first = last->next;
        last->next = NULL;
        writer->waiting -= count;
    }
    *more = writer->first != NULL;
    pthread_mutex_unlock(&writer->mutex);
    return batch;
}

static void *write_all(void *ctx)
{
    struct ct_writer *writer = ctx;
    struct ct_job *batch;
    bool more;
    ct_pulse_begin(&writer->pulse);
    while ((batch = take_batch(writer, &more)) != NULL) {
        if (more)
            batch = drop_late(writer, batch);
        if (batch != NULL)
            commit_batch(writer, batch);
    }
    return NULL;
}

/* Signals are for the threads that expect them. */
static int start_thread(struct ct_writer *writer)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = pthread_create(&writer->thread, NULL, write_all, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        pthread_setname_np(writer->thread, "ct-writer");
    return error;
}

enum ct_result ct_writer_start(struct ct_db *db, const struct ct_writer_options *options,
                               struct ct_writer **out)
{
    struct ct_writer *writer = calloc(1, sizeof(*writer));
    if (writer == NULL)
        return CT_NOMEM;
    writer->db = db;
    writer->log = options->log;
    writer->metrics = options->metrics;
    writer->capacity = options->capacity;
    writer->backlog = (struct ct_backlog){.turn = db->backend->batch_limit, .workers = 1};
    writer->reported_us = ct_clock_monotonic_us() - REPORT_INTERVAL_US;
    pthread_mutex_init(&writer->mutex, NULL);
    pthread_cond_init(&writer->wake, NULL);
    if (start_thread(writer) != 0) {
        pthread_cond_destroy(&writer->wake);
        pthread_mutex_destroy(&writer->mutex);
        free(writer);
        return CT_NOMEM;
    }
    *out = writer;
    return CT_OK;
}

void ct_writer_limit_wait(struct ct_writer *writer, int64_t max_wait_ms)
{
    pthread_mutex_lock(&writer->mutex);
    writer->backlog.max_wait_us = max_wait_ms * 1000;
    pthread_mutex_unlock(&writer->mutex);
}

void ct_writer_watch(struct ct_writer *writer, void (*touched)(void *ctx, unsigned what), void *ctx)
{
    pthread_mutex_lock(&writer->mutex);
    writer->touched = touched;
    writer->touched_ctx = ctx;
    pthread_mutex_unlock(&writer->mutex);
}

static bool has_room(const struct ct_writer *writer, int64_t now_us)
{
    return !writer->closing && writer->waiting < writer->capacity &&
           !ct_backlog_is_full(&writer->backlog, writer->waiting,
                               writer->first == NULL ? now_us : writer->first->queued_us, now_us);
}

enum ct_result ct_writer_submit(struct ct_writer *writer, struct ct_job *job)
{
    enum ct_result result = CT_BUSY;
    int64_t now = ct_clock_monotonic_us();
    pthread_mutex_lock(&writer->mutex);
    if (has_room(writer, now)) {
        job->next = NULL;
        job->queued_us = now;
        if (writer->first == NULL)
            writer->first = job;
        else
            writer->last->next = job;
        writer->last = job;
        writer->waiting++;
        pthread_cond_signal(&writer->wake);
        result = CT_OK;
    }
    pthread_mutex_unlock(&writer->mutex);
    if (result != CT_OK)
        ct_metrics_add(writer->metrics, CT_METRIC_WRITES_REFUSED, 1);
    return result;
}

void ct_writer_look(struct ct_writer *writer, struct ct_store_state *out)
{
    pthread_mutex_lock(&writer->mutex);
    out->waiting = writer->waiting;
    pthread_mutex_unlock(&writer->mutex);
    out->waiting_max = writer->capacity;
}

bool ct_writer_is_self(const struct ct_writer *writer)
{
    return pthread_equal(pthread_self(), writer->thread) != 0;
}

const struct ct_pulse *ct_writer_poke(struct ct_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->mutex);
    return &writer->pulse;
}

void ct_writer_stop(struct ct_writer *writer)
{
    if (writer == NULL)
        return;
    pthread_mutex_lock(&writer->mutex);
    writer->closing = true;
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->mutex);
    pthread_join(writer->thread, NULL);
    pthread_cond_destroy(&writer->wake);
    pthread_mutex_destroy(&writer->mutex);
    free(writer);
}
