#ifndef CT_NUMBERS_POOL_IMPORT_H
#define CT_NUMBERS_POOL_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/result.h"
#include "numbers/pool_file.h"
#include "store/store.h"

/**
 * Brings the pools of a file into the database in many short transactions, so that a server which runs at
 * the same time can write in between. Until the last one, ct_pool_import_finish, nobody sees them. An
 * import that was interrupted goes on where it was when a file of the same content is imported again.
 *
 * Each function is one write, or some; between them other processes may do what they like.
 */
struct ct_pool_import {
    struct ct_store *store;          /* borrowed */
    const struct ct_pool_file *file; /* borrowed; without bad lines */
    int64_t id;
    int64_t steps;   /* how many it has taken; another process that takes one is noticed */
    size_t pool;     /* the pool of the file that is being brought in */
    int64_t reached; /* its last number that is in; 0: it was not begun */
    int64_t done;    /* how many numbers are in */
    int64_t overlap; /* a number that is in another pool, when CT_CONFLICT says so */
};

/** How long an import that took no step counts as running. */
#define CT_IMPORT_IDLE_MS 60000

/** Looks for an import of a file with this digest that was interrupted: its id, or 0. What other
 *  imports left behind is deleted. CT_BUSY when one of another file is running. */
CT_CHECKED enum ct_result ct_pool_import_find(struct ct_store *store,
                                              const uint8_t sha256[CT_SHA256_BYTES], int64_t now_ms,
                                              int64_t *id);
/** Begins, or goes on with, an import: all members but `store` and `file` are set. */
CT_CHECKED enum ct_result ct_pool_import_begin(struct ct_pool_import *import,
                                               const uint8_t sha256[CT_SHA256_BYTES],
                                               int64_t now_ms);
/** Brings in some numbers. CT_ROW while there are more. CT_CONFLICT when a name or a number has got into
 *  another pool since the file was judged; CT_BUSY when another process imports the same file. */
CT_CHECKED enum ct_result ct_pool_import_step(struct ct_pool_import *import, int64_t now_ms);
/** Waits as long again as it has taken since @p since_us (ct_clock_monotonic_us), so that a server that runs at
 *  the same time gets its turn to write. */
void ct_pool_import_rest(int64_t since_us);
/** Makes all pools visible, with their audit rows. */
CT_CHECKED enum ct_result ct_pool_import_finish(struct ct_pool_import *import, int64_t now_ms);
/** Deletes what an import brought in, step by step, with rests. */
CT_CHECKED enum ct_result ct_pool_import_discard(struct ct_store *store, int64_t id);

#endif
