#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "exchange_fixture.h"
#include "harness.h"
#include "service.h"
#include "store/backend.h"
#include "store/writer.h"

/* More requests than can be taken, against a writer that is held: no clock decides anything here. */

#define REQUESTS 9
/* as many as wait for the scratch store's writer */
#define ROOM 4

struct gate {
    struct ct_job job;
    sem_t shut; /* the writer stands at it */
    sem_t open;
    bool held;
    enum ct_result result;
};

static enum ct_result gate_run(void *ctx, struct ct_db *db)
{
    struct gate *gate = ctx;
    (void)db;
    sem_post(&gate->shut);
    while (sem_wait(&gate->open) != 0)
        continue;
    sem_post(&gate->open); /* should it be run again */
    return CT_OK;
}

static void gate_done(void *ctx, enum ct_result result)
{
    struct gate *gate = ctx;
    gate->result = result;
    sem_post(&gate->shut); /* should it not have been run */
}

/* Returns when the writer stands at the gate, and takes nothing else. */
static enum ct_result gate_hold(struct gate *gate, struct ct_store *store)
{
    gate->job = (struct ct_job){.run = gate_run, .done = gate_done, .ctx = gate};
    gate->result = CT_ROW; /* none yet */
    enum ct_result result = ct_store_submit(store, &gate->job);
    if (result != CT_OK)
        return result;
    gate->held = true;
    while (sem_wait(&gate->shut) != 0)
        continue;
    return gate->result == CT_ROW ? CT_OK : CT_NOMEM;
}

static void gate_release(struct gate *gate)
{
    if (gate->held)
        sem_post(&gate->open);
    gate->held = false;
}

/* Queues a create without waiting for its answer. */
static enum ct_result submit(struct client *client, int turn, struct ct_exchange **out)
{
    char body[32];
    (void)snprintf(body, sizeof(body), "{\"word\":\"w%d\"}", turn);
    enum ct_result result = client_begin(client, &(const struct request){
                                                     .target = "/items/1",
                                                     .method = CT_PUT,
                                                     .body = body,
                                                     .authorization = "Bearer good",
                                                 });
    if (result != CT_OK)
        return result;
    struct ct_exchange *exchange = client->exchange;
    if (!ct_exchange_body(exchange, body, strlen(body)) || ct_exchange_run(exchange))
        return CT_NOMEM;
    client->exchange = NULL; /* it lives on */
    *out = exchange;
    ct_exchange_submit(exchange);
    return CT_OK;
}

static unsigned woken(struct client *client)
{
    pthread_mutex_lock(&client->mutex);
    unsigned count = client->woken;
    pthread_mutex_unlock(&client->mutex);
    return count;
}

static void wait_for_all(struct client *client, unsigned count)
{
    pthread_mutex_lock(&client->mutex);
    while (client->woken < count)
        pthread_cond_wait(&client->wake, &client->mutex);
    pthread_mutex_unlock(&client->mutex);
}

static bool answered(struct ct_exchange *exchange, int status)
{
    ct_exchange_reply(exchange);
    return exchange->reply.status == status;
}

static const char *retry_after(const struct ct_exchange *exchange)
{
    for (size_t i = 0; i < exchange->reply.header_count; i++) {
        if (strcmp(exchange->reply.headers[i].name, "Retry-After") == 0)
            return exchange->reply.headers[i].value;
    }
    return "";
}

static enum ct_result test_the_rest_is_refused_at_once(void)
{
    enum ct_result result = CT_OK;
    struct client client;
    struct gate gate = {0};
    struct ct_exchange *exchanges[REQUESTS] = {0};
    unsigned tokens = 0;
    unsigned count = 0;
    unsigned waiting = 0; /* of those, the ones whose answer has not been waited for */

    sem_init(&gate.shut, 0, 0);
    sem_init(&gate.open, 0, 0);
    client_init(&client, &mount, 1);
    TRY(client_open(&client, 0, &tokens));
    TRY(gate_hold(&gate, client.server.store));
    while (count < REQUESTS) {
        TRY(submit(&client, (int)count, &exchanges[count]));
        waiting = ++count;
        /* those that do not fit have their answer before anything was released */
        EXPECT(woken(&client) == (count > ROOM ? count - ROOM : 0));
    }
    for (unsigned i = ROOM; i < REQUESTS; i++) {
        EXPECT(answered(exchanges[i], 503));
        EXPECT(strcmp(retry_after(exchanges[i]), "1") == 0);
    }
    gate_release(&gate);
    wait_for_all(&client, REQUESTS);
    waiting = 0; /* client_ask counts anew */
    for (unsigned i = 0; i < ROOM; i++) {
        if (answered(exchanges[i], 200))
            continue;
        EXPECT(exchanges[i]->reply.status == 503 && exchanges[i]->result != CT_BUSY);
        TRY(CT_NOMEM);
    }
    EXPECT_REPLY(&client, 200, "{\"id\":5,\"word\":\"after\"}", .target = "/items/1",
                 .method = CT_PUT, .body = "{\"word\":\"after\"}", .authorization = "Bearer good");
out:
    gate_release(&gate);
    wait_for_all(&client, waiting);
    client_close(&client);
    for (unsigned i = 0; i < count; i++)
        ct_exchange_free(exchanges[i]);
    sem_destroy(&gate.shut);
    sem_destroy(&gate.open);
    return result;
}

/* ---- what waits too long ---- */

struct late {
    struct ct_job job;
    struct ct_task task;
    int ran;
    enum ct_result result;
    sem_t done;
};

static enum ct_result late_run(void *ctx, struct ct_db *db)
{
    struct late *late = ctx;
    (void)db;
    late->ran++;
    return CT_OK;
}

static void late_done(void *ctx, enum ct_result result)
{
    struct late *late = ctx;
    late->result = result;
    sem_post(&late->done);
}

static void late_task_run(void *ctx)
{
    struct late *late = ctx;
    late->ran++;
    sem_post(&late->done);
}

static void late_task_late(void *ctx)
{
    struct late *late = ctx;
    late->result = CT_BUSY;
    sem_post(&late->done);
}

static void await(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        continue;
}

/* At least so long; longer does no harm. */
static void pass_ms(long ms)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

#define LATE 3

/* A writer of a connection of its own, two jobs to a commit. */
static enum ct_result open_writer(struct scratch *scratch, struct ct_backend *backend,
                                  struct ct_database **database, struct ct_db **db,
                                  struct ct_writer **writer)
{
    const char *why;
    char url[128];
    (void)snprintf(url, sizeof(url), "sqlite:///%s/db", scratch->folder);
    enum ct_result result = ct_sqlite.open(url, NULL, scratch->arena, database, db, &why);
    if (result != CT_OK)
        return result;
    *backend = ct_sqlite;
    backend->batch_limit = 2;
    (*db)->backend = backend;
    return ct_writer_start(*db, &(const struct ct_writer_options){.capacity = 100}, writer);
}

static enum ct_result test_a_write_that_waited_too_long(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct gate gate = {0};
    struct late jobs[LATE + 1] = {0};
    struct ct_backend backend;
    struct ct_database *database = NULL;
    struct ct_db *db = NULL;
    struct ct_writer *writer = NULL;

    sem_init(&gate.shut, 0, 0);
    sem_init(&gate.open, 0, 0);
    for (size_t i = 0; i <= LATE; i++) {
        sem_init(&jobs[i].done, 0, 0);
        jobs[i].job = (struct ct_job){.run = late_run, .done = late_done, .ctx = &jobs[i]};
    }
    TRY(scratch_open(&scratch));
    scratch_close_store(&scratch);
    TRY(open_writer(&scratch, &backend, &database, &db, &writer));
    gate.job = (struct ct_job){.run = gate_run, .done = gate_done, .ctx = &gate};
    TRY(ct_writer_submit(writer, &gate.job));
    gate.held = true;
    await(&gate.shut);
    for (size_t i = 0; i < LATE; i++)
        TRY(ct_writer_submit(writer, &jobs[i].job));
    ct_writer_limit_wait(writer, 20);
    pass_ms(21);
    /* there is room for many more, but who came first waits for too long already */
    EXPECT_RESULT(CT_BUSY, ct_writer_submit(writer, &jobs[LATE].job));
    gate_release(&gate);
    for (size_t i = 0; i < LATE; i++)
        await(&jobs[i].done);
    /* the first two had another one waiting behind them; nobody is helped by refusing that */
    EXPECT(jobs[0].result == CT_BUSY && jobs[0].ran == 0);
    EXPECT(jobs[1].result == CT_BUSY && jobs[1].ran == 0);
    TRY(jobs[2].result == CT_UNAVAILABLE ? CT_NOMEM : jobs[2].result);
    EXPECT(jobs[2].ran > 0);
    /* and nothing waits any more */
    TRY(ct_writer_submit(writer, &jobs[LATE].job));
    await(&jobs[LATE].done);
    TRY(jobs[LATE].result == CT_UNAVAILABLE ? CT_NOMEM : jobs[LATE].result);
    EXPECT(jobs[LATE].ran > 0);
out:
    gate_release(&gate);
    ct_writer_stop(writer);
    if (db != NULL) {
        db->backend = &ct_sqlite;
        ct_sqlite.disconnect(db);
    }
    if (database != NULL)
        ct_sqlite.close(database);
    scratch_close(&scratch);
    sem_destroy(&gate.shut);
    sem_destroy(&gate.open);
    for (size_t i = 0; i <= LATE; i++)
        sem_destroy(&jobs[i].done);
    return result;
}

static void hold_thread(void *ctx)
{
    struct gate *gate = ctx;
    sem_post(&gate->shut);
    await(&gate->open);
}

static enum ct_result test_a_hash_that_waited_too_long(void)
{
    enum ct_result result = CT_OK;
    struct ct_pool *pool = NULL;
    struct gate gate = {0};
    struct late tasks[4] = {0};
    struct ct_task holder = {.run = hold_thread, .ctx = &gate};

    sem_init(&gate.shut, 0, 0);
    sem_init(&gate.open, 0, 0);
    for (size_t i = 0; i < 4; i++) {
        sem_init(&tasks[i].done, 0, 0);
        tasks[i].task =
            (struct ct_task){.run = late_task_run, .late = late_task_late, .ctx = &tasks[i]};
    }
    tasks[1].task.late = NULL; /* this one is to be run whenever its turn comes */
    TRY(ct_pool_start("test", 1, 100, 0, &pool));
    TRY(ct_pool_submit(pool, &holder));
    gate.held = true;
    await(&gate.shut);
    for (size_t i = 0; i < 3; i++)
        TRY(ct_pool_submit(pool, &tasks[i].task));
    ct_pool_limit_wait(pool, 20);
    pass_ms(21);
    TRY(ct_pool_submit(pool, &tasks[3].task)); /* to be refused by the thread */
    gate_release(&gate);
    for (size_t i = 0; i < 4; i++)
        await(&tasks[i].done);
    EXPECT(tasks[0].ran == 0 && tasks[0].result == CT_BUSY);
    EXPECT(tasks[1].ran == 1);
    EXPECT(tasks[2].ran == 1); /* nobody waited behind it */
    EXPECT(tasks[3].ran == 0 && tasks[3].result == CT_BUSY);
    TRY(ct_pool_submit(pool, &tasks[3].task));
    await(&tasks[3].done);
    EXPECT(tasks[3].ran == 1);
out:
    gate_release(&gate);
    ct_pool_stop(pool);
    sem_destroy(&gate.shut);
    sem_destroy(&gate.open);
    for (size_t i = 0; i < 4; i++)
        sem_destroy(&tasks[i].done);
    return result;
}

static void pass_thirty_ms(void *ctx)
{
    (void)ctx;
    pass_ms(30);
}

/* A task takes 30 ms or more: behind one that is being run and one that waits nobody's turn comes within 50. */
static enum ct_result test_a_hash_that_was_begun_is_waited_for(void)
{
    enum ct_result result = CT_OK;
    struct ct_pool *pool = NULL;
    struct gate gate = {0};
    struct late tasks[3] = {0};
    struct ct_task slow = {.run = pass_thirty_ms};
    struct ct_task holder = {.run = hold_thread, .ctx = &gate};

    sem_init(&gate.shut, 0, 0);
    sem_init(&gate.open, 0, 0);
    for (size_t i = 0; i < 3; i++) {
        sem_init(&tasks[i].done, 0, 0);
        tasks[i].task = (struct ct_task){.run = late_task_run, .ctx = &tasks[i]};
    }
    TRY(ct_pool_start("test", 1, 100, 0, &pool));
    TRY(ct_pool_submit(pool, &slow));
    TRY(ct_pool_submit(pool, &holder));
    gate.held = true;
    await(&gate.shut);
    ct_pool_limit_wait(pool, 50);
    TRY(ct_pool_submit(pool, &tasks[0].task)); /* nobody waits before it */
    EXPECT_RESULT(CT_BUSY, ct_pool_submit(pool, &tasks[1].task));
    ct_pool_limit_wait(pool, 3600000);
    TRY(ct_pool_submit(pool, &tasks[2].task));
    gate_release(&gate);
    await(&tasks[2].done);
    EXPECT(tasks[0].ran == 1 && tasks[1].ran == 0 && tasks[2].ran == 1);
out:
    gate_release(&gate);
    ct_pool_stop(pool);
    sem_destroy(&gate.shut);
    sem_destroy(&gate.open);
    for (size_t i = 0; i < 3; i++)
        sem_destroy(&tasks[i].done);
    return result;
}

/* Who does not find room is told so by the thread when it comes by: not before, and also when the pool stops. */
static enum ct_result test_a_hash_is_refused_by_the_thread(void)
{
    enum ct_result result = CT_OK;
    struct ct_pool *pool = NULL;
    struct gate gate = {0};
    struct late tasks[4] = {0};
    struct ct_task holder = {.run = hold_thread, .ctx = &gate};

    sem_init(&gate.shut, 0, 0);
    sem_init(&gate.open, 0, 0);
    for (size_t i = 0; i < 4; i++) {
        sem_init(&tasks[i].done, 0, 0);
        tasks[i].task =
            (struct ct_task){.run = late_task_run, .late = late_task_late, .ctx = &tasks[i]};
    }
    tasks[3].task.late = NULL; /* this one cannot be told later */
    TRY(ct_pool_start("test", 1, 1, 0, &pool));
    TRY(ct_pool_submit(pool, &holder));
    gate.held = true;
    await(&gate.shut);
    for (size_t i = 0; i < 3; i++)
        TRY(ct_pool_submit(pool, &tasks[i].task));
    EXPECT_RESULT(CT_BUSY, ct_pool_submit(pool, &tasks[3].task));
    EXPECT(ct_pool_waiting(pool) == 1);
    for (size_t i = 1; i < 3; i++)
        EXPECT(sem_trywait(&tasks[i].done) != 0);
    gate_release(&gate);
    ct_pool_stop(pool);
    pool = NULL;
    EXPECT(tasks[0].ran == 1);
    for (size_t i = 1; i < 3; i++) {
        await(&tasks[i].done);
        EXPECT(tasks[i].ran == 0 && tasks[i].result == CT_BUSY);
    }
out:
    gate_release(&gate);
    ct_pool_stop(pool);
    sem_destroy(&gate.shut);
    sem_destroy(&gate.open);
    for (size_t i = 0; i < 4; i++)
        sem_destroy(&tasks[i].done);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_the_rest_is_refused_at_once),
        CT_UNIT(test_a_write_that_waited_too_long),
        CT_UNIT(test_a_hash_that_waited_too_long),
        CT_UNIT(test_a_hash_that_was_begun_is_waited_for),
        CT_UNIT(test_a_hash_is_refused_by_the_thread),
    };
    return ct_unit_main("http/overload", units, sizeof(units) / sizeof(units[0]));
}
