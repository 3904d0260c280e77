#include "numbers/pool_discard.h"

#include <stddef.h>
#include <stdio.h>

#include "base/text.h"

/* Runs a statement with an id, and a text when there is one. */
static enum ct_result change(struct ct_db *db, const char *sql, int64_t id, struct ct_str text)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, sql, &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    if (text.at != NULL)
        ct_bind_str(stmt, 2, text);
    return ct_run(stmt);
}

enum ct_result ct_pool_discard_import(struct ct_db *db, int64_t import_id)
{
    /* From now on nobody goes on with it: no file has such a digest. */
    return change(db,
                  "UPDATE pool_imports SET sha256 = 'discarded ' || id, steps = steps + 1, "
                  "touched_at = 0 WHERE id = $1",
                  import_id, (struct ct_str){0});
}

enum ct_result ct_pool_discard_pool(struct ct_db *db, int64_t pool_id, int64_t *import_id)
{
    char text[48];
    struct ct_stmt *stmt;
    /* No name has a line feed, so that nobody else wants this one. */
    (void)snprintf(text, sizeof(text), "deleted\n%lld", (long long)pool_id);
    enum ct_result result =
        ct_db_query(db,
                    "INSERT INTO pool_imports (id, sha256, steps, touched_at) "
                    "SELECT coalesce(max(id), 0) + 1, $1, 0, 0 FROM pool_imports RETURNING id",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, ct_str_of(text));
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *import_id = ct_column_int(stmt, 0);
    result = ct_run(stmt);
    if (result == CT_OK)
        result =
            change(db, "UPDATE number_pools SET name = $2 WHERE id = $1", pool_id, ct_str_of(text));
    if (result == CT_OK)
        result = ct_db_query(db, "UPDATE number_pools SET import_id = $2 WHERE id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, pool_id);
    ct_bind_int(stmt, 2, *import_id);
    return ct_run(stmt);
}

enum ct_result ct_pool_discard_find(struct ct_db *db, int64_t *import_id)
{
    struct ct_stmt *stmt;
    *import_id = 0;
    enum ct_result result = ct_db_query(
        db, "SELECT id FROM pool_imports WHERE touched_at = 0 ORDER BY id LIMIT 1", &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result != CT_ROW)
        return result;
    *import_id = ct_column_int(stmt, 0);
    return CT_OK;
}

/* Whether the import is one that was given up: its id may be another's by now. */
static enum ct_result is_given_up(struct ct_db *db, int64_t import_id, bool *out)
{
    struct ct_stmt *stmt;
    *out = false;
    enum ct_result result =
        ct_db_query(db, "SELECT 1 FROM pool_imports WHERE id = $1 AND touched_at = 0", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, import_id);
    result = ct_step(stmt);
    *out = result == CT_ROW;
    return result == CT_ROW ? CT_OK : result;
}

/* Runs a statement that deletes at most so many rows of a pool; `rows` is how many of them are left to delete. */
static enum ct_result delete_some(struct ct_db *db, const char *sql, int64_t pool_id, int64_t *rows)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, sql, &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, pool_id);
    ct_bind_int(stmt, 2, *rows);
    while ((result = ct_step(stmt)) == CT_ROW)
        --*rows;
    return result;
}

/* Those of a part whose key is below the one at which the next round begins. That key is looked up once, whatever
 * PostgreSQL takes the table for: `IN (SELECT ... LIMIT)` it runs again for each row of a table that it last saw
 * empty. */
#define SOME_OF(part, key)                                                                      \
    "DELETE FROM " part " WHERE pool_id = $1 AND " key " < coalesce((SELECT " key " FROM " part \
    " WHERE pool_id = $1 ORDER BY " key " LIMIT 1 OFFSET $2), 9223372036854775807) RETURNING " key

/* Deletes what a pool has, and then the pool. */
static enum ct_result delete_pool(struct ct_db *db, int64_t pool_id, int64_t *rows)
{
    /* The ranges first: without them a number is of no pool, whatever else there still is. */
    static const char *const parts[] = {SOME_OF("pool_ranges", "first"),
                                        SOME_OF("pool_quarantine", "number"),
                                        SOME_OF("pool_blocks", "block")};
    enum ct_result result = CT_OK;
    for (size_t i = 0; result == CT_OK && *rows > 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
        result = delete_some(db, parts[i], pool_id, rows);
    if (result != CT_OK || *rows <= 0)
        return result;
    --*rows;
    return change(db, "DELETE FROM number_pools WHERE id = $1", pool_id, (struct ct_str){0});
}

#define PAGE_POOLS 100

/* Some of the pools of an import, in any order. */
static enum ct_result list_pools(struct ct_db *db, int64_t import_id, int64_t ids[PAGE_POOLS],
                                 size_t *count)
{
    struct ct_stmt *stmt;
    *count = 0;
    enum ct_result result =
        ct_db_query(db, "SELECT id FROM number_pools WHERE import_id = $1 LIMIT $2", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, import_id);
    ct_bind_int(stmt, 2, PAGE_POOLS);
    while (*count < PAGE_POOLS && (result = ct_step(stmt)) == CT_ROW)
        ids[(*count)++] = ct_column_int(stmt, 0);
    return result == CT_ROW ? CT_OK : result;
}

enum ct_result ct_pool_discard_some(struct ct_db *db, int64_t import_id, int64_t rows, bool *more)
{
    int64_t ids[PAGE_POOLS];
    size_t count = PAGE_POOLS;
    bool given_up;
    *more = false;
    enum ct_result result = is_given_up(db, import_id, &given_up);
    if (result != CT_OK || !given_up)
        return result;
    while (result == CT_OK && rows > 0 && count == PAGE_POOLS) {
        result = list_pools(db, import_id, ids, &count);
        for (size_t i = 0; result == CT_OK && rows > 0 && i < count; i++)
            result = delete_pool(db, ids[i], &rows);
    }
    *more = rows <= 0;
    return result == CT_OK && !*more
               ? change(db, "DELETE FROM pool_imports WHERE id = $1", import_id, (struct ct_str){0})
               : result;
}
