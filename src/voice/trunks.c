#include "voice/trunks.h"

#include "accounts/rows.h"
#include "store/migrations.h"
#include "voice/trunk_password.h"
#include "voice/trunk_states.h"
#include "voice/words.h"

/* ---- reading ---- */

#define COLUMNS                                                                                 \
    "id, name, enabled, hosts, transport, username, password, register, prefixes, allow_from, " \
    "trusted, channels, out_strip, out_prepend, in_strip, in_prepend, inbound_username, "       \
    "inbound_ha1_md5, inbound_ha1_sha256, created_at, tls_verify"

static enum ct_result read_words(struct ct_arena *arena, struct ct_stmt *stmt, int column,
                                 struct ct_texts *out)
{
    struct ct_str words;
    enum ct_result result = ct_column_str(stmt, column, arena, &words);
    return result == CT_OK ? ct_words_split(arena, words, out) : result;
}

static enum ct_result read_trunk(const struct ct_config *config, struct ct_arena *arena,
                                 struct ct_stmt *stmt, struct ct_trunk *out)
{
    const struct {
        int column;
        struct ct_str *text;
    } texts[] = {
        {1, &out->name},
        {4, &out->transport},
        {5, &out->username},
        {6, &out->password},
        {13, &out->out.prepend},
        {15, &out->in.prepend},
        {16, &out->inbound_username},
        {17, &out->inbound_ha1_md5},
        {18, &out->inbound_ha1_sha256},
    };
    bool old;
    enum ct_result result = CT_OK;
    for (size_t i = 0; result == CT_OK && i < sizeof(texts) / sizeof(texts[0]); i++)
        result = ct_column_text(stmt, texts[i].column, arena, texts[i].text);
    if (result == CT_OK)
        result = read_words(arena, stmt, 3, &out->hosts);
    if (result == CT_OK)
        result = read_words(arena, stmt, 8, &out->prefixes);
    if (result == CT_OK)
        result = read_words(arena, stmt, 9, &out->allow_from);
    if (result == CT_OK)
        result = ct_trunk_read_networks(arena, out);
    out->id = ct_column_int(stmt, 0);
    out->enabled = ct_column_int(stmt, 2) != 0;
    out->registers = ct_column_int(stmt, 7) != 0;
    out->trusted = ct_column_int(stmt, 10) != 0;
    out->channels = ct_column_int(stmt, 11);
    out->out.strip = ct_column_int(stmt, 12);
    out->in.strip = ct_column_int(stmt, 14);
    out->created_at = ct_column_int(stmt, 19);
    out->tls_verify = ct_column_int(stmt, 20) != 0;
    return result == CT_OK
               ? ct_trunk_password_open(config, arena, out->password, &out->password, &old)
               : result;
}

enum ct_result ct_trunk_list(const struct ct_config *config, struct ct_arena *arena,
                             struct ct_db *db, int64_t after_id, size_t limit, struct ct_trunk *out,
                             size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "SELECT " COLUMNS " FROM trunks WHERE id > $1 ORDER BY id LIMIT $2", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, after_id);
    ct_bind_int(stmt, 2, (int64_t)limit);
    *count = 0;
    while (*count < limit && (result = ct_step(stmt)) == CT_ROW) {
        result = read_trunk(config, arena, stmt, &out[*count]);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    return result == CT_ROW ? CT_OK : result;
}

/* How many rows have `enabled`. */
static enum ct_result count_enabled(struct ct_db *db, size_t *out)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "SELECT count(*) FROM trunks WHERE enabled <> 0", &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *out = (size_t)ct_column_int(stmt, 0);
    return CT_OK;
}

enum ct_result ct_trunk_load(const struct ct_config *config, struct ct_arena *arena,
                             struct ct_db *db, const struct ct_trunk **out, size_t *count)
{
    struct ct_stmt *stmt;
    size_t most = 0;
    enum ct_result result = count_enabled(db, &most);
    if (result != CT_OK)
        return result;
    struct ct_trunk *rows = ct_arena_alloc(arena, most * sizeof(*rows));
    if (rows == NULL)
        return CT_NOMEM;
    result =
        ct_db_query(db, "SELECT " COLUMNS " FROM trunks WHERE enabled <> 0 ORDER BY id", &stmt);
    if (result != CT_OK)
        return result;
    *out = rows;
    *count = 0;
    while (*count < most && (result = ct_step(stmt)) == CT_ROW) {
        result = read_trunk(config, arena, stmt, &rows[*count]);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    return result == CT_ROW ? CT_OK : result;
}

enum ct_result ct_trunk_get(const struct ct_config *config, struct ct_arena *arena,
                            struct ct_db *db, int64_t id, struct ct_trunk *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "SELECT " COLUMNS " FROM trunks WHERE id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    return read_trunk(config, arena, stmt, out);
}

/* ---- changing ---- */

/* CT_CONFLICT when another one has the name, or the inbound username: that is not left to the constraint, which would
 * end the whole transaction in some engines. */
static enum ct_result is_free(struct ct_db *db, const struct ct_trunk *trunk)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db, "SELECT id FROM trunks WHERE (name = $1 OR inbound_username = $2) AND id <> $3 LIMIT 1",
        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, trunk->name);
    ct_bind_text_or_null(stmt, 2, trunk->inbound_username);
    ct_bind_int(stmt, 3, trunk->id);
    result = ct_step(stmt);
    return result == CT_ROW ? CT_CONFLICT : result;
}

static enum ct_result delete_row(struct ct_db *db, int64_t id)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "DELETE FROM trunks WHERE id = $1 RETURNING id", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    return ct_run(stmt);
}

static enum ct_result insert(const struct ct_config *config, struct ct_arena *arena,
                             struct ct_db *db, const struct ct_trunk *trunk)
{
    struct ct_str hosts;
    struct ct_str prefixes;
    struct ct_str allow_from;
    struct ct_str password;
    struct ct_stmt *stmt;
    enum ct_result result = ct_words_join(arena, &trunk->hosts, &hosts);
    if (result == CT_OK)
        result = ct_words_join(arena, &trunk->prefixes, &prefixes);
    if (result == CT_OK)
        result = ct_words_join(arena, &trunk->allow_from, &allow_from);
    if (result == CT_OK)
        result = ct_trunk_password_seal(config, arena, trunk->password, &password);
    if (result == CT_OK)
        result = ct_db_query(db,
                             "INSERT INTO trunks (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, "
                             "$8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
                             &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, trunk->id);
    ct_bind_str(stmt, 2, trunk->name);
    ct_bind_int(stmt, 3, trunk->enabled);
    ct_bind_str(stmt, 4, hosts);
    ct_bind_str(stmt, 5, trunk->transport);
    ct_bind_text_or_null(stmt, 6, trunk->username);
    ct_bind_text_or_null(stmt, 7, password);
    ct_bind_int(stmt, 8, trunk->registers);
    ct_bind_str(stmt, 9, prefixes);
    ct_bind_str(stmt, 10, allow_from);
    ct_bind_int(stmt, 11, trunk->trusted);
    ct_bind_int(stmt, 12, trunk->channels);
    ct_bind_int(stmt, 13, trunk->out.strip);
    ct_bind_str(stmt, 14, trunk->out.prepend);
    ct_bind_int(stmt, 15, trunk->in.strip);
    ct_bind_str(stmt, 16, trunk->in.prepend);
    ct_bind_text_or_null(stmt, 17, trunk->inbound_username);
    ct_bind_text_or_null(stmt, 18, trunk->inbound_ha1_md5);
    ct_bind_text_or_null(stmt, 19, trunk->inbound_ha1_sha256);
    ct_bind_int(stmt, 20, trunk->created_at);
    ct_bind_int(stmt, 21, trunk->tls_verify);
    return ct_run(stmt);
}

enum ct_result ct_trunk_save(const struct ct_config *config, struct ct_arena *arena,
                             struct ct_db *db, struct ct_trunk *trunk)
{
    enum ct_result result = is_free(db, trunk);
    if (result == CT_OK)
        result = trunk->id == 0 ? ct_next_id(db, CT_NEXT_ID_QUERY("trunks"), &trunk->id)
                                : delete_row(db, trunk->id);
    return result == CT_OK ? insert(config, arena, db, trunk) : result;
}

enum ct_result ct_trunk_delete(struct ct_arena *arena, struct ct_db *db, int64_t id,
                               struct ct_str *name)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "DELETE FROM trunks WHERE id = $1 RETURNING name", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    result = ct_column_str(stmt, 0, arena, name);
    if (result == CT_OK)
        result = ct_run(stmt);
    return result == CT_OK ? ct_trunk_state_forget(db, id) : result;
}
