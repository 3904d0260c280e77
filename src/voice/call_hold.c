#include <string.h>

#include "voice/call_parts.h"

/* The next line of a description, without its end. False: there is none. */
static bool next_line(struct ct_str *rest, struct ct_str *line)
{
    const char *end;
    size_t length;

    if (rest->len == 0)
        return false;
    end = memchr(rest->at, '\n', rest->len);
    length = end == NULL ? rest->len : (size_t)(end - rest->at);
    *line = (struct ct_str){rest->at, length};
    if (line->len > 0 && line->at[line->len - 1] == '\r')
        line->len--;
    length += end != NULL;
    *rest = (struct ct_str){rest->at + length, rest->len - length};
    return true;
}

/* "m=audio 49170 RTP/AVP 0 8" into what is before the port, and behind it. */
static bool read_media(struct ct_str line, struct ct_str *kind, struct ct_str *rest)
{
    const char *first = memchr(line.at, ' ', line.len);
    const char *second;
    size_t behind;

    if (first == NULL)
        return false;
    behind = line.len - (size_t)(first + 1 - line.at);
    second = memchr(first + 1, ' ', behind);
    if (second == NULL)
        return false;
    *kind = (struct ct_str){line.at, (size_t)(first - line.at)};
    *rest = (struct ct_str){second, line.len - (size_t)(second - line.at)};
    return true;
}

enum ct_result ct_live_hold(struct ct_arena *arena, struct ct_str offer, struct ct_str *out)
{
    struct ct_buf answer = ct_buf_in(arena);
    struct ct_str line;
    struct ct_str kind;
    struct ct_str formats;
    size_t media = 0;

    ct_buf_text(&answer, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n");
    while (next_line(&offer, &line)) {
        bool plain;

        if (line.len < 2 || line.at[0] != 'm' || line.at[1] != '=')
            continue;
        if (!read_media(line, &kind, &formats))
            return CT_INVALID;
        /* what needs keys of ours is declined for now, and taken up with the offer that follows */
        plain = formats.len >= 9 && memcmp(formats.at, " RTP/AVP ", 9) == 0;
        ct_buf_str(&answer, kind);
        ct_buf_text(&answer, plain ? " 9" : " 0");
        ct_buf_str(&answer, formats);
        ct_buf_text(&answer, plain ? "\r\na=inactive\r\n" : "\r\n");
        media++;
    }
    *out = ct_buf_done(&answer);
    return answer.failed ? CT_NOMEM : media == 0 ? CT_INVALID : CT_OK;
}
