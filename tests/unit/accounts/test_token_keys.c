#include "accounts/token.h"

#include <stdlib.h>
#include <string.h>

#include "accounts/key_pair.h"
#include "harness.h"
#include "keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SECRET "0123456789abcdef0123456789abcdef"

/* What keys are taken from files, what is said of the others, and what is shown of them. */

static bool has(const char *line, const char *part)
{
    return part == NULL || strstr(line, part) != NULL;
}

/* Loads what must be refused; its reason must be one line and name these things. */
static enum ct_result refused(enum ct_result expected, const struct ct_config *config,
                              const char *setting, const char *file, const char *reason)
{
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    const char *why = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    result = ct_token_keys_load(arena, config, &keys, &why);
    if (result == CT_NOMEM)
        goto out;
    if (result != expected || keys != NULL || why == NULL || strchr(why, '\n') != NULL ||
        strncmp(why, setting, strlen(setting)) != 0 || !has(why, file) || !has(why, reason)) {
        ct_unit_report(why == NULL ? reason : why, __FILE__, __LINE__);
        result = CT_BUG;
        goto out;
    }
    result = CT_OK;
out:
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_private_keys_that_are_refused(void)
{
    static const struct {
        enum ct_algorithm algorithm;
        const char *pem;
        const char *reason;
        enum ct_result result;
    } cases[] = {
        {CT_RS256, "", "is not a PEM file", CT_IO},
        {CT_RS256, "MIIEvgIBADANBgkqhkiG9w0BAQEFAASC", "is not a PEM file", CT_IO},
        {CT_RS256, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
         "has no key that can be read", CT_INVALID},
        {CT_RS256, "-----BEGIN PRIVATE KEY-----\n", "has no key that can be read", CT_INVALID},
        {CT_RS256, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
         "has no key that can be read", CT_INVALID},
        {CT_ES256, EC_ENCRYPTED, "is encrypted", CT_INVALID},
        {CT_ES256, EC_ENCRYPTED_OLD, "is encrypted", CT_INVALID},
        {CT_RS256, RSA_1024, "1024 bits: RS256 takes 2048", CT_INVALID},
        {CT_ES256, EC_P384, "SECP384R1: ES256 takes P-256", CT_INVALID},
        {CT_ES256, EC_P224, "SECP224R1: ES256 takes P-256", CT_INVALID},
        {CT_RS256, EC_P384, "SECP384R1: ES256 takes P-256", CT_INVALID},
        {CT_ES256, ED25519, "another kind (EdDSA (Ed25519))", CT_INVALID},
        {CT_RS256, RSA_PSS_PUBLIC, "another kind (RSA-PSS)", CT_INVALID},
        {CT_RS256, EC_A, "has a key for ES256, but ALGORITHM is RS256", CT_INVALID},
        {CT_ES256, RSA_A, "has a key for RS256, but ALGORITHM is ES256", CT_INVALID},
        {CT_RS256, RSA_A_PUBLIC, "has a public key: it cannot sign", CT_INVALID},
        {CT_ES256, EC_A_PUBLIC, "has a public key: it cannot sign", CT_INVALID},
    };
    enum ct_result result = CT_OK;
    struct key_file file = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        TRY(key_file_open(&file, cases[i].pem));
        const struct ct_config config = {
            .algorithm = cases[i].algorithm,
            .secret_key = SECRET,
            .secret_key_previous = "",
            .jwt_private_key_file = file.path,
            .jwt_previous_key_file = "",
        };
        TRY(refused(cases[i].result, &config, "JWT_PRIVATE_KEY_FILE: ", file.path,
                    cases[i].reason));
        key_file_close(&file);
    }
out:
    key_file_close(&file);
    return result;
}

/* A key of before is looked at in the same way, whatever the algorithm of the new one. */
static enum ct_result test_previous_keys_that_are_refused(void)
{
    static const struct {
        const char *pem;
        const char *reason;
        enum ct_result result;
    } cases[] = {
        {"no key", "is not a PEM file", CT_IO},
        {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "can be read", CT_INVALID},
        {RSA_B_PKCS1_PUBLIC, "can be read", CT_INVALID}, /* GnuTLS wants it as X.509 has it */
        {EC_ENCRYPTED, "is encrypted", CT_INVALID},
        {RSA_1024, "1024 bits", CT_INVALID},
        {EC_P384, "takes P-256", CT_INVALID},
        {ED25519, "another kind", CT_INVALID},
    };
    enum ct_result result = CT_OK;
    struct key_file file = {0};
    struct key_file current = {0};

    TRY(key_file_open(&current, EC_A));
    for (size_t i = 0; i < COUNT(cases); i++) {
        TRY(key_file_open(&file, cases[i].pem));
        for (int with_pair = 0; with_pair < 2; with_pair++) {
            const struct ct_config config = {
                .algorithm = with_pair ? CT_ES256 : CT_HS256,
                .secret_key = SECRET,
                .secret_key_previous = "",
                .jwt_private_key_file = current.path,
                .jwt_previous_key_file = file.path,
            };
            TRY(refused(cases[i].result, &config, "JWT_PREVIOUS_KEY_FILE: ", file.path,
                        cases[i].reason));
        }
        key_file_close(&file);
    }
out:
    key_file_close(&file);
    key_file_close(&current);
    return result;
}

static enum ct_result test_what_is_missing(void)
{
    static const char none[] = "/nowhere/key.pem";
    enum ct_result result = CT_OK;
    struct key_file file = {0};

    TRY(key_file_open(&file, RSA_A));
    const struct {
        struct ct_config config;
        const char *setting;
        const char *reason;
        enum ct_result result;
    } cases[] = {
        {{.algorithm = CT_HS256}, "SECRET_KEY ", "is not set", CT_INVALID},
        {{.algorithm = CT_HS256, .secret_key_previous = SECRET},
         "SECRET_KEY ",
         "is not set",
         CT_INVALID},
        {{.algorithm = CT_RS256, .secret_key = SECRET},
         "JWT_PRIVATE_KEY_FILE ",
         "is not set: ALGORITHM=RS256",
         CT_INVALID},
        {{.algorithm = CT_ES256, .jwt_previous_key_file = file.path},
         "JWT_PRIVATE_KEY_FILE ",
         "is not set: ALGORITHM=ES256",
         CT_INVALID},
        {{.algorithm = CT_RS256, .jwt_private_key_file = none},
         "JWT_PRIVATE_KEY_FILE: ",
         "cannot read /nowhere/key.pem: No such file or directory",
         CT_IO},
        {{.algorithm = CT_RS256, .jwt_private_key_file = "/"},
         "JWT_PRIVATE_KEY_FILE: ",
         "/ is not a PEM file",
         CT_IO},
        {{.algorithm = CT_HS256, .secret_key = SECRET, .jwt_previous_key_file = none},
         "JWT_PREVIOUS_KEY_FILE: ",
         "cannot read /nowhere/key.pem: No such file or directory",
         CT_IO},
        {{.algorithm = CT_RS256,
          .jwt_private_key_file = file.path,
          .secret_key_previous = "0123456789abcdef0123456789abcde"},
         "SECRET_KEY_PREVIOUS ",
         "less than 32 bytes",
         CT_INVALID},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ct_config config = cases[i].config;
        config.secret_key = text_or_empty(config.secret_key);
        config.secret_key_previous = text_or_empty(config.secret_key_previous);
        config.jwt_private_key_file = text_or_empty(config.jwt_private_key_file);
        config.jwt_previous_key_file = text_or_empty(config.jwt_previous_key_file);
        TRY(refused(cases[i].result, &config, cases[i].setting, NULL, cases[i].reason));
    }
out:
    key_file_close(&file);
    return result;
}

/* What HS* has no use for is not even opened. */
static enum ct_result test_a_private_key_that_is_not_asked_for(void)
{
    const struct ct_config config = {.algorithm = CT_HS256,
                                     .secret_key = "k", /* weak, of which the start warns */
                                     .secret_key_previous = "j",
                                     .jwt_private_key_file = "/nowhere/key.pem",
                                     .jwt_previous_key_file = ""};
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    const char *why = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY(ct_token_keys_load(arena, &config, &keys, &why));
out:
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return result;
}

/* Each form of file, private and public, is the same key: with the thumbprint of RFC 7638 section 3.1, and
 * those that another implementation computes. */
static enum ct_result test_thumbprints(void)
{
    static const struct {
        const char *pem;
        enum ct_algorithm algorithm;
        bool is_private;
        size_t size;
        const char *id;
    } cases[] = {
        {RFC7638_PUBLIC, CT_RS256, false, 256, RFC7638_ID},
        {RSA_A, CT_RS256, true, 256, RSA_A_ID},
        {RSA_A_PUBLIC, CT_RS256, false, 256, RSA_A_ID},
        {RSA_B, CT_RS256, true, 256, RSA_B_ID},
        {EC_A, CT_ES256, true, 64, EC_A_ID},
        {EC_A_PUBLIC, CT_ES256, false, 64, EC_A_ID},
        {EC_B, CT_ES256, true, 64, EC_B_ID},
    };
    enum ct_result result = CT_OK;
    struct key_file file = {0};
    struct ct_key_pair *pair = NULL;
    const char *why = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < COUNT(cases); i++) {
        TRY(key_file_open(&file, cases[i].pem));
        TRY(ct_key_pair_read(arena, "KEY", file.path, &pair, &why));
        EXPECT(ct_key_pair_algorithm(pair) == cases[i].algorithm);
        EXPECT(ct_key_pair_is_private(pair) == cases[i].is_private);
        EXPECT(ct_key_pair_size(pair) == cases[i].size);
        EXPECT(ct_str_equal(ct_key_pair_id(pair), ct_str_of(cases[i].id)));
        ct_key_pair_drop_private(pair);
        EXPECT(!ct_key_pair_is_private(pair));
        ct_key_pair_end(pair);
        pair = NULL;
        key_file_close(&file);
    }
out:
    ct_key_pair_end(pair);
    key_file_close(&file);
    ct_arena_free(arena);
    return result;
}

#define RSA_A_JWK                                                                              \
    "{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"" RSA_A_N "\",\"use\":\"sig\",\"alg\":\"RS256\"," \
    "\"kid\":\"" RSA_A_ID "\"}"
#define EC_B_JWK                                                             \
    "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" EC_B_X "\",\"y\":\"" EC_B_Y \
    "\",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"" EC_B_ID "\"}"

static enum ct_result test_key_sets(void)
{
    static const struct {
        struct key_settings settings;
        const char *set;
    } cases[] = {
        {{.algorithm = CT_HS256, .secret = SECRET, .secret_previous = "x"}, "{\"keys\":[]}"},
        {{.algorithm = CT_HS512, .secret = SECRET, .private_pem = RSA_A}, "{\"keys\":[]}"},
        {{.algorithm = CT_RS256, .secret = SECRET, .private_pem = RSA_A},
         "{\"keys\":[" RSA_A_JWK "]}"},
        {{.algorithm = CT_ES256, .secret_previous = SECRET, .private_pem = EC_B},
         "{\"keys\":[" EC_B_JWK "]}"},
        {{.algorithm = CT_ES256, .private_pem = EC_B, .previous_pem = RSA_A_PUBLIC},
         "{\"keys\":[" EC_B_JWK "," RSA_A_JWK "]}"},
        {{.algorithm = CT_RS256, .private_pem = RSA_A, .previous_pem = EC_B},
         "{\"keys\":[" RSA_A_JWK "," EC_B_JWK "]}"},
        /* the same key twice is one */
        {{.algorithm = CT_RS256, .private_pem = RSA_A, .previous_pem = RSA_A_PUBLIC},
         "{\"keys\":[" RSA_A_JWK "]}"},
        /* back to a secret: tokens of the pair are still verified */
        {{.algorithm = CT_HS256, .secret = SECRET, .previous_pem = RSA_A},
         "{\"keys\":[" RSA_A_JWK "]}"},
    };
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    const char *why = NULL;
    struct ct_str set = {0};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < COUNT(cases); i++) {
        TRY(load_keys(arena, &cases[i].settings, &keys, &why));
        TRY(ct_token_jwks(arena, keys, &set));
        if (!ct_str_equal(set, ct_str_of(cases[i].set))) {
            ct_unit_report(set.at, __FILE__, __LINE__);
            result = CT_BUG;
            goto out;
        }
        ct_token_keys_free(keys);
        keys = NULL;
    }
out:
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return result;
}

/* R and S are 32 bytes each, also when they are small numbers: among some hundred signatures there is one
 * that begins with a zero byte. */
static enum ct_result test_short_numbers_in_signatures(void)
{
    enum ct_result result = CT_OK;
    struct key_file file = {0};
    struct ct_key_pair *pair = NULL;
    const char *why = NULL;
    uint8_t signature[64];
    bool short_r = false;
    bool short_s = false;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(key_file_open(&file, EC_B));
    TRY(ct_key_pair_read(arena, "KEY", file.path, &pair, &why));
    for (int i = 0; i < 20000 && !(short_r && short_s); i++) {
        TRY(ct_key_pair_sign(pair, CT_STR("a text"), signature));
        if (signature[0] != 0 && signature[32] != 0)
            continue;
        TRY(ct_key_pair_verify(pair, CT_STR("a text"),
                               (struct ct_str){(const char *)signature, sizeof(signature)}));
        short_r = short_r || signature[0] == 0;
        short_s = short_s || signature[32] == 0;
    }
    EXPECT(short_r && short_s);
out:
    ct_key_pair_end(pair);
    key_file_close(&file);
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_private_keys_that_are_refused),
        CT_UNIT(test_previous_keys_that_are_refused),
        CT_UNIT(test_what_is_missing),
        CT_UNIT(test_a_private_key_that_is_not_asked_for),
        CT_UNIT(test_thumbprints),
        CT_UNIT(test_key_sets),
        CT_UNIT(test_short_numbers_in_signatures),
    };
    return ct_unit_main("accounts/token: keys", units, COUNT(units));
}
