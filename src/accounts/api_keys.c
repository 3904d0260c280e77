#include "accounts/api_keys.h"

#include "accounts/key_text.h"
#include "accounts/rows.h"
#include "store/migrations.h"

enum ct_result ct_api_key_insert(struct ct_db *db, int64_t user_id, const struct ct_api_key *key,
                                 struct ct_str key_hash, int64_t *id)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "INSERT INTO api_keys (id, user_id, name, key_hash, hint, scopes, created_at, "
                    "expires_at) VALUES (" CT_NEXT_ID("api_keys") ", $1, $2, $3, $4, $5, $6, $7) "
                                                                  "RETURNING id",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_str(stmt, 2, key->name);
    ct_bind_str(stmt, 3, key_hash);
    ct_bind_str(stmt, 4, key->hint);
    ct_bind_str(stmt, 5, key->scopes);
    ct_bind_int(stmt, 6, key->created_at);
    ct_bind_time_or_null(stmt, 7, key->expires_at);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *id = ct_column_int(stmt, 0);
    return ct_run(stmt);
}

enum ct_result ct_api_key_count(struct ct_db *db, int64_t user_id, int64_t most, int64_t *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db, "SELECT count(*) FROM (SELECT 1 FROM api_keys WHERE user_id = $1 LIMIT $2) AS counted",
        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, most);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *out = ct_column_int(stmt, 0);
    return CT_OK;
}

static enum ct_result read_key(struct ct_arena *arena, struct ct_stmt *stmt, struct ct_api_key *out)
{
    out->id = ct_column_int(stmt, 0);
    out->created_at = ct_column_time(stmt, 4);
    out->expires_at = ct_column_time(stmt, 5);
    out->last_used_at = ct_column_time(stmt, 6);
    enum ct_result result = ct_column_str(stmt, 1, arena, &out->name);
    if (result == CT_OK)
        result = ct_column_str(stmt, 2, arena, &out->hint);
    if (result == CT_OK)
        result = ct_column_str(stmt, 3, arena, &out->scopes);
    if (result == CT_OK)
        result = ct_column_text(stmt, 7, arena, &out->last_used_address);
    return result;
}

enum ct_result ct_api_key_list(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                               int64_t after_id, size_t limit, struct ct_api_key *out,
                               size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT id, name, hint, scopes, created_at, expires_at, last_used_at, "
                    "last_used_address FROM api_keys WHERE user_id = $1 AND id > $2 "
                    "ORDER BY id LIMIT $3",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, after_id);
    ct_bind_int(stmt, 3, (int64_t)limit);
    *count = 0;
    while (*count < limit && (result = ct_step(stmt)) == CT_ROW) {
        result = read_key(arena, stmt, &out[*count]);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    return result == CT_ROW ? CT_OK : result;
}

enum ct_result ct_api_key_delete(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                 int64_t id, struct ct_str *name)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db, "DELETE FROM api_keys WHERE id = $1 AND user_id = $2 RETURNING name", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    ct_bind_int(stmt, 2, user_id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    result = ct_column_str(stmt, 0, arena, name);
    return result == CT_OK ? ct_run(stmt) : result;
}

enum ct_result ct_api_key_check(struct ct_key_uses *uses, struct ct_arena *arena, struct ct_db *db,
                                struct ct_str text, int64_t now_ms, struct ct_str address,
                                struct ct_caller *out)
{
    struct ct_str hash;
    struct ct_str scopes;
    struct ct_stmt *stmt;
    /* Most of what is no key is known without a look into the database. */
    if (!ct_key_text_wellformed(text))
        return CT_DENIED;
    enum ct_result result = ct_key_text_hash(arena, text, &hash);
    if (result == CT_OK)
        result = ct_db_query(db,
                             "SELECT k.id, k.user_id, k.scopes, k.expires_at, k.last_used_at, "
                             "CASE WHEN u.role = 'admin' THEN 1 ELSE 0 END "
                             "FROM api_keys k JOIN users u ON u.id = k.user_id "
                             "WHERE k.key_hash = $1",
                             &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, hash);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_DENIED : result;
    int64_t expires_at = ct_column_time(stmt, 3);
    if (expires_at != CT_NO_TIME && expires_at <= now_ms)
        return CT_DENIED;
    result = ct_column_str(stmt, 2, arena, &scopes);
    if (result != CT_OK)
        return result;
    *out = (struct ct_caller){.user_id = ct_column_int(stmt, 1),
                              .role = ct_column_int(stmt, 5) == 1 ? CT_ROLE_ADMIN : CT_ROLE_USER,
                              .key_id = ct_column_int(stmt, 0),
                              .scopes = scopes};
    int64_t last_used_at = ct_column_time(stmt, 4);
    if (last_used_at == CT_NO_TIME || now_ms - last_used_at >= CT_KEY_USE_INTERVAL_MS)
        ct_key_uses_note(uses, out->key_id, now_ms, address);
    return CT_OK;
}
