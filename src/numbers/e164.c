#include "numbers/e164.h"

#include <stdbool.h>
#include <string.h>

#define MIN_DIGITS 2
#define MAX_DIGITS 15

static bool starts_with(struct ct_str text, struct ct_str prefix)
{
    return text.len >= prefix.len && memcmp(text.at, prefix.at, prefix.len) == 0;
}

/* How many bytes the character in front takes when it is one that people and web pages put between
 * digits; 0 when it is another. */
static size_t separator_size(struct ct_str text)
{
    if (memchr(" -.()", text.at[0], 5) != NULL)
        return 1;
    if (starts_with(text, CT_STR("\xC2\xA0"))) /* U+00A0, no-break space */
        return 2;
    if (text.len >= 3 && starts_with(text, CT_STR("\xE2\x80"))) {
        /* U+2010 to U+2013: hyphen, non-breaking hyphen, figure dash, en dash; U+202F, narrow
         * no-break space */
        unsigned char last = (unsigned char)text.at[2];
        return (last >= 0x90 && last <= 0x93) || last == 0xAF ? 3 : 0;
    }
    return 0;
}

enum ct_result ct_e164_normalize(struct ct_arena *arena, struct ct_str in, struct ct_str *out)
{
    char kept[2 + MAX_DIGITS]; /* the digits, "00" in front included */
    size_t count = 0;
    bool plus = false;

    for (size_t i = 0; i < in.len;) {
        struct ct_str rest = {in.at + i, in.len - i};
        size_t separator = separator_size(rest);
        if (separator > 0) {
            i += separator;
            continue;
        }
        char c = in.at[i++];
        if (c == '+' && !plus && count == 0)
            plus = true;
        else if (c >= '0' && c <= '9' && count < sizeof(kept))
            kept[count++] = c;
        else
            return CT_INVALID;
    }

    const char *digits = kept;
    if (!plus) {
        if (count < 2 || kept[0] != '0' || kept[1] != '0')
            return CT_INVALID;
        digits += 2;
        count -= 2;
    }
    if (count < MIN_DIGITS || count > MAX_DIGITS || digits[0] == '0')
        return CT_INVALID;

    char *number = ct_arena_alloc(arena, 1 + count + 1);
    if (number == NULL)
        return CT_NOMEM;
    number[0] = '+';
    memcpy(number + 1, digits, count);
    *out = (struct ct_str){number, 1 + count};
    return CT_OK;
}
