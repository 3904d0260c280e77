#include "voice/records.h"

#include "accounts/rows.h"
#include "events/events.h"
#include "http/print.h"
#include "store/migrations.h"
#include "voice/call_view.h"
#include "voice/caps.h"
#include "voice/record_parts.h"

/* ---- events ---- */

static enum ct_result tell_one(struct ct_arena *arena, struct ct_db *db,
                               const struct ct_record *record, int64_t user_id,
                               enum ct_event_type type, int64_t at)
{
    struct ct_call_reply view;
    struct ct_buf data = ct_buf_in(arena);
    ct_call_view(record, user_id, &view);
    ct_print_object(&ct_call_schema, &view, &data);
    const struct ct_event event = {.user_id = user_id,
                                   .type = type,
                                   .created_at = at,
                                   .subject_id = record->id,
                                   .data = ct_buf_done(&data)};
    return data.failed ? CT_NOMEM : ct_event_write(db, &event);
}

enum ct_result ct_record_tell(struct ct_db *db, int64_t id, enum ct_event_type type, int64_t at)
{
    struct ct_record record;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_record_by_id(arena, db, id, &record);
    if (result == CT_OK && record.caller_id != 0)
        result = tell_one(arena, db, &record, record.caller_id, type, at);
    if (result == CT_OK && record.callee_id != 0 && record.callee_id != record.caller_id)
        result = tell_one(arena, db, &record, record.callee_id, type, at);
    ct_arena_free(arena);
    return result;
}

static enum ct_event_type type_of(enum ct_record_status status)
{
    switch (status) {
    case CT_RECORD_QUEUED:
        return CT_EVENT_CALL_CREATED;
    case CT_RECORD_RINGING:
        return CT_EVENT_CALL_RINGING;
    case CT_RECORD_IN_PROGRESS:
        return CT_EVENT_CALL_ANSWERED;
    default:
        return CT_EVENT_CALL_ENDED;
    }
}

/* ---- beginning ---- */

/* CT_NOT_FOUND without a record of that key. */
static enum ct_result find_key(struct ct_db *db, struct ct_str key, int64_t *id)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "SELECT id FROM calls WHERE call_key = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, key);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    *id = ct_column_int(stmt, 0);
    return CT_OK;
}

static enum ct_result insert(struct ct_db *db, const struct ct_record_new *call, int64_t id)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "INSERT INTO calls (id, call_key, node, caller_id, callee_id, from_number, "
                    "to_number, anonymous, from_device_id, from_number_id, from_trunk_id, "
                    "to_device_id, to_number_id, to_trunk_id, status, started_at, payer_id, "
                    "paid_from, granted_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, "
                    "$12, $13, $14, $15, $16, $17, $18, $19)",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    ct_bind_str(stmt, 2, call->key);
    ct_bind_str(stmt, 3, call->node);
    ct_bind_id_or_null(stmt, 4, call->caller_id);
    ct_bind_id_or_null(stmt, 5, call->callee_id);
    ct_bind_str(stmt, 6, call->from);
    ct_bind_str(stmt, 7, call->to);
    ct_bind_id_or_null(stmt, 8, call->anonymous);
    ct_bind_id_or_null(stmt, 9, call->from_device_id);
    ct_bind_id_or_null(stmt, 10, call->from_number_id);
    ct_bind_id_or_null(stmt, 11, call->from_trunk_id);
    ct_bind_id_or_null(stmt, 12, call->to_device_id);
    ct_bind_id_or_null(stmt, 13, call->to_number_id);
    ct_bind_id_or_null(stmt, 14, call->to_trunk_id);
    ct_bind_str(stmt, 15, ct_record_status_word(CT_RECORD_QUEUED));
    ct_bind_int(stmt, 16, call->started_at);
    ct_bind_id_or_null(stmt, 17, call->payer_id);
    ct_bind_id_or_null(stmt, 18, call->payer_id == 0 ? 0 : call->started_at);
    ct_bind_id_or_null(stmt, 19, call->granted_ms);
    return ct_run(stmt);
}

/* CT_CONFLICT when it is there already; @p id is set then too. */
static enum ct_result add(struct ct_db *db, const struct ct_record_new *call, int64_t *id)
{
    enum ct_result result = find_key(db, call->key, id);
    if (result != CT_NOT_FOUND)
        return result == CT_OK ? CT_CONFLICT : result;
    result = ct_next_id(db, CT_NEXT_ID_QUERY("calls"), id);
    return result == CT_OK ? insert(db, call, *id) : result;
}

enum ct_result ct_record_begin(struct ct_db *db, const struct ct_record_new *call, int64_t *id)
{
    enum ct_result result = add(db, call, id);
    if (result != CT_OK)
        return result == CT_CONFLICT ? CT_OK : result;
    return ct_record_tell(db, *id, type_of(CT_RECORD_QUEUED), call->started_at);
}

/* ---- steps ---- */

enum ct_result ct_record_look(struct ct_db *db, int64_t id, struct ct_record_row *out)
{
    struct ct_stmt *stmt;
    struct ct_str word;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_db_query(
        db,
        "SELECT status, ringing_at, answered_at, ended_at, to_trunk_id, payer_id, paid_from, "
        "transferred_at "
        "FROM calls WHERE id = $1",
        &stmt);
    if (result != CT_OK)
        goto out;
    ct_bind_int(stmt, 1, id);
    result = ct_step(stmt);
    if (result != CT_ROW) {
        result = result == CT_OK ? CT_NOT_FOUND : result;
        goto out;
    }
    out->ringing_at = ct_column_time(stmt, 1);
    out->answered_at = ct_column_time(stmt, 2);
    out->ended_at = ct_column_time(stmt, 3);
    out->to_trunk_id = ct_column_int(stmt, 4);
    out->payer_id = ct_column_int(stmt, 5);
    out->paid_from = ct_column_int(stmt, 6);
    out->transferred_at = ct_column_time(stmt, 7);
    result = ct_column_str(stmt, 0, arena, &word);
    if (result == CT_OK)
        result = ct_record_status_read(word, &out->status);
out:
    ct_arena_free(arena);
    return result;
}

/* The record as it is after a step. */
static void take_step(const struct ct_record_change *change, struct ct_record_row *row)
{
    row->status = change->status;
    if (change->status == CT_RECORD_RINGING)
        row->ringing_at = change->at;
    if (change->status == CT_RECORD_IN_PROGRESS && row->answered_at == CT_NO_TIME)
        row->answered_at = change->at;
    row->ended_at = ct_record_status_is_end(change->status) ? change->at : CT_NO_TIME;
    if (change->to_trunk_id != 0)
        row->to_trunk_id = change->to_trunk_id;
}

static enum ct_result update(struct ct_db *db, const struct ct_record_change *change,
                             const struct ct_record_row *row)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "UPDATE calls SET status = $2, ringing_at = $3, answered_at = $4, "
                    "ended_at = $5, hangup_by = $6, sip_code = $7, reason = $8, "
                    "to_device_id = coalesce($9, to_device_id), to_trunk_id = $10 WHERE id = $1",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, change->id);
    ct_bind_str(stmt, 2, ct_record_status_word(row->status));
    ct_bind_time_or_null(stmt, 3, row->ringing_at);
    ct_bind_time_or_null(stmt, 4, row->answered_at);
    ct_bind_time_or_null(stmt, 5, row->ended_at);
    ct_bind_text_or_null(stmt, 6, ct_record_ender_word(change->ender));
    ct_bind_id_or_null(stmt, 7, change->sip_code);
    ct_bind_text_or_null(stmt, 8, change->reason);
    ct_bind_id_or_null(stmt, 9, change->to_device_id);
    ct_bind_id_or_null(stmt, 10, row->to_trunk_id);
    return ct_run(stmt);
}

int64_t ct_record_paid_ms(const struct ct_record_row *row, int64_t at)
{
    int64_t from = row->answered_at > row->paid_from ? row->answered_at : row->paid_from;
    return at == CT_NO_TIME || row->answered_at == CT_NO_TIME || at <= from ? 0 : at - from;
}

enum ct_result ct_record_change(struct ct_db *db, const struct ct_record_change *change)
{
    struct ct_record_row before;
    enum ct_result result = ct_record_look(db, change->id, &before);
    if (result != CT_OK || before.status == change->status)
        return result;
    if (!ct_record_status_allows(before.status, change->status))
        return CT_CONFLICT;
    struct ct_record_row after = before;
    take_step(change, &after);
    result = update(db, change, &after);
    int64_t more_ms =
        ct_record_paid_ms(&after, after.ended_at) - ct_record_paid_ms(&before, before.ended_at);
    if (result == CT_OK && after.payer_id != 0 && more_ms != 0)
        result = ct_call_usage_add(db, after.payer_id, after.answered_at, more_ms);
    return result == CT_OK ? ct_record_tell(db, change->id, type_of(change->status), change->at)
                           : result;
}

enum ct_result ct_record_refuse(struct ct_db *db, const struct ct_record_new *call,
                                int64_t sip_code, struct ct_str reason, int64_t *id)
{
    struct ct_record_row row = {.status = CT_RECORD_FAILED,
                                .ringing_at = CT_NO_TIME,
                                .answered_at = CT_NO_TIME,
                                .ended_at = call->started_at,
                                .to_trunk_id = call->to_trunk_id};
    /* nobody pays for it, nor is it one of those that an account has made */
    struct ct_record_new unpaid = *call;
    unpaid.payer_id = 0;
    enum ct_result result = add(db, &unpaid, id);
    if (result != CT_OK)
        return result == CT_CONFLICT ? CT_OK : result;
    const struct ct_record_change change = {
        .id = *id, .ender = CT_ENDED_BY_SYSTEM, .sip_code = sip_code, .reason = reason};
    result = update(db, &change, &row);
    return result == CT_OK ? ct_record_tell(db, *id, CT_EVENT_CALL_REFUSED, call->started_at)
                           : result;
}

/* ---- processes ---- */

enum ct_result ct_node_begin(struct ct_db *db, struct ct_str node, int64_t now_ms)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "INSERT INTO call_nodes (node, seen_at) VALUES ($1, $2) "
                    "ON CONFLICT (node) DO UPDATE SET seen_at = excluded.seen_at",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, node);
    ct_bind_int(stmt, 2, now_ms);
    return ct_run(stmt);
}

/* A call that is open, and the last moment that it was known to be up. */
struct lost {
    int64_t id;
    int64_t at;
};

static enum ct_result find_lost(struct ct_db *db, struct ct_str node, int64_t before_ms,
                                size_t limit, struct lost *out, size_t *count)
{
    struct ct_stmt *stmt;
    /* A process that had no calls for a while may have been forgotten, and end before its next beat. */
    enum ct_result result = ct_db_query(
        db,
        "SELECT c.id, coalesce(n.seen_at, c.started_at), c.started_at, c.ringing_at, "
        "c.answered_at FROM calls AS c LEFT JOIN call_nodes AS n ON n.node = c.node "
        "WHERE c.ended_at IS NULL AND c.started_at < $1 AND (n.seen_at IS NULL OR n.seen_at < $1) "
        "AND c.node <> $2 LIMIT $3",
        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, before_ms);
    ct_bind_str(stmt, 2, node);
    ct_bind_int(stmt, 3, (int64_t)limit);
    *count = 0;
    while (*count < limit && (result = ct_step(stmt)) == CT_ROW) {
        struct lost *lost = &out[(*count)++];
        *lost = (struct lost){ct_column_int(stmt, 0), ct_column_int(stmt, 1)};
        for (int column = 2; column <= 4; column++) {
            int64_t at = ct_column_time(stmt, column);
            lost->at = at > lost->at ? at : lost->at;
        }
    }
    return result == CT_ROW ? CT_OK : result;
}

static enum ct_result forget_nodes(struct ct_db *db, struct ct_str node, int64_t before_ms)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "DELETE FROM call_nodes WHERE seen_at < $1 AND node <> $2 AND NOT EXISTS "
                    "(SELECT 1 FROM calls WHERE calls.node = call_nodes.node "
                    "AND calls.ended_at IS NULL)",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, before_ms);
    ct_bind_str(stmt, 2, node);
    return ct_run(stmt);
}

enum ct_result ct_record_interrupt(struct ct_db *db, struct ct_str node, int64_t before_ms,
                                   size_t limit, size_t *count)
{
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    struct lost *rows = ct_arena_alloc(arena, limit * sizeof(*rows));
    enum ct_result result =
        rows == NULL ? CT_NOMEM : find_lost(db, node, before_ms, limit, rows, count);
    for (size_t i = 0; result == CT_OK && i < *count; i++)
        result = ct_record_change(
            db, &(const struct ct_record_change){.id = rows[i].id,
                                                 .status = CT_RECORD_INTERRUPTED,
                                                 .at = rows[i].at,
                                                 .reason = CT_STR("The server was gone")});
    ct_arena_free(arena);
    return result == CT_OK ? forget_nodes(db, node, before_ms) : result;
}

/* ---- ends that were asked for elsewhere ---- */

enum ct_result ct_record_ask_end(struct ct_db *db, int64_t id, int64_t at)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "UPDATE calls SET end_asked_at = $2 WHERE id = $1 AND ended_at IS NULL AND "
                    "end_asked_at IS NULL",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    ct_bind_int(stmt, 2, at);
    result = ct_run(stmt);
    if (result == CT_OK)
        ct_db_touch(db, CT_TOUCHED_CALL_ENDS);
    return result;
}

enum ct_result ct_record_asked_ends(struct ct_arena *arena, struct ct_db *db, struct ct_str node,
                                    size_t limit, struct ct_str *out, size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db,
                                        "SELECT call_key FROM calls WHERE node = $1 AND "
                                        "end_asked_at IS NOT NULL AND ended_at IS NULL LIMIT $2",
                                        &stmt);
    *count = 0;
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, node);
    ct_bind_int(stmt, 2, (int64_t)limit);
    while (*count < limit && (result = ct_step(stmt)) == CT_ROW) {
        result = ct_column_str(stmt, 0, arena, &out[(*count)++]);
        if (result != CT_OK)
            return result;
    }
    return result == CT_ROW ? CT_OK : result;
}

/* ---- the end of their time ---- */

/* The oldest have the lowest ids: one that is not to go yet may stand among them. */
#define OF_THE_OLDEST \
    "< coalesce((SELECT id FROM calls ORDER BY id LIMIT 1 OFFSET $2), 9223372036854775807) "
#define IS_OVER "started_at < $1 AND ended_at IS NOT NULL"

static enum ct_result delete_oldest(struct ct_db *db, const char *sql, int64_t before_ms,
                                    size_t limit, size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, sql, &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, before_ms);
    ct_bind_int(stmt, 2, (int64_t)limit);
    *count = 0;
    while ((result = ct_step(stmt)) == CT_ROW)
        ++*count;
    return result;
}

enum ct_result ct_record_discard(struct ct_db *db, int64_t before_ms, size_t limit, size_t *count)
{
    enum ct_result result =
        delete_oldest(db,
                      "DELETE FROM call_messages WHERE call_id " OF_THE_OLDEST
                      "AND (SELECT " IS_OVER " FROM calls WHERE id = call_messages.call_id) "
                      "RETURNING call_id",
                      before_ms, limit, count);
    return result == CT_OK ? delete_oldest(db,
                                           "DELETE FROM calls WHERE id " OF_THE_OLDEST
                                           "AND " IS_OVER " RETURNING id",
                                           before_ms, limit, count)
                           : result;
}
