/*
 * Moves the wall clock of the process that preloads it: what CT_TEST_CLOCK's file says, in nanoseconds,
 * is added to every reading. CLOCK_MONOTONIC stays as it is. Built and used by clock.py.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS INT64_C(1000000000)

/* NULL until the constructor has run, or without a file: the clock is then right. */
static _Atomic int64_t *offset_ns;

__attribute__((constructor)) static void map_offset(void)
{
    const char *path = getenv("CT_TEST_CLOCK");
    int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    void *map = mmap(NULL, sizeof(*offset_ns), PROT_READ, MAP_SHARED, file, 0);
    (void)close(file);
    if (map != MAP_FAILED)
        offset_ns = map;
}

/* Asks the kernel, not the C library: a sanitizer's interceptor may not be ready yet. */
int clock_gettime(clockid_t clock, struct timespec *out)
{
    if (syscall(SYS_clock_gettime, clock, out) != 0)
        return -1;
    if (offset_ns == NULL || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return 0;
    int64_t now_ns = (int64_t)out->tv_sec * SECOND_NS + out->tv_nsec +
                     atomic_load_explicit(offset_ns, memory_order_relaxed);
    out->tv_sec = (time_t)(now_ns / SECOND_NS);
    out->tv_nsec = (long)(now_ns % SECOND_NS);
    return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return (time_t)-1;
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}
