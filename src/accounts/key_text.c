#include "accounts/key_text.h"

#include <assert.h>
#include <string.h>
#include <zlib.h>

#include "base/digest.h"
#include "base/random.h"

#define PREFIX CT_STR(CT_KEY_TEXT_PREFIX)
#define RANDOM_BYTES 24
#define CHECKED_LENGTH ((size_t)36)
#define HINT_LENGTH ((size_t)8)

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Writes the six characters for the checksum, its highest byte first. */
static void write_checksum(const char *checked, char out[6])
{
    uint64_t bits = (uint64_t)crc32(0, (const Bytef *)checked, (uInt)CHECKED_LENGTH) << 4;

    for (size_t i = 6; i-- > 0; bits >>= 6)
        out[i] = ALPHABET[bits & 63];
}

enum ct_result ct_key_text_make(struct ct_arena *arena, struct ct_str *out)
{
    uint8_t bytes[RANDOM_BYTES];
    struct ct_buf buf = ct_buf_in(arena);
    enum ct_result result = ct_random_bytes(bytes, sizeof(bytes));
    if (result != CT_OK)
        return result;
    const char *secret = ct_base64url(arena, bytes, sizeof(bytes));
    explicit_bzero(bytes, sizeof(bytes));
    if (secret == NULL)
        return CT_NOMEM;
    ct_buf_str(&buf, PREFIX);
    ct_buf_text(&buf, secret);
    if (buf.failed)
        return CT_NOMEM;
    assert(buf.len == CHECKED_LENGTH);
    char checksum[6];
    write_checksum(buf.at, checksum);
    ct_buf_add(&buf, checksum, sizeof(checksum));
    struct ct_str text = ct_buf_done(&buf);
    if (buf.failed)
        return CT_NOMEM;
    *out = text;
    return CT_OK;
}

bool ct_key_text_wellformed(struct ct_str text)
{
    char checksum[6];

    if (text.len != CT_KEY_TEXT_LENGTH || memcmp(text.at, PREFIX.at, PREFIX.len) != 0)
        return false;
    for (size_t i = PREFIX.len; i < CHECKED_LENGTH; i++) {
        if (memchr(ALPHABET, text.at[i], sizeof(ALPHABET) - 1) == NULL)
            return false;
    }
    write_checksum(text.at, checksum);
    return memcmp(checksum, text.at + CHECKED_LENGTH, sizeof(checksum)) == 0;
}

enum ct_result ct_key_text_hash(struct ct_arena *arena, struct ct_str text, struct ct_str *out)
{
    uint8_t digest[CT_SHA256_BYTES];

    ct_sha256(text.at, text.len, digest);
    const char *hash = ct_base64url(arena, digest, sizeof(digest));
    if (hash == NULL)
        return CT_NOMEM;
    *out = ct_str_of(hash);
    return CT_OK;
}

enum ct_result ct_key_text_hint(struct ct_arena *arena, struct ct_str text, struct ct_str *out)
{
    assert(text.len >= HINT_LENGTH);
    const char *hint = ct_arena_printf(arena, "%.*s…", (int)HINT_LENGTH, text.at);
    if (hint == NULL)
        return CT_NOMEM;
    *out = ct_str_of(hint);
    return CT_OK;
}
