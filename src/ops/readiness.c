#include "ops/readiness.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "store/migrations.h"

#define INTERVAL_NS 500000000L
#define SECOND_NS 1000000000L

struct ct_readiness {
    struct ct_store *store;
    _Atomic bool stopping;
    _Atomic int outcome;   /* of the last read: an enum ct_ready */
    _Atomic int64_t at_us; /* when that ended */
    pthread_t thread;
    pthread_mutex_t mutex; /* guards `ending` */
    pthread_cond_t wake;
    bool ending;
};

static enum ct_result read_version(struct ct_db *db, int64_t *out)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "SELECT COALESCE(MAX(number), 0) FROM schema_migrations", &stmt);
    if (result != CT_OK)
        return result;
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *out = ct_column_int(stmt, 0);
    return CT_OK;
}

enum ct_ready ct_readiness_probe(struct ct_store *store)
{
    struct ct_db *db;
    int64_t version = 0;
    if (ct_store_read_begin(store, &db) != CT_OK)
        return CT_READY_UNREACHABLE;
    enum ct_result result = read_version(db, &version);
    ct_store_read_end(db);
    if (result != CT_OK)
        return CT_READY_UNREACHABLE;
    /* A newer one is well: while a cluster is upgraded, old and new nodes share a database. */
    return version < (int64_t)ct_migration_count ? CT_READY_OUTDATED : CT_READY;
}

enum ct_ready ct_readiness_judge(bool stopping, enum ct_ready outcome, int64_t age_us)
{
    if (stopping)
        return CT_READY_STOPPING;
    if (outcome == CT_READY && age_us > CT_READY_PATIENCE_US)
        return CT_READY_SILENT;
    return outcome;
}

enum ct_ready ct_readiness_ask(const struct ct_readiness *readiness)
{
    enum ct_ready outcome = (enum ct_ready)atomic_load(&readiness->outcome);
    int64_t age_us = ct_clock_monotonic_us() - atomic_load(&readiness->at_us);
    return ct_readiness_judge(atomic_load(&readiness->stopping), outcome, age_us);
}

void ct_readiness_stopping(struct ct_readiness *readiness)
{
    atomic_store(&readiness->stopping, true);
}

/* True when it is time to end. */
static bool wait_a_while(struct ct_readiness *readiness)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += INTERVAL_NS;
    until.tv_sec += until.tv_nsec / SECOND_NS;
    until.tv_nsec %= SECOND_NS;
    pthread_mutex_lock(&readiness->mutex);
    int status = 0;
    while (!readiness->ending && status == 0)
        status = pthread_cond_timedwait(&readiness->wake, &readiness->mutex, &until);
    bool ending = readiness->ending;
    pthread_mutex_unlock(&readiness->mutex);
    return ending;
}

static void *run(void *ctx)
{
    struct ct_readiness *readiness = ctx;
    while (!wait_a_while(readiness)) {
        enum ct_ready outcome = ct_readiness_probe(readiness->store);
        atomic_store(&readiness->outcome, outcome);
        atomic_store(&readiness->at_us, ct_clock_monotonic_us());
    }
    return NULL;
}

enum ct_result ct_readiness_start(struct ct_store *store, struct ct_readiness **out)
{
    pthread_condattr_t monotonic;
    struct ct_readiness *readiness = calloc(1, sizeof(*readiness));
    if (readiness == NULL)
        return CT_NOMEM;
    readiness->store = store;
    /* Opening the store was the first read. */
    atomic_init(&readiness->outcome, CT_READY);
    atomic_init(&readiness->at_us, ct_clock_monotonic_us());
    pthread_mutex_init(&readiness->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&readiness->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&readiness->thread, NULL, run, readiness) != 0) {
        pthread_cond_destroy(&readiness->wake);
        pthread_mutex_destroy(&readiness->mutex);
        free(readiness);
        return CT_NOMEM;
    }
    (void)pthread_setname_np(readiness->thread, "readiness");
    *out = readiness;
    return CT_OK;
}

void ct_readiness_end(struct ct_readiness *readiness)
{
    if (readiness == NULL)
        return;
    pthread_mutex_lock(&readiness->mutex);
    readiness->ending = true;
    pthread_cond_signal(&readiness->wake);
    pthread_mutex_unlock(&readiness->mutex);
    pthread_join(readiness->thread, NULL);
    pthread_cond_destroy(&readiness->wake);
    pthread_mutex_destroy(&readiness->mutex);
    free(readiness);
}
