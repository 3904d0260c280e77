#ifndef CT_TESTS_UNIT_STORE_SWEEP_H
#define CT_TESTS_UNIT_STORE_SWEEP_H

#include <stdint.h>

#include "base/clock.h"
#include "harness.h"

/** Which operations are tried, one a run: all while the time of a sweep allows, and then as many as fit. */
struct sweep {
    int64_t began_us;
    int64_t limit_us;
    long runs;
    long at;
    long total;
};

static inline struct sweep sweep_over(long total)
{
    return (struct sweep){ct_clock_monotonic_us(), ct_unit_sweep_us(), .at = 1, .total = total};
}

static inline void sweep_on(struct sweep *sweep)
{
    int64_t used = ct_clock_monotonic_us() - sweep->began_us;
    int64_t a_run = used / ++sweep->runs + 1;
    int64_t fit = (sweep->limit_us - used) / a_run;
    long left = sweep->total - sweep->at;
    sweep->at += fit > left || left <= 0 ? 1 : fit <= 0 ? left : left / fit + 1;
}

#endif
