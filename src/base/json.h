#ifndef CT_BASE_JSON_H
#define CT_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"

/*
 * JSON texts (RFC 8259), read where they stand: nothing is allocated until a string is asked for.
 * jansson does not do this, because without memory its reader loses characters of a string, or writes
 * behind its end (2.14, load.c, lex_save).
 */

enum ct_json_kind {
    CT_JSON_OBJECT,
    CT_JSON_ARRAY,
    CT_JSON_STRING,
    CT_JSON_INTEGER, /* a number without a fraction and an exponent */
    CT_JSON_REAL,
    CT_JSON_TRUE,
    CT_JSON_FALSE,
    CT_JSON_NULL,
};

/** A value that has been read. Borrows the text. */
struct ct_json {
    enum ct_json_kind kind;
    struct ct_str text; /* as it was written, a string with its quotes */
};

/** Why a text is no JSON. */
struct ct_json_fault {
    size_t at;       /* the byte at which it is wrong */
    const char *why; /* a few words, static */
};

/** Reads a whole text: one value, with blanks around it. False: it is none, and @p fault says why. Also
 *  what is nested more than 1,000 deep, and half a surrogate pair, are none. */
bool ct_json_read(struct ct_str text, struct ct_json *out, struct ct_json_fault *fault);
/** The members of an object, in their order; @p at is 0 for the first and kept between the calls. False
 *  behind the last. */
bool ct_json_next_member(struct ct_json object, size_t *at, struct ct_json *name,
                         struct ct_json *value);
/** The elements of an array, in the same way. */
bool ct_json_next_element(struct ct_json array, size_t *at, struct ct_json *value);
/** What a string says, its escapes resolved, terminated, in @p arena. CT_NOMEM. */
CT_CHECKED enum ct_result ct_json_string(struct ct_arena *arena, struct ct_json string,
                                         struct ct_str *out);

#endif
