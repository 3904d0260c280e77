#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "config/settings.h"

/* What the rest of a line is replaced by when it does not fit. */
#define CUT "..."

struct line {
    char *at;
    size_t len;
    size_t size;
    bool full;
};

/* Appends all of it or, from the first piece on that does not fit, nothing. */
static void add(struct line *line, const char *piece, size_t len)
{
    if (line->full || line->len + len + sizeof(CUT) > line->size) {
        line->full = true;
        return;
    }
    memcpy(line->at + line->len, piece, len);
    line->len += len;
}

/* How many bytes at the start of `text` are one printable character; 0 when they are none. */
static size_t printable(struct ct_str text)
{
    for (size_t len = 1; len <= 4 && len <= text.len; len++) {
        struct ct_str character = {text.at, len};
        if (ct_utf8_valid(character))
            return ct_utf8_has_control(character) ? 0 : len;
    }
    return 0;
}

static void add_escaped(struct line *line, struct ct_str text)
{
    while (text.len > 0) {
        size_t len = printable(text);
        if (len > 0) {
            add(line, text.at, len);
        } else {
            char escape[8];
            len = 1;
            int wrote = snprintf(escape, sizeof(escape), "\\x%02x", (unsigned char)text.at[0]);
            add(line, escape, (size_t)wrote);
        }
        text.at += len;
        text.len -= len;
    }
}

/* A part of a text, from start up to end. */
struct part {
    size_t start;
    size_t end;
};

/* The value of the next parameter from `from` on whose name ends with "password". */
static bool password_parameter(struct ct_str url, size_t from, struct part *out)
{
    static const struct ct_str WORD = {"password=", 9};

    for (size_t i = from; i + WORD.len <= url.len; i++) {
        if (!ct_str_equal_nocase((struct ct_str){url.at + i, WORD.len}, WORD))
            continue;
        out->start = i + WORD.len;
        out->end = out->start;
        while (out->end < url.len && strchr("& ", url.at[out->end]) == NULL)
            out->end++;
        return true;
    }
    return false;
}

/* The password in front of the host: what is between the first ':' behind "://" and the last '@'.
 * RFC 3986 would end it at a '/' and ask for a scheme, but what somebody wrote wrongly is to be
 * blanked too. */
static bool password_of_user(struct ct_str url, size_t end, struct part *out)
{
    const char *scheme = memmem(url.at, end, "://", 3);
    size_t start = scheme == NULL ? 0 : (size_t)(scheme - url.at) + 3;
    const char *host = memrchr(url.at + start, '@', end - start);
    if (host == NULL)
        return false;
    out->end = (size_t)(host - url.at);
    const char *colon = memchr(url.at + start, ':', out->end - start);
    if (colon == NULL)
        return false;
    out->start = (size_t)(colon - url.at) + 1;
    return true;
}

static void add_url(struct line *line, struct ct_str url)
{
    struct part part;
    size_t shown = 0;
    size_t query = password_parameter(url, 0, &part) ? part.start : url.len;

    if (password_of_user(url, query, &part)) {
        add_escaped(line, (struct ct_str){url.at, part.start});
        add(line, "***", 3);
        shown = part.end;
    }
    while (password_parameter(url, shown, &part)) {
        add_escaped(line, (struct ct_str){url.at + shown, part.start - shown});
        add(line, "***", 3);
        shown = part.end;
    }
    add_escaped(line, (struct ct_str){url.at + shown, url.len - shown});
}

void ct_setting_show_text(const struct ct_setting *setting, const char *text, char *out,
                          size_t size)
{
    struct line line = {.at = out, .size = size};
    struct ct_str whole = ct_str_of(text);

    assert(size >= 32);
    if ((setting->flags & CT_SETTING_SECRET) != 0) {
        if (whole.len == 0)
            (void)snprintf(out, size, "(not set)");
        else
            (void)snprintf(out, size, "(set, %zu bytes)", whole.len);
        return;
    }
    if ((setting->flags & CT_SETTING_URL) != 0)
        add_url(&line, whole);
    else
        add_escaped(&line, whole);
    if (line.full) {
        memcpy(out + line.len, CUT, sizeof(CUT) - 1);
        line.len += sizeof(CUT) - 1;
    }
    out[line.len] = '\0';
}
