#ifndef CT_STORE_WRITER_H
#define CT_STORE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/pulse.h"
#include "base/result.h"
#include "store/store.h"

/** The thread that writes, and the queue in front of it: group commit. */
struct ct_writer;

struct ct_writer_options {
    size_t capacity;            /* jobs that may wait */
    struct ct_log *log;         /* borrowed; may be NULL, as may be */
    struct ct_metrics *metrics; /* borrowed */
};

/** Starts the thread on a connection, which is borrowed and must not be used by anybody else until
 *  ct_writer_stop. CT_NOMEM. */
CT_CHECKED enum ct_result ct_writer_start(struct ct_db *db, const struct ct_writer_options *options,
                                          struct ct_writer **out);
/** From now on it is called after each commit that touched something, on the writer's thread. */
void ct_writer_watch(struct ct_writer *writer, void (*touched)(void *ctx, unsigned what),
                     void *ctx);
/** From now on a write that would wait longer is refused; 0: it may wait as long as it takes. */
void ct_writer_limit_wait(struct ct_writer *writer, int64_t max_wait_ms);
/** As ct_store_submit. */
CT_CHECKED enum ct_result ct_writer_submit(struct ct_writer *writer, struct ct_job *job);
/** Fills in what waits, and what may. */
void ct_writer_look(struct ct_writer *writer, struct ct_store_state *out);
/** Whether the calling thread is the one that writes. */
bool ct_writer_is_self(const struct ct_writer *writer);
/** As ct_store_poke. */
const struct ct_pulse *ct_writer_poke(struct ct_writer *writer);
/** Refuses further jobs, commits what is queued, ends the thread, frees. NULL is allowed. */
void ct_writer_stop(struct ct_writer *writer);

#endif
