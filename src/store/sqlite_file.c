#include "store/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/backend.h"

#define PREFIX "sqlite:///"
/* SQLite's own locks of a file are on these bytes of it (its file format, section 1.4). */
#define LOCK_BYTES_AT 0x40000000
#define LOCK_BYTES 512

enum ct_result ct_sqlite_path(const char *url, struct ct_arena *arena, const char **out,
                              const char **why)
{
    const char *file = url + strlen(PREFIX);
    if (strcmp(url, "sqlite://") == 0 || strcmp(url, PREFIX) == 0 ||
        strncmp(url, PREFIX ":memory:", strlen(PREFIX ":memory:")) == 0) {
        *why = "DATABASE_URL names a database in memory, which would not survive a restart: give "
               "sqlite:///FILE, or sqlite:////FILE for a path from the root";
        return CT_INVALID;
    }
    if (strncmp(url, PREFIX, strlen(PREFIX)) != 0) {
        *why =
            "DATABASE_URL does not name a file: give sqlite:///FILE, or sqlite:////FILE for a path "
            "from the root";
        return CT_INVALID;
    }
    if (strchr(file, '?') != NULL) {
        *why = "DATABASE_URL has options behind a '?', and there are none for SQLite: remove them";
        return CT_INVALID;
    }
    return ct_sqlite_absolute(file, arena, out, why);
}

enum ct_result ct_sqlite_absolute(const char *file, struct ct_arena *arena, const char **out,
                                  const char **why)
{
    if (file[0] == '/') {
        *out = ct_arena_copy(arena, file, strlen(file));
        return *out == NULL ? CT_NOMEM : CT_OK;
    }
    while (strncmp(file, "./", 2) == 0)
        file += 2 + strspn(file + 2, "/");
    char *folder = getcwd(NULL, 0);
    if (folder == NULL)
        return errno == ENOMEM
                   ? CT_NOMEM
                   : ct_store_explain(arena, why, CT_IO,
                                      "the working directory cannot be found: %s", strerror(errno));
    *out = ct_arena_printf(arena, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, file);
    free(folder);
    return *out == NULL ? CT_NOMEM : CT_OK;
}

/* An empty file is an empty database. It is made here because it will hold password hashes: SQLite
 * would let others read it. mknod leaves no descriptor behind, and closing one would drop every
 * lock that this process has on the file (POSIX record locks); some file systems have no mknod. */
static int create_file(const char *path)
{
    if (mknod(path, S_IFREG | S_IRUSR | S_IWUSR, 0) == 0)
        return 0;
    if (errno == EEXIST)
        return EEXIST;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static enum ct_result explain_creation(const char *path, const char *folder, int error,
                                       struct ct_arena *arena, const char **why)
{
    if (error == ENOENT)
        return ct_store_explain(arena, why, CT_IO,
                                "the folder %s for the database does not exist: make it, or change "
                                "DATABASE_URL",
                                folder);
    return ct_store_explain(arena, why, CT_IO,
                            "the database %s cannot be created (%s): let this user write to the "
                            "folder, or change DATABASE_URL",
                            path, strerror(error));
}

enum ct_result ct_sqlite_prepare_file(const char *path, struct ct_arena *arena, const char **why)
{
    size_t folder_len = (size_t)(strrchr(path, '/') - path);
    const char *folder = ct_arena_copy(arena, path, folder_len == 0 ? 1 : folder_len);
    if (folder == NULL)
        return CT_NOMEM;
    int error = create_file(path);
    if (error != 0 && error != EEXIST)
        return explain_creation(path, folder, error, arena, why);

    struct stat status;
    if (stat(path, &status) != 0)
        return ct_store_explain(arena, why, CT_IO, "the database %s cannot be found (%s)", path,
                                strerror(errno));
    if (!S_ISREG(status.st_mode))
        return ct_store_explain(
            arena, why, CT_IO,
            "%s is not a file, so it cannot be the database: change DATABASE_URL", path);
    if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) != 0)
        return ct_store_explain(arena, why, CT_IO,
                                "the database %s cannot be read and written (%s): let this user do "
                                "both, or change DATABASE_URL",
                                path, strerror(errno));
    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0)
        return ct_store_explain(
            arena, why, CT_IO,
            "the folder %s cannot be written (%s), and the database keeps its log "
            "there: let this user write to it, or change DATABASE_URL",
            folder, strerror(errno));
    return CT_OK;
}

enum ct_result ct_sqlite_lock(const char *path, int flags, int *out)
{
    for (;;) {
        struct flock lock = {
            .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_BYTES_AT, .l_len = LOCK_BYTES};
        struct stat locked, named;
        int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, S_IRUSR | S_IWUSR);
        if (fd < 0)
            return CT_IO;
        if (fcntl(fd, F_SETLK, &lock) != 0) {
            int error = errno;
            (void)close(fd);
            errno = error;
            return error == EACCES || error == EAGAIN ? CT_BUSY : CT_IO;
        }
        /* Whoever held it may have given the name to another file, or removed it. */
        if (fstat(fd, &locked) == 0 && stat(path, &named) == 0 && locked.st_ino == named.st_ino &&
            locked.st_dev == named.st_dev) {
            *out = fd;
            return CT_OK;
        }
        (void)close(fd);
        if ((flags & O_CREAT) == 0)
            return CT_BUSY;
    }
}
