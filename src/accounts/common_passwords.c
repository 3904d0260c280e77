#include "accounts/common_passwords.h"

#include <string.h>

/* Made by cmake/common-passwords: lines in the order of their bytes, without capitals, of at most
 * LONGEST bytes each and a '\n'. */
extern const uint64_t ct_common_passwords_size;
extern const char ct_common_passwords[];
#define LONGEST 63

/* Below, above or at 0 as the order of the bytes is. */
static int compare(struct ct_str a, struct ct_str b)
{
    int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
    if (order != 0 || a.len == b.len)
        return order;
    return a.len < b.len ? -1 : 1;
}

static bool is_listed(struct ct_str folded)
{
    const char *list = ct_common_passwords;
    size_t low = 0;
    size_t high = (size_t)ct_common_passwords_size;

    while (low < high) {
        size_t begin = low + (high - low) / 2;
        size_t end = begin;
        while (begin > low && list[begin - 1] != '\n')
            begin--;
        while (list[end] != '\n')
            end++;
        int order = compare(folded, (struct ct_str){list + begin, end - begin});
        if (order == 0)
            return true;
        if (order < 0)
            high = begin;
        else
            low = end + 1;
    }
    return false;
}

bool ct_password_is_common(struct ct_str password)
{
    char folded[LONGEST];

    if (password.len == 0 || password.len > sizeof(folded))
        return false;
    for (size_t i = 0; i < password.len; i++) {
        char c = password.at[i];
        folded[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    bool common = is_listed((struct ct_str){folded, password.len});
    explicit_bzero(folded, sizeof(folded));
    return common;
}
