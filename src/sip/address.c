#include "sip/message.h"

#include <string.h>

#include "sip/read.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static size_t skip_blanks(struct ct_str text, size_t at)
{
    while (at < text.len && is_blank(text.at[at]))
        at++;
    return at;
}

static struct ct_str from(struct ct_str text, size_t at)
{
    return (struct ct_str){text.at + at, text.len - at};
}

/* Behind the quoted string that begins at `at`; 0 when it does not end. */
static size_t quoted_end(struct ct_str text, size_t at)
{
    for (at++; at < text.len; at++) {
        if (text.at[at] == '\\')
            at++;
        else if (text.at[at] == '"')
            return at + 1;
    }
    return 0;
}

/* What may stand in the value of a parameter: a token, a host, and what else cannot be mistaken. All but control
 * characters, blanks and ;,"<> */
static const uint8_t value_characters[32] = {
    0x00, 0x00, 0x00, 0x00, 0xFA, 0xEF, 0xFF, 0xA7, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F,
    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

static bool is_value(char c)
{
    return ct_sip_in(value_characters, c);
}

bool ct_sip_params_valid(struct ct_str text)
{
    size_t at = skip_blanks(text, 0);

    while (at < text.len) {
        if (text.at[at] != ';')
            return false;
        at = skip_blanks(text, at + 1);
        size_t begin = at;
        while (at < text.len && is_value(text.at[at]) && text.at[at] != '=')
            at++;
        if (!ct_sip_is_token((struct ct_str){text.at + begin, at - begin}))
            return false;
        at = skip_blanks(text, at);
        if (at == text.len || text.at[at] != '=')
            continue;
        at = begin = skip_blanks(text, at + 1);
        if (at < text.len && text.at[at] == '"') {
            at = quoted_end(text, at);
            if (at == 0)
                return false;
        } else {
            while (at < text.len && is_value(text.at[at]))
                at++;
            if (at == begin)
                return false;
        }
        at = skip_blanks(text, at);
    }
    return true;
}

/* ---- addresses ---- */

/* Words of a display name without quotes; UTF-8 in it is let pass, though it should be quoted. */
static bool is_display(struct ct_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (!is_blank(c) && (unsigned char)c < 0x80 && !ct_sip_is_token((struct ct_str){&c, 1}))
            return false;
    }
    return true;
}

/* "…" <uri>;params, from the <. */
static bool read_angled(struct ct_str text, struct ct_sip_address *out)
{
    const char *end = memchr(text.at, '>', text.len);
    if (end == NULL)
        return false;
    size_t length = (size_t)(end - text.at) - 1;
    out->params = ct_sip_trim(from(text, length + 2));
    return ct_sip_uri_read((struct ct_str){text.at + 1, length}, &out->uri);
}

/* An addr-spec alone: what follows a semicolon is the header's, and a URI with a question mark or a comma would
 * have to be in <> (section 20). */
static bool read_bare(struct ct_str text, struct ct_sip_address *out)
{
    size_t length = 0;
    while (length < text.len && text.at[length] != ';' && !is_blank(text.at[length]))
        length++;
    struct ct_str uri = {text.at, length};
    if (length == 0 || memchr(uri.at, '?', length) != NULL || memchr(uri.at, ',', length) != NULL)
        return false;
    out->params = ct_sip_trim(from(text, length));
    return ct_sip_uri_read(uri, &out->uri);
}

bool ct_sip_address_read(struct ct_str text, struct ct_sip_address *out)
{
    bool good;

    *out = (struct ct_sip_address){.star = false};
    text = ct_sip_trim(text);
    if (text.len == 0)
        return false;
    if (text.len == 1 && text.at[0] == '*') {
        out->star = true;
        return true;
    }
    const char *angle = memchr(text.at, '<', text.len);
    if (text.at[0] == '"') {
        size_t end = quoted_end(text, 0);
        size_t at = skip_blanks(text, end);
        if (end == 0 || at == text.len || text.at[at] != '<')
            return false;
        out->display = (struct ct_str){text.at, end};
        good = read_angled(from(text, at), out);
    } else if (angle != NULL) {
        size_t length = (size_t)(angle - text.at);
        out->display = ct_sip_trim((struct ct_str){text.at, length});
        good = is_display(out->display) && read_angled(from(text, length), out);
    } else {
        good = read_bare(text, out);
    }
    if (!good || !ct_sip_params_valid(out->params))
        return false;
    (void)ct_sip_param(out->params, CT_STR("tag"), &out->tag);
    return true;
}

/* ---- Via ---- */

/* A token, and behind it what `then` says, with blanks around it. */
static bool take(struct ct_str *text, char then, struct ct_str *token)
{
    size_t length = 0;
    while (length < text->len && !is_blank(text->at[length]) && text->at[length] != '/')
        length++;
    *token = (struct ct_str){text->at, length};
    size_t at = skip_blanks(*text, length);
    if (then != ' ') {
        if (at == text->len || text->at[at] != then)
            return false;
        at = skip_blanks(*text, at + 1);
    }
    *text = from(*text, at);
    return length > 0;
}

/* "host : port" with blanks around the colon. */
static bool take_sent_by(struct ct_str *text, struct ct_sip_via *out)
{
    size_t size;
    if (!ct_sip_host_port_read(*text, &out->host, &out->port, &size))
        return false;
    size_t at = skip_blanks(*text, size);
    if (out->port == 0 && at < text->len && text->at[at] == ':') {
        size_t begin = at = skip_blanks(*text, at + 1);
        uint32_t port = 0;
        while (at < text->len && text->at[at] >= '0' && text->at[at] <= '9')
            at++;
        if (!ct_sip_number((struct ct_str){text->at + begin, at - begin}, UINT16_MAX, &port) ||
            port == 0)
            return false;
        out->port = (uint16_t)port;
        at = skip_blanks(*text, at);
    }
    *text = from(*text, at);
    return true;
}

bool ct_sip_via_read(struct ct_str text, struct ct_sip_via *out)
{
    struct ct_str token;
    struct ct_str version;
    struct ct_str name;
    struct ct_str value;

    *out = (struct ct_sip_via){.text = text};
    if (!take(&text, '/', &token) || !ct_str_equal_nocase(token, CT_STR("SIP")) ||
        !take(&text, '/', &version) || !ct_sip_is_token(version) ||
        !take(&text, ' ', &out->transport_name) || !ct_sip_is_token(out->transport_name) ||
        !take_sent_by(&text, out))
        return false;
    out->version_2 = ct_str_equal(version, CT_STR("2.0"));
    out->known = ct_sip_transport_read(out->transport_name, &out->transport);
    out->params = ct_sip_trim(text);
    if (out->params.len > 0 && out->params.at[0] != ';')
        return false;
    for (size_t at = 0; ct_sip_next_param(out->params, &at, &name, &value);) {
        if (ct_str_equal_nocase(name, CT_STR("branch"))) {
            out->branch = value;
        } else if (ct_str_equal_nocase(name, CT_STR("received"))) {
            out->received = value;
        } else if (ct_str_equal_nocase(name, CT_STR("rport"))) {
            out->rport = value;
            out->has_rport = true;
        }
    }
    return true;
}
