#ifndef CT_HTTP_BODY_HEADERS_H
#define CT_HTTP_BODY_HEADERS_H

#include <stdbool.h>
#include <stdint.h>

#include "http/headers.h"
#include "http/route.h"

/* What the headers say of the body of a request whose route takes one. */

/** What 413 says; static. */
extern const char ct_body_too_large[];

/** Whether the body is a form, which the route then takes. */
bool ct_body_is_form(const struct ct_route *route, const struct ct_headers *headers);
/** The status that the headers are refused with, and in @p detail static text: 411, 413, 415; 0 is none. @p
 *  closing is set when the body is so long that the connection is to end. */
int ct_body_headers_fault(const struct ct_route *route, const struct ct_headers *headers,
                          int64_t max_bytes, bool *closing, const char **detail);

#endif
