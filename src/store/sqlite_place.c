#include <sqlite3.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/backend.h"
#include "store/sqlite.h"
#include "store/sqlite_file.h"
#include "store/sqlite_place.h"

/* ---- names ---- */

/* A name is on disk when its folder is. Some file systems cannot sync folders and need not. */
static int sync_folder_of(const char *path)
{
    char folder[4096];
    size_t len = (size_t)(strrchr(path, '/') - path);
    if (len >= sizeof(folder))
        return ENAMETOOLONG;
    memcpy(folder, path, len);
    memcpy(folder + len, len == 0 ? "/" : "", len == 0 ? 2 : 1);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
    (void)close(fd);
    return error;
}

int ct_sqlite_move_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) != 0) {
        if (errno != EINVAL && errno != ENOSYS)
            return errno;
        /* a file system that cannot do this at once, such as NFS */
        if (link(from, to) != 0)
            return errno;
        (void)unlink(from);
    }
    return sync_folder_of(to);
}

/* ---- what is there ---- */

enum found { NOTHING, EMPTY, SOMETHING };

static enum ct_result find(const char *path, struct ct_arena *arena, enum found *out,
                           const char **why)
{
    struct stat status;
    if (lstat(path, &status) != 0) {
        *out = NOTHING;
        return errno == ENOENT ? CT_OK
                               : ct_store_explain(arena, why, CT_IO, "%s cannot be found: %s", path,
                                                  strerror(errno));
    }
    *out = status.st_size == 0 ? EMPTY : SOMETHING;
    if (S_ISREG(status.st_mode))
        return CT_OK;
    return ct_store_explain(arena, why, CT_IO,
                            "%s is not a file, so no database can come there: remove it, or change "
                            "DATABASE_URL",
                            path);
}

static enum ct_result lock(const char *path, struct ct_arena *arena, int *out, const char **why)
{
    enum ct_result result = ct_sqlite_lock(path, 0, out);
    if (result == CT_BUSY)
        return ct_store_explain(
            arena, why, CT_BUSY,
            "the database %s is open in a server or another program: stop that first", path);
    if (result == CT_IO)
        return ct_store_explain(arena, why, CT_IO, "the database %s cannot be locked: %s", path,
                                strerror(errno));
    return result;
}

static enum ct_result refuse(const char *path, struct ct_arena *arena, const char **why)
{
    return ct_store_explain(arena, why, CT_CONFLICT,
                            "there is a database at %s: with --replace it is set aside, under "
                            "another name",
                            path);
}

enum ct_result ct_sqlite_place_judge(const struct ct_sqlite_place *place, struct ct_arena *arena,
                                     const char **why)
{
    enum found found;
    enum ct_result result = find(place->path, arena, &found, why);
    if (result != CT_OK || found == NOTHING)
        return result;
    int fd;
    result = lock(place->path, arena, &fd, why);
    if (result != CT_OK)
        return result;
    (void)close(fd);
    return found == SOMETHING && !place->replace ? refuse(place->path, arena, why) : CT_OK;
}

/* ---- taking the place ---- */

/* Copies the log into the database that is set aside, so that one file has all of it. One that is too
 * damaged for that keeps its log, under the same new name. */
static void fold(const char *path)
{
    struct ct_database *database;
    struct ct_sqlite_db *connection;
    if (ct_sqlite_name(path, NULL, &database) != CT_OK)
        return;
    if (ct_sqlite_connect(database, CT_SQLITE_INSPECT, &connection) == 0)
        (void)sqlite3_exec(connection->handle, "SELECT count(*) FROM sqlite_master", NULL, NULL,
                           NULL);
    if (connection != NULL)
        ct_sqlite_disconnect(&connection->base);
    ct_sqlite_close(database);
}

static const char *aside_name(const char *path, struct ct_arena *arena)
{
    int64_t now_ms = ct_clock_unix_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    char text[32];
    (void)gmtime_r(&seconds, &utc);
    (void)strftime(text, sizeof(text), "%Y%m%dT%H%M%S", &utc);
    return ct_arena_printf(arena, "%s.replaced-%s.%03dZ", path, text, (int)(now_ms % 1000));
}

/* Whatever lies beside a database belongs to it: SQLite would read it into the next one. */
static int move_companions(const char *path, const char *aside, struct ct_arena *arena)
{
    static const char *const companions[] = {"-wal", "-journal"};
    for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
        const char *from = ct_arena_printf(arena, "%s%s", path, companions[i]);
        const char *to = ct_arena_printf(arena, "%s%s", aside, companions[i]);
        if (from == NULL || to == NULL)
            return ENOMEM;
        if (rename(from, to) != 0 && errno != ENOENT)
            return errno;
    }
    return 0;
}

/* The name is never without a file, unless the file system knows no second name of one. */
static int set_aside(const char *path, const char *aside)
{
    if (link(path, aside) == 0)
        return 0;
    if (errno != EPERM && errno != EOPNOTSUPP)
        return errno;
    return rename(path, aside) == 0 ? 0 : errno;
}

static int swap(const char *from, const char *path, enum found found, const char *aside,
                struct ct_arena *arena)
{
    int error = found == SOMETHING ? set_aside(path, aside) : 0;
    if (error != 0)
        return error;
    error = move_companions(path, aside, arena);
    if (error == 0 && found == NOTHING)
        error = ct_sqlite_move_new(from, path);
    else if (error == 0)
        error = rename(from, path) == 0 ? sync_folder_of(path) : errno;
    if (error == 0 || access(from, F_OK) != 0)
        return error;
    (void)move_companions(aside, path, arena);
    if (found == SOMETHING && access(path, F_OK) == 0)
        (void)unlink(aside);
    else if (found == SOMETHING)
        (void)rename(aside, path);
    return error;
}

enum ct_result ct_sqlite_place_take(struct ct_sqlite_place *place, const char *from,
                                    struct ct_arena *arena, const char **why)
{
    enum found found;
    int fd = -1;
    enum ct_result result = ct_sqlite_place_judge(place, arena, why);
    if (result == CT_OK)
        result = find(place->path, arena, &found, why);
    if (result != CT_OK)
        return result;
    const char *aside = aside_name(place->path, arena);
    if (aside == NULL)
        return CT_NOMEM;
    if (found == SOMETHING)
        fold(place->path);
    if (found != NOTHING)
        result = lock(place->path, arena, &fd, why); /* until the name is another file's */
    if (result != CT_OK)
        return result;
    const char *index = ct_arena_printf(arena, "%s-shm", place->path);
    int error = index == NULL ? ENOMEM : swap(from, place->path, found, aside, arena);
    if (error == 0) {
        (void)unlink(index); /* it says what is in the log, which has gone */
        place->aside = found == SOMETHING ? aside : NULL;
    } else if (error == EEXIST) {
        result = refuse(place->path, arena, why);
    } else {
        result = ct_store_explain(arena, why, error == ENOMEM ? CT_NOMEM : CT_IO,
                                  "%s cannot be put in place: %s", place->path, strerror(error));
    }
    if (fd >= 0)
        (void)close(fd);
    return result;
}
