#include "events/events.h"

#include "store/migrations.h"

/* How many rows are looked at for one answer, when only some types are asked for. */
#define LOOKED_AT 2000

enum ct_result ct_event_write(struct ct_db *db, const struct ct_event *event)
{
    struct ct_stmt *stmt;
    int64_t id;
    enum ct_result result = ct_next_id(db, CT_NEXT_ID_QUERY("events"), &id);
    if (result == CT_OK)
        result = ct_db_query(db,
                             "INSERT INTO events (id, user_id, type, created_at, subject_id, data) "
                             "VALUES ($1, $2, $3, $4, $5, $6)",
                             &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    ct_bind_int(stmt, 2, event->user_id);
    ct_bind_str(stmt, 3, ct_str_of(ct_event_word(event->type)));
    ct_bind_int(stmt, 4, event->created_at);
    ct_bind_int(stmt, 5, event->subject_id);
    ct_bind_str(stmt, 6, event->data.len == 0 ? CT_STR("{}") : event->data);
    ct_db_touch(db, CT_TOUCHED_EVENTS);
    return ct_run(stmt);
}

enum ct_result ct_event_last(struct ct_db *db, int64_t *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "SELECT " CT_NEXT_ID("events") " - 1", &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *out = ct_column_int(stmt, 0);
    return CT_OK;
}

static enum ct_result find(struct ct_db *db, const struct ct_event_query *query, size_t rows,
                           struct ct_stmt **out)
{
    enum ct_result result = ct_db_query(db,
                                        "SELECT id, type, created_at, subject_id, data FROM events "
                                        "WHERE user_id = $1 AND id > $2 ORDER BY id LIMIT $3",
                                        out);
    if (result != CT_OK)
        return result;
    ct_bind_int(*out, 1, query->user_id);
    ct_bind_int(*out, 2, query->after_id);
    ct_bind_int(*out, 3, (int64_t)rows);
    return CT_OK;
}

/* Whether the row is of a type that is wanted; one of a later version of this program is none. */
static enum ct_result judge_type(struct ct_arena *arena, struct ct_stmt *stmt, uint64_t types,
                                 enum ct_event_type *type, bool *wanted)
{
    struct ct_str word;
    enum ct_result result = ct_column_str(stmt, 1, arena, &word);
    if (result != CT_OK)
        return result;
    *wanted = ct_event_type_of(word, type) == CT_OK && (types & ct_event_bit(*type)) != 0;
    return CT_OK;
}

enum ct_result ct_event_read(struct ct_arena *arena, struct ct_db *db,
                             const struct ct_event_query *query, struct ct_event *out,
                             size_t *count, int64_t *seen, bool *more)
{
    bool all = query->types == CT_EVENT_ALL_TYPES;
    size_t most = all || query->limit >= LOOKED_AT ? query->limit + 1 : LOOKED_AT;
    size_t rows = 0;
    struct ct_stmt *stmt;
    *count = 0;
    *seen = query->after_id;
    *more = false;
    enum ct_result result = find(db, query, most, &stmt);
    while (result == CT_OK && !*more && (result = ct_step(stmt)) == CT_ROW) {
        enum ct_event_type type = CT_EVENT_TYPES;
        bool wanted = false;
        rows++;
        result = judge_type(arena, stmt, query->types, &type, &wanted);
        *more = wanted && *count == query->limit;
        if (result != CT_OK || *more)
            break;
        *seen = ct_column_int(stmt, 0);
        if (!wanted)
            continue;
        struct ct_event *event = &out[(*count)++];
        *event = (struct ct_event){.id = *seen,
                                   .user_id = query->user_id,
                                   .type = type,
                                   .created_at = ct_column_int(stmt, 2),
                                   .subject_id = ct_column_int(stmt, 3)};
        result = ct_column_str(stmt, 4, arena, &event->data);
    }
    *more = *more || rows == most;
    return result;
}

void ct_event_print(const struct ct_event *event, struct ct_buf *out)
{
    ct_buf_text(out, "{\"id\":");
    ct_buf_int(out, event->id);
    ct_buf_text(out, ",\"type\":\"");
    ct_buf_text(out, ct_event_word(event->type));
    ct_buf_text(out, "\",\"created_at\":\"");
    ct_buf_time(out, event->created_at);
    ct_buf_text(out, "\",\"subject\":\"");
    ct_buf_text(out, ct_event_subject(event->type));
    ct_buf_text(out, "\",\"subject_id\":");
    if (event->subject_id == 0)
        ct_buf_text(out, "null");
    else
        ct_buf_int(out, event->subject_id);
    ct_buf_text(out, ",\"data\":");
    ct_buf_str(out, event->data);
    ct_buf_char(out, '}');
}

enum ct_result ct_event_tidy_is_due(struct ct_db *db, int64_t before_ms, bool *due)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "SELECT created_at FROM events ORDER BY id LIMIT 1", &stmt);
    if (result != CT_OK)
        return result;
    result = ct_step(stmt);
    *due = result == CT_ROW && ct_column_int(stmt, 0) < before_ms;
    return result == CT_ROW ? CT_OK : result;
}

enum ct_result ct_event_tidy(struct ct_db *db, int64_t before_ms, size_t limit, size_t *count)
{
    struct ct_stmt *stmt;
    *count = 0;
    enum ct_result result =
        ct_db_query(db,
                    "DELETE FROM events WHERE id < coalesce((SELECT id FROM events ORDER BY id "
                    "LIMIT 1 OFFSET $2), 9223372036854775807) AND created_at < $1 RETURNING id",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, before_ms);
    ct_bind_int(stmt, 2, (int64_t)limit);
    while ((result = ct_step(stmt)) == CT_ROW)
        ++*count;
    return result;
}

enum ct_result ct_event_forget_account(struct ct_db *db, int64_t user_id)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "DELETE FROM events WHERE user_id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    return ct_run(stmt);
}
