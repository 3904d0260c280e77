#include "accounts/accounts.h"

#include <string.h>

#include "base/clock.h"

/* How many users are looked at to learn how many have a hash of another kind than new ones get. */
#define SAMPLE 1000

/* Whether it takes another time to compare a password with this hash than with a new one. */
static bool is_old_hash(const struct ct_config *config, struct ct_str hash)
{
    struct ct_str other = config->password_hash == CT_BCRYPT ? CT_STR("$argon2id$") : CT_STR("$2");
    return hash.len > other.len && memcmp(hash.at, other.at, other.len) == 0;
}

/* FNV-1a: spreads names, keeps no secret that matters. */
static uint64_t spread(uint64_t start, struct ct_str text)
{
    uint64_t hash = start ^ UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * UINT64_C(0x100000001B3);
    return hash ^ hash >> 32;
}

/* The lowest and the highest id. CT_NOT_FOUND when there are no users. */
static enum ct_result id_range(struct ct_db *db, int64_t *first, int64_t *last)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "SELECT (SELECT min(id) FROM users), (SELECT max(id) FROM users)", &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    if (ct_column_is_null(stmt, 0))
        return CT_NOT_FOUND;
    *first = ct_column_int(stmt, 0);
    *last = ct_column_int(stmt, 1);
    return CT_OK;
}

/* The user with this id or the next one behind it. */
static enum ct_result next_hash(struct ct_arena *arena, struct ct_db *db, int64_t *id,
                                struct ct_str *hash)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db, "SELECT id, hashed_password FROM users WHERE id >= $1 ORDER BY id LIMIT 1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, *id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *id = ct_column_int(stmt, 0);
    return ct_column_str(stmt, 1, arena, hash);
}

/* Looks at users evenly over all ids: those who came first need not be like the others. */
static enum ct_result sample_users(struct ct_arena *arena, struct ct_db *db,
                                   struct ct_accounts *accounts)
{
    int64_t id;
    int64_t last;
    enum ct_result result = id_range(db, &id, &last);
    if (result != CT_OK)
        return result == CT_NOT_FOUND ? CT_OK : result;
    uint64_t step = ((uint64_t)last - (uint64_t)id) / SAMPLE + 1;
    struct ct_arena *scratch = ct_arena_new();
    if (scratch == NULL)
        return CT_NOMEM;
    size_t all = 0;
    size_t old = 0;
    bool more = true;
    while (more && result == CT_OK) {
        struct ct_str hash;
        result = next_hash(scratch, db, &id, &hash);
        if (result != CT_OK)
            break;
        all++;
        if (is_old_hash(accounts->config, hash)) {
            old++;
            char *copy = accounts->old_hash.len > 0 ? NULL : ct_str_dup(arena, hash);
            if (copy != NULL)
                accounts->old_hash = (struct ct_str){copy, hash.len};
        }
        more = !__builtin_add_overflow(id, step, &id) && id <= last;
    }
    ct_arena_free(scratch);
    if (result == CT_OK)
        accounts->old_share = (unsigned)(old * 1000 / all);
    return result;
}

enum ct_result ct_accounts_init(struct ct_arena *arena, const struct ct_config *config,
                                struct ct_store *store, struct ct_accounts *out)
{
    *out = (struct ct_accounts){.config = config};
    out->key.algorithm = (enum ct_algorithm)config->algorithm;
    out->key.secret = ct_str_of(config->secret_key);
    out->guess_key = spread(0, out->key.secret);
    out->tokens = ct_token_cache_new(arena);
    if (out->tokens == NULL)
        return CT_NOMEM;
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(store, &db);
    if (result != CT_OK)
        return result;
    result = sample_users(arena, db, out);
    ct_store_read_end(db);
    return result;
}

void ct_accounts_end(struct ct_accounts *accounts)
{
    ct_token_cache_end(accounts->tokens);
    accounts->tokens = NULL;
}

enum ct_result ct_accounts_authenticate(void *room, struct ct_arena *arena, struct ct_db *db,
                                        struct ct_str token, int64_t *user_id)
{
    const struct ct_accounts *accounts = room;
    struct ct_claims claims;
    int64_t now_s = ct_clock_unix_ms() / 1000;
    enum ct_result result;
    if (!ct_token_cache_find(accounts->tokens, token, now_s, &claims)) {
        result = ct_token_verify(arena, &accounts->key, token, now_s, &claims);
        if (result != CT_OK)
            return result;
        ct_token_cache_put(accounts->tokens, token, &claims);
    }
    struct ct_stmt *stmt;
    result = ct_db_query(db, "SELECT 1 FROM users WHERE id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, claims.user_id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_DENIED : result;
    *user_id = claims.user_id;
    return CT_OK;
}

bool ct_accounts_seems_old(const struct ct_accounts *accounts, struct ct_str username)
{
    if (accounts->old_share == 0)
        return false;
    /* Users are found in any case of letters, and take the same time in any. */
    struct ct_arena *arena = ct_arena_new();
    struct ct_str key = username;
    if (arena != NULL && ct_utf8_casefold(arena, username, &key) != CT_OK)
        key = username;
    bool old = spread(accounts->guess_key, key) % 1000 < accounts->old_share;
    ct_arena_free(arena);
    return old;
}
