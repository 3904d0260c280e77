#include "http/headers.h"

#include <string.h>

#define TEXT(member) offsetof(struct ct_headers, member)
#define NO_COUNT 0
#define NAME(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

static const struct {
    struct ct_str name;
    size_t text;
    size_t count; /* of an unsigned that tells how often the header came */
} WANTED[] = {
    {NAME("Host"), TEXT(host), TEXT(host_count)},
    {NAME("Authorization"), TEXT(authorization), TEXT(authorization_count)},
    {NAME("Content-Type"), TEXT(content_type), NO_COUNT},
    {NAME("Content-Length"), TEXT(content_length), TEXT(content_length_count)},
    {NAME("Transfer-Encoding"), TEXT(transfer_encoding), TEXT(transfer_encoding_count)},
    {NAME("Accept"), TEXT(accept), NO_COUNT},
    {NAME("Last-Event-ID"), TEXT(last_event_id), NO_COUNT},
    {NAME("Accept-Encoding"), TEXT(accept_encoding), NO_COUNT},
    {NAME("If-Match"), TEXT(if_match), NO_COUNT},
    {NAME("If-None-Match"), TEXT(if_none_match), NO_COUNT},
    {NAME("Idempotency-Key"), TEXT(idempotency_key), TEXT(idempotency_key_count)},
    {NAME("Expect"), TEXT(expect), NO_COUNT},
    {NAME("Origin"), TEXT(origin), NO_COUNT},
    {NAME("Access-Control-Request-Method"), TEXT(request_method), NO_COUNT},
    {NAME("X-Request-ID"), TEXT(request_id), NO_COUNT},
    {NAME("X-Forwarded-For"), TEXT(forwarded_for), NO_COUNT},
};

void ct_headers_add(struct ct_headers *headers, struct ct_str name, struct ct_str value)
{
    char *base = (char *)headers;
    headers->count++;
    if (ct_str_equal_nocase(name, CT_STR("Cookie")))
        headers->cookie_bytes += value.len;
    if (name.len > 0 && (name.at[name.len - 1] == ' ' || name.at[name.len - 1] == '\t'))
        headers->spaced_name = true;
    for (size_t i = 0; i < sizeof(WANTED) / sizeof(WANTED[0]); i++) {
        if (!ct_str_equal_nocase(name, WANTED[i].name))
            continue;
        memcpy(base + WANTED[i].text, &value, sizeof(value));
        if (WANTED[i].count != NO_COUNT)
            ++*(unsigned *)(void *)(base + WANTED[i].count);
        return;
    }
}

struct ct_str ct_list_next(struct ct_str *list)
{
    const char *comma = memchr(list->at, ',', list->len);
    size_t size = comma == NULL ? list->len : (size_t)(comma - list->at);
    struct ct_str element = {list->at, size};
    size_t used = comma == NULL ? size : size + 1;
    *list = (struct ct_str){list->at + used, list->len - used};
    while (element.len > 0 && (element.at[0] == ' ' || element.at[0] == '\t'))
        element = (struct ct_str){element.at + 1, element.len - 1};
    while (element.len > 0 &&
           (element.at[element.len - 1] == ' ' || element.at[element.len - 1] == '\t'))
        element.len--;
    return element;
}

static struct ct_str trim(struct ct_str text)
{
    while (text.len > 0 && (text.at[0] == ' ' || text.at[0] == '\t'))
        text = (struct ct_str){text.at + 1, text.len - 1};
    while (text.len > 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* What is in front of the next semicolon, which is cut off with it. */
static struct ct_str next_part(struct ct_str *element)
{
    const char *semicolon = memchr(element->at, ';', element->len);
    size_t size = semicolon == NULL ? element->len : (size_t)(semicolon - element->at);
    size_t used = semicolon == NULL ? size : size + 1;
    struct ct_str part = {element->at, size};
    *element = (struct ct_str){element->at + used, element->len - used};
    return trim(part);
}

/* "q=0", "q=0.000" (RFC 9110 section 12.4.2). */
static bool is_zero_weight(struct ct_str part)
{
    if (part.len < 3 || (part.at[0] != 'q' && part.at[0] != 'Q') || part.at[1] != '=')
        return false;
    for (size_t i = 2; i < part.len; i++) {
        if (part.at[i] != '0' && part.at[i] != '.')
            return false;
    }
    return true;
}

bool ct_accept_names(struct ct_str accept, struct ct_str type)
{
    while (accept.len > 0) {
        struct ct_str element = ct_list_next(&accept);
        if (!ct_str_equal_nocase(next_part(&element), type))
            continue;
        bool wanted = true;
        while (element.len > 0)
            wanted = !is_zero_weight(next_part(&element)) && wanted;
        return wanted;
    }
    return false;
}

int ct_headers_framing_fault(const struct ct_headers *headers)
{
    if (headers->spaced_name || headers->host_count > 1 || headers->content_length_count > 1 ||
        headers->transfer_encoding_count > 1 ||
        (headers->transfer_encoding_count > 0 && headers->content_length_count > 0))
        return 400;
    if (headers->transfer_encoding_count > 0 &&
        !ct_str_equal_nocase(headers->transfer_encoding, CT_STR("chunked")))
        return 501;
    return 0;
}

bool ct_request_id_is_sane(struct ct_str id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-'))
            return false;
    }
    return id.len >= 1 && id.len <= 64;
}
