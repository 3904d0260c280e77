#include "voice/trunk_password.h"

#include "base/digest.h"

/* How the column begins: sealed under SECRET_KEY, or as it is, for want of one (ALGORITHM is RS256 or ES256). */
#define SEALED 's'
#define AS_IT_IS 'p'
#define PURPOSE "password of a trunk"

enum ct_result ct_trunk_password_seal(const struct ct_config *config, struct ct_arena *arena,
                                      struct ct_str password, struct ct_str *out)
{
    struct ct_str sealed;
    struct ct_str secret = ct_str_of(config->secret_key);
    *out = (struct ct_str){0};
    if (password.at == NULL)
        return CT_OK;
    const char *text = NULL;
    if (secret.len == 0) {
        text = ct_arena_printf(arena, "%c%.*s", AS_IT_IS, (int)password.len, password.at);
    } else {
        enum ct_result result = ct_seal(arena, PURPOSE, &secret, 1, password, &sealed);
        if (result != CT_OK)
            return result;
        const char *digits = ct_base64url(arena, sealed.at, sealed.len);
        text = digits == NULL ? NULL : ct_arena_printf(arena, "%c%s", SEALED, digits);
    }
    *out = ct_str_of(text);
    return text == NULL ? CT_NOMEM : CT_OK;
}

enum ct_result ct_trunk_password_open(const struct ct_config *config, struct ct_arena *arena,
                                      struct ct_str column, struct ct_str *out, bool *old)
{
    const struct ct_str keys[] = {ct_str_of(config->secret_key),
                                  ct_str_of(config->secret_key_previous)};
    struct ct_str sealed;
    *out = (struct ct_str){0};
    *old = false;
    if (column.len == 0)
        return CT_OK;
    struct ct_str rest = {column.at + 1, column.len - 1};
    if (column.at[0] == AS_IT_IS) {
        *out = rest;
        return CT_OK;
    }
    enum ct_result result = ct_base64url_decode(arena, rest, &sealed);
    if (result != CT_OK)
        return result == CT_INVALID ? CT_BUG : result;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (keys[i].len == 0)
            continue;
        *old = i == 1;
        result = ct_open(arena, PURPOSE, &keys[i], 1, sealed, out);
        if (result != CT_DENIED)
            return result;
    }
    *out = (struct ct_str){0};
    *old = false;
    return CT_OK;
}

/* ---- a key that goes ---- */

struct renewal {
    const struct ct_config *config;
    int64_t id; /* behind this one */
    struct ct_str password;
    struct ct_arena *arena;
};

/* The next trunk whose password was sealed under the key of before: its id and password; id 0 behind the last. */
static enum ct_result find_old(struct ct_db *db, struct renewal *renewal)
{
    struct ct_stmt *stmt;
    struct ct_str column;
    bool old = false;
    enum ct_result result = ct_db_query(
        db, "SELECT id, password FROM trunks WHERE id > $1 AND password IS NOT NULL ORDER BY id",
        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, renewal->id);
    while (!old && (result = ct_step(stmt)) == CT_ROW) {
        renewal->id = ct_column_int(stmt, 0);
        result = ct_column_str(stmt, 1, renewal->arena, &column);
        if (result == CT_OK)
            result = ct_trunk_password_open(renewal->config, renewal->arena, column,
                                            &renewal->password, &old);
        if (result != CT_OK)
            return result;
    }
    if (!old)
        renewal->id = 0;
    return result == CT_ROW ? CT_OK : result;
}

static enum ct_result run_renew(void *ctx, struct ct_db *db)
{
    const struct renewal *renewal = ctx;
    struct ct_str column;
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_trunk_password_seal(renewal->config, renewal->arena, renewal->password, &column);
    if (result == CT_OK)
        result = ct_db_query(db, "UPDATE trunks SET password = $2 WHERE id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, renewal->id);
    ct_bind_str(stmt, 2, column);
    return ct_run(stmt);
}

enum ct_result ct_trunk_passwords_renew(const struct ct_config *config, struct ct_store *store)
{
    struct renewal renewal = {.config = config, .arena = ct_arena_new()};
    enum ct_result result = renewal.arena == NULL ? CT_NOMEM : CT_OK;
    while (result == CT_OK && config->secret_key[0] != '\0' &&
           config->secret_key_previous[0] != '\0') {
        struct ct_db *db;
        result = ct_store_read_begin(store, &db);
        if (result != CT_OK)
            break;
        result = find_old(db, &renewal);
        ct_store_read_end(db);
        if (result != CT_OK || renewal.id == 0)
            break;
        result = ct_store_write(store, run_renew, &renewal);
    }
    ct_arena_free(renewal.arena);
    return result;
}
