#ifndef CT_ACCOUNTS_TOKEN_H
#define CT_ACCOUNTS_TOKEN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"

/** Access tokens: JWT (RFC 7519) signed with HMAC (RFC 7518 section 3.2). */
struct ct_token_key {
    enum ct_algorithm algorithm; /* the only one accepted */
    struct ct_str secret;        /* borrowed */
};

/** The claims this program issues and asks for. */
struct ct_claims {
    int64_t user_id;    /* sub, as a decimal string */
    int64_t issued_at;  /* iat, seconds since 1970; 0 when the token has none */
    int64_t expires_at; /* exp, seconds since 1970 */
    struct ct_str id;   /* jti; empty when the token has none */
};

/** Signs a token for @p user_id that is valid for @p lifetime_s seconds from @p now_s. The text is in
 *  @p arena. CT_INVALID when it would end after the year 9999, CT_NOMEM, CT_IO (no randomness). */
CT_CHECKED enum ct_result ct_token_issue(struct ct_arena *arena, const struct ct_token_key *key,
                                         int64_t user_id, int64_t now_s, int64_t lifetime_s,
                                         struct ct_str *out);

/** Checks form, algorithm, signature and expiry at @p now_s. CT_DENIED for anything not as issued:
 *  another algorithm or none, a `crit` header, no `exp`, a `sub` that is no positive id, an `nbf` ahead,
 *  an `aud`, a claim twice, trailing bytes, a signature cut or padded, over 4,096 bytes. What @p out
 *  points to is in @p arena. CT_NOMEM. */
CT_CHECKED enum ct_result ct_token_verify(struct ct_arena *arena, const struct ct_token_key *key,
                                          struct ct_str token, int64_t now_s,
                                          struct ct_claims *out);

#endif
