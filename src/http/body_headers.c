#include "http/body_headers.h"

#include "http/exchange.h"

const char ct_body_too_large[] = "The request body is larger than MAX_BODY_BYTES allows";

/* The media type of a Content-Type header, without its parameters. */
static bool media_type_is(struct ct_str header, struct ct_str type)
{
    size_t size = 0;
    while (size < header.len && header.at[size] != ';')
        size++;
    while (size > 0 && (header.at[size - 1] == ' ' || header.at[size - 1] == '\t'))
        size--;
    return ct_str_equal_nocase((struct ct_str){header.at, size}, type);
}

bool ct_body_is_form(const struct ct_route *route, const struct ct_headers *headers)
{
    return route->form &&
           media_type_is(headers->content_type, CT_STR("application/x-www-form-urlencoded"));
}

int ct_body_headers_fault(const struct ct_route *route, const struct ct_headers *headers,
                          int64_t max_bytes, bool *closing, const char **detail)
{
    if (headers->content_length.at == NULL && headers->transfer_encoding.at == NULL) {
        *detail = ct_protocol_detail(411);
        return 411;
    }
    if (headers->content_length.at != NULL) {
        int64_t length = 0;
        enum ct_result result = ct_int_parse(headers->content_length, &length);
        if (result == CT_NOT_FOUND || length > max_bytes) {
            *closing = true;
            *detail = ct_body_too_large;
            return 413;
        }
    }
    if (headers->content_type.len > 0 &&
        !media_type_is(headers->content_type, CT_STR("application/json")) &&
        !ct_body_is_form(route, headers)) {
        *detail = route->form
                      ? "The body must be application/json or application/x-www-form-urlencoded"
                      : "The body must be application/json";
        return 415;
    }
    return 0;
}
