#ifndef CT_NUMBERS_FILTER_H
#define CT_NUMBERS_FILTER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"

/**
 * What searches for numbers ask for, and whether a number is such a one. Each `normalize` is one of
 * struct ct_field: CT_INVALID when the text does not match the pattern, CT_NOMEM.
 */

/** A country by its ISO 3166-1 alpha-2 code, brought to upper case. */
#define CT_COUNTRY_PATTERN "^[A-Za-z]{2}$"
CT_CHECKED enum ct_result ct_country_normalize(struct ct_arena *arena, struct ct_str in,
                                               struct ct_str *out);

/** The digits that a number begins with. A "+" in front is dropped, and so is a blank, which is what a "+"
 *  in a query stands for. */
#define CT_PREFIX_PATTERN "^[+ ]?[0-9]{1,15}$"
CT_CHECKED enum ct_result ct_prefix_normalize(struct ct_arena *arena, struct ct_str in,
                                              struct ct_str *out);

/** Digits that a number has somewhere in a row; a "*" is any one digit. */
#define CT_CONTAINS_PATTERN "^(?=.*[0-9])[0-9*]{1,15}$"
CT_CHECKED enum ct_result ct_contains_normalize(struct ct_arena *arena, struct ct_str in,
                                                struct ct_str *out);

/** Whether a plain E.164 number has the prefix and the digits, both normalized; an empty one fits all. */
bool ct_number_has_prefix(struct ct_str e164, struct ct_str prefix);
bool ct_number_contains(struct ct_str e164, struct ct_str contains);

#endif
