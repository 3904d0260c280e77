#ifndef CT_EVENTS_DELIVERY_LIFE_H
#define CT_EVENTS_DELIVERY_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"

/**
 * The life of a delivery, one event on its way to one webhook:
 *
 *    an event that        take               answered with 2xx
 *    fits ------> pending -----> sending ---------------------> delivered
 *                  ^  ^           |  |  ^                            |
 *                  |  |   fail    |  |  | take, when whoever sent it |
 *                  |  +-----------+  |  | was not heard of again     |
 *                  |                 +--+                            |
 *                  |                 | give up, after 24 hours       |
 *                  |                 v                               |
 *                  +--- replay -- failed                             |
 *                  +------------- replay ----------------------------+
 *
 * Whoever takes it, holds it for CT_DELIVERY_LEASE_MS; a node that is gone by then has lost it to the others.
 */
enum ct_delivery_state {
    CT_DELIVERY_PENDING,
    CT_DELIVERY_SENDING,
    CT_DELIVERY_DELIVERED,
    CT_DELIVERY_FAILED,
    CT_DELIVERY_STATES
};

enum ct_delivery_event {
    CT_DELIVERY_TAKE,
    CT_DELIVERY_ANSWERED,
    CT_DELIVERY_FAIL,
    CT_DELIVERY_GIVE_UP,
    CT_DELIVERY_REPLAY,
    CT_DELIVERY_EVENTS
};

/** Longer than an attempt can take. */
#define CT_DELIVERY_LEASE_MS INT64_C(60000)
/** For how long a delivery is tried again. */
#define CT_DELIVERY_PATIENCE_MS (INT64_C(24) * 3600 * 1000)

/** Whether the event may happen in that state. */
bool ct_delivery_allows(enum ct_delivery_state state, enum ct_delivery_event event);
/** The state after the event. Asserts that it is allowed. */
enum ct_delivery_state ct_delivery_next(enum ct_delivery_state state, enum ct_delivery_event event);
/** The word for a state, as in the database and in replies: "pending", … */
struct ct_str ct_delivery_word(enum ct_delivery_state state);
/** The state of a word. CT_BUG for an unknown one. */
CT_CHECKED enum ct_result ct_delivery_state_of(struct ct_str word, enum ct_delivery_state *out);

/** How long to wait before the next attempt once @p attempts have failed, in milliseconds: 5 s, doubled each time,
 *  up to an hour; of that the half for certain, and of the other half as much as @p chance (any number) says, so
 *  that not all come at once to a receiver that is back. @p asked_ms is what the receiver asked for
 *  (Retry-After), 0 for nothing: no less than that, up to an hour. */
int64_t ct_delivery_wait_ms(int64_t attempts, uint32_t chance, int64_t asked_ms);

#endif
