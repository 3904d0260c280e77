#include "numbers/filter.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum ct_result ct_country_normalize(struct ct_arena *arena, struct ct_str in, struct ct_str *out)
{
    if (in.len != 2)
        return CT_INVALID;
    char *copy = ct_str_dup(arena, in);
    if (copy == NULL)
        return CT_NOMEM;
    for (size_t i = 0; i < in.len; i++) {
        if (copy[i] >= 'a' && copy[i] <= 'z')
            copy[i] = (char)(copy[i] - 'a' + 'A');
        if (copy[i] < 'A' || copy[i] > 'Z')
            return CT_INVALID;
    }
    *out = (struct ct_str){copy, in.len};
    return CT_OK;
}

enum ct_result ct_prefix_normalize(struct ct_arena *arena, struct ct_str in, struct ct_str *out)
{
    (void)arena;
    if (in.len > 0 && (in.at[0] == '+' || in.at[0] == ' '))
        in = (struct ct_str){in.at + 1, in.len - 1};
    if (in.len == 0 || in.len > 15)
        return CT_INVALID;
    for (size_t i = 0; i < in.len; i++) {
        if (!is_digit(in.at[i]))
            return CT_INVALID;
    }
    *out = in;
    return CT_OK;
}

enum ct_result ct_contains_normalize(struct ct_arena *arena, struct ct_str in, struct ct_str *out)
{
    (void)arena;
    bool has_digit = false;
    for (size_t i = 0; i < in.len; i++) {
        if (!is_digit(in.at[i]) && in.at[i] != '*')
            return CT_INVALID;
        has_digit = has_digit || is_digit(in.at[i]);
    }
    if (!has_digit || in.len > 15)
        return CT_INVALID;
    *out = in;
    return CT_OK;
}

bool ct_number_has_prefix(struct ct_str e164, struct ct_str prefix)
{
    return prefix.len == 0 ||
           (e164.len > prefix.len && memcmp(e164.at + 1, prefix.at, prefix.len) == 0);
}

/* The first character of a number is its "+". */
bool ct_number_contains(struct ct_str e164, struct ct_str contains)
{
    for (size_t start = 1; start + contains.len <= e164.len; start++) {
        size_t same = 0;
        while (same < contains.len &&
               (contains.at[same] == '*' || contains.at[same] == e164.at[start + same]))
            same++;
        if (same == contains.len)
            return true;
    }
    return contains.len == 0;
}
