#ifndef CT_NUMBERS_CLAIM_H
#define CT_NUMBERS_CLAIM_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "http/route.h"
#include "numbers/search.h"
#include "store/store.h"

/** Gives @p quantity free numbers that fit to a user, the first ones in their order: @p ids, room for as
 *  many. CT_CONFLICT when there are fewer; @p count is then how many, and the caller's transaction must not
 *  be kept. CT_NOT_FOUND when there is no such user. */
CT_CHECKED enum ct_result ct_claim(struct ct_db *db, struct ct_arena *arena,
                                   const struct ct_search *search, int64_t user_id, size_t quantity,
                                   int64_t *ids, size_t *count);
/** Counts a claim among those of the day (of UTC) and answers how many the user claimed in it. */
CT_CHECKED enum ct_result ct_claim_count(struct ct_db *db, int64_t user_id, int64_t now_ms,
                                         int64_t quantity, int64_t *out);

/* The routes of this room. The room of all of them is a struct ct_numbers. */
/** GET /available_phone_numbers, POST /phone_numbers/claim. */
extern const struct ct_route ct_claim_routes[];
extern const size_t ct_claim_route_count;

#endif
