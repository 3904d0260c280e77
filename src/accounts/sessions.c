#include "accounts/sessions.h"

/* Rows of tokens that have expired are deleted this long after, for the clocks of other servers, and about
 * this many with each token that is ended. */
#define KEPT_S 3600
#define TIDIED_ROWS 100

enum ct_result ct_session_check(struct ct_db *db, const struct ct_session *session, int64_t now_s,
                                enum ct_role *role)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT CASE WHEN role = 'admin' THEN 1 ELSE 0 END, "
                    "CASE WHEN coalesce(token_epoch, 0) = $4 OR kept_token = $3 THEN 1 ELSE 0 END, "
                    "CASE WHEN revoked_until > $2 THEN (SELECT 1 FROM revoked_tokens "
                    "WHERE user_id = $1 AND token_id = $3) END "
                    "FROM users WHERE id = $1",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, session->user_id);
    ct_bind_int(stmt, 2, now_s);
    ct_bind_str(stmt, 3, session->token_id);
    ct_bind_int(stmt, 4, session->epoch);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_DENIED : result;
    if (ct_column_int(stmt, 1) != 1 || !ct_column_is_null(stmt, 2))
        return CT_DENIED;
    *role = ct_column_int(stmt, 0) == 1 ? CT_ROLE_ADMIN : CT_ROLE_USER;
    return CT_OK;
}

enum ct_result ct_session_epoch(struct ct_db *db, int64_t user_id, int64_t *out)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "SELECT coalesce(token_epoch, 0) FROM users WHERE id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    *out = ct_column_int(stmt, 0);
    return CT_OK;
}

/* By their time and not by their ids, which would look at every row of a user. */
static enum ct_result forget_expired(struct ct_db *db, int64_t now_s)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "DELETE FROM revoked_tokens WHERE expires_at <= (SELECT max(expires_at) "
                    "FROM (SELECT expires_at FROM revoked_tokens WHERE expires_at < $1 "
                    "ORDER BY expires_at LIMIT $2) AS oldest)",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, now_s - KEPT_S);
    ct_bind_int(stmt, 2, TIDIED_ROWS);
    return ct_run(stmt);
}

/* A user's row that is changed and answers a row: CT_NOT_FOUND when there is none. */
static enum ct_result change_user(struct ct_stmt *stmt)
{
    enum ct_result result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    return ct_run(stmt);
}

enum ct_result ct_session_end(struct ct_db *db, int64_t user_id, struct ct_str token_id,
                              int64_t expires_at, int64_t now_s)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "UPDATE users SET revoked_until = CASE WHEN revoked_until > $1 "
                    "THEN revoked_until ELSE $1 END WHERE id = $2 RETURNING id",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, expires_at);
    ct_bind_int(stmt, 2, user_id);
    result = change_user(stmt);
    if (result != CT_OK)
        return result;
    result = ct_db_query(db,
                         "INSERT INTO revoked_tokens (user_id, token_id, expires_at) "
                         "VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                         &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_str(stmt, 2, token_id);
    ct_bind_int(stmt, 3, expires_at);
    result = ct_run(stmt);
    return result == CT_OK ? forget_expired(db, now_s) : result;
}

enum ct_result ct_session_end_all(struct ct_db *db, int64_t user_id)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db,
        "UPDATE users SET token_epoch = coalesce(token_epoch, 0) + 1, kept_token = NULL "
        "WHERE id = $1 RETURNING id",
        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    return change_user(stmt);
}

int64_t ct_session_lifetime_s(const struct ct_config *config, int64_t login_at, int64_t now_s)
{
    int64_t left = login_at + config->session_max_hours * 3600 - now_s;
    int64_t lifetime = config->access_token_expire_minutes * 60;
    return left <= 0 ? 0 : left < lifetime ? left : lifetime;
}
