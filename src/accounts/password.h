#ifndef CT_ACCOUNTS_PASSWORD_H
#define CT_ACCOUNTS_PASSWORD_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"

/** bcrypt reads this many bytes of a password and no more. */
#define CT_BCRYPT_MAX_BYTES 72

/** Hashes a password with a fresh salt: argon2id (RFC 9106; m = 19,456 KiB, t = 2, p = 1, OWASP's
 * first choice) as a PHC string, or bcrypt at cost 12 as "$2b$12$…". The text is in @p arena. Takes
 * tens to hundreds of milliseconds. CT_INVALID when bcrypt cannot take the password whole (over 72
 * bytes, or a NUL in it), CT_NOMEM, CT_IO. */
CT_CHECKED enum ct_result ct_password_hash(struct ct_arena *arena, enum ct_password_hash kind,
                                           struct ct_str password, struct ct_str *out);

/** Compares a password with a stored hash: $argon2id$…, $2a$, $2b$, $2y$. @p outdated says that the
 * hash is not of the kind and cost that ct_password_hash makes now. CT_DENIED when it does not
 * match or the stored text is no hash; CT_NOMEM. A bcrypt hash is compared with the first 72 bytes,
 * as every bcrypt did when it was made; a password with a NUL never matches one. */
CT_CHECKED enum ct_result ct_password_verify(enum ct_password_hash kind, struct ct_str password,
                                             struct ct_str stored, bool *outdated);

/** Spends the time of a comparison that fails, for a user who does not exist: against @p like, a
 * stored hash of the form that such a user would have, or the current kind when it is empty. */
void ct_password_spend(enum ct_password_hash kind, struct ct_str password, struct ct_str like);

#endif
