#ifndef CT_NUMBERS_POOLS_H
#define CT_NUMBERS_POOLS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "http/route.h"
#include "numbers/pool_pieces.h"
#include "store/store.h"

/** A pool: numbers that accounts can choose from. */
struct ct_pool_row {
    int64_t id;
    struct ct_str name;
    int64_t size;
    int64_t taken; /* of them: what somebody has, is in quarantine, or reserved */
    struct ct_str first;
    struct ct_str last;
    struct ct_str country; /* of all its numbers; `at` NULL when they differ or have none */
    int64_t ranges;
    int64_t created_at;
};

/** How a pool begins: its row. */
struct ct_pool_new {
    struct ct_str name;
    const struct ct_pool_pieces *pieces; /* all of them */
    int64_t created_at;
    int64_t import_id; /* not 0: nobody sees it yet */
};

/** Writes the row of a new pool, whose numbers ct_pool_add adds. CT_CONFLICT when the name is taken. */
CT_CHECKED enum ct_result ct_pool_begin(struct ct_db *db, const struct ct_pool_new *pool,
                                        int64_t *id);
/** Adds numbers to a pool; those that exist count as taken. CT_CONFLICT when one is in a pool: @p overlap is
 *  which. */
CT_CHECKED enum ct_result ct_pool_add(struct ct_db *db, int64_t pool_id,
                                      const struct ct_pool_piece *pieces, size_t count,
                                      int64_t *overlap);
/** Whether any pool, but for those of the import @p own_import (0: none), has a number of a range: one that it
 *  has, or 0; and the pool's name in @p arena, `at` NULL when it is not complete yet. A range of that
 *  import must begin where the asked one does, or before. */
CT_CHECKED enum ct_result ct_pool_overlap(struct ct_arena *arena, struct ct_db *db, int64_t first,
                                          int64_t last, int64_t own_import, int64_t *number,
                                          struct ct_str *name);
/** The pools behind @p after_id, at most @p limit of them, in the order of their ids. */
CT_CHECKED enum ct_result ct_pool_list(struct ct_arena *arena, struct ct_db *db, int64_t after_id,
                                       size_t limit, int64_t now_ms, struct ct_pool_row *out,
                                       size_t *count);
/** Deletes a pool; numbers that somebody has stay theirs. Of a very large one some rows are left, which nobody
 *  sees: see numbers/pool_discard.h. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_pool_delete(struct ct_arena *arena, struct ct_db *db, int64_t id,
                                         struct ct_str *name);

/* The routes of this room. The room of all of them is a struct ct_numbers. */
/** /number_pools. */
extern const struct ct_route ct_pools_routes[];
extern const size_t ct_pools_route_count;

#endif
