#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <unistr.h>

#define MS_A_DAY INT64_C(86400000)

struct ct_buf ct_buf_in(struct ct_arena *arena)
{
    return (struct ct_buf){.arena = arena};
}

/* Makes it larger. */
static bool grow(struct ct_buf *buf, size_t more)
{
    size_t needed;
    if (__builtin_add_overflow(buf->len, more, &needed) || needed > SIZE_MAX / 4) {
        buf->failed = true;
        return false;
    }
    size_t capacity = buf->capacity == 0 ? 256 : buf->capacity * 2;
    while (capacity <= needed)
        capacity *= 2;
    char *at = ct_arena_room(buf->arena, capacity);
    if (at == NULL) {
        buf->failed = true;
        return false;
    }
    if (buf->len > 0)
        memcpy(at, buf->at, buf->len);
    buf->at = at;
    buf->capacity = capacity;
    return true;
}

/* Room for `more` bytes and a NUL. */
static inline bool reserve(struct ct_buf *buf, size_t more)
{
    return !buf->failed && (more < buf->capacity - buf->len || grow(buf, more));
}

void ct_buf_add(struct ct_buf *buf, const void *data, size_t size)
{
    if (size == 0 || !reserve(buf, size))
        return;
    memcpy(buf->at + buf->len, data, size);
    buf->len += size;
}

void ct_buf_str(struct ct_buf *buf, struct ct_str text)
{
    ct_buf_add(buf, text.at, text.len);
}

void ct_buf_text(struct ct_buf *buf, const char *text)
{
    ct_buf_add(buf, text, strlen(text));
}

void ct_buf_char(struct ct_buf *buf, char c)
{
    if (reserve(buf, 1))
        buf->at[buf->len++] = c;
}

/* The digits of a number, at most 20, before @p end; answers where they begin. */
static char *write_digits(uint64_t value, char *end)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return end;
}

void ct_buf_int(struct ct_buf *buf, int64_t value)
{
    char digits[24];
    char *end = digits + sizeof(digits);
    char *at = write_digits(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, end);
    if (value < 0)
        *--at = '-';
    ct_buf_add(buf, at, (size_t)(end - at));
}

void ct_buf_digits(struct ct_buf *buf, int64_t value, int width)
{
    char digits[24];
    char *end = digits + sizeof(digits);
    if (value < 0) {
        ct_buf_int(buf, value);
        return;
    }
    char *at = write_digits((uint64_t)value, end);
    while (end - at < width)
        *--at = '0';
    ct_buf_add(buf, at, (size_t)(end - at));
}

void ct_buf_vprintf(struct ct_buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (size < 0) {
        buf->failed = true;
        return;
    }
    if (!reserve(buf, (size_t)size + 1))
        return;
    (void)vsnprintf(buf->at + buf->len, (size_t)size + 1, format, args);
    buf->len += (size_t)size;
}

void ct_buf_printf(struct ct_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ct_buf_vprintf(buf, format, args);
    va_end(args);
}

#define EIGHT(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Whether any of eight bytes cannot stand in a JSON string as it is: below 0x20, over 0x7E, '"' or '\\'.
 * (A byte of x is zero when it is the first to borrow in x - 0x01…01. A false alarm behind a true one does
 * no harm: the bytes are then looked at one by one.) */
static bool has_special(uint64_t x)
{
    uint64_t quote = x ^ EIGHT('"');
    uint64_t backslash = x ^ EIGHT('\\');
    uint64_t alarm =
        x | (x + EIGHT(1)) | (x - EIGHT(0x20)) | (quote - EIGHT(1)) | (backslash - EIGHT(1));
    return (alarm & EIGHT(0x80)) != 0;
}

/* How many bytes of `text` from `from` can stand in a JSON string as they are. */
static size_t plain_run(struct ct_str text, size_t from)
{
    size_t i = from;
    for (; text.len - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
        uint64_t x;
        memcpy(&x, text.at + i, sizeof(x));
        if (has_special(x))
            break;
    }
    for (; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c < 0x20 || c == '"' || c == '\\' || c >= 0x7F)
            break;
    }
    return i - from;
}

static void add_escaped(struct ct_buf *buf, unsigned char c)
{
    static const char SHORT[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i + 1 < sizeof(SHORT); i += 2) {
        if ((unsigned char)SHORT[i] == c) {
            ct_buf_char(buf, '\\');
            ct_buf_char(buf, SHORT[i + 1]);
            return;
        }
    }
    ct_buf_printf(buf, "\\u%04x", c);
}

void ct_buf_json(struct ct_buf *buf, struct ct_str text)
{
    size_t run = plain_run(text, 0);
    if (run == text.len && reserve(buf, run + 2)) {
        char *at = buf->at + buf->len;
        *at++ = '"';
        if (run > 0)
            memcpy(at, text.at, run);
        at[run] = '"';
        buf->len += run + 2;
        return;
    }
    ct_buf_char(buf, '"');
    for (size_t i = 0; i < text.len;) {
        run = plain_run(text, i);
        if (run > 0) {
            ct_buf_add(buf, text.at + i, run);
            i += run;
            continue;
        }
        unsigned char c = (unsigned char)text.at[i];
        if (c < 0x80) {
            add_escaped(buf, c);
            i++;
            continue;
        }
        ucs4_t point;
        int size = u8_mbtoucr(&point, (const uint8_t *)text.at + i, text.len - i);
        if (size > 0) {
            ct_buf_add(buf, text.at + i, (size_t)size);
            i += (size_t)size;
        } else {
            ct_buf_text(buf, "\xEF\xBF\xBD");
            i++;
        }
    }
    ct_buf_char(buf, '"');
}

void ct_buf_member(struct ct_buf *buf, char before, const char *name)
{
    size_t size = strlen(name);
    if (!reserve(buf, size + 4))
        return;
    char *at = buf->at + buf->len;
    *at++ = before;
    *at++ = '"';
    memcpy(at, name, size);
    at += size;
    *at++ = '"';
    *at = ':';
    buf->len += size + 4;
}

/* Years, months and days of the proleptic Gregorian calendar by their distance from 1 March of the year 0,
 * in eras of 400 years. */
static void add_date(struct ct_buf *buf, int64_t days_since_1970)
{
    int64_t days = days_since_1970 + 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
    int64_t day = day_of_year - (153 * month + 2) / 5 + 1;
    ct_buf_digits(buf, year_of_era + era * 400 + (month >= 10 ? 1 : 0), 4);
    ct_buf_char(buf, '-');
    ct_buf_digits(buf, month < 10 ? month + 3 : month - 9, 2);
    ct_buf_char(buf, '-');
    ct_buf_digits(buf, day, 2);
}

void ct_buf_time(struct ct_buf *buf, int64_t unix_ms)
{
    int64_t ms = unix_ms % MS_A_DAY;
    if (ms < 0)
        ms += MS_A_DAY;
    /* Written on every line of the log, so without a format to be interpreted. */
    add_date(buf, (unix_ms - ms) / MS_A_DAY);
    ct_buf_char(buf, 'T');
    ct_buf_digits(buf, ms / 3600000, 2);
    ct_buf_char(buf, ':');
    ct_buf_digits(buf, ms / 60000 % 60, 2);
    ct_buf_char(buf, ':');
    ct_buf_digits(buf, ms / 1000 % 60, 2);
    ct_buf_char(buf, '.');
    ct_buf_digits(buf, ms % 1000, 3);
    ct_buf_char(buf, 'Z');
}

struct ct_str ct_buf_done(struct ct_buf *buf)
{
    if (!reserve(buf, 1))
        return (struct ct_str){"", 0};
    buf->at[buf->len] = '\0';
    return (struct ct_str){buf->at, buf->len};
}
