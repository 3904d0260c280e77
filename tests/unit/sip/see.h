#ifndef CT_TESTS_UNIT_SIP_SEE_H
#define CT_TESTS_UNIT_SIP_SEE_H

#include "allocations.h"
#include "harness.h"

/* Tests of what makes the best of a want of memory: a failed allocation changes what comes to pass. */

/** As EXPECT, for what cannot be expected of a run that an allocation failed in. */
#define SEE(condition)                                      \
    do {                                                    \
        if (!(condition)) {                                 \
            if (ct_allocations_failed()) {                  \
                result = CT_NOMEM;                          \
                goto out;                                   \
            }                                               \
            ct_unit_report(#condition, __FILE__, __LINE__); \
            result = CT_BUG;                                \
            goto out;                                       \
        }                                                   \
    } while (0)

/** As TRY, likewise. */
#define DO(expression)                                           \
    do {                                                         \
        result = (expression);                                   \
        if (result != CT_OK) {                                   \
            if (ct_allocations_failed())                         \
                result = CT_NOMEM;                               \
            else                                                 \
                ct_unit_report(#expression, __FILE__, __LINE__); \
            goto out;                                            \
        }                                                        \
    } while (0)

#endif
