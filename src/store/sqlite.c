#include <sqlite3.h>

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/backend.h"
#include "store/sqlite_file.h"

/* How long another process may hold the lock before a write is refused. */
#define BUSY_TIMEOUT_MS 5000
/* The write-ahead log is copied into the database when it has this many pages (32 MB): so few that
 * a start after a crash is quick, so many that a page written again and again is copied once. */
#define CHECKPOINT_PAGES 8000
/* Readers that overlap without end keep the log from beginning anew. When it has grown to this, the
 * writer waits twice this long at most. */
#define FORCED_CHECKPOINT_PAGES (4 * CHECKPOINT_PAGES)
#define FORCE_MS 500
#define MAX_PARAMETERS 16
/* A disk that fails is said once in this time. */
#define COMPLAINT_INTERVAL_US 1000000

struct ct_database {
    struct ct_log *log;
    _Atomic int64_t complained_us;
    char path[];
};

/* Prepared with the connection, so that none of them needs memory when memory is short. */
static const char *const control_sql[CT_CONTROLS] = {
    [CT_BEGIN_READ] = "BEGIN DEFERRED",
    [CT_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [CT_COMMIT] = "COMMIT",
    [CT_ROLLBACK] = "ROLLBACK",
    [CT_SAVEPOINT] = "SAVEPOINT job",
    [CT_RELEASE] = "RELEASE job",
    [CT_ROLLBACK_TO] = "ROLLBACK TO job",
};

static const char writer_settings[] =
    "PRAGMA synchronous = FULL;"
    "PRAGMA foreign_keys = ON;"
    "PRAGMA temp_store = MEMORY;" /* no folder for temporary files is needed */
    "PRAGMA cache_size = -1536;"  /* KiB; behind it is the page cache of the kernel */
    "PRAGMA journal_size_limit = 67108864";
static const char reader_settings[] = "PRAGMA query_only = ON; PRAGMA cache_size = -512";

struct statement {
    struct ct_stmt base;
    sqlite3_stmt *handle;
    /* SQLite numbers $1, $2, … in the order of their appearance; 0 = there is none. */
    int place[MAX_PARAMETERS + 1];
};

struct connection {
    struct ct_db base;
    struct ct_database *database;
    sqlite3 *handle;
    bool writes;
    sqlite3_stmt *controls[CT_CONTROLS];
    int log_pages; /* in the write-ahead log, after the last commit */
    int checkpoint_at;
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
    if (code == SQLITE_CONSTRAINT_FOREIGNKEY)
        return CT_NOT_FOUND;
    if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
        code == SQLITE_CONSTRAINT_ROWID)
        return CT_CONFLICT;
    if (code == SQLITE_IOERR_NOMEM)
        return CT_NOMEM;
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
    CT_LOG(database->log, CT_LOG_ERROR, event, CT_F_TEXT("reason", connection->base.trouble));
}

/* The result for an answer of SQLite on this connection. What the caller cannot explain is logged:
 * a defect, and what a reader meets (the writer's failures are told by who counts the jobs). */
static enum ct_result judge(struct connection *connection, int code)
{
    enum ct_result result = result_of(code);
    if (result == CT_OK || result == CT_ROW || result == CT_CONFLICT || result == CT_NOT_FOUND)
        return result;
    snprintf(connection->base.trouble, sizeof(connection->base.trouble), "%s (SQLite %d)",
             connection->handle != NULL ? sqlite3_errmsg(connection->handle) : sqlite3_errstr(code),
             code);
    if (result == CT_BUG || (result == CT_UNAVAILABLE && !connection->writes))
        complain(connection, "database_error");
    return result;
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
}

static enum ct_result sqlite_prepare(struct ct_db *db, const char *sql, struct ct_stmt **out)
{
    struct connection *connection = connection_of(db);
    struct statement *statement = calloc(1, sizeof(*statement));
    if (statement == NULL)
        return CT_NOMEM;
    int code = sqlite3_prepare_v3(connection->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                  &statement->handle, NULL);
    if (code != SQLITE_OK) {
        free(statement);
        return judge(connection, code);
    }
    statement->base.db = db;
    number_parameters(statement);
    *out = &statement->base;
    return CT_OK;
}

static void sqlite_finalize(struct ct_stmt *stmt)
{
    sqlite3_finalize(statement_of(stmt)->handle);
    free(statement_of(stmt));
}

static void sqlite_reset(struct ct_stmt *stmt)
{
    sqlite3_stmt *handle = statement_of(stmt)->handle;
    sqlite3_reset(handle); /* answers what the last step has answered */
    sqlite3_clear_bindings(handle);
}

static int place_of(const struct statement *statement, int index)
{
    assert(index >= 1 && index <= MAX_PARAMETERS && statement->place[index] != 0);
    return statement->place[index];
}

static enum ct_result sqlite_bind_int(struct ct_stmt *stmt, int index, int64_t value)
{
    struct statement *statement = statement_of(stmt);
    return judge(connection_of(stmt->db),
                 sqlite3_bind_int64(statement->handle, place_of(statement, index), value));
}

static enum ct_result sqlite_bind_str(struct ct_stmt *stmt, int index, struct ct_str value)
{
    struct statement *statement = statement_of(stmt);
    const char *at = value.at == NULL ? "" : value.at; /* SQLite takes NULL for the value NULL */
    int code = sqlite3_bind_text64(statement->handle, place_of(statement, index), at, value.len,
                                   SQLITE_TRANSIENT, SQLITE_UTF8);
    return judge(connection_of(stmt->db), code);
}

static enum ct_result sqlite_bind_null(struct ct_stmt *stmt, int index)
{
    struct statement *statement = statement_of(stmt);
    int code = sqlite3_bind_null(statement->handle, place_of(statement, index));
    return judge(connection_of(stmt->db), code);
}

static enum ct_result sqlite_step(struct ct_stmt *stmt)
{
    return judge(connection_of(stmt->db), sqlite3_step(statement_of(stmt)->handle));
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
    *out = (struct ct_str){ct_arena_copy(arena, text, len), len};
    return out->at == NULL ? CT_NOMEM : CT_OK;
}

/* ---- transactions ---- */

static enum ct_result sqlite_control(struct ct_db *db, enum ct_control which)
{
    struct connection *connection = connection_of(db);
    int code = sqlite3_step(connection->controls[which]);
    sqlite3_reset(connection->controls[which]);
    enum ct_result result = judge(connection, code);
    return which == CT_BEGIN_WRITE && (code & 0xff) == SQLITE_BUSY ? CT_BUSY : result;
}

static bool sqlite_in_transaction(struct ct_db *db)
{
    return sqlite3_get_autocommit(connection_of(db)->handle) == 0;
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

/* Copies all of the log that no reader still needs. */
static int copy_log(struct connection *connection, bool *complete)
{
    int pages = 0;
    int copied = 0;
    int code = sqlite3_wal_checkpoint_v2(connection->handle, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                         &pages, &copied);
    *complete = code == SQLITE_OK && copied == pages;
    return code;
}

/* Makes the log begin anew although readers overlap without end. While nothing is written, each new
 * one starts from the end of the log, so that soon all of it can be copied, and those who come then
 * need it no more. (SQLite, left to wait by itself, may wait for a place that is always taken.) */
static int force_log(struct connection *connection)
{
    bool complete = false;
    int code = SQLITE_OK;
    for (int waited = 0; waited < FORCE_MS && code == SQLITE_OK && !complete; waited += 10) {
        sqlite3_sleep(10);
        code = copy_log(connection, &complete);
    }
    if (complete) {
        sqlite3_busy_timeout(connection->handle, FORCE_MS);
        code = sqlite3_wal_checkpoint_v2(connection->handle, NULL, SQLITE_CHECKPOINT_RESTART, NULL,
                                         NULL);
        sqlite3_busy_timeout(connection->handle, BUSY_TIMEOUT_MS);
    }
    return code;
}

/* Copies the log into the database when it has grown: here rather than inside a commit, so that
 * nobody waits for it. */
static void sqlite_tidy(struct ct_db *db)
{
    struct connection *connection = connection_of(db);
    if (connection->log_pages < connection->checkpoint_at)
        return;
    bool complete;
    int code = copy_log(connection, &complete);
    if (code == SQLITE_OK && connection->log_pages >= FORCED_CHECKPOINT_PAGES)
        code = force_log(connection);
    if (judge(connection, code) != CT_OK && (code & 0xff) != SQLITE_BUSY)
        complain(connection, "checkpoint_failed");
    /* Should a reader have been in the way, it is tried again some pages later. */
    connection->checkpoint_at = connection->log_pages + CHECKPOINT_PAGES / 4;
}

static void sqlite_disconnect(struct ct_db *db)
{
    struct connection *connection = connection_of(db);
    ct_db_finalize(db);
    for (int i = 0; i < CT_CONTROLS; i++)
        sqlite3_finalize(connection->controls[i]);
    if (connection->writes && connection->handle != NULL) {
        /* Another process may go on with the log: it is not waited for. */
        sqlite3_busy_timeout(connection->handle, 0);
        sqlite3_wal_checkpoint_v2(connection->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
    int code = sqlite3_close(connection->handle);
    assert(code == SQLITE_OK);
    free(connection);
}

static int note_mode(void *ctx, int columns, char **values, char **names)
{
    (void)columns;
    (void)names;
    *(bool *)ctx = strcmp(values[0], "wal") == 0;
    return 0;
}

/* SQLite does not wait by itself for others who are changing the mode. */
static int enter_wal_mode(sqlite3 *handle)
{
    int64_t end = ct_clock_monotonic_us() + BUSY_TIMEOUT_MS * 1000;
    bool entered = false;
    for (;;) {
        int code = sqlite3_exec(handle, "PRAGMA journal_mode = WAL", note_mode, &entered, NULL);
        if (code == SQLITE_OK && !entered)
            return SQLITE_CANTOPEN;
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
    connection->checkpoint_at = CHECKPOINT_PAGES;
    sqlite3_wal_hook(handle, note_log, connection);
    int code = enter_wal_mode(handle);
    return code == SQLITE_OK ? sqlite3_exec(handle, writer_settings, NULL, NULL, NULL) : code;
}

/* Answers a code of SQLite; @p out is to be disconnected also when that is not SQLITE_OK. */
static int connect_to(struct ct_database *database, bool writes, struct connection **out)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL)
        return SQLITE_NOMEM;
    connection->base.backend = &ct_sqlite;
    connection->database = database;
    connection->writes = writes;
    int access = writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    int code = sqlite3_open_v2(database->path, &connection->handle,
                               access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(connection->handle, BUSY_TIMEOUT_MS);
    if (code == SQLITE_OK)
        code = writes ? set_up_writer(connection)
                      : sqlite3_exec(connection->handle, reader_settings, NULL, NULL, NULL);
    for (int i = 0; i < CT_CONTROLS && code == SQLITE_OK; i++)
        code = sqlite3_prepare_v3(connection->handle, control_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                  &connection->controls[i], NULL);
    *out = connection;
    return code;
}

static enum ct_result explain(const char *path, int code, struct ct_arena *arena, const char **why)
{
    static const struct {
        int code;
        enum ct_result result;
        const char *what;
    } known[] = {
        {SQLITE_NOTADB, CT_IO, "is not in SQLite's format: move it away, or change DATABASE_URL"},
        {SQLITE_CORRUPT, CT_IO, "is damaged: put a backup in its place"},
        {SQLITE_READONLY, CT_IO, "can only be read: let this user write, or change DATABASE_URL"},
        {SQLITE_BUSY, CT_UNAVAILABLE,
         "is kept locked by another program: stop that, then try again"},
        {SQLITE_FULL, CT_UNAVAILABLE, "is on a full disk: make room there"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].code == (code & 0xff))
            return ct_store_explain(arena, why, known[i].result, "the database %s %s", path,
                                    known[i].what);
    }
    return ct_store_explain(arena, why, CT_IO,
                            "the database %s cannot be opened (%s, SQLite %d): it needs a local "
                            "disk that it may write to",
                            path, sqlite3_errstr(code), code);
}

/* SQLite's count of its memory is one for the process, behind one lock that every connection takes
 * at every allocation. Nobody here reads it. Once SQLite is at work this changes nothing. */
static void count_no_memory(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static enum ct_result sqlite_open(const char *url, struct ct_log *log, struct ct_arena *arena,
                                  struct ct_database **out, struct ct_db **writer, const char **why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, count_no_memory);
    const char *path;
    enum ct_result result = ct_sqlite_path(url, arena, &path, why);
    if (result != CT_OK)
        return result;
    result = ct_sqlite_prepare_file(path, arena, why);
    if (result != CT_OK)
        return result;
    size_t size = strlen(path) + 1;
    struct ct_database *database = calloc(1, sizeof(*database) + size);
    if (database == NULL)
        return CT_NOMEM;
    memcpy(database->path, path, size);
    database->log = log;
    atomic_store(&database->complained_us, ct_clock_monotonic_us() - COMPLAINT_INTERVAL_US);

    struct connection *connection = NULL;
    int code = connect_to(database, true, &connection);
    if (code == SQLITE_OK) {
        *out = database;
        *writer = &connection->base;
        return CT_OK;
    }
    result = result_of(code) == CT_NOMEM ? CT_NOMEM : explain(path, code, arena, why);
    if (connection != NULL)
        sqlite_disconnect(&connection->base);
    free(database);
    return result;
}

static enum ct_result sqlite_connect_reader(struct ct_database *database, struct ct_db **out)
{
    struct connection *connection = NULL;
    int code = connect_to(database, false, &connection);
    if (code == SQLITE_OK) {
        *out = &connection->base;
        return CT_OK;
    }
    if (connection == NULL)
        return CT_NOMEM;
    enum ct_result result = judge(connection, code);
    sqlite_disconnect(&connection->base);
    return result;
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
    .control = sqlite_control,
    .in_transaction = sqlite_in_transaction,
    .tidy = sqlite_tidy,
    .prepare = sqlite_prepare,
    .finalize = sqlite_finalize,
    .reset = sqlite_reset,
    .bind_int = sqlite_bind_int,
    .bind_str = sqlite_bind_str,
    .bind_null = sqlite_bind_null,
    .step = sqlite_step,
    .column_int = sqlite_column_int,
    .column_is_null = sqlite_column_is_null,
    .column_str = sqlite_column_str,
};
