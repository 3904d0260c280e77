#ifndef CT_NUMBERS_NUMBER_MASK_H
#define CT_NUMBERS_NUMBER_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "numbers/number_set.h"

#define CT_NUMBER_MAX_DIGITS 15
/** The largest number that E.164 has room for. */
#define CT_NUMBER_MAX INT64_C(999999999999999)

/**
 * What a search asks of the digits of a number: how they begin, and what is somewhere among them. It finds
 * the numbers that fit without looking at those that do not. Numbers are integers of their digits.
 */
struct ct_number_mask {
    size_t prefix_len;
    size_t contains_len;
    int8_t prefix[CT_NUMBER_MAX_DIGITS];
    int8_t contains[CT_NUMBER_MAX_DIGITS]; /* -1: any one digit */
};

/** Makes one of texts in the form of ct_prefix_normalize and ct_contains_normalize (numbers/filter.h);
 *  an empty one fits all. */
struct ct_number_mask ct_number_mask_make(struct ct_str prefix, struct ct_str contains);
bool ct_number_mask_fits(const struct ct_number_mask *mask, int64_t number);
/** The smallest number from @p from to @p last that fits, or -1. Its time depends on the number of digits
 *  alone. */
int64_t ct_number_mask_next(const struct ct_number_mask *mask, int64_t from, int64_t last);

/** Finds the numbers of whole blocks. Owns nothing; the mask is borrowed. Zeroed but for the mask. */
struct ct_mask_blocks {
    const struct ct_number_mask *mask;
    size_t digits; /* of the numbers that the rest was made for */
    size_t count;  /* of the places where `contains` can be */
    struct {
        int8_t digits[CT_NUMBER_MAX_DIGITS]; /* -1: any */
        struct ct_number_set ends;           /* what the last three digits may be */
    } places[CT_NUMBER_MAX_DIGITS];
};

/** The numbers of a block that fit. */
void ct_mask_block(struct ct_mask_blocks *blocks, int64_t block, struct ct_number_set *out);

#endif
