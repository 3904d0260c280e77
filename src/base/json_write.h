#ifndef CT_BASE_JSON_WRITE_H
#define CT_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/**
 * Writes a JSON text (RFC 8259) piece by piece and sets the commas. A want of memory shows in
 * `text.failed`, at the end. @p name is that of a member, or NULL for an element and for the whole.
 */
struct ct_json_out {
    struct ct_buf text;
    bool comma; /* one is due before the next value */
};

/** What a value begins with; the value is appended to `text` by whoever calls. */
void ct_json_begin(struct ct_json_out *out, const char *name);
/** @p bracket is '{' or '['; the matching one closes. */
void ct_json_open(struct ct_json_out *out, const char *name, char bracket);
void ct_json_close(struct ct_json_out *out, char bracket);
void ct_json_text(struct ct_json_out *out, const char *name, const char *text);
void ct_json_int(struct ct_json_out *out, const char *name, int64_t number);
/** A value that is JSON already. */
void ct_json_raw(struct ct_json_out *out, const char *name, const char *json);

/** Appends a JSON text without white space, for people: each member and element on a line of its own. */
void ct_json_indent(struct ct_buf *out, struct ct_str json);

#endif
