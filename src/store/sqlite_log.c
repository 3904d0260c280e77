#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store/sqlite.h"

/* The log is copied into the database when it has this many pages (32 MB): so few that a start after
 * a crash is quick, so many that a page written again and again is copied once. */
#define CHECKPOINT_PAGES 8000
/* Readers that overlap without end keep the log from beginning anew. When it has grown to this, the
 * writer waits twice this long at most. */
#define FORCED_CHECKPOINT_PAGES (4 * CHECKPOINT_PAGES)
#define FORCE_MS 500

static int note_log(void *ctx, sqlite3 *handle, const char *name, int pages)
{
    struct ct_sqlite_db *connection = ctx;
    (void)handle;
    (void)name;
    if (pages < connection->log_pages) { /* the log began anew */
        connection->checkpoint_at = CHECKPOINT_PAGES;
        connection->force_at = FORCED_CHECKPOINT_PAGES;
    }
    connection->log_pages = pages;
    return SQLITE_OK;
}

void ct_sqlite_watch_log(struct ct_sqlite_db *connection)
{
    connection->checkpoint_at = CHECKPOINT_PAGES;
    connection->force_at = FORCED_CHECKPOINT_PAGES;
    sqlite3_wal_hook(connection->handle, note_log, connection);
}

/* Copies all of the log that no reader still needs. */
static int copy_log(struct ct_sqlite_db *connection, bool *complete)
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
static int force_log(struct ct_sqlite_db *connection)
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
        sqlite3_busy_timeout(connection->handle, CT_SQLITE_BUSY_MS);
    }
    return code;
}

/* Copies the log into the database when it has grown: here rather than inside a commit, so that
 * nobody waits for it. */
void ct_sqlite_tidy(struct ct_db *db)
{
    struct ct_sqlite_db *connection = ct_sqlite_db_of(db);
    if (connection->log_pages < connection->checkpoint_at)
        return;
    bool complete;
    int code = copy_log(connection, &complete);
    if (code == SQLITE_OK && connection->log_pages >= connection->force_at) {
        code = force_log(connection);
        /* One that reads for long, as a backup does, is not waited for again and again. */
        connection->force_at = 2 * connection->log_pages;
    }
    if (ct_sqlite_judge(connection, code) != CT_OK && (code & 0xff) != SQLITE_BUSY)
        ct_sqlite_complain(connection, "checkpoint_failed");
    /* Should a reader have been in the way, it is tried again some pages later. */
    connection->checkpoint_at = connection->log_pages + CHECKPOINT_PAGES / 4;
}

static int64_t size_of(const char *path, const char *ending)
{
    char name[PATH_MAX];
    struct stat status;
    int size = snprintf(name, sizeof(name), "%s%s", path, ending);
    if (size < 0 || (size_t)size >= sizeof(name) || stat(name, &status) != 0)
        return -1;
    return status.st_size;
}

void ct_sqlite_sizes(struct ct_database *database, int64_t *database_bytes, int64_t *log_bytes)
{
    *database_bytes = size_of(database->path, "");
    *log_bytes = size_of(database->path, "-wal");
}

/*
 * Every commit of every process changes the header of the log's index, which SQLite keeps in a file that
 * all of them have mapped: <database>-shm, 48 bytes at its beginning, twice. The first copy is written
 * last. As long as it is what it was before a read began, that read sees all that there is. Half of an
 * old header and half of a new one are not what it was either.
 */
static struct ct_wal_header look(const struct ct_wal_header *shared)
{
    struct ct_wal_header header;
    for (size_t i = 0; i < sizeof(header.words) / sizeof(header.words[0]); i++)
        header.words[i] = __atomic_load_n(&shared->words[i], __ATOMIC_ACQUIRE);
    return header;
}

/* Once the connection has read, its log is open; the memory then stays where it is until it closes. */
static const struct ct_wal_header *find_shared(struct ct_sqlite_db *connection)
{
    enum { REGION_BYTES = 32768 }; /* as SQLite maps it */
    sqlite3_file *file = NULL;
    void volatile *region = NULL;
    if (sqlite3_file_control(connection->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) !=
            SQLITE_OK ||
        file == NULL || file->pMethods == NULL || file->pMethods->iVersion < 2 ||
        file->pMethods->xShmMap(file, 0, REGION_BYTES, 0, &region) != SQLITE_OK)
        return NULL;
    return (const struct ct_wal_header *)(uintptr_t)region;
}

void ct_sqlite_note_commits(struct ct_sqlite_db *connection)
{
    connection->has_seen = connection->shared != NULL;
    if (connection->has_seen)
        connection->seen = look(connection->shared);
}

bool ct_sqlite_is_current(struct ct_db *db)
{
    struct ct_sqlite_db *connection = ct_sqlite_db_of(db);
    if (connection->shared == NULL)
        connection->shared = find_shared(connection);
    if (!connection->has_seen)
        return false;
    struct ct_wal_header now = look(connection->shared);
    return memcmp(&now, &connection->seen, sizeof(now)) == 0;
}
