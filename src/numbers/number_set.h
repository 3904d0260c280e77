#ifndef CT_NUMBERS_NUMBER_SET_H
#define CT_NUMBERS_NUMBER_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"

/** Numbers are kept in blocks of a thousand: block 49301200 is 49301200000 to 49301200999. */
#define CT_BLOCK_SIZE 1000

/** The block of a number. */
static inline int64_t ct_number_block(int64_t number)
{
    return number / CT_BLOCK_SIZE;
}

/** Any numbers of one block, by their last three digits. */
struct ct_number_set {
    uint64_t words[16];
};

/** Text of 250 hexadecimal digits: the lowest bit of the first one is the number that ends in 000. */
#define CT_NUMBER_SET_TEXT 250

bool ct_number_set_has(const struct ct_number_set *set, int64_t index);
void ct_number_set_add(struct ct_number_set *set, int64_t index);
void ct_number_set_remove(struct ct_number_set *set, int64_t index);
/** Adds @p first to @p last. */
void ct_number_set_add_range(struct ct_number_set *set, int64_t first, int64_t last);
/** Adds what is in @p other; removes what is not. */
void ct_number_set_unite(struct ct_number_set *set, const struct ct_number_set *other);
void ct_number_set_intersect(struct ct_number_set *set, const struct ct_number_set *other);
int64_t ct_number_set_count(const struct ct_number_set *set);
/** The first index from @p from on, or CT_BLOCK_SIZE. */
int64_t ct_number_set_next(const struct ct_number_set *set, int64_t from);

/** The text of a set. */
void ct_number_set_write(const struct ct_number_set *set, char out[CT_NUMBER_SET_TEXT]);
/** CT_BUG when it is no such text. */
CT_CHECKED enum ct_result ct_number_set_read(struct ct_str text, struct ct_number_set *out);

#endif
