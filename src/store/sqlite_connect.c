#include <sqlite3.h>

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/sqlite.h"
#include "store/sqlite_file.h"

/* Prepared with the connection, so that none of them needs memory when memory is short. */
static const char *const control_sql[CT_CONTROLS] = {
    [CT_BEGIN_READ] = "BEGIN DEFERRED",
    [CT_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [CT_BEGIN_MIGRATION] = "BEGIN IMMEDIATE",
    [CT_COMMIT] = "COMMIT",
    [CT_ROLLBACK] = "ROLLBACK",
    [CT_SAVEPOINT] = "SAVEPOINT job",
    [CT_RELEASE] = "RELEASE job",
    [CT_ROLLBACK_TO] = "ROLLBACK TO job",
};

static const char *const settings[] = {
    [CT_SQLITE_WRITER] = "PRAGMA synchronous = FULL;"
                         "PRAGMA foreign_keys = ON;"
                         /* no folder for temporary files is needed */
                         "PRAGMA temp_store = MEMORY;"
                         /* KiB; behind it is the page cache of the kernel */
                         "PRAGMA cache_size = -1536;"
                         "PRAGMA journal_size_limit = 67108864",
    /* the inner pages of the tree of 10 million numbers */
    [CT_SQLITE_READER] = "PRAGMA query_only = ON; PRAGMA cache_size = -2048",
    [CT_SQLITE_INSPECT] = "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY;"
                          "PRAGMA cache_size = -65536",
    /* Should it not become complete it is thrown away; whoever publishes it syncs it. */
    [CT_SQLITE_COPY] = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF;"
                       "PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;"
                       "PRAGMA cache_size = -8192",
};

void ct_sqlite_disconnect(struct ct_db *db)
{
    struct ct_sqlite_db *connection = ct_sqlite_db_of(db);
    ct_db_finalize(db);
    for (int i = 0; i < CT_CONTROLS; i++)
        sqlite3_finalize(connection->controls[i]);
    if (connection->use == CT_SQLITE_WRITER && connection->handle != NULL) {
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
    int64_t end = ct_clock_monotonic_us() + CT_SQLITE_BUSY_MS * 1000;
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

static int set_up_writer(struct ct_sqlite_db *connection)
{
    sqlite3 *handle = connection->handle;
    if (sqlite3_db_readonly(handle, "main") != 0)
        return SQLITE_READONLY;
    ct_sqlite_watch_log(connection);
    int code = enter_wal_mode(handle);
    /* Whoever restores has the database locked, and then another one is in its place. */
    int moved = 0;
    if (code == SQLITE_OK)
        code = sqlite3_file_control(handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return moved != 0 ? SQLITE_READONLY_DBMOVED : code;
}

int ct_sqlite_connect(struct ct_database *database, enum ct_sqlite_use use,
                      struct ct_sqlite_db **out)
{
    struct ct_sqlite_db *connection = calloc(1, sizeof(*connection));
    *out = connection;
    if (connection == NULL)
        return SQLITE_NOMEM;
    connection->base.backend = &ct_sqlite;
    connection->database = database;
    connection->use = use;
    int access = use == CT_SQLITE_READER ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    int code = sqlite3_open_v2(database->path, &connection->handle,
                               access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(connection->handle, CT_SQLITE_BUSY_MS);
    if (code == SQLITE_OK && use == CT_SQLITE_WRITER)
        code = set_up_writer(connection);
    if (code == SQLITE_OK)
        code = sqlite3_exec(connection->handle, settings[use], NULL, NULL, NULL);
    for (int i = 0; i < CT_CONTROLS && code == SQLITE_OK; i++)
        code = sqlite3_prepare_v3(connection->handle, control_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                  &connection->controls[i], NULL);
    return code;
}

enum ct_result ct_sqlite_explain(const char *path, int code, struct ct_arena *arena,
                                 const char **why)
{
    static const struct {
        int code;
        enum ct_result result;
        const char *what;
    } known[] = {
        {SQLITE_READONLY_DBMOVED, CT_UNAVAILABLE,
         "was replaced by another while it was opened: try again"},
        {SQLITE_NOTADB, CT_IO, "is not in SQLite's format: move it away, or change DATABASE_URL"},
        {SQLITE_CORRUPT, CT_IO, "is damaged: put a backup in its place"},
        {SQLITE_READONLY, CT_IO, "can only be read: let this user write, or change DATABASE_URL"},
        {SQLITE_BUSY, CT_UNAVAILABLE,
         "is kept locked by another program: stop that, then try again"},
        {SQLITE_FULL, CT_UNAVAILABLE, "is on a full disk: make room there"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].code == code || known[i].code == (code & 0xff))
            return ct_store_explain(arena, why, known[i].result, "the database %s %s", path,
                                    known[i].what);
    }
    return ct_store_explain(arena, why, CT_IO,
                            "the database %s cannot be opened (%s, SQLite %d): it needs a local "
                            "disk that it may write to",
                            path, sqlite3_errstr(code), code);
}

/* SQLite's count of its memory is one for the process, behind one lock that every connection takes
 * at every allocation. Nobody here reads it. Nor do connections take room for 20 pages before they have any: most
 * of them rest. Once SQLite is at work this changes nothing. */
static void save_memory(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
}

enum ct_result ct_sqlite_name(const char *path, struct ct_log *log, struct ct_database **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, save_memory);
    size_t size = strlen(path) + 1;
    struct ct_database *database = calloc(1, sizeof(*database) + size);
    if (database == NULL)
        return CT_NOMEM;
    memcpy(database->path, path, size);
    database->log = log;
    atomic_store(&database->complained_us, ct_clock_monotonic_us() - CT_SQLITE_COMPLAINT_US);
    *out = database;
    return CT_OK;
}

/* A database and the first connection to it. */
static enum ct_result open_first(const char *path, struct ct_log *log, enum ct_sqlite_use use,
                                 struct ct_arena *arena, struct ct_database **out,
                                 struct ct_db **first, const char **why)
{
    struct ct_database *database;
    struct ct_sqlite_db *connection;
    enum ct_result result = ct_sqlite_name(path, log, &database);
    if (result != CT_OK)
        return result;
    int code = ct_sqlite_connect(database, use, &connection);
    if (code == SQLITE_OK) {
        *out = database;
        *first = &connection->base;
        return CT_OK;
    }
    result =
        ct_sqlite_result(code) == CT_NOMEM ? CT_NOMEM : ct_sqlite_explain(path, code, arena, why);
    if (connection != NULL)
        ct_sqlite_disconnect(&connection->base);
    ct_sqlite_close(database);
    return result;
}

enum ct_result ct_sqlite_open(const char *url, struct ct_log *log, struct ct_arena *arena,
                              struct ct_database **out, struct ct_db **writer, const char **why)
{
    const char *path;
    enum ct_result result = ct_sqlite_path(url, arena, &path, why);
    if (result != CT_OK)
        return result;
    result = ct_sqlite_prepare_file(path, arena, why);
    return result == CT_OK ? open_first(path, log, CT_SQLITE_WRITER, arena, out, writer, why)
                           : result;
}

enum ct_result ct_sqlite_inspect(const char *url, struct ct_arena *arena, struct ct_database **out,
                                 struct ct_db **reader, const char **why)
{
    const char *path;
    enum ct_result result = ct_sqlite_path(url, arena, &path, why);
    if (result != CT_OK)
        return result;
    if (access(path, F_OK) != 0)
        return ct_store_explain(arena, why, errno == ENOENT ? CT_NOT_FOUND : CT_IO,
                                "%s cannot be read: %s", path, strerror(errno));
    return open_first(path, NULL, CT_SQLITE_INSPECT, arena, out, reader, why);
}

enum ct_result ct_sqlite_connect_reader(struct ct_database *database, struct ct_db **out)
{
    struct ct_sqlite_db *connection;
    int code = ct_sqlite_connect(database, CT_SQLITE_READER, &connection);
    if (code == SQLITE_OK) {
        *out = &connection->base;
        return CT_OK;
    }
    if (connection == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_sqlite_judge(connection, code);
    ct_sqlite_disconnect(&connection->base);
    return result;
}

void ct_sqlite_close(struct ct_database *database)
{
    free(database);
}
