#include "accounts/token.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NOW INT64_C(1700000000)
#define SECRET_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* 48 bytes */
#define SECRET_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define SECRET_64 "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

/* Which keys verify which tokens after a key was changed. */

static const struct ct_claims claims = {
    .user_id = 42, .issued_at = NOW, .expires_at = NOW + 1800, .login_at = NOW - 60, .epoch = 1};

/* Fails with what the case is about, so that one in a table can be told from the others. */
static enum ct_result judge(enum ct_result expected, enum ct_result answer, const char *what)
{
    if (answer == expected)
        return CT_OK;
    if (answer == CT_NOMEM)
        return CT_NOMEM;
    ct_unit_report(what, __FILE__, __LINE__);
    return CT_BUG;
}

/* Whether what keys with the first settings issue is verified by those with the second. */
static enum ct_result carry_over(const struct key_settings *before,
                                 const struct key_settings *after, enum ct_result expected,
                                 const char *what)
{
    enum ct_result result = CT_OK;
    struct ct_token_keys *old = NULL;
    struct ct_token_keys *new = NULL;
    struct ct_claims read = {0};
    struct ct_str token = {0};
    const char *why = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY(load_keys(arena, before, &old, &why));
    TRY(load_keys(arena, after, &new, &why));
    TRY(ct_token_issue(arena, old, &claims, &token));
    TRY(judge(expected, ct_token_verify(arena, new, token, NOW, &read), what));
    EXPECT(expected != CT_OK || (read.user_id == 42 && read.login_at == NOW - 60));
    /* What the new key signs is its own in any case. */
    TRY(ct_token_issue(arena, new, &claims, &token));
    TRY(ct_token_verify(arena, new, token, NOW, &read));
out:
    ct_token_keys_free(old);
    ct_token_keys_free(new);
    ct_arena_free(arena);
    return result;
}

static const struct key_settings hs256 = {.algorithm = CT_HS256, .secret = SECRET_A};
static const struct key_settings hs384 = {.algorithm = CT_HS384, .secret = SECRET_A};
static const struct key_settings hs512 = {.algorithm = CT_HS512, .secret = SECRET_A};
static const struct key_settings hs512_64 = {.algorithm = CT_HS512, .secret = SECRET_64};
static const struct key_settings rs256 = {.algorithm = CT_RS256, .private_pem = RSA_A};
static const struct key_settings es256 = {.algorithm = CT_ES256, .private_pem = EC_A};

static enum ct_result test_rotations(void)
{
    static const struct {
        const char *what;
        const struct key_settings *before;
        struct key_settings after;
        enum ct_result expected;
    } cases[] = {
        {"HS256 to another secret",
         &hs256,
         {.algorithm = CT_HS256, .secret = SECRET_B, .secret_previous = SECRET_A},
         CT_OK},
        {"HS512 to another secret",
         &hs512,
         {.algorithm = CT_HS512, .secret = SECRET_B, .secret_previous = SECRET_A},
         CT_OK},
        {"the old secret removed", &hs256, {.algorithm = CT_HS256, .secret = SECRET_B}, CT_DENIED},
        {"a third secret",
         &hs256,
         {.algorithm = CT_HS256, .secret = SECRET_B, .secret_previous = SECRET_64},
         CT_DENIED},
        {"HS256 under a secret of before for HS512",
         &hs256,
         {.algorithm = CT_HS512, .secret = SECRET_B, .secret_previous = SECRET_A},
         CT_DENIED},
        {"HS256 to HS512 with the same secret",
         &hs256,
         {.algorithm = CT_HS512, .secret = SECRET_A},
         CT_DENIED},
        {"HS256 to RS256",
         &hs256,
         {.algorithm = CT_RS256, .private_pem = RSA_A, .secret_previous = SECRET_A},
         CT_OK},
        {"HS384 to ES256",
         &hs384,
         {.algorithm = CT_ES256, .private_pem = EC_A, .secret_previous = SECRET_A},
         CT_OK},
        {"HS512 to ES256",
         &hs512_64,
         {.algorithm = CT_ES256, .private_pem = EC_A, .secret_previous = SECRET_64},
         CT_OK},
        {"HS512 to ES256 with a secret that is too short",
         &hs512,
         {.algorithm = CT_ES256, .private_pem = EC_A, .secret_previous = SECRET_A},
         CT_DENIED},
        {"HS256 to RS256, the secret left where it was",
         &hs256,
         {.algorithm = CT_RS256, .private_pem = RSA_A, .secret = SECRET_A},
         CT_DENIED},
        {"RS256 to another key",
         &rs256,
         {.algorithm = CT_RS256, .private_pem = RSA_B, .previous_pem = RSA_A},
         CT_OK},
        {"RS256 to another key, the public half of the old one",
         &rs256,
         {.algorithm = CT_RS256, .private_pem = RSA_B, .previous_pem = RSA_A_PUBLIC},
         CT_OK},
        {"RS256 to another key, the old one removed",
         &rs256,
         {.algorithm = CT_RS256, .private_pem = RSA_B},
         CT_DENIED},
        {"RS256 to ES256",
         &rs256,
         {.algorithm = CT_ES256, .private_pem = EC_A, .previous_pem = RSA_A_PUBLIC},
         CT_OK},
        {"RS256 to ES256, the old key removed",
         &rs256,
         {.algorithm = CT_ES256, .private_pem = EC_A},
         CT_DENIED},
        {"ES256 to another key",
         &es256,
         {.algorithm = CT_ES256, .private_pem = EC_B, .previous_pem = EC_A_PUBLIC},
         CT_OK},
        {"ES256 to RS256",
         &es256,
         {.algorithm = CT_RS256, .private_pem = RSA_A, .previous_pem = EC_A},
         CT_OK},
        {"ES256 back to HS256",
         &es256,
         {.algorithm = CT_HS256, .secret = SECRET_A, .previous_pem = EC_A},
         CT_OK},
        {"ES256 to another key of the same kind without the old one",
         &es256,
         {.algorithm = CT_ES256, .private_pem = EC_B, .previous_pem = RSA_A},
         CT_DENIED},
        {"all there is",
         &hs256,
         {.algorithm = CT_ES256,
          .private_pem = EC_A,
          .previous_pem = RSA_A,
          .secret_previous = SECRET_A},
         CT_OK},
    };
    enum ct_result result = CT_OK;

    for (size_t i = 0; i < COUNT(cases); i++)
        TRY(carry_over(cases[i].before, &cases[i].after, cases[i].expected, cases[i].what));
out:
    return result;
}

/* Tokens of others, and of this program before it wrote a `kid`: each key is tried. */
static enum ct_result test_tokens_without_a_key_id(void)
{
    static const struct {
        struct key_settings settings;
        const char *token;
        enum ct_result expected;
    } cases[] = {
        {{.algorithm = CT_RS256, .private_pem = RSA_A}, RSA_A_TOKEN, CT_OK},
        {{.algorithm = CT_RS256, .private_pem = RSA_B, .previous_pem = RSA_A}, RSA_A_TOKEN, CT_OK},
        {{.algorithm = CT_ES256, .private_pem = EC_A, .previous_pem = RSA_A}, RSA_A_TOKEN, CT_OK},
        {{.algorithm = CT_RS256, .private_pem = RSA_B}, RSA_A_TOKEN, CT_DENIED},
        {{.algorithm = CT_ES256, .private_pem = EC_A}, RSA_A_TOKEN, CT_DENIED},
        {{.algorithm = CT_ES256, .private_pem = EC_A}, EC_A_TOKEN_SHORT_R, CT_OK},
        {{.algorithm = CT_ES256, .private_pem = EC_A}, EC_A_TOKEN_SHORT_S, CT_OK},
        {{.algorithm = CT_ES256, .private_pem = EC_B, .previous_pem = EC_A_PUBLIC},
         EC_A_TOKEN_SHORT_R,
         CT_OK},
        {{.algorithm = CT_ES256, .private_pem = EC_B}, EC_A_TOKEN_SHORT_R, CT_DENIED},
        {{.algorithm = CT_ES256, .private_pem = EC_B}, EC_B_TOKEN, CT_OK},
        {{.algorithm = CT_ES256, .private_pem = EC_A}, EC_B_TOKEN, CT_DENIED},
    };
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    struct ct_claims read;
    const char *why = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < COUNT(cases); i++) {
        TRY(load_keys(arena, &cases[i].settings, &keys, &why));
        TRY(judge(cases[i].expected,
                  ct_token_verify(arena, keys, ct_str_of(cases[i].token), NOW, &read),
                  cases[i].token));
        ct_token_keys_free(keys);
        keys = NULL;
    }
out:
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return result;
}

#define THREADS 4
#define ROUNDS 4

static void *issue_and_verify(void *argument)
{
    const struct ct_token_keys *keys = argument;
    enum ct_result result = CT_OK;

    for (int i = 0; i < ROUNDS && result == CT_OK; i++) {
        struct ct_claims read = {0};
        struct ct_str token = {0};
        struct ct_arena *arena = ct_arena_new();
        result = arena == NULL ? CT_NOMEM : ct_token_issue(arena, keys, &claims, &token);
        if (result == CT_OK)
            result = ct_token_verify(arena, keys, token, NOW, &read);
        if (result == CT_OK && read.user_id != 42)
            result = CT_BUG;
        ct_arena_free(arena);
    }
    return (void *)(intptr_t)result;
}

static enum ct_result test_keys_are_shared_by_threads(void)
{
    static const struct key_settings *const all[] = {&hs256, &rs256, &es256};
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    const char *why = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    for (size_t i = 0; i < COUNT(all); i++) {
        pthread_t threads[THREADS];
        size_t started = 0;
        TRY(load_keys(arena, all[i], &keys, &why));
        while (started < THREADS &&
               pthread_create(&threads[started], NULL, issue_and_verify, keys) == 0)
            started++;
        for (size_t k = 0; k < started; k++) {
            void *answer;
            (void)pthread_join(threads[k], &answer);
            if (answer != NULL)
                result = (enum ct_result)(intptr_t)answer;
        }
        TRY(result);
        EXPECT(started == THREADS);
        ct_token_keys_free(keys);
        keys = NULL;
    }
out:
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_rotations),
        CT_UNIT(test_tokens_without_a_key_id),
        CT_UNIT(test_keys_are_shared_by_threads),
    };
    return ct_unit_main("accounts/token: rotation", units, COUNT(units));
}
