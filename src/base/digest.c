#include "base/digest.h"

#include <assert.h>
#include <nettle/chacha-poly1305.h>
#include <nettle/cmac.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/md5.h>
#include <nettle/memops.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <string.h>

#include "base/random.h"

/* The library's states travel as plain words, so that no header of ours includes one of its. */
static_assert(sizeof(struct sha256_ctx) <= sizeof(struct ct_sha256), "room for SHA-256");
static_assert(sizeof(struct cmac_aes128_ctx) <= sizeof(struct ct_hash_key), "room for AES-CMAC");
static_assert(SHA256_DIGEST_SIZE == CT_SHA256_BYTES, "SHA-256");
static_assert(MD5_DIGEST_SIZE == CT_MD5_BYTES, "MD5");
static_assert(SHA1_DIGEST_SIZE == CT_SHA1_BYTES, "SHA-1");
static_assert(CMAC128_DIGEST_SIZE == CT_KEYED_HASH_BYTES, "AES-CMAC");
static_assert(AES128_KEY_SIZE == CT_HASH_KEY_BYTES, "AES-CMAC's key");
static_assert(CHACHA_POLY1305_KEY_SIZE == CT_AEAD_KEY_BYTES, "the key");
static_assert(CHACHA_POLY1305_NONCE_SIZE == CT_AEAD_NONCE_BYTES, "the nonce");
static_assert(CHACHA_POLY1305_DIGEST_SIZE == CT_AEAD_TAG_BYTES, "the tag");

void ct_sha256(const void *data, size_t size, uint8_t out[CT_SHA256_BYTES])
{
    struct sha256_ctx hash;

    sha256_init(&hash);
    sha256_update(&hash, size, data);
    sha256_digest(&hash, CT_SHA256_BYTES, out);
}

void ct_sha256_init(struct ct_sha256 *hash)
{
    struct sha256_ctx state;

    sha256_init(&state);
    memcpy(hash->state, &state, sizeof(state));
}

void ct_sha256_update(struct ct_sha256 *hash, const void *data, size_t size)
{
    struct sha256_ctx state;

    memcpy(&state, hash->state, sizeof(state));
    sha256_update(&state, size, data);
    memcpy(hash->state, &state, sizeof(state));
}

void ct_sha256_digest(struct ct_sha256 *hash, uint8_t out[CT_SHA256_BYTES])
{
    struct sha256_ctx state;

    memcpy(&state, hash->state, sizeof(state));
    sha256_digest(&state, CT_SHA256_BYTES, out);
    memcpy(hash->state, &state, sizeof(state));
}

void ct_sha256_of(const struct ct_str *pieces, size_t count, uint8_t out[CT_SHA256_BYTES])
{
    struct sha256_ctx hash;

    sha256_init(&hash);
    for (size_t i = 0; i < count; i++)
        sha256_update(&hash, pieces[i].len, (const uint8_t *)pieces[i].at);
    sha256_digest(&hash, CT_SHA256_BYTES, out);
    explicit_bzero(&hash, sizeof(hash));
}

void ct_md5_of(const struct ct_str *pieces, size_t count, uint8_t out[CT_MD5_BYTES])
{
    struct md5_ctx hash;

    md5_init(&hash);
    for (size_t i = 0; i < count; i++)
        md5_update(&hash, pieces[i].len, (const uint8_t *)pieces[i].at);
    md5_digest(&hash, CT_MD5_BYTES, out);
    explicit_bzero(&hash, sizeof(hash));
}

void ct_sha1_of(const struct ct_str *pieces, size_t count, uint8_t out[CT_SHA1_BYTES])
{
    struct sha1_ctx hash;

    sha1_init(&hash);
    for (size_t i = 0; i < count; i++)
        sha1_update(&hash, pieces[i].len, (const uint8_t *)pieces[i].at);
    sha1_digest(&hash, CT_SHA1_BYTES, out);
}

void ct_hmac_sha256(struct ct_str key, const struct ct_str *pieces, size_t count,
                    uint8_t out[CT_SHA256_BYTES])
{
    struct hmac_sha256_ctx mac;

    hmac_sha256_set_key(&mac, key.len, (const uint8_t *)key.at);
    for (size_t i = 0; i < count; i++)
        hmac_sha256_update(&mac, pieces[i].len, (const uint8_t *)pieces[i].at);
    hmac_sha256_digest(&mac, CT_SHA256_BYTES, out);
    explicit_bzero(&mac, sizeof(mac));
}

void ct_hash_key_set(struct ct_hash_key *key, const uint8_t secret[CT_HASH_KEY_BYTES])
{
    struct cmac_aes128_ctx state;

    memset(&state, 0, sizeof(state));
    cmac_aes128_set_key(&state, secret);
    memcpy(key->state, &state, sizeof(state));
}

enum ct_result ct_hash_key_random(struct ct_hash_key *key)
{
    uint8_t secret[CT_HASH_KEY_BYTES];
    enum ct_result result = ct_random_bytes(secret, sizeof(secret));

    if (result == CT_OK)
        ct_hash_key_set(key, secret);
    return result;
}

void ct_keyed_hash(const struct ct_hash_key *key, struct ct_str text,
                   uint8_t out[CT_KEYED_HASH_BYTES])
{
    struct cmac_aes128_ctx state;

    memcpy(&state, key->state, sizeof(state));
    cmac_aes128_update(&state, text.len, (const uint8_t *)text.at);
    cmac_aes128_digest(&state, CT_KEYED_HASH_BYTES, out);
}

/* The library takes hashes by functions of `void *`. */
static void update_hmac(void *state, size_t size, const uint8_t *data)
{
    hmac_sha256_update(state, size, data);
}

static void digest_hmac(void *state, size_t size, uint8_t *out)
{
    hmac_sha256_digest(state, size, out);
}

/* HKDF-Expand (RFC 5869 section 2.3); @p mac has the input of HKDF-Extract. Wipes both. */
static void finish_hkdf(struct hmac_sha256_ctx *mac, struct ct_str info, void *out, size_t size)
{
    uint8_t key[CT_SHA256_BYTES];

    assert(size <= (size_t)255 * CT_SHA256_BYTES);
    hmac_sha256_digest(mac, sizeof(key), key);
    hmac_sha256_set_key(mac, sizeof(key), key);
    hkdf_expand(mac, update_hmac, digest_hmac, CT_SHA256_BYTES, info.len, (const uint8_t *)info.at,
                size, out);
    explicit_bzero(key, sizeof(key));
    explicit_bzero(mac, sizeof(*mac));
}

void ct_hkdf_sha256(struct ct_str salt, struct ct_str secret, struct ct_str info, void *out,
                    size_t size)
{
    struct hmac_sha256_ctx mac;

    hmac_sha256_set_key(&mac, salt.len, (const uint8_t *)salt.at);
    hmac_sha256_update(&mac, secret.len, (const uint8_t *)secret.at);
    finish_hkdf(&mac, info, out, size);
}

static void begin_aead(struct chacha_poly1305_ctx *state, const uint8_t *key, const uint8_t *nonce,
                       struct ct_str bound)
{
    chacha_poly1305_set_key(state, key);
    chacha_poly1305_set_nonce(state, nonce);
    chacha_poly1305_update(state, bound.len, (const uint8_t *)bound.at);
}

void ct_aead_seal(const uint8_t key[CT_AEAD_KEY_BYTES], const uint8_t nonce[CT_AEAD_NONCE_BYTES],
                  struct ct_str bound, struct ct_str text, void *out)
{
    struct chacha_poly1305_ctx state;
    uint8_t *at = out;

    begin_aead(&state, key, nonce, bound);
    chacha_poly1305_encrypt(&state, text.len, at, (const uint8_t *)text.at);
    chacha_poly1305_digest(&state, CT_AEAD_TAG_BYTES, at + text.len);
    explicit_bzero(&state, sizeof(state));
}

bool ct_aead_open(const uint8_t key[CT_AEAD_KEY_BYTES], const uint8_t nonce[CT_AEAD_NONCE_BYTES],
                  struct ct_str bound, struct ct_str sealed, void *out)
{
    struct chacha_poly1305_ctx state;
    uint8_t tag[CT_AEAD_TAG_BYTES];

    if (sealed.len < CT_AEAD_TAG_BYTES)
        return false;
    size_t size = sealed.len - CT_AEAD_TAG_BYTES;
    begin_aead(&state, key, nonce, bound);
    chacha_poly1305_decrypt(&state, size, out, (const uint8_t *)sealed.at);
    chacha_poly1305_digest(&state, sizeof(tag), tag);
    explicit_bzero(&state, sizeof(state));
    return memeql_sec(tag, sealed.at + size, sizeof(tag)) != 0;
}

/* Each secret goes in with its length in front: 8 bytes, the least first. */
static void derive_key(const char *purpose, const struct ct_str *secrets, size_t count,
                       uint8_t out[CT_AEAD_KEY_BYTES])
{
    static const uint8_t no_salt[1];
    struct hmac_sha256_ctx mac;
    uint8_t length[8];

    hmac_sha256_set_key(&mac, 0, no_salt);
    for (size_t i = 0; i < count; i++) {
        for (size_t byte = 0; byte < sizeof(length); byte++)
            length[byte] = (uint8_t)((uint64_t)secrets[i].len >> 8 * byte);
        hmac_sha256_update(&mac, sizeof(length), length);
        hmac_sha256_update(&mac, secrets[i].len, (const uint8_t *)secrets[i].at);
    }
    finish_hkdf(&mac, ct_str_of(purpose), out, CT_AEAD_KEY_BYTES);
}

enum ct_result ct_seal(struct ct_arena *arena, const char *purpose, const struct ct_str *secrets,
                       size_t count, struct ct_str text, struct ct_str *out)
{
    uint8_t key[CT_AEAD_KEY_BYTES];
    uint8_t *sealed = ct_arena_alloc(arena, text.len + CT_SEAL_EXTRA);
    if (sealed == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_random_bytes(sealed, CT_AEAD_NONCE_BYTES);
    if (result != CT_OK)
        return result;
    derive_key(purpose, secrets, count, key);
    ct_aead_seal(key, sealed, (struct ct_str){0}, text, sealed + CT_AEAD_NONCE_BYTES);
    explicit_bzero(key, sizeof(key));
    *out = (struct ct_str){(const char *)sealed, text.len + CT_SEAL_EXTRA};
    return CT_OK;
}

enum ct_result ct_open(struct ct_arena *arena, const char *purpose, const struct ct_str *secrets,
                       size_t count, struct ct_str sealed, struct ct_str *out)
{
    uint8_t key[CT_AEAD_KEY_BYTES];

    if (sealed.len < CT_SEAL_EXTRA)
        return CT_DENIED;
    size_t size = sealed.len - CT_SEAL_EXTRA;
    char *text = ct_arena_alloc(arena, size + 1);
    if (text == NULL)
        return CT_NOMEM;
    derive_key(purpose, secrets, count, key);
    bool same = ct_aead_open(
        key, (const uint8_t *)sealed.at, (struct ct_str){0},
        (struct ct_str){sealed.at + CT_AEAD_NONCE_BYTES, sealed.len - CT_AEAD_NONCE_BYTES}, text);
    explicit_bzero(key, sizeof(key));
    if (!same) {
        explicit_bzero(text, size);
        return CT_DENIED;
    }
    *out = (struct ct_str){text, size};
    return CT_OK;
}
