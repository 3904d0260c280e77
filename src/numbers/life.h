#ifndef CT_NUMBERS_LIFE_H
#define CT_NUMBERS_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"

/**
 * The life of a number:
 *
 *                create, claim                release
 *    available ----------------> assigned ----------------> quarantined
 *     |  ^  ^                    |  ^  ^                      |     |
 *     |  |  |                    |  |  +------- restore ------+     |
 *     |  |  +--------------------|--|---------- expire -------------+
 *     |  |                 offer |  | accept, refuse, withdraw, expire
 *     |  | unreserve             v  |
 *     |  +-------- reserved    transferring ------- release ----> quarantined
 *     +----------->
 *        reserve
 *
 * `available` has no row of its own. Where a time has run out the next state is in force at once,
 * whether or not the row was tidied up since: see ct_life_now.
 */
enum ct_life {
    CT_LIFE_AVAILABLE,
    CT_LIFE_ASSIGNED,
    CT_LIFE_TRANSFERRING,
    CT_LIFE_QUARANTINED,
    CT_LIFE_RESERVED,
    CT_LIFE_COUNT
};

enum ct_life_event {
    CT_LIFE_TAKE, /* created or claimed */
    CT_LIFE_RELEASE,
    CT_LIFE_RESTORE,
    CT_LIFE_OFFER,
    CT_LIFE_ACCEPT,
    CT_LIFE_REFUSE, /* by the other side, or withdrawn by the owner */
    CT_LIFE_EXPIRE, /* the time of the state has run out */
    CT_LIFE_RESERVE,
    CT_LIFE_UNRESERVE,
    CT_LIFE_EVENT_COUNT
};

/** Whether the event may happen in that state. */
bool ct_life_allows(enum ct_life state, enum ct_life_event event);
/** The state after the event. Asserts that it is allowed: judge first. */
enum ct_life ct_life_next(enum ct_life state, enum ct_life_event event);
/** The state in force at @p now_ms of a row that says @p state until @p until_ms (CT_NO_TIME: for good). */
enum ct_life ct_life_now(enum ct_life state, int64_t until_ms, int64_t now_ms);
/** The word for a state, as in the database and in replies: "assigned", … */
struct ct_str ct_life_word(enum ct_life state);
/** The state of a `status` column: NULL (`at` NULL) is assigned. CT_BUG for an unknown word. */
CT_CHECKED enum ct_result ct_life_read(struct ct_str word, enum ct_life *out);

#endif
