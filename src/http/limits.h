#ifndef CT_HTTP_LIMITS_H
#define CT_HTTP_LIMITS_H

#include <stdint.h>

#include "base/result.h"
#include "base/text.h"
#include "config/config.h"

/** How many requests addresses and accounts may send (RATE_LIMIT_PER_ADDRESS, RATE_LIMIT_PER_ACCOUNT): the
 *  counters of one server, in memory of a fixed size. Safe from any thread. */
struct ct_limits;

/** Makes the counters that the settings ask for. @p out is NULL when they ask for none. The owner frees
 *  them with ct_limits_free. CT_NOMEM, CT_IO. */
CT_CHECKED enum ct_result ct_limits_new(const struct ct_config *config, struct ct_limits **out);
/** NULL is allowed. */
void ct_limits_free(struct ct_limits *limits);

/** Counts a request of an address or an account. 0: it may go on. Else the seconds until the next one
 *  may. @p limits may be NULL. */
CT_CHECKED int64_t ct_limits_take_address(struct ct_limits *limits, struct ct_str address);
CT_CHECKED int64_t ct_limits_take_account(struct ct_limits *limits, int64_t user_id);

#endif
