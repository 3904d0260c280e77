#include "accounts/token.h"

#include <string.h>

#include "accounts/token_keys.h"
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

/* What a header says of the key. Borrows the token's JSON. */
struct header {
    struct ct_str algorithm;
    struct ct_str key_id;
    bool names_key;
};

/* A member whose value is a text without escapes: true, and *there says whether there is one. */
static bool read_text(const struct members *members, struct ct_str name, struct ct_str *out,
                      bool *there)
{
    const struct ct_json *value = find(members, name);

    *there = value != NULL;
    if (value == NULL)
        return true;
    if (value->kind != CT_JSON_STRING)
        return false;
    *out = inside_quotes(*value);
    return !has_escape(*out);
}

/* `alg` must be there; `typ`, when there, is JWT; no `crit`: whatever it named, this program would not
 * understand it (RFC 7515 section 4.1.11). */
static bool read_header(struct ct_str json, struct header *out)
{
    struct members members;
    struct ct_str type;
    bool has_algorithm;
    bool has_type;

    if (!read_object(json, &members) || find(&members, CT_STR("crit")) != NULL)
        return false;
    return read_text(&members, CT_STR("alg"), &out->algorithm, &has_algorithm) && has_algorithm &&
           read_text(&members, CT_STR("kid"), &out->key_id, &out->names_key) &&
           read_text(&members, CT_STR("typ"), &type, &has_type) &&
           (!has_type || ct_str_equal_nocase(type, CT_STR("JWT")));
}

/* Whether a token with this header may be of this key. The algorithm is the key's own: a header that
 * names another one leads to no key, whatever it says besides. */
static bool is_candidate(const struct ct_signing_key *key, const struct header *header)
{
    return ct_str_equal(header->algorithm, ct_signing_key_algorithm(key)) &&
           (!header->names_key || ct_str_equal(header->key_id, ct_signing_key_id(key)));
}

/* A whole number from 0. A claim that is not there leaves *out as it is. */
static bool read_count(const struct members *claims, struct ct_str name, int64_t *out)
{
    const struct ct_json *claim = find(claims, name);

    return claim == NULL ||
           (claim->kind == CT_JSON_INTEGER && ct_int_parse(claim->text, out) == CT_OK && *out >= 0);
}

/* A time in whole seconds (RFC 7519 section 2, NumericDate). */
static bool read_time(const struct members *claims, struct ct_str name, int64_t *out)
{
    return read_count(claims, name, out) && *out <= MAX_TIME_S;
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

static bool claims_acceptable(struct ct_str json, int64_t now_s, struct ct_claims *out)
{
    struct members members;
    struct ct_claims claims = {.expires_at = INT64_MIN, .id = CT_STR("")};
    int64_t not_before = INT64_MIN;
    bool has_id;

    /* `aud` names others: this program is no audience (RFC 7519 section 4.1.3). */
    if (!read_object(json, &members) || find(&members, CT_STR("aud")) != NULL)
        return false;
    if (!read_user_id(&members, &claims.user_id) ||
        !read_time(&members, CT_STR("iat"), &claims.issued_at) ||
        !read_time(&members, CT_STR("exp"), &claims.expires_at) ||
        !read_time(&members, CT_STR("nbf"), &not_before) ||
        !read_count(&members, CT_STR("epoch"), &claims.epoch) ||
        !read_text(&members, CT_STR("jti"), &claims.id, &has_id))
        return false;
    claims.login_at = claims.issued_at;
    if (!read_time(&members, CT_STR("auth_time"), &claims.login_at))
        return false;
    /* What has no `exp` has always been expired. */
    if (now_s >= claims.expires_at || now_s < not_before)
        return false;
    *out = claims;
    return true;
}

/* Which keys a token may be of: a bit for each, none when its header is not acceptable. */
static enum ct_result find_candidates(struct ct_arena *arena, const struct ct_token_keys *keys,
                                      struct ct_str encoded, unsigned *out)
{
    struct ct_str json;
    struct header header;

    /* A header just like ours needs no reading. */
    for (size_t i = 0; i < keys->count; i++) {
        if (ct_str_equal(encoded, keys->at[i].header)) {
            *out = 1U << i;
            return CT_OK;
        }
    }
    *out = 0;
    enum ct_result result = ct_base64url_decode(arena, encoded, &json);
    if (result != CT_OK || !read_header(json, &header))
        return result;
    for (size_t i = 0; i < keys->count; i++) {
        if (is_candidate(keys->at[i].key, &header))
            *out |= 1U << i;
    }
    return CT_OK;
}

enum ct_result ct_token_verify(struct ct_arena *arena, const struct ct_token_keys *keys,
                               struct ct_str token, int64_t now_s, struct ct_claims *out)
{
    struct parts parts;
    struct ct_str signature;
    struct ct_str json;
    struct ct_claims claims;
    unsigned candidates;

    if (!split(token, &parts))
        return CT_DENIED;
    enum ct_result result = ct_base64url_decode(arena, parts.signature, &signature);
    if (result == CT_OK)
        result = find_candidates(arena, keys, parts.header, &candidates);
    if (result == CT_OK)
        result = candidates == 0 ? CT_DENIED : ct_base64url_decode(arena, parts.payload, &json);
    if (result != CT_OK)
        return result == CT_INVALID ? CT_DENIED : result;
    /* Before the signature: this costs less. */
    if (!claims_acceptable(json, now_s, &claims))
        return CT_DENIED;
    struct ct_str signed_text = {token.at, parts.header.len + 1 + parts.payload.len};
    result = CT_DENIED;
    for (size_t i = 0; i < keys->count && result == CT_DENIED; i++) {
        if ((candidates & 1U << i) != 0)
            result = ct_signing_key_verify(keys->at[i].key, signed_text, signature);
    }
    if (result == CT_OK)
        *out = claims;
    return result;
}

static bool is_time(int64_t time_s)
{
    return time_s >= 0 && time_s <= MAX_TIME_S;
}

static const char *claims_text(struct ct_arena *arena, const struct ct_claims *claims,
                               const char *id)
{
    struct ct_buf json = ct_buf_in(arena);

    ct_buf_printf(&json,
                  "{\"sub\":\"%lld\",\"iat\":%lld,\"exp\":%lld,\"auth_time\":%lld,\"jti\":\"%s\"",
                  (long long)claims->user_id, (long long)claims->issued_at,
                  (long long)claims->expires_at, (long long)claims->login_at, id);
    if (claims->epoch != 0)
        ct_buf_printf(&json, ",\"epoch\":%lld", (long long)claims->epoch);
    ct_buf_char(&json, '}');
    struct ct_str text = ct_buf_done(&json);
    return json.failed ? NULL : ct_base64url(arena, text.at, text.len);
}

enum ct_result ct_token_issue(struct ct_arena *arena, const struct ct_token_keys *keys,
                              const struct ct_claims *claims, struct ct_str *out)
{
    const struct ct_token_key *key = &keys->at[0];
    uint8_t id[ID_BYTES];

    if (claims->user_id < 1 || claims->epoch < 0 || !is_time(claims->issued_at) ||
        !is_time(claims->expires_at) || !is_time(claims->login_at))
        return CT_INVALID;
    enum ct_result result = ct_random_bytes(id, sizeof(id));
    if (result != CT_OK)
        return result;
    size_t size = ct_signing_key_size(key->key);
    uint8_t *signature = ct_arena_alloc(arena, size);
    const char *id_text = ct_base64url(arena, id, sizeof(id));
    if (signature == NULL || id_text == NULL)
        return CT_NOMEM;
    const char *payload = claims_text(arena, claims, id_text);
    if (payload == NULL)
        return CT_NOMEM;
    const char *text = ct_arena_printf(arena, "%s.%s", key->header.at, payload);
    if (text == NULL)
        return CT_NOMEM;
    result = ct_signing_key_sign(key->key, ct_str_of(text), signature);
    if (result != CT_OK)
        return result;
    const char *end = ct_base64url(arena, signature, size);
    const char *token = end == NULL ? NULL : ct_arena_printf(arena, "%s.%s", text, end);
    if (token == NULL)
        return CT_NOMEM;
    *out = ct_str_of(token);
    return CT_OK;
}
