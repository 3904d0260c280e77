#ifndef CT_EVENTS_COURIER_H
#define CT_EVENTS_COURIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "store/store.h"

/**
 * The thread behind webhooks: makes deliveries of new events, takes those that are due, sends them many at a time,
 * and writes down what came of it. Several nodes may do so on one database: a delivery belongs to whoever took it.
 * What was taken and not settled, since the process was killed, is taken again when its time is over: a delivery
 * comes at least once, with the same id each time. It also deletes events and deliveries whose time is over.
 */
struct ct_courier;

struct ct_courier_options {
    struct ct_store *store;
    struct ct_log *log;         /* may be NULL */
    struct ct_metrics *metrics; /* may be NULL */
    const char *networks;       /* as struct ct_webhook_options has them */
    const char *module;         /* the same */
    int64_t keep_ms;            /* for how long events and deliveries are kept */
    bool still; /* no thread is started: who owns it calls ct_courier_turn (tests) */
};

/** The most deliveries on their way at the same time; and to one webhook, so that a slow one leaves room. */
#define CT_COURIER_MOST ((size_t)64)
#define CT_COURIER_MOST_PER_WEBHOOK ((size_t)4)

/** All that @p options names is borrowed until ct_courier_free. CT_NOMEM. */
CT_CHECKED enum ct_result ct_courier_new(const struct ct_courier_options *options,
                                         struct ct_courier **out);
/** Ends the thread, and waits a moment for what is on its way; what has not ended then is tried again by the
 *  next process. NULL is allowed. */
void ct_courier_free(struct ct_courier *courier);

/** Events were written. From any thread, without waiting. */
void ct_courier_wake(struct ct_courier *courier);

/** One turn, at @p now_ms since 1970: settles what has ended, makes deliveries, takes and begins those that are
 *  due. */
void ct_courier_turn(struct ct_courier *courier, int64_t now_ms);
/** Waits until something happens to what is on its way, or the time is over. */
void ct_courier_wait(struct ct_courier *courier, int timeout_ms);
/** How many deliveries are on their way. */
size_t ct_courier_count(const struct ct_courier *courier);

#endif
