#include "accounts/key_pair.h"

#include <assert.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "http/pem.h"

/* RFC 7518 section 3.3. The signature of a key of more bits is no longer something for a header. */
#define RSA_LEAST_BITS 2048
#define RSA_MOST_BITS 8192
/* A coordinate of P-256, and each half of its signatures. */
#define P256_BYTES 32

struct ct_key_pair {
    enum ct_algorithm algorithm;
    size_t size;
    struct ct_str id;
    gnutls_privkey_t private_key; /* NULL: it only verifies */
    gnutls_pubkey_t public_key;
    const char *first;  /* n, or x, in base64url */
    const char *second; /* e, or y */
};

enum ct_algorithm ct_key_pair_algorithm(const struct ct_key_pair *pair)
{
    return pair->algorithm;
}

bool ct_key_pair_is_private(const struct ct_key_pair *pair)
{
    return pair->private_key != NULL;
}

struct ct_str ct_key_pair_id(const struct ct_key_pair *pair)
{
    return pair->id;
}

size_t ct_key_pair_size(const struct ct_key_pair *pair)
{
    return pair->size;
}

void ct_key_pair_drop_private(struct ct_key_pair *pair)
{
    if (pair->private_key != NULL)
        gnutls_privkey_deinit(pair->private_key);
    pair->private_key = NULL;
}

void ct_key_pair_end(struct ct_key_pair *pair)
{
    if (pair == NULL)
        return;
    ct_key_pair_drop_private(pair);
    if (pair->public_key != NULL)
        gnutls_pubkey_deinit(pair->public_key);
    pair->public_key = NULL;
}

/* ------------------------------------------------------------------------------------ what is read */

/* Where a key comes from, for what is said of it. */
struct source {
    struct ct_arena *arena;
    const char *setting;
    const char *path;
    const char **why;
};

__attribute__((format(printf, 2, 3))) static enum ct_result refuse(const struct source *source,
                                                                   const char *format, ...)
{
    struct ct_buf line = ct_buf_in(source->arena);
    va_list args;

    ct_buf_printf(&line, "%s: %s ", source->setting, source->path);
    va_start(args, format);
    ct_buf_vprintf(&line, format, args);
    va_end(args);
    struct ct_str text = ct_buf_done(&line);
    if (line.failed)
        return CT_NOMEM;
    *source->why = text.at;
    return CT_INVALID;
}

static enum ct_result refuse_error(const struct source *source, int error)
{
    if (error == GNUTLS_E_MEMORY_ERROR)
        return CT_NOMEM;
    return refuse(source, "has no key that can be read: %s", gnutls_strerror(error));
}

/* PKCS #8 says it in its label, the older forms in a header (RFC 1421 section 4.6.1.1). */
static bool is_encrypted(const char *pem)
{
    return strstr(pem, "ENCRYPTED PRIVATE KEY-----") != NULL ||
           strstr(pem, "Proc-Type: 4,ENCRYPTED") != NULL;
}

static enum ct_result import(const struct source *source, char *pem, struct ct_key_pair *pair)
{
    gnutls_datum_t data = {(unsigned char *)pem, (unsigned)strlen(pem)};
    int error = gnutls_pubkey_init(&pair->public_key);

    if (is_encrypted(pem))
        return refuse(source, "is encrypted: the key must be there without a passphrase");
    if (error >= 0 && strstr(pem, "PRIVATE KEY-----") == NULL) {
        error = gnutls_pubkey_import(pair->public_key, &data, GNUTLS_X509_FMT_PEM);
    } else if (error >= 0) {
        error = gnutls_privkey_init(&pair->private_key);
        if (error >= 0)
            error = gnutls_privkey_import_x509_raw(pair->private_key, &data, GNUTLS_X509_FMT_PEM,
                                                   NULL, 0);
        if (error >= 0)
            error = gnutls_pubkey_import_privkey(pair->public_key, pair->private_key, 0, 0);
    }
    return error < 0 ? refuse_error(source, error) : CT_OK;
}

/* Zeros in front do not count. False when there is more than @p width bytes besides. */
static bool set_width(const gnutls_datum_t *number, uint8_t *out, size_t width)
{
    const unsigned char *at = number->data;
    size_t size = number->size;

    for (; size > 0 && at[0] == 0; size--)
        at++;
    if (size > width)
        return false;
    memset(out, 0, width - size);
    if (size > 0)
        memcpy(out + width - size, at, size);
    return true;
}

/* RFC 7518 section 6.3.1: in as few bytes as can be. */
static enum ct_result judge_rsa(const struct source *source, unsigned bits,
                                struct ct_key_pair *pair)
{
    gnutls_datum_t n;
    gnutls_datum_t e;

    if (bits < RSA_LEAST_BITS || bits > RSA_MOST_BITS)
        return refuse(source, "has an RSA key of %u bits: RS256 takes %d to %d", bits,
                      RSA_LEAST_BITS, RSA_MOST_BITS);
    int error = gnutls_pubkey_export_rsa_raw2(pair->public_key, &n, &e, GNUTLS_EXPORT_FLAG_NO_LZ);
    if (error < 0)
        return refuse_error(source, error);
    pair->algorithm = CT_RS256;
    pair->size = (bits + 7) / 8;
    pair->first = ct_base64url(source->arena, n.data, n.size);
    pair->second = ct_base64url(source->arena, e.data, e.size);
    gnutls_free(n.data);
    gnutls_free(e.data);
    return pair->first != NULL && pair->second != NULL ? CT_OK : CT_NOMEM;
}

/* RFC 7518 section 6.2.1: in 32 bytes always. */
static enum ct_result judge_ec(const struct source *source, struct ct_key_pair *pair)
{
    gnutls_datum_t x;
    gnutls_datum_t y;
    gnutls_ecc_curve_t curve;
    uint8_t point[2 * P256_BYTES];
    int error =
        gnutls_pubkey_export_ecc_raw2(pair->public_key, &curve, &x, &y, GNUTLS_EXPORT_FLAG_NO_LZ);

    if (error < 0)
        return refuse_error(source, error);
    bool right = curve == GNUTLS_ECC_CURVE_SECP256R1 && set_width(&x, point, P256_BYTES) &&
                 set_width(&y, point + P256_BYTES, P256_BYTES);
    gnutls_free(x.data);
    gnutls_free(y.data);
    if (!right)
        return refuse(source, "has a key on the curve %s: ES256 takes P-256 alone",
                      gnutls_ecc_curve_get_name(curve));
    pair->algorithm = CT_ES256;
    pair->size = sizeof(point);
    pair->first = ct_base64url(source->arena, point, P256_BYTES);
    pair->second = ct_base64url(source->arena, point + P256_BYTES, P256_BYTES);
    return pair->first != NULL && pair->second != NULL ? CT_OK : CT_NOMEM;
}

static enum ct_result judge(const struct source *source, struct ct_key_pair *pair)
{
    unsigned bits = 0;
    int kind = gnutls_pubkey_get_pk_algorithm(pair->public_key, &bits);

    if (kind == GNUTLS_PK_RSA)
        return judge_rsa(source, bits, pair);
    if (kind == GNUTLS_PK_ECDSA)
        return judge_ec(source, pair);
    return refuse(source, "has a key of another kind (%s): RS256 takes RSA, ES256 takes P-256",
                  gnutls_pk_get_name((gnutls_pk_algorithm_t)kind));
}

/* What every such key has, in the order of the names, without blanks (RFC 7638 section 3). */
static void required_members(const struct ct_key_pair *pair, struct ct_buf *out)
{
    if (pair->algorithm == CT_RS256)
        ct_buf_printf(out, "\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"", pair->second, pair->first);
    else
        ct_buf_printf(out, "\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"",
                      pair->first, pair->second);
}

static enum ct_result name(struct ct_arena *arena, struct ct_key_pair *pair)
{
    struct ct_buf members = ct_buf_in(arena);
    uint8_t digest[CT_SHA256_BYTES];

    ct_buf_char(&members, '{');
    required_members(pair, &members);
    ct_buf_char(&members, '}');
    struct ct_str text = ct_buf_done(&members);
    if (members.failed)
        return CT_NOMEM;
    ct_sha256(text.at, text.len, digest);
    pair->id = ct_str_of(ct_base64url(arena, digest, sizeof(digest)));
    return pair->id.len > 0 ? CT_OK : CT_NOMEM;
}

enum ct_result ct_key_pair_read(struct ct_arena *arena, const char *setting, const char *path,
                                struct ct_key_pair **out, const char **why)
{
    const struct source source = {arena, setting, path, why};
    struct ct_key_pair *pair = NULL;
    char *pem = NULL;

    *why = NULL;
    enum ct_result result = ct_pem_read(arena, setting, path, &pem, why);
    if (result != CT_OK)
        return *why == NULL ? CT_NOMEM : result;
    pair = ct_arena_alloc(arena, sizeof(*pair));
    result = CT_NOMEM;
    if (pair == NULL)
        goto out;
    result = import(&source, pem, pair);
    if (result == CT_OK)
        result = judge(&source, pair);
    if (result == CT_OK)
        result = name(arena, pair);
    if (result != CT_OK)
        goto out;
    *out = pair;
    pair = NULL;
out:
    ct_key_pair_end(pair);
    explicit_bzero(pem, strlen(pem));
    free(pem);
    return result;
}

void ct_key_pair_jwk(const struct ct_key_pair *pair, struct ct_buf *out)
{
    ct_buf_char(out, '{');
    required_members(pair, out);
    ct_buf_printf(out, ",\"use\":\"sig\",\"alg\":\"%s\",\"kid\":\"%s\"}",
                  pair->algorithm == CT_RS256 ? "RS256" : "ES256", pair->id.at);
}

/* -------------------------------------------------------------------------------------- signatures */

/* GnuTLS does not write to what it is given, though its type has no const. */
static gnutls_datum_t datum_of(struct ct_str text)
{
    union {
        const char *in;
        unsigned char *out;
    } at = {text.at};

    return (gnutls_datum_t){at.out, (unsigned)text.len};
}

static gnutls_sign_algorithm_t method_of(const struct ct_key_pair *pair)
{
    return pair->algorithm == CT_RS256 ? GNUTLS_SIGN_RSA_SHA256 : GNUTLS_SIGN_ECDSA_SHA256;
}

/* GnuTLS writes an ECDSA signature as X.509 has it; in a token R and S stand side by side. */
static bool flatten(const gnutls_datum_t *signature, uint8_t *out)
{
    gnutls_datum_t r = {0};
    gnutls_datum_t s = {0};
    bool done = gnutls_decode_rs_value(signature, &r, &s) >= 0 && set_width(&r, out, P256_BYTES) &&
                set_width(&s, out + P256_BYTES, P256_BYTES);

    gnutls_free(r.data);
    gnutls_free(s.data);
    return done;
}

enum ct_result ct_key_pair_verify(const struct ct_key_pair *pair, struct ct_str text,
                                  struct ct_str signature)
{
    gnutls_datum_t data = datum_of(text);
    gnutls_datum_t whole = datum_of(signature);
    gnutls_datum_t der = {0};
    int error = 0;

    if (signature.len != pair->size)
        return CT_DENIED;
    if (pair->algorithm == CT_ES256) {
        gnutls_datum_t r = datum_of((struct ct_str){signature.at, P256_BYTES});
        gnutls_datum_t s = datum_of((struct ct_str){signature.at + P256_BYTES, P256_BYTES});
        error = gnutls_encode_rs_value(&der, &r, &s);
        whole = der;
    }
    if (error >= 0)
        error = gnutls_pubkey_verify_data2(pair->public_key, method_of(pair), 0, &data, &whole);
    gnutls_free(der.data);
    if (error == GNUTLS_E_PK_SIG_VERIFY_FAILED)
        return CT_DENIED;
    return error < 0 ? CT_NOMEM : CT_OK; /* nothing else can be wrong with what has this size */
}

enum ct_result ct_key_pair_sign(const struct ct_key_pair *pair, struct ct_str text, uint8_t *out)
{
    gnutls_datum_t data = datum_of(text);
    gnutls_datum_t signature = {0};

    assert(pair->private_key != NULL);
    int error = gnutls_privkey_sign_data2(pair->private_key, method_of(pair), 0, &data, &signature);
    if (error < 0)
        return error == GNUTLS_E_RANDOM_FAILED ? CT_IO : CT_NOMEM;
    bool done = pair->algorithm == CT_RS256 ? set_width(&signature, out, pair->size)
                                            : flatten(&signature, out);
    gnutls_free(signature.data);
    /* Without memory GnuTLS 3.7 may hand out an RSA signature that is wrong, and one such can be
     * enough to compute the private key (Boneh, DeMillo, Lipton 1997). */
    if (!done ||
        ct_key_pair_verify(pair, text, (struct ct_str){(const char *)out, pair->size}) != CT_OK) {
        explicit_bzero(out, pair->size);
        return CT_NOMEM;
    }
    return CT_OK;
}
