#ifndef CT_ACCOUNTS_TOKEN_KEYS_H
#define CT_ACCOUNTS_TOKEN_KEYS_H

#include <stddef.h>

#include "accounts/signing_key.h"
#include "accounts/token.h"
#include "base/text.h"

/** What token.h only names, for token.c and token_keys.c. */

/* The key in use, a secret of before for three algorithms, a pair of before. */
#define CT_TOKEN_KEYS_MOST 5

struct ct_token_key {
    struct ct_signing_key *key;
    struct ct_str header; /* of the tokens it signs, in base64url */
};

struct ct_token_keys {
    struct ct_token_key at[CT_TOKEN_KEYS_MOST]; /* the first signs, all verify */
    size_t count;
};

#endif
