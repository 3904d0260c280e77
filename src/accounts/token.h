#ifndef CT_ACCOUNTS_TOKEN_H
#define CT_ACCOUNTS_TOKEN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"

/**
 * Access tokens: JWTs (RFC 7519) signed as RFC 7515 and RFC 7518 say, and the keys for them.
 *
 * The key that signs, and those that it replaced: tokens that they signed stay valid for as long as they
 * are among the settings. Keys do not change once they are loaded and may be used by any number of
 * threads.
 */
struct ct_token_keys;

/** Loads the keys that the settings name.
 *
 *  ALGORITHM is that of the key that signs: SECRET_KEY for HS256, HS384 and HS512, JWT_PRIVATE_KEY_FILE for
 *  RS256 (RSA, 2,048 to 8,192 bits) and ES256 (P-256). SECRET_KEY_PREVIOUS verifies too: with the same
 *  algorithm when that is an HMAC, and with each HMAC for which it is long enough when it is not. So does
 *  JWT_PREVIOUS_KEY_FILE, a private or public key: RS256 when it is RSA, ES256 when it is P-256.
 *
 *  What is in @p arena must be freed with ct_token_keys_free first. CT_INVALID for a key that cannot be
 *  used, CT_IO for a file that cannot be read: @p why (in @p arena, or static) then is one line that names
 *  the setting, and the file if there is one. CT_NOMEM. */
CT_CHECKED enum ct_result ct_token_keys_load(struct ct_arena *arena, const struct ct_config *config,
                                             struct ct_token_keys **out, const char **why);
/** Wipes what is secret. NULL is allowed. */
void ct_token_keys_free(struct ct_token_keys *keys);
/** The public keys as a JWK Set (RFC 7517 section 5), JSON text in @p arena: those with which others can
 *  verify tokens, so none of a secret. CT_NOMEM. */
CT_CHECKED enum ct_result ct_token_jwks(struct ct_arena *arena, const struct ct_token_keys *keys,
                                        struct ct_str *out);

/** The claims this program issues and asks for. Times are seconds since 1970. */
struct ct_claims {
    int64_t user_id;    /* sub, as a decimal string */
    int64_t issued_at;  /* iat; 0 when the token has none */
    int64_t expires_at; /* exp */
    int64_t
        login_at;  /* auth_time (OpenID Connect Core section 2): when a password was last given; as
                           issued_at when the token has none */
    int64_t epoch; /* epoch: how often the user had logged out everywhere; 0 when it has none */
    struct ct_str id; /* jti; empty when the token has none */
};

/** Signs a token with these claims and an id of its own, 128 random bits (what @p claims has as its id is not
 *  looked at). The text is in @p arena. CT_INVALID when a claim is one that ct_token_verify would refuse: a
 *  time before 1970 or after the year 9999, a user id below 1, an epoch below 0. CT_NOMEM, CT_IO (no
 *  randomness). */
CT_CHECKED enum ct_result ct_token_issue(struct ct_arena *arena, const struct ct_token_keys *keys,
                                         const struct ct_claims *claims, struct ct_str *out);

/** Checks form, algorithm, signature and expiry at @p now_s. CT_DENIED for anything not as issued: an
 *  algorithm that is not that of one of the keys, or none, a `kid` that is none of theirs, a `crit` header,
 *  no `exp`, a `sub` that is no positive id, an `nbf` ahead, an `aud`, a claim twice, trailing bytes, a
 *  signature cut or padded, over 4,096 bytes. A token without `kid` may be of any of the keys. What @p out
 *  points to is in @p arena. CT_NOMEM.
 *
 *  The text of a token does not identify it, its `jti` does: whoever has an ES256 token can write another
 *  signature to it that is right. */
CT_CHECKED enum ct_result ct_token_verify(struct ct_arena *arena, const struct ct_token_keys *keys,
                                          struct ct_str token, int64_t now_s,
                                          struct ct_claims *out);

#endif
