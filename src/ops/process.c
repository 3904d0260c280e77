#include "ops/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SECOND_US INT64_C(1000000)

/* Fields of /proc/self/stat, see proc(5). */
enum { FIELD_THREADS = 20, FIELD_START = 22, FIELD_VSIZE, FIELD_RSS };

int64_t ct_process_stat_field(struct ct_str line, int number)
{
    const char *end = line.len == 0 ? NULL : memrchr(line.at, ')', line.len);
    if (end == NULL || number < 3)
        return -1;
    const char *at = end + 1;
    const char *stop = line.at + line.len;
    for (int field = 3; at < stop; field++) {
        while (at < stop && *at == ' ')
            at++;
        const char *from = at;
        while (at < stop && *at != ' ' && *at != '\n')
            at++;
        if (field < number)
            continue;
        int64_t value = -1;
        if (at == from || ct_int_parse((struct ct_str){from, (size_t)(at - from)}, &value) != CT_OK)
            return -1;
        return value;
    }
    return -1;
}

static struct ct_str read_stat(char *room, size_t size)
{
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, room, size);
    if (fd >= 0)
        (void)close(fd);
    return (struct ct_str){room, len < 0 ? 0 : (size_t)len};
}

static int64_t ticks_us(int64_t ticks)
{
    return ticks < 0 ? -1 : ticks * (SECOND_US / sysconf(_SC_CLK_TCK));
}

static int64_t count_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return -1;
    int64_t count = -1; /* the one of the folder itself */
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL)
        count += entry->d_name[0] != '.';
    (void)closedir(folder);
    return count;
}

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

void ct_process_look(struct ct_process *out)
{
    char room[1024];
    struct ct_str line = read_stat(room, sizeof(room));
    struct rlimit fds;
    int64_t pages = ct_process_stat_field(line, FIELD_RSS);
    *out = (struct ct_process){
        .cpu_us = clock_us(CLOCK_PROCESS_CPUTIME_ID),
        .threads = ct_process_stat_field(line, FIELD_THREADS),
        .virtual_bytes = ct_process_stat_field(line, FIELD_VSIZE),
        .resident_bytes = pages < 0 ? -1 : pages * sysconf(_SC_PAGESIZE),
        .open_fds = count_fds(),
        .max_fds = getrlimit(RLIMIT_NOFILE, &fds) == 0 ? (int64_t)fds.rlim_cur : -1,
    };
}

int64_t ct_process_started_us(void)
{
    char room[1024];
    int64_t after_boot_us =
        ticks_us(ct_process_stat_field(read_stat(room, sizeof(room)), FIELD_START));
    if (after_boot_us < 0)
        return -1;
    return clock_us(CLOCK_REALTIME) - clock_us(CLOCK_BOOTTIME) + after_boot_us;
}
