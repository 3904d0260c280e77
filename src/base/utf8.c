#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

/* How many bytes from the beginning are ASCII, eight at a time. */
static size_t plain_run(struct ct_str text)
{
    size_t at = 0;
    for (; text.len - at >= 8; at += 8) {
        uint64_t eight;
        memcpy(&eight, text.at + at, sizeof(eight));
        if ((eight & UINT64_C(0x8080808080808080)) != 0)
            return at;
    }
    while (at < text.len && (unsigned char)text.at[at] < 0x80)
        at++;
    return at;
}

bool ct_utf8_valid(struct ct_str text)
{
    size_t plain = plain_run(text);
    return plain == text.len ||
           u8_check((const uint8_t *)text.at + plain, text.len - plain) == NULL;
}

size_t ct_utf8_length(struct ct_str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.at[i] & 0xC0) != 0x80;
    return count;
}

bool ct_utf8_has_control(struct ct_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c < 0x20 || c == 0x7F)
            return true;
        /* U+0080 to U+009F are C2 80 to C2 9F. */
        if (c == 0xC2 && i + 1 < text.len && (unsigned char)text.at[i + 1] < 0xA0)
            return true;
    }
    return false;
}

enum ct_result ct_utf8_casefold(struct ct_arena *arena, struct ct_str text, struct ct_str *out)
{
    char *copy;
    if (plain_run(text) == text.len) {
        copy = ct_arena_copy(arena, text.at, text.len);
        if (copy == NULL)
            return CT_NOMEM;
        for (size_t i = 0; i < text.len; i++) {
            if (copy[i] >= 'A' && copy[i] <= 'Z')
                copy[i] = (char)(copy[i] - 'A' + 'a');
        }
        *out = (struct ct_str){copy, text.len};
        return CT_OK;
    }
    if (!ct_utf8_valid(text))
        return CT_INVALID;
    size_t size = 0;
    uint8_t *folded =
        u8_casefold((const uint8_t *)text.at, text.len, NULL, UNINORM_NFKC, NULL, &size);
    if (folded == NULL)
        return CT_NOMEM;
    copy = ct_arena_copy(arena, folded, size);
    free(folded);
    if (copy == NULL)
        return CT_NOMEM;
    *out = (struct ct_str){copy, size};
    return CT_OK;
}
