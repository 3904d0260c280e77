#ifndef CT_HTTP_HEALTH_API_H
#define CT_HTTP_HEALTH_API_H

#include <stddef.h>

#include "http/route.h"

/** Whether the process answers at all. Needs no room. */
extern const struct ct_route ct_health_routes[];
extern const size_t ct_health_route_count;

#endif
