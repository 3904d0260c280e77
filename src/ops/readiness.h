#ifndef CT_OPS_READINESS_H
#define CT_OPS_READINESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "store/store.h"

/**
 * Whether this server should be sent requests. A thread of its own reads from the database twice a
 * second; who asks gets what it found, at once, also while the database hangs.
 */
struct ct_readiness;

enum ct_ready {
    CT_READY,
    CT_READY_STOPPING,    /* told to stop; what comes is still answered */
    CT_READY_UNREACHABLE, /* the last read failed */
    CT_READY_SILENT,      /* no read has ended lately */
    CT_READY_OUTDATED,    /* the database lacks migrations of this program, as after a restore */
};

/** A read that has not ended after so long counts as failed. */
#define CT_READY_PATIENCE_US 3000000

/** Starts the thread. The store, which has just been opened, is borrowed until ct_readiness_end. CT_NOMEM. */
CT_CHECKED enum ct_result ct_readiness_start(struct ct_store *store, struct ct_readiness **out);
/** From now on the answer is CT_READY_STOPPING. */
void ct_readiness_stopping(struct ct_readiness *readiness);
/** The answer at this moment. Never waits; from any thread. */
enum ct_ready ct_readiness_ask(const struct ct_readiness *readiness);
/** Ends the thread, once the read that it may be in has ended, and frees. NULL is allowed. */
void ct_readiness_end(struct ct_readiness *readiness);

/** One read, as the thread does it: CT_READY, CT_READY_UNREACHABLE or CT_READY_OUTDATED. */
enum ct_ready ct_readiness_probe(struct ct_store *store);
/** What follows from the last read's outcome and how long ago that ended. */
enum ct_ready ct_readiness_judge(bool stopping, enum ct_ready outcome, int64_t age_us);

#endif
