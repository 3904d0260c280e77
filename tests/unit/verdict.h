#ifndef CT_TESTS_UNIT_VERDICT_H
#define CT_TESTS_UNIT_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness.h"

/** The most tests in one file. */
#define CT_UNIT_MOST 128

/** When a sweep stops trying every allocation. */
struct ct_unit_limits {
    size_t runs;
    int64_t us; /* microseconds; past it allocations are left out, at even distances */
};

/** What the runs of one test came to. */
struct ct_verdict {
    size_t runs;               /* how many there were, the plain one included */
    size_t allocations;        /* in the last of them */
    size_t failing_allocation; /* the number of the one that failed in the last run; 0 = none */
    bool incomplete;           /* some allocations were left out, at a limit */
    char what[160];            /* why the last run is not as it must be */
    char complaint[512];       /* the condition that did not hold, with file and line; or "" */
};

/** Runs a test plainly, then with each allocation failing in turn. False when a run was not as it
 * must be; @p out tells which and why. ct_unit_main must have been called before. */
bool ct_unit_judge(const struct ct_unit *unit, const struct ct_unit_limits *limits,
                   struct ct_verdict *out);

#endif
