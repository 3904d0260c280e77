#include "http/time_text.h"

#include <string.h>

#include "harness.h"

static enum ct_result test_times(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.001Z", 1},
        {"1970-01-01t01:00:00+01:00", 0},
        {"1969-12-31T23:00:00-01:00", 0},
        {"2026-01-31T12:00:00.123Z", INT64_C(1769860800123)},
        {"2026-01-31 12:00:00.1239999999999z", INT64_C(1769860800123)},
        {"2026-01-31T12:00:00.1Z", INT64_C(1769860800100)},
        {"2026-12-01T00:00:00Z", INT64_C(1796083200000)},
        {"2000-02-29T00:00:00Z", INT64_C(951782400000)},
        {"2024-02-29T23:59:59+23:59", INT64_C(1709164859000)},
        {"2100-03-01T00:00:00Z", INT64_C(4107542400000)},
        {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
    };
    enum ct_result result = CT_OK;
    struct ct_time_fault fault;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = -1;
        EXPECT(ct_time_parse(ct_str_of(cases[i].text), &ms, &fault));
        EXPECT(ms == cases[i].ms);
    }
out:
    return result;
}

/* Every day from 1970 on follows the one before. */
static enum ct_result test_the_calendar(void)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    for (int64_t day = 0; day < 2932897; day += 97) {
        struct ct_buf text = ct_buf_in(arena);
        struct ct_time_fault fault;
        int64_t ms = -1;
        ct_buf_time(&text, day * 86400000 + day % 86400000);
        struct ct_str written = ct_buf_done(&text);
        TRY(text.failed ? CT_NOMEM : CT_OK);
        EXPECT(ct_time_parse(written, &ms, &fault));
        EXPECT(ms == day * 86400000 + day % 86400000);
    }
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_what_is_no_time(void)
{
#define DATE "datetime_from_date_parsing"
#define TIME "datetime_parsing"
    static const struct {
        const char *text;
        const char *type;
        const char *why;
    } cases[] = {
        {"", DATE, "input is too short"},
        {"tomorrow", DATE, "input is too short"},
        {"1796083200", DATE, "invalid date separator, expected `-`"},
        {"x026-12-01T00:00:00Z", DATE, "invalid character in year"},
        {"2026/12/01T00:00:00Z", DATE, "invalid date separator, expected `-`"},
        {"2026-1-01T00:00:00Z", DATE, "invalid character in month"},
        {"2026-00-01T00:00:00Z", DATE, "month value is outside expected range of 1-12"},
        {"2026-13-01T00:00:00Z", DATE, "month value is outside expected range of 1-12"},
        {"2026-12:01T00:00:00Z", DATE, "invalid date separator, expected `-`"},
        {"2026-12-1T00:00:00Z", DATE, "invalid character in day"},
        {"2026-12-00T00:00:00Z", DATE, "day value is outside expected range"},
        {"2026-04-31T00:00:00Z", DATE, "day value is outside expected range"},
        {"2026-02-29T00:00:00Z", DATE, "day value is outside expected range"},
        {"2100-02-29T00:00:00Z", DATE, "day value is outside expected range"},
        {"2026-12-01", TIME, "invalid datetime separator, expected `T`, `t` or space"},
        {"2026-12-01X00:00:00Z", TIME, "invalid datetime separator, expected `T`, `t` or space"},
        {"2026-12-01T", TIME, "invalid character in hour"},
        {"2026-12-01T24:00:00Z", TIME, "hour value is outside expected range of 0-23"},
        {"2026-12-01T00-00:00Z", TIME, "invalid time separator, expected `:`"},
        {"2026-12-01T00:0:00Z", TIME, "invalid character in minute"},
        {"2026-12-01T00:60:00Z", TIME, "minute value is outside expected range of 0-59"},
        {"2026-12-01T00:00Z", TIME, "invalid time separator, expected `:`"},
        {"2026-12-01T00:00:-1Z", TIME, "invalid character in second"},
        {"2026-12-01T00:00:60Z", TIME, "second value is outside expected range of 0-59"},
        {"2026-12-01T00:00:00.Z", TIME, "second fraction is missing"},
        {"2026-12-01T00:00:00", "timezone_aware", ""},
        {"2026-12-01T00:00:00*01:00", TIME, "invalid timezone sign"},
        {"2026-12-01T00:00:00+0100", TIME, "invalid timezone offset, expected hours and minutes"},
        {"2026-12-01T00:00:00+01", TIME, "invalid timezone offset, expected hours and minutes"},
        {"2026-12-01T00:00:00+24:00", TIME, "timezone offset must be less than 24 hours"},
        {"2026-12-01T00:00:00+00:60", TIME, "timezone offset must be less than 24 hours"},
        {"2026-12-01T00:00:00Zulu", TIME, "unexpected extra characters at the end of the input"},
        {"1969-12-31T23:59:59Z", TIME, "year is outside expected range of 1970-9999"},
        {"1970-01-01T00:00:00+00:01", TIME, "year is outside expected range of 1970-9999"},
        {"0000-01-01T00:00:00Z", TIME, "year is outside expected range of 1970-9999"},
        {"9999-12-31T23:59:00-00:01", TIME, "year is outside expected range of 1970-9999"},
    };
    enum ct_result result = CT_OK;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ct_time_fault fault;
        int64_t ms = 4711;
        EXPECT(!ct_time_parse(ct_str_of(cases[i].text), &ms, &fault));
        EXPECT(strcmp(fault.type, cases[i].type) == 0 && strcmp(fault.why, cases[i].why) == 0);
        EXPECT(fault.before[0] != '\0' && ms == 4711);
    }
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_times),
        CT_UNIT(test_the_calendar),
        CT_UNIT(test_what_is_no_time),
    };
    return ct_unit_main("http/time_text", units, sizeof(units) / sizeof(units[0]));
}
