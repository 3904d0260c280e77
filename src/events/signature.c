#include "events/signature.h"

#include <string.h>

#include "base/digest.h"
#include "base/random.h"

#define KEY_BYTES 32

static const struct ct_str PREFIX = {"whsec_", 6};

/* base64 as RFC 4648 section 4 has it, with padding. */
static char *base64(struct ct_arena *arena, const uint8_t *data, size_t size)
{
    char *url = ct_base64url(arena, data, size);
    if (url == NULL)
        return NULL;
    for (char *c = url; *c != '\0'; c++)
        *c = (char)(*c == '-' ? '+' : *c == '_' ? '/' : *c);
    return ct_arena_printf(arena, "%s%s", url, size % 3 == 1 ? "==" : size % 3 == 2 ? "=" : "");
}

static enum ct_result base64_decode(struct ct_arena *arena, struct ct_str text, struct ct_str *out)
{
    while (text.len > 0 && text.at[text.len - 1] == '=')
        text.len--;
    char *url = ct_arena_copy(arena, text.at, text.len);
    if (url == NULL)
        return CT_NOMEM;
    for (char *c = url; *c != '\0'; c++)
        *c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c);
    return ct_base64url_decode(arena, (struct ct_str){url, text.len}, out);
}

enum ct_result ct_webhook_secret(struct ct_arena *arena, struct ct_str *out)
{
    uint8_t key[KEY_BYTES];
    enum ct_result result = ct_random_bytes(key, sizeof(key));
    if (result != CT_OK)
        return result;
    const char *digits = base64(arena, key, sizeof(key));
    explicit_bzero(key, sizeof(key));
    const char *text = digits == NULL ? NULL : ct_arena_printf(arena, "%s%s", PREFIX.at, digits);
    *out = ct_str_of(text);
    return text == NULL ? CT_NOMEM : CT_OK;
}

enum ct_result ct_webhook_sign(struct ct_arena *arena, struct ct_str secret, int64_t id,
                               int64_t time_s, struct ct_str body, struct ct_str *out)
{
    struct ct_str key;
    uint8_t mac[CT_SHA256_BYTES];
    if (secret.len <= PREFIX.len || memcmp(secret.at, PREFIX.at, PREFIX.len) != 0)
        return CT_INVALID;
    enum ct_result result = base64_decode(
        arena, (struct ct_str){secret.at + PREFIX.len, secret.len - PREFIX.len}, &key);
    if (result != CT_OK)
        return result;
    struct ct_buf text = ct_buf_in(arena);
    ct_buf_int(&text, id);
    ct_buf_char(&text, '.');
    ct_buf_int(&text, time_s);
    ct_buf_char(&text, '.');
    ct_buf_str(&text, body);
    if (text.failed)
        return CT_NOMEM;
    const struct ct_str signed_text = {text.at, text.len};
    ct_hmac_sha256(key, &signed_text, 1, mac);
    const char *digits = base64(arena, mac, sizeof(mac));
    const char *signature = digits == NULL ? NULL : ct_arena_printf(arena, "v1,%s", digits);
    *out = ct_str_of(signature);
    return signature == NULL ? CT_NOMEM : CT_OK;
}
