#ifndef CT_OPS_OPS_H
#define CT_OPS_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "base/metrics.h"
#include "base/pool.h"
#include "http/route.h"
#include "ops/readiness.h"
#include "store/store.h"

/** What operators and their machines ask a running server: the room of the routes below. All of it is
 *  borrowed, and zero where nothing is served. */
struct ct_ops {
    struct ct_readiness *readiness;
    struct ct_metrics *metrics;
    struct ct_store *store;
    struct ct_pool *hashing;
    size_t hashing_max; /* tasks that may wait for it */
    int64_t started_us; /* when the process began, since 1970 */
};

/** GET /readyz, GET /version. */
extern const struct ct_route ct_ops_routes[];
extern const size_t ct_ops_route_count;
/** GET /metrics. */
extern const struct ct_route ct_metrics_api_routes[];
extern const size_t ct_metrics_api_route_count;

#endif
