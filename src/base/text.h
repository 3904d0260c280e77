#ifndef CT_BASE_TEXT_H
#define CT_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"

/** Bytes with a length, owned by somebody else. Not terminated; may hold NUL bytes. */
struct ct_str {
    const char *at;
    size_t len;
};

/** A ct_str of a string literal. */
#define CT_STR(literal) ((struct ct_str){(literal), sizeof(literal) - 1})

/** A ct_str of a terminated string; NULL gives the empty one. Borrows @p text. */
struct ct_str ct_str_of(const char *text);
bool ct_str_equal(struct ct_str a, struct ct_str b);
/** Equal without regard to the case of A-Z. */
bool ct_str_equal_nocase(struct ct_str a, struct ct_str b);
/** Compares secrets in time that depends on the lengths alone. */
bool ct_str_equal_secret(struct ct_str a, struct ct_str b);
/** A terminated copy in @p arena, or NULL without memory. */
char *ct_str_dup(struct ct_arena *arena, struct ct_str text);

/** Whether @p text is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool ct_utf8_valid(struct ct_str text);
/** The number of code points in well-formed UTF-8. */
size_t ct_utf8_length(struct ct_str text);
/** Whether well-formed UTF-8 holds a control character (Unicode category Cc). */
bool ct_utf8_has_control(struct ct_str text);
/** Folds case by the Unicode rules with NFKC, so that names compare without regard to case.
 *  The result is in @p arena. CT_INVALID for ill-formed UTF-8, CT_NOMEM. */
CT_CHECKED enum ct_result ct_utf8_casefold(struct ct_arena *arena, struct ct_str text,
                                           struct ct_str *out);

/** Reads a whole decimal number: optional '-', then digits only. CT_INVALID for anything else,
 *  CT_BUSY never; CT_NOT_FOUND when it is a number but does not fit. */
CT_CHECKED enum ct_result ct_int_parse(struct ct_str text, int64_t *out);

/** The value of a hexadecimal digit in either case, or -1. */
int ct_hex_value(char c);

/** base64url without padding (RFC 4648 section 5). The result is in @p arena; NULL without memory.
 */
char *ct_base64url(struct ct_arena *arena, const void *data, size_t size);
/** The reverse. CT_INVALID for any character outside the alphabet, padding, or stray bits. */
CT_CHECKED enum ct_result ct_base64url_decode(struct ct_arena *arena, struct ct_str text,
                                              struct ct_str *out);

/** A growing text in an arena. Once an append failed for memory, `failed` stays set and further
 *  appends do nothing: check it once, at the end. */
struct ct_buf {
    struct ct_arena *arena;
    char *at;
    size_t len;
    size_t capacity;
    bool failed;
};

struct ct_buf ct_buf_in(struct ct_arena *arena);
void ct_buf_add(struct ct_buf *buf, const void *data, size_t size);
void ct_buf_str(struct ct_buf *buf, struct ct_str text);
void ct_buf_text(struct ct_buf *buf, const char *text);
void ct_buf_char(struct ct_buf *buf, char c);
void ct_buf_int(struct ct_buf *buf, int64_t value);
/** The same with zeros in front, up to @p width digits (at most 18). */
void ct_buf_digits(struct ct_buf *buf, int64_t value, int width);
void ct_buf_printf(struct ct_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void ct_buf_vprintf(struct ct_buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/** Appends @p text as a JSON string with its quotes (RFC 8259 section 7). Ill-formed UTF-8 comes
 * out as U+FFFD, so that a reply is always valid JSON. */
void ct_buf_json(struct ct_buf *buf, struct ct_str text);
/** Appends @p before and a member's name, which needs no escapes, with its quotes and colon: ,"name": */
void ct_buf_member(struct ct_buf *buf, char before, const char *name);
/** Appends a time in milliseconds since 1970 as RFC 3339 in UTC: 2026-01-31T12:00:00.000Z. */
void ct_buf_time(struct ct_buf *buf, int64_t unix_ms);
/** What has been written, terminated by a NUL that the length does not count. */
struct ct_str ct_buf_done(struct ct_buf *buf);

#endif
