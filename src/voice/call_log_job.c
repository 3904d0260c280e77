#include "voice/call_log_parts.h"

/* The job of a call's record, on the writer's thread: its steps, their events, its messages. */

static const char no_record[] = "The call has no record";

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
    if (entry->asks) {
        result = ct_call_caps_judge(db, entry->call.payer_id, entry->number, entry->call.started_at,
                                    &entry->verdict);
        if (result != CT_OK)
            return result;
        if (entry->verdict.why != NULL)
            return ct_record_refuse(db, &entry->call, 403, ct_str_of(entry->verdict.why),
                                    &entry->id);
        entry->call.granted_ms = entry->verdict.granted_ms;
    }
    return ct_record_begin(db, &entry->call, &entry->id);
}

static enum ct_result pay(const struct ct_log_entry *entry, struct ct_db *db,
                          struct ct_log_move *move)
{
    struct ct_record_bill bill = {
        .payer_id = move->toll.payer_id, .trunk_id = move->trunk_id, .at = move->at};
    bool done = false;
    enum ct_result result = ct_record_is_paid(db, entry->id, &bill, &done);
    /* this job runs twice, and knows what was said */
    if (result != CT_OK || done)
        return result;
    result =
        ct_call_caps_judge(db, move->toll.payer_id, move->toll.number, move->at, &move->verdict);
    if (result != CT_OK || move->verdict.why != NULL)
        return result;
    bill.granted_ms = move->verdict.granted_ms;
    result = ct_record_pay(db, entry->id, &bill);
    if (result == CT_CONFLICT || result == CT_NOT_FOUND) {
        move->verdict.why = no_record;
        result = CT_OK;
    }
    return result;
}

static enum ct_result make_move(const struct ct_log_entry *entry, struct ct_db *db,
                                struct ct_log_move *move)
{
    const struct ct_record_bill bill = {
        .payer_id = move->toll.payer_id, .trunk_id = move->trunk_id, .at = move->at};
    enum ct_result result = CT_OK;
    switch (move->kind) {
    case CT_LOG_PAY:
        return pay(entry, db, move);
    case CT_LOG_UNPAY:
        result = ct_record_unpay(db, entry->id, &bill);
        break;
    case CT_LOG_TRANSFERRED:
        result = ct_record_transferred(db, entry->id, move->paid, move->trunk_id, move->at);
        break;
    case CT_LOG_AGAIN:
        result = ct_call_caps_again(db, entry->id, move->toll.number, move->at, &move->verdict);
        /* nobody could say how long it may go on */
        if (result == CT_NOT_FOUND)
            move->verdict.why = no_record;
        break;
    }
    return result == CT_CONFLICT || result == CT_NOT_FOUND ? CT_OK : result;
}

/* Those from before the answer, or those from behind it. */
static enum ct_result make_moves(const struct ct_log_entry *entry, struct ct_db *db, bool answered)
{
    enum ct_result result = CT_OK;
    /* when none was sent the list is empty, and the other thread's */
    struct ct_log_move *move = entry->moves_sent > 0 ? entry->moves : NULL;
    for (size_t i = 0; result == CT_OK && i < entry->moves_sent; i++) {
        if (move->answered == answered)
            result = make_move(entry, db, move);
        /* what is behind the last one is the other thread's */
        if (i + 1 < entry->moves_sent)
            move = move->next;
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
    if (result == CT_OK)
        result = make_moves(entry, db, false);
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
    if (result == CT_OK)
        result = make_moves(entry, db, true);
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
