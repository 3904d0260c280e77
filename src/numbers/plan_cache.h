#ifndef CT_NUMBERS_PLAN_CACHE_H
#define CT_NUMBERS_PLAN_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "numbers/plan_module.h"

/**
 * Answers about numbers that were asked for lately. Of a fixed size, 1 MiB, of which only what was once
 * written takes memory. Safe from any thread.
 */
struct ct_plan_cache;

/** An empty cache, or NULL without memory. The owner frees it with ct_plan_cache_free. */
struct ct_plan_cache *ct_plan_cache_new(void);
void ct_plan_cache_free(struct ct_plan_cache *cache);
/** Whether the answer for this number is known. @p number is all digits of an E.164 number, read as a
 *  decimal number, which is never 0. */
bool ct_plan_cache_find(struct ct_plan_cache *cache, uint64_t number, struct ct_plan_answer *out);
/** Remembers an answer in place of the one that was there. */
void ct_plan_cache_put(struct ct_plan_cache *cache, uint64_t number,
                       const struct ct_plan_answer *answer);
/** Where a number's answer is kept, so that a test can find two for one place. */
size_t ct_plan_cache_place(uint64_t number);

#endif
