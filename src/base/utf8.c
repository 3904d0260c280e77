#include "base/text.h"

#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

bool ct_utf8_valid(struct ct_str text)
{
    return u8_check((const uint8_t *)text.at, text.len) == NULL;
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

static bool is_plain(struct ct_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] >= 0x80)
            return false;
    }
    return true;
}

enum ct_result ct_utf8_casefold(struct ct_arena *arena, struct ct_str text, struct ct_str *out)
{
    char *copy;
    if (is_plain(text)) {
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
