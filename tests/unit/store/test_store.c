#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/resource.h>

#include "harness.h"
#include "rows.h"
#include "scratch.h"
#include "store/backend.h"

/* ---- a batch whose jobs are known to share a commit ---- */

enum behaviour {
    INSERT,            /* answers what the database does */
    FAIL_AFTER_INSERT, /* changes its mind */
    LOSE_FOR_MEMORY,   /* as an engine that has to give up the transaction */
    LOSE_FOR_DISK,
};

struct member {
    struct ct_job job;
    struct batch *batch;
    enum behaviour behaviour;
    const char *number;
    int64_t id;
    int turn; /* in which place it was answered */
    enum ct_result result;
};

#define MEMBERS 4

struct batch {
    struct ct_job gate;
    _Atomic enum ct_result gate_result;
    bool armed;
    sem_t at_gate;
    sem_t pass;
    int answered; /* by the writer alone; to be read once `finished` was raised */
    int waiting;
    sem_t finished;
    struct member members[MEMBERS];
};

static enum ct_result gate_run(void *ctx, struct ct_db *db)
{
    struct batch *batch = ctx;
    (void)db;
    (void)sem_post(&batch->at_gate);
    while (sem_wait(&batch->pass) != 0)
        continue;
    (void)sem_post(&batch->pass); /* should it be run again */
    return CT_OK;
}

static void gate_done(void *ctx, enum ct_result result)
{
    struct batch *batch = ctx;
    batch->gate_result = result;
    (void)sem_post(&batch->at_gate); /* should it not have been run */
}

static void nothing_done(void *ctx, enum ct_result result)
{
    (void)ctx;
    (void)result;
}

static enum ct_result member_run(void *ctx, struct ct_db *db)
{
    struct member *member = ctx;
    enum ct_result result;
    switch (member->behaviour) {
    case INSERT:
        return insert_number(db, member->number, &member->id);
    case FAIL_AFTER_INSERT:
        result = insert_number(db, member->number, &member->id);
        return result == CT_OK ? CT_DENIED : result;
    case LOSE_FOR_MEMORY:
        result = db->backend->control(db, CT_ROLLBACK);
        return result == CT_OK ? CT_NOMEM : result;
    default:
        result = db->backend->control(db, CT_ROLLBACK);
        return result == CT_OK ? CT_UNAVAILABLE : result;
    }
}

static void member_done(void *ctx, enum ct_result result)
{
    struct member *member = ctx;
    member->result = result;
    member->turn = ++member->batch->answered;
    (void)sem_post(&member->batch->finished);
}

/* Holds the writer inside a job, so that what is queued then becomes one batch. */
static enum ct_result batch_hold(struct batch *batch, struct ct_store *store)
{
    *batch = (struct batch){.armed = true};
    batch->gate = (struct ct_job){.run = gate_run, .done = gate_done, .ctx = batch};
    (void)sem_init(&batch->at_gate, 0, 0);
    (void)sem_init(&batch->pass, 0, 0);
    (void)sem_init(&batch->finished, 0, 0);
    enum ct_result result = ct_store_submit(store, &batch->gate);
    if (result != CT_OK)
        return result;
    while (sem_wait(&batch->at_gate) != 0)
        continue;
    return batch->gate_result;
}

static enum ct_result batch_add(struct batch *batch, struct ct_store *store,
                                enum behaviour behaviour, const char *number)
{
    struct member *member = &batch->members[batch->waiting];
    *member = (struct member){.batch = batch, .behaviour = behaviour, .number = number};
    member->job = (struct ct_job){.run = member_run, .done = member_done, .ctx = member};
    enum ct_result result = ct_store_submit(store, &member->job);
    if (result == CT_OK)
        batch->waiting++;
    return result;
}

/* Lets the writer go on and waits for all answers. Can be called again. */
static void batch_finish(struct batch *batch)
{
    if (!batch->armed)
        return;
    (void)sem_post(&batch->pass);
    for (int i = 0; i < batch->waiting; i++)
        while (sem_wait(&batch->finished) != 0)
            continue;
    batch->waiting = 0;
}

/* After the store was closed, which is when nobody uses them. */
static void batch_free(struct batch *batch)
{
    if (!batch->armed)
        return;
    (void)sem_destroy(&batch->at_gate);
    (void)sem_destroy(&batch->pass);
    (void)sem_destroy(&batch->finished);
}

/* Real want of memory in any job is a CT_NOMEM of the test. */
static enum ct_result answers_are(const struct batch *batch, const enum ct_result *expected)
{
    enum ct_result result = CT_OK;
    for (int i = 0; i < MEMBERS; i++) {
        if (batch->members[i].result == CT_NOMEM && expected[i] != CT_NOMEM)
            return CT_NOMEM;
    }
    for (int i = 0; i < MEMBERS; i++) {
        EXPECT(batch->members[i].result == expected[i]);
        EXPECT(batch->members[i].turn == i + 1);
    }
out:
    return result;
}

static enum ct_result test_group_commit(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct batch batch = {0};
    int64_t count;

    TRY(scratch_open(&scratch));
    TRY(batch_hold(&batch, scratch.store));
    TRY(batch_add(&batch, scratch.store, INSERT, "+1"));
    TRY(batch_add(&batch, scratch.store, INSERT, "+1"));
    TRY(batch_add(&batch, scratch.store, FAIL_AFTER_INSERT, "+2"));
    TRY(batch_add(&batch, scratch.store, INSERT, "+2"));
    batch_finish(&batch);
    TRY(answers_are(&batch, (enum ct_result[]){CT_OK, CT_CONFLICT, CT_DENIED, CT_OK}));
    TRY(read_count(scratch.store, &count));
    EXPECT(count == 2);
    EXPECT(batch.members[3].id == batch.members[0].id + 1);

    /* and so it is after a restart */
    batch_finish(&batch);
    scratch_close_store(&scratch);
    TRY(scratch_open_store(&scratch));
    TRY(read_count(scratch.store, &count));
    EXPECT(count == 2);
out:
    batch_finish(&batch);
    scratch_close(&scratch);
    batch_free(&batch);
    return result;
}

/* One job's want of memory is not the others'. */
static enum ct_result test_lost_for_memory(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct batch batch = {0};
    int64_t count;

    TRY(scratch_open(&scratch));
    TRY(batch_hold(&batch, scratch.store));
    TRY(batch_add(&batch, scratch.store, INSERT, "+1"));
    TRY(batch_add(&batch, scratch.store, LOSE_FOR_MEMORY, NULL));
    TRY(batch_add(&batch, scratch.store, INSERT, "+1"));
    TRY(batch_add(&batch, scratch.store, INSERT, "+2"));
    batch_finish(&batch);
    TRY(answers_are(&batch, (enum ct_result[]){CT_OK, CT_NOMEM, CT_CONFLICT, CT_OK}));
    TRY(read_count(scratch.store, &count));
    EXPECT(count == 2);
out:
    batch_finish(&batch);
    scratch_close(&scratch);
    batch_free(&batch);
    return result;
}

/* When the disk takes nothing, nobody is told yes; a conflict may be with a row that is not kept.
 */
static enum ct_result test_lost_for_disk(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct batch batch = {0};
    int64_t count;

    TRY(scratch_open(&scratch));
    TRY(batch_hold(&batch, scratch.store));
    TRY(batch_add(&batch, scratch.store, INSERT, "+1"));
    TRY(batch_add(&batch, scratch.store, INSERT, "+1"));
    TRY(batch_add(&batch, scratch.store, LOSE_FOR_DISK, NULL));
    TRY(batch_add(&batch, scratch.store, INSERT, "+2"));
    batch_finish(&batch);
    TRY(answers_are(&batch, (enum ct_result[]){CT_UNAVAILABLE, CT_UNAVAILABLE, CT_UNAVAILABLE,
                                               CT_UNAVAILABLE}));
    TRY(read_count(scratch.store, &count));
    EXPECT(count == 0);
    TRY(write_number(scratch.store, "+1"));
out:
    batch_finish(&batch);
    scratch_close(&scratch);
    batch_free(&batch);
    return result;
}

/* A file that may not grow is as good as a full disk. */
static enum ct_result test_commit_fails(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct batch batch = {0};
    struct rlimit before;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction handler;
    int64_t count;

    (void)getrlimit(RLIMIT_FSIZE, &before);
    (void)sigaction(SIGXFSZ, &ignore, &handler);
    TRY(scratch_open(&scratch));
    TRY(write_number(scratch.store, "+0"));
    TRY(batch_hold(&batch, scratch.store));
    TRY(batch_add(&batch, scratch.store, INSERT, "+0"));
    TRY(batch_add(&batch, scratch.store, INSERT, "+1"));
    TRY(batch_add(&batch, scratch.store, INSERT, "+1"));
    TRY(batch_add(&batch, scratch.store, FAIL_AFTER_INSERT, "+2"));
    struct rlimit small = {4096, before.rlim_max};
    (void)setrlimit(RLIMIT_FSIZE, &small);
    batch_finish(&batch);
    (void)setrlimit(RLIMIT_FSIZE, &before);
    TRY(answers_are(&batch, (enum ct_result[]){CT_UNAVAILABLE, CT_UNAVAILABLE, CT_UNAVAILABLE,
                                               CT_UNAVAILABLE}));
    TRY(read_count(scratch.store, &count));
    EXPECT(count == 1);
    TRY(write_number(scratch.store, "+1"));
    TRY(read_count(scratch.store, &count));
    EXPECT(count == 2);
out:
    (void)setrlimit(RLIMIT_FSIZE, &before);
    (void)sigaction(SIGXFSZ, &handler, NULL);
    batch_finish(&batch);
    scratch_close(&scratch);
    batch_free(&batch);
    return result;
}

static enum ct_result test_queue_full(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct batch batch = {0};
    struct ct_job late = {.run = gate_run, .done = nothing_done, .ctx = &batch};
    struct ct_store_state state;

    TRY(scratch_open(&scratch)); /* with room for 4 */
    TRY(batch_hold(&batch, scratch.store));
    TRY(batch_add(&batch, scratch.store, INSERT, "+1"));
    TRY(batch_add(&batch, scratch.store, INSERT, "+2"));
    TRY(batch_add(&batch, scratch.store, INSERT, "+3"));
    TRY(batch_add(&batch, scratch.store, INSERT, "+4"));
    EXPECT_RESULT(CT_BUSY, ct_store_submit(scratch.store, &late));
    EXPECT_RESULT(CT_BUSY, write_number(scratch.store, "+5"));
    ct_store_look(scratch.store, &state);
    EXPECT(state.waiting == 4 && state.waiting_max == 4);
    batch_finish(&batch);
    TRY(answers_are(&batch, (enum ct_result[]){CT_OK, CT_OK, CT_OK, CT_OK}));
    TRY(write_number(scratch.store, "+5"));
    ct_store_look(scratch.store, &state);
    EXPECT(state.waiting == 0 && state.database_bytes >= 4096 && state.log_bytes >= 4096);
out:
    batch_finish(&batch);
    scratch_close(&scratch);
    batch_free(&batch);
    return result;
}

static void *close_store(void *ctx)
{
    ct_store_close(ctx);
    return NULL;
}

/* Closing commits what is queued and takes nothing new. */
static enum ct_result test_close_drains(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct batch batch = {0};
    struct member late = {.batch = &batch, .behaviour = INSERT, .number = "+1"};
    enum ct_result answer = CT_OK;
    pthread_t closer;
    int64_t count;

    TRY(scratch_open(&scratch));
    scratch_close_store(&scratch);
    TRY(scratch_open_queue(&scratch, 1000000));
    TRY(batch_hold(&batch, scratch.store));
    TRY(batch_add(&batch, scratch.store, INSERT, "+1"));
    TRY(batch_add(&batch, scratch.store, INSERT, "+2"));
    EXPECT(pthread_create(&closer, NULL, close_store, scratch.store) == 0);
    /* The store lives as long as the gate is shut. Closing has begun when it refuses a job. */
    while (answer == CT_OK) {
        struct ct_job *job = ct_arena_alloc(scratch.arena, sizeof(*job));
        if (job == NULL) {
            answer = CT_NOMEM;
            break;
        }
        *job = (struct ct_job){.run = member_run, .done = nothing_done, .ctx = &late};
        answer = ct_store_submit(scratch.store, job);
        (void)nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    batch_finish(&batch);
    (void)pthread_join(closer, NULL);
    scratch.store = NULL;
    TRY(answer == CT_NOMEM ? CT_NOMEM : CT_OK);
    EXPECT(answer == CT_BUSY);
    TRY(batch.members[0].result);
    TRY(batch.members[1].result);
    TRY(scratch_open_store(&scratch));
    TRY(read_count(scratch.store, &count));
    EXPECT(count == 2);
out:
    batch_finish(&batch);
    scratch_close(&scratch);
    batch_free(&batch);
    return result;
}

/* Beats that come after a poke, without a limit of time but the patience of the test's runner. */
static bool beats_on(struct ct_store *store)
{
    const struct ct_pulse *pulse = ct_store_poke(store);
    uint64_t before = atomic_load(&pulse->beats);
    for (int tries = 0; tries < 100000; tries++) {
        if (atomic_load(&ct_store_poke(store)->beats) > before)
            return true;
        (void)nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    return false;
}

/* A writer without work beats when it is poked; one that is held in a job does not, however often. */
static enum ct_result test_pulse(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct batch batch = {0};

    TRY(scratch_open(&scratch));
    EXPECT(beats_on(scratch.store));
    TRY(batch_hold(&batch, scratch.store));
    const struct ct_pulse *pulse = ct_store_poke(scratch.store);
    EXPECT(atomic_load(&pulse->thread) != 0);
    uint64_t held = atomic_load(&pulse->beats);
    for (int i = 0; i < 100; i++)
        EXPECT(atomic_load(&ct_store_poke(scratch.store)->beats) == held);
    batch_finish(&batch);
    EXPECT(beats_on(scratch.store));
out:
    batch_finish(&batch);
    scratch_close(&scratch);
    batch_free(&batch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_group_commit), CT_UNIT(test_lost_for_memory), CT_UNIT(test_lost_for_disk),
        CT_UNIT(test_commit_fails), CT_UNIT(test_queue_full),      CT_UNIT(test_close_drains),
        CT_UNIT(test_pulse),
    };
    return ct_unit_main("store", units, sizeof(units) / sizeof(units[0]));
}
