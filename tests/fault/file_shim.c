/*
 * Counts what a program does to files, of the kinds that can fail or be the last one of a process that is
 * killed: what makes, writes, syncs, names and removes them. Preloaded and told by file_shim.py:
 *
 *   CT_SHIM_AT      the number of the first such call that goes wrong; 0 for none
 *   CT_SHIM_HOW     kill     the process is killed instead of that call
 *                   torn     the same, after half of what was to be written
 *                   full     that call and all further ones that need space fail with ENOSPC
 *                   error    that call alone fails with EIO
 *                   slow     each call takes 20 ms
 *   CT_SHIM_COUNT   a file that is told how many calls there were
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long calls;
static long wrong_at;
static const char *how = "";

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("CT_SHIM_AT");
    wrong_at = at == NULL ? 0 : atol(at);
    if (getenv("CT_SHIM_HOW") != NULL)
        how = getenv("CT_SHIM_HOW");
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("CT_SHIM_COUNT");
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    if (file == NULL)
        return;
    (void)fprintf(file, "%ld", atomic_load(&calls));
    (void)fclose(file);
}

/* Whether a call fails, with errno. */
static int fails(int needs_space)
{
    long call = atomic_fetch_add(&calls, 1) + 1;
    if (strcmp(how, "slow") == 0)
        (void)usleep(20000);
    if (wrong_at == 0 || call < wrong_at)
        return 0;
    if (strcmp(how, "kill") == 0 || strcmp(how, "torn") == 0) {
        (void)raise(SIGKILL);
        for (;;)
            (void)pause();
    }
    if (strcmp(how, "full") == 0 && needs_space) {
        errno = ENOSPC;
        return 1;
    }
    if (strcmp(how, "error") == 0 && call == wrong_at) {
        errno = EIO;
        return 1;
    }
    return 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static ssize_t write_at(int fd, const void *data, size_t size, off_t offset)
{
    if (strcmp(how, "torn") == 0 && wrong_at != 0 && atomic_load(&calls) + 1 == wrong_at)
        (void)REAL(pwrite)(fd, data, size / 2, offset);
    return fails(1) ? -1 : REAL(pwrite)(fd, data, size, offset);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return write_at(fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    return write_at(fd, data, size, (off_t)offset);
}

int ftruncate(int fd, off_t size)
{
    return fails(0) ? -1 : REAL(ftruncate)(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
    return fails(0) ? -1 : REAL(ftruncate64)(fd, size);
}

int fsync(int fd)
{
    return fails(1) ? -1 : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
    return fails(1) ? -1 : REAL(fdatasync)(fd);
}

int rename(const char *from, const char *to)
{
    return fails(0) ? -1 : REAL(rename)(from, to);
}

int renameat2(int folder, const char *from, int to_folder, const char *to, unsigned int flags)
{
    return fails(0) ? -1 : REAL(renameat2)(folder, from, to_folder, to, flags);
}

int link(const char *from, const char *to)
{
    return fails(1) ? -1 : REAL(link)(from, to);
}

int unlink(const char *path)
{
    return fails(0) ? -1 : REAL(unlink)(path);
}

static int open_it(const char *path, int flags, mode_t mode)
{
    if ((flags & O_CREAT) != 0 && fails(1))
        return -1;
    return REAL(open)(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return open_it(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return open_it(path, flags, mode);
}
