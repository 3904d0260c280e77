#include "sip/message.h"

#include <string.h>

#include "sip/read.h"

static const struct {
    struct ct_str name;
    char compact;
    enum { ONE, LIST, MANY } kind;
} headers[] = {
#define HEADER(with, id, name, compact, kind) {{name, sizeof(name) - 1}, compact, kind},
    CT_SIP_HEADERS(HEADER, 0)
#undef HEADER
};

/* Where the names of each length begin in the table, which is in the order of lengths. */
#define LONGEST 24
#define SHORTER(length, id, name, compact, kind) +(sizeof(name) - 1 < (length))
#define BEGIN(length) (uint8_t)(0 CT_SIP_HEADERS(SHORTER, length))
static const uint8_t begins[LONGEST + 2] = {
    BEGIN(0),  BEGIN(1),  BEGIN(2),  BEGIN(3),  BEGIN(4),  BEGIN(5),  BEGIN(6),
    BEGIN(7),  BEGIN(8),  BEGIN(9),  BEGIN(10), BEGIN(11), BEGIN(12), BEGIN(13),
    BEGIN(14), BEGIN(15), BEGIN(16), BEGIN(17), BEGIN(18), BEGIN(19), BEGIN(20),
    BEGIN(21), BEGIN(22), BEGIN(23), BEGIN(24), BEGIN(25)};
_Static_assert(BEGIN(LONGEST + 1) == CT_SIP_H_OTHER, "a header has a longer name");

static enum ct_sip_header_id compact_header(char c)
{
    char lower = (char)(c | 0x20);
    if (lower < 'a' || lower > 'z')
        return CT_SIP_H_OTHER;
    switch (lower) {
#define COMPACT(with, id, name, compact, kind) \
    case (compact) != 0 ? (compact):           \
        -1 - CT_SIP_H_##id : return CT_SIP_H_##id;
        CT_SIP_HEADERS(COMPACT, 0)
#undef COMPACT
    default:
        return CT_SIP_H_OTHER;
    }
}

enum ct_sip_header_id ct_sip_header_of(struct ct_str name)
{
    if (name.len == 1)
        return compact_header(name.at[0]);
    if (name.len > LONGEST || name.len == 0)
        return CT_SIP_H_OTHER;
    char first = (char)(name.at[0] | 0x20);
    for (unsigned i = begins[name.len]; i < begins[name.len + 1]; i++) {
        if ((headers[i].name.at[0] | 0x20) == first &&
            strncasecmp(headers[i].name.at, name.at, name.len) == 0)
            return (enum ct_sip_header_id)i;
    }
    return CT_SIP_H_OTHER;
}

struct ct_str ct_sip_header_name(enum ct_sip_header_id id)
{
    return id < CT_SIP_H_OTHER ? headers[id].name : CT_STR("");
}

bool ct_sip_header_is_list(enum ct_sip_header_id id)
{
    return id < CT_SIP_H_OTHER && headers[id].kind == LIST;
}

bool ct_sip_header_is_single(enum ct_sip_header_id id)
{
    return id < CT_SIP_H_OTHER && headers[id].kind == ONE;
}

/* ---- methods ---- */

static const struct ct_str methods[] = {
#define METHOD(name) {#name, sizeof(#name) - 1},
    CT_SIP_METHODS(METHOD)
#undef METHOD
};

enum ct_sip_method ct_sip_method_of(struct ct_str name)
{
    for (int i = 0; i < CT_SIP_OTHER_METHOD; i++)
        if (ct_str_equal(name, methods[i]))
            return (enum ct_sip_method)i;
    return CT_SIP_OTHER_METHOD;
}

struct ct_str ct_sip_method_name(enum ct_sip_method method)
{
    return method < CT_SIP_OTHER_METHOD ? methods[method] : CT_STR("");
}

/* ---- values ---- */

struct ct_str ct_sip_header(const struct ct_sip_message *message, enum ct_sip_header_id id)
{
    uint16_t first = message->first[id];
    return first == 0 ? (struct ct_str){NULL, 0} : message->headers[first - 1].value;
}

bool ct_sip_has(const struct ct_sip_message *message, enum ct_sip_header_id id)
{
    return message->first[id] != 0;
}

struct ct_str ct_sip_header_named(const struct ct_sip_message *message, struct ct_str name)
{
    enum ct_sip_header_id id = ct_sip_header_of(name);
    if (id != CT_SIP_H_OTHER)
        return ct_sip_header(message, id);
    for (size_t i = 0; i < message->header_count; i++)
        if (ct_str_equal_nocase(message->headers[i].name, name))
            return message->headers[i].value;
    return (struct ct_str){NULL, 0};
}

size_t ct_sip_value_end(struct ct_str text, size_t from)
{
    bool quoted = false;
    bool angled = false;
    size_t i;

    /* Most lists have one value. */
    if (from >= text.len || memchr(text.at + from, ',', text.len - from) == NULL)
        return text.len;
    for (i = from; i < text.len; i++) {
        char c = text.at[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"' && !angled) {
            quoted = true;
        } else if (c == '<') {
            angled = true;
        } else if (c == '>') {
            angled = false;
        } else if (c == ',' && !angled) {
            return i;
        }
    }
    return text.len;
}

bool ct_sip_next_value(const struct ct_sip_message *message, enum ct_sip_header_id id,
                       struct ct_sip_cursor *cursor, struct ct_str *value)
{
    bool list = ct_sip_header_is_list(id);

    if (!cursor->begun)
        *cursor = (struct ct_sip_cursor){message->first[id], 0, true};
    while (cursor->header != 0) {
        const struct ct_sip_header *header = &message->headers[cursor->header - 1];
        struct ct_str text = header->value;
        if (cursor->at < text.len) {
            size_t begin = cursor->at;
            size_t end = list ? ct_sip_value_end(text, begin) : text.len;
            cursor->at = end + 1;
            *value = ct_sip_trim((struct ct_str){text.at + begin, end - begin});
            if (value->len > 0)
                return true;
        } else {
            cursor->header = header->next;
            cursor->at = 0;
        }
    }
    return false;
}

bool ct_sip_has_token(const struct ct_sip_message *message, enum ct_sip_header_id id,
                      struct ct_str token)
{
    struct ct_sip_cursor cursor = {0};
    struct ct_str value;

    while (ct_sip_next_value(message, id, &cursor, &value))
        if (ct_str_equal_nocase(value, token))
            return true;
    return false;
}

/* ---- the smallest pieces ---- */

struct ct_str ct_sip_trim(struct ct_str text)
{
    while (text.len > 0 &&
           (text.at[0] == ' ' || text.at[0] == '\t' || text.at[0] == '\r' || text.at[0] == '\n')) {
        text.at++;
        text.len--;
    }
    while (text.len > 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t' ||
                            text.at[text.len - 1] == '\r' || text.at[text.len - 1] == '\n'))
        text.len--;
    return text;
}

bool ct_sip_number(struct ct_str text, uint32_t max, uint32_t *out)
{
    uint64_t number = 0;

    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text.at[i] - '0');
        if (number > max)
            return false;
    }
    *out = (uint32_t)number;
    return true;
}

bool ct_sip_header_number(const struct ct_sip_message *message, enum ct_sip_header_id id,
                          uint32_t *out)
{
    struct ct_str value = ct_sip_header(message, id);
    size_t length = 0;

    while (length < value.len && value.at[length] >= '0' && value.at[length] <= '9')
        length++;
    if (length < value.len && memchr(" \t;(", value.at[length], 4) == NULL)
        return false;
    return ct_sip_number((struct ct_str){value.at, length}, UINT32_MAX, out);
}

/* The characters of a token: letters, digits and -.!%*_+`'~ (section 25.1). */
static const uint8_t token_characters[32] = {
    [4] = 0xA2,  [5] = 0x6C,  [6] = 0xFF,  [7] = 0x03,  [8] = 0xFE,  [9] = 0xFF,
    [10] = 0xFF, [11] = 0x87, [12] = 0xFF, [13] = 0xFF, [14] = 0xFF, [15] = 0x47};

bool ct_sip_is_token(struct ct_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!ct_sip_in(token_characters, text.at[i]))
            return false;
    }
    return text.len > 0;
}
