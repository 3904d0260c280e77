#include <string.h>

#include "config/settings.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool starts_with(struct ct_str text, const char *start)
{
    size_t len = strlen(start);
    return text.len >= len && memcmp(text.at, start, len) == 0;
}

static struct ct_str rest_of(struct ct_str text, size_t from)
{
    return (struct ct_str){text.at + from, text.len - from};
}

/* The length of a scheme with its "://" at the start, or 0 (RFC 3986 section 3.1). */
static size_t scheme_len(struct ct_str text)
{
    size_t len = 0;

    if (text.len == 0 || !is_letter(text.at[0]))
        return 0;
    while (len < text.len && (is_letter(text.at[len]) || is_digit(text.at[len]) ||
                              strchr("+-.", text.at[len]) != NULL))
        len++;
    return starts_with(rest_of(text, len), "://") ? len + 3 : 0;
}

/* The length of a host name, an IPv4 address or an IPv6 address in brackets at the start, or 0. */
static size_t host_len(struct ct_str text)
{
    size_t len = 0;

    if (starts_with(text, "[")) {
        len = 1;
        while (len < text.len && text.at[len] != ']' &&
               (is_digit(text.at[len]) || strchr("abcdefABCDEF:.", text.at[len]) != NULL))
            len++;
        return len > 2 && starts_with(rest_of(text, len), "]") ? len + 1 : 0;
    }
    while (len < text.len && (is_letter(text.at[len]) || is_digit(text.at[len]) ||
                              strchr("-._", text.at[len]) != NULL))
        len++;
    return len;
}

/* Appends an origin as a browser sends it in the Origin header (RFC 6454 section 6.2): in lower
 * case and without the port that its scheme has anyway. What is wrong with it, or NULL. */
static const char *add_origin(struct ct_buf *out, struct ct_str origin)
{
    size_t scheme = scheme_len(origin);
    if (scheme == 0)
        return origin.len == 0 ? "is empty" : "does not begin with a scheme such as https://";
    size_t host = host_len(rest_of(origin, scheme));
    if (host == 0)
        return "has no host";
    struct ct_str rest = rest_of(origin, scheme + host);
    int64_t port = -1;
    if (starts_with(rest, ":")) {
        size_t digits = 1;
        while (digits < rest.len && is_digit(rest.at[digits]))
            digits++;
        if (ct_int_parse((struct ct_str){rest.at + 1, digits - 1}, &port) != CT_OK || port < 1 ||
            port > 65535)
            return "has a port that is not 1 to 65535";
        rest = rest_of(rest, digits);
    }
    if (starts_with(rest, "/"))
        return "has a path (a slash at the end is one)";
    if (rest.len > 0)
        return "has a host with a character that is not allowed there";

    for (size_t i = 0; i < scheme + host; i++)
        ct_buf_char(out, lower(origin.at[i]));
    struct ct_str start = {origin.at, scheme};
    bool usual = (port == 80 && ct_str_equal_nocase(start, CT_STR("http://"))) ||
                 (port == 443 && ct_str_equal_nocase(start, CT_STR("https://")));
    if (port >= 0 && !usual) {
        ct_buf_char(out, ':');
        ct_buf_int(out, port);
    }
    return NULL;
}

enum ct_result ct_check_origins(struct ct_arena *arena, const char *text, const char **plain,
                                const char **problem)
{
    struct ct_buf out = ct_buf_in(arena);
    struct ct_str origin = ct_setting_next_entry(&text);

    if (text == NULL && (origin.len == 0 || ct_str_equal(origin, CT_STR("*")))) {
        ct_buf_str(&out, origin);
        goto done;
    }
    for (unsigned entry = 1;; entry++) {
        const char *wrong = ct_str_equal(origin, CT_STR("*")) ? "is `*`, which stands alone"
                                                              : add_origin(&out, origin);
        if (wrong != NULL) {
            *problem = ct_arena_printf(arena, "entry %u %s", entry, wrong);
            return *problem == NULL ? CT_NOMEM : CT_INVALID;
        }
        if (text == NULL)
            break;
        ct_buf_char(&out, ',');
        origin = ct_setting_next_entry(&text);
    }
done:
    *plain = ct_buf_done(&out).at;
    return out.failed ? CT_NOMEM : CT_OK;
}
