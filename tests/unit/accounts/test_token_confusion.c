#include <stdlib.h>
#include <string.h>

#include "accounts/token.h"
#include "forge.h"
#include "harness.h"
#include "keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NOW INT64_C(1700000000)
#define SECRET_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define CLAIMS "{\"sub\":\"42\",\"exp\":1700001800}"

/* Tokens that lie about the key that they are of, and signatures that are none. */

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

static const struct key_settings rs256 = {.algorithm = CT_RS256, .private_pem = RSA_A};
static const struct key_settings es256 = {.algorithm = CT_ES256, .private_pem = EC_A};

/* Everybody has the public key: nothing that it "signs" as a secret may be a token. */
static enum ct_result test_a_public_key_is_no_secret(void)
{
    static const char *const secrets[] = {
        RSA_A_PUBLIC, RSA_A_N, RSA_A_ID, EC_A_PUBLIC, EC_A_ID, "", "AQAB",
    };
    static const char *const headers[] = {
        "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" RSA_A_ID "\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" EC_A_ID "\"}",
        "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"" RSA_A_ID "\"}",
        "{\"alg\":\"RS256\",\"typ\":\"JWT\"}",
        "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"" EC_A_ID "\"}",
        "{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"" RSA_A_ID "\"}",
    };
    static const struct key_settings settings[] = {
        {.algorithm = CT_RS256, .private_pem = RSA_A, .previous_pem = EC_A},
        {.algorithm = CT_ES256,
         .private_pem = EC_A,
         .previous_pem = RSA_A,
         .secret_previous = SECRET_A},
        {.algorithm = CT_HS256, .secret = SECRET_A, .previous_pem = RSA_A},
    };
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    struct ct_claims read;
    const char *why = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < COUNT(settings); i++) {
        TRY(load_keys(arena, &settings[i], &keys, &why));
        for (size_t k = 0; k < COUNT(secrets) * COUNT(headers); k++) {
            const char *header = headers[k % COUNT(headers)];
            struct ct_str token = forge_token(arena, ct_str_of(secrets[k / COUNT(headers)]),
                                              ct_str_of(header), CT_STR(CLAIMS));
            TRY_MEMORY(token.at);
            TRY(judge(CT_DENIED, ct_token_verify(arena, keys, token, NOW, &read), header));
        }
        ct_token_keys_free(keys);
        keys = NULL;
    }
out:
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return result;
}

/* A token with another header or signature; NULL without memory. */
static const char *remade(struct ct_arena *arena, const char *header, const char *token,
                          const char *signature)
{
    const char *first = strchr(token, '.');
    const char *last = strrchr(token, '.');
    const char *head = header == NULL
                           ? ct_str_dup(arena, (struct ct_str){token, (size_t)(first - token)})
                           : ct_base64url(arena, header, strlen(header));
    if (head == NULL)
        return NULL;
    return ct_arena_printf(arena, "%s.%.*s.%s", head, (int)(last - first - 1), first + 1,
                           signature == NULL ? last + 1 : signature);
}

static enum ct_result deny(struct ct_arena *arena, const struct ct_token_keys *keys,
                           const char *token)
{
    struct ct_claims read;
    if (token == NULL)
        return CT_NOMEM;
    return judge(CT_DENIED, ct_token_verify(arena, keys, ct_str_of(token), NOW, &read), token);
}

/* The header of a token that is right leads to no other key, and names no other. */
static enum ct_result test_headers_that_lie(void)
{
    static const char *const headers[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"RS256\",\"typ\":\"JWT\"}",
        "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"" EC_A_ID "\"}",
        "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"" RSA_A_ID "\"}",
        "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"" EC_B_ID "\"}",
        "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"unknown\"}",
        "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"\"}",
        "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":null}",
        "{\"alg\":\"ES384\",\"typ\":\"JWT\",\"kid\":\"" EC_A_ID "\"}",
        "{\"alg\":\"ES256K\",\"typ\":\"JWT\",\"kid\":\"" EC_A_ID "\"}",
        "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"kid\":\"" RSA_A_ID "\"}",
    };
    static const struct key_settings settings = {
        .algorithm = CT_ES256, .private_pem = EC_A, .previous_pem = RSA_A};
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    struct ct_token_keys *old = NULL;
    struct ct_str token = {0};
    struct ct_str old_token = {0};
    const char *why = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(load_keys(arena, &settings, &keys, &why));
    TRY(load_keys(arena, &rs256, &old, &why));
    TRY(ct_token_issue(arena, keys, &claims, &token));
    TRY(ct_token_issue(arena, old, &claims, &old_token));
    for (size_t i = 0; i < COUNT(headers); i++) {
        TRY(deny(arena, keys, remade(arena, headers[i], token.at, NULL)));
        TRY(deny(arena, keys, remade(arena, headers[i], old_token.at, NULL)));
        TRY(deny(arena, keys, remade(arena, headers[i], token.at, "")));
    }
    /* Nor does one key's signature serve for another's token. */
    TRY(deny(arena, keys, remade(arena, NULL, token.at, strrchr(old_token.at, '.') + 1)));
    TRY(deny(arena, keys, remade(arena, NULL, old_token.at, strrchr(token.at, '.') + 1)));
out:
    ct_token_keys_free(keys);
    ct_token_keys_free(old);
    ct_arena_free(arena);
    return result;
}

/* The signature of EC_A_TOKEN_SHORT_R as X.509 has it: two numbers in a SEQUENCE. */
static size_t as_der(const uint8_t raw[static 64], uint8_t *out)
{
    size_t size = 2;

    for (const uint8_t *at = raw; at < raw + 64; at += 32) {
        size_t zeros = 0;
        while (zeros < 31 && at[zeros] == 0)
            zeros++;
        size_t sign = at[zeros] >= 0x80 ? 1 : 0;
        out[size++] = 2;
        out[size++] = (uint8_t)(32 - zeros + sign);
        out[size] = 0;
        memcpy(out + size + sign, at + zeros, 32 - zeros);
        size += 32 - zeros + sign;
    }
    out[0] = 0x30;
    out[1] = (uint8_t)(size - 2);
    return size;
}

static const uint8_t p256_order[32] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

static enum ct_result test_es256_signatures_of_another_form(void)
{
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    struct ct_str raw = {0};
    uint8_t bytes[96];
    const char *why = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY(load_keys(arena, &es256, &keys, &why));
    TRY(ct_base64url_decode(arena, ct_str_of(strrchr(EC_A_TOKEN_SHORT_R, '.') + 1), &raw));
    EXPECT(raw.len == 64);
    const struct {
        size_t r;    /* offset of what stands for R in the pool below */
        size_t s;    /* and for S */
        size_t size; /* how much of both is sent */
    } cases[] = {
        {64, 32, 64},   /* R is zero */
        {0, 64, 64},    /* S is zero */
        {64, 64, 64},   /* both */
        {96, 32, 64},   /* R is the order of the group: zero in another writing */
        {0, 96, 64},    /* S is */
        {128, 32, 64},  /* R is 2^256 - 1 */
        {0, 128, 64},   /* S is */
        {128, 128, 64}, /* both */
        {32, 0, 64},    /* the other way round */
        {0, 32, 63},    /* cut */
        {0, 32, 62},    {0, 32, 48}, {0, 32, 32}, /* R alone */
        {0, 32, 1},     {1, 32, 63},              /* R without its zero in front */
        {0, 32, 65},                              /* longer */
        {0, 32, 96},    {0, 32, 0},
    };
    uint8_t pool[160] = {0};
    memcpy(pool, raw.at, 64);
    memcpy(pool + 96, p256_order, 32);
    memset(pool + 128, 0xff, 32);
    for (size_t i = 0; i < COUNT(cases); i++) {
        memset(bytes, 0, sizeof(bytes));
        memcpy(bytes, pool + cases[i].r, 32);
        memcpy(bytes + 32, pool + cases[i].s, 32);
        const char *text = ct_base64url(arena, bytes, cases[i].size);
        TRY_MEMORY(text);
        TRY(deny(arena, keys, remade(arena, NULL, EC_A_TOKEN_SHORT_R, text)));
    }
    size_t size = as_der(pool, bytes);
    const char *text = ct_base64url(arena, bytes, size);
    TRY_MEMORY(text);
    TRY(deny(arena, keys, remade(arena, NULL, EC_A_TOKEN_SHORT_R, text)));
    /* and in just as many bytes as R and S have */
    text = ct_base64url(arena, bytes, 64);
    TRY_MEMORY(text);
    TRY(deny(arena, keys, remade(arena, NULL, EC_A_TOKEN_SHORT_R, text)));
out:
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return result;
}

/* One bit changed in each byte of the signature, or of the claims. */
static enum ct_result test_every_byte_counts(void)
{
    static const struct {
        const struct key_settings *settings;
        const char *token;
    } cases[] = {{&rs256, RSA_A_TOKEN}, {&es256, EC_A_TOKEN_SHORT_S}};
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    struct ct_str raw = {0};
    struct ct_claims read;
    const char *why = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *token = cases[i].token;
        TRY(load_keys(arena, cases[i].settings, &keys, &why));
        TRY(ct_token_verify(arena, keys, ct_str_of(token), NOW, &read));
        TRY(ct_base64url_decode(arena, ct_str_of(strrchr(token, '.') + 1), &raw));
        uint8_t *bytes = ct_arena_alloc(arena, raw.len);
        TRY_MEMORY(bytes);
        for (size_t k = 0; k < raw.len; k += 3) {
            memcpy(bytes, raw.at, raw.len);
            bytes[k] ^= (uint8_t)(1 << k % 8);
            const char *text = ct_base64url(arena, bytes, raw.len);
            TRY_MEMORY(text);
            TRY(deny(arena, keys, remade(arena, NULL, token, text)));
        }
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
        CT_UNIT(test_a_public_key_is_no_secret),
        CT_UNIT(test_headers_that_lie),
        CT_UNIT(test_es256_signatures_of_another_form),
        CT_UNIT(test_every_byte_counts),
    };
    return ct_unit_main("accounts/token: confusion", units, COUNT(units));
}
