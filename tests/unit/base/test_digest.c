#include "base/digest.h"

#include <string.h>

#include "harness.h"

/* Reads hexadecimal digits; `out` has room for all. */
static struct ct_str unhex(const char *hex, char *out)
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++)
        out[i] = (char)(ct_hex_value(hex[2 * i]) << 4 | ct_hex_value(hex[2 * i + 1]));
    return (struct ct_str){out, size};
}

static bool is_hex(const void *data, size_t size, const char *hex)
{
    char bytes[256];
    return strlen(hex) == 2 * size && memcmp(unhex(hex, bytes).at, data, size) == 0;
}

/* FIPS 180-4's examples. */
static const struct {
    const char *text;
    const char *digest;
} hashes[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static enum ct_result test_sha256(void)
{
    enum ct_result result = CT_OK;
    struct ct_sha256 hash;
    uint8_t out[CT_SHA256_BYTES];
    char letters[1000];

    ct_sha256_init(&hash);
    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        struct ct_str text = ct_str_of(hashes[i].text);
        ct_sha256(text.at, text.len, out);
        EXPECT(is_hex(out, sizeof(out), hashes[i].digest));
        /* byte by byte, and begun anew by the digest before */
        for (size_t at = 0; at < text.len; at++)
            ct_sha256_update(&hash, text.at + at, 1);
        memset(out, 0, sizeof(out));
        ct_sha256_digest(&hash, out);
        EXPECT(is_hex(out, sizeof(out), hashes[i].digest));
    }
    memset(letters, 'a', sizeof(letters));
    for (int i = 0; i < 1000; i++)
        ct_sha256_update(&hash, letters, sizeof(letters));
    ct_sha256_digest(&hash, out);
    EXPECT(is_hex(out, sizeof(out),
                  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
    ct_sha256(NULL, 0, out);
    EXPECT(is_hex(out, sizeof(out), hashes[0].digest));
out:
    return result;
}

/* RFC 4493 section 4. */
static enum ct_result test_keyed_hash(void)
{
    static const char message[] =
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
    static const struct {
        size_t size;
        const char *mac;
    } rows[] = {
        {0, "bb1d6929e95937287fa37d129b756746"},
        {16, "070a16b46b4d4144f79bdd9dd04a287c"},
        {40, "dfa66747de9ae63030ca32611497c827"},
        {64, "51f0bebf7e3b9d92fc49741779363cfe"},
    };
    enum ct_result result = CT_OK;
    struct ct_hash_key key;
    struct ct_hash_key other;
    char secret[CT_HASH_KEY_BYTES];
    char bytes[64];
    uint8_t out[CT_KEYED_HASH_BYTES];
    uint8_t others[CT_KEYED_HASH_BYTES];

    (void)unhex("2b7e151628aed2a6abf7158809cf4f3c", secret);
    (void)unhex(message, bytes);
    ct_hash_key_set(&key, (const uint8_t *)secret);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ct_keyed_hash(&key, (struct ct_str){bytes, rows[i].size}, out);
        EXPECT(is_hex(out, sizeof(out), rows[i].mac));
    }
    TRY(ct_hash_key_random(&key));
    TRY(ct_hash_key_random(&other));
    ct_keyed_hash(&key, CT_STR("a"), out);
    ct_keyed_hash(&other, CT_STR("a"), others);
    EXPECT(memcmp(out, others, sizeof(out)) != 0);
out:
    return result;
}

/* RFC 5869 appendix A.1 to A.3. */
static enum ct_result test_hkdf(void)
{
    enum ct_result result = CT_OK;
    char secret[80];
    char salt[80];
    char info[80];
    uint8_t out[82];

    memset(secret, 0x0b, 22);
    struct ct_str plain = {secret, 22};
    ct_hkdf_sha256(unhex("000102030405060708090a0b0c", salt), plain,
                   unhex("f0f1f2f3f4f5f6f7f8f9", info), out, 42);
    EXPECT(is_hex(out, 42,
                  "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
                  "34007208d5b887185865"));
    ct_hkdf_sha256(CT_STR(""), plain, CT_STR(""), out, 42);
    EXPECT(is_hex(out, 42,
                  "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
                  "9d201395faa4b61a96c8"));
    for (int i = 0; i < 80; i++) {
        secret[i] = (char)i;
        salt[i] = (char)(0x60 + i);
        info[i] = (char)(0xb0 + i);
    }
    ct_hkdf_sha256((struct ct_str){salt, 80}, (struct ct_str){secret, 80},
                   (struct ct_str){info, 80}, out, 82);
    EXPECT(is_hex(out, 82,
                  "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
                  "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
                  "cc30c58179ec3e87c14c01d5c1f3434f1d87"));
out:
    return result;
}

/* RFC 8439 section 2.8.2. */
static enum ct_result test_aead(void)
{
    static const char sealed_hex[] =
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
        "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
        "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
        "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691";
    static const struct ct_str text = {
        "Ladies and Gentlemen of the class of '99: If I could offer you "
        "only one tip for the future, sunscreen would be it.",
        114};
    enum ct_result result = CT_OK;
    uint8_t key[CT_AEAD_KEY_BYTES];
    char nonce[CT_AEAD_NONCE_BYTES];
    char room[16];
    char out[130];
    char back[130];

    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)(0x80 + i);
    (void)unhex("070000004041424344454647", nonce);
    struct ct_str bound = unhex("50515253c0c1c2c3c4c5c6c7", room);
    ct_aead_seal(key, (const uint8_t *)nonce, bound, text, out);
    EXPECT(is_hex(out, sizeof(out), sealed_hex));

    struct ct_str sealed = {out, sizeof(out)};
    EXPECT(ct_aead_open(key, (const uint8_t *)nonce, bound, sealed, back));
    EXPECT(memcmp(back, text.at, text.len) == 0);
    bound.len--;
    EXPECT(!ct_aead_open(key, (const uint8_t *)nonce, bound, sealed, back));
    bound.len++;
    sealed.len = CT_AEAD_TAG_BYTES - 1;
    EXPECT(!ct_aead_open(key, (const uint8_t *)nonce, bound, sealed, back));
out:
    return result;
}

static const struct ct_str secrets[] = {{"a secret of the server", 22}, {"", 0}, {"9b1f", 4}};

/* Made by another implementation of the same two RFCs. */
static enum ct_result test_sealed_elsewhere(void)
{
    enum ct_result result = CT_OK;
    char bytes[64];
    struct ct_str out;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(ct_open(arena, "test of sealing", secrets, 3,
                unhex("000102030405060708090a0b98f532bd7b219ff2e4b0cb0255151a5d"
                      "2cd2213471a0921d8a95af3882cc34f2ac106bd9",
                      bytes),
                &out));
    EXPECT(ct_str_equal(out, CT_STR("{\"key\":\"ctk_secret\"}")) && out.at[out.len] == '\0');
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_seal_and_open(void)
{
    enum ct_result result = CT_OK;
    char bytes[300];
    char changed[300 + CT_SEAL_EXTRA];
    struct ct_str sealed;
    struct ct_str again;
    struct ct_str out;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    for (size_t size = 0; size <= sizeof(bytes); size += 60) {
        struct ct_str text = {bytes, size};
        TRY(ct_seal(arena, "p", secrets, 3, text, &sealed));
        EXPECT(sealed.len == size + CT_SEAL_EXTRA);
        EXPECT(size == 0 || memmem(sealed.at, sealed.len, bytes, size) == NULL);
        TRY(ct_open(arena, "p", secrets, 3, sealed, &out));
        EXPECT(ct_str_equal(out, text) && out.at[size] == '\0');
        TRY(ct_seal(arena, "p", secrets, 3, text, &again));
        EXPECT(!ct_str_equal(sealed, again));
    }
    /* a byte changed, cut or added */
    TRY(ct_seal(arena, "p", secrets, 3, CT_STR("ctk_secret"), &sealed));
    for (size_t at = 0; at < sealed.len; at++) {
        memcpy(changed, sealed.at, sealed.len);
        changed[at] = (char)(changed[at] ^ 1);
        EXPECT_RESULT(CT_DENIED,
                      ct_open(arena, "p", secrets, 3, (struct ct_str){changed, sealed.len}, &out));
        EXPECT_RESULT(CT_DENIED,
                      ct_open(arena, "p", secrets, 3, (struct ct_str){sealed.at, at}, &out));
    }
    memcpy(changed, sealed.at, sealed.len);
    changed[sealed.len] = '\0';
    EXPECT_RESULT(CT_DENIED,
                  ct_open(arena, "p", secrets, 3, (struct ct_str){changed, sealed.len + 1}, &out));
    EXPECT_RESULT(CT_DENIED, ct_open(arena, "p", secrets, 3, (struct ct_str){0}, &out));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_every_secret_counts(void)
{
    static const struct ct_str joined[] = {{"a secret of the server", 22}, {"9b1f", 4}};
    static const struct ct_str moved[] = {{"a secret of the serve", 21}, {"r", 1}, {"9b1f", 4}};
    static const struct ct_str turned[] = {{"9b1f", 4}, {"", 0}, {"a secret of the server", 22}};
    enum ct_result result = CT_OK;
    struct ct_str sealed;
    struct ct_str out;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(ct_seal(arena, "purpose", secrets, 3, CT_STR("text"), &sealed));
    EXPECT_RESULT(CT_DENIED, ct_open(arena, "purpos", secrets, 3, sealed, &out));
    EXPECT_RESULT(CT_DENIED, ct_open(arena, "purpose", secrets, 2, sealed, &out));
    EXPECT_RESULT(CT_DENIED, ct_open(arena, "purpose", joined, 2, sealed, &out));
    EXPECT_RESULT(CT_DENIED, ct_open(arena, "purpose", moved, 3, sealed, &out));
    EXPECT_RESULT(CT_DENIED, ct_open(arena, "purpose", turned, 3, sealed, &out));
    TRY(ct_open(arena, "purpose", secrets, 3, sealed, &out));
out:
    ct_arena_free(arena);
    return result;
}

/* RFC 1321 A.5, RFC 3174's first, RFC 4231 case 2, each in one piece and in three. */
static enum ct_result test_pieces(void)
{
    static const struct ct_str whole[] = {{"abc", 3}};
    static const struct ct_str parts[] = {{"a", 1}, {"", 0}, {"bc", 2}};
    static const struct ct_str question[] = {{"what do ya ", 11}, {"want for nothing?", 17}};
    enum ct_result result = CT_OK;
    uint8_t out[CT_SHA256_BYTES];

    ct_md5_of(whole, 1, out);
    EXPECT(is_hex(out, CT_MD5_BYTES, "900150983cd24fb0d6963f7d28e17f72"));
    ct_md5_of(parts, 3, out);
    EXPECT(is_hex(out, CT_MD5_BYTES, "900150983cd24fb0d6963f7d28e17f72"));
    ct_md5_of(NULL, 0, out);
    EXPECT(is_hex(out, CT_MD5_BYTES, "d41d8cd98f00b204e9800998ecf8427e"));
    ct_sha1_of(parts, 3, out);
    EXPECT(is_hex(out, CT_SHA1_BYTES, "a9993e364706816aba3e25717850c26c9cd0d89d"));
    ct_sha256_of(parts, 3, out);
    EXPECT(is_hex(out, CT_SHA256_BYTES, hashes[1].digest));
    ct_hmac_sha256(CT_STR("Jefe"), question, 2, out);
    EXPECT(is_hex(out, CT_SHA256_BYTES,
                  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_pieces),        CT_UNIT(test_sha256),
        CT_UNIT(test_keyed_hash),    CT_UNIT(test_hkdf),
        CT_UNIT(test_aead),          CT_UNIT(test_sealed_elsewhere),
        CT_UNIT(test_seal_and_open), CT_UNIT(test_every_secret_counts),
    };
    return ct_unit_main("base/digest", units, sizeof(units) / sizeof(units[0]));
}
