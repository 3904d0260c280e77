#include "ops/process.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

static enum ct_result test_fields(void)
{
    enum ct_result result = CT_OK;
    struct ct_str line = CT_STR("7 (a) b) 9 (c) S 4 -5 6\n");

    EXPECT(ct_process_stat_field(line, 4) == 4);
    EXPECT(ct_process_stat_field(line, 6) == 6);
    EXPECT(ct_process_stat_field(line, 7) == -1);
    EXPECT(ct_process_stat_field(line, 3) == -1); /* a letter */
    EXPECT(ct_process_stat_field(line, 2) == -1);
    EXPECT(ct_process_stat_field(CT_STR(""), 4) == -1);
    EXPECT(ct_process_stat_field(CT_STR("no name 1 2 3"), 4) == -1);
    EXPECT(ct_process_stat_field(CT_STR("1 (a)"), 3) == -1);
out:
    return result;
}

static enum ct_result test_this_process(void)
{
    enum ct_result result = CT_OK;
    struct ct_process before;
    struct ct_process after;
    struct timespec now;
    int fd = -1;

    ct_process_look(&before);
    if (before.open_fds < 0)
        result = CT_NOMEM; /* no memory to read a folder with */
    if (result != CT_OK)
        goto out;
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ct_process_look(&after);
    if (after.open_fds < 0)
        result = CT_NOMEM;
    if (result != CT_OK)
        goto out;
    EXPECT(after.open_fds == before.open_fds + 1);
    EXPECT(after.max_fds > after.open_fds);
    EXPECT(after.threads >= 1);
    EXPECT(after.resident_bytes > 100000 && after.virtual_bytes > after.resident_bytes);
    EXPECT(after.cpu_us >= before.cpu_us && before.cpu_us > 0);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    int64_t age_us = now.tv_sec * INT64_C(1000000) - ct_process_started_us();
    EXPECT(age_us > -2000000 && age_us < INT64_C(86400000000));
out:
    if (fd >= 0)
        (void)close(fd);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_fields),
        CT_UNIT(test_this_process),
    };
    return ct_unit_main("ops/process", units, sizeof(units) / sizeof(units[0]));
}
