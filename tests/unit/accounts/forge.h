#ifndef CT_TESTS_UNIT_ACCOUNTS_FORGE_H
#define CT_TESTS_UNIT_ACCOUNTS_FORGE_H

#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"

/**
 * Tokens of any content under an HS256 signature that is right: what a holder of the key could send.
 * SHA-256 (FIPS 180-4) and HMAC (RFC 2104) are written out here, so that the program is compared with
 * something other than its own library, and no allocation is made but in the arena.
 */

#define FORGE_BLOCK 64
#define FORGE_MAC 32

static inline uint32_t forge_rotate(uint32_t value, int by)
{
    return value >> by | value << (32 - by);
}

/* One block of 64 bytes. */
static inline void forge_compress(uint32_t state[static 8], const uint8_t *block)
{
    static const uint32_t constants[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
        0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
        0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
        0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
        0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
        0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2};
    uint32_t w[64];
    uint32_t v[8];

    for (size_t i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (size_t i = 16; i < 64; i++) {
        uint32_t a = w[i - 15];
        uint32_t b = w[i - 2];
        w[i] = w[i - 16] + (forge_rotate(a, 7) ^ forge_rotate(a, 18) ^ a >> 3) + w[i - 7] +
               (forge_rotate(b, 17) ^ forge_rotate(b, 19) ^ b >> 10);
    }
    memcpy(v, state, sizeof(v));
    for (size_t i = 0; i < 64; i++) {
        uint32_t one = v[7] + constants[i] + w[i] + ((v[4] & v[5]) ^ (~v[4] & v[6])) +
                       (forge_rotate(v[4], 6) ^ forge_rotate(v[4], 11) ^ forge_rotate(v[4], 25));
        uint32_t two = (forge_rotate(v[0], 2) ^ forge_rotate(v[0], 13) ^ forge_rotate(v[0], 22)) +
                       ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] += one;
        v[0] = one + two;
    }
    for (size_t i = 0; i < 8; i++)
        state[i] += v[i];
}

/* SHA-256 of a block (a padded key) and a text behind it. */
static inline void forge_hash(const uint8_t first[static FORGE_BLOCK], const void *text,
                              size_t size, uint8_t out[static FORGE_MAC])
{
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    const uint8_t *at = text;
    uint8_t tail[2 * FORGE_BLOCK] = {0};
    uint64_t bits = (FORGE_BLOCK + (uint64_t)size) * 8;
    size_t left = size;

    forge_compress(state, first);
    for (; left >= FORGE_BLOCK; left -= FORGE_BLOCK, at += FORGE_BLOCK)
        forge_compress(state, at);
    if (left > 0)
        memcpy(tail, at, left);
    tail[left] = 0x80;
    size_t padded = left < FORGE_BLOCK - 8 ? FORGE_BLOCK : 2 * FORGE_BLOCK;
    for (size_t i = 0; i < 8; i++)
        tail[padded - 1 - i] = (uint8_t)(bits >> (8 * i));
    for (size_t i = 0; i < padded; i += FORGE_BLOCK)
        forge_compress(state, tail + i);
    for (size_t i = 0; i < FORGE_MAC; i++)
        out[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

/* HMAC-SHA-256. A key of more than one block is its hash. */
static inline void forge_mac(struct ct_str key, struct ct_str text, uint8_t out[static FORGE_MAC])
{
    uint8_t inner[FORGE_BLOCK] = {0};
    uint8_t outer[FORGE_BLOCK];
    uint8_t hash[FORGE_MAC];

    if (key.len > FORGE_BLOCK)
        forge_hash((const uint8_t *)key.at, key.at + FORGE_BLOCK, key.len - FORGE_BLOCK, inner);
    else
        memcpy(inner, key.at, key.len);
    for (size_t i = 0; i < FORGE_BLOCK; i++) {
        outer[i] = inner[i] ^ 0x5c;
        inner[i] ^= 0x36;
    }
    forge_hash(inner, text.at, text.len, hash);
    forge_hash(outer, hash, sizeof(hash), out);
}

/** The `kid` of a secret; NULL without memory. */
static inline const char *forge_key_id(struct ct_arena *arena, struct ct_str key)
{
    uint8_t mac[FORGE_MAC];
    forge_mac(key, CT_STR("kid"), mac);
    return ct_base64url(arena, mac, 8);
}

/** Two parts as they are, the dot between them, and their signature; {NULL, 0} without memory. */
static inline struct ct_str forge_parts(struct ct_arena *arena, struct ct_str key,
                                        const char *header, const char *payload)
{
    uint8_t mac[FORGE_MAC];
    const char *text = ct_arena_printf(arena, "%s.%s", header, payload);
    if (text == NULL)
        return (struct ct_str){0};
    forge_mac(key, ct_str_of(text), mac);
    const char *signature = ct_base64url(arena, mac, sizeof(mac));
    if (signature == NULL)
        return (struct ct_str){0};
    const char *token = ct_arena_printf(arena, "%s.%s", text, signature);
    return token == NULL ? (struct ct_str){0} : ct_str_of(token);
}

/** A token with this header and these claims, signed; {NULL, 0} without memory. */
static inline struct ct_str forge_token(struct ct_arena *arena, struct ct_str key,
                                        struct ct_str header, struct ct_str claims)
{
    const char *first = ct_base64url(arena, header.at, header.len);
    const char *second = ct_base64url(arena, claims.at, claims.len);
    return first == NULL || second == NULL ? (struct ct_str){0}
                                           : forge_parts(arena, key, first, second);
}

#endif
