#include "accounts/signing_key.h"

#include <nettle/hmac.h>
#include <nettle/sha2.h>
#include <string.h>

/* How much of an HMAC names a secret: enough to tell keys apart. */
#define SECRET_ID_BYTES 8

/* SHA-384 is SHA-512 with another start. */
union hash_state {
    struct sha256_ctx sha256;
    struct sha512_ctx sha512;
};

/* An HMAC's two halves with the padded key already hashed in (RFC 2104 section 4). */
struct secret {
    const struct nettle_hash *hash;
    union hash_state outer;
    union hash_state inner;
};

struct ct_signing_key {
    enum ct_algorithm algorithm;
    struct ct_str id;
    size_t size;
    struct ct_key_pair *pair; /* NULL: a secret */
    struct secret secret;
};

struct ct_str ct_algorithm_name(enum ct_algorithm algorithm)
{
    static const struct ct_str names[] = {
        [CT_HS256] = {"HS256", 5}, [CT_HS384] = {"HS384", 5}, [CT_HS512] = {"HS512", 5},
        [CT_RS256] = {"RS256", 5}, [CT_ES256] = {"ES256", 5},
    };
    return names[algorithm];
}

struct ct_str ct_signing_key_algorithm(const struct ct_signing_key *key)
{
    return ct_algorithm_name(key->algorithm);
}

struct ct_str ct_signing_key_id(const struct ct_signing_key *key)
{
    return key->id;
}

size_t ct_signing_key_size(const struct ct_signing_key *key)
{
    return key->size;
}

const struct ct_key_pair *ct_signing_key_pair(const struct ct_signing_key *key)
{
    return key->pair;
}

void ct_signing_key_end(struct ct_signing_key *key)
{
    if (key == NULL)
        return;
    ct_key_pair_end(key->pair);
    explicit_bzero(key, sizeof(*key));
}

static void set_secret(struct secret *secret, const struct nettle_hash *hash, struct ct_str text)
{
    union hash_state state;

    secret->hash = hash;
    hmac_set_key(&secret->outer, &secret->inner, &state, hash, text.len, (const uint8_t *)text.at);
    explicit_bzero(&state, sizeof(state));
}

/* The first @p size bytes of the HMAC. */
static void mac(const struct secret *secret, struct ct_str text, size_t size, uint8_t *out)
{
    union hash_state state = secret->inner;

    hmac_update(&state, secret->hash, text.len, (const uint8_t *)text.at);
    hmac_digest(&secret->outer, &secret->inner, &state, secret->hash, size, out);
    explicit_bzero(&state, sizeof(state)); /* as good as the key */
}

/* It is no part of any token: what is signed for one has a dot in it. */
static const char *name_of_secret(struct ct_arena *arena, struct ct_str text)
{
    struct secret secret;
    uint8_t id[SECRET_ID_BYTES];

    set_secret(&secret, &nettle_sha256, text);
    mac(&secret, CT_STR("kid"), sizeof(id), id);
    explicit_bzero(&secret, sizeof(secret));
    return ct_base64url(arena, id, sizeof(id));
}

enum ct_result ct_signing_key_of_secret(struct ct_arena *arena, enum ct_algorithm algorithm,
                                        struct ct_str secret, struct ct_signing_key **out)
{
    const struct nettle_hash *hash = algorithm == CT_HS256   ? &nettle_sha256
                                     : algorithm == CT_HS384 ? &nettle_sha384
                                     : algorithm == CT_HS512 ? &nettle_sha512
                                                             : NULL;
    if (hash == NULL || secret.len == 0)
        return CT_INVALID;
    struct ct_signing_key *key = ct_arena_alloc(arena, sizeof(*key));
    const char *id = name_of_secret(arena, secret);
    if (key == NULL || id == NULL)
        return CT_NOMEM;
    key->algorithm = algorithm;
    key->id = ct_str_of(id);
    key->size = hash->digest_size;
    set_secret(&key->secret, hash, secret);
    *out = key;
    return CT_OK;
}

enum ct_result ct_signing_key_of_pair(struct ct_arena *arena, struct ct_key_pair *pair,
                                      struct ct_signing_key **out)
{
    struct ct_signing_key *key = ct_arena_alloc(arena, sizeof(*key));
    if (key == NULL) {
        ct_key_pair_end(pair);
        return CT_NOMEM;
    }
    key->algorithm = ct_key_pair_algorithm(pair);
    key->id = ct_key_pair_id(pair);
    key->size = ct_key_pair_size(pair);
    key->pair = pair;
    *out = key;
    return CT_OK;
}

enum ct_result ct_signing_key_sign(const struct ct_signing_key *key, struct ct_str text,
                                   uint8_t *out)
{
    if (key->pair != NULL)
        return ct_key_pair_sign(key->pair, text, out);
    mac(&key->secret, text, key->size, out);
    return CT_OK;
}

enum ct_result ct_signing_key_verify(const struct ct_signing_key *key, struct ct_str text,
                                     struct ct_str signature)
{
    uint8_t right[SHA512_DIGEST_SIZE];

    if (signature.len != key->size)
        return CT_DENIED;
    if (key->pair != NULL)
        return ct_key_pair_verify(key->pair, text, signature);
    mac(&key->secret, text, key->size, right);
    bool same = ct_str_equal_secret((struct ct_str){(const char *)right, key->size}, signature);
    return same ? CT_OK : CT_DENIED;
}
