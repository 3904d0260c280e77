#ifndef CT_VOICE_KEEPER_H
#define CT_VOICE_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"
#include "store/store.h"

/**
 * Keeps the records of calls in order: says that this process is up as long as it has open calls, ends the records of
 * processes that are gone, and deletes what was kept long enough. A thread looks every two seconds, and
 * writes only where there is something to do; many nodes may do so at once.
 */
struct ct_keeper;

struct ct_keeper_options {
    const struct ct_config *config; /* borrowed, as what follows, until ct_keeper_stop */
    struct ct_store *store;
    struct ct_log *log; /* may be NULL */
    bool alone;         /* no other process has this database: whoever had it before is gone */
};

/** Adds this process to call_nodes, ends the records of those that are known to be gone, and starts the thread.
 *  CT_UNAVAILABLE, CT_IO, CT_NOMEM. */
CT_CHECKED enum ct_result ct_keeper_start(const struct ct_keeper_options *options,
                                          struct ct_keeper **out);
/** Ends the thread once the job that it may be waiting for is done, and frees. NULL is allowed. */
void ct_keeper_stop(struct ct_keeper *keeper);
/** The name of this process for the records of its calls (struct ct_record_new). Borrowed. */
struct ct_str ct_keeper_node(const struct ct_keeper *keeper);

/** The most rows of one write. */
#define CT_KEEP_ROWS 200
/** Says that @p node is up, if it has open calls. */
CT_CHECKED enum ct_result ct_keep_beat(struct ct_store *store, struct ct_str node, int64_t now_ms);
/** Ends the records of other processes that were last up before @p before_ms, all of them. */
CT_CHECKED enum ct_result ct_keep_interrupt(struct ct_store *store, struct ct_str node,
                                            int64_t before_ms);
/** Deletes some of the messages and records whose days are over; @p more: there may be others. */
CT_CHECKED enum ct_result ct_keep_tidy(struct ct_store *store, const struct ct_config *config,
                                       int64_t now_ms, bool *more);

#endif
