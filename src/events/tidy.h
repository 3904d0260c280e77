#ifndef CT_EVENTS_TIDY_H
#define CT_EVENTS_TIDY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/metrics.h"
#include "base/result.h"
#include "store/store.h"

/** The most rows of one write, of each table. */
#define CT_TIDY_ROWS 500

/** Deletes some of the events and deliveries that were written before @p before_ms, and of what is left of webhooks
 *  that are no more; writes only when there is something to do. @p more: there is more. */
CT_CHECKED enum ct_result ct_events_tidy(struct ct_store *store, struct ct_metrics *metrics,
                                         int64_t before_ms, bool *more);

#endif
