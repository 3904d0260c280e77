#include "http/router.h"

#include <string.h>

static const char *const METHODS[CT_METHOD_COUNT] = {"GET",   "HEAD",   "POST",   "PUT",
                                                     "PATCH", "DELETE", "OPTIONS"};

enum ct_method ct_method_of(struct ct_str name)
{
    for (size_t i = 0; i < CT_METHOD_COUNT; i++) {
        if (ct_str_equal(name, ct_str_of(METHODS[i])))
            return (enum ct_method)i;
    }
    return CT_METHOD_COUNT;
}

const char *ct_method_name(enum ct_method method)
{
    return method < CT_METHOD_COUNT ? METHODS[method] : "-";
}

void ct_target_split(struct ct_str target, struct ct_str *path, struct ct_str *query)
{
    *path = *query = (struct ct_str){"", 0};
    struct ct_str rest = target;
    if (rest.len > 0 && rest.at[0] != '/') {
        /* absolute-form: what follows the authority */
        const char *scheme_end = memmem(rest.at, rest.len, "://", 3);
        if (scheme_end == NULL)
            return;
        const char *authority = scheme_end + 3;
        size_t left = rest.len - (size_t)(authority - rest.at);
        const char *slash = memchr(authority, '/', left);
        if (slash == NULL) {
            *path = CT_STR("/");
            return;
        }
        rest = (struct ct_str){slash, left - (size_t)(slash - authority)};
    }
    const char *mark = rest.len > 0 ? memchr(rest.at, '?', rest.len) : NULL;
    if (mark != NULL) {
        size_t size = (size_t)(mark - rest.at);
        *query = (struct ct_str){mark + 1, rest.len - size - 1};
        rest.len = size;
    }
    *path = rest;
}

/* The segment of `text` that begins at *at; moves *at behind the slash that ends it. */
static struct ct_str next_segment(struct ct_str text, size_t *at)
{
    const char *start = text.at + *at;
    const char *slash = *at < text.len ? memchr(start, '/', text.len - *at) : NULL;
    size_t size = slash == NULL ? text.len - *at : (size_t)(slash - start);
    *at += size + (slash == NULL ? 0 : 1);
    return (struct ct_str){start, size};
}

/* Whether a segment is this word, however it is percent-encoded (RFC 3986 section 6.2.2.2). */
static bool segment_is(struct ct_str segment, struct ct_str word)
{
    size_t at = 0;
    for (size_t i = 0; i < word.len; i++) {
        if (at < segment.len && segment.at[at] == word.at[i]) {
            at++;
            continue;
        }
        if (segment.len - at < 3 || segment.at[at] != '%')
            return false;
        int high = ct_hex_value(segment.at[at + 1]);
        int low = ct_hex_value(segment.at[at + 2]);
        if (high < 0 || low < 0 || (char)(high << 4 | low) != word.at[i])
            return false;
        at += 3;
    }
    return at == segment.len;
}

static bool pattern_fits(const char *pattern, struct ct_str path, struct ct_str *segments)
{
    struct ct_str wanted = ct_str_of(pattern);
    if (path.len == 0 || path.at[0] != '/')
        return false;
    size_t i = 1;
    size_t k = 1;
    size_t count = 0;
    for (;;) {
        bool wanted_last = memchr(wanted.at + i, '/', wanted.len - i) == NULL;
        bool path_last = memchr(path.at + k, '/', path.len - k) == NULL;
        if (wanted_last != path_last)
            return false;
        struct ct_str expected = next_segment(wanted, &i);
        struct ct_str actual = next_segment(path, &k);
        if (expected.len > 0 && expected.at[0] == '{') {
            if (actual.len == 0 || count == CT_PATH_PARAMETERS)
                return false;
            segments[count++] = actual;
        } else if (!segment_is(actual, expected)) {
            return false;
        }
        if (wanted_last)
            return true;
    }
}

/* A quick look that sorts out nearly all patterns: they differ from the path in plain letters. */
static bool may_fit(const char *pattern, struct ct_str path)
{
    size_t i = 0;
    while (i < path.len && path.at[i] == pattern[i] && pattern[i] != '{' && pattern[i] != '\0')
        i++;
    return pattern[i] == '{' || (i == path.len ? pattern[i] == '\0' : path.at[i] == '%');
}

void ct_router_match(const struct ct_mount *mounts, size_t mount_count, enum ct_method method,
                     struct ct_str path, struct ct_match *out)
{
    memset(out, 0, sizeof(*out));
    enum ct_method wanted = method == CT_HEAD ? CT_GET : method;
    size_t before = 0;
    for (size_t m = 0; m < mount_count; before += mounts[m++].count) {
        for (size_t r = 0; r < mounts[m].count; r++) {
            const struct ct_route *route = &mounts[m].routes[r];
            if (!may_fit(route->pattern, path) ||
                !pattern_fits(route->pattern, path, out->segments))
                continue;
            out->allowed |= 1U << route->method;
            if (route->method == CT_GET)
                out->allowed |= 1U << CT_HEAD;
            if (route->method == wanted) {
                out->route = route;
                out->number = before + r;
                out->room = mounts[m].room;
                return;
            }
        }
    }
}

const char *ct_allow(struct ct_arena *arena, unsigned methods)
{
    struct ct_buf text = ct_buf_in(arena);
    for (unsigned i = 0; i < CT_METHOD_COUNT; i++) {
        if ((methods & 1U << i) == 0)
            continue;
        if (text.len > 0)
            ct_buf_text(&text, ", ");
        ct_buf_text(&text, METHODS[i]);
    }
    struct ct_str done = ct_buf_done(&text);
    return text.failed ? NULL : done.at;
}
