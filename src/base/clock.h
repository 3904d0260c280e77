#ifndef CT_BASE_CLOCK_H
#define CT_BASE_CLOCK_H

#include <stdint.h>

/** Wall-clock time in milliseconds since 1970-01-01 UTC. */
int64_t ct_clock_unix_ms(void);
/** A clock that never jumps, in microseconds since some start. */
int64_t ct_clock_monotonic_us(void);

#endif
