/*
 * Preloaded into the server: while the file $SLOW_DISK exists, fdatasync and fsync take as long as on a disk that
 * does not answer. The thread that calls them is in the same state: its vfork child waits, and it in the
 * kernel (state D) for that.
 */
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static int wait_for_the_disk(void)
{
    const char *path = getenv("SLOW_DISK");
    if (path == NULL || access(path, F_OK) != 0)
        return 0;
    pid_t child = vfork();
    if (child == 0) {
        while (access(path, F_OK) == 0)
            (void)usleep(1000);
        _exit(0);
    }
    return child < 0 ? -1 : 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return wait_for_the_disk();
}

int fsync(int fd)
{
    (void)fd;
    return wait_for_the_disk();
}
