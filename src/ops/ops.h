#ifndef CT_OPS_OPS_H
#define CT_OPS_OPS_H

#include <stddef.h>

#include "http/route.h"
#include "ops/readiness.h"

/** What operators and their machines ask a running server: the room of the routes below. */
struct ct_ops {
    struct ct_readiness *readiness; /* NULL where nothing is served */
};

extern const struct ct_route ct_ops_routes[];
extern const size_t ct_ops_route_count;

#endif
