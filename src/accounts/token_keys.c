#include "accounts/token_keys.h"

#include <assert.h>
#include <string.h>

#define PRIVATE_KEY "JWT_PRIVATE_KEY_FILE"
#define PREVIOUS_KEY "JWT_PREVIOUS_KEY_FILE"

/* The key becomes one of the keys, also when this fails. */
static enum ct_result add(struct ct_arena *arena, struct ct_token_keys *keys,
                          struct ct_signing_key *key)
{
    assert(keys->count < CT_TOKEN_KEYS_MOST);
    struct ct_token_key *added = &keys->at[keys->count++];

    added->key = key;
    const char *json = ct_arena_printf(arena, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
                                       ct_signing_key_algorithm(key).at, ct_signing_key_id(key).at);
    if (json == NULL)
        return CT_NOMEM;
    added->header = ct_str_of(ct_base64url(arena, json, strlen(json)));
    return added->header.len > 0 ? CT_OK : CT_NOMEM;
}

static enum ct_result add_secret(struct ct_arena *arena, struct ct_token_keys *keys,
                                 enum ct_algorithm algorithm, const char *secret)
{
    struct ct_signing_key *key;
    enum ct_result result = ct_signing_key_of_secret(arena, algorithm, ct_str_of(secret), &key);
    return result == CT_OK ? add(arena, keys, key) : result;
}

static enum ct_result add_pair(struct ct_arena *arena, struct ct_token_keys *keys,
                               struct ct_key_pair *pair)
{
    struct ct_signing_key *key;
    enum ct_result result = ct_signing_key_of_pair(arena, pair, &key);
    return result == CT_OK ? add(arena, keys, key) : result;
}

static enum ct_result add_private_key(struct ct_arena *arena, const struct ct_config *config,
                                      struct ct_token_keys *keys, const char **why)
{
    const char *wanted = ct_algorithm_name((enum ct_algorithm)config->algorithm).at;
    const char *path = config->jwt_private_key_file;
    struct ct_key_pair *pair = NULL;

    if (path[0] == '\0') {
        *why = ct_arena_printf(
            arena, PRIVATE_KEY " is not set: ALGORITHM=%s needs the file of a private key", wanted);
        return *why == NULL ? CT_NOMEM : CT_INVALID;
    }
    enum ct_result result = ct_key_pair_read(arena, PRIVATE_KEY, path, &pair, why);
    if (result != CT_OK)
        return result;
    enum ct_algorithm algorithm = ct_key_pair_algorithm(pair);
    if (ct_key_pair_is_private(pair) && algorithm == (enum ct_algorithm)config->algorithm)
        return add_pair(arena, keys, pair);
    if (!ct_key_pair_is_private(pair))
        *why = ct_arena_printf(arena, PRIVATE_KEY ": %s has a public key: it cannot sign", path);
    else
        *why = ct_arena_printf(arena, PRIVATE_KEY ": %s has a key for %s, but ALGORITHM is %s",
                               path, ct_algorithm_name(algorithm).at, wanted);
    ct_key_pair_end(pair);
    return *why == NULL ? CT_NOMEM : CT_INVALID;
}

/* The way from a secret to a key pair: no setting says any more which of the three it was for, so each
 * counts for which it is long enough (RFC 7518 section 3.2). */
static enum ct_result add_secret_of_before(struct ct_arena *arena, const char *secret,
                                           struct ct_token_keys *keys, const char **why)
{
    static const struct {
        enum ct_algorithm algorithm;
        size_t least;
    } algorithms[] = {{CT_HS256, 32}, {CT_HS384, 48}, {CT_HS512, 64}};
    enum ct_result result = CT_OK;

    if (strlen(secret) < algorithms[0].least) {
        *why = "SECRET_KEY_PREVIOUS has less than 32 bytes: with ALGORITHM=RS256 or ES256 a secret "
               "so short is not accepted";
        return CT_INVALID;
    }
    for (size_t i = 0; i < 3 && result == CT_OK; i++) {
        if (strlen(secret) >= algorithms[i].least)
            result = add_secret(arena, keys, algorithms[i].algorithm, secret);
    }
    return result;
}

static enum ct_result add_all(struct ct_arena *arena, const struct ct_config *config,
                              struct ct_token_keys *keys, const char **why)
{
    enum ct_algorithm algorithm = (enum ct_algorithm)config->algorithm;
    bool with_pair = algorithm == CT_RS256 || algorithm == CT_ES256;
    struct ct_key_pair *pair = NULL;
    enum ct_result result;

    if (!with_pair && config->secret_key[0] == '\0') {
        *why = "SECRET_KEY is not set: without it no token can be signed";
        return CT_INVALID;
    }
    result = with_pair ? add_private_key(arena, config, keys, why)
                       : add_secret(arena, keys, algorithm, config->secret_key);
    if (result == CT_OK && config->secret_key_previous[0] != '\0')
        result = with_pair ? add_secret_of_before(arena, config->secret_key_previous, keys, why)
                           : add_secret(arena, keys, algorithm, config->secret_key_previous);
    if (result != CT_OK || config->jwt_previous_key_file[0] == '\0')
        return result;
    result = ct_key_pair_read(arena, PREVIOUS_KEY, config->jwt_previous_key_file, &pair, why);
    if (result != CT_OK)
        return result;
    ct_key_pair_drop_private(pair);
    return add_pair(arena, keys, pair);
}

enum ct_result ct_token_keys_load(struct ct_arena *arena, const struct ct_config *config,
                                  struct ct_token_keys **out, const char **why)
{
    struct ct_token_keys *keys = ct_arena_alloc(arena, sizeof(*keys));
    if (keys == NULL)
        return CT_NOMEM;
    enum ct_result result = add_all(arena, config, keys, why);
    if (result == CT_OK)
        *out = keys;
    else
        ct_token_keys_free(keys);
    return result;
}

void ct_token_keys_free(struct ct_token_keys *keys)
{
    if (keys == NULL)
        return;
    for (size_t i = 0; i < keys->count; i++)
        ct_signing_key_end(keys->at[i].key);
    keys->count = 0;
}

/* Whether a key in front of this one has the same id: then it is the same key. */
static bool is_listed(const struct ct_token_keys *keys, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (ct_str_equal(ct_signing_key_id(keys->at[i].key), ct_signing_key_id(keys->at[at].key)))
            return true;
    }
    return false;
}

enum ct_result ct_token_jwks(struct ct_arena *arena, const struct ct_token_keys *keys,
                             struct ct_str *out)
{
    struct ct_buf text = ct_buf_in(arena);
    bool any = false;

    ct_buf_text(&text, "{\"keys\":[");
    for (size_t i = 0; i < keys->count; i++) {
        const struct ct_key_pair *pair = ct_signing_key_pair(keys->at[i].key);
        if (pair == NULL || is_listed(keys, i))
            continue;
        if (any)
            ct_buf_char(&text, ',');
        ct_key_pair_jwk(pair, &text);
        any = true;
    }
    ct_buf_text(&text, "]}");
    struct ct_str done = ct_buf_done(&text);
    if (text.failed)
        return CT_NOMEM;
    *out = done;
    return CT_OK;
}
