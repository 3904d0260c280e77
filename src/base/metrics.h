#ifndef CT_BASE_METRICS_H
#define CT_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/**
 * What a running server counts of itself. metrics.def names everything; rooms add to it where it happens,
 * and src/ops tells it. Recording takes no lock and no memory: each processor has cells of its own, which
 * are only added up by who reads them. Everything here may be called from any thread, and with NULL where
 * nothing is to be recorded.
 */
struct ct_metrics;

enum ct_metric {
#define CT_METRIC_ROUTES(id, ...) CT_METRIC_##id,
#define CT_METRIC_COUNTED(id, ...) CT_METRIC_##id,
#define CT_METRIC_HISTOGRAM(id, ...) CT_METRIC_##id,
#define CT_METRIC_READ(id, ...) CT_METRIC_##id,
#include "base/metrics.def"
    CT_METRIC_TABLE_END
};

enum ct_metric_source { CT_FROM_ROUTES, CT_FROM_COUNTED, CT_FROM_HISTOGRAM, CT_FROM_READ };
enum ct_metric_type { CT_METRIC_COUNTER, CT_METRIC_GAUGE, CT_METRIC_HISTOGRAM_TYPE };
enum ct_metric_unit { CT_METRIC_COUNT, CT_METRIC_BYTES, CT_METRIC_SECONDS };

/** A row of metrics.def. */
struct ct_metric_row {
    enum ct_metric_source source;
    enum ct_metric_type type;
    enum ct_metric_unit unit;
    const char *name;
    const char *labels;
    const char *help;
};
extern const struct ct_metric_row ct_metric_rows[CT_METRIC_TABLE_END];

/** A route, for the labels of its requests; both borrowed. */
struct ct_metric_route {
    const char *method;
    const char *pattern;
};

/** The number of no route: requests that led to none, and what was no HTTP. */
#define CT_METRIC_NO_ROUTE SIZE_MAX

/** Cells for these routes, which are numbered from 0 and borrowed. The owner frees it with ct_metrics_free,
 *  once nothing records any more. CT_NOMEM. */
CT_CHECKED enum ct_result ct_metrics_new(const struct ct_metric_route *routes, size_t count,
                                         struct ct_metrics **out);
/** NULL is allowed. */
void ct_metrics_free(struct ct_metrics *metrics);

/* ---- recording ---- */

/** Adds to a CT_METRIC_COUNTED row; a gauge may go down. Seconds are given in microseconds. */
void ct_metrics_add(struct ct_metrics *metrics, enum ct_metric row, int64_t amount);
/** Takes note of an amount of a CT_METRIC_HISTOGRAM row; seconds are given in microseconds. */
void ct_metrics_observe(struct ct_metrics *metrics, enum ct_metric row, int64_t amount);
/** A request that has been answered. */
struct ct_metric_request {
    size_t route; /* its number, or CT_METRIC_NO_ROUTE */
    int status;   /* 100 to 599 */
    int64_t duration_us;
    size_t body_bytes;
    size_t reply_bytes;
};
void ct_metrics_request(struct ct_metrics *metrics, const struct ct_metric_request *request);

/* ---- reading ---- */

/** Upper bounds of the buckets of a histogram, the last one (infinity) aside. */
#define CT_METRIC_BOUNDS 14

/** A histogram as it is told: how many were at most as large as each bound, the last of all sizes. */
struct ct_histogram {
    int64_t at_most[CT_METRIC_BOUNDS + 1];
    int64_t sum;
};

/** The bounds of the histograms of this unit; seconds are microseconds. */
const int64_t *ct_metrics_bounds(enum ct_metric_unit unit);
/** The sum of a CT_METRIC_COUNTED row. */
int64_t ct_metrics_value(const struct ct_metrics *metrics, enum ct_metric row);
void ct_metrics_histogram(const struct ct_metrics *metrics, enum ct_metric row,
                          struct ct_histogram *out);

/** How many routes there are, the one that is none included: it is the last. */
size_t ct_metrics_route_count(const struct ct_metrics *metrics);
const struct ct_metric_route *ct_metrics_route(const struct ct_metrics *metrics, size_t route);
/** The statuses that are told apart: @p index from 0; 0 behind the last. What is none of them counts as the
 *  first of its hundred. */
int ct_metrics_status(size_t index);
/** Requests of a route that were answered with the status of this index. */
int64_t ct_metrics_requests(const struct ct_metrics *metrics, size_t route, size_t index);
/** The classes of statuses: 1xx is 0, up to 5xx. */
#define CT_METRIC_CLASSES 5
/** The durations of a route's requests with a status of this class. */
void ct_metrics_durations(const struct ct_metrics *metrics, size_t route, size_t class,
                          struct ct_histogram *out);

#endif
