#include "base/pulse.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

struct scene {
    struct ct_pulse pulse;
    int begin[2]; /* a byte comes when the thread is about to wait */
    int end[2];   /* closed to end the wait */
    bool failed;
};

/* Waits as on a disk: a parent is in state D until its vfork child has gone. */
static void *wait_in_the_kernel(void *ctx)
{
    struct scene *scene = ctx;
    ct_pulse_begin(&scene->pulse);
    pid_t child = vfork();
    if (child == 0) {
        char byte;
        (void)!write(scene->begin[1], "x", 1);
        /* the end of the pipe; the child has its own descriptors, of which one would keep it open */
        (void)close(scene->end[1]);
        (void)!read(scene->end[0], &byte, 1);
        _exit(0);
    }
    scene->failed = child < 0;
    return NULL;
}

/* Waits for something that is no disk. */
static void *wait_for_a_pipe(void *ctx)
{
    struct scene *scene = ctx;
    char byte;
    (void)pthread_setname_np(pthread_self(),
                             "a) D 1 (b"); /* what must not be taken for the state */
    ct_pulse_begin(&scene->pulse);
    scene->failed = write(scene->begin[1], "x", 1) != 1;
    (void)!read(scene->end[0], &byte, 1);
    return NULL;
}

static enum ct_result look_at(void *(*run)(void *), bool expected)
{
    enum ct_result result = CT_OK;
    struct scene scene = {.begin = {-1, -1}, .end = {-1, -1}};
    bool started = false;
    pthread_t thread;
    char byte;
    EXPECT(!ct_pulse_waits_for_disk(&scene.pulse)); /* not begun */
    EXPECT(pipe(scene.begin) == 0 && pipe(scene.end) == 0);
    if (pthread_create(&thread, NULL, run, &scene) != 0) {
        result = CT_NOMEM;
        goto out;
    }
    started = true;
    EXPECT(read(scene.begin[0], &byte, 1) == 1);
    EXPECT(atomic_load(&scene.pulse.beats) == 1);
    /* it may be on its way still */
    for (int i = 0; expected && i < 10000 && !ct_pulse_waits_for_disk(&scene.pulse); i++)
        (void)usleep(1000);
    EXPECT(ct_pulse_waits_for_disk(&scene.pulse) == expected);
out:
    if (scene.end[1] >= 0)
        (void)close(scene.end[1]);
    if (started)
        (void)pthread_join(thread, NULL);
    if (scene.end[0] >= 0)
        (void)close(scene.end[0]);
    for (size_t i = 0; i < 2; i++) {
        if (scene.begin[i] >= 0)
            (void)close(scene.begin[i]);
    }
    return scene.failed && result == CT_OK ? CT_BUG : result;
}

static enum ct_result test_a_thread_that_waits_for_the_disk(void)
{
    return look_at(wait_in_the_kernel, true);
}

static enum ct_result test_a_thread_that_waits_for_something_else(void)
{
    return look_at(wait_for_a_pipe, false);
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_a_thread_that_waits_for_the_disk),
        CT_UNIT(test_a_thread_that_waits_for_something_else),
    };
    return ct_unit_main("base/pulse", units, sizeof(units) / sizeof(units[0]));
}
