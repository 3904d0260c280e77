#include "voice/call_view.h"

#include <stddef.h>

const char *const ct_call_directions[] = {"inbound", "outbound", "internal", NULL};

#define CALL(member, kind, ...) CT_FIELD(struct ct_call_reply, member, kind, __VA_ARGS__)

static const struct ct_field call_fields[] = {
    CALL(id, CT_FIELD_INT, .doc = "The call's id.", .example = "1"),
    CALL(from, CT_FIELD_STRING,
         .doc = "Who calls: a number, or what the caller presented; `anonymous` when it wants not "
                "to be known.",
         .example = "\"+4930123456\""),
    CALL(to, CT_FIELD_STRING, .doc = "Who is called.", .example = "\"+4930123457\""),
    CALL(direction, CT_FIELD_STRING, .words = ct_call_directions,
         .doc = "`inbound` to one of your numbers, `outbound` from one of your devices, or both: "
                "`internal`.",
         .example = "\"inbound\""),
    CALL(status, CT_FIELD_STRING, .words = ct_record_status_words,
         .doc = "`queued`, `ringing` and `in-progress` calls go on, all others are over. "
                "`interrupted`: the server that had it was gone.",
         .example = "\"completed\""),
    CALL(device_id, CT_FIELD_INT, .flags = CT_FIELD_NULLABLE,
         .doc = "Your device that calls, or that answered.", .example = "1"),
    CALL(trunk_id, CT_FIELD_INT, .flags = CT_FIELD_NULLABLE,
         .doc = "The trunk that the other side is behind; null when it is on this server.",
         .example = "null"),
    CALL(phone_number_id, CT_FIELD_INT, .flags = CT_FIELD_NULLABLE,
         .doc = "Your number that is called, or that is presented to the other side.",
         .example = "1"),
    CALL(started_at, CT_FIELD_TIME, .doc = "When it began.",
         .example = "\"2026-01-31T12:00:00.000Z\""),
    CALL(ringing_at, CT_FIELD_TIME, .flags = CT_FIELD_NULLABLE,
         .doc = "When the called side began to ring.", .example = "\"2026-01-31T12:00:00.250Z\""),
    CALL(answered_at, CT_FIELD_TIME, .flags = CT_FIELD_NULLABLE, .doc = "When it was answered.",
         .example = "\"2026-01-31T12:00:05.000Z\""),
    CALL(ended_at, CT_FIELD_TIME, .flags = CT_FIELD_NULLABLE,
         .doc = "When it was over; of an `interrupted` call the last moment that it was known not "
                "to be.",
         .example = "\"2026-01-31T12:01:07.345Z\""),
    CALL(seconds, CT_FIELD_SECONDS, .flags = CT_FIELD_NULLABLE,
         .doc = "From the answer to the end, to the millisecond; 0 when it was not answered, null "
                "while it goes on.",
         .example = "62.345"),
    CALL(hangup_by, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE, .words = ct_record_ender_words,
         .doc = "Who ended it; `system` for this server, as for a limit.", .example = "\"caller\""),
    CALL(sip_code, CT_FIELD_INT, .flags = CT_FIELD_NULLABLE,
         .doc = "The final SIP status (RFC 3261 section 21).", .example = "200"),
    CALL(reason, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE, .doc = "The same in words.",
         .example = "\"OK\""),
};

const struct ct_schema ct_call_schema =
    CT_SCHEMA("Call", "The record of a call.", struct ct_call_reply, call_fields);

static int64_t id_or_null(int64_t id)
{
    return id == 0 ? INT64_MIN : id;
}

static int64_t length_of(const struct ct_record *record)
{
    if (record->ended_at == CT_NO_TIME)
        return INT64_MIN;
    return record->answered_at == CT_NO_TIME ? 0 : record->ended_at - record->answered_at;
}

void ct_call_view(const struct ct_record *record, int64_t user_id, struct ct_call_reply *out)
{
    bool calls = record->caller_id == user_id;
    bool called = record->callee_id == user_id;
    const char *direction = ct_call_directions[calls && called ? 2 : calls];
    *out = (struct ct_call_reply){
        .id = record->id,
        .from = record->anonymous && !calls ? CT_STR("anonymous") : record->from,
        .to = record->to,
        .direction = ct_str_of(direction),
        .status = ct_record_status_word(record->status),
        .device_id = id_or_null(calls ? record->from_device_id : record->to_device_id),
        .trunk_id = id_or_null(calls ? record->to_trunk_id : record->from_trunk_id),
        .phone_number_id = id_or_null(calls ? record->from_number_id : record->to_number_id),
        .started_at = record->started_at,
        .ringing_at = record->ringing_at,
        .answered_at = record->answered_at,
        .ended_at = record->ended_at,
        .seconds = length_of(record),
        .hangup_by = record->ender,
        .sip_code = id_or_null(record->sip_code),
        .reason = record->reason};
}

bool ct_call_shows_leg(const struct ct_record *record, int64_t user_id, struct ct_str leg)
{
    if (ct_str_equal(leg, CT_STR("caller")))
        return record->caller_id == user_id || (record->caller_id == 0 && !record->anonymous);
    return record->callee_id == user_id || record->callee_id == 0;
}
