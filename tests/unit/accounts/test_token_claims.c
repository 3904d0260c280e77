#include "accounts/token.h"

#include <stdio.h>
#include <string.h>

#include "forge.h"
#include "harness.h"
#include "keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NOW INT64_C(1700000000)
#define SECRET_TEXT "0123456789abcdef0123456789abcdef"
#define SECRET CT_STR(SECRET_TEXT)
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define CLAIMS "{\"sub\":\"42\",\"exp\":1700001800}"
/* HMAC-SHA256(SECRET, "kid"), the first 64 bits, and the same with its first character escaped. */
#define KEY_ID "UsVPKXn6Hy0"
#define KEY_ID_ESCAPED "\\u0055sVPKXn6Hy0"
#define HS256 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
#define PAYLOAD "eyJzdWIiOiI0MiIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAxODAwLCJqdGkiOiJ2ZWN0b3IifQ"

/* Tokens under a signature that is right: what header and claims may say. */

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

/* Each case: a header and claims under a right signature. */
struct forgery {
    const char *header;
    const char *claims;
};

static enum ct_result verify_forgeries(enum ct_result expected, const struct forgery *cases,
                                       size_t count)
{
    struct ct_token_keys *keys = NULL;
    struct ct_claims claims;
    enum ct_result result = CT_OK;
    struct ct_arena *lasting = ct_arena_new();
    TRY_MEMORY(lasting);
    TRY(load_secret(lasting, CT_HS256, SECRET_TEXT, &keys));

    for (size_t i = 0; i < count && result == CT_OK; i++) {
        struct ct_arena *arena = ct_arena_new();
        TRY_MEMORY(arena);
        struct ct_str token =
            forge_token(arena, SECRET, ct_str_of(cases[i].header), ct_str_of(cases[i].claims));
        if (token.at == NULL)
            result = CT_NOMEM;
        else
            result =
                expect(expected, ct_token_verify(arena, keys, token, NOW, &claims),
                       strcmp(cases[i].header, HEADER) == 0 ? cases[i].claims : cases[i].header);
        ct_arena_free(arena);
    }
out:
    ct_token_keys_free(keys);
    ct_arena_free(lasting);
    return result;
}

static enum ct_result test_headers_that_are_refused(void)
{
    static const struct forgery cases[] = {
        {"{\"alg\":\"none\",\"typ\":\"JWT\"}", CLAIMS},
        {"{\"alg\":\"None\"}", CLAIMS},
        {"{\"alg\":\"\"}", CLAIMS},
        {"{\"alg\":\"hs256\",\"typ\":\"JWT\"}", CLAIMS},
        {"{\"alg\":\"Hs256\"}", CLAIMS},
        {"{\"alg\":\"HS384\"}", CLAIMS},
        {"{\"alg\":\"HS512\"}", CLAIMS},
        {"{\"alg\":\"RS256\",\"typ\":\"JWT\"}", CLAIMS},
        {"{\"alg\":\"ES256\"}", CLAIMS},
        {"{\"alg\":\"HS2567\"}", CLAIMS},
        {"{\"alg\":\"HS25\"}", CLAIMS},
        {"{\"alg\":\" HS256\"}", CLAIMS},
        {"{\"alg\":\"HS25\\u0036\"}", CLAIMS},
        {"{\"alg\":256}", CLAIMS},
        {"{\"alg\":null}", CLAIMS},
        {"{\"alg\":true}", CLAIMS},
        {"{\"alg\":[\"HS256\"]}", CLAIMS},
        {"{\"alg\":{\"HS256\":\"HS256\"}}", CLAIMS},
        {"{\"a\\u006cg\":\"HS256\"}", CLAIMS},
        {"{\"ALG\":\"HS256\"}", CLAIMS},
        {"{\"typ\":\"JWT\"}", CLAIMS},
        {"{}", CLAIMS},
        {"{\"alg\":\"HS256\",\"alg\":\"HS256\"}", CLAIMS},
        {"{\"alg\":\"none\",\"alg\":\"HS256\"}", CLAIMS},
        {"{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", CLAIMS},
        {"{\"alg\":\"HS256\",\"crit\":[]}", CLAIMS},
        {"{\"alg\":\"HS256\",\"crit\":null}", CLAIMS},
        {"{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}", CLAIMS},
        {"{\"alg\":\"HS256\",\"typ\":\"JWE\"}", CLAIMS},
        {"{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", CLAIMS},
        {"{\"alg\":\"HS256\",\"typ\":5}", CLAIMS},
        {"[\"HS256\"]", CLAIMS},
        {"\"HS256\"", CLAIMS},
        {"HS256", CLAIMS},
        {"{alg:HS256}", CLAIMS},
        {"{'alg':'HS256'}", CLAIMS},
        {"{\"alg\":\"HS256\",\"kid\":\"1\"}", CLAIMS},
        {"{\"alg\":\"HS256\",\"kid\":\"\"}", CLAIMS},
        {"{\"alg\":\"HS256\",\"kid\":null}", CLAIMS},
        {"{\"alg\":\"HS256\",\"kid\":1}", CLAIMS},
        {"{\"alg\":\"HS256\",\"kid\":[\"" KEY_ID "\"]}", CLAIMS},
        {"{\"alg\":\"HS256\",\"kid\":\"" KEY_ID "A\"}", CLAIMS},
        {"{\"alg\":\"HS256\",\"kid\":\"" KEY_ID_ESCAPED "\"}", CLAIMS},
        {"{\"alg\":\"HS256\",\"kid\":\"" KEY_ID "\",\"kid\":\"" KEY_ID "\"}", CLAIMS},
        {"{\"alg\":\"HS384\",\"kid\":\"" KEY_ID "\"}", CLAIMS},
        {"{\"alg\":\"none\",\"kid\":\"" KEY_ID "\"}", CLAIMS},
        {"{\"kid\":\"" KEY_ID "\"}", CLAIMS},
        {"{\"alg\":\"HS256\"", CLAIMS},
        {"{\"alg\":\"HS256\"}}", CLAIMS},
        {"{\"alg\":\"HS256\"}{}", CLAIMS},
        {"{\"alg\":\"HS256\",}", CLAIMS},
        {"{,\"alg\":\"HS256\"}", CLAIMS},
        {"{\"alg\" \"HS256\"}", CLAIMS},
        {"{\"alg\":}", CLAIMS},
        {"\xEF\xBB\xBF{\"alg\":\"HS256\"}", CLAIMS},
        {"{\"alg\":\"HS256\",\"\xFF\":1}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":\"\xED\xA0\x80\"}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":\"\n\"}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":\"\\x\"}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":\"\\u12G4\"}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":\"\\u12", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":\"\\", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":\"", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":TRUE}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":nul}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":01}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":1.}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":.1}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":+1}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":-}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":1e}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":1e+}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":NaN}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":[1,]}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":[1}}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":[1}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":{\"y\":1]}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":{\"y\":1}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":\"\\u123\"}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":[", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":{1:2}}", CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":{\"y\"}}", CLAIMS},
        {"{\"alg\":\"HS256\"/**/}", CLAIMS},
        {"", CLAIMS},
    };
    return verify_forgeries(CT_DENIED, cases, COUNT(cases));
}

static enum ct_result test_headers_that_are_accepted(void)
{
    static const struct forgery cases[] = {
        {HEADER, CLAIMS},
        {"{\"alg\":\"HS256\"}", CLAIMS},
        {"{\"typ\":\"JWT\",\"alg\":\"HS256\"}", CLAIMS},
        {"{\"alg\":\"HS256\",\"typ\":\"jwt\"}", CLAIMS},
        {" {\r\n\t\"alg\" : \"HS256\" , \"kid\" : \"" KEY_ID "\" } \n", CLAIMS},
        {"{\"kid\":\"" KEY_ID "\",\"alg\":\"HS256\"}", CLAIMS},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KEY_ID "\"}", CLAIMS},
        /* where to find keys is not for a token to say */
        {"{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"},\"jku\":\"https://x.example/"
         "\"}",
         CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":[],\"y\":{},\"z\":[1,-2.5e+3,{\"a\":[true,false,null]}, [ ] ]}",
         CLAIMS},
        {"{\"alg\":\"HS256\",\"x\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9 \xC3\xA9\"}", CLAIMS},
        {"{\"alg\":\"HS256\",\"\":0,\"x\":-0.0E-1,\"y\":10}", CLAIMS},
    };
    return verify_forgeries(CT_OK, cases, COUNT(cases));
}

static enum ct_result test_claims_that_are_refused(void)
{
    static const struct forgery cases[] = {
        {HEADER, "{\"sub\":\"42\"}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":\"1700001800\"}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800.0}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800.5}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1.7e10}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":17E8}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":-1}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":-1700001800}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":0}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":-0}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":253402300800}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":9223372036854775807}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":9223372036854775808}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":18446744073709551616}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":100000000000000000000000000000000000000000}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700000000}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1699999999}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":null}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":true}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":[1700001800]}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":{\"exp\":1700001800}}"},
        {HEADER, "{\"sub\":\"42\",\"x\":{\"exp\":1700001800}}"},
        {HEADER, "{\"sub\":\"42\",\"EXP\":1700001800}"},
        {HEADER, "{\"sub\":\"42\",\"\\u0065xp\":1700001800}"},
        {HEADER, "{\"exp\":1700001800}"},
        {HEADER, "{\"sub\":42,\"exp\":1700001800}"},
        {HEADER, "{\"sub\":null,\"exp\":1700001800}"},
        {HEADER, "{\"sub\":[\"42\"],\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"\",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"0\",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"-1\",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"-0\",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"+1\",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"01\",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\" 1\",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"1 \",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"1.0\",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"1e3\",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"0x1\",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"alice\",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"1\\u0000\",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"\\u0031\",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"9223372036854775808\",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"18446744073709551658\",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"\xD9\xA1\",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"nbf\":1700000001}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"nbf\":\"1\"}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"nbf\":1.5}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"nbf\":null}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"iat\":\"1\"}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"iat\":-1}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"iat\":1.5}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"auth_time\":\"1\"}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"auth_time\":-1}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"auth_time\":1.5}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"auth_time\":null}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"auth_time\":253402300800}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"epoch\":-1}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"epoch\":\"1\"}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"epoch\":1.0}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"epoch\":1e3}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"epoch\":null}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"epoch\":9223372036854775808}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"epoch\":1,\"epoch\":1}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"auth_time\":1,\"auth_time\":1}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"jti\":1}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"jti\":null}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"jti\":\"\\u0041\"}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"aud\":\"others\"}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"aud\":[]}"},
        {HEADER, "{\"sub\":\"42\",\"sub\":\"42\",\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1,\"exp\":1700001800}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"su\\u0062\":\"43\"}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"x\":1,\"x\":1}"},
        {HEADER, "[{\"sub\":\"42\",\"exp\":1700001800}]"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800} x"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800"},
        {HEADER, "sub=42&exp=1700001800"},
        {HEADER, "{}"},
        {HEADER, "[]"},
        {HEADER, "null"},
        {HEADER, " "},
        {HEADER, ""},
    };
    return verify_forgeries(CT_DENIED, cases, COUNT(cases));
}

static enum ct_result test_claims_that_are_accepted(void)
{
    static const struct forgery cases[] = {
        {HEADER, "{\"sub\":\"42\",\"exp\":1700000001}"},
        {HEADER, "{\"exp\":253402300799,\"sub\":\"9223372036854775807\"}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"nbf\":1700000000,\"iat\":0,\"jti\":\"\"}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"auth_time\":0,\"epoch\":0}"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"epoch\":9223372036854775807}"},
        {HEADER, " { \"sub\" : \"42\" , \"exp\" : 1700001800 }\n"},
        {HEADER, "{\"sub\":\"42\",\"exp\":1700001800,\"iss\":\"x\",\"scope\":[\"a\",{\"b\":[]}]}"},
    };
    return verify_forgeries(CT_OK, cases, COUNT(cases));
}

static enum ct_result test_what_is_not_there(void)
{
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    struct ct_claims claims;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY(load_secret(arena, CT_HS256, SECRET_TEXT, &keys));
    memset(&claims, 0x5A, sizeof(claims));
    struct ct_str token =
        forge_token(arena, SECRET, CT_STR(HEADER), CT_STR("{\"sub\":\"42\",\"exp\":1700001800}"));
    TRY_MEMORY(token.at);
    TRY(ct_token_verify(arena, keys, token, NOW, &claims));
    EXPECT(claims.user_id == 42);
    EXPECT(claims.issued_at == 0);
    EXPECT(claims.expires_at == NOW + 1800);
    EXPECT(claims.login_at == 0);
    EXPECT(claims.epoch == 0);
    EXPECT(claims.id.len == 0);
    /* A refusal leaves it as it is. */
    EXPECT_RESULT(CT_DENIED, ct_token_verify(arena, keys, token, NOW + 1800, &claims));
    EXPECT(claims.user_id == 42);
out:
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return result;
}

/* The time of the login is that of the issue when nothing else is said, and kept apart when it is. */
static enum ct_result test_login_and_epoch(void)
{
    static const struct {
        const char *claims;
        int64_t issued_at;
        int64_t login_at;
        int64_t epoch;
    } cases[] = {
        {"{\"sub\":\"42\",\"exp\":1700001800,\"iat\":1699999000}", 1699999000, 1699999000, 0},
        {"{\"sub\":\"42\",\"exp\":1700001800,\"iat\":1699999000,\"auth_time\":1690000000,\"epoch\":"
         "7}",
         1699999000, 1690000000, 7},
        {"{\"auth_time\":1690000000,\"sub\":\"42\",\"exp\":1700001800}", 0, 1690000000, 0},
        {"{\"auth_time\":0,\"iat\":5,\"sub\":\"42\",\"exp\":1700001800}", 5, 0, 0},
    };
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    struct ct_claims claims;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY(load_secret(arena, CT_HS256, SECRET_TEXT, &keys));
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ct_str token =
            forge_token(arena, SECRET, CT_STR(HEADER), ct_str_of(cases[i].claims));
        TRY_MEMORY(token.at);
        TRY(ct_token_verify(arena, keys, token, NOW, &claims));
        EXPECT(claims.issued_at == cases[i].issued_at);
        EXPECT(claims.login_at == cases[i].login_at);
        EXPECT(claims.epoch == cases[i].epoch);
    }
out:
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return result;
}

/* Nesting without end, and more members than there is room for. */
static enum ct_result test_json_bombs(void)
{
    static const char *const openings[] = {"[", "{\"a\":", "[{\"a\":"};
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    struct ct_claims claims;
    char json[2900];
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY(load_secret(arena, CT_HS256, SECRET_TEXT, &keys));

    for (size_t i = 0; i < COUNT(openings); i++) {
        size_t used =
            (size_t)snprintf(json, sizeof(json), "{\"sub\":\"42\",\"exp\":1700001800,\"x\":");
        while (used + strlen(openings[i]) < sizeof(json))
            used += (size_t)snprintf(json + used, sizeof(json) - used, "%s", openings[i]);
        struct ct_str token =
            forge_token(arena, SECRET, CT_STR(HEADER), (struct ct_str){json, used});
        TRY_MEMORY(token.at);
        EXPECT_RESULT(CT_DENIED, ct_token_verify(arena, keys, token, NOW, &claims));
    }
    for (int members = 30; members <= 31; members++) {
        size_t used = (size_t)snprintf(json, sizeof(json), "{\"sub\":\"42\",\"exp\":1700001800");
        for (int i = 0; i < members; i++)
            used += (size_t)snprintf(json + used, sizeof(json) - used, ",\"%d\":%d", i, i);
        used += (size_t)snprintf(json + used, sizeof(json) - used, "}");
        struct ct_str token =
            forge_token(arena, SECRET, CT_STR(HEADER), (struct ct_str){json, used});
        TRY_MEMORY(token.at);
        EXPECT_RESULT(members == 30 ? CT_OK : CT_DENIED,
                      ct_token_verify(arena, keys, token, NOW, &claims));
    }
    for (int depth = 16; depth <= 17; depth++) {
        size_t used =
            (size_t)snprintf(json, sizeof(json), "{\"sub\":\"42\",\"exp\":1700001800,\"x\":");
        for (int i = 0; i < depth; i++)
            json[used++] = '[';
        for (int i = 0; i < depth; i++)
            json[used++] = ']';
        json[used++] = '}';
        struct ct_str token =
            forge_token(arena, SECRET, CT_STR(HEADER), (struct ct_str){json, used});
        TRY_MEMORY(token.at);
        EXPECT_RESULT(depth == 16 ? CT_OK : CT_DENIED,
                      ct_token_verify(arena, keys, token, NOW, &claims));
    }
out:
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return result;
}

/* Under a signature that is right, a part that is no base64url in its one spelling. */
static enum ct_result test_signed_parts_that_are_no_base64url(void)
{
    static const struct {
        const char *header;
        const char *payload;
    } cases[] = {
        {HS256 "=", PAYLOAD},
        {HS256 "A", PAYLOAD},
        {HS256 "\n", PAYLOAD},
        {" " HS256, PAYLOAD},
        {"eyJhbGciOiJIUzI1NiJ9+", PAYLOAD},
        {"", PAYLOAD},
        {HS256, ""},
        {HS256, PAYLOAD "="},
        {HS256, PAYLOAD "=="},
        {HS256, PAYLOAD "\n"},
        {HS256, " " PAYLOAD},
        {HS256, PAYLOAD "!"},
        {HS256, PAYLOAD "A"},
        /* … "vector"} with stray bits: Q = 16, R = 17 */
        {HS256,
         "eyJzdWIiOiI0MiIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAxODAwLCJqdGkiOiJ2ZWN0b3IifR"},
        /* {"sub":"42","exp":1700001800,"x":"???"} in the alphabet of RFC 4648 section 4 */
        {HS256, "eyJzdWIiOiI0MiIsImV4cCI6MTcwMDAwMTgwMCwieCI6Ij8/PyJ9"},
    };
    enum ct_result result = CT_OK;
    struct ct_token_keys *keys = NULL;
    struct ct_claims claims;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY(load_secret(arena, CT_HS256, SECRET_TEXT, &keys));

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ct_str token = forge_parts(arena, SECRET, cases[i].header, cases[i].payload);
        TRY_MEMORY(token.at);
        TRY(expect(CT_DENIED, ct_token_verify(arena, keys, token, NOW, &claims), token.at));
    }
    struct ct_str good =
        forge_parts(arena, SECRET, HS256, "eyJzdWIiOiI0MiIsImV4cCI6MTcwMDAwMTgwMCwieCI6Ij8_PyJ9");
    TRY_MEMORY(good.at);
    TRY(ct_token_verify(arena, keys, good, NOW, &claims));
out:
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_headers_that_are_refused),
        CT_UNIT(test_headers_that_are_accepted),
        CT_UNIT(test_claims_that_are_refused),
        CT_UNIT(test_claims_that_are_accepted),
        CT_UNIT(test_what_is_not_there),
        CT_UNIT(test_login_and_epoch),
        CT_UNIT(test_json_bombs),
        CT_UNIT(test_signed_parts_that_are_no_base64url),
    };
    return ct_unit_main("accounts/token: claims", units, COUNT(units));
}
