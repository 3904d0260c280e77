#ifndef CT_VOICE_RECORD_PARTS_H
#define CT_VOICE_RECORD_PARTS_H

#include "events/events.h"
#include "voice/records.h"

/* What records.c and record_pay.c share, and nobody else includes. */

/* What a step needs to know of a record. */
struct ct_record_row {
    enum ct_record_status status;
    int64_t ringing_at;
    int64_t answered_at;
    int64_t ended_at;
    int64_t to_trunk_id;
    int64_t payer_id;
    int64_t paid_from;
    int64_t transferred_at;
};

/** CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_record_look(struct ct_db *db, int64_t id, struct ct_record_row *out);
/** How long a call lasted until then, for who pays for it. */
int64_t ct_record_paid_ms(const struct ct_record_row *row, int64_t at);
/** Tells the accounts of a call what has become of it: each as it sees the call. */
CT_CHECKED enum ct_result ct_record_tell(struct ct_db *db, int64_t id, enum ct_event_type type,
                                         int64_t at);

#endif
