#include "accounts/rows.h"
#include "voice/records.h"

#define COLUMNS                                                                        \
    "id, caller_id, callee_id, from_number, to_number, anonymous, from_device_id, "    \
    "from_number_id, from_trunk_id, to_device_id, to_number_id, to_trunk_id, status, " \
    "started_at, ringing_at, answered_at, ended_at, hangup_by, sip_code, reason"

static enum ct_result read_record(struct ct_arena *arena, struct ct_stmt *stmt,
                                  struct ct_record *out)
{
    struct ct_str status;
    out->id = ct_column_int(stmt, 0);
    out->caller_id = ct_column_int(stmt, 1);
    out->callee_id = ct_column_int(stmt, 2);
    out->anonymous = ct_column_int(stmt, 5) != 0;
    out->from_device_id = ct_column_int(stmt, 6);
    out->from_number_id = ct_column_int(stmt, 7);
    out->from_trunk_id = ct_column_int(stmt, 8);
    out->to_device_id = ct_column_int(stmt, 9);
    out->to_number_id = ct_column_int(stmt, 10);
    out->to_trunk_id = ct_column_int(stmt, 11);
    out->started_at = ct_column_int(stmt, 13);
    out->ringing_at = ct_column_time(stmt, 14);
    out->answered_at = ct_column_time(stmt, 15);
    out->ended_at = ct_column_time(stmt, 16);
    out->sip_code = ct_column_int(stmt, 18);
    enum ct_result result = ct_column_str(stmt, 3, arena, &out->from);
    if (result == CT_OK)
        result = ct_column_str(stmt, 4, arena, &out->to);
    if (result == CT_OK)
        result = ct_column_str(stmt, 12, arena, &status);
    if (result == CT_OK)
        result = ct_record_status_read(status, &out->status);
    if (result == CT_OK)
        result = ct_column_text(stmt, 17, arena, &out->ender);
    if (result == CT_OK)
        result = ct_column_text(stmt, 19, arena, &out->reason);
    return result;
}

enum ct_result ct_record_by_id(struct ct_arena *arena, struct ct_db *db, int64_t id,
                               struct ct_record *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "SELECT " COLUMNS " FROM calls WHERE id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    return read_record(arena, stmt, out);
}

enum ct_result ct_record_get(struct ct_arena *arena, struct ct_db *db, int64_t user_id, int64_t id,
                             struct ct_record *out)
{
    enum ct_result result = ct_record_by_id(arena, db, id, out);
    if (result != CT_OK)
        return result;
    return out->caller_id == user_id || out->callee_id == user_id ? CT_OK : CT_NOT_FOUND;
}

/* Two walks through an index each, from the newest on: calls of the account, and calls to it. What is both is found
 * twice, and UNION keeps one. */
#define WALK(who, condition)                                                                \
    "SELECT * FROM (SELECT " COLUMNS " FROM calls WHERE " who " = $1 AND started_at >= $2 " \
    "AND (started_at, id) < ($3, $4)" condition                                             \
    " ORDER BY started_at DESC, id DESC LIMIT $5) AS " who
#define LIST(of_caller, of_callee) \
    WALK("caller_id", of_caller)   \
    " UNION " WALK("callee_id", of_callee) " ORDER BY 14 DESC, 1 DESC LIMIT $5"
#define SHOWN " AND anonymous IS NULL"
#define FROM(number) " AND from_number = " number
#define TO(number) " AND to_number = " number
#define OPEN " AND ended_at IS NULL AND ($6 = '' OR to_number = $6)"

/* Each has the parameters that it names: $6 and $7 are `from`, `to`, or both in this order. */
static const char *const lists[2][2] = {
    {LIST("", ""), LIST(TO("$6"), TO("$6"))},
    {LIST(FROM("$6"), FROM("$6") SHOWN), LIST(FROM("$6") TO("$7"), FROM("$6") TO("$7") SHOWN)},
};
/* Calls that are not over are few. */
static const char *const open_lists[2] = {LIST(OPEN, OPEN),
                                          LIST(OPEN FROM("$7"), OPEN FROM("$7") SHOWN)};

static enum ct_result query(struct ct_db *db, const struct ct_record_filter *filter,
                            struct ct_stmt **out)
{
    bool from = filter->from.len > 0;
    bool to = filter->to.len > 0;
    enum ct_result result = ct_db_query(db, filter->open ? open_lists[from] : lists[from][to], out);
    if (result != CT_OK)
        return result;
    int next = 6;
    if (filter->open)
        ct_bind_str(*out, next++, to ? filter->to : CT_STR(""));
    if (from)
        ct_bind_str(*out, next++, filter->from);
    if (to && !filter->open)
        ct_bind_str(*out, next, filter->to);
    return CT_OK;
}

enum ct_result ct_record_list(struct ct_arena *arena, struct ct_db *db,
                              const struct ct_record_filter *filter, struct ct_record_place after,
                              size_t limit, struct ct_record *out, size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result = query(db, filter, &stmt);
    if (result != CT_OK)
        return result;
    /* Ids are above 0: in front of any at that time. */
    if (after.id == 0)
        after = (struct ct_record_place){INT64_MAX, 0};
    if (filter->until != CT_NO_TIME && filter->until <= after.started_at)
        after = (struct ct_record_place){filter->until, 0};
    ct_bind_int(stmt, 1, filter->user_id);
    ct_bind_int(stmt, 2, filter->since);
    ct_bind_int(stmt, 3, after.started_at);
    ct_bind_int(stmt, 4, after.id);
    ct_bind_int(stmt, 5, (int64_t)limit);
    *count = 0;
    while (*count < limit && (result = ct_step(stmt)) == CT_ROW) {
        result = read_record(arena, stmt, &out[*count]);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    return result == CT_ROW ? CT_OK : result;
}
