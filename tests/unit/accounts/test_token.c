#include "accounts/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounts/signing_key.h"
#include "forge.h"
#include "harness.h"
#include "keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NOW INT64_C(1700000000)
#define SECRET_TEXT "0123456789abcdef0123456789abcdef"
#define SECRET CT_STR(SECRET_TEXT)
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define CLAIMS "{\"sub\":\"42\",\"iat\":1700000000,\"exp\":1700001800,\"jti\":\"vector\"}"

#define HS256 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
#define HS384 "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9"
#define HS512 "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9"
#define PAYLOAD "eyJzdWIiOiI0MiIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAxODAwLCJqdGkiOiJ2ZWN0b3IifQ"
#define SIGNATURE "9mW_bxpkyeLFLVsJN7qwE1yFgKOWq8RLyHplITo8hRg"
#define GOOD HS256 "." PAYLOAD "." SIGNATURE

/* Fails with the text of the case, so that one in a table can be told from the others. */
static enum ct_result expect(enum ct_result expected, enum ct_result answer, const char *what)
{
    if (answer == expected)
        return CT_OK;
    if (answer == CT_NOMEM)
        return CT_NOMEM;
    ct_unit_report(what, __FILE__, __LINE__);
    return CT_BUG;
}

static enum ct_result verify_text(struct ct_arena *arena, const struct ct_token_keys *keys,
                                  enum ct_result expected, struct ct_str token)
{
    struct ct_claims claims;
    /* Behind the last byte there is nothing, so that the sanitizer build sees a read too far. */
    char *copy = malloc(token.len + 1);
    if (copy == NULL)
        return CT_NOMEM;
    memcpy(copy + 1, token.at, token.len);
    enum ct_result answer =
        ct_token_verify(arena, keys, (struct ct_str){copy + 1, token.len}, NOW, &claims);
    enum ct_result result = expect(expected, answer, token.at);
    free(copy);
    return result;
}

/* Whether a token's signature is one under this secret. */
static enum ct_result verify_signature(struct ct_arena *arena, enum ct_algorithm algorithm,
                                       struct ct_str secret, const char *token)
{
    struct ct_signing_key *key = NULL;
    struct ct_str signature = {0};
    const char *dot = strrchr(token, '.');
    enum ct_result result = ct_signing_key_of_secret(arena, algorithm, secret, &key);
    if (result == CT_OK)
        result = ct_base64url_decode(arena, ct_str_of(dot + 1), &signature);
    if (result == CT_OK)
        result =
            ct_signing_key_verify(key, (struct ct_str){token, (size_t)(dot - token)}, signature);
    ct_signing_key_end(key);
    return result;
}

/* Signatures made by another implementation (Python's hmac), under keys of many lengths: shorter than a
 * block, just one, longer, and of bytes that are no text. */
static enum ct_result test_vectors(void)
{
    static const struct {
        enum ct_algorithm algorithm;
        int key;
        const char *token;
    } vectors[] = {
        {CT_HS256, 32, GOOD},
        {CT_HS256, 1, HS256 "." PAYLOAD ".bAyTINz3j6S772qAfOpz0Px62vQInJvpubiWrVymsso"},
        {CT_HS256, 200, HS256 "." PAYLOAD ".hmzNQLxWcDXkSwBhKn-aAWTUTHGEYT3oBR0lV_6EEfw"},
        {CT_HS256, 256, HS256 "." PAYLOAD ".VTf9BSehCcHFPMUiKfvo-jupafZUQ7cE_y95IC9HxKI"},
        {CT_HS384, 32,
         HS384 "." PAYLOAD ".eXlYvQTOQYQ74REvPC4aDwtkSBT-5pcFu-FxrQDSH_KxO4EJ8R-2GNzMoLBbZyY9"},
        {CT_HS384, 1,
         HS384 "." PAYLOAD ".MEXYiT1E6byaW6X7Pls9U64hjRAe2xauzEiJFzJkx8Av5t6NbxMlBdP1KeIsRleR"},
        {CT_HS384, 200,
         HS384 "." PAYLOAD ".sWqKw5ZP-EImQG0NxLTCX8UJGKFN7zkDSqXM3AU901-dP3EiQgSgI4JM5Q7PnMWQ"},
        {CT_HS384, 256,
         HS384 "." PAYLOAD ".ENikz9UYjvpWl1SDvDAXXzqDmoj93GSpmgZ9Q-754KPtFljkcafZnZ6tng4xaG0H"},
        {CT_HS512, 32,
         HS512 "." PAYLOAD
               ".8ahh0Rj6CKmavBJI4ZeBX-EwSH15-XJgO1qITP4AXt-dXXUSQI0W24baKcerplESr9ttvqsc"
               "sNVRPEBDm8T4LQ"},
        {CT_HS512, 1,
         HS512 "." PAYLOAD
               ".0_BOYGspH_KhYuPlJB0mGjS4Q8zAslJt9ECGNzqi4Hj7HExU5K4pi2edY3-n1qCoc4HSSKCn"
               "_SPWtrwf08IIRQ"},
        {CT_HS512, 200,
         HS512 "." PAYLOAD
               ".5we7_mZFUHqjdzPNpwxoTr0Q_OSBr-4BtT_AKz0AW3rvdC1F0ImhtGQ0rxvZyVjmLDHbSyb-"
               "hKm52cGqDf2Lcg"},
        {CT_HS512, 256,
         HS512 "." PAYLOAD
               ".CodA6LoklnINbWslHdvty0N52ZtwTnH8dI-f-8I5f5P4LzAQcR6JghExYds_4owrtDRPUxob"
               "cYsvGOFtjlfktA"},
    };
    enum ct_result result = CT_OK;
    struct ct_claims claims;
    struct ct_token_keys *keys = NULL;
    char long_key[200];
    char bytes[256];
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    memset(long_key, 'k', sizeof(long_key));
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(unsigned char)i;

    for (size_t i = 0; i < COUNT(vectors); i++) {
        struct ct_str secret = SECRET;
        if (vectors[i].key == 1)
            secret = CT_STR("k");
        if (vectors[i].key == 200)
            secret = (struct ct_str){long_key, sizeof(long_key)};
        if (vectors[i].key == 256)
            secret = (struct ct_str){bytes, sizeof(bytes)};
        TRY(verify_signature(arena, vectors[i].algorithm, secret, vectors[i].token));
        /* The same under a key of the first bytes only. */
        secret.len--;
        if (secret.len > 0)
            EXPECT_RESULT(CT_DENIED,
                          verify_signature(arena, vectors[i].algorithm, secret, vectors[i].token));
        if (vectors[i].key != 32)
            continue;
        /* The header has no `kid`, as tokens of earlier versions. */
        TRY(load_secret(arena, vectors[i].algorithm, SECRET_TEXT, &keys));
        TRY(ct_token_verify(arena, keys, ct_str_of(vectors[i].token), NOW, &claims));
        EXPECT(claims.user_id == 42);
        EXPECT(claims.issued_at == NOW);
        EXPECT(claims.expires_at == NOW + 1800);
        EXPECT(claims.login_at == NOW);
        EXPECT(claims.epoch == 0);
        EXPECT(ct_str_equal(claims.id, CT_STR("vector")));
        ct_token_keys_free(keys);
        keys = NULL;
    }
out:
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_secrets_that_are_none(void)
{
    enum ct_result result = CT_OK;
    struct ct_signing_key *key = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    EXPECT_RESULT(CT_INVALID, ct_signing_key_of_secret(arena, CT_HS256, CT_STR(""), &key));
    EXPECT_RESULT(CT_INVALID, ct_signing_key_of_secret(arena, CT_RS256, SECRET, &key));
    EXPECT_RESULT(CT_INVALID, ct_signing_key_of_secret(arena, CT_ES256, SECRET, &key));
out:
    ct_arena_free(arena);
    return result;
}

/* What the tables below rest on: that only what they name is wrong. */
static enum ct_result test_a_forged_token_is_like_a_real_one(void)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    struct ct_str token = forge_token(arena, SECRET, CT_STR(HEADER), CT_STR(CLAIMS));
    TRY_MEMORY(token.at);
    EXPECT(ct_str_equal(token, CT_STR(GOOD)));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_tokens_of_another_form(void)
{
    static const char *const cases[] = {
        "",
        ".",
        "..",
        "...",
        "x",
        "null",
        HS256,
        HS256 ".",
        HS256 "." PAYLOAD,
        HS256 "." PAYLOAD ".",
        HS256 ".." SIGNATURE,
        "." PAYLOAD "." SIGNATURE,
        GOOD ".",
        GOOD "." SIGNATURE,
        "." GOOD,
        GOOD " ",
        " " GOOD,
        GOOD "\n",
        GOOD "\r\n",
        GOOD "\t",
        GOOD "=",
        GOOD "==",
        GOOD "A",
        GOOD "AA",
        GOOD "AAAA",
        GOOD ",",
        GOOD SIGNATURE,
        HS256 " ." PAYLOAD "." SIGNATURE,
        HS256 ". " PAYLOAD "." SIGNATURE,
        HS256 "=." PAYLOAD "." SIGNATURE,
        HS256 "." PAYLOAD "=." SIGNATURE,
        HS256 "." PAYLOAD ". " SIGNATURE,
        HS256 "." PAYLOAD "!." SIGNATURE,
        HS256 "/" PAYLOAD "/" SIGNATURE,
        /* cut */
        HS256 "." PAYLOAD ".9mW_bxpkyeLFLVsJN7qwE1yFgKOWq8RLyHplITo8hR",
        HS256 "." PAYLOAD ".9mW_bxpkyeLFLVsJN7qwE1yFgKOWq8RLyHplITo8h",
        HS256 "." PAYLOAD ".9mW_bxpkyeLFLVsJN7qwE1yFgKOWq8RLyHplITo8",
        HS256 "." PAYLOAD ".9mW_",
        HS256 "." PAYLOAD ".9",
        /* the same 32 bytes with the two unused bits of the last character set: g = 32, h = 33 … */
        HS256 "." PAYLOAD ".9mW_bxpkyeLFLVsJN7qwE1yFgKOWq8RLyHplITo8hRh",
        HS256 "." PAYLOAD ".9mW_bxpkyeLFLVsJN7qwE1yFgKOWq8RLyHplITo8hRi",
        HS256 "." PAYLOAD ".9mW_bxpkyeLFLVsJN7qwE1yFgKOWq8RLyHplITo8hRj",
        /* the alphabet of RFC 4648 section 4 */
        HS256 "." PAYLOAD ".9mW/bxpkyeLFLVsJN7qwE1yFgKOWq8RLyHplITo8hRg",
        HS256 "." PAYLOAD ".9mW/bxpkyeLFLVsJN7qwE1yFgKOWq8RLyHplITo8hRg=",
        /* a bit changed in front and in the middle, and the case of a letter */
        HS256 "." PAYLOAD ".8mW_bxpkyeLFLVsJN7qwE1yFgKOWq8RLyHplITo8hRg",
        HS256 "." PAYLOAD ".9mW_bxpkyeLFLVsJN7qwE1yFgKOWq8RLyHplITo8hRk",
        HS256 "." PAYLOAD ".9mw_bxpkyeLFLVsJN7qwE1yFgKOWq8RLyHplITo8hRg",
        HS256 "." PAYLOAD ".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        /* unsigned: {"alg":"none"} */
        "eyJhbGciOiJub25lIn0." PAYLOAD ".",
        "eyJhbGciOiJub25lIn0." PAYLOAD "." SIGNATURE,
        /* another algorithm's signature, right for this secret, and its name over ours */
        HS384 "." PAYLOAD ".eXlYvQTOQYQ74REvPC4aDwtkSBT-5pcFu-FxrQDSH_KxO4EJ8R-2GNzMoLBbZyY9",
        HS256 "." PAYLOAD ".eXlYvQTOQYQ74REvPC4aDwtkSBT-5pcFu-FxrQDSH_KxO4EJ8R-2GNzMoLBbZyY9",
        HS384 "." PAYLOAD "." SIGNATURE,
        /* {"sub":"43", … */
        HS256 ".eyJzdWIiOiI0MyIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAxODAwLCJqdGkiOiJ2ZWN0b3IifQ"
              "." SIGNATURE,
    };
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(load_secret(arena, CT_HS256, SECRET_TEXT, &keys));
    TRY(verify_text(arena, keys, CT_OK, CT_STR(GOOD)));
    for (size_t i = 0; i < COUNT(cases); i++)
        TRY(verify_text(arena, keys, CT_DENIED, ct_str_of(cases[i])));
    TRY(verify_text(arena, keys, CT_DENIED, CT_STR(GOOD "\0")));
    TRY(verify_text(arena, keys, CT_DENIED, CT_STR(GOOD "\0.x")));
    TRY(verify_text(arena, keys, CT_DENIED, CT_STR("\0" GOOD)));
    TRY(verify_text(arena, keys, CT_DENIED, CT_STR(HS256 "\0." PAYLOAD "." SIGNATURE)));
    TRY(verify_text(arena, keys, CT_DENIED, CT_STR(HS256 "." PAYLOAD "\0." SIGNATURE)));
    TRY(verify_text(arena, keys, CT_DENIED, CT_STR(HS256 "." PAYLOAD ".\0" SIGNATURE)));
    EXPECT_RESULT(CT_DENIED, ct_token_verify(arena, keys, (struct ct_str){NULL, 0}, NOW,
                                             &(struct ct_claims){0}));
out:
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return result;
}

/* 4,096 bytes are read, one more is not, and no length is taken for another. */
static enum ct_result test_long_tokens(void)
{
    static const char claims_format[] = "{\"sub\":\"42\",\"exp\":1700001800,\"x\":\"%*s\"}";
    enum { HUGE_SIZE = 1 << 20 };
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    struct ct_claims claims;
    struct ct_str longest = {0};
    struct ct_str too_long = {0};
    char *huge = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(load_secret(arena, CT_HS256, SECRET_TEXT, &keys));
    for (int pad = 2900; pad < 3100; pad++) {
        char json[3200];
        int size = snprintf(json, sizeof(json), claims_format, pad, "");
        size_t encoded = ((size_t)size * 4 + 2) / 3;
        size_t total = strlen(HS256) + 1 + encoded + 1 + strlen(SIGNATURE);
        if (total < 4095 || total > 4098)
            continue;
        struct ct_str token =
            forge_token(arena, SECRET, CT_STR(HEADER), (struct ct_str){json, (size_t)size});
        TRY_MEMORY(token.at);
        EXPECT(token.len == total);
        if (total <= 4096)
            longest = token;
        else
            too_long = token;
        EXPECT_RESULT(total <= 4096 ? CT_OK : CT_DENIED,
                      ct_token_verify(arena, keys, token, NOW, &claims));
    }
    EXPECT(longest.len == 4096 || longest.len == 4095);
    EXPECT(too_long.len == 4097 || too_long.len == 4098);

    huge = malloc(HUGE_SIZE);
    TRY_MEMORY(huge);
    memset(huge, 'A', HUGE_SIZE);
    memcpy(huge, GOOD, strlen(GOOD));
    EXPECT_RESULT(CT_DENIED,
                  ct_token_verify(arena, keys, (struct ct_str){huge, HUGE_SIZE}, NOW, &claims));
    memset(huge, '.', HUGE_SIZE);
    EXPECT_RESULT(CT_DENIED,
                  ct_token_verify(arena, keys, (struct ct_str){huge, HUGE_SIZE}, NOW, &claims));
out:
    free(huge);
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return result;
}

/* One bit changed anywhere, and every shorter text, is another token. */
static enum ct_result test_every_bit_counts(void)
{
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    struct ct_claims claims;
    char text[] = GOOD;
    struct ct_arena *arena = NULL;
    struct ct_arena *lasting = ct_arena_new();
    TRY_MEMORY(lasting);
    TRY(load_secret(lasting, CT_HS256, SECRET_TEXT, &keys));

    for (size_t i = 0; i < strlen(GOOD); i++) {
        ct_arena_free(arena);
        arena = ct_arena_new();
        TRY_MEMORY(arena);
        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)(GOOD[i] ^ 1 << bit);
            EXPECT_RESULT(
                CT_DENIED,
                ct_token_verify(arena, keys, (struct ct_str){text, strlen(GOOD)}, NOW, &claims));
        }
        text[i] = GOOD[i];
        EXPECT_RESULT(CT_DENIED,
                      ct_token_verify(arena, keys, (struct ct_str){text, i}, NOW, &claims));
    }
out:
    ct_token_keys_free(keys);
    ct_arena_free(lasting);
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_vectors),
        CT_UNIT(test_secrets_that_are_none),
        CT_UNIT(test_a_forged_token_is_like_a_real_one),
        CT_UNIT(test_tokens_of_another_form),
        CT_UNIT(test_long_tokens),
        CT_UNIT(test_every_bit_counts),
    };
    return ct_unit_main("accounts/token", units, COUNT(units));
}
