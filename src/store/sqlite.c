#include <sqlite3.h>

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/backend.h"
#include "store/sqlite_file.h"

/* How long another process may hold the lock before a write is refused. */
#define BUSY_TIMEOUT_MS 5000
/* The write-ahead log is copied into the database when it has this many pages (16 MB): so few that
 * a reader looks through one table of its index, so many that the copying is rare. */
#define CHECKPOINT_PAGES 4000
#define MAX_PARAMETERS 16
/* A disk that fails is said once in this time. */
#define COMPLAINT_INTERVAL_US 1000000

struct ct_database {
    struct ct_log *log;
    _Atomic int64_t complained_us;
    char path[];
};

/* The statements that move a transaction, prepared with the connection so that none of them needs
 * memory when memory is short. */
enum control {
    BEGIN_READ,
    BEGIN_WRITE,
    COMMIT,
    ROLLBACK,
    SAVEPOINT,
    RELEASE,
    ROLLBACK_TO,
    CONTROLS
};

static const char *const control_sql[CONTROLS] = {
    [BEGIN_READ] = "BEGIN DEFERRED",   [BEGIN_WRITE] = "BEGIN IMMEDIATE", [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",           [SAVEPOINT] = "SAVEPOINT job",     [RELEASE] = "RELEASE job",
    [ROLLBACK_TO] = "ROLLBACK TO job",
};

struct statement {
    struct ct_stmt base;
    struct connection *connection;
    sqlite3_stmt *handle;
    const char *sql;
    struct statement *next_used;
    bool used;
    bool finished;         /* stepped to the end: one more step would run it again */
    enum ct_result failed; /* what a bind or a step has met */
    int parameter_count;
    int place[MAX_PARAMETERS + 1]; /* SQLite numbers $1, $2, … in the order of their appearance */
};

struct connection {
    struct ct_db base;
    struct ct_database *database;
    sqlite3 *handle;
    bool writes;
    sqlite3_stmt *controls[CONTROLS];

    /* Statements by the address of their SQL: open addressing, never more than half full. */
    struct statement **slots;
    size_t slot_count;
    size_t statement_count;
    struct statement *used; /* since the savepoint or, outside one, since the transaction began */
    enum ct_result late;    /* what resetting a statement has revealed */

    int log_pages; /* in the write-ahead log, after the last commit */
    int checkpoint_at;
    char trouble[160];
};

static struct connection *connection_of(struct ct_db *db)
{
    return (struct connection *)db;
}

static struct statement *statement_of(struct ct_stmt *stmt)
{
    return (struct statement *)stmt;
}

/* ---- what SQLite answers ---- */

static enum ct_result result_of(int code)
{
    switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return CT_CONFLICT;
    case SQLITE_IOERR_NOMEM:
        return CT_NOMEM;
    default:
        break;
    }
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
        return CT_OK;
    case SQLITE_ROW:
        return CT_ROW;
    case SQLITE_NOMEM:
        return CT_NOMEM;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
        return CT_UNAVAILABLE;
    default:
        return CT_BUG;
    }
}

static void complain(struct connection *connection, const char *event)
{
    struct ct_database *database = connection->database;
    int64_t now = ct_clock_monotonic_us();
    int64_t before = atomic_load(&database->complained_us);
    if (now - before < COMPLAINT_INTERVAL_US ||
        !atomic_compare_exchange_strong(&database->complained_us, &before, now))
        return;
    CT_LOG(database->log, CT_LOG_ERROR, event, CT_F_TEXT("reason", connection->trouble));
}

/* The result for an answer of SQLite on this connection. What the caller cannot explain is logged:
 * a defect, and what a reader meets (the writer's failures are told by who counts the jobs). */
static enum ct_result judge(struct connection *connection, int code)
{
    enum ct_result result = result_of(code);
    if (result == CT_OK || result == CT_ROW || result == CT_CONFLICT)
        return result;
    snprintf(connection->trouble, sizeof connection->trouble, "%s (SQLite %d)",
             connection->handle != NULL ? sqlite3_errmsg(connection->handle) : sqlite3_errstr(code),
             code);
    if (result == CT_BUG || (result == CT_UNAVAILABLE && !connection->writes))
        complain(connection, "database_error");
    return result;
}

static const char *sqlite_trouble(struct ct_db *db)
{
    return connection_of(db)->trouble;
}

/* ---- statements ---- */

/* $1, $2, … as the order in which they appear says nothing of their numbers. */
static void number_parameters(struct statement *statement)
{
    int count = sqlite3_bind_parameter_count(statement->handle);
    assert(count <= MAX_PARAMETERS);
    for (int place = 1; place <= count; place++) {
        const char *name = sqlite3_bind_parameter_name(statement->handle, place);
        assert(name != NULL && name[0] == '$');
        int number = atoi(name + 1);
        assert(number >= 1 && number <= count);
        statement->place[number] = place;
    }
    statement->parameter_count = count;
}

static size_t slot_of(const struct connection *connection, const char *sql)
{
    uint64_t hash = (uint64_t)(uintptr_t)sql * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(hash >> 32) & (connection->slot_count - 1);
    while (connection->slots[at] != NULL && connection->slots[at]->sql != sql)
        at = (at + 1) & (connection->slot_count - 1);
    return at;
}

static enum ct_result make_room(struct connection *connection)
{
    if (connection->statement_count * 2 < connection->slot_count)
        return CT_OK;
    struct statement **old = connection->slots;
    size_t old_count = connection->slot_count;
    size_t count = old_count == 0 ? 32 : old_count * 2;
    struct statement **slots = calloc(count, sizeof *slots);
    if (slots == NULL)
        return CT_NOMEM;
    connection->slots = slots;
    connection->slot_count = count;
    for (size_t i = 0; i < old_count; i++)
        if (old[i] != NULL)
            slots[slot_of(connection, old[i]->sql)] = old[i];
    free(old);
    return CT_OK;
}

static enum ct_result prepare(struct connection *connection, const char *sql,
                              struct statement **out)
{
    enum ct_result result = make_room(connection);
    if (result != CT_OK)
        return result;
    struct statement *statement = calloc(1, sizeof *statement);
    if (statement == NULL)
        return CT_NOMEM;
    result =
        judge(connection, sqlite3_prepare_v3(connection->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                             &statement->handle, NULL));
    if (result != CT_OK) {
        free(statement);
        return result;
    }
    number_parameters(statement);
    statement->base.backend = &ct_sqlite;
    statement->connection = connection;
    statement->sql = sql;
    connection->slots[slot_of(connection, sql)] = statement;
    connection->statement_count++;
    *out = statement;
    return CT_OK;
}

static void reset(struct statement *statement)
{
    struct connection *connection = statement->connection;
    int code = sqlite3_reset(statement->handle);
    /* An error that no step has told: a statement that was left after its first row checks its
     * foreign keys only here. */
    if (code != SQLITE_OK && statement->failed == CT_OK && connection->late == CT_OK)
        connection->late = judge(connection, code);
    sqlite3_clear_bindings(statement->handle);
    statement->failed = CT_OK;
    statement->finished = false;
}

/* Resets the statements in use, so that none of them holds a lock or a state of the database. */
static enum ct_result reset_used(struct connection *connection)
{
    while (connection->used != NULL) {
        struct statement *statement = connection->used;
        connection->used = statement->next_used;
        statement->used = false;
        reset(statement);
    }
    enum ct_result late = connection->late;
    connection->late = CT_OK;
    return late;
}

static enum ct_result sqlite_query(struct ct_db *db, const char *sql, struct ct_stmt **out)
{
    struct connection *connection = connection_of(db);
    struct statement *statement = connection->slots[slot_of(connection, sql)];
    if (statement == NULL) {
        enum ct_result result = prepare(connection, sql, &statement);
        if (result != CT_OK)
            return result;
    }
    assert(strcmp(sqlite3_sql(statement->handle), sql) == 0); /* the text is static */
    if (statement->used) {
        reset(statement);
    } else {
        statement->used = true;
        statement->next_used = connection->used;
        connection->used = statement;
    }
    *out = &statement->base;
    return CT_OK;
}

static int place_of(const struct statement *statement, int index)
{
    assert(index >= 1 && index <= statement->parameter_count);
    return statement->place[index];
}

static void note_bind(struct statement *statement, int code)
{
    if (code != SQLITE_OK && statement->failed == CT_OK)
        statement->failed = judge(statement->connection, code);
}

static void sqlite_bind_int(struct ct_stmt *stmt, int index, int64_t value)
{
    struct statement *statement = statement_of(stmt);
    note_bind(statement, sqlite3_bind_int64(statement->handle, place_of(statement, index), value));
}

static void sqlite_bind_str(struct ct_stmt *stmt, int index, struct ct_str value)
{
    struct statement *statement = statement_of(stmt);
    /* SQLite takes a text at NULL for the value NULL. */
    note_bind(statement, sqlite3_bind_text64(statement->handle, place_of(statement, index),
                                             value.at == NULL ? "" : value.at, value.len,
                                             SQLITE_TRANSIENT, SQLITE_UTF8));
}

static void sqlite_bind_null(struct ct_stmt *stmt, int index)
{
    struct statement *statement = statement_of(stmt);
    note_bind(statement, sqlite3_bind_null(statement->handle, place_of(statement, index)));
}

static enum ct_result sqlite_step(struct ct_stmt *stmt)
{
    struct statement *statement = statement_of(stmt);
    if (statement->finished || statement->failed != CT_OK)
        return statement->failed;
    enum ct_result result = judge(statement->connection, sqlite3_step(statement->handle));
    if (result != CT_ROW) {
        statement->finished = true;
        statement->failed = result;
    }
    return result;
}

static int64_t sqlite_column_int(struct ct_stmt *stmt, int index)
{
    return sqlite3_column_int64(statement_of(stmt)->handle, index);
}

static bool sqlite_column_is_null(struct ct_stmt *stmt, int index)
{
    return sqlite3_column_type(statement_of(stmt)->handle, index) == SQLITE_NULL;
}

static enum ct_result sqlite_column_str(struct ct_stmt *stmt, int index, struct ct_arena *arena,
                                        struct ct_str *out)
{
    sqlite3_stmt *handle = statement_of(stmt)->handle;
    if (sqlite3_column_type(handle, index) == SQLITE_NULL) {
        *out = CT_STR("");
        return CT_OK;
    }
    const void *text = sqlite3_column_text(handle, index);
    if (text == NULL)
        return CT_NOMEM;
    size_t len = (size_t)sqlite3_column_bytes(handle, index);
    char *copy = ct_arena_copy(arena, text, len);
    if (copy == NULL)
        return CT_NOMEM;
    *out = (struct ct_str){copy, len};
    return CT_OK;
}

static enum ct_result sqlite_execute(struct ct_db *db, const char *sql)
{
    struct connection *connection = connection_of(db);
    return judge(connection, sqlite3_exec(connection->handle, sql, NULL, NULL, NULL));
}

/* ---- transactions ---- */

static int control(struct connection *connection, enum control which)
{
    int code = sqlite3_step(connection->controls[which]);
    sqlite3_reset(connection->controls[which]);
    return code;
}

static bool sqlite_in_transaction(struct ct_db *db)
{
    return sqlite3_get_autocommit(connection_of(db)->handle) == 0;
}

static void sqlite_rollback(struct ct_db *db)
{
    struct connection *connection = connection_of(db);
    (void)reset_used(connection);
    if (sqlite_in_transaction(db))
        (void)control(connection, ROLLBACK);
    assert(!sqlite_in_transaction(db));
}

static enum ct_result sqlite_begin_read(struct ct_db *db)
{
    struct connection *connection = connection_of(db);
    return judge(connection, control(connection, BEGIN_READ));
}

static enum ct_result sqlite_begin_write(struct ct_db *db)
{
    struct connection *connection = connection_of(db);
    int code = control(connection, BEGIN_WRITE);
    enum ct_result result = judge(connection, code);
    return (code & 0xff) == SQLITE_BUSY ? CT_BUSY : result;
}

static enum ct_result sqlite_commit(struct ct_db *db)
{
    struct connection *connection = connection_of(db);
    enum ct_result result = reset_used(connection);
    if (result == CT_OK)
        result = judge(connection, control(connection, COMMIT));
    return result;
}

static enum ct_result sqlite_savepoint(struct ct_db *db)
{
    struct connection *connection = connection_of(db);
    return judge(connection, control(connection, SAVEPOINT));
}

static enum ct_result sqlite_release(struct ct_db *db)
{
    struct connection *connection = connection_of(db);
    enum ct_result result = reset_used(connection);
    if (result == CT_OK)
        result = judge(connection, control(connection, RELEASE));
    return result;
}

static void sqlite_rollback_to(struct ct_db *db)
{
    struct connection *connection = connection_of(db);
    (void)reset_used(connection);
    if (!sqlite_in_transaction(db))
        return;
    if (control(connection, ROLLBACK_TO) != SQLITE_DONE ||
        control(connection, RELEASE) != SQLITE_DONE)
        sqlite_rollback(db);
}

/* ---- connections ---- */

static int note_log(void *ctx, sqlite3 *handle, const char *name, int pages)
{
    struct connection *connection = ctx;
    (void)handle;
    (void)name;
    if (pages < connection->log_pages)
        connection->checkpoint_at = CHECKPOINT_PAGES; /* the log began anew */
    connection->log_pages = pages;
    return SQLITE_OK;
}

/* Copies the log into the database when it has grown: here rather than inside a commit, so that
 * nobody waits for it. A reader in an old state keeps some pages from being copied or the log from
 * beginning anew; then it is tried again some pages later. */
static void sqlite_tidy(struct ct_db *db)
{
    struct connection *connection = connection_of(db);
    if (connection->log_pages < connection->checkpoint_at)
        return;
    int code =
        sqlite3_wal_checkpoint_v2(connection->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (judge(connection, code) != CT_OK)
        complain(connection, "checkpoint_failed");
    connection->checkpoint_at = connection->log_pages + CHECKPOINT_PAGES / 4;
}

static void sqlite_disconnect(struct ct_db *db)
{
    struct connection *connection = connection_of(db);
    for (size_t i = 0; i < connection->slot_count; i++) {
        if (connection->slots[i] != NULL) {
            sqlite3_finalize(connection->slots[i]->handle);
            free(connection->slots[i]);
        }
    }
    for (int i = 0; i < CONTROLS; i++)
        sqlite3_finalize(connection->controls[i]);
    free(connection->slots);
    if (connection->writes && connection->handle != NULL) {
        /* Another process may go on with the log: it is not waited for. */
        sqlite3_busy_timeout(connection->handle, 0);
        sqlite3_wal_checkpoint_v2(connection->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
    int code = sqlite3_close(connection->handle);
    assert(code == SQLITE_OK);
    (void)code;
    free(connection);
}

static int prepare_controls(struct connection *connection)
{
    int code = SQLITE_OK;
    for (int i = 0; i < CONTROLS && code == SQLITE_OK; i++)
        code = sqlite3_prepare_v3(connection->handle, control_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                  &connection->controls[i], NULL);
    return code;
}

/* SQLite does not wait by itself for everybody else who is changing the mode. */
static int enter_wal_mode(struct connection *connection)
{
    int64_t end = ct_clock_monotonic_us() + BUSY_TIMEOUT_MS * 1000;
    for (;;) {
        sqlite3_stmt *pragma;
        int code =
            sqlite3_prepare_v2(connection->handle, "PRAGMA journal_mode = WAL", -1, &pragma, NULL);
        if (code != SQLITE_OK)
            return code;
        code = sqlite3_step(pragma);
        const unsigned char *mode = code == SQLITE_ROW ? sqlite3_column_text(pragma, 0) : NULL;
        bool entered = mode != NULL && strcmp((const char *)mode, "wal") == 0;
        int finished = sqlite3_finalize(pragma);
        if (entered)
            return SQLITE_OK;
        code = finished != SQLITE_OK ? finished : SQLITE_CANTOPEN;
        if ((code & 0xff) != SQLITE_BUSY || ct_clock_monotonic_us() > end)
            return code;
        sqlite3_sleep(10);
    }
}

static int set_up_writer(struct connection *connection)
{
    sqlite3 *handle = connection->handle;
    if (sqlite3_db_readonly(handle, "main") != 0)
        return SQLITE_READONLY;
    int code = enter_wal_mode(connection);
    if (code != SQLITE_OK)
        return code;
    connection->checkpoint_at = CHECKPOINT_PAGES;
    sqlite3_wal_hook(handle, note_log, connection);
    return sqlite3_exec(handle,
                        "PRAGMA synchronous = FULL;"
                        "PRAGMA foreign_keys = ON;"
                        "PRAGMA cache_size = -8192;" /* KiB */
                        "PRAGMA journal_size_limit = 33554432" /* what a large migration needed */,
                        NULL, NULL, NULL);
}

static int set_up_reader(struct connection *connection)
{
    return sqlite3_exec(connection->handle,
                        "PRAGMA query_only = ON;"
                        "PRAGMA cache_size = -2048" /* KiB */,
                        NULL, NULL, NULL);
}

/* @p out is set in any case but want of memory: its trouble tells what went wrong. */
static int connect_to(struct ct_database *database, bool writes, struct connection **out)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return SQLITE_NOMEM;
    connection->base.backend = &ct_sqlite;
    connection->database = database;
    connection->writes = writes;
    if (make_room(connection) != CT_OK) {
        free(connection);
        return SQLITE_NOMEM;
    }
    int access = writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    int code = sqlite3_open_v2(database->path, &connection->handle,
                               access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(connection->handle, BUSY_TIMEOUT_MS);
    if (code == SQLITE_OK)
        code = writes ? set_up_writer(connection) : set_up_reader(connection);
    if (code == SQLITE_OK)
        code = prepare_controls(connection);
    *out = connection;
    return code;
}

static enum ct_result explain(const struct connection *connection, int code, struct ct_arena *arena,
                              const char **why)
{
    const char *path = connection->database->path;
    switch (code & 0xff) {
    case SQLITE_NOTADB:
        return ct_store_explain(
            arena, why, CT_IO, "%s is not an SQLite database: move it away, or change DATABASE_URL",
            path);
    case SQLITE_CORRUPT:
        return ct_store_explain(arena, why, CT_IO,
                                "the database %s is damaged: put a backup in its place", path);
    case SQLITE_READONLY:
        return ct_store_explain(arena, why, CT_IO,
                                "the database %s can only be read: let this user write to it, or "
                                "change DATABASE_URL",
                                path);
    case SQLITE_BUSY:
        return ct_store_explain(
            arena, why, CT_UNAVAILABLE,
            "the database %s is kept locked by another program: stop that, then "
            "try again",
            path);
    case SQLITE_FULL:
        return ct_store_explain(arena, why, CT_UNAVAILABLE,
                                "the disk that holds the database %s is full: make room on it",
                                path);
    default:
        return ct_store_explain(
            arena, why, CT_IO,
            "the database %s cannot be opened (%s): it needs a local file system "
            "that it may write to",
            path, sqlite3_errstr(code));
    }
}

static enum ct_result sqlite_open(const char *url, struct ct_log *log, struct ct_arena *arena,
                                  struct ct_database **out, struct ct_db **writer, const char **why)
{
    const char *path;
    enum ct_result result = ct_sqlite_path(url, arena, &path, why);
    if (result != CT_OK)
        return result;
    result = ct_sqlite_prepare_file(path, arena, why);
    if (result != CT_OK)
        return result;
    size_t size = strlen(path) + 1;
    struct ct_database *database = calloc(1, sizeof *database + size);
    if (database == NULL)
        return CT_NOMEM;
    memcpy(database->path, path, size);
    database->log = log;
    atomic_store(&database->complained_us, ct_clock_monotonic_us() - COMPLAINT_INTERVAL_US);

    struct connection *connection = NULL;
    int code = connect_to(database, true, &connection);
    if (code != SQLITE_OK) {
        result = CT_NOMEM;
        if (connection != NULL && result_of(code) != CT_NOMEM)
            result = explain(connection, code, arena, why);
        if (connection != NULL)
            sqlite_disconnect(&connection->base);
        free(database);
        return result;
    }
    *out = database;
    *writer = &connection->base;
    return CT_OK;
}

static enum ct_result sqlite_connect_reader(struct ct_database *database, struct ct_db **out)
{
    struct connection *connection = NULL;
    int code = connect_to(database, false, &connection);
    if (code != SQLITE_OK) {
        enum ct_result result = connection == NULL ? CT_NOMEM : judge(connection, code);
        if (connection != NULL)
            sqlite_disconnect(&connection->base);
        return result;
    }
    *out = &connection->base;
    return CT_OK;
}

static void sqlite_close(struct ct_database *database)
{
    free(database);
}

const struct ct_backend ct_sqlite = {
    .scheme = "sqlite:",
    .open = sqlite_open,
    .connect_reader = sqlite_connect_reader,
    .disconnect = sqlite_disconnect,
    .close = sqlite_close,
    .begin_read = sqlite_begin_read,
    .begin_write = sqlite_begin_write,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .in_transaction = sqlite_in_transaction,
    .savepoint = sqlite_savepoint,
    .release = sqlite_release,
    .rollback_to = sqlite_rollback_to,
    .tidy = sqlite_tidy,
    .trouble = sqlite_trouble,
    .execute = sqlite_execute,
    .query = sqlite_query,
    .bind_int = sqlite_bind_int,
    .bind_str = sqlite_bind_str,
    .bind_null = sqlite_bind_null,
    .step = sqlite_step,
    .column_int = sqlite_column_int,
    .column_is_null = sqlite_column_is_null,
    .column_str = sqlite_column_str,
};
