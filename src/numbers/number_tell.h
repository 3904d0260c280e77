#ifndef CT_NUMBERS_NUMBER_TELL_H
#define CT_NUMBERS_NUMBER_TELL_H

#include <stdint.h>

#include "base/result.h"
#include "events/event_types.h"
#include "http/route.h"
#include "numbers/numbers.h"

/** Writes the event of what was done to a number, for the account of @p user_id, in the transaction of the call.
 *  CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_number_tell(const struct ct_call *call, int64_t user_id,
                                         enum ct_event_type type, const struct ct_number *number);

#endif
