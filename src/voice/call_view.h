#ifndef CT_VOICE_CALL_VIEW_H
#define CT_VOICE_CALL_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"
#include "http/schema.h"
#include "store/store.h"
#include "voice/ladder.h"
#include "voice/records.h"

/** A call as one of its two accounts sees it: in replies, exports and events. INT64_MIN and `at` NULL are null. */
struct ct_call_reply {
    int64_t id;
    struct ct_str from;
    struct ct_str to;
    struct ct_str direction;
    struct ct_str status;
    int64_t device_id;
    int64_t trunk_id;
    int64_t phone_number_id;
    int64_t started_at;
    int64_t ringing_at;
    int64_t answered_at;
    int64_t ended_at;
    int64_t seconds; /* in milliseconds */
    struct ct_str hangup_by;
    int64_t sip_code;
    struct ct_str reason;
};
extern const struct ct_schema ct_call_schema;

/** The words of `direction`, ended by NULL. */
extern const char *const ct_call_directions[];

/** Fills it for an account that called, or was called: devices, trunks and numbers are its own side's, and an
 *  anonymous call has no number for who was called. Texts are the record's, or static. */
void ct_call_view(const struct ct_record *record, int64_t user_id, struct ct_call_reply *out);
/** Whether that account may see the messages of a leg: those of its own devices, and those with a trunk, which
 *  nobody else has, unless they would tell who calls anonymously. */
bool ct_call_shows_leg(const struct ct_record *record, int64_t user_id, struct ct_str leg);

#endif
