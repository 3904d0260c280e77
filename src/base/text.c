#include "base/text.h"

#include <string.h>
#include <strings.h>

struct ct_str ct_str_of(const char *text)
{
    return text == NULL ? (struct ct_str){"", 0} : (struct ct_str){text, strlen(text)};
}

bool ct_str_equal(struct ct_str a, struct ct_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool ct_str_equal_nocase(struct ct_str a, struct ct_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    }
    return true;
}

/* Always all of it, eight bytes at a time. The differences go through memory that the compiler must not look
 * into, so that it cannot stop at the first. */
bool ct_str_equal_secret(struct ct_str a, struct ct_str b)
{
    if (a.len != b.len)
        return false;
    volatile uint64_t difference = 0;
    size_t i = 0;
    for (; a.len - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
        uint64_t x;
        uint64_t y;
        memcpy(&x, a.at + i, sizeof(x));
        memcpy(&y, b.at + i, sizeof(y));
        difference = difference | (x ^ y);
    }
    for (; i < a.len; i++)
        difference = difference | (unsigned char)(a.at[i] ^ b.at[i]);
    return difference == 0;
}

char *ct_str_dup(struct ct_arena *arena, struct ct_str text)
{
    return ct_arena_copy(arena, text.at, text.len);
}

enum ct_result ct_int_parse(struct ct_str text, int64_t *out)
{
    bool negative = text.len > 0 && text.at[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == text.len)
        return CT_INVALID;
    for (size_t k = i; k < text.len; k++) {
        if (text.at[k] < '0' || text.at[k] > '9')
            return CT_INVALID;
    }
    int64_t value = 0;
    for (; i < text.len; i++) {
        int digit = text.at[i] - '0';
        /* Counted downwards, since INT64_MIN has no positive counterpart. */
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return CT_NOT_FOUND;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, value, &value))
        return CT_NOT_FOUND;
    *out = value;
    return CT_OK;
}

int ct_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static const char BASE64URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *ct_base64url(struct ct_arena *arena, const void *data, size_t size)
{
    const unsigned char *in = data;
    size_t length = size / 3 * 4 + (size % 3 == 0 ? 0 : size % 3 + 1);
    char *out = ct_arena_alloc(arena, length + 1);
    if (out == NULL)
        return NULL;
    char *at = out;
    for (size_t i = 0; i < size; i += 3) {
        uint32_t bits = (uint32_t)in[i] << 16;
        if (i + 1 < size)
            bits |= (uint32_t)in[i + 1] << 8;
        if (i + 2 < size)
            bits |= in[i + 2];
        *at++ = BASE64URL[bits >> 18];
        *at++ = BASE64URL[bits >> 12 & 63];
        if (i + 1 < size)
            *at++ = BASE64URL[bits >> 6 & 63];
        if (i + 2 < size)
            *at++ = BASE64URL[bits & 63];
    }
    return out;
}

static int base64url_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

enum ct_result ct_base64url_decode(struct ct_arena *arena, struct ct_str text, struct ct_str *out)
{
    if (text.len % 4 == 1)
        return CT_INVALID;
    unsigned char *bytes = ct_arena_alloc(arena, text.len / 4 * 3 + 3);
    if (bytes == NULL)
        return CT_NOMEM;
    size_t size = 0;
    uint32_t bits = 0;
    int count = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = base64url_value(text.at[i]);
        if (value < 0)
            return CT_INVALID;
        bits = (bits << 6 | (uint32_t)value) & 0xFFFFFF;
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes[size++] = (unsigned char)(bits >> count);
        }
    }
    if ((bits & ((1U << count) - 1)) != 0)
        return CT_INVALID;
    *out = (struct ct_str){(const char *)bytes, size};
    return CT_OK;
}
