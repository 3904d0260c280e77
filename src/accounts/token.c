#include "accounts/token.h"

#include <errno.h>
#include <jwt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/random.h"

/* Room for any token of ours many times over; what is longer is not worth a hash. */
#define MAX_TOKEN_BYTES 4096
/* Claims, or header parameters: of more than this, none is ours. */
#define MAX_MEMBERS 32
/* Arrays and objects in one another in the value of one. */
#define MAX_DEPTH 16
#define ID_BYTES 16
/* The end of the year 9999, the last that RFC 3339 can write. */
#define MAX_TIME_S INT64_C(253402300799)

struct algorithm {
    jwt_alg_t id;
    struct ct_str name;   /* RFC 7518 section 3.1 */
    struct ct_str header; /* {"alg":"HS…","typ":"JWT"} in base64url */
    size_t size;          /* bytes of the MAC */
};

static struct algorithm algorithm_of(enum ct_algorithm algorithm)
{
    switch (algorithm) {
    case CT_HS384:
        return (struct algorithm){JWT_ALG_HS384, CT_STR("HS384"),
                                  CT_STR("eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9"), 48};
    case CT_HS512:
        return (struct algorithm){JWT_ALG_HS512, CT_STR("HS512"),
                                  CT_STR("eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9"), 64};
    case CT_HS256:
        break;
    }
    return (struct algorithm){JWT_ALG_HS256, CT_STR("HS256"),
                              CT_STR("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"), 32};
}

static const unsigned char *secret_of(const struct ct_token_key *key)
{
    return (const unsigned char *)key->secret.at;
}

/* libjwt takes an empty secret for none, and then checks nothing. */
static bool secret_usable(const struct ct_token_key *key)
{
    return key->secret.len > 0 && key->secret.len <= INT_MAX;
}

/* ------------------------------------------------------------------------- the members of an object */

/* Headers and claims are compared where they stand, as they were written: a name or a claim of ours
 * has no need of an escape. */

struct member {
    struct ct_str name; /* without its quotes */
    struct ct_json value;
};

struct members {
    struct member at[MAX_MEMBERS];
    size_t count;
};

static struct ct_str inside_quotes(struct ct_json string)
{
    return (struct ct_str){string.text.at + 1, string.text.len - 2};
}

static bool has_escape(struct ct_str written)
{
    return memchr(written.at, '\\', written.len) != NULL;
}

/* Asked before the text is read, so that a token cannot choose how much of the stack that takes. In a
 * text that is no JSON the count is right as far as the reader comes. */
static bool nested_too_deeply(struct ct_str json)
{
    size_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < json.len; i++) {
        char c = json.at[i];
        if (c == '"')
            in_string = !in_string;
        else if (in_string && c == '\\')
            i++; /* what is escaped may be a quote */
        else if (!in_string && (c == '{' || c == '[') && depth++ == 1 + MAX_DEPTH)
            return true;
        else if (!in_string && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return false;
}

static const struct ct_json *find(const struct members *members, struct ct_str name)
{
    for (size_t i = 0; i < members->count; i++) {
        if (ct_str_equal(members->at[i].name, name))
            return &members->at[i].value;
    }
    return NULL;
}

/* A name may come once only (RFC 7519 section 4), and may hold no escape, or it could be two
 * names. */
static bool read_object(struct ct_str json, struct members *out)
{
    struct ct_json object;
    struct ct_json_fault ignored;
    struct ct_json name;
    struct ct_json value;
    size_t at = 0;

    out->count = 0;
    if (nested_too_deeply(json) || !ct_json_read(json, &object, &ignored) ||
        object.kind != CT_JSON_OBJECT)
        return false;
    while (ct_json_next_member(object, &at, &name, &value)) {
        struct member member = {inside_quotes(name), value};
        if (has_escape(member.name) || find(out, member.name) != NULL || out->count == MAX_MEMBERS)
            return false;
        out->at[out->count++] = member;
    }
    return true;
}

/* ----------------------------------------------------------------------------------- the rules */

struct parts {
    struct ct_str header;
    struct ct_str payload;
    struct ct_str signature;
};

/* At the first two dots: the alphabet of a part has no third. */
static bool split(struct ct_str token, struct parts *out)
{
    if (token.len == 0 || token.len > MAX_TOKEN_BYTES)
        return false;
    const char *end = token.at + token.len;
    const char *first = memchr(token.at, '.', token.len);
    if (first == NULL)
        return false;
    const char *second = memchr(first + 1, '.', (size_t)(end - first - 1));
    if (second == NULL)
        return false;
    out->header = (struct ct_str){token.at, (size_t)(first - token.at)};
    out->payload = (struct ct_str){first + 1, (size_t)(second - first - 1)};
    out->signature = (struct ct_str){second + 1, (size_t)(end - second - 1)};
    return true;
}

/* `alg` is the one of the key, in this spelling; `typ`, when there, is JWT; no `crit`: whatever it
 * named, this program would not understand it (RFC 7515 section 4.1.11). */
static bool header_acceptable(struct ct_str json, enum ct_algorithm algorithm)
{
    struct members members;

    if (!read_object(json, &members) || find(&members, CT_STR("crit")) != NULL)
        return false;
    const struct ct_json *alg = find(&members, CT_STR("alg"));
    const struct ct_json *typ = find(&members, CT_STR("typ"));
    return alg != NULL && alg->kind == CT_JSON_STRING &&
           ct_str_equal(inside_quotes(*alg), algorithm_of(algorithm).name) &&
           (typ == NULL || (typ->kind == CT_JSON_STRING &&
                            ct_str_equal_nocase(inside_quotes(*typ), CT_STR("JWT"))));
}

/* A time in whole seconds (RFC 7519 section 2, NumericDate). A claim that is not there leaves *out
 * as it is. */
static bool read_time(const struct members *claims, struct ct_str name, int64_t *out)
{
    const struct ct_json *claim = find(claims, name);

    if (claim == NULL)
        return true;
    return claim->kind == CT_JSON_INTEGER && ct_int_parse(claim->text, out) == CT_OK && *out >= 0 &&
           *out <= MAX_TIME_S;
}

/* A user's id: a decimal number from 1, in the one spelling that it has. */
static bool read_user_id(const struct members *claims, int64_t *out)
{
    const struct ct_json *claim = find(claims, CT_STR("sub"));

    if (claim == NULL || claim->kind != CT_JSON_STRING)
        return false;
    struct ct_str digits = inside_quotes(*claim);
    return digits.len > 0 && digits.at[0] >= '1' && ct_int_parse(digits, out) == CT_OK;
}

static bool read_id(const struct members *claims, struct ct_str *out)
{
    const struct ct_json *claim = find(claims, CT_STR("jti"));

    if (claim == NULL)
        return true;
    if (claim->kind != CT_JSON_STRING)
        return false;
    *out = inside_quotes(*claim);
    return !has_escape(*out);
}

static bool claims_acceptable(struct ct_str json, int64_t now_s, struct ct_claims *out)
{
    struct members members;
    struct ct_claims claims = {.expires_at = INT64_MIN, .id = CT_STR("")};
    int64_t not_before = INT64_MIN;

    /* `aud` names others: this program is no audience (RFC 7519 section 4.1.3). */
    if (!read_object(json, &members) || find(&members, CT_STR("aud")) != NULL)
        return false;
    if (!read_user_id(&members, &claims.user_id) ||
        !read_time(&members, CT_STR("iat"), &claims.issued_at) ||
        !read_time(&members, CT_STR("exp"), &claims.expires_at) ||
        !read_time(&members, CT_STR("nbf"), &not_before) || !read_id(&members, &claims.id))
        return false;
    /* What has no `exp` has always been expired. */
    if (now_s >= claims.expires_at || now_s < not_before)
        return false;
    *out = claims;
    return true;
}

/* CT_DENIED when the signature is not that of the text in front of it. The token is known to be
 * three parts of well-formed base64url, with a header that names the key's algorithm: libjwt alone
 * would go by the algorithm of the header, in any case of letters, and read base64 leniently. */
static enum ct_result check_signature(const struct ct_token_key *key, const char *token)
{
    jwt_t *jwt = NULL;
    int error = jwt_decode(&jwt, token, secret_of(key), (int)key->secret.len);
    /* When it cannot copy the secret it answers 0, with an object that was never checked. */
    bool checked = error == 0 && jwt_get_alg(jwt) == algorithm_of(key->algorithm).id;

    if (error == 0)
        jwt_free(jwt);
    if (checked)
        return CT_OK;
    return error == 0 || error == ENOMEM ? CT_NOMEM : CT_DENIED;
}

enum ct_result ct_token_verify(struct ct_arena *arena, const struct ct_token_key *key,
                               struct ct_str token, int64_t now_s, struct ct_claims *out)
{
    struct algorithm algorithm = algorithm_of(key->algorithm);
    struct parts parts;
    struct ct_str mac;
    struct ct_str json;
    struct ct_claims claims;
    enum ct_result result = CT_DENIED;

    if (!secret_usable(key) || !split(token, &parts))
        goto out;
    result = ct_base64url_decode(arena, parts.signature, &mac);
    if (result != CT_OK)
        goto out;
    result = CT_DENIED;
    if (mac.len != algorithm.size)
        goto out;
    /* A header just like ours needs no reading. */
    if (!ct_str_equal(parts.header, algorithm.header)) {
        result = ct_base64url_decode(arena, parts.header, &json);
        if (result != CT_OK)
            goto out;
        result = CT_DENIED;
        if (!header_acceptable(json, key->algorithm))
            goto out;
    }
    result = ct_base64url_decode(arena, parts.payload, &json);
    if (result != CT_OK)
        goto out;
    result = CT_DENIED;
    if (!claims_acceptable(json, now_s, &claims))
        goto out;

    const char *text = ct_str_dup(arena, token);
    result = CT_NOMEM;
    if (text == NULL)
        goto out;
    result = check_signature(key, text);
    /* In most places libjwt answers EINVAL for want of memory too: a refusal is asked for twice. */
    if (result == CT_DENIED)
        result = check_signature(key, text);
    if (result == CT_OK)
        *out = claims;
out:
    return result == CT_INVALID ? CT_DENIED : result;
}

/* A token with these claims, to be freed; NULL without memory. */
static char *encode(const struct ct_token_key *key, const char *subject, int64_t issued_at,
                    int64_t expires_at, const char *id)
{
    jwt_t *jwt = NULL;
    char *token = NULL;

    if (jwt_new(&jwt) == 0 &&
        jwt_set_alg(jwt, algorithm_of(key->algorithm).id, secret_of(key), (int)key->secret.len) ==
            0 &&
        jwt_add_grant(jwt, "sub", subject) == 0 && jwt_add_grant_int(jwt, "iat", issued_at) == 0 &&
        jwt_add_grant_int(jwt, "exp", expires_at) == 0 && jwt_add_grant(jwt, "jti", id) == 0)
        token = jwt_encode_str(jwt);
    jwt_free(jwt);
    return token;
}

enum ct_result ct_token_issue(struct ct_arena *arena, const struct ct_token_key *key,
                              int64_t user_id, int64_t now_s, int64_t lifetime_s,
                              struct ct_str *out)
{
    uint8_t id[ID_BYTES];
    int64_t expires_at;

    if (!secret_usable(key) || __builtin_add_overflow(now_s, lifetime_s, &expires_at) ||
        expires_at > MAX_TIME_S)
        return CT_INVALID;
    enum ct_result result = ct_random_bytes(id, sizeof(id));
    if (result != CT_OK)
        return result;
    const char *id_text = ct_base64url(arena, id, sizeof(id));
    const char *subject = ct_arena_printf(arena, "%lld", (long long)user_id);
    if (id_text == NULL || subject == NULL)
        return CT_NOMEM;
    char *token = encode(key, subject, now_s, expires_at, id_text);
    if (token == NULL)
        return CT_NOMEM;
    const char *text = ct_str_dup(arena, ct_str_of(token));
    free(token);
    if (text == NULL)
        return CT_NOMEM;
    /* With no memory for the MAC, libjwt signs with what lies where it would have been. */
    if (check_signature(key, text) != CT_OK)
        return CT_NOMEM;
    *out = ct_str_of(text);
    return CT_OK;
}
