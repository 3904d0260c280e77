#ifndef CT_ACCOUNTS_KEY_TEXT_H
#define CT_ACCOUNTS_KEY_TEXT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"

/**
 * The text of an API key: "ctk_", 32 characters that are 24 random bytes, and 6 that are the CRC-32 of
 * all before them, both in base64url (RFC 4648 section 5). The prefix lets scanners find a key that was
 * published by mistake; the checksum tells a mistyped one without a look into the database. Neither makes
 * it secret: the 192 random bits do.
 */
#define CT_KEY_TEXT_PREFIX "ctk_"
#define CT_KEY_TEXT_LENGTH ((size_t)42)

/** Makes a new key, in @p arena. CT_NOMEM, CT_IO. */
CT_CHECKED enum ct_result ct_key_text_make(struct ct_arena *arena, struct ct_str *out);
/** Whether this could be a key: prefix, length, alphabet and checksum are right. */
bool ct_key_text_wellformed(struct ct_str text);
/** What is stored in place of a key: the SHA-256 of the whole text, in base64url (43 characters, in
 *  @p arena). No salt and no slow hash: 192 random bits are not guessed. CT_NOMEM. */
CT_CHECKED enum ct_result ct_key_text_hash(struct ct_arena *arena, struct ct_str text,
                                           struct ct_str *out);
/** What a list shows of a well-formed key, so that its owner knows it again: its first 8 characters and
 *  "…" (U+2026), in @p arena. 168 random bits stay unknown. CT_NOMEM. */
CT_CHECKED enum ct_result ct_key_text_hint(struct ct_arena *arena, struct ct_str text,
                                           struct ct_str *out);

#endif
