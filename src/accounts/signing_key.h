#ifndef CT_ACCOUNTS_SIGNING_KEY_H
#define CT_ACCOUNTS_SIGNING_KEY_H

#include <stdint.h>

#include "accounts/key_pair.h"
#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"

/**
 * One key and the one algorithm that it is for (RFC 7518 section 3.1): a secret for HS256, HS384 or
 * HS512, or a key pair for RS256 or ES256. What a token says of itself never decides how a key is used.
 * A key does not change once it is made and may be used by any number of threads.
 */
struct ct_signing_key;

/** A key for an HMAC. @p secret is not kept. CT_INVALID when it is empty or the algorithm is no HMAC,
 *  CT_NOMEM. The owner ends it with ct_signing_key_end, before the arena. */
CT_CHECKED enum ct_result ct_signing_key_of_secret(struct ct_arena *arena,
                                                   enum ct_algorithm algorithm,
                                                   struct ct_str secret,
                                                   struct ct_signing_key **out);
/** A key that is a pair, which is then the key's; when this fails it is ended. CT_NOMEM. */
CT_CHECKED enum ct_result ct_signing_key_of_pair(struct ct_arena *arena, struct ct_key_pair *pair,
                                                 struct ct_signing_key **out);
/** Wipes what is secret. NULL is allowed. */
void ct_signing_key_end(struct ct_signing_key *key);

/** The name of an algorithm: "HS256". */
struct ct_str ct_algorithm_name(enum ct_algorithm algorithm);
/** The name of the key's. */
struct ct_str ct_signing_key_algorithm(const struct ct_signing_key *key);
/** Its `kid`, base64url: the thumbprint of a public key (RFC 7638, SHA-256); for a secret, the same for
 *  each algorithm, 64 bits of an HMAC under it. */
struct ct_str ct_signing_key_id(const struct ct_signing_key *key);
/** The bytes of a signature. */
size_t ct_signing_key_size(const struct ct_signing_key *key);

/** Signs @p text; @p out has room for ct_signing_key_size bytes. CT_NOMEM, CT_IO: a secret never fails.
 *  Not for a key that only verifies. */
CT_CHECKED enum ct_result ct_signing_key_sign(const struct ct_signing_key *key, struct ct_str text,
                                              uint8_t *out);
/** CT_DENIED when @p signature is not this key's for @p text; CT_NOMEM. */
CT_CHECKED enum ct_result ct_signing_key_verify(const struct ct_signing_key *key,
                                                struct ct_str text, struct ct_str signature);

/** The pair, or NULL for a secret. */
const struct ct_key_pair *ct_signing_key_pair(const struct ct_signing_key *key);

#endif
