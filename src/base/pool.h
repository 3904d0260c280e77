#ifndef CT_BASE_POOL_H
#define CT_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/result.h"

/**
 * Threads for long computations (password hashes) behind a bounded queue, at low priority: while
 * they work, everything else goes first.
 */
struct ct_pool;

/** A unit of work. The caller owns it and keeps it alive until `run` was called. */
struct ct_task {
    void (*run)(void *ctx);
    void *ctx;
    struct ct_task *next; /* the pool's while queued */
};

/** Starts @p threads threads at nice value @p nice, with room for @p capacity waiting tasks. @p
 * name (at most 15 bytes, borrowed) is what the threads are called. CT_NOMEM, CT_IO. */
CT_CHECKED enum ct_result ct_pool_start(const char *name, size_t threads, size_t capacity, int nice,
                                        struct ct_pool **out);
/** Queues a task; CT_BUSY when the queue is full or the pool is stopping. */
CT_CHECKED enum ct_result ct_pool_submit(struct ct_pool *pool, struct ct_task *task);
/** Runs all that is queued, ends the threads, frees the pool. NULL is allowed. */
void ct_pool_stop(struct ct_pool *pool);

#endif
