#include "simulator/said.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void copy(char *out, size_t size, const char *at, size_t length)
{
    if (length > size - 1)
        length = size - 1;
    memcpy(out, at, length);
    out[length] = '\0';
}

/* The line at @p at without its end; NULL behind the head. */
static const char *line_at(const struct said *said, const char *at, size_t *length,
                           const char **next)
{
    const char *end = said->bytes.at + said->bytes.len;
    const char *stop = at < end ? memmem(at, (size_t)(end - at), "\r\n", 2) : NULL;

    if (stop == NULL || stop == at)
        return NULL;
    *length = (size_t)(stop - at);
    *next = stop + 2;
    return at;
}

static bool is_named(const char *line, size_t length, const char *name)
{
    size_t size = name == NULL ? 0 : strlen(name);

    return size > 0 && length > size && strncasecmp(line, name, size) == 0 && line[size] == ':';
}

bool said_header(const struct said *said, const char *name, const char *compact, size_t index,
                 char *out, size_t size)
{
    const char *at = said->bytes.at;
    const char *line;
    size_t length;

    while ((line = line_at(said, at, &length, &at)) != NULL) {
        const char *value;

        if (!is_named(line, length, name) && !is_named(line, length, compact))
            continue;
        if (index-- > 0)
            continue;
        value = (const char *)memchr(line, ':', length) + 1;
        length -= (size_t)(value - line);
        while (length > 0 && *value == ' ') {
            value++;
            length--;
        }
        copy(out, size, value, length);
        return true;
    }
    return false;
}

bool said_has(const struct said *said, const char *name, const char *compact, const char *word)
{
    char value[SAID_TEXT];

    for (size_t i = 0; said_header(said, name, compact, i, value, sizeof(value)); i++)
        if (strcasestr(value, word) != NULL)
            return true;
    return false;
}

bool said_between(const char *text, const char *before, const char *behind, char *out, size_t size)
{
    const char *at = strstr(text, before);
    const char *end;

    if (at == NULL)
        return false;
    at += strlen(before);
    end = behind == NULL ? NULL : strpbrk(at, behind);
    copy(out, size, at, end == NULL ? strlen(at) : (size_t)(end - at));
    return true;
}

static bool read_first_line(struct said *out)
{
    const char *next;
    size_t length;
    const char *line = line_at(out, out->bytes.at, &length, &next);
    char text[SAID_TEXT];
    char *space;

    if (line == NULL)
        return false;
    copy(text, sizeof(text), line, length);
    if (strncmp(text, "SIP/2.0 ", 8) == 0) {
        out->status = atoi(text + 8);
        return out->status >= 100 && out->status <= 699;
    }
    space = strchr(text, ' ');
    if (space == NULL)
        return false;
    copy(out->method, sizeof(out->method), text, (size_t)(space - text));
    copy(out->uri, sizeof(out->uri), space + 1, strcspn(space + 1, " "));
    return true;
}

bool said_read(struct ct_str bytes, struct said *out)
{
    char value[SAID_TEXT];
    const char *end;

    *out = (struct said){.bytes = bytes};
    if (bytes.len == 0 || !read_first_line(out))
        return false;
    if (!said_header(out, "Via", "v", 0, value, sizeof(value)) ||
        !said_between(value, "branch=", ";,", out->branch, sizeof(out->branch)) ||
        !said_header(out, "Call-ID", "i", 0, out->call_id, sizeof(out->call_id)) ||
        !said_header(out, "From", "f", 0, out->from, sizeof(out->from)) ||
        !said_header(out, "To", "t", 0, out->to, sizeof(out->to)) ||
        !said_header(out, "CSeq", NULL, 0, value, sizeof(value)) ||
        sscanf(value, "%u %15s", &out->cseq, out->cseq_method) != 2)
        return false;
    said_between(out->from, ";tag=", ";", out->from_tag, sizeof(out->from_tag));
    said_between(out->to, ";tag=", ";", out->to_tag, sizeof(out->to_tag));
    if (said_header(out, "Contact", "m", 0, value, sizeof(value)) &&
        !said_between(value, "<", ">", out->contact, sizeof(out->contact)))
        copy(out->contact, sizeof(out->contact), value, strcspn(value, ";"));
    end = memmem(bytes.at, bytes.len, "\r\n\r\n", 4);
    if (end != NULL)
        out->body = (struct ct_str){end + 4, bytes.len - (size_t)(end + 4 - bytes.at)};
    return true;
}

size_t say_in(char *out, size_t size, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(out, size, format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= size)
        abort();
    return (size_t)length;
}
