#ifndef CT_ACCOUNTS_KEY_PAIR_H
#define CT_ACCOUNTS_KEY_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"

/**
 * An RSA key for RS256 (RFC 7518 section 3.3) or a P-256 key for ES256 (section 3.4), from a PEM file. It
 * does not change once it is read and may be used by any number of threads.
 */
struct ct_key_pair;

/** Reads a private key, or a public one, which can verify only. CT_INVALID when the file has no key of
 *  these two kinds, CT_IO when it cannot be read; @p why (in @p arena) then says so in one line that names
 *  @p setting and the file. CT_NOMEM. The owner ends it with ct_key_pair_end, before the arena. */
CT_CHECKED enum ct_result ct_key_pair_read(struct ct_arena *arena, const char *setting,
                                           const char *path, struct ct_key_pair **out,
                                           const char **why);
/** Forgets the private key: what is left verifies only. */
void ct_key_pair_drop_private(struct ct_key_pair *pair);
/** Wipes what is secret. NULL is allowed. */
void ct_key_pair_end(struct ct_key_pair *pair);

/** CT_RS256 or CT_ES256. */
enum ct_algorithm ct_key_pair_algorithm(const struct ct_key_pair *pair);
bool ct_key_pair_is_private(const struct ct_key_pair *pair);
/** Its thumbprint by SHA-256 (RFC 7638) in base64url. */
struct ct_str ct_key_pair_id(const struct ct_key_pair *pair);
/** The bytes of a signature as it is in a token. */
size_t ct_key_pair_size(const struct ct_key_pair *pair);

/** Signs @p text; @p out has room for ct_key_pair_size bytes. CT_NOMEM; CT_IO (no randomness). Not for a
 *  key that only verifies. */
CT_CHECKED enum ct_result ct_key_pair_sign(const struct ct_key_pair *pair, struct ct_str text,
                                           uint8_t *out);
/** CT_DENIED when @p signature is not this key's for @p text; CT_NOMEM. */
CT_CHECKED enum ct_result ct_key_pair_verify(const struct ct_key_pair *pair, struct ct_str text,
                                             struct ct_str signature);
/** Appends the public key as a JWK (RFC 7517 section 4). */
void ct_key_pair_jwk(const struct ct_key_pair *pair, struct ct_buf *out);

#endif
