#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistr.h>

struct ct_buf ct_buf_in(struct ct_arena *arena)
{
    return (struct ct_buf){.arena = arena};
}

/* Room for `more` bytes and a NUL. */
static bool reserve(struct ct_buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    size_t needed;
    if (__builtin_add_overflow(buf->len, more, &needed) || needed > SIZE_MAX / 4) {
        buf->failed = true;
        return false;
    }
    if (needed < buf->capacity)
        return true;
    size_t capacity = buf->capacity == 0 ? 256 : buf->capacity * 2;
    while (capacity <= needed)
        capacity *= 2;
    char *at = ct_arena_alloc(buf->arena, capacity);
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
    ct_buf_add(buf, &c, 1);
}

void ct_buf_int(struct ct_buf *buf, int64_t value)
{
    char digits[24];
    char *at = digits + sizeof(digits);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0)
        *--at = '-';
    ct_buf_add(buf, at, (size_t)(digits + sizeof(digits) - at));
}

void ct_buf_digits(struct ct_buf *buf, int64_t value, int width)
{
    int64_t limit = 1;
    for (int i = 1; i < width; i++)
        limit *= 10;
    for (; value >= 0 && value < limit && limit > 1; limit /= 10)
        ct_buf_char(buf, '0');
    ct_buf_int(buf, value);
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

/* How many bytes of `text` from `from` can stand in a JSON string as they are. */
static size_t plain_run(struct ct_str text, size_t from)
{
    size_t i = from;
    while (i < text.len) {
        unsigned char c = (unsigned char)text.at[i];
        if (c < 0x20 || c == '"' || c == '\\' || c >= 0x7F)
            break;
        i++;
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
    ct_buf_char(buf, '"');
    for (size_t i = 0; i < text.len;) {
        size_t run = plain_run(text, i);
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

void ct_buf_time(struct ct_buf *buf, int64_t unix_ms)
{
    int64_t ms = unix_ms % 1000;
    if (ms < 0)
        ms += 1000;
    time_t seconds = (time_t)((unix_ms - ms) / 1000);
    struct tm tm;
    if (gmtime_r(&seconds, &tm) == NULL) {
        buf->failed = true;
        return;
    }
    /* Written on every line of the log, so without a format to be interpreted. */
    ct_buf_digits(buf, tm.tm_year + 1900, 4);
    ct_buf_char(buf, '-');
    ct_buf_digits(buf, tm.tm_mon + 1, 2);
    ct_buf_char(buf, '-');
    ct_buf_digits(buf, tm.tm_mday, 2);
    ct_buf_char(buf, 'T');
    ct_buf_digits(buf, tm.tm_hour, 2);
    ct_buf_char(buf, ':');
    ct_buf_digits(buf, tm.tm_min, 2);
    ct_buf_char(buf, ':');
    ct_buf_digits(buf, tm.tm_sec, 2);
    ct_buf_char(buf, '.');
    ct_buf_digits(buf, ms, 3);
    ct_buf_char(buf, 'Z');
}

struct ct_str ct_buf_done(struct ct_buf *buf)
{
    if (!reserve(buf, 1))
        return (struct ct_str){"", 0};
    buf->at[buf->len] = '\0';
    return (struct ct_str){buf->at, buf->len};
}
