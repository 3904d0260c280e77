#ifndef CT_NUMBERS_INVENTORY_H
#define CT_NUMBERS_INVENTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"
#include "store/store.h"

/**
 * What the pools hold, and what of it is taken. Whoever changes the state of a number tells the
 * inventory in the same transaction; a number of no pool costs one indexed read. Numbers are
 * integers of their digits: E.164 has at most 15, the first not 0.
 */

/** The integer of a plain E.164 number, 0 for what is none; and back. */
int64_t ct_number_digits(struct ct_str e164);
CT_CHECKED enum ct_result ct_number_e164(struct ct_arena *arena, int64_t digits,
                                         struct ct_str *out);

/** Whether a pool holds the number. */
CT_CHECKED enum ct_result ct_inventory_holds(struct ct_db *db, struct ct_str e164, bool *out);
/** The number is taken from now on: @p free_at_ms is when a quarantine ends, CT_NO_TIME for good. Also
 *  to change one into the other. Does nothing for a number of no pool. */
CT_CHECKED enum ct_result ct_inventory_take(struct ct_db *db, struct ct_str e164,
                                            int64_t free_at_ms);
/** The number is free again. Does nothing for a number of no pool, or one that is free. */
CT_CHECKED enum ct_result ct_inventory_free(struct ct_db *db, struct ct_str e164);
/** Takes the numbers of the rows of a statement that has been bound: its columns are the number and when its
 *  quarantine ends, NULL for good. None of them may be in quarantine so far. Fast when they are in
 *  order: then each block of a pool is written once. */
CT_CHECKED enum ct_result ct_inventory_take_all(struct ct_db *db, struct ct_stmt *rows);
/** Every number of an account goes into quarantine until @p free_at_ms, before their rows are changed. */
CT_CHECKED enum ct_result ct_inventory_release_all(struct ct_db *db, int64_t user_id,
                                                   int64_t free_at_ms);

#endif
