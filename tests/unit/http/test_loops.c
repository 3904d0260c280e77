#include "http/loops.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "harness.h"

/* A thread as libmicrohttpd has them. */
struct loop {
    int set;
    _Atomic pid_t thread;
    _Atomic bool end;
};

static void *wait_for_events(void *ctx)
{
    struct loop *loop = ctx;
    struct epoll_event events[2];
    loop->thread = gettid();
    while (!loop->end)
        (void)epoll_wait(loop->set, events, 2, -1);
    return NULL;
}

static const struct ct_pulse *pulse_of(pid_t thread)
{
    for (size_t i = 0; i < CT_LOOPS_MOST; i++) {
        if (thread != 0 && atomic_load(&ct_loops()[i].thread) == thread)
            return &ct_loops()[i];
    }
    return NULL;
}

static const struct ct_pulse *find(struct loop *loop)
{
    const struct ct_pulse *pulse = NULL;
    for (int i = 0; i < 10000 && (pulse = pulse_of(loop->thread)) == NULL; i++)
        (void)usleep(1000);
    return pulse;
}

static bool beats_on(const struct ct_pulse *pulse)
{
    uint64_t before = atomic_load(&pulse->beats);
    for (int i = 0; i < 10000 && atomic_load(&pulse->beats) < before + 3; i++)
        (void)usleep(1000);
    return atomic_load(&pulse->beats) >= before + 3;
}

static enum ct_result test_threads_that_wait_turn_all_the_same(void)
{
    enum ct_result result = CT_OK;
    struct loop loops[2] = {{.set = -1}, {.set = -1}};
    pthread_t threads[2];
    size_t started = 0;
    ct_loops_turn_within(5);
    for (; started < 2; started++) {
        loops[started].set = epoll_create1(EPOLL_CLOEXEC);
        if (loops[started].set < 0 ||
            pthread_create(&threads[started], NULL, wait_for_events, &loops[started]) != 0) {
            result = CT_NOMEM;
            goto out;
        }
    }
    const struct ct_pulse *first = find(&loops[0]);
    const struct ct_pulse *second = find(&loops[1]);
    EXPECT(first != NULL && second != NULL && first != second);
    EXPECT(beats_on(first) && beats_on(second));
out:
    for (size_t i = 0; i < 2; i++) {
        loops[i].end = true;
        if (i < started) {
            (void)pthread_join(threads[i], NULL);
            /* the place of a thread that has ended is free */
            if (pulse_of(loops[i].thread) != NULL && result == CT_OK) {
                ct_unit_report("a place that was left", __FILE__, __LINE__);
                result = CT_BUG;
            }
        }
        if (loops[i].set >= 0)
            (void)close(loops[i].set);
    }
    ct_loops_turn_within(0);
    return result;
}

static void *come_and_go(void *ctx)
{
    struct epoll_event event;
    (void)epoll_wait(*(int *)ctx, &event, 1, 0);
    return NULL;
}

/* More threads than there are places, one after the other. */
static enum ct_result test_places_are_given_again(void)
{
    enum ct_result result = CT_OK;
    int set = epoll_create1(EPOLL_CLOEXEC);
    EXPECT(set >= 0);
    for (size_t i = 0; i < 2 * (size_t)CT_LOOPS_MOST; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, come_and_go, &set) != 0) {
            result = CT_NOMEM;
            goto out;
        }
        (void)pthread_join(thread, NULL);
    }
    for (size_t i = 0; i < CT_LOOPS_MOST; i++)
        EXPECT(atomic_load(&ct_loops()[i].thread) == 0);
out:
    if (set >= 0)
        (void)close(set);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_threads_that_wait_turn_all_the_same),
        CT_UNIT(test_places_are_given_again),
    };
    return ct_unit_main("http/loops", units, sizeof(units) / sizeof(units[0]));
}
