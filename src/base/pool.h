#ifndef CT_BASE_POOL_H
#define CT_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/**
 * Threads for what takes long behind a bounded queue: computations (password hashes), at low priority so
 * that everything else goes first; or waits for a network.
 */
struct ct_pool;

/** A unit of work. The caller owns it and keeps it alive until `run` or `late` was called. */
struct ct_task {
    void (*run)(void *ctx);
    /** Called in place of `run` when the task is refused: there is no room for it, it would wait too long, or it
     *  has waited too long and others wait behind it. NULL: ct_pool_submit refuses it, and once it is queued it
     *  is run whenever its turn comes. */
    void (*late)(void *ctx);
    void *ctx;
    struct ct_task *next; /* the pool's while queued, as what follows */
    int64_t queued_us;
};

/** Starts @p threads threads at nice value @p nice, 0 for that of the process, with room for @p capacity waiting tasks. @p
 * name (at most 15 bytes, borrowed) is what the threads are called. CT_NOMEM, CT_IO. */
CT_CHECKED enum ct_result ct_pool_start(const char *name, size_t threads, size_t capacity, int nice,
                                        struct ct_pool **out);
/** From now on a task that would wait longer for its turn is refused; 0: it may wait as long as it takes. */
void ct_pool_limit_wait(struct ct_pool *pool, int64_t max_wait_ms);
/**
 * Queues a task. CT_BUSY when the pool is stopping, and when a task without `late` finds no room or would wait
 * too long. One with `late` is told so by a thread, as soon as one has ended what it does: whoever is refused and
 * comes again at once could otherwise come so often that being refused takes all of the processor, and the
 * threads, at their low priority, have none left to get done what waits.
 */
CT_CHECKED enum ct_result ct_pool_submit(struct ct_pool *pool, struct ct_task *task);
/** How many tasks wait for a thread. */
size_t ct_pool_waiting(struct ct_pool *pool);
/** Runs all that is queued, ends the threads, frees the pool. NULL is allowed. */
void ct_pool_stop(struct ct_pool *pool);

#endif
