#ifndef CT_OPS_METRICS_TEXT_H
#define CT_OPS_METRICS_TEXT_H

#include <stdio.h>

#include "base/metrics.h"
#include "base/text.h"
#include "ops/ops.h"

/** Where metrics are read, for /metrics alone. */
#define CT_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/** What the rows CT_METRIC_READ say right now, by their numbers; CT_NO_READING: nothing. Seconds are
 *  microseconds. */
#define CT_NO_READING INT64_MIN
struct ct_readings {
    int64_t values[CT_METRIC_TABLE_END];
};
void ct_ops_read(const struct ct_ops *ops, const struct ct_config *config, struct ct_readings *out);

/** Prints all metrics in Prometheus' text format 0.0.4. Whether memory was short, @p out tells. */
void ct_metrics_print(const struct ct_metrics *metrics, const struct ct_readings *readings,
                      struct ct_buf *out);

/** Prints what they mean: for a terminal, or as docs/metrics.md. */
void ct_metrics_explain(FILE *out, bool markdown);

#endif
