#ifndef CT_SIP_DIGEST_TEXT_H
#define CT_SIP_DIGEST_TEXT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"

/* The form of the headers of digest authentication: for digest.c alone. */

struct ct_digest_param {
    struct ct_str name;  /* as it stands in the header */
    struct ct_str value; /* in the arena, without quotes and escapes */
};

/** Whether the scheme is Digest; @p rest is then what follows. */
bool ct_digest_text_begin(struct ct_str value, struct ct_str *rest);
/** The next parameter: CT_ROW when another one follows, CT_OK when it is the last. CT_INVALID, CT_NOMEM. */
CT_CHECKED enum ct_result ct_digest_text_next(struct ct_arena *arena, struct ct_str *rest,
                                              struct ct_digest_param *out);
/** Whether a list of tokens separated by commas has this one. */
bool ct_digest_text_lists(struct ct_str list, struct ct_str word);
/** Appends `before"value"` with the escapes of a quoted-string. */
void ct_digest_text_quoted(struct ct_buf *out, const char *before, struct ct_str value);

#endif
