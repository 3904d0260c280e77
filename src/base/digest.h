#ifndef CT_BASE_DIGEST_H
#define CT_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"

#define CT_SHA256_BYTES 32

/** SHA-256 (FIPS 180-4) of @p size bytes. */
void ct_sha256(const void *data, size_t size, uint8_t out[CT_SHA256_BYTES]);

/** The same piece by piece. Owns nothing; may be dropped at any time. */
struct ct_sha256 {
    uint64_t state[14];
};

void ct_sha256_init(struct ct_sha256 *hash);
void ct_sha256_update(struct ct_sha256 *hash, const void *data, size_t size);
/** The digest of all that was added. @p hash then begins anew. */
void ct_sha256_digest(struct ct_sha256 *hash, uint8_t out[CT_SHA256_BYTES]);

/** The digest of several pieces as if they were one text. */
void ct_sha256_of(const struct ct_str *pieces, size_t count, uint8_t out[CT_SHA256_BYTES]);
/** MD5 (RFC 1321) of several pieces, for protocols that have no better hash: it keeps no collisions away. */
#define CT_MD5_BYTES 16
void ct_md5_of(const struct ct_str *pieces, size_t count, uint8_t out[CT_MD5_BYTES]);
/** SHA-1 (RFC 3174), likewise: the handshake of WebSockets wants it. */
#define CT_SHA1_BYTES 20
void ct_sha1_of(const struct ct_str *pieces, size_t count, uint8_t out[CT_SHA1_BYTES]);
/** HMAC-SHA256 (RFC 2104) of several pieces. */
void ct_hmac_sha256(struct ct_str key, const struct ct_str *pieces, size_t count,
                    uint8_t out[CT_SHA256_BYTES]);

/** A secret of this process for ct_keyed_hash. Owns nothing. */
struct ct_hash_key {
    uint64_t state[34];
};

/** A hash for tables whose keys strangers choose: AES-CMAC (RFC 4493), which nobody can foretell
 *  without the key. Some 100 ns for a short text; safe from any thread. */
#define CT_KEYED_HASH_BYTES 16
#define CT_HASH_KEY_BYTES 16
void ct_hash_key_set(struct ct_hash_key *key, const uint8_t secret[CT_HASH_KEY_BYTES]);
/** A key that nobody knows. CT_IO when the kernel has no randomness. */
CT_CHECKED enum ct_result ct_hash_key_random(struct ct_hash_key *key);
void ct_keyed_hash(const struct ct_hash_key *key, struct ct_str text,
                   uint8_t out[CT_KEYED_HASH_BYTES]);

/** Derives a key of @p size bytes, at most 8,160, from a secret: HKDF-SHA256 (RFC 5869). An empty
 *  @p salt stands for 32 zero bytes, as section 2.2 has it; @p info says what the key is for. */
void ct_hkdf_sha256(struct ct_str salt, struct ct_str secret, struct ct_str info, void *out,
                    size_t size);

#define CT_AEAD_KEY_BYTES 32
#define CT_AEAD_NONCE_BYTES 12
#define CT_AEAD_TAG_BYTES 16

/** ChaCha20-Poly1305 (RFC 8439 section 2.8). @p out has room for the text and the tag behind it.
 *  A nonce must never serve twice with one key. @p bound is not kept, but must be the same again. */
void ct_aead_seal(const uint8_t key[CT_AEAD_KEY_BYTES], const uint8_t nonce[CT_AEAD_NONCE_BYTES],
                  struct ct_str bound, struct ct_str text, void *out);
/** The reverse. @p out has room for the text: 16 bytes less than @p sealed, and is to be used only
 *  when the answer is true: nothing was changed. */
bool ct_aead_open(const uint8_t key[CT_AEAD_KEY_BYTES], const uint8_t nonce[CT_AEAD_NONCE_BYTES],
                  struct ct_str bound, struct ct_str sealed, void *out);

/** What a sealed text is longer than the text: the nonce in front, the tag behind. */
#define CT_SEAL_EXTRA (CT_AEAD_NONCE_BYTES + CT_AEAD_TAG_BYTES)

/** Encrypts a text for storage, so that who has neither all @p secrets can read it, nor change it
 *  unnoticed: ChaCha20-Poly1305 with a random nonce, under a key derived from the secrets by
 *  HKDF-SHA256. The secrets count in their order and each for itself: "ab", "c" is another key than
 *  "a", "bc". At least one of them must be secret, with 128 bits of chance; @p purpose (static text)
 *  keeps apart what is sealed for different ends. Up to 2^32 texts may be sealed with the same
 *  secrets. The result, CT_SEAL_EXTRA bytes longer, is in @p arena. CT_NOMEM, CT_IO. */
CT_CHECKED enum ct_result ct_seal(struct ct_arena *arena, const char *purpose,
                                  const struct ct_str *secrets, size_t count, struct ct_str text,
                                  struct ct_str *out);
/** The reverse, terminated by a NUL that the length does not count. CT_DENIED when a byte of it, a
 *  secret or the purpose is another than when it was sealed; CT_NOMEM. */
CT_CHECKED enum ct_result ct_open(struct ct_arena *arena, const char *purpose,
                                  const struct ct_str *secrets, size_t count, struct ct_str sealed,
                                  struct ct_str *out);

#endif
