#ifndef CT_NUMBERS_POOL_PIECES_H
#define CT_NUMBERS_POOL_PIECES_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "numbers/plan.h"

/** The most numbers that one range may have. */
#define CT_POOL_RANGE_MAX 10000000

/** Numbers in a row, as integers of their digits. */
struct ct_pool_piece {
    int64_t first;
    int64_t last;
    /** Of all of them: ISO 3166-1 alpha-2, or "--" when they have none; zeros when they differ, or
     *  when nobody was asked. */
    char country[2];
};

/** What a pool is made of. */
struct ct_pool_pieces {
    struct ct_pool_piece *at; /* in order, none overlapping another */
    size_t count;
    int64_t size;    /* how many numbers these are */
    int64_t ranges;  /* how many these are when neighbours are counted as one */
    char country[2]; /* of all; zeros when they differ or have none */
};

/** Brings pieces in any order into order; what is there twice counts once, and neighbours are joined. The
 *  array is changed. At least one. */
void ct_pool_pieces_sort(struct ct_pool_piece *pieces, size_t count, struct ct_pool_pieces *out);
/** Finds out the countries: pieces whose ends are of different ones are split where that changes. The pieces
 *  are replaced by new ones in @p arena. Without the numbering plans nothing is found out. CT_NOMEM. */
CT_CHECKED enum ct_result ct_pool_pieces_describe(struct ct_plan *plan, struct ct_arena *arena,
                                                  struct ct_pool_pieces *pieces);

#endif
