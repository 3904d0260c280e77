#include "http/loops.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * epoll_wait has no argument that would lead to a server, so this belongs to the process, as the function
 * does. The pulses are those of its threads, whichever server they serve.
 */
static struct ct_pulse pulses[CT_LOOPS_MOST];
static _Atomic int turn_within;
static _Thread_local struct ct_pulse *own;
static _Thread_local struct {
    void (*call)(void *ctx);
    void *ctx;
} rest;

static pthread_key_t ending;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The place is free again when its thread ends. */
static void leave(void *pulse)
{
    atomic_store(&((struct ct_pulse *)pulse)->thread, 0);
}

static void make_key(void)
{
    (void)pthread_key_create(&ending, leave);
}

static struct ct_pulse *find_place(void)
{
    (void)pthread_once(&once, make_key);
    for (size_t i = 0; i < CT_LOOPS_MOST; i++) {
        pid_t nobody = 0;
        if (atomic_compare_exchange_strong(&pulses[i].thread, &nobody, gettid())) {
            (void)pthread_setspecific(ending, &pulses[i]);
            return &pulses[i];
        }
    }
    return NULL;
}

void ct_loops_turn_within(int milliseconds)
{
    atomic_store(&turn_within, milliseconds);
}

void ct_loops_before_waiting(void (*call)(void *ctx), void *ctx)
{
    rest.call = call;
    rest.ctx = ctx;
}

const struct ct_pulse *ct_loops(void)
{
    return pulses;
}

/*
 * libmicrohttpd asks epoll for up to 128 events and, when it gets just as many, asks again at once: with
 * the same timeout, so that 128 connections that become ready together wait until something else
 * happens. Group commit makes connections ready together. One event less than asked for tells the
 * library each time that these were all; what is left is still ready at its next turn.
 */
int epoll_wait(int fd, struct epoll_event *events, int max_events, int timeout)
{
    if (rest.call != NULL) {
        void (*call)(void *ctx) = rest.call;
        rest.call = NULL;
        call(rest.ctx);
    }
    if (own == NULL)
        own = find_place();
    if (own != NULL)
        ct_pulse_beat(own);
    int longest = atomic_load_explicit(&turn_within, memory_order_relaxed);
    if (longest > 0 && (timeout < 0 || timeout > longest))
        timeout = longest;
    return epoll_pwait(fd, events, max_events > 1 ? max_events - 1 : max_events, timeout, NULL);
}

/*
 * When the listening socket is taken from the library (MHD_quiesce_daemon), the caller and a thread of the
 * library that notices may both remove it from the same epoll set; the library aborts when it is not
 * there any more. What is not in the set is removed.
 */
int epoll_ctl(int set, int operation, int fd, struct epoll_event *event)
{
    int status = (int)syscall(SYS_epoll_ctl, set, operation, fd, event);
    return status != 0 && operation == EPOLL_CTL_DEL && errno == ENOENT ? 0 : status;
}
