#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounts/token.h"
#include "forge.h"
#include "harness.h"
#include "keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NOW INT64_C(1700000000)
#define SECRET_TEXT "0123456789abcdef0123456789abcdef"
#define SECRET CT_STR(SECRET_TEXT)

/* Tokens that this program makes. */

static const struct ct_claims issued = {.user_id = INT64_MAX,
                                        .issued_at = NOW,
                                        .expires_at = NOW + 1800,
                                        .login_at = NOW - 90,
                                        .epoch = 3};

static enum ct_result test_issue_and_verify(void)
{
    static const size_t sizes[] = {43, 64, 86};
    enum ct_result result = CT_OK;
    struct ct_str token = {0};
    struct ct_str id = {0};
    struct ct_claims claims = {0};
    struct ct_token_keys *keys[3] = {0};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < COUNT(keys); i++)
        TRY(load_secret(arena, (enum ct_algorithm)(CT_HS256 + i), SECRET_TEXT, &keys[i]));
    for (size_t i = 0; i < COUNT(keys); i++) {
        TRY(ct_token_issue(arena, keys[i], &issued, &token));
        EXPECT(token.at[token.len] == '\0');
        EXPECT(strlen(strrchr(token.at, '.') + 1) == sizes[i]);
        TRY(ct_token_verify(arena, keys[i], token, NOW + 1799, &claims));
        EXPECT(claims.user_id == INT64_MAX);
        EXPECT(claims.issued_at == NOW);
        EXPECT(claims.expires_at == NOW + 1800);
        EXPECT(claims.login_at == NOW - 90);
        EXPECT(claims.epoch == 3);
        EXPECT(claims.id.len == 22); /* 128 bits */
        TRY(ct_base64url_decode(arena, claims.id, &id));
        EXPECT(id.len == 16);
        EXPECT_RESULT(CT_DENIED, ct_token_verify(arena, keys[i], token, NOW + 1800, &claims));
        for (size_t k = 0; k < COUNT(keys); k++) {
            if (k != i)
                EXPECT_RESULT(CT_DENIED, ct_token_verify(arena, keys[k], token, NOW, &claims));
        }
    }
out:
    for (size_t i = 0; i < COUNT(keys); i++)
        ct_token_keys_free(keys[i]);
    ct_arena_free(arena);
    return result;
}

/* A part of a token as text; NULL without memory. */
static const char *part_text(struct ct_arena *arena, const char *at, const char *end)
{
    struct ct_str json;
    if (ct_base64url_decode(arena, (struct ct_str){at, (size_t)(end - at)}, &json) != CT_OK)
        return NULL;
    return ct_str_dup(arena, json);
}

static enum ct_result test_what_an_issued_token_says(void)
{
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    struct ct_str token = {0};
    struct ct_claims claims = {
        .user_id = 7, .issued_at = NOW, .expires_at = NOW + 60, .login_at = NOW - 5};
    char expected[200];
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY(load_secret(arena, CT_HS256, SECRET_TEXT, &keys));
    const char *key_id = forge_key_id(arena, SECRET);
    TRY_MEMORY(key_id);
    EXPECT(strlen(key_id) == 11);
    for (int64_t epoch = 0; epoch < 3; epoch += 2) {
        claims.epoch = epoch;
        TRY(ct_token_issue(arena, keys, &claims, &token));
        const char *first = strchr(token.at, '.');
        const char *last = strrchr(token.at, '.');
        const char *text = part_text(arena, token.at, first);
        TRY_MEMORY(text);
        (void)snprintf(expected, sizeof(expected),
                       "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", key_id);
        EXPECT(strcmp(text, expected) == 0);
        text = part_text(arena, first + 1, last);
        TRY_MEMORY(text);
        struct ct_claims read;
        TRY(ct_token_verify(arena, keys, token, NOW, &read));
        (void)snprintf(expected, sizeof(expected),
                       "{\"sub\":\"7\",\"iat\":1700000000,\"exp\":1700000060,"
                       "\"auth_time\":1699999995,\"jti\":\"%.22s\"%s}",
                       read.id.at, epoch == 0 ? "" : ",\"epoch\":2");
        EXPECT(strcmp(text, expected) == 0);
    }
out:
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_every_token_has_an_id_of_its_own(void)
{
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    struct ct_str first = {0};
    struct ct_str second = {0};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY(load_secret(arena, CT_HS256, SECRET_TEXT, &keys));
    TRY(ct_token_issue(arena, keys, &issued, &first));
    TRY(ct_token_issue(arena, keys, &issued, &second));
    EXPECT(!ct_str_equal(first, second));
out:
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return result;
}

/* What would be refused is not signed. */
static enum ct_result test_claims_that_are_not_signed(void)
{
    static const struct ct_claims wrong[] = {
        {.user_id = 0, .expires_at = 1},
        {.user_id = -1, .expires_at = 1},
        {.user_id = 1, .epoch = -1},
        {.user_id = 1, .issued_at = -1},
        {.user_id = 1, .login_at = -1},
        {.user_id = 1, .expires_at = -1},
        {.user_id = 1, .issued_at = INT64_C(253402300800)},
        {.user_id = 1, .login_at = INT64_C(253402300800)},
        {.user_id = 1, .expires_at = INT64_C(253402300800)},
        {.user_id = 1, .expires_at = INT64_MAX},
    };
    /* the end of the year 9999 */
    static const struct ct_claims last = {.user_id = 1,
                                          .issued_at = INT64_C(253402300799),
                                          .expires_at = INT64_C(253402300799),
                                          .login_at = INT64_C(253402300799),
                                          .epoch = INT64_MAX};
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    struct ct_claims claims;
    struct ct_str token = {0};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY(load_secret(arena, CT_HS256, SECRET_TEXT, &keys));
    for (size_t i = 0; i < COUNT(wrong); i++)
        EXPECT_RESULT(CT_INVALID, ct_token_issue(arena, keys, &wrong[i], &token));
    TRY(ct_token_issue(arena, keys, &last, &token));
    TRY(ct_token_verify(arena, keys, token, INT64_C(253402300798), &claims));
    EXPECT(claims.epoch == INT64_MAX && claims.login_at == last.login_at);
out:
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_issue_and_verify),
        CT_UNIT(test_what_an_issued_token_says),
        CT_UNIT(test_every_token_has_an_id_of_its_own),
        CT_UNIT(test_claims_that_are_not_signed),
    };
    return ct_unit_main("accounts/token: issue", units, COUNT(units));
}
