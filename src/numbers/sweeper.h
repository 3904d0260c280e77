#ifndef CT_NUMBERS_SWEEPER_H
#define CT_NUMBERS_SWEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "store/store.h"

/**
 * Tidies the rows of numbers whose time has run out: quarantines that are over, offers that nobody
 * accepted. Deletes what is left of pools that were. Nothing waits for it, since neither counts any more
 * in any case. A thread looks every few seconds, and writes only where there is something to do; many
 * nodes may do so at once.
 */
struct ct_sweeper;

/** Starts the thread. @p store, @p log and @p metrics (both may be NULL) are borrowed until ct_sweeper_stop.
 *  CT_NOMEM. */
CT_CHECKED enum ct_result ct_sweeper_start(struct ct_store *store, struct ct_log *log,
                                           struct ct_metrics *metrics, struct ct_sweeper **out);
/** Ends the thread once the job that it may be waiting for is done, and frees. NULL is allowed. */
void ct_sweeper_stop(struct ct_sweeper *sweeper);

/** The most rows of one write. */
#define CT_SWEEP_ROWS 100
/** Whether there is anything to tidy at @p now_ms: one look into an index. */
CT_CHECKED enum ct_result ct_sweep_is_due(struct ct_db *db, int64_t now_ms, bool *out);
/** Tidies at most CT_SWEEP_ROWS numbers; @p count is how many those were. For a write. */
CT_CHECKED enum ct_result ct_sweep(struct ct_db *db, int64_t now_ms, size_t *count);

#endif
