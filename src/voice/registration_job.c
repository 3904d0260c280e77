#include "voice/registration_job.h"

#include "events/events.h"

static enum ct_result tell(struct ct_db *db, enum ct_event_type type, int64_t user_id,
                           int64_t device_id, int64_t now_ms, struct ct_buf *data)
{
    const struct ct_event event = {.user_id = user_id,
                                   .type = type,
                                   .created_at = now_ms,
                                   .subject_id = device_id,
                                   .data = ct_buf_done(data)};
    return data->failed ? CT_NOMEM : ct_event_write(db, &event);
}

static void add_text(struct ct_buf *data, char before, const char *name, struct ct_str value)
{
    ct_buf_member(data, before, name);
    ct_buf_json(data, value);
}

static enum ct_result tell_added(struct ct_db *db, struct ct_arena *arena, int64_t user_id,
                                 int64_t now_ms, const struct ct_binding_row *row)
{
    struct ct_buf data = ct_buf_in(arena);
    add_text(&data, '{', "contact", row->contact);
    add_text(&data, ',', "transport", row->transport);
    add_text(&data, ',', "source", row->source);
    add_text(&data, ',', "user_agent", row->user_agent);
    ct_buf_member(&data, ',', "expires_at");
    ct_buf_char(&data, '"');
    ct_buf_time(&data, row->expires_at);
    ct_buf_text(&data, "\"}");
    return tell(db, CT_EVENT_DEVICE_REGISTERED, user_id, row->device_id, now_ms, &data);
}

static enum ct_result tell_gone(struct ct_db *db, struct ct_arena *arena, int64_t user_id,
                                int64_t now_ms, int64_t device_id, struct ct_str contact,
                                const char *reason)
{
    struct ct_buf data = ct_buf_in(arena);
    add_text(&data, '{', "contact", contact);
    add_text(&data, ',', "reason", ct_str_of(reason));
    ct_buf_char(&data, '}');
    return tell(db, CT_EVENT_DEVICE_UNREGISTERED, user_id, device_id, now_ms, &data);
}

enum ct_result ct_registration_store(struct ct_db *db, int64_t user_id, int64_t now_ms,
                                     const struct ct_registration_change *changes, size_t count)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    for (size_t i = 0; result == CT_OK && i < count; i++) {
        const struct ct_binding_row *row = &changes[i].row;
        if (changes[i].kind == CT_REGISTRATION_REMOVE) {
            result = ct_binding_remove(db, row->device_id, row->place);
            if (result == CT_OK)
                result =
                    tell_gone(db, arena, user_id, now_ms, row->device_id, row->contact, "removed");
            continue;
        }
        result = ct_binding_put(db, row);
        if (result == CT_OK && changes[i].kind == CT_REGISTRATION_ADD)
            result = tell_added(db, arena, user_id, now_ms, row);
    }
    ct_arena_free(arena);
    return result;
}

/* A binding that has expired. */
struct expired {
    int64_t device_id, place, user_id;
    struct ct_str contact;
};

static enum ct_result find_expired(struct ct_db *db, struct ct_arena *arena, int64_t now_ms,
                                   size_t limit, struct expired *out, size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT b.device_id, b.place, d.user_id, b.contact FROM sip_bindings AS b "
                    "JOIN devices AS d ON d.id = b.device_id WHERE b.expires_at <= $1 "
                    "ORDER BY b.expires_at, b.device_id, b.place LIMIT $2",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, now_ms);
    ct_bind_int(stmt, 2, (int64_t)limit);
    *count = 0;
    while ((result = ct_step(stmt)) == CT_ROW) {
        struct expired *row = &out[(*count)++];
        row->device_id = ct_column_int(stmt, 0);
        row->place = ct_column_int(stmt, 1);
        row->user_id = ct_column_int(stmt, 2);
        result = ct_column_str(stmt, 3, arena, &row->contact);
        if (result != CT_OK)
            return result;
    }
    return result;
}

enum ct_result ct_registration_expire(struct ct_db *db, int64_t now_ms, size_t limit, bool *more)
{
    size_t count = 0;
    struct ct_arena *arena = ct_arena_new();
    struct expired *rows = arena == NULL ? NULL : ct_arena_alloc(arena, limit * sizeof(*rows));
    enum ct_result result =
        rows == NULL ? CT_NOMEM : find_expired(db, arena, now_ms, limit, rows, &count);
    for (size_t i = 0; result == CT_OK && i < count; i++) {
        result = ct_binding_remove(db, rows[i].device_id, rows[i].place);
        if (result == CT_OK)
            result = tell_gone(db, arena, rows[i].user_id, now_ms, rows[i].device_id,
                               rows[i].contact, "expired");
    }
    *more = count == limit;
    ct_arena_free(arena);
    return result;
}
