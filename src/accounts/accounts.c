#include "accounts/accounts.h"

#include <string.h>

#include "base/clock.h"

/* How many users are looked at to learn how many still have a hash of the original service. */
#define SAMPLE 1000

static bool is_old_hash(struct ct_str hash)
{
    return hash.len > 2 && memcmp(hash.at, "$2", 2) == 0;
}

/* FNV-1a: spreads names, keeps no secret that matters. */
static uint64_t spread(uint64_t start, struct ct_str text)
{
    uint64_t hash = start ^ UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * UINT64_C(0x100000001B3);
    return hash ^ hash >> 32;
}

static enum ct_result sample_users(struct ct_arena *arena, struct ct_db *db,
                                   struct ct_accounts *accounts)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "SELECT hashed_password FROM users ORDER BY id LIMIT $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, SAMPLE);
    size_t all = 0;
    size_t old = 0;
    struct ct_arena *scratch = ct_arena_new();
    if (scratch == NULL)
        return CT_NOMEM;
    while ((result = ct_step(stmt)) == CT_ROW) {
        struct ct_str hash;
        result = ct_column_str(stmt, 0, scratch, &hash);
        if (result != CT_OK)
            break;
        all++;
        if (!is_old_hash(hash))
            continue;
        old++;
        char *copy = accounts->old_hash.len > 0 ? NULL : ct_str_dup(arena, hash);
        if (copy != NULL)
            accounts->old_hash = (struct ct_str){copy, hash.len};
    }
    ct_arena_free(scratch);
    if (result == CT_OK && all > 0)
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
    if (config->password_hash == CT_BCRYPT)
        return CT_OK; /* then all take the same time anyway */
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
    return accounts->old_share > 0 &&
           spread(accounts->guess_key, username) % 1000 < accounts->old_share;
}
