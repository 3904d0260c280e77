#ifndef CT_HTTP_OPENAPI_OPERATION_H
#define CT_HTTP_OPENAPI_OPERATION_H

#include <stdbool.h>

#include "base/json_write.h"
#include "config/config.h"
#include "http/route.h"

/** Writes what /openapi.json says of one route, as a member named by its method. @p etag: its reply has an
 *  ETag. */
void ct_openapi_operation(struct ct_json_out *out, const struct ct_config *config,
                          const struct ct_route *route, bool etag);

#endif
