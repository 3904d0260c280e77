#include "accounts/accounts.h"

#include <stdlib.h>
#include <string.h>

#include "accounts/api_keys.h"
#include "accounts/common_passwords.h"
#include "accounts/key_text.h"
#include "accounts/near_words.h"
#include "accounts/sessions.h"
#include "base/clock.h"
#include "base/digest.h"
#include "http/pem.h"

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

/* Of the key that signs: the same on every server of a database, and told to nobody. */
static enum ct_result set_guess_key(struct ct_arena *arena, struct ct_accounts *accounts,
                                    const char **why)
{
    static const struct ct_str info = {"wrong passwords", 15};
    const struct ct_config *config = accounts->config;
    uint8_t *key = accounts->news.key;
    accounts->guess_key = spread(0, ct_str_of(config->secret_key));
    ct_hkdf_sha256((struct ct_str){0}, ct_str_of(config->secret_key), info, key,
                   CT_GUESS_NEWS_KEY_BYTES);
    if (config->algorithm != CT_RS256 && config->algorithm != CT_ES256)
        return CT_OK;
    char *pem;
    enum ct_result result =
        ct_pem_read(arena, "JWT_PRIVATE_KEY_FILE", config->jwt_private_key_file, &pem, why);
    if (result != CT_OK)
        return result;
    accounts->guess_key = spread(accounts->guess_key, ct_str_of(pem));
    ct_hkdf_sha256((struct ct_str){(const char *)key, CT_GUESS_NEWS_KEY_BYTES}, ct_str_of(pem),
                   info, key, CT_GUESS_NEWS_KEY_BYTES);
    explicit_bzero(pem, strlen(pem));
    free(pem);
    return CT_OK;
}

static enum ct_result look_at_users(struct ct_arena *arena, struct ct_store *store,
                                    struct ct_accounts *accounts)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(store, &db);
    if (result != CT_OK)
        return result;
    result = sample_users(arena, db, accounts);
    ct_store_read_end(db);
    return result;
}

enum ct_result ct_accounts_init(struct ct_arena *arena, const struct ct_config *config,
                                struct ct_store *store, struct ct_accounts *out, const char **why)
{
    struct ct_accounts accounts = {.config = config};
    *why = NULL;
    enum ct_result result = ct_token_keys_load(arena, config, &accounts.keys, why);
    if (result != CT_OK)
        return result;
    accounts.tokens = ct_token_cache_new(arena);
    result = accounts.tokens == NULL ? CT_NOMEM : CT_OK;
    if (result == CT_OK)
        result = ct_token_jwks(arena, accounts.keys, &accounts.jwks);
    if (result == CT_OK)
        result = ct_guessing_new(config, &accounts.guessing);
    if (result == CT_OK)
        result = ct_key_uses_new(store, &accounts.key_uses);
    if (result == CT_OK)
        result = set_guess_key(arena, &accounts, why);
    if (result == CT_OK)
        result = look_at_users(arena, store, &accounts);
    if (result != CT_OK) {
        if (*why == NULL)
            *why = ct_result_text(result);
        ct_accounts_end(&accounts);
        return result;
    }
    *out = accounts;
    return CT_OK;
}

enum ct_result ct_accounts_listen(struct ct_accounts *accounts, struct ct_store *store)
{
    return ct_guess_news_start(&accounts->news, accounts->guessing, store);
}

void ct_accounts_end(struct ct_accounts *accounts)
{
    ct_key_uses_free(accounts->key_uses);
    ct_guessing_free(accounts->guessing);
    ct_token_cache_end(accounts->tokens);
    ct_token_keys_free(accounts->keys);
    explicit_bzero(accounts->news.key, sizeof(accounts->news.key));
    *accounts = (struct ct_accounts){0};
}

/* What a token without `jti` (the original service's) is known by. Not by its signature: that of ES256 can
 * be written in more than one way. */
static enum ct_result id_of_text(struct ct_arena *arena, struct ct_str token, struct ct_str *out)
{
    uint8_t hash[CT_SHA256_BYTES];
    const char *dot = memrchr(token.at, '.', token.len);
    ct_sha256(token.at, dot == NULL ? token.len : (size_t)(dot - token.at), hash);
    *out = ct_str_of(ct_base64url(arena, hash, sizeof(hash)));
    return out->len == 0 ? CT_NOMEM : CT_OK;
}

/* What a token says; the cache knows those that were seen lately. */
static enum ct_result read_token(const struct ct_accounts *accounts, struct ct_arena *arena,
                                 struct ct_str token, int64_t now_s, struct ct_claims *out)
{
    bool known = ct_token_cache_find(accounts->tokens, arena, token, now_s, out);
    ct_metrics_add(accounts->metrics, known ? CT_METRIC_TOKEN_HITS : CT_METRIC_TOKEN_MISSES, 1);
    if (!known) {
        enum ct_result result = ct_token_verify(arena, accounts->keys, token, now_s, out);
        if (result != CT_OK)
            return result;
        ct_token_cache_put(accounts->tokens, token, out);
    }
    return out->id.len > 0 ? CT_OK : id_of_text(arena, token, &out->id);
}

enum ct_result ct_accounts_authenticate(void *room, struct ct_arena *arena, struct ct_db *db,
                                        struct ct_str token, struct ct_str address,
                                        struct ct_caller *out)
{
    const struct ct_accounts *accounts = room;
    int64_t now_ms = ct_clock_unix_ms();
    if (ct_key_text_wellformed(token))
        return ct_api_key_check(accounts->key_uses, arena, db, token, now_ms, address, out);
    int64_t now_s = now_ms / 1000;
    struct ct_claims claims;
    enum ct_result result = read_token(accounts, arena, token, now_s, &claims);
    if (result != CT_OK)
        return result;
    const struct ct_session session = {
        .user_id = claims.user_id, .epoch = claims.epoch, .token_id = claims.id};
    enum ct_role role;
    result = ct_session_check(db, &session, now_s, &role);
    if (result != CT_OK)
        return result;
    *out = (struct ct_caller){.user_id = claims.user_id,
                              .role = role,
                              .token_id = claims.id,
                              .token_expires_at = claims.expires_at,
                              .login_at = claims.login_at};
    return CT_OK;
}

enum ct_result ct_accounts_issue(const struct ct_accounts *accounts, struct ct_arena *arena,
                                 int64_t user_id, int64_t epoch, int64_t now_s, struct ct_str *out)
{
    const struct ct_claims claims = {.user_id = user_id,
                                     .issued_at = now_s,
                                     .expires_at =
                                         now_s + accounts->config->access_token_expire_minutes * 60,
                                     .login_at = now_s,
                                     .epoch = epoch};
    return ct_token_issue(arena, accounts->keys, &claims, out);
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

static enum ct_result is_same_folded(struct ct_arena *arena, struct ct_str a, struct ct_str b,
                                     bool *out)
{
    struct ct_str a_key;
    struct ct_str b_key;
    enum ct_result result = ct_utf8_casefold(arena, a, &a_key);
    if (result == CT_OK)
        result = ct_utf8_casefold(arena, b, &b_key);
    if (result == CT_NOMEM)
        return result;
    *out = result == CT_OK ? ct_str_equal(a_key, b_key) : ct_str_equal(a, b);
    return CT_OK;
}

enum ct_result ct_new_password_judge(struct ct_arena *arena, struct ct_str username,
                                     struct ct_str password, const char **why)
{
    bool same = false;
    enum ct_result result = is_same_folded(arena, username, password, &same);
    if (result != CT_OK)
        return result;
    if (same)
        *why = "the password must not be the username";
    else if (ct_password_is_common(password))
        *why = "this password is among the most common ones: choose another";
    else if (ct_password_is_near_word(password))
        *why = "the password must not be a word that everybody thinks of here: choose another";
    else
        return CT_OK;
    return CT_INVALID;
}
