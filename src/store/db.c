#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/backend.h"

/* ---- the statements of a connection, by the address of their SQL ---- */

/* Open addressing, never more than half full. */
static struct ct_stmt **slot_of(const struct ct_db *db, const char *sql)
{
    uint64_t hash = (uint64_t)(uintptr_t)sql * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(hash >> 32) & (db->slot_count - 1);
    while (db->slots[at] != NULL && db->slots[at]->sql != sql)
        at = (at + 1) & (db->slot_count - 1);
    return &db->slots[at];
}

static enum ct_result make_room(struct ct_db *db)
{
    if (db->statement_count * 2 < db->slot_count)
        return CT_OK;
    struct ct_stmt **old = db->slots;
    size_t old_count = db->slot_count;
    size_t count = old_count == 0 ? 32 : old_count * 2;
    struct ct_stmt **slots = calloc(count, sizeof(*slots));
    if (slots == NULL)
        return CT_NOMEM;
    db->slots = slots;
    db->slot_count = count;
    for (size_t i = 0; i < old_count; i++) {
        if (old[i] != NULL)
            *slot_of(db, old[i]->sql) = old[i];
    }
    free(old);
    return CT_OK;
}

static enum ct_result prepare(struct ct_db *db, const char *sql, struct ct_stmt **out)
{
    enum ct_result result = make_room(db);
    if (result != CT_OK)
        return result;
    result = db->backend->prepare(db, sql, out);
    if (result != CT_OK)
        return result;
    (*out)->sql = sql;
    *slot_of(db, sql) = *out;
    db->statement_count++;
    return CT_OK;
}

/* ---- which of them are in use ---- */

static void reset(struct ct_stmt *stmt)
{
    stmt->db->backend->reset(stmt);
    stmt->failed = CT_OK;
    stmt->finished = false;
}

void ct_db_reset(struct ct_db *db)
{
    while (db->used != NULL) {
        struct ct_stmt *stmt = db->used;
        db->used = stmt->next_used;
        stmt->used = false;
        reset(stmt);
    }
}

void ct_db_finalize(struct ct_db *db)
{
    for (size_t i = 0; i < db->slot_count; i++) {
        if (db->slots[i] != NULL)
            db->backend->finalize(db->slots[i]);
    }
    free(db->slots);
    db->slots = NULL;
    db->slot_count = db->statement_count = 0;
    db->used = NULL;
}

/* ---- transactions ---- */

/* The ids that were given may not have been kept, or others may give the next ones. */
static void forget_ids(struct ct_db *db)
{
    for (size_t i = 0; i < CT_LAST_IDS; i++)
        db->last_ids[i].query = NULL;
}

/* SQLite gives up a transaction without a word for want of memory, when it has to begin a statement anew
 * because another process has changed the schema; PostgreSQL, when the connection was lost. */
static enum ct_result keep(struct ct_db *db, enum ct_control which)
{
    ct_db_reset(db);
    return db->backend->in_transaction(db) ? db->backend->control(db, which)
                                           : db->backend->given_up;
}

enum ct_result ct_db_release(struct ct_db *db)
{
    return keep(db, CT_RELEASE);
}

void ct_db_rollback_to(struct ct_db *db)
{
    ct_db_reset(db);
    forget_ids(db);
    if (!db->backend->in_transaction(db))
        return;
    if (db->backend->control(db, CT_ROLLBACK_TO) != CT_OK ||
        db->backend->control(db, CT_RELEASE) != CT_OK)
        ct_db_rollback(db);
}

enum ct_result ct_db_commit(struct ct_db *db)
{
    forget_ids(db);
    return keep(db, CT_COMMIT);
}

void ct_db_rollback(struct ct_db *db)
{
    ct_db_reset(db);
    forget_ids(db);
    if (db->backend->in_transaction(db))
        (void)db->backend->control(db, CT_ROLLBACK);
    assert(!db->backend->in_transaction(db));
}

/* ---- the face ---- */

enum ct_result ct_db_execute(struct ct_db *db, const char *sql)
{
    struct ct_stmt *stmt;
    enum ct_result result = db->backend->prepare(db, sql, &stmt);
    if (result != CT_OK)
        return result;
    result = db->backend->step(stmt);
    db->backend->finalize(stmt);
    return result;
}

enum ct_result ct_db_query(struct ct_db *db, const char *sql, struct ct_stmt **out)
{
    struct ct_stmt *stmt = db->slot_count == 0 ? NULL : *slot_of(db, sql);
    if (stmt == NULL) {
        enum ct_result result = prepare(db, sql, &stmt);
        if (result != CT_OK)
            return result;
    }
    if (stmt->used) {
        reset(stmt);
    } else {
        stmt->used = true;
        stmt->next_used = db->used;
        db->used = stmt;
    }
    *out = stmt;
    return CT_OK;
}

static void note(struct ct_stmt *stmt, enum ct_result bound)
{
    if (stmt->failed == CT_OK)
        stmt->failed = bound;
}

void ct_bind_int(struct ct_stmt *stmt, int index, int64_t value)
{
    note(stmt, stmt->db->backend->bind_int(stmt, index, value));
}

void ct_bind_str(struct ct_stmt *stmt, int index, struct ct_str value)
{
    note(stmt, stmt->db->backend->bind_str(stmt, index, value));
}

void ct_bind_null(struct ct_stmt *stmt, int index)
{
    note(stmt, stmt->db->backend->bind_null(stmt, index));
}

enum ct_result ct_step(struct ct_stmt *stmt)
{
    assert(stmt->used); /* its transaction is still the current one */
    if (stmt->failed != CT_OK || stmt->finished)
        return stmt->failed;
    enum ct_result result = stmt->db->backend->step(stmt);
    if (result != CT_ROW) {
        stmt->finished = true;
        stmt->failed = result;
    }
    return result;
}

enum ct_result ct_run(struct ct_stmt *stmt)
{
    enum ct_result result;
    do {
        result = ct_step(stmt);
    } while (result == CT_ROW);
    return result;
}

enum ct_result ct_send(struct ct_stmt *stmt)
{
    const struct ct_backend *backend = stmt->db->backend;
    if (backend->send == NULL || stmt->failed != CT_OK)
        return ct_run(stmt);
    assert(stmt->used && !stmt->finished);
    stmt->finished = true;
    stmt->failed = backend->send(stmt);
    return stmt->failed;
}

enum ct_result ct_settle(struct ct_db *db)
{
    return db->backend->settle == NULL ? CT_OK : db->backend->settle(db);
}

int64_t ct_column_int(struct ct_stmt *stmt, int index)
{
    return stmt->db->backend->column_int(stmt, index);
}

bool ct_column_is_null(struct ct_stmt *stmt, int index)
{
    return stmt->db->backend->column_is_null(stmt, index);
}

enum ct_result ct_column_str(struct ct_stmt *stmt, int index, struct ct_arena *arena,
                             struct ct_str *out)
{
    return stmt->db->backend->column_str(stmt, index, arena, out);
}

int64_t ct_column_time(struct ct_stmt *stmt, int index)
{
    return ct_column_is_null(stmt, index) ? CT_NO_TIME : ct_column_int(stmt, index);
}

void ct_db_touch(struct ct_db *db, unsigned what)
{
    db->touched |= what;
}

enum ct_result ct_next_id(struct ct_db *db, const char *query, int64_t *out)
{
    struct ct_last_id *last = db->last_ids;
    struct ct_stmt *stmt;
    /* By the text: a literal may have more than one address. */
    while (last->query != NULL && last->query != query && strcmp(last->query, query) != 0) {
        last++;
        assert(last < db->last_ids + CT_LAST_IDS);
    }
    if (last->query != NULL) {
        *out = ++last->id;
        return CT_OK;
    }
    enum ct_result result = ct_db_query(db, query, &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    last->id = ct_column_int(stmt, 0);
    last->query = query;
    *out = last->id;
    return CT_OK;
}
