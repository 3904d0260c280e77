#ifndef CT_BASE_WHEEL_H
#define CT_BASE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/**
 * Timers by the million: a hierarchical wheel (Varghese and Lauck, 1987). To start, to stop and to expire one
 * costs the same however many others there are. The resolution is 1 ms; the clock, in milliseconds of some
 * start and never going back, is handed in. Belongs to one thread.
 */
struct ct_wheel;

/**
 * A timer lives in its owner; {.fire = …, .ctx = …} is one that does not run. It must be stopped before its memory
 * goes away.
 */
struct ct_timer {
    void (*fire)(void *ctx); /* may start and stop any timer, this one too, and free its owner */
    void *ctx;
    /* what follows is the wheel's */
    struct ct_wheel *wheel; /* NULL: it does not run */
    struct ct_timer *next;
    struct ct_timer *previous;
    int64_t due_ms;
    uint16_t slot;
};

/** A wheel that stands at @p now_ms. The owner frees it with ct_wheel_free. CT_NOMEM. */
CT_CHECKED enum ct_result ct_wheel_new(int64_t now_ms, struct ct_wheel **out);
/** Stops all timers and frees the wheel. NULL is allowed. */
void ct_wheel_free(struct ct_wheel *wheel);

/** Starts a timer, or one that runs anew: it fires @p after_ms after the time that the wheel was last told, 1 at
 *  least. */
void ct_timer_start(struct ct_wheel *wheel, struct ct_timer *timer, int64_t after_ms);
/** Stops a timer. One that does not run is left as it is. */
void ct_timer_stop(struct ct_timer *timer);
bool ct_timer_running(const struct ct_timer *timer);

/** Tells the time without letting anything fire: what is started from now on counts from it. */
void ct_wheel_tell(struct ct_wheel *wheel, int64_t now_ms);
/** Tells the time and fires what is due, in the order of the times and, of the same millisecond, in the order in
 *  which they were started. What is started meanwhile does not fire in this turn. Not to be called by a timer. */
void ct_wheel_turn(struct ct_wheel *wheel, int64_t now_ms);
/** When to turn next at the latest: not behind the first due timer, and before it at times, when nothing fires.
 *  INT64_MAX without timers. */
int64_t ct_wheel_next_ms(const struct ct_wheel *wheel);

/** How many timers run. */
size_t ct_wheel_count(const struct ct_wheel *wheel);
/** How many timers have been put into a slot since the wheel was made: the work that it has done. */
uint64_t ct_wheel_steps(const struct ct_wheel *wheel);

#endif
