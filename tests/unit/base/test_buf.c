#include <string.h>

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

static const struct ct_unit units[] = {
    CT_UNIT(test_appends),
    CT_UNIT(test_empty),
    CT_UNIT(test_growth_keeps_the_text),
    CT_UNIT(test_a_size_that_no_memory_has),
    CT_UNIT(test_json_strings),
    CT_UNIT(test_times),
};

int main(void)
{
    return ct_unit_main("base_buf", units, sizeof(units) / sizeof(units[0]));
}
