#include "accounts/accounts.h"

#include "store/migrations.h"

#define USER_COLUMNS "id, username, hashed_password, created_at, last_login_at"

enum ct_result ct_username_normalize(struct ct_arena *arena, struct ct_str in, struct ct_str *out)
{
    (void)arena;
    *out = in;
    return ct_utf8_has_control(in) ? CT_INVALID : CT_OK;
}

enum ct_result ct_user_insert(struct ct_arena *arena, struct ct_db *db, struct ct_str username,
                              struct ct_str password_hash, int64_t now_ms, int64_t *id)
{
    struct ct_str key;
    enum ct_result result = ct_utf8_casefold(arena, username, &key);
    if (result != CT_OK)
        return result;
    struct ct_stmt *stmt;
    result =
        ct_db_query(db,
                    "INSERT INTO users (id, username, hashed_password, username_key, created_at) "
                    "VALUES (" CT_NEXT_ID("users") ", $1, $2, $3, $4) RETURNING id",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, username);
    ct_bind_str(stmt, 2, password_hash);
    ct_bind_str(stmt, 3, key);
    ct_bind_int(stmt, 4, now_ms);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *id = ct_column_int(stmt, 0);
    return ct_run(stmt);
}

static enum ct_result read_user(struct ct_arena *arena, struct ct_stmt *stmt, struct ct_user *out)
{
    out->id = ct_column_int(stmt, 0);
    enum ct_result result = ct_column_str(stmt, 1, arena, &out->username);
    if (result == CT_OK)
        result = ct_column_str(stmt, 2, arena, &out->password_hash);
    out->created_at = ct_column_time(stmt, 3);
    out->last_login_at = ct_column_time(stmt, 4);
    return result;
}

/* The one row of a statement that has been bound. */
static enum ct_result one_user(struct ct_arena *arena, struct ct_stmt *stmt, struct ct_user *out)
{
    enum ct_result result = ct_step(stmt);
    if (result == CT_OK)
        return CT_NOT_FOUND;
    return result == CT_ROW ? read_user(arena, stmt, out) : result;
}

enum ct_result ct_user_by_name(struct ct_arena *arena, struct ct_db *db, struct ct_str username,
                               struct ct_user *out)
{
    struct ct_str key;
    enum ct_result result = ct_utf8_casefold(arena, username, &key);
    if (result == CT_INVALID)
        return CT_NOT_FOUND;
    if (result != CT_OK)
        return result;
    struct ct_stmt *stmt;
    /* The original database may hold names that differ in case alone: then the exact one counts. */
    result = ct_db_query(db,
                         "SELECT " USER_COLUMNS " FROM users WHERE username = $1 OR "
                         "username_key = $2 ORDER BY CASE WHEN username = $1 THEN 0 ELSE 1 END "
                         "LIMIT 1",
                         &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, username);
    ct_bind_str(stmt, 2, key);
    return one_user(arena, stmt, out);
}

enum ct_result ct_user_by_id(struct ct_arena *arena, struct ct_db *db, int64_t id,
                             struct ct_user *out)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "SELECT " USER_COLUMNS " FROM users WHERE id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    return one_user(arena, stmt, out);
}

enum ct_result ct_user_logged_in(struct ct_arena *arena, struct ct_db *db, int64_t id,
                                 struct ct_str old_hash, struct ct_str new_hash, int64_t now_ms)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db, "UPDATE users SET last_login_at = $1 WHERE id = $2 RETURNING hashed_password", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, now_ms);
    ct_bind_int(stmt, 2, id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    struct ct_str stored;
    result = ct_column_str(stmt, 0, arena, &stored);
    if (result == CT_OK)
        result = ct_run(stmt);
    /* A password that was changed since it was compared stays. */
    if (result != CT_OK || new_hash.len == 0 || !ct_str_equal(stored, old_hash))
        return result;
    return ct_user_set_password(db, id, new_hash);
}

enum ct_result ct_user_set_password(struct ct_db *db, int64_t id, struct ct_str password_hash)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "UPDATE users SET hashed_password = $1 WHERE id = $2 RETURNING id", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, password_hash);
    ct_bind_int(stmt, 2, id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    return ct_run(stmt);
}

enum ct_result ct_user_list(struct ct_arena *arena, struct ct_db *db, int64_t after_id,
                            size_t limit, struct ct_user *out, size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db, "SELECT " USER_COLUMNS " FROM users WHERE id > $1 ORDER BY id LIMIT $2", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, after_id);
    ct_bind_int(stmt, 2, (int64_t)limit);
    *count = 0;
    while (*count < limit && (result = ct_step(stmt)) == CT_ROW) {
        result = read_user(arena, stmt, &out[*count]);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    return result == CT_ROW ? CT_OK : result;
}
