#include "base/pool.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/backlog.h"
#include "base/clock.h"

struct ct_pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct ct_task *first, *last;
    size_t queued, capacity;
    struct ct_task *refused; /* to be told so; each has a `late` */
    struct ct_backlog backlog;
    bool stopping;
    int nice;
    size_t thread_count;
    pthread_t threads[];
};

/* @p refused: the tasks that are to be told so now. */
static struct ct_task *next_task(struct ct_pool *pool, struct ct_task **refused)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->first == NULL && !pool->stopping)
        pthread_cond_wait(&pool->wake, &pool->lock);
    *refused = pool->refused;
    pool->refused = NULL;
    struct ct_task *task = pool->first;
    if (task != NULL) {
        pool->first = task->next;
        if (pool->first == NULL)
            pool->last = NULL;
        pool->queued--;
        pool->backlog.begun++;
    }
    pthread_mutex_unlock(&pool->lock);
    return task;
}

static void tell(struct ct_task *refused)
{
    for (struct ct_task *task = refused, *next; task != NULL; task = next) {
        next = task->next; /* `late` may free the task */
        task->late(task->ctx);
    }
}

static bool is_late(struct ct_pool *pool, const struct ct_task *task, int64_t now_us)
{
    pthread_mutex_lock(&pool->lock);
    bool late = task->late != NULL && pool->queued > 0 &&
                ct_backlog_is_late(&pool->backlog, task->queued_us, now_us);
    if (late)
        pool->backlog.begun--;
    pthread_mutex_unlock(&pool->lock);
    return late;
}

static void took(struct ct_pool *pool, int64_t us)
{
    pthread_mutex_lock(&pool->lock);
    ct_backlog_measured(&pool->backlog, 1, us, 0);
    pool->backlog.begun--;
    pthread_mutex_unlock(&pool->lock);
}

static void *work(void *arg)
{
    struct ct_pool *pool = arg;
    /* On Linux a nice value belongs to a thread. Without it the work is as urgent as any other. */
    if (pool->nice != 0)
        (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), pool->nice);
    for (;;) {
        struct ct_task *refused;
        struct ct_task *task = next_task(pool, &refused);
        tell(refused);
        if (task == NULL)
            return NULL;
        int64_t began = ct_clock_monotonic_us();
        if (is_late(pool, task, began)) {
            task->late(task->ctx);
            continue;
        }
        task->run(task->ctx); /* the task may be gone now */
        took(pool, ct_clock_monotonic_us() - began);
    }
}

enum ct_result ct_pool_start(const char *name, size_t threads, size_t capacity, int nice,
                             struct ct_pool **out)
{
    assert(threads > 0 && capacity > 0);
    struct ct_pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pthread_t));
    if (pool == NULL)
        return CT_NOMEM;
    pool->capacity = capacity;
    pool->backlog = (struct ct_backlog){.turn = 1, .workers = threads};
    pool->nice = nice;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    while (pool->thread_count < threads) {
        if (pthread_create(&pool->threads[pool->thread_count], NULL, work, pool) != 0) {
            ct_pool_stop(pool);
            return CT_IO;
        }
        (void)pthread_setname_np(pool->threads[pool->thread_count], name);
        pool->thread_count++;
    }
    *out = pool;
    return CT_OK;
}

void ct_pool_limit_wait(struct ct_pool *pool, int64_t max_wait_ms)
{
    pthread_mutex_lock(&pool->lock);
    pool->backlog.max_wait_us = max_wait_ms * 1000;
    pthread_mutex_unlock(&pool->lock);
}

static bool has_room(const struct ct_pool *pool, int64_t now_us)
{
    return pool->queued < pool->capacity &&
           !ct_backlog_is_full(&pool->backlog, pool->queued,
                               pool->first == NULL ? now_us : pool->first->queued_us, now_us);
}

enum ct_result ct_pool_submit(struct ct_pool *pool, struct ct_task *task)
{
    enum ct_result result = CT_BUSY;
    int64_t now = ct_clock_monotonic_us();
    pthread_mutex_lock(&pool->lock);
    if (!pool->stopping && has_room(pool, now)) {
        task->next = NULL;
        task->queued_us = now;
        if (pool->last != NULL)
            pool->last->next = task;
        else
            pool->first = task;
        pool->last = task;
        pool->queued++;
        result = CT_OK;
        pthread_cond_signal(&pool->wake);
    } else if (!pool->stopping && task->late != NULL) {
        /* Others wait, or there would be room: a thread comes by. */
        task->next = pool->refused;
        pool->refused = task;
        result = CT_OK;
    }
    pthread_mutex_unlock(&pool->lock);
    return result;
}

size_t ct_pool_waiting(struct ct_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    size_t waiting = pool->queued;
    pthread_mutex_unlock(&pool->lock);
    return waiting;
}

void ct_pool_stop(struct ct_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
