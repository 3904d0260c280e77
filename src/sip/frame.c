#include "sip/message.h"

#include <string.h>

#include "sip/read.h"

/* A line without its end, which is CRLF or, as some write it, LF. @p at goes behind it. False: no line ends. */
static bool next_line(struct ct_str text, size_t *at, struct ct_str *line)
{
    if (*at >= text.len)
        return false;
    const char *begin = text.at + *at;
    const char *end = memchr(begin, '\n', text.len - *at);
    if (end == NULL)
        return false;
    *at = (size_t)(end - text.at) + 1;
    size_t length = (size_t)(end - begin);
    *line = (struct ct_str){begin, length > 0 && begin[length - 1] == '\r' ? length - 1 : length};
    return true;
}

enum ct_result ct_sip_content_length(struct ct_str head, size_t *out)
{
    enum ct_result result = CT_NOT_FOUND;
    struct ct_str line;
    size_t at = 0;

    while (next_line(head, &at, &line) && line.len > 0) {
        if ((line.at[0] | 0x20) != 'c' && (line.at[0] | 0x20) != 'l')
            continue;
        const char *colon = memchr(line.at, ':', line.len);
        if (colon == NULL)
            continue;
        size_t length = (size_t)(colon - line.at);
        if (ct_sip_header_of(ct_sip_trim((struct ct_str){line.at, length})) !=
            CT_SIP_H_CONTENT_LENGTH)
            continue;
        struct ct_str value = {colon + 1, line.len - length - 1};
        /* It may be folded. */
        while (at < head.len && (head.at[at] == ' ' || head.at[at] == '\t') &&
               next_line(head, &at, &line))
            value.len = (size_t)(line.at + line.len - value.at);
        uint32_t number;
        if (result != CT_NOT_FOUND || !ct_sip_number(ct_sip_trim(value), INT32_MAX, &number))
            return CT_INVALID;
        *out = number;
        result = CT_OK;
    }
    return result;
}

/* Behind the empty line that ends a head, or 0. The search begins where the last one ended. */
static size_t head_end(struct ct_sip_framer *framer, struct ct_str text)
{
    size_t at = framer->scanned;

    for (;;) {
        const char *end = at < text.len ? memchr(text.at + at, '\n', text.len - at) : NULL;
        if (end == NULL) {
            framer->scanned = text.len;
            return 0;
        }
        size_t next = (size_t)(end - text.at) + 1;
        size_t more = text.len - next;
        framer->scanned = next - 1; /* what follows this line end may not be there yet */
        if (more >= 1 && text.at[next] == '\n')
            return next + 1;
        if (more >= 2 && text.at[next] == '\r' && text.at[next + 1] == '\n')
            return next + 2;
        if (more == 0 || (more == 1 && text.at[next] == '\r'))
            return 0;
        at = next;
    }
}

/* A stream that begins with a line end. Half a ping is waited for. */
static enum ct_sip_frame blank(struct ct_str text, size_t *size)
{
    static const char ping[] = {'\r', '\n', '\r', '\n'};

    if (text.len < sizeof(ping) && memcmp(text.at, ping, text.len) == 0) {
        *size = sizeof(ping);
        return CT_SIP_FRAME_MORE;
    }
    if (text.len >= sizeof(ping) && memcmp(text.at, ping, sizeof(ping)) == 0) {
        *size = sizeof(ping);
        return CT_SIP_FRAME_PING;
    }
    *size = text.at[0] == '\n' ? 1 : 2;
    return text.at[0] == '\n' || text.at[1] == '\n' ? CT_SIP_FRAME_BLANK : CT_SIP_FRAME_BAD;
}

enum ct_sip_frame ct_sip_frame(struct ct_sip_framer *framer, struct ct_str buffered, size_t max,
                               size_t *size)
{
    enum ct_sip_frame frame = CT_SIP_FRAME_MORE;

    *size = 1;
    if (buffered.len == 0)
        return CT_SIP_FRAME_MORE;
    if (buffered.at[0] == '\r' || buffered.at[0] == '\n') {
        frame = blank(buffered, size);
    } else if (framer->whole == 0) {
        size_t head = head_end(framer, buffered);
        size_t body = 0;
        *size = buffered.len + 1;
        if (head > max || (head == 0 && buffered.len >= max)) {
            frame = CT_SIP_FRAME_TOO_LONG;
        } else if (head == 0) {
            frame = CT_SIP_FRAME_MORE;
        } else if (ct_sip_content_length((struct ct_str){buffered.at, head}, &body) != CT_OK) {
            frame = CT_SIP_FRAME_BAD;
        } else if (body > max - head) {
            frame = CT_SIP_FRAME_TOO_LONG;
        } else {
            framer->whole = head + body;
        }
    }
    if (framer->whole > 0) {
        *size = framer->whole;
        if (buffered.len >= framer->whole)
            frame = CT_SIP_FRAME_MESSAGE;
    }
    if (frame == CT_SIP_FRAME_TOO_LONG || frame == CT_SIP_FRAME_BAD)
        *size = buffered.len;
    if (frame != CT_SIP_FRAME_MORE)
        *framer = (struct ct_sip_framer){0, 0};
    return frame;
}
