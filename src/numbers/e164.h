#ifndef CT_NUMBERS_E164_H
#define CT_NUMBERS_E164_H

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"

/** What a normalized number looks like (ITU-T E.164: at most 15 digits). */
#define CT_E164_PATTERN "^\\+[1-9][0-9]{1,14}$"

/** Brings a number to its plain form: spaces, dots, dashes and parentheses are dropped, also those that
 *  come along from web pages (the no-break spaces U+00A0 and U+202F, the dashes U+2010 to U+2013); what
 *  then begins with "00" begins with "+" instead. Digits are ASCII. The result is in @p arena.
 *  CT_INVALID when that is not an E.164 number, CT_NOMEM. */
CT_CHECKED enum ct_result ct_e164_normalize(struct ct_arena *arena, struct ct_str in,
                                            struct ct_str *out);

#endif
