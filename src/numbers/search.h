#ifndef CT_NUMBERS_SEARCH_H
#define CT_NUMBERS_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "numbers/plan.h"
#include "store/store.h"

/** Which numbers of the pools are wanted. Each text may be empty; they are as numbers/filter.h
 *  normalizes them, and borrowed. */
struct ct_search {
    struct ct_str country;
    struct ct_str prefix;
    struct ct_str contains;
    struct ct_plan *plan; /* knows the countries; borrowed */
    int64_t now_ms;       /* quarantines that are over by then are */
    int64_t work; /* how many blocks to look at at most before the search pauses; 0 is no bound */
};

struct ct_search_result {
    size_t count;
    int64_t
        reached; /* where to go on: what is not above it was looked at; CT_NUMBER_MAX at the end */
    int64_t looked_at; /* at how many blocks */
};

/** Finds free numbers above @p after, in their order, at most @p limit of them, as integers of their digits.
 *  Thousands of which nothing is free are not read, and so are those without a number that fits: what
 *  remains is one row and some 100 operations on words for each thousand numbers, whatever is taken
 *  of them. CT_NOMEM, CT_UNAVAILABLE. */
CT_CHECKED enum ct_result ct_search(struct ct_db *db, struct ct_arena *arena,
                                    const struct ct_search *search, int64_t after, size_t limit,
                                    int64_t *numbers, struct ct_search_result *out);

#endif
