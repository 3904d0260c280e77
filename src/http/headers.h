#ifndef CT_HTTP_HEADERS_H
#define CT_HTTP_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/** Request headers that matter here. Borrowed from the connection; `at` NULL when absent. */
struct ct_headers {
    struct ct_str host;
    struct ct_str authorization;
    struct ct_str content_type;
    struct ct_str content_length;
    struct ct_str transfer_encoding;
    struct ct_str accept;
    struct ct_str accept_encoding;
    struct ct_str last_event_id;
    struct ct_str if_match;
    struct ct_str if_none_match;
    struct ct_str idempotency_key;
    struct ct_str expect;
    struct ct_str origin;
    struct ct_str request_method; /* Access-Control-Request-Method */
    struct ct_str request_id;
    struct ct_str forwarded_for;
    unsigned authorization_count;
    unsigned content_length_count;
    unsigned transfer_encoding_count;
    unsigned host_count;
    unsigned idempotency_key_count;
    bool spaced_name;    /* a name with white space behind it */
    size_t size;         /* of the request line and the whole header section, bytes */
    size_t count;        /* of header lines */
    size_t cookie_bytes; /* of the values of Cookie */
};

/** Takes note of a header if it matters here. Both texts are borrowed. */
void ct_headers_add(struct ct_headers *headers, struct ct_str name, struct ct_str value);
/** Cuts the next element off a comma-separated list (RFC 9110 section 5.6.1), without the white space
 *  around it. @p list must not be empty. */
struct ct_str ct_list_next(struct ct_str *list);
/** Whether an Accept names a media type itself, with a weight above zero (RFC 9110 section 12.5.1): "*" alone
 *  does not. */
bool ct_accept_names(struct ct_str accept, struct ct_str type);
/** Whether it is certain where the request ends (RFC 9112 sections 3.2, 5.1, 6.1, 6.3): 0, or the status
 *  to refuse it with. What two servers in a row could read in two ways must end the connection. */
int ct_headers_framing_fault(const struct ct_headers *headers);
/** Whether a client's own X-Request-ID may be repeated: 1 to 64 letters, digits, '.', '_', '-'. */
bool ct_request_id_is_sane(struct ct_str id);

#endif
