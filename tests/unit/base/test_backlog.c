#include "base/backlog.h"

#include "harness.h"

#define SECOND INT64_C(1000000)

static enum ct_result test_nothing_known_refuses_nothing(void)
{
    enum ct_result result = CT_OK;
    const struct ct_backlog backlog = {.max_wait_us = SECOND, .turn = 10, .workers = 1};

    EXPECT(ct_backlog_wait_us(&backlog, 1000000) == 0);
    EXPECT(!ct_backlog_is_full(&backlog, 1000000, 0, 0));
out:
    return result;
}

static enum ct_result test_expected_wait(void)
{
    enum ct_result result = CT_OK;
    struct ct_backlog backlog = {.max_wait_us = SECOND, .turn = 10, .workers = 1};

    /* 1 ms a piece, 20 ms a turn */
    ct_backlog_measured(&backlog, 10, 10000, 20000);
    EXPECT(ct_backlog_wait_us(&backlog, 0) == 0);
    EXPECT(ct_backlog_wait_us(&backlog, 9) == 9000);
    EXPECT(ct_backlog_wait_us(&backlog, 10) == 30000);
    EXPECT(ct_backlog_wait_us(&backlog, 25) == 65000);
    /* 333 pieces make 33 turns: 333 + 660 ms */
    EXPECT(!ct_backlog_is_full(&backlog, 333, 0, 0));
    EXPECT(ct_backlog_is_full(&backlog, 340, 0, 0));
    backlog.max_wait_us = 0;
    EXPECT(!ct_backlog_is_full(&backlog, 340, 0, 5 * SECOND));
    backlog = (struct ct_backlog){.max_wait_us = SECOND, .turn = 1, .workers = 4};
    ct_backlog_measured(&backlog, 1, 200000, 0);
    EXPECT(ct_backlog_wait_us(&backlog, 20) == SECOND);
    EXPECT(!ct_backlog_is_full(&backlog, 20, 0, 0));
    EXPECT(ct_backlog_is_full(&backlog, 21, 0, 0));
out:
    return result;
}

/* What is being worked on is in the way like what waits, but alone refuses nobody. */
static enum ct_result test_what_was_begun_is_waited_for(void)
{
    enum ct_result result = CT_OK;
    struct ct_backlog backlog = {.max_wait_us = SECOND, .turn = 1, .workers = 2};

    ct_backlog_measured(&backlog, 1, 200000, 0);
    backlog.begun = 2;
    EXPECT(ct_backlog_wait_us(&backlog, 0) == 200000);
    EXPECT(ct_backlog_wait_us(&backlog, 8) == SECOND);
    EXPECT(!ct_backlog_is_full(&backlog, 8, 0, 0));
    EXPECT(ct_backlog_is_full(&backlog, 9, 0, 0));
    backlog.begun = 0;
    EXPECT(!ct_backlog_is_full(&backlog, 10, 0, 0));
    backlog.begun = 1000;
    EXPECT(!ct_backlog_is_full(&backlog, 0, 0, 0));
out:
    return result;
}

/* However slow: what nobody waits for is tried, and tells how long it takes now; and of a slow turn a whole
 * one may wait. */
static enum ct_result test_slow_work_is_still_done(void)
{
    enum ct_result result = CT_OK;
    struct ct_backlog backlog = {.max_wait_us = SECOND, .turn = 1024, .workers = 1};

    ct_backlog_measured(&backlog, 1, 100, 3 * SECOND);
    EXPECT(!ct_backlog_is_full(&backlog, 0, 0, 0));
    EXPECT(!ct_backlog_is_full(&backlog, 1023, 0, 0));
    EXPECT(ct_backlog_is_full(&backlog, 1024, 0, 0));
    ct_backlog_measured(&backlog, 1, INT64_MAX, INT64_MAX);
    EXPECT(!ct_backlog_is_full(&backlog, 0, 0, 0));
    EXPECT(ct_backlog_is_full(&backlog, 1, 0, 0));
    EXPECT(ct_backlog_wait_us(&backlog, SIZE_MAX) == 3600 * SECOND);
out:
    return result;
}

static enum ct_result test_measurements_are_weighed(void)
{
    enum ct_result result = CT_OK;
    struct ct_backlog backlog = {.max_wait_us = SECOND, .turn = 1, .workers = 1};

    ct_backlog_measured(&backlog, 1, 1000, 0);
    ct_backlog_measured(&backlog, 1, 9000, 0);
    EXPECT(ct_backlog_wait_us(&backlog, 1) == 2000);
    for (int i = 0; i < 200; i++)
        ct_backlog_measured(&backlog, 1, 100, 0);
    EXPECT(ct_backlog_wait_us(&backlog, 10) < 1010);
    /* a clock that went back */
    ct_backlog_measured(&backlog, 1, -5, -5);
    EXPECT(ct_backlog_wait_us(&backlog, 10) < 1010);
out:
    return result;
}

/* Work that does not come to an end has measured nothing: what waits for it tells. */
static enum ct_result test_a_stall(void)
{
    enum ct_result result = CT_OK;
    const struct ct_backlog backlog = {.max_wait_us = SECOND, .turn = 10, .workers = 1};

    EXPECT(!ct_backlog_is_full(&backlog, 1, 5 * SECOND, 6 * SECOND));
    EXPECT(ct_backlog_is_full(&backlog, 1, 5 * SECOND, 6 * SECOND + 1));
    EXPECT(!ct_backlog_is_late(&backlog, 5 * SECOND, 6 * SECOND));
    EXPECT(ct_backlog_is_late(&backlog, 5 * SECOND, 6 * SECOND + 1));
    const struct ct_backlog patient = {.turn = 10, .workers = 1};
    EXPECT(!ct_backlog_is_late(&patient, 0, 3600 * SECOND));
out:
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_nothing_known_refuses_nothing), CT_UNIT(test_expected_wait),
    CT_UNIT(test_what_was_begun_is_waited_for),  CT_UNIT(test_slow_work_is_still_done),
    CT_UNIT(test_measurements_are_weighed),      CT_UNIT(test_a_stall),
};

int main(void)
{
    return ct_unit_main("base_backlog", units, sizeof(units) / sizeof(units[0]));
}
