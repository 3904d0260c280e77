#include "numbers/number_tell.h"

#include "base/clock.h"
#include "events/events.h"

enum ct_result ct_number_tell(const struct ct_call *call, int64_t user_id, enum ct_event_type type,
                              const struct ct_number *number)
{
    struct ct_buf data = ct_buf_in(call->arena);
    ct_buf_member(&data, '{', "phone_number");
    ct_buf_json(&data, number->phone_number);
    ct_buf_char(&data, '}');
    const struct ct_event event = {.user_id = user_id,
                                   .type = type,
                                   .created_at = ct_clock_unix_ms(),
                                   .subject_id = number->id,
                                   .data = ct_buf_done(&data)};
    return data.failed ? CT_NOMEM : ct_event_write(call->db, &event);
}
