#ifndef CT_ACCOUNTS_TOKEN_CACHE_H
#define CT_ACCOUNTS_TOKEN_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "accounts/token.h"
#include "base/arena.h"
#include "base/text.h"

/**
 * Tokens whose signature was found good lately, so that a client that sends the same one again costs no
 * signature and no parser. It remembers what a token says, never whether it may still be used: expiry is
 * judged at every look, and whether it was revoked and the user exists by whoever asks. Of a bounded size
 * that is taken as it is needed; safe from any thread.
 */
struct ct_token_cache;

/** An empty cache in @p arena, or NULL without memory. ct_token_cache_end comes before the arena's. */
struct ct_token_cache *ct_token_cache_new(struct ct_arena *arena);
/** Forgets all tokens. NULL is allowed. */
void ct_token_cache_end(struct ct_token_cache *cache);
/** Whether just this token is known and not expired at @p now_s; @p out then has its claims, the id (jti) in
 *  @p arena. Also false without memory. */
bool ct_token_cache_find(struct ct_token_cache *cache, struct ct_arena *arena, struct ct_str token,
                         int64_t now_s, struct ct_claims *out);
/** Remembers a token that ct_token_verify has accepted. One of over 1,024 bytes, or with an id of over 43,
 *  is not; nor is any without memory. */
void ct_token_cache_put(struct ct_token_cache *cache, struct ct_str token,
                        const struct ct_claims *claims);

#endif
