#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "harness.h"

static enum ct_result test_wall_clock_is_in_milliseconds(void)
{
    enum ct_result result = CT_OK;
    int64_t before = (int64_t)time(NULL) * 1000;
    int64_t now = ct_clock_unix_ms();
    int64_t after = ((int64_t)time(NULL) + 1) * 1000;

    /* time(2) is read from a coarser clock, which may lag behind by a tick. */
    EXPECT(now >= before && now <= after + 20);
out:
    return result;
}

static enum ct_result test_monotonic_clock_counts_microseconds(void)
{
    enum ct_result result = CT_OK;
    int64_t before = ct_clock_monotonic_us();
    struct timespec pause = {0, 5 * 1000 * 1000};
    while (nanosleep(&pause, &pause) != 0)
        continue;
    int64_t passed = ct_clock_monotonic_us() - before;

    EXPECT(passed >= 5000);
    EXPECT(passed < 60 * 1000 * 1000);
out:
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_wall_clock_is_in_milliseconds),
    CT_UNIT(test_monotonic_clock_counts_microseconds),
};

int main(void)
{
    return ct_unit_main("base_clock", units, sizeof(units) / sizeof(units[0]));
}
