#ifndef CT_HTTP_OPENAPI_H
#define CT_HTTP_OPENAPI_H

#include <stddef.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"
#include "http/route.h"

/** Writes the OpenAPI 3.1 document of these routes, indented, into @p arena. CT_NOMEM. */
CT_CHECKED enum ct_result ct_openapi(struct ct_arena *arena, const struct ct_config *config,
                                     const struct ct_mount *mounts, size_t mount_count,
                                     struct ct_str *out);

#endif
