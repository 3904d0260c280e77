#include "numbers/numbers.h"

#include "store/migrations.h"

#define NUMBER_COLUMNS "id, phone_number, user_id, created_at"

enum ct_result ct_number_create(struct ct_db *db, struct ct_str phone_number, int64_t user_id,
                                int64_t now_ms, int64_t *id)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "INSERT INTO virtual_phone_numbers (id, phone_number, user_id, created_at) "
                    "VALUES (" CT_NEXT_ID("virtual_phone_numbers") ", $1, $2, $3) RETURNING id",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, phone_number);
    ct_bind_int(stmt, 2, user_id);
    ct_bind_int(stmt, 3, now_ms);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *id = ct_column_int(stmt, 0);
    return ct_run(stmt);
}

static enum ct_result read_number(struct ct_arena *arena, struct ct_stmt *stmt,
                                  struct ct_number *out)
{
    out->id = ct_column_int(stmt, 0);
    out->user_id = ct_column_int(stmt, 2);
    out->created_at = ct_column_time(stmt, 3);
    return ct_column_str(stmt, 1, arena, &out->phone_number);
}

enum ct_result ct_number_get(struct ct_arena *arena, struct ct_db *db, int64_t user_id, int64_t id,
                             struct ct_number *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db,
                                        "SELECT " NUMBER_COLUMNS " FROM virtual_phone_numbers "
                                        "WHERE id = $1 AND user_id = $2",
                                        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    ct_bind_int(stmt, 2, user_id);
    result = ct_step(stmt);
    if (result == CT_OK)
        return CT_NOT_FOUND;
    return result == CT_ROW ? read_number(arena, stmt, out) : result;
}

enum ct_result ct_number_list(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                              int64_t after_id, size_t limit, struct ct_number *out, size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db,
                                        "SELECT " NUMBER_COLUMNS " FROM virtual_phone_numbers "
                                        "WHERE user_id = $1 AND id > $2 ORDER BY id LIMIT $3",
                                        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, after_id);
    ct_bind_int(stmt, 3, (int64_t)limit);
    *count = 0;
    while (*count < limit && (result = ct_step(stmt)) == CT_ROW) {
        result = read_number(arena, stmt, &out[*count]);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    return result == CT_ROW ? CT_OK : result;
}
