#ifndef CT_BASE_PULSE_H
#define CT_BASE_PULSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * Whether a thread goes on, as another one sees it. The thread begins once and beats with each turn of its
 * work; who watches compares the beats of two moments. All zero is a pulse that has not begun.
 */
struct ct_pulse {
    _Atomic uint64_t beats;
    _Atomic pid_t thread; /* 0: not begun */
};

/** The calling thread is the one that beats from now on. */
void ct_pulse_begin(struct ct_pulse *pulse);
void ct_pulse_beat(struct ct_pulse *pulse);
/** Whether the thread is in an uninterruptible wait of the kernel (state D): for a disk, or a network disk.
 * Also false when that cannot be read. */
bool ct_pulse_waits_for_disk(const struct ct_pulse *pulse);

#endif
