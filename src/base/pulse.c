#include "base/pulse.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void ct_pulse_begin(struct ct_pulse *pulse)
{
    ct_pulse_beat(pulse);
    atomic_store_explicit(&pulse->thread, gettid(), memory_order_release);
}

void ct_pulse_beat(struct ct_pulse *pulse)
{
    /* The only thread that writes: no locked instruction is needed. */
    uint64_t beats = atomic_load_explicit(&pulse->beats, memory_order_relaxed);
    atomic_store_explicit(&pulse->beats, beats + 1, memory_order_relaxed);
}

bool ct_pulse_waits_for_disk(const struct ct_pulse *pulse)
{
    char path[64];
    char text[512];
    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat",
                   (int)atomic_load_explicit(&pulse->thread, memory_order_acquire));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    if (size <= 0)
        return false;
    text[size] = '\0';
    /* proc(5): the state stands behind the name, which is in parentheses and may hold some */
    const char *name_end = strrchr(text, ')');
    return name_end != NULL && strncmp(name_end, ") D", 3) == 0;
}
