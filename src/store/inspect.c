#include "store/inspect.h"

#include <stdlib.h>
#include <string.h>

#include "store/backend.h"
#include "store/migrations.h"

struct ct_inspection {
    struct ct_database *database;
    struct ct_db *db;
};

enum ct_result ct_inspection_open(const char *url, struct ct_arena *arena,
                                  struct ct_inspection **out, const char **why)
{
    const struct ct_backend *backend;
    *why = ct_result_text(CT_NOMEM);
    enum ct_result result = ct_backend_of(url, arena, &backend, why);
    if (result != CT_OK)
        return result;
    struct ct_inspection *inspection = calloc(1, sizeof(*inspection));
    if (inspection == NULL)
        return CT_NOMEM;
    result = backend->inspect != NULL
                 ? backend->inspect(url, arena, &inspection->database, &inspection->db, why)
                 : backend->open(url, NULL, arena, &inspection->database, &inspection->db, why);
    if (result == CT_OK) {
        result = backend->control(inspection->db, CT_BEGIN_READ);
        if (result != CT_OK)
            *why =
                ct_arena_printf(arena, "the database cannot be read: %s", inspection->db->trouble);
    }
    if (result == CT_OK)
        *out = inspection;
    else
        ct_inspection_close(inspection);
    return result;
}

enum ct_result ct_inspection_open_file(const char *file, struct ct_arena *arena,
                                       struct ct_inspection **out, const char **why)
{
    *why = ct_result_text(CT_NOMEM);
    if (strchr(file, '?') != NULL)
        return ct_store_explain(arena, why, CT_INVALID,
                                "%s: a name with a '?' in it cannot be opened", file);
    const char *url = ct_arena_printf(arena, "sqlite:///%s", file);
    return url == NULL ? CT_NOMEM : ct_inspection_open(url, arena, out, why);
}

struct ct_db *ct_inspection_db(struct ct_inspection *inspection)
{
    return inspection->db;
}

void ct_inspection_close(struct ct_inspection *inspection)
{
    if (inspection == NULL)
        return;
    if (inspection->db != NULL) {
        const struct ct_backend *backend = inspection->db->backend;
        ct_db_rollback(inspection->db);
        backend->disconnect(inspection->db);
        backend->close(inspection->database);
    }
    free(inspection);
}

/* ---- what is in it ---- */

static enum ct_result can_run(struct ct_db *db, const char *sql)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, sql, &stmt);
    return result == CT_OK ? ct_run(stmt) : result;
}

enum ct_result ct_inspect_version(struct ct_db *db, int64_t *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = can_run(db, "SELECT id, username, hashed_password FROM users LIMIT 1");
    if (result == CT_OK)
        result = can_run(db, "SELECT id, phone_number, user_id FROM virtual_phone_numbers LIMIT 1");
    if (result != CT_OK)
        return result == CT_BUG ? CT_INVALID : result;
    result = ct_db_query(db, "SELECT COALESCE(MAX(number), 0) FROM schema_migrations", &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result != CT_ROW) {
        *out = 0;
        return result == CT_BUG ? CT_OK : result; /* there is no such table */
    }
    *out = ct_column_int(stmt, 0);
    return CT_OK;
}

int64_t ct_inspect_newest(void)
{
    return (int64_t)ct_migration_count;
}

enum ct_result ct_inspect_engine(struct ct_db *db, enum ct_look look,
                                 void (*tell)(void *ctx, const char *fault), void *ctx)
{
    return db->backend->verify == NULL ? CT_OK : db->backend->verify(db, look, tell, ctx);
}

const char *ct_inspect_trouble(const struct ct_db *db)
{
    return db->trouble;
}
