#ifndef CT_HTTP_LIMITS_H
#define CT_HTTP_LIMITS_H

#include <stdint.h>

#include "base/result.h"
#include "base/text.h"
#include "config/config.h"

/** How many requests addresses and accounts may send (RATE_LIMIT_PER_ADDRESS, RATE_LIMIT_PER_ACCOUNT), and how
 *  many a stranger with an Idempotency-Key of somebody else's request (LOGIN_FAILURES_MAX): the counters of
 *  one server, in memory of a fixed size. Safe from any thread. */
struct ct_limits;

/** Makes the counters that the settings ask for; 0 is none. @p out is NULL when they ask for none. The owner frees
 *  them with ct_limits_free. CT_NOMEM, CT_IO. */
CT_CHECKED enum ct_result ct_limits_new(const struct ct_config *config, struct ct_limits **out);
/** NULL is allowed. */
void ct_limits_free(struct ct_limits *limits);

/** Counts a request of an address or an account. 0: it may go on. Else the seconds until the next one
 *  may. @p limits may be NULL. */
CT_CHECKED int64_t ct_limits_take_address(struct ct_limits *limits, struct ct_str address);
CT_CHECKED int64_t ct_limits_take_account(struct ct_limits *limits, int64_t user_id);

/* Whether a request is the one that its Idempotency-Key was used with tells whether its password is. On a
 * public route, and with a key that can be guessed, that is a way to try passwords out. */

/** The seconds until @p address may use such a key again; 0: at once. @p limits may be NULL. */
CT_CHECKED int64_t ct_limits_mistaken_wait(struct ct_limits *limits, struct ct_str address);
/** Counts one that was used with another request. @p limits may be NULL. */
void ct_limits_count_mistaken(struct ct_limits *limits, struct ct_str address);

#endif
