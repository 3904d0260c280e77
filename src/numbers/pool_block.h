#ifndef CT_NUMBERS_POOL_BLOCK_H
#define CT_NUMBERS_POOL_BLOCK_H

#include <stdint.h>

#include "base/result.h"
#include "numbers/number_set.h"
#include "store/store.h"

/** What a pool holds of one thousand, and what of that is free: a row of pool_blocks. */
struct ct_pool_block {
    int64_t block; /* number / CT_BLOCK_SIZE */
    int64_t pool_id;
    struct ct_number_set free; /* without those whose quarantine is over, but was not tidied up */
    int64_t next_free_at; /* when the first quarantine of the block ends; CT_NO_TIME without any */
    char country[2];      /* of all its numbers; zeros when they differ or nobody knows */
};

/** Reads one. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_pool_block_get(struct ct_db *db, int64_t block, int64_t pool_id,
                                            struct ct_pool_block *out);
/** Writes one that exists: what is free, and when. As ct_send does. */
CT_CHECKED enum ct_result ct_pool_block_put(struct ct_db *db, const struct ct_pool_block *block);
/** Writes one that does not exist, as ct_send does. */
CT_CHECKED enum ct_result ct_pool_block_send(struct ct_db *db, const struct ct_pool_block *block);
/** Writes one that may exist: what it has free is added, and a country that differs is forgotten. The
 *  time is not written. */
CT_CHECKED enum ct_result ct_pool_block_add(struct ct_db *db, const struct ct_pool_block *block);

/** Begins to read those that may have free numbers, from block @p first to @p last, in order; one block may
 *  be several pools'. */
CT_CHECKED enum ct_result ct_pool_blocks_open(struct ct_db *db, int64_t first, int64_t last,
                                              struct ct_stmt **out);
/** Of the row that @p stmt stands on. */
CT_CHECKED enum ct_result ct_pool_block_read(struct ct_stmt *stmt, struct ct_pool_block *out);
/** Adds the numbers whose quarantine is over at @p now_ms to the free ones. */
CT_CHECKED enum ct_result ct_pool_block_thaw(struct ct_db *db, struct ct_pool_block *block,
                                             int64_t now_ms);

#endif
