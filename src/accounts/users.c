#include "accounts/users.h"

#include "accounts/rows.h"
#include "store/migrations.h"

#define USER_COLUMNS                                             \
    "id, username, hashed_password, created_at, last_login_at, " \
    "CASE WHEN role = 'admin' THEN 1 ELSE 0 END, coalesce(token_epoch, 0), last_login_address"

struct ct_str ct_role_word(enum ct_role role)
{
    return role == CT_ROLE_ADMIN ? CT_STR("admin") : CT_STR("user");
}

enum ct_result ct_username_normalize(struct ct_arena *arena, struct ct_str in, struct ct_str *out)
{
    (void)arena;
    *out = in;
    return ct_utf8_has_control(in) ? CT_INVALID : CT_OK;
}

enum ct_result ct_user_insert(struct ct_arena *arena, struct ct_db *db, struct ct_str username,
                              struct ct_str password_hash, struct ct_str address, int64_t now_ms,
                              int64_t *id)
{
    struct ct_str key;
    enum ct_result result = ct_utf8_casefold(arena, username, &key);
    if (result != CT_OK)
        return result;
    struct ct_stmt *stmt;
    result =
        ct_db_query(db,
                    "INSERT INTO users (id, username, hashed_password, username_key, created_at, "
                    "last_login_address) VALUES (" CT_NEXT_ID("users") ", $1, $2, $3, $4, $5) "
                                                                       "RETURNING id",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, username);
    ct_bind_str(stmt, 2, password_hash);
    ct_bind_str(stmt, 3, key);
    ct_bind_int(stmt, 4, now_ms);
    ct_bind_text_or_null(stmt, 5, address);
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
    if (result == CT_OK)
        result = ct_column_str(stmt, 7, arena, &out->last_login_address);
    out->created_at = ct_column_time(stmt, 3);
    out->last_login_at = ct_column_time(stmt, 4);
    out->role = ct_column_int(stmt, 5) == 1 ? CT_ROLE_ADMIN : CT_ROLE_USER;
    out->token_epoch = ct_column_int(stmt, 6);
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

/* A statement that changes one user and answers a row when it did: CT_NOT_FOUND when it did not. */
static enum ct_result change_one(struct ct_stmt *stmt)
{
    enum ct_result result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    return ct_run(stmt);
}

/* A password that was changed since it was compared stays. */
static enum ct_result replace_hash(struct ct_db *db, int64_t id, struct ct_str old_hash,
                                   struct ct_str new_hash)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db, "UPDATE users SET hashed_password = $1 WHERE id = $2 AND hashed_password = $3", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, new_hash);
    ct_bind_int(stmt, 2, id);
    ct_bind_str(stmt, 3, old_hash);
    return ct_run(stmt);
}

enum ct_result ct_user_logged_in(struct ct_db *db, const struct ct_user *seen,
                                 struct ct_str new_hash, struct ct_str address, int64_t now_ms)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "UPDATE users SET last_login_at = $1, last_login_address = $2 "
                    "WHERE id = $3 AND coalesce(token_epoch, 0) = $4 RETURNING id",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, now_ms);
    ct_bind_text_or_null(stmt, 2, address);
    ct_bind_int(stmt, 3, seen->id);
    ct_bind_int(stmt, 4, seen->token_epoch);
    result = change_one(stmt);
    if (result != CT_OK || new_hash.len == 0)
        return result;
    return replace_hash(db, seen->id, seen->password_hash, new_hash);
}

enum ct_result ct_user_change_password(struct ct_db *db, const struct ct_user *seen,
                                       struct ct_str password_hash, struct ct_str kept_token)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "UPDATE users SET hashed_password = $1, kept_token = $2, "
                    "token_epoch = coalesce(token_epoch, 0) + 1 "
                    "WHERE id = $3 AND coalesce(token_epoch, 0) = $4 RETURNING id",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, password_hash);
    ct_bind_text_or_null(stmt, 2, kept_token);
    ct_bind_int(stmt, 3, seen->id);
    ct_bind_int(stmt, 4, seen->token_epoch);
    return change_one(stmt);
}

static enum ct_result delete_of_user(struct ct_db *db, const char *sql, int64_t user_id)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, sql, &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    return ct_run(stmt);
}

enum ct_result ct_user_delete(struct ct_db *db, const struct ct_user *seen)
{
    struct ct_stmt *stmt;
    enum ct_result result = delete_of_user(db, "DELETE FROM api_keys WHERE user_id = $1", seen->id);
    if (result == CT_OK)
        result = delete_of_user(db, "DELETE FROM revoked_tokens WHERE user_id = $1", seen->id);
    if (result == CT_OK)
        result = ct_db_query(db,
                             "DELETE FROM users WHERE id = $1 AND coalesce(token_epoch, 0) = $2 "
                             "RETURNING id",
                             &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, seen->id);
    ct_bind_int(stmt, 2, seen->token_epoch);
    return change_one(stmt);
}

enum ct_result ct_user_set_role(struct ct_db *db, int64_t id, enum ct_role role)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "UPDATE users SET role = $1 WHERE id = $2 RETURNING id", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_text_or_null(stmt, 1, role == CT_ROLE_USER ? (struct ct_str){0} : ct_role_word(role));
    ct_bind_int(stmt, 2, id);
    return change_one(stmt);
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
