#include <sqlite3.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/backend.h"
#include "store/copy.h"
#include "store/sqlite.h"
#include "store/sqlite_file.h"
#include "store/sqlite_place.h"

/* Pages copied in a step. */
#define STEP_PAGES 512
/* What is written goes to disk in pieces of this size, so that whoever commits meanwhile never waits for
 * much. */
#define SYNC_BYTES (INT64_C(16) << 20)

/*
 * The copy is made through SQLite (docs/decisions/0036-backup.md), from one read of the source, which
 * is one state of it. It grows in a file that is locked: when this process dies, another finds the
 * remains unlocked and begins anew with them.
 */
struct ct_copy {
    struct ct_arena *arena;
    struct ct_sqlite_place place;
    bool into_place; /* else to a new file */
    const char *source;
    const char *partial;
    int fd; /* of the partial one: it holds its lock */
    bool published;
    struct ct_database *from_database;
    struct ct_database *to_database;
    struct ct_sqlite_db *from;
    struct ct_sqlite_db *to;
    sqlite3_backup *backup;
    int64_t page_bytes;
    int64_t synced;
};

/* ---- beginning ---- */

static enum ct_result find_path(const char *url, struct ct_arena *arena, const char **out,
                                const char **why)
{
    if (strncmp(url, "postgres", strlen("postgres")) == 0) {
        *why = "DATABASE_URL names PostgreSQL, which has its own tools for this: pg_basebackup, "
               "pg_dump and pg_restore (docs/operations.md)";
        return CT_INVALID;
    }
    return ct_sqlite_path(url, arena, out, why);
}

static enum ct_result find_source(const char *path, struct ct_arena *arena, const char **why)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return ct_store_explain(arena, why, errno == ENOENT ? CT_NOT_FOUND : CT_IO,
                                "%s cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode) || status.st_size == 0)
        return ct_store_explain(arena, why, CT_NOT_FOUND, "%s is %s: there is nothing to copy",
                                path, S_ISREG(status.st_mode) ? "empty" : "not a file");
    return CT_OK;
}

/* An empty file that nobody else has, at the name of the partial copy. */
static enum ct_result open_partial(struct ct_copy *copy, const char **why)
{
    static const char *const companions[] = {"-wal", "-journal"};
    enum ct_result result = ct_sqlite_lock(copy->partial, O_CREAT, &copy->fd);
    if (result == CT_BUSY)
        return ct_store_explain(copy->arena, why, CT_BUSY,
                                "another program is writing %s: let it finish", copy->partial);
    if (result != CT_OK || ftruncate(copy->fd, 0) != 0)
        return ct_store_explain(copy->arena, why, CT_IO, "%s cannot be written: %s", copy->partial,
                                strerror(errno));
    for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
        const char *path = ct_arena_printf(copy->arena, "%s%s", copy->partial, companions[i]);
        if (path == NULL)
            return CT_NOMEM;
        (void)unlink(path);
    }
    return CT_OK;
}

static enum ct_result explain(struct ct_copy *copy, const char *path, int code, const char **why)
{
    enum ct_result result = ct_sqlite_result(code);
    if (result == CT_NOMEM)
        return CT_NOMEM;
    if ((code & 0xff) == SQLITE_FULL)
        return ct_store_explain(copy->arena, why, CT_UNAVAILABLE,
                                "there is no space for %s: nothing of it was kept", copy->partial);
    const char *what = (code & 0xff) == SQLITE_NOTADB    ? "it is not in SQLite's format"
                       : (code & 0xff) == SQLITE_CORRUPT ? "it is damaged"
                                                         : sqlite3_errstr(code);
    return ct_store_explain(copy->arena, why, result == CT_BUG ? CT_IO : result,
                            "%s cannot be copied: %s (SQLite %d)", path, what, code);
}

/* One connection, in its read of the one state that is copied; one that has the partial file. */
static enum ct_result connect_both(struct ct_copy *copy, const char **why)
{
    enum ct_result result = ct_sqlite_name(copy->source, NULL, &copy->from_database);
    if (result == CT_OK)
        result = ct_sqlite_name(copy->partial, NULL, &copy->to_database);
    if (result != CT_OK)
        return result;
    int code = ct_sqlite_connect(copy->from_database, CT_SQLITE_INSPECT, &copy->from);
    if (code == SQLITE_OK)
        code = sqlite3_exec(copy->from->handle, "BEGIN; SELECT count(*) FROM sqlite_master", NULL,
                            NULL, NULL);
    if (code != SQLITE_OK)
        return explain(copy, copy->source, code, why);
    code = ct_sqlite_connect(copy->to_database, CT_SQLITE_COPY, &copy->to);
    if (code != SQLITE_OK)
        return explain(copy, copy->partial, code, why);
    copy->backup = sqlite3_backup_init(copy->to->handle, "main", copy->from->handle, "main");
    return copy->backup == NULL
               ? explain(copy, copy->partial, sqlite3_extended_errcode(copy->to->handle), why)
               : CT_OK;
}

static enum ct_result begin(struct ct_copy **out, const struct ct_copy *plan, const char *suffix,
                            const char **why)
{
    struct ct_copy *copy = malloc(sizeof(*copy));
    if (copy == NULL)
        return CT_NOMEM;
    *copy = *plan;
    copy->fd = -1;
    enum ct_result result = CT_NOMEM;
    copy->partial = ct_arena_printf(copy->arena, "%s%s", copy->place.path, suffix);
    if (copy->partial != NULL)
        result = open_partial(copy, why);
    if (result == CT_OK)
        result = connect_both(copy, why);
    if (result == CT_OK)
        *out = copy;
    else
        ct_copy_end(copy);
    return result;
}

enum ct_result ct_copy_backup(const char *url, const char *file, struct ct_arena *arena,
                              struct ct_copy **out, const char **why)
{
    struct ct_copy plan = {.arena = arena};
    struct stat status;
    *why = ct_result_text(CT_NOMEM);
    enum ct_result result = find_path(url, arena, &plan.source, why);
    if (result == CT_OK)
        result = ct_sqlite_absolute(file, arena, &plan.place.path, why);
    if (result == CT_OK)
        result = find_source(plan.source, arena, why);
    if (result != CT_OK)
        return result;
    if (lstat(plan.place.path, &status) == 0)
        return ct_store_explain(arena, why, CT_CONFLICT,
                                "%s exists and is not overwritten: give another name", file);
    return begin(out, &plan, ".partial", why);
}

enum ct_result ct_copy_restore(const char *url, const char *file, bool replace,
                               struct ct_arena *arena, struct ct_copy **out, const char **why)
{
    struct ct_copy plan = {.arena = arena, .place.replace = replace, .into_place = true};
    *why = ct_result_text(CT_NOMEM);
    enum ct_result result = find_path(url, arena, &plan.place.path, why);
    if (result == CT_OK)
        result = ct_sqlite_absolute(file, arena, &plan.source, why);
    if (result == CT_OK)
        result = find_source(plan.source, arena, why);
    if (result == CT_OK)
        result = ct_sqlite_place_judge(&plan.place, arena, why);
    return result == CT_OK ? begin(out, &plan, ".restoring", why) : result;
}

/* ---- copying ---- */

static enum ct_result sync_some(struct ct_copy *copy, int64_t done, const char **why)
{
    if (done - copy->synced < SYNC_BYTES)
        return CT_OK;
    copy->synced = done;
    if (fdatasync(copy->fd) == 0)
        return CT_OK;
    return ct_store_explain(copy->arena, why, CT_UNAVAILABLE, "%s cannot be written: %s",
                            copy->partial, strerror(errno));
}

/* All pages are there; the copy is made a file that needs no log beside it. */
static enum ct_result complete(struct ct_copy *copy, const char **why)
{
    int code = sqlite3_backup_finish(copy->backup);
    copy->backup = NULL;
    if (code == SQLITE_OK)
        code = sqlite3_exec(copy->to->handle, "PRAGMA journal_mode = MEMORY", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return explain(copy, copy->partial, code, why);
    ct_sqlite_disconnect(&copy->from->base);
    copy->from = NULL;
    return CT_OK;
}

static int64_t page_bytes_of(sqlite3 *handle)
{
    sqlite3_stmt *statement;
    int64_t bytes = 0;
    if (sqlite3_prepare_v2(handle, "PRAGMA page_size", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        bytes = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return bytes;
}

enum ct_result ct_copy_step(struct ct_copy *copy, int64_t *done, int64_t *total, const char **why)
{
    *why = ct_result_text(CT_NOMEM);
    if (copy->page_bytes == 0)
        copy->page_bytes = page_bytes_of(copy->from->handle);
    if (copy->page_bytes == 0)
        return CT_NOMEM;
    int code = sqlite3_backup_step(copy->backup, STEP_PAGES);
    if (code != SQLITE_OK && code != SQLITE_DONE)
        return explain(copy, copy->source, code, why);
    int pages = sqlite3_backup_pagecount(copy->backup);
    *total = pages * copy->page_bytes;
    *done = (pages - sqlite3_backup_remaining(copy->backup)) * copy->page_bytes;
    enum ct_result result = sync_some(copy, *done, why);
    if (result != CT_OK)
        return result;
    return code == SQLITE_OK ? CT_ROW : complete(copy, why);
}

enum ct_result ct_copy_look(struct ct_copy *copy, struct ct_db **out)
{
    enum ct_result result = ct_sqlite.control(&copy->to->base, CT_BEGIN_READ);
    if (result == CT_OK)
        *out = &copy->to->base;
    return result;
}

/* ---- the end ---- */

/* Whoever restores as root does so for the user of the server. */
static void hand_over(struct ct_copy *copy)
{
    struct stat status;
    const char *like = copy->place.path;
    if (geteuid() != 0)
        return;
    if (stat(like, &status) != 0) {
        like = ct_arena_copy(copy->arena, like, (size_t)(strrchr(like, '/') - like) + 1);
        if (like == NULL || stat(like, &status) != 0)
            return;
    }
    if (fchown(copy->fd, status.st_uid, status.st_gid) != 0)
        return; /* a file system without owners */
}

enum ct_result ct_copy_publish(struct ct_copy *copy, const char **why)
{
    *why = ct_result_text(CT_NOMEM);
    if (copy->into_place)
        hand_over(copy);
    if (fsync(copy->fd) != 0)
        return ct_store_explain(copy->arena, why, CT_IO, "%s cannot be written: %s", copy->partial,
                                strerror(errno));
    enum ct_result result = CT_OK;
    if (copy->into_place) {
        result = ct_sqlite_place_take(&copy->place, copy->partial, copy->arena, why);
    } else {
        int error = ct_sqlite_move_new(copy->partial, copy->place.path);
        if (error != 0)
            result =
                ct_store_explain(copy->arena, why, error == EEXIST ? CT_CONFLICT : CT_IO,
                                 "%s cannot be written: %s", copy->place.path, strerror(error));
    }
    copy->published = result == CT_OK;
    return result;
}

const char *ct_copy_aside(const struct ct_copy *copy)
{
    return copy->place.aside;
}

void ct_copy_end(struct ct_copy *copy)
{
    if (copy == NULL)
        return;
    if (copy->backup != NULL)
        (void)sqlite3_backup_finish(copy->backup);
    if (copy->from != NULL)
        ct_sqlite_disconnect(&copy->from->base);
    if (copy->to != NULL)
        ct_sqlite_disconnect(&copy->to->base);
    if (copy->from_database != NULL)
        ct_sqlite_close(copy->from_database);
    if (copy->to_database != NULL)
        ct_sqlite_close(copy->to_database);
    if (copy->fd >= 0) {
        if (!copy->published)
            (void)unlink(copy->partial);
        (void)close(copy->fd);
    }
    free(copy);
}
