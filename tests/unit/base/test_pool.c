#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/pool.h"
#include "harness.h"

/* A gate that tasks wait at, and what they saw. */
struct scene {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    int arrived;
    int passed;
    int nice;
    char thread_name[32];
};

static void scene_init(struct scene *scene)
{
    *scene = (struct scene){.open = true};
    pthread_mutex_init(&scene->lock, NULL);
    pthread_cond_init(&scene->changed, NULL);
}

static void scene_destroy(struct scene *scene)
{
    pthread_cond_destroy(&scene->changed);
    pthread_mutex_destroy(&scene->lock);
}

static void pass(void *ctx)
{
    struct scene *scene = ctx;

    pthread_mutex_lock(&scene->lock);
    scene->arrived++;
    scene->nice = getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
    (void)pthread_getname_np(pthread_self(), scene->thread_name, sizeof(scene->thread_name));
    pthread_cond_broadcast(&scene->changed);
    while (!scene->open)
        pthread_cond_wait(&scene->changed, &scene->lock);
    scene->passed++;
    pthread_mutex_unlock(&scene->lock);
}

static void set_open(struct scene *scene, bool open)
{
    pthread_mutex_lock(&scene->lock);
    scene->open = open;
    pthread_cond_broadcast(&scene->changed);
    pthread_mutex_unlock(&scene->lock);
}

static void wait_for_arrivals(struct scene *scene, int count)
{
    pthread_mutex_lock(&scene->lock);
    while (scene->arrived < count)
        pthread_cond_wait(&scene->changed, &scene->lock);
    pthread_mutex_unlock(&scene->lock);
}

static enum ct_result test_stop_runs_all_that_is_queued(void)
{
    enum ct_result result = CT_OK;
    struct scene scene;
    struct ct_pool *pool = NULL;
    struct ct_task tasks[100];

    scene_init(&scene);
    TRY(ct_pool_start("test", 3, 100, 5, &pool));
    for (size_t i = 0; i < 100; i++) {
        tasks[i] = (struct ct_task){.run = pass, .ctx = &scene};
        TRY(ct_pool_submit(pool, &tasks[i]));
    }
    ct_pool_stop(pool);
    pool = NULL;
    EXPECT(scene.passed == 100);
out:
    ct_pool_stop(pool);
    scene_destroy(&scene);
    return result;
}

static enum ct_result test_full_queue_is_busy(void)
{
    enum ct_result result = CT_OK;
    struct scene scene;
    struct ct_pool *pool = NULL;
    struct ct_task tasks[5];

    scene_init(&scene);
    for (size_t i = 0; i < 5; i++)
        tasks[i] = (struct ct_task){.run = pass, .ctx = &scene};
    set_open(&scene, false);
    TRY(ct_pool_start("test", 1, 2, 0, &pool));
    TRY(ct_pool_submit(pool, &tasks[0]));
    wait_for_arrivals(&scene, 1); /* it left the queue, which holds two more */
    TRY(ct_pool_submit(pool, &tasks[1]));
    TRY(ct_pool_submit(pool, &tasks[2]));
    EXPECT(ct_pool_waiting(pool) == 2);
    EXPECT_RESULT(CT_BUSY, ct_pool_submit(pool, &tasks[3]));
    set_open(&scene, true);
    wait_for_arrivals(&scene, 3);
    TRY(ct_pool_submit(pool, &tasks[4]));
    ct_pool_stop(pool);
    pool = NULL;
    EXPECT(scene.passed == 4);
out:
    set_open(&scene, true);
    ct_pool_stop(pool);
    scene_destroy(&scene);
    return result;
}

static enum ct_result test_threads_are_named_and_nice(void)
{
    enum ct_result result = CT_OK;
    struct scene scene;
    struct ct_pool *pool = NULL;
    struct ct_task task = {.run = pass, .ctx = &scene};
    int own = getpriority(PRIO_PROCESS, 0);

    scene_init(&scene);
    TRY(ct_pool_start("fifteen-letters", 1, 1, 19, &pool));
    TRY(ct_pool_submit(pool, &task));
    wait_for_arrivals(&scene, 1);
    EXPECT(scene.nice == 19);
    EXPECT(strcmp(scene.thread_name, "fifteen-letters") == 0);
    EXPECT(getpriority(PRIO_PROCESS, 0) == own);
out:
    ct_pool_stop(pool);
    scene_destroy(&scene);
    return result;
}

static enum ct_result test_stopping_nothing(void)
{
    ct_pool_stop(NULL);
    return CT_OK;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_stop_runs_all_that_is_queued),
    CT_UNIT(test_full_queue_is_busy),
    CT_UNIT(test_threads_are_named_and_nice),
    CT_UNIT(test_stopping_nothing),
};

int main(void)
{
    return ct_unit_main("base_pool", units, sizeof(units) / sizeof(units[0]));
}
