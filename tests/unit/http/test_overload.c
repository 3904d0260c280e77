#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "exchange_fixture.h"
#include "harness.h"
#include "service.h"

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

static enum ct_result test_a_write_that_waited_too_long(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct gate gate = {0};
    struct late late = {0};
    struct late next = {0};
    const char *why;
    char url[128];
    bool queued = false;

    sem_init(&gate.shut, 0, 0);
    sem_init(&gate.open, 0, 0);
    sem_init(&late.done, 0, 0);
    sem_init(&next.done, 0, 0);
    TRY(scratch_open(&scratch));
    ct_store_close(scratch.store);
    scratch.store = NULL;
    (void)snprintf(url, sizeof(url), "sqlite:///%s/db", scratch.folder);
    const struct ct_store_options options = {.url = url, .max_wait_ms = 20};
    TRY(ct_store_open(&options, scratch.arena, &scratch.store, &why));
    TRY(gate_hold(&gate, scratch.store));
    late.job = (struct ct_job){.run = late_run, .done = late_done, .ctx = &late};
    TRY(ct_store_submit(scratch.store, &late.job));
    queued = true;
    pass_ms(21);
    /* there is room for thousands, but who came first waits for too long already */
    next.job = (struct ct_job){.run = late_run, .done = late_done, .ctx = &next};
    EXPECT_RESULT(CT_BUSY, ct_store_submit(scratch.store, &next.job));
    gate_release(&gate);
    await(&late.done);
    queued = false;
    EXPECT(late.result == CT_BUSY && late.ran == 0);
    /* nothing waits any more: the next one is taken. It may be late too, on a slow machine. */
    for (int tries = 0; tries < 1000 && (tries == 0 || next.result == CT_BUSY); tries++) {
        TRY(ct_store_submit(scratch.store, &next.job));
        await(&next.done);
    }
    TRY(next.result);
    EXPECT(next.ran == 1);
out:
    gate_release(&gate);
    if (queued)
        await(&late.done);
    scratch_close(&scratch);
    sem_destroy(&gate.shut);
    sem_destroy(&gate.open);
    sem_destroy(&late.done);
    sem_destroy(&next.done);
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
    struct late tasks[3] = {0};
    struct ct_task holder = {.run = hold_thread, .ctx = &gate};

    sem_init(&gate.shut, 0, 0);
    sem_init(&gate.open, 0, 0);
    for (size_t i = 0; i < 3; i++) {
        sem_init(&tasks[i].done, 0, 0);
        tasks[i].task =
            (struct ct_task){.run = late_task_run, .late = late_task_late, .ctx = &tasks[i]};
    }
    tasks[1].task.late = NULL; /* this one is to be run whenever its turn comes */
    TRY(ct_pool_start("test", 1, 100, 0, &pool));
    ct_pool_limit_wait(pool, 20);
    TRY(ct_pool_submit(pool, &holder));
    gate.held = true;
    await(&gate.shut);
    /* a machine that stops here for long makes the second one too many already */
    TRY(ct_pool_submit(pool, &tasks[0].task));
    enum ct_result second = ct_pool_submit(pool, &tasks[1].task);
    pass_ms(21);
    EXPECT_RESULT(CT_BUSY, ct_pool_submit(pool, &tasks[2].task));
    gate_release(&gate);
    await(&tasks[0].done);
    EXPECT(tasks[0].ran == 0 && tasks[0].result == CT_BUSY);
    if (second == CT_OK)
        await(&tasks[1].done);
    EXPECT(tasks[1].ran == (second == CT_OK));
    ct_pool_limit_wait(pool, 0);
    TRY(ct_pool_submit(pool, &tasks[2].task));
    await(&tasks[2].done);
    EXPECT(tasks[2].ran == 1);
out:
    gate_release(&gate);
    ct_pool_stop(pool);
    sem_destroy(&gate.shut);
    sem_destroy(&gate.open);
    for (size_t i = 0; i < 3; i++)
        sem_destroy(&tasks[i].done);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_the_rest_is_refused_at_once),
        CT_UNIT(test_a_write_that_waited_too_long),
        CT_UNIT(test_a_hash_that_waited_too_long),
    };
    return ct_unit_main("http/overload", units, sizeof(units) / sizeof(units[0]));
}
