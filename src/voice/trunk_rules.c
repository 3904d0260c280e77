#include <string.h>

#include "config/settings.h"
#include "voice/trunks.h"

/* ---- numbers ---- */

enum ct_result ct_rewrite_apply(struct ct_arena *arena, const struct ct_rewrite *rewrite,
                                struct ct_str number, struct ct_str *out)
{
    size_t strip = (size_t)rewrite->strip < number.len ? (size_t)rewrite->strip : number.len;
    struct ct_buf text = ct_buf_in(arena);
    ct_buf_str(&text, rewrite->prepend);
    ct_buf_add(&text, number.at + strip, number.len - strip);
    *out = ct_buf_done(&text);
    return text.failed ? CT_NOMEM : CT_OK;
}

int ct_trunk_match(const struct ct_trunk *trunk, struct ct_str number)
{
    int longest = -1;
    for (size_t i = 0; i < trunk->prefixes.count; i++) {
        struct ct_str prefix = trunk->prefixes.at[i];
        int digits = (int)prefix.len - 1;
        if (prefix.len <= number.len && memcmp(prefix.at, number.at, prefix.len) == 0 &&
            digits > longest)
            longest = digits;
    }
    return longest;
}

/* ---- addresses ---- */

enum ct_result ct_trunk_read_networks(struct ct_arena *arena, struct ct_trunk *trunk)
{
    struct ct_network *networks =
        ct_arena_alloc(arena, trunk->allow_from.count * sizeof(*networks));
    if (networks == NULL)
        return CT_NOMEM;
    trunk->networks = networks;
    trunk->network_count = 0;
    for (size_t i = 0; i < trunk->allow_from.count; i++)
        if (ct_network_read(trunk->allow_from.at[i], &networks[trunk->network_count]))
            trunk->network_count++;
    return CT_OK;
}

bool ct_trunk_allows(const struct ct_trunk *trunk, const unsigned char *address, size_t size)
{
    for (size_t i = 0; i < trunk->network_count; i++) {
        if (ct_network_has(&trunk->networks[i], address, size))
            return true;
    }
    return false;
}

const struct ct_trunk *ct_trunk_from(const struct ct_trunk *trunks, size_t count,
                                     const unsigned char *address, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        if (trunks[i].enabled && ct_trunk_allows(&trunks[i], address, size))
            return &trunks[i];
    }
    return NULL;
}

/* ---- fields ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Whether @p text from @p at on is a port behind a colon, or nothing. */
static bool is_port(struct ct_str text, size_t at)
{
    int64_t port;
    struct ct_str digits = {text.at + at + 1, text.len - at - 1};
    if (at == text.len)
        return true;
    return text.at[at] == ':' && digits.len >= 1 && digits.len <= 5 && is_digit(digits.at[0]) &&
           ct_int_parse(digits, &port) == CT_OK && port >= 1 && port <= 65535;
}

enum ct_result ct_host_normalize(struct ct_arena *arena, struct ct_str in, struct ct_str *out)
{
    size_t at = 0;
    (void)arena;
    *out = in;
    if (in.len > 0 && in.at[0] == '[') {
        at++;
        while (at < in.len &&
               (ct_hex_value(in.at[at]) >= 0 || in.at[at] == ':' || in.at[at] == '.'))
            at++;
        return at >= 3 && at < in.len && in.at[at] == ']' && is_port(in, at + 1) ? CT_OK
                                                                                 : CT_INVALID;
    }
    while (at < in.len && (is_digit(in.at[at]) || is_letter(in.at[at]) ||
                           (at > 0 && (in.at[at] == '.' || in.at[at] == '-'))))
        at++;
    bool ends_well = at > 0 && in.at[at - 1] != '.' && in.at[at - 1] != '-';
    return ends_well && is_port(in, at) ? CT_OK : CT_INVALID;
}

enum ct_result ct_call_prefix_normalize(struct ct_arena *arena, struct ct_str in,
                                        struct ct_str *out)
{
    if (in.len > 0 && in.at[0] == '+')
        in = (struct ct_str){in.at + 1, in.len - 1};
    if (in.len > 15)
        return CT_INVALID;
    for (size_t i = 0; i < in.len; i++) {
        if (!is_digit(in.at[i]))
            return CT_INVALID;
    }
    *out = ct_str_of(ct_arena_printf(arena, "+%.*s", (int)in.len, in.at));
    return out->len == 0 ? CT_NOMEM : CT_OK;
}

enum ct_result ct_dialled_normalize(struct ct_arena *arena, struct ct_str in, struct ct_str *out)
{
    (void)arena;
    *out = in;
    for (size_t i = 0; i < in.len; i++) {
        if (!is_digit(in.at[i]) && in.at[i] != '+' && in.at[i] != '*' && in.at[i] != '#')
            return CT_INVALID;
    }
    return CT_OK;
}

enum ct_result ct_network_normalize(struct ct_arena *arena, struct ct_str in, struct ct_str *out)
{
    const char *plain;
    const char *problem;
    const char *text = ct_str_dup(arena, in);
    *out = in;
    if (text == NULL)
        return CT_NOMEM;
    /* One address or network, where the check takes a list. */
    if (in.len == 0 || strpbrk(text, ", \t") != NULL || strlen(text) != in.len)
        return CT_INVALID;
    return ct_check_networks(arena, text, &plain, &problem);
}
