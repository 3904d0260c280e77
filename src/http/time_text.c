#include "http/time_text.h"

#include <stddef.h>

/** What is left of a text. */
struct reader {
    const char *at;
    const char *end;
};

struct date {
    int year, month, day;
};

/* pydantic takes a text without a time of day for a date, and says so of all that begins wrongly. */
static bool no_date(struct ct_time_fault *fault, const char *why)
{
    *fault = (struct ct_time_fault){"datetime_from_date_parsing",
                                    "Input should be a valid datetime or date, ", why};
    return false;
}

static bool no_time(struct ct_time_fault *fault, const char *why)
{
    *fault = (struct ct_time_fault){"datetime_parsing", "Input should be a valid datetime, ", why};
    return false;
}

/* Just @p count digits, or -1. */
static int take_number(struct reader *in, int count)
{
    int number = 0;
    if (in->end - in->at < count)
        return -1;
    for (int i = 0; i < count; i++) {
        char c = in->at[i];
        if (c < '0' || c > '9')
            return -1;
        number = number * 10 + (c - '0');
    }
    in->at += count;
    return number;
}

static bool take(struct reader *in, char c)
{
    if (in->at == in->end || *in->at != c)
        return false;
    in->at++;
    return true;
}

static int days_of(int year, int month)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return DAYS[month - 1] + (month == 2 && leap);
}

static bool take_date(struct reader *in, struct date *out, struct ct_time_fault *fault)
{
    if (in->end - in->at < 10)
        return no_date(fault, "input is too short");
    out->year = take_number(in, 4);
    if (out->year < 0)
        return no_date(fault, "invalid character in year");
    if (!take(in, '-'))
        return no_date(fault, "invalid date separator, expected `-`");
    out->month = take_number(in, 2);
    if (out->month < 0)
        return no_date(fault, "invalid character in month");
    if (out->month < 1 || out->month > 12)
        return no_date(fault, "month value is outside expected range of 1-12");
    if (!take(in, '-'))
        return no_date(fault, "invalid date separator, expected `-`");
    out->day = take_number(in, 2);
    if (out->day < 0)
        return no_date(fault, "invalid character in day");
    if (out->day < 1 || out->day > days_of(out->year, out->month))
        return no_date(fault, "day value is outside expected range");
    return true;
}

/* A time of day in milliseconds. */
static bool take_clock(struct reader *in, int64_t *out, struct ct_time_fault *fault)
{
    int hour = take_number(in, 2);
    if (hour < 0)
        return no_time(fault, "invalid character in hour");
    if (hour > 23)
        return no_time(fault, "hour value is outside expected range of 0-23");
    if (!take(in, ':'))
        return no_time(fault, "invalid time separator, expected `:`");
    int minute = take_number(in, 2);
    if (minute < 0)
        return no_time(fault, "invalid character in minute");
    if (minute > 59)
        return no_time(fault, "minute value is outside expected range of 0-59");
    if (!take(in, ':'))
        return no_time(fault, "invalid time separator, expected `:`");
    int second = take_number(in, 2);
    if (second < 0)
        return no_time(fault, "invalid character in second");
    if (second > 59)
        return no_time(fault, "second value is outside expected range of 0-59");
    int64_t ms = 0;
    if (take(in, '.')) {
        int digit = take_number(in, 1);
        if (digit < 0)
            return no_time(fault, "second fraction is missing");
        for (int scale = 100; digit >= 0; scale /= 10, digit = take_number(in, 1))
            ms += (int64_t)digit * scale;
    }
    *out = ((int64_t)hour * 3600 + minute * 60 + second) * 1000 + ms;
    return true;
}

/* An offset from UTC in minutes. */
static bool take_offset(struct reader *in, int *out, struct ct_time_fault *fault)
{
    *out = 0;
    if (take(in, 'Z') || take(in, 'z'))
        return true;
    if (in->at == in->end) {
        *fault = (struct ct_time_fault){"timezone_aware", "Input should have timezone info", ""};
        return false;
    }
    bool behind = *in->at == '-';
    if (!take(in, '+') && !take(in, '-'))
        return no_time(fault, "invalid timezone sign");
    int hours = take_number(in, 2);
    bool separated = hours >= 0 && take(in, ':');
    int minutes = separated ? take_number(in, 2) : -1;
    if (minutes < 0)
        return no_time(fault, "invalid timezone offset, expected hours and minutes");
    if (hours > 23 || minutes > 59)
        return no_time(fault, "timezone offset must be less than 24 hours");
    *out = hours * 60 + minutes;
    if (behind)
        *out = -*out;
    return true;
}

/* Days since 1970-01-01 in the Gregorian calendar. */
static int64_t days_since_1970(const struct date *date)
{
    /* Years that begin in March, so that the leap day is a year's last. */
    int64_t year = date->year - (date->month <= 2);
    int64_t month = (date->month + 9) % 12;
    return year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + date->day - 1 -
           719468;
}

bool ct_time_parse(struct ct_str text, int64_t *out_ms, struct ct_time_fault *fault)
{
    static const int64_t DAY_MS = INT64_C(86400000);
    static const int64_t END_MS = INT64_C(253402300800000); /* the year 10000 */
    struct reader in = {text.at, text.at + text.len};
    struct date date;
    int64_t clock_ms;
    int offset;
    if (!take_date(&in, &date, fault))
        return false;
    if (!take(&in, 'T') && !take(&in, 't') && !take(&in, ' '))
        return no_time(fault, "invalid datetime separator, expected `T`, `t` or space");
    if (!take_clock(&in, &clock_ms, fault) || !take_offset(&in, &offset, fault))
        return false;
    if (in.at != in.end)
        return no_time(fault, "unexpected extra characters at the end of the input");
    int64_t ms = days_since_1970(&date) * DAY_MS + clock_ms - (int64_t)offset * 60000;
    if (ms < 0 || ms >= END_MS)
        return no_time(fault, "year is outside expected range of 1970-9999");
    *out_ms = ms;
    return true;
}
