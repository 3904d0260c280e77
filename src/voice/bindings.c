#include "voice/bindings.h"

#define COLUMNS                                                                             \
    "device_id, place, contact, path, user_agent, instance, reg_id, transport, source, q, " \
    "call_id, cseq, registered_at, expires_at, node"

enum ct_result ct_binding_put(struct ct_db *db, const struct ct_binding_row *row)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db,
        "INSERT INTO sip_bindings (" COLUMNS ") "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) "
        "ON CONFLICT (device_id, place) DO UPDATE SET contact = excluded.contact, "
        "path = excluded.path, user_agent = excluded.user_agent, instance = excluded.instance, "
        "reg_id = excluded.reg_id, transport = excluded.transport, source = excluded.source, "
        "q = excluded.q, call_id = excluded.call_id, cseq = excluded.cseq, "
        "registered_at = excluded.registered_at, expires_at = excluded.expires_at, "
        "node = excluded.node",
        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, row->device_id);
    ct_bind_int(stmt, 2, row->place);
    ct_bind_str(stmt, 3, row->contact);
    ct_bind_str(stmt, 4, row->path);
    ct_bind_str(stmt, 5, row->user_agent);
    ct_bind_str(stmt, 6, row->instance);
    ct_bind_int(stmt, 7, row->reg_id);
    ct_bind_str(stmt, 8, row->transport);
    ct_bind_str(stmt, 9, row->source);
    ct_bind_int(stmt, 10, row->q);
    ct_bind_str(stmt, 11, row->call_id);
    ct_bind_int(stmt, 12, row->cseq);
    ct_bind_int(stmt, 13, row->registered_at);
    ct_bind_int(stmt, 14, row->expires_at);
    ct_bind_str(stmt, 15, row->node);
    return ct_run(stmt);
}

enum ct_result ct_binding_remove(struct ct_db *db, int64_t device_id, int64_t place)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "DELETE FROM sip_bindings WHERE device_id = $1 AND place = $2", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, device_id);
    ct_bind_int(stmt, 2, place);
    return ct_run(stmt);
}

enum ct_result ct_binding_tidy(struct ct_db *db, int64_t before_ms)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "DELETE FROM sip_bindings WHERE expires_at < $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, before_ms);
    return ct_run(stmt);
}

static enum ct_result read_row(struct ct_stmt *stmt, struct ct_arena *arena,
                               struct ct_binding_row *row)
{
    struct {
        int column;
        struct ct_str *text;
    } const texts[] = {{2, &row->contact},  {3, &row->path},      {4, &row->user_agent},
                       {5, &row->instance}, {7, &row->transport}, {8, &row->source},
                       {10, &row->call_id}, {14, &row->node}};
    row->device_id = ct_column_int(stmt, 0);
    row->place = ct_column_int(stmt, 1);
    row->reg_id = ct_column_int(stmt, 6);
    row->q = ct_column_int(stmt, 9);
    row->cseq = ct_column_int(stmt, 11);
    row->registered_at = ct_column_int(stmt, 12);
    row->expires_at = ct_column_int(stmt, 13);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        enum ct_result result = ct_column_str(stmt, texts[i].column, arena, texts[i].text);
        if (result != CT_OK)
            return result;
    }
    return CT_OK;
}

enum ct_result ct_binding_list(struct ct_arena *arena, struct ct_db *db, int64_t device_id,
                               int64_t now_ms, size_t limit, struct ct_binding_row *out,
                               size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT " COLUMNS " FROM sip_bindings WHERE device_id = $1 AND "
                    "expires_at > $2 ORDER BY registered_at DESC, place "
                    "LIMIT $3",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, device_id);
    ct_bind_int(stmt, 2, now_ms);
    ct_bind_int(stmt, 3, (int64_t)limit);
    *count = 0;
    while ((result = ct_step(stmt)) == CT_ROW) {
        result = read_row(stmt, arena, &out[*count]);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    return result;
}

enum ct_result ct_binding_each(struct ct_db *db, int64_t now_ms,
                               enum ct_result (*each)(void *ctx, const struct ct_binding_row *row),
                               void *ctx)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT " COLUMNS " FROM sip_bindings WHERE expires_at > $1 "
                    "ORDER BY device_id, place",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, now_ms);
    while ((result = ct_step(stmt)) == CT_ROW) {
        struct ct_binding_row row;
        struct ct_arena *arena = ct_arena_new();
        result = arena == NULL ? CT_NOMEM : read_row(stmt, arena, &row);
        if (result == CT_OK)
            result = each(ctx, &row);
        ct_arena_free(arena);
        if (result != CT_OK)
            return result;
    }
    return result;
}
