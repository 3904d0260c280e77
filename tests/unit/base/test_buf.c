#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "harness.h"

static enum ct_result test_appends(void)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    struct ct_buf buf = ct_buf_in(arena);
    ct_buf_text(&buf, "a");
    ct_buf_char(&buf, 'b');
    ct_buf_str(&buf, CT_STR("c\0d"));
    ct_buf_add(&buf, "efg", 2);
    ct_buf_add(&buf, NULL, 0);
    ct_buf_int(&buf, 0);
    ct_buf_int(&buf, INT64_MIN);
    ct_buf_int(&buf, INT64_MAX);
    ct_buf_printf(&buf, "%s=%d", "x", 5);
    struct ct_str done = ct_buf_done(&buf);
    TRY_MEMORY(buf.failed ? NULL : arena);
    EXPECT(ct_str_equal(done, CT_STR("abc\0d"
                                     "ef0-92233720368547758089223372036854775807x=5")));
    EXPECT(done.at[done.len] == '\0');
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_empty(void)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    struct ct_buf buf = ct_buf_in(arena);
    struct ct_str done = ct_buf_done(&buf);
    TRY_MEMORY(buf.failed ? NULL : arena);
    EXPECT(done.len == 0 && done.at[0] == '\0');
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_growth_keeps_the_text(void)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    struct ct_buf buf = ct_buf_in(arena);
    for (int i = 0; i < 20000; i++)
        ct_buf_char(&buf, (char)('a' + i % 26));
    ct_buf_printf(&buf, "%3000d", 7);
    struct ct_str done = ct_buf_done(&buf);
    TRY_MEMORY(buf.failed ? NULL : arena);
    EXPECT(done.len == 23000);
    for (size_t i = 0; i < 20000; i++)
        EXPECT(done.at[i] == (char)('a' + (int)(i % 26)));
    EXPECT(done.at[22999] == '7' && done.at[23000] == '\0');
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_a_size_that_no_memory_has(void)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    struct ct_buf buf = ct_buf_in(arena);
    ct_buf_char(&buf, 'a');
    ct_buf_add(&buf, "", SIZE_MAX);
    EXPECT(buf.failed);
    ct_buf_char(&buf, 'b');
    EXPECT(ct_buf_done(&buf).len == 0);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result json_is(struct ct_arena *arena, struct ct_str text, const char *expected)
{
    enum ct_result result = CT_OK;
    struct ct_buf buf = ct_buf_in(arena);
    ct_buf_json(&buf, text);
    struct ct_str done = ct_buf_done(&buf);
    TRY_MEMORY(buf.failed ? NULL : arena);
    EXPECT(ct_str_equal(done, ct_str_of(expected)));
out:
    return result;
}

static enum ct_result test_json_strings(void)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(json_is(arena, CT_STR(""), "\"\""));
    TRY(json_is(arena, CT_STR("plain text/"), "\"plain text/\""));
    TRY(json_is(arena, CT_STR("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\""));
    TRY(json_is(arena, CT_STR("a\0b\x1F"), "\"a\\u0000b\\u001f\""));
    TRY(json_is(arena, CT_STR("\xC3\xA4\xF0\x9F\x98\x80!"), "\"\xC3\xA4\xF0\x9F\x98\x80!\""));
    /* ill-formed: one U+FFFD for each byte that begins nothing */
    TRY(json_is(arena, CT_STR("\xFF"), "\"\xEF\xBF\xBD\""));
    TRY(json_is(arena, CT_STR("a\xC3z"), "\"a\xEF\xBF\xBDz\""));
    TRY(json_is(arena, CT_STR("\xC3"), "\"\xEF\xBF\xBD\""));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_times(void)
{
    static const struct {
        int64_t ms;
        const char *text;
    } times[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000, "1969-12-31T23:59:59.000Z"},
        {951827696789, "2000-02-29T12:34:56.789Z"},
        {1769860800000, "2026-01-31T12:00:00.000Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
    };
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct ct_buf buf = ct_buf_in(arena);
        ct_buf_time(&buf, times[i].ms);
        struct ct_str done = ct_buf_done(&buf);
        TRY_MEMORY(buf.failed ? NULL : arena);
        EXPECT(ct_str_equal(done, ct_str_of(times[i].text)));
    }
out:
    ct_arena_free(arena);
    return result;
}

/* Every byte at every place of the eight that are looked at together. */
static enum ct_result test_every_byte_in_json(void)
{
    enum ct_result result = CT_OK;
    for (unsigned c = 0; c < 256; c++) {
        for (size_t place = 0; place < 17; place++) {
            char text[] = "abcdefghijklmnopq";
            struct ct_arena *arena = ct_arena_new();
            TRY_MEMORY(arena);
            text[place] = (char)c;
            struct ct_buf buf = ct_buf_in(arena);
            ct_buf_json(&buf, (struct ct_str){text, 17});
            struct ct_str done = ct_buf_done(&buf);
            bool plain = c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
            bool as_it_is = done.len == 19 && memcmp(done.at + 1, text, 17) == 0;
            bool failed = buf.failed;
            bool longer = done.len > 19;
            ct_arena_free(arena);
            if (failed)
                return CT_NOMEM;
            EXPECT(plain == as_it_is);
            EXPECT(plain != longer);
        }
    }
out:
    return result;
}

/* Some thousand days against the C library, leap years and ends of centuries among them. */
static enum ct_result test_days(void)
{
    enum ct_result result = CT_OK;
    for (int64_t day = -719528; day < 2932896; day += 367) {
        char expected[48];
        struct tm tm;
        struct ct_arena *arena = ct_arena_new();
        TRY_MEMORY(arena);
        int64_t s = day * 86400 + (day & 0xFFFF) + 7;
        time_t time = (time_t)s;
        bool known = gmtime_r(&time, &tm) != NULL;
        (void)snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.999Z",
                       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                       tm.tm_sec);
        struct ct_buf buf = ct_buf_in(arena);
        ct_buf_time(&buf, s * 1000 + 999);
        struct ct_str done = ct_buf_done(&buf);
        bool failed = buf.failed;
        bool same = known && strcmp(done.at, expected) == 0;
        ct_arena_free(arena);
        if (failed)
            return CT_NOMEM;
        EXPECT(same);
    }
out:
    return result;
}

static enum ct_result test_members(void)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    struct ct_buf buf = ct_buf_in(arena);
    ct_buf_member(&buf, '{', "a");
    ct_buf_digits(&buf, 7, 3);
    ct_buf_member(&buf, ',', "");
    ct_buf_digits(&buf, -7, 3);
    ct_buf_digits(&buf, 12345, 3);
    struct ct_str done = ct_buf_done(&buf);
    if (buf.failed)
        result = CT_NOMEM;
    else
        EXPECT(strcmp(done.at, "{\"a\":007,\"\":-712345") == 0);
out:
    ct_arena_free(arena);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_appends),
    CT_UNIT(test_empty),
    CT_UNIT(test_growth_keeps_the_text),
    CT_UNIT(test_a_size_that_no_memory_has),
    CT_UNIT(test_json_strings),
    CT_UNIT(test_times),
    CT_UNIT(test_every_byte_in_json),
    CT_UNIT(test_days),
    CT_UNIT(test_members),
};

int main(void)
{
    return ct_unit_main("base_buf", units, sizeof(units) / sizeof(units[0]));
}
