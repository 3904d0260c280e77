#include "sip/uri.h"

#include <string.h>

#include "sip/read.h"

/* Sets of characters, for ct_sip_in. A host: letters, digits and .-_ */
static const uint8_t host_characters[32] = {
    [5] = 0x60,  [6] = 0xFF,  [7] = 0x03,  [8] = 0xFE,  [9] = 0xFF, [10] = 0xFF,
    [11] = 0x87, [12] = 0xFE, [13] = 0xFF, [14] = 0xFF, [15] = 0x07};
/* What may stand anywhere in a URI: ASCII that is seen, but for "<> and the % of an escape. */
static const uint8_t uri_characters[32] = {
    [4] = 0xDA,  [5] = 0xFF,  [6] = 0xFF,  [7] = 0xAF,  [8] = 0xFF,  [9] = 0xFF,
    [10] = 0xFF, [11] = 0xFF, [12] = 0xFF, [13] = 0xFF, [14] = 0xFF, [15] = 0x7F};
/* What a parameter ends with, or is to be looked at: ; = " and a backslash. */
static const uint8_t param_marks[32] = {[4] = 0x04, [7] = 0x28, [11] = 0x10};

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static struct ct_str cut(struct ct_str text, size_t from, size_t to)
{
    return (struct ct_str){text.at + from, to - from};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct ct_str trim(struct ct_str text)
{
    while (text.len > 0 && is_blank(text.at[0]))
        text = cut(text, 1, text.len);
    while (text.len > 0 && is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

/* No white space, no control characters, nothing that ends a URI around it, and no broken escape. What else the
 * grammar wants escaped is let pass: '#' is what people dial. */
static bool is_plain(struct ct_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (ct_sip_in(uri_characters, text.at[i]))
            continue;
        if (text.at[i] != '%' || text.len - i < 3 || ct_hex_value(text.at[i + 1]) < 0 ||
            ct_hex_value(text.at[i + 2]) < 0)
            return false;
    }
    return true;
}

/* ---- reading ---- */

/* Where the host ends, or 0 when there is none. */
static size_t host_end(struct ct_str text)
{
    size_t i = 0;
    if (text.len > 0 && text.at[0] == '[') {
        struct ct_sip_socket address;
        const char *end = memchr(text.at, ']', text.len);
        if (end == NULL)
            return 0;
        i = (size_t)(end - text.at) + 1;
        return ct_sip_address_parse(cut(text, 0, i), &address) && address.family == CT_SIP_IPV6 ? i
                                                                                                : 0;
    }
    while (i < text.len && ct_sip_in(host_characters, text.at[i]))
        i++;
    return i;
}

bool ct_sip_host_port_read(struct ct_str text, struct ct_str *host, uint16_t *port, size_t *size)
{
    size_t at = host_end(text);
    if (at == 0)
        return false;
    *host = cut(text, 0, at);
    *port = 0;
    if (at < text.len && text.at[at] == ':') {
        size_t begin = ++at;
        uint32_t number = 0;
        while (at < text.len && is_digit(text.at[at]) && number <= UINT16_MAX)
            number = number * 10 + (uint32_t)(text.at[at++] - '0');
        if (at == begin || number == 0 || number > UINT16_MAX)
            return false;
        *port = (uint16_t)number;
    }
    *size = at;
    return true;
}

static bool read_sip(struct ct_str rest, struct ct_sip_uri *out)
{
    const char *at_sign = rest.len == 0 ? NULL : memchr(rest.at, '@', rest.len);
    size_t size;

    if (at_sign != NULL) {
        struct ct_str user = cut(rest, 0, (size_t)(at_sign - rest.at));
        const char *colon = user.len == 0 ? NULL : memchr(user.at, ':', user.len);
        if (colon != NULL) {
            size_t length = (size_t)(colon - user.at);
            out->password = cut(user, length + 1, user.len);
            user.len = length;
        }
        if (user.len == 0)
            return false;
        out->user = user;
        rest = cut(rest, (size_t)(at_sign - rest.at) + 1, rest.len);
    }
    if (!ct_sip_host_port_read(rest, &out->host, &out->port, &size))
        return false;
    rest = cut(rest, size, rest.len);
    if (rest.len > 0 && rest.at[0] != ';' && rest.at[0] != '?')
        return false;
    const char *mark = rest.len == 0 ? NULL : memchr(rest.at, '?', rest.len);
    if (mark != NULL) {
        size_t length = (size_t)(mark - rest.at);
        out->headers = cut(rest, length + 1, rest.len);
        rest.len = length;
        if (out->headers.len == 0)
            return false;
    }
    out->params = rest;
    return (rest.len == 0 || memchr(rest.at, '@', rest.len) == NULL) &&
           (out->headers.len == 0 || memchr(out->headers.at, '@', out->headers.len) == NULL);
}

static bool read_tel(struct ct_str rest, struct ct_sip_uri *out)
{
    static const char allowed[] = "+*#-.()ABCDEFabcdef";
    const char *semicolon = rest.len == 0 ? NULL : memchr(rest.at, ';', rest.len);
    size_t length = semicolon == NULL ? rest.len : (size_t)(semicolon - rest.at);

    for (size_t i = 0; i < length; i++)
        if (!is_digit(rest.at[i]) && memchr(allowed, rest.at[i], sizeof(allowed) - 1) == NULL)
            return false;
    out->user = cut(rest, 0, length);
    out->params = cut(rest, length, rest.len);
    return length > 0;
}

bool ct_sip_uri_read(struct ct_str text, struct ct_sip_uri *out)
{
    size_t length = 0;

    *out = (struct ct_sip_uri){.scheme = CT_SIP_URI_OTHER, .text = text};
    while (length < text.len &&
           (is_alpha(text.at[length]) ||
            (length > 0 && (is_digit(text.at[length]) || text.at[length] == '+' ||
                            text.at[length] == '-' || text.at[length] == '.'))))
        length++;
    if (length == 0 || length == text.len || text.at[length] != ':')
        return false;
    struct ct_str scheme = cut(text, 0, length);
    struct ct_str rest = cut(text, length + 1, text.len);
    if (!is_plain(rest))
        return false;
    if (ct_str_equal_nocase(scheme, CT_STR("sip")))
        out->scheme = CT_SIP_URI_SIP;
    else if (ct_str_equal_nocase(scheme, CT_STR("sips")))
        out->scheme = CT_SIP_URI_SIPS;
    else if (ct_str_equal_nocase(scheme, CT_STR("tel")))
        out->scheme = CT_SIP_URI_TEL;
    switch (out->scheme) {
    case CT_SIP_URI_SIP:
    case CT_SIP_URI_SIPS:
        return read_sip(rest, out);
    case CT_SIP_URI_TEL:
        return read_tel(rest, out);
    case CT_SIP_URI_OTHER:
        break;
    }
    return rest.len > 0;
}

/* ---- parameters ---- */

bool ct_sip_next_param(struct ct_str params, size_t *at, struct ct_str *name, struct ct_str *value)
{
    while (*at < params.len) {
        size_t begin = *at;
        size_t equals = SIZE_MAX;
        bool quoted = false;
        size_t i;

        for (i = begin; i < params.len; i++) {
            if (!ct_sip_in(param_marks, params.at[i]))
                continue;
            if (params.at[i] == ';' && !quoted)
                break;
            if (params.at[i] == '"')
                quoted = !quoted;
            else if (quoted && params.at[i] == '\\' && i + 1 < params.len)
                i++;
            else if (!quoted && params.at[i] == '=' && equals == SIZE_MAX)
                equals = i;
        }
        *at = i + 1;
        *name = trim(cut(params, begin, equals == SIZE_MAX ? i : equals));
        *value = equals == SIZE_MAX ? cut(params, i, i) : trim(cut(params, equals + 1, i));
        if (name->len > 0)
            return true;
    }
    return false;
}

bool ct_sip_param(struct ct_str params, struct ct_str name, struct ct_str *value)
{
    struct ct_str found;
    size_t at = 0;

    while (ct_sip_next_param(params, &at, &found, value))
        if (ct_str_equal_nocase(found, name))
            return true;
    *value = (struct ct_str){NULL, 0};
    return false;
}

bool ct_sip_uri_transport(const struct ct_sip_uri *uri, enum ct_sip_transport *out)
{
    struct ct_str name;
    bool secure = uri->scheme == CT_SIP_URI_SIPS;

    *out = secure ? CT_SIP_TLS : CT_SIP_UDP;
    if (!ct_sip_param(uri->params, CT_STR("transport"), &name))
        return true;
    if (!ct_sip_transport_read(name, out))
        return false;
    if (secure && *out == CT_SIP_TCP)
        *out = CT_SIP_TLS;
    else if (secure && *out == CT_SIP_WS)
        *out = CT_SIP_WSS;
    return true;
}

/* ---- comparing (section 19.1.4) ---- */

/* The next character; an escape of one that is not reserved is that character, one of a reserved character is another
 * than the character itself. -1 at the end. */
static int next_character(struct ct_str text, size_t *at)
{
    if (*at >= text.len)
        return -1;
    unsigned char c = (unsigned char)text.at[*at];
    if (c == '%' && text.len - *at >= 3) {
        int high = ct_hex_value(text.at[*at + 1]);
        int low = ct_hex_value(text.at[*at + 2]);
        if (high >= 0 && low >= 0) {
            int value = high * 16 + low;
            *at += 3;
            return value != 0 && strchr(";/?:@&=+$,", value) != NULL ? value + 0x100 : value;
        }
    }
    *at += 1;
    return c;
}

static bool same(struct ct_str a, struct ct_str b, bool any_case)
{
    size_t at_a = 0;
    size_t at_b = 0;

    for (;;) {
        int x = next_character(a, &at_a);
        int y = next_character(b, &at_b);
        if (any_case && x > 0 && x < 0x80 && y > 0 && y < 0x80) {
            x = lower((char)x);
            y = lower((char)y);
        }
        if (x != y)
            return false;
        if (x < 0)
            return true;
    }
}

/* These matter also when one of the URIs does not have them. */
static bool must_be_in_both(struct ct_str name)
{
    static const struct ct_str names[] = {{"transport", 9}, {"user", 4},          {"ttl", 3},
                                          {"method", 6},    {"maddr", 5},         {"isub", 4},
                                          {"ext", 3},       {"phone-context", 13}};
    size_t count = sizeof(names) / sizeof(names[0]);
    for (size_t i = 0; i < count; i++)
        if (ct_str_equal_nocase(name, names[i]))
            return true;
    return false;
}

/* Whether the parameters of `a` do not contradict those of `b`. */
static bool params_agree(const struct ct_sip_uri *a, const struct ct_sip_uri *b)
{
    struct ct_str name;
    struct ct_str value;
    struct ct_str other;
    size_t at = 0;

    while (ct_sip_next_param(a->params, &at, &name, &value)) {
        if (ct_sip_param(b->params, name, &other)) {
            if (!same(value, other, true))
                return false;
        } else if (a->scheme == CT_SIP_URI_TEL || must_be_in_both(name)) {
            return false;
        }
    }
    return true;
}

/* The header at `at` of "name=value&…". */
static bool next_header(struct ct_str headers, size_t *at, struct ct_str *name,
                        struct ct_str *value)
{
    if (*at >= headers.len)
        return false;
    const char *begin = headers.at + *at;
    const char *end = memchr(begin, '&', headers.len - *at);
    size_t length = end == NULL ? headers.len - *at : (size_t)(end - begin);
    const char *equals = length == 0 ? NULL : memchr(begin, '=', length);
    size_t name_length = equals == NULL ? length : (size_t)(equals - begin);

    *name = (struct ct_str){begin, name_length};
    *value = equals == NULL ? (struct ct_str){begin + length, 0}
                            : (struct ct_str){equals + 1, length - name_length - 1};
    *at += length + 1;
    return true;
}

/* Whether each header of `a` is in `b` as often. A URI is as long as a message at most, but this is quadratic:
 * URIs with very many headers are never the same. */
static bool headers_agree(struct ct_str a, struct ct_str b)
{
    struct ct_str name;
    struct ct_str value;
    struct ct_str other_name;
    struct ct_str other_value;
    size_t headers = 0;

    for (size_t at = 0; next_header(a, &at, &name, &value);) {
        bool found = false;
        if (++headers > 32)
            return false;
        for (size_t other = 0; !found && next_header(b, &other, &other_name, &other_value);)
            found = same(name, other_name, true) && same(value, other_value, false);
        if (!found)
            return false;
    }
    return true;
}

/* A number without its visual separators (RFC 3966 section 4). */
static bool same_number(struct ct_str a, struct ct_str b)
{
    size_t i = 0;
    size_t j = 0;
    for (;;) {
        while (i < a.len && strchr("-.()", a.at[i]) != NULL)
            i++;
        while (j < b.len && strchr("-.()", b.at[j]) != NULL)
            j++;
        if (i == a.len || j == b.len)
            return i == a.len && j == b.len;
        if (lower(a.at[i++]) != lower(b.at[j++]))
            return false;
    }
}

/* More parameters than a URI has need of: comparing them is quadratic. */
static bool too_many_params(struct ct_str params)
{
    size_t count = 0;
    for (size_t i = 0; i < params.len; i++)
        count += params.at[i] == ';';
    return count > 64;
}

bool ct_sip_uri_equal(const struct ct_sip_uri *a, const struct ct_sip_uri *b)
{
    if (a->scheme != b->scheme)
        return false;
    if (a->scheme == CT_SIP_URI_OTHER)
        return ct_str_equal(a->text, b->text);
    if (too_many_params(a->params) || too_many_params(b->params))
        return false;
    if (a->scheme == CT_SIP_URI_TEL)
        return same_number(a->user, b->user) && params_agree(a, b) && params_agree(b, a);
    return same(a->user, b->user, false) && same(a->password, b->password, false) &&
           ct_str_equal_nocase(a->host, b->host) && a->port == b->port && params_agree(a, b) &&
           params_agree(b, a) && headers_agree(a->headers, b->headers) &&
           headers_agree(b->headers, a->headers);
}

/* ---- writing ---- */

void ct_sip_uri_write(struct ct_buf *out, const struct ct_sip_uri *uri)
{
    struct ct_str name;
    struct ct_str value;
    size_t at = 0;

    if (uri->scheme != CT_SIP_URI_SIP && uri->scheme != CT_SIP_URI_SIPS) {
        ct_buf_str(out, uri->text);
        return;
    }
    const char *end = uri->host.at + uri->host.len;
    if (uri->port != 0) /* as it was written */
        while (end < uri->text.at + uri->text.len && (*end == ':' || is_digit(*end)))
            end++;
    ct_buf_add(out, uri->text.at, (size_t)(end - uri->text.at));
    while (ct_sip_next_param(uri->params, &at, &name, &value)) {
        if (ct_str_equal_nocase(name, CT_STR("method")))
            continue;
        ct_buf_char(out, ';');
        ct_buf_str(out, name);
        if (value.len > 0) {
            ct_buf_char(out, '=');
            ct_buf_str(out, value);
        }
    }
}

enum ct_result ct_sip_unescape(struct ct_arena *arena, struct ct_str text, struct ct_str *out)
{
    *out = text;
    if (text.len == 0 || memchr(text.at, '%', text.len) == NULL)
        return CT_OK;
    char *copy = ct_arena_room(arena, text.len);
    size_t length = 0;
    if (copy == NULL)
        return CT_NOMEM;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '%') {
            int high = text.len - i < 3 ? -1 : ct_hex_value(text.at[i + 1]);
            int low = high < 0 ? -1 : ct_hex_value(text.at[i + 2]);
            if (low < 0)
                return CT_INVALID;
            c = (char)(high * 16 + low);
            i += 2;
        }
        copy[length++] = c;
    }
    *out = (struct ct_str){copy, length};
    return CT_OK;
}

void ct_sip_escape_user(struct ct_buf *out, struct ct_str user)
{
    static const char allowed[] = "-_.!~*'()&=+$,;?/";
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < user.len; i++) {
        char c = user.at[i];
        unsigned char byte = (unsigned char)c;
        if (is_alpha(c) || is_digit(c) || memchr(allowed, c, sizeof(allowed) - 1) != NULL) {
            ct_buf_char(out, c);
            continue;
        }
        ct_buf_char(out, '%');
        ct_buf_char(out, digits[byte >> 4]);
        ct_buf_char(out, digits[byte & 15]);
    }
}
