#ifndef CT_TESTS_UNIT_HARNESS_H
#define CT_TESTS_UNIT_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/**
 * A unit test answers CT_OK when all it expects holds. After it has passed once it is run again
 * with its 1st, 2nd, 3rd … allocation failing, until it passes without a failure: each such run
 * must end in CT_NOMEM (or CT_OK when the code could do without), with nothing leaked.
 */
struct ct_unit {
    const char *name;
    enum ct_result (*run)(void);
};

#define CT_UNIT(function)   \
    {                       \
#function, function \
    }

/** Runs all of them under cmocka; what main() returns. */
int ct_unit_main(const char *group, const struct ct_unit *units, size_t count);

/** How long one test may be swept, in microseconds: 2 seconds, or what CT_SWEEP_SECONDS says (0.3, say). */
int64_t ct_unit_sweep_us(void);

/** From true to false is what a test needs before it begins, and what others sweep: no allocation of it fails. */
void ct_unit_spare(bool yes);

/** From now on one in @p every allocations of SQLite's own fails; 1, as at the beginning: each of them. They are
 *  most of all there are, and each ends in the same answer of the same few functions. */
void ct_unit_spare_sqlite(size_t every);

/** Reports a condition that does not hold. */
void ct_unit_report(const char *what, const char *file, int line);

/** `result = expression`; ends the test when that is not CT_OK. */
#define TRY(expression)                                          \
    do {                                                         \
        result = (expression);                                   \
        if (result != CT_OK) {                                   \
            if (result != CT_NOMEM)                              \
                ct_unit_report(#expression, __FILE__, __LINE__); \
            goto out;                                            \
        }                                                        \
    } while (0)

/** Ends the test when a pointer is NULL, as for want of memory. */
#define TRY_MEMORY(pointer)      \
    do {                         \
        if ((pointer) == NULL) { \
            result = CT_NOMEM;   \
            goto out;            \
        }                        \
    } while (0)

/** Fails the test when a condition does not hold. */
#define EXPECT(condition)                                   \
    do {                                                    \
        if (!(condition)) {                                 \
            ct_unit_report(#condition, __FILE__, __LINE__); \
            result = CT_BUG;                                \
            goto out;                                       \
        }                                                   \
    } while (0)

/** Fails the test when an expression does not answer what it should (want of memory aside). */
#define EXPECT_RESULT(expected, expression)                                   \
    do {                                                                      \
        result = (expression);                                                \
        if (result == CT_NOMEM && (expected) != CT_NOMEM)                     \
            goto out;                                                         \
        if (result != (expected)) {                                           \
            ct_unit_report(#expression " is " #expected, __FILE__, __LINE__); \
            result = CT_BUG;                                                  \
            goto out;                                                         \
        }                                                                     \
        result = CT_OK;                                                       \
    } while (0)

#endif
