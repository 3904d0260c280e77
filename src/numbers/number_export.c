#include "numbers/number_export.h"

#include "base/csv.h"
#include "numbers/life.h"

enum { ID, PHONE_NUMBER, USER_ID, USERNAME, STATUS, UNTIL, FRIENDLY_NAME, TAGS, CREATED_AT };

static enum ct_result state_of(struct ct_arena *arena, struct ct_stmt *stmt, int64_t now_ms,
                               enum ct_life *out)
{
    struct ct_str word = {0};
    enum ct_life stored = CT_LIFE_ASSIGNED;
    enum ct_result result = CT_OK;
    if (!ct_column_is_null(stmt, STATUS))
        result = ct_column_str(stmt, STATUS, arena, &word);
    if (result == CT_OK)
        result = ct_life_read(word, &stored);
    if (result == CT_OK)
        *out = ct_life_now(stored, ct_column_time(stmt, UNTIL), now_ms);
    return result;
}

static enum ct_result add_text(struct ct_arena *arena, struct ct_stmt *stmt, int column,
                               struct ct_buf *out)
{
    struct ct_str text;
    enum ct_result result = ct_column_str(stmt, column, arena, &text);
    if (result == CT_OK)
        ct_csv_add_foreign(out, false, text);
    return result;
}

static enum ct_result add_row(struct ct_arena *arena, struct ct_stmt *stmt, int64_t now_ms,
                              struct ct_buf *out)
{
    struct ct_str number;
    enum ct_life state;
    enum ct_result result = state_of(arena, stmt, now_ms, &state);
    if (result == CT_OK)
        result = ct_column_str(stmt, PHONE_NUMBER, arena, &number);
    if (result != CT_OK)
        return result;
    ct_buf_int(out, ct_column_int(stmt, ID));
    ct_csv_add(out, false, number);
    ct_buf_char(out, ',');
    if (!ct_column_is_null(stmt, USER_ID))
        ct_buf_int(out, ct_column_int(stmt, USER_ID));
    result = add_text(arena, stmt, USERNAME, out);
    if (result == CT_OK) {
        ct_csv_add(out, false, ct_life_word(state));
        result = add_text(arena, stmt, FRIENDLY_NAME, out);
    }
    if (result == CT_OK)
        result = add_text(arena, stmt, TAGS, out);
    ct_buf_char(out, ',');
    if (!ct_column_is_null(stmt, CREATED_AT))
        ct_buf_time(out, ct_column_int(stmt, CREATED_AT));
    ct_buf_text(out, "\r\n");
    return result;
}

enum ct_result ct_number_export(struct ct_arena *arena, struct ct_db *db, int64_t after_id,
                                size_t limit, int64_t now_ms, struct ct_buf *out, int64_t *last_id)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT n.id, n.phone_number, n.user_id, u.username, n.status, n.status_until, "
                    "n.friendly_name, n.tags, n.created_at FROM virtual_phone_numbers n "
                    "LEFT JOIN users u ON u.id = n.user_id WHERE n.id > $1 ORDER BY n.id LIMIT $2",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, after_id);
    ct_bind_int(stmt, 2, (int64_t)limit);
    *last_id = after_id;
    while ((result = ct_step(stmt)) == CT_ROW) {
        *last_id = ct_column_int(stmt, ID);
        result = add_row(arena, stmt, now_ms, out);
        if (result != CT_OK)
            return result;
    }
    return result == CT_OK && out->failed ? CT_NOMEM : result;
}
