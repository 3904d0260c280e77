#ifndef CT_NUMBERS_POOL_DISCARD_H
#define CT_NUMBERS_POOL_DISCARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "store/store.h"

/**
 * Pools are deleted some rows at a time, since one may have millions. From the first step on nobody sees
 * them: they belong to an import that was given up, which is a row of pool_imports whose touched_at is 0.
 * Whoever comes by goes on with it: the sweeper of a server, or the next import.
 */

/** How many rows one step deletes when others wait to write: some milliseconds of work. */
#define CT_DISCARD_ROWS 2000

/** Gives up an import, all of whose pools are to go. */
CT_CHECKED enum ct_result ct_pool_discard_import(struct ct_db *db, int64_t import_id);
/** Gives up a complete pool, whose name is free at once; @p import_id is what to discard. */
CT_CHECKED enum ct_result ct_pool_discard_pool(struct ct_db *db, int64_t pool_id,
                                               int64_t *import_id);
/** One that was given up; 0: there is none. */
CT_CHECKED enum ct_result ct_pool_discard_find(struct ct_db *db, int64_t *import_id);
/** Deletes at most some @p rows of one that was given up, and with the last one the import itself; @p more
 *  tells whether any are left. Does nothing for one that was not given up, or is gone. */
CT_CHECKED enum ct_result ct_pool_discard_some(struct ct_db *db, int64_t import_id, int64_t rows,
                                               bool *more);

#endif
