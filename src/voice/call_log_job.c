#include "voice/call_log_parts.h"

/* The job of a call's record, on the writer's thread: its steps, their events, its messages. */
static enum ct_result find_key(struct ct_db *db, struct ct_str key, int64_t *id)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "SELECT id FROM calls WHERE call_key = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, key);
    result = ct_step(stmt);
    if (result == CT_ROW)
        *id = ct_column_int(stmt, 0);
    return result == CT_OK ? CT_NOT_FOUND : result == CT_ROW ? CT_OK : result;
}

static enum ct_result begin_record(struct ct_log_entry *entry, struct ct_db *db)
{
    /* one that is there was judged, by this job, which runs twice, or by whoever began it */
    enum ct_result result = find_key(db, entry->call.key, &entry->id);
    if (result != CT_NOT_FOUND)
        return result;
    if (entry->toll.payer_id != 0) {
        result = ct_call_caps_judge(db, entry->toll.payer_id, entry->toll.number,
                                    entry->call.started_at, &entry->verdict);
        if (result != CT_OK)
            return result;
        if (entry->verdict.why != NULL)
            return ct_record_refuse(db, &entry->call, 403, ct_str_of(entry->verdict.why),
                                    &entry->id);
    }
    return ct_record_begin(db, &entry->call, &entry->id);
}

/* CT_ROW: this job has run before, and been committed. */
static enum ct_result find_paid(const struct ct_log_entry *entry, struct ct_db *db)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db, "SELECT 1 FROM calls WHERE id = $1 AND payer_id = $2 AND paid_from = $3", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, entry->id);
    ct_bind_int(stmt, 2, entry->later.payer_id);
    ct_bind_int(stmt, 3, entry->later_at);
    return ct_step(stmt);
}

static enum ct_result pay(struct ct_log_entry *entry, struct ct_db *db)
{
    enum ct_result result = find_paid(entry, db);
    /* asked once more, the limits would count the call itself */
    if (result == CT_ROW && entry->verdict.why == NULL)
        return CT_OK;
    if (result != CT_OK && result != CT_ROW)
        return result;
    result = ct_call_caps_judge(db, entry->later.payer_id, entry->later.number, entry->later_at,
                                &entry->verdict);
    if (result != CT_OK || entry->verdict.why != NULL)
        return result;
    result =
        ct_record_pay(db, entry->id, entry->later.payer_id, entry->later_trunk_id, entry->later_at);
    if (result == CT_CONFLICT || result == CT_NOT_FOUND) {
        entry->verdict.why = "The call has no record";
        result = CT_OK;
    }
    return result;
}

/* A record that has been deleted, or ended by what knew better, is left as it is. */
static enum ct_result step(struct ct_db *db, const struct ct_record_change *change)
{
    enum ct_result result = ct_record_change(db, change);
    return result == CT_CONFLICT || result == CT_NOT_FOUND ? CT_OK : result;
}

enum ct_result ct_call_log_write(void *ctx, struct ct_db *db)
{
    struct ct_log_entry *entry = ctx;
    unsigned steps = entry->sent & ~entry->written;
    enum ct_result result = CT_OK;
    if ((steps & CT_LOG_BEGUN) != 0)
        result = begin_record(entry, db);
    if (result == CT_OK && (steps & CT_LOG_TOLL) != 0)
        result = pay(entry, db);
    if (result == CT_OK && (steps & CT_LOG_RINGING) != 0)
        result =
            step(db, &(const struct ct_record_change){
                         .id = entry->id, .status = CT_RECORD_RINGING, .at = entry->ringing_ms});
    if (result == CT_OK && (steps & CT_LOG_ANSWERED) != 0)
        result = step(db, &(const struct ct_record_change){.id = entry->id,
                                                           .status = CT_RECORD_IN_PROGRESS,
                                                           .at = entry->answered_ms,
                                                           .to_device_id = entry->device_id,
                                                           .to_trunk_id = entry->trunk_id});
    if (result == CT_OK && (steps & CT_LOG_ENDED) != 0)
        result = step(db, &(const struct ct_record_change){.id = entry->id,
                                                           .status = entry->end,
                                                           .at = entry->ended_ms,
                                                           .ender = entry->ender,
                                                           .sip_code = entry->code,
                                                           .reason = entry->reason});
    int64_t place = (int64_t)entry->first;
    for (const struct ct_log_heard *heard = entry->gone.first; result == CT_OK && heard != NULL;
         heard = heard->next)
        result = ct_ladder_add(db, entry->id, place++, &heard->message, 1);
    return result;
}
