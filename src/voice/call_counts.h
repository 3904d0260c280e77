#ifndef CT_VOICE_CALL_COUNTS_H
#define CT_VOICE_CALL_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "sip/transport.h"

/**
 * How many calls accounts begin, inside and outside alike: CALLS_PER_ACCOUNT, CALLS_PER_MINUTE. What a call to a trunk
 * costs is caps.h's. An account of id 0 is a trunk, whose channels are counted elsewhere. On the SIP thread alone.
 */
struct ct_call_counts;

struct ct_call_counts_options {
    const struct ct_sip_env *env; /* borrowed */
    size_t at_once;               /* 0: any number, as of the next one */
    size_t per_minute;
};
/** The owner frees it with ct_call_counts_free. CT_NOMEM, CT_IO. */
CT_CHECKED enum ct_result ct_call_counts_new(const struct ct_call_counts_options *options,
                                             struct ct_call_counts **out);
/** NULL is allowed. */
void ct_call_counts_free(struct ct_call_counts *counts);

/** Whether an account may begin one more call; counts it as begun in this minute. False: @p why, a static text. */
bool ct_call_counts_may(struct ct_call_counts *counts, int64_t account_id, const char **why);
/** The same of a call that has been counted by ct_call_counts_began already. */
bool ct_call_counts_dialled(struct ct_call_counts *counts, int64_t account_id, const char **why);
/** A call begins, and ends. */
void ct_call_counts_began(struct ct_call_counts *counts, int64_t account_id);
void ct_call_counts_ended(struct ct_call_counts *counts, int64_t account_id);

#endif
