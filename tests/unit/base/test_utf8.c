#include "base/text.h"
#include "harness.h"

static enum ct_result test_well_formed(void)
{
    enum ct_result result = CT_OK;

    EXPECT(ct_utf8_valid(CT_STR("")));
    EXPECT(ct_utf8_valid((struct ct_str){NULL, 0}));
    EXPECT(ct_utf8_valid(CT_STR("plain")));
    EXPECT(ct_utf8_valid(CT_STR("a\0b")));
    EXPECT(ct_utf8_valid(CT_STR("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80")));
    EXPECT(ct_utf8_valid(CT_STR("\xF4\x8F\xBF\xBF"))); /* U+10FFFF */
out:
    return result;
}

static enum ct_result test_ill_formed(void)
{
    /* RFC 3629 sections 3 and 4 */
    static const char *const wrong[] = {
        "\x80",             /* a continuation byte alone */
        "\xC3",             /* cut off */
        "\xE2\x82",         /* cut off */
        "\xC0\xAF",         /* overlong */
        "\xE0\x80\xAF",     /* overlong */
        "\xF0\x80\x80\xAF", /* overlong */
        "\xED\xA0\x80",     /* a surrogate */
        "\xF4\x90\x80\x80", /* above U+10FFFF */
        "\xFF",
        "\xFE",
        "a\xC3z",
    };
    enum ct_result result = CT_OK;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        EXPECT(!ct_utf8_valid(ct_str_of(wrong[i])));
out:
    return result;
}

static enum ct_result test_length_in_code_points(void)
{
    enum ct_result result = CT_OK;

    EXPECT(ct_utf8_length(CT_STR("")) == 0);
    EXPECT(ct_utf8_length(CT_STR("abc")) == 3);
    EXPECT(ct_utf8_length(CT_STR("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80")) == 3);
out:
    return result;
}

static enum ct_result test_control_characters(void)
{
    enum ct_result result = CT_OK;

    EXPECT(!ct_utf8_has_control(CT_STR("")));
    EXPECT(!ct_utf8_has_control(CT_STR("a b~")));
    EXPECT(!ct_utf8_has_control(CT_STR("\xC2\xA0\xC3\x80"))); /* U+00A0, U+00C0 */
    EXPECT(ct_utf8_has_control(CT_STR("a\0b")));
    EXPECT(ct_utf8_has_control(CT_STR("a\n")));
    EXPECT(ct_utf8_has_control(CT_STR("\x1F")));
    EXPECT(ct_utf8_has_control(CT_STR("\x7F")));
    EXPECT(ct_utf8_has_control(CT_STR("\xC2\x80"))); /* U+0080 */
    EXPECT(ct_utf8_has_control(CT_STR("\xC2\x9F"))); /* U+009F */
out:
    return result;
}

static enum ct_result test_names_that_are_one(void)
{
    /* Each row is one name to a reader. */
    static const char *const rows[][2] = {
        {"Alice", "aLICE"},
        {"\xC3\x84PFEL", "\xC3\xA4pfel"},  /* Ä */
        {"a\xCC\x88pfel", "\xC3\xA4pfel"}, /* a + combining diaeresis */
        {"stra\xC3\x9F"
         "e",
         "STRASSE"},                              /* ß */
        {"\xEF\xBC\xA1lice", "alice"},            /* a fullwidth A */
        {"\xEF\xAC\x81n", "fin"},                 /* the ligature fi */
        {"\xCE\xA3\xCE\xAF", "\xCF\x82\xCE\xAF"}, /* capital and final sigma */
        {"\xE2\x84\xAA", "k"},                    /* the Kelvin sign */
    };
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ct_str a;
        struct ct_str b;
        struct ct_str again;
        TRY(ct_utf8_casefold(arena, ct_str_of(rows[i][0]), &a));
        TRY(ct_utf8_casefold(arena, ct_str_of(rows[i][1]), &b));
        EXPECT(ct_str_equal(a, b));
        TRY(ct_utf8_casefold(arena, a, &again));
        EXPECT(ct_str_equal(again, a));
    }
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_names_that_are_two(void)
{
    enum ct_result result = CT_OK;
    struct ct_str a;
    struct ct_str b;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(ct_utf8_casefold(arena, CT_STR("alice"), &a));
    TRY(ct_utf8_casefold(arena,
                         CT_STR("al\xC3\xAD"
                                "ce"),
                         &b));
    EXPECT(!ct_str_equal(a, b));
    TRY(ct_utf8_casefold(arena, CT_STR(""), &a));
    EXPECT(a.len == 0);
    EXPECT_RESULT(CT_INVALID, ct_utf8_casefold(arena, CT_STR("\xC3"), &a));
out:
    ct_arena_free(arena);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_well_formed),           CT_UNIT(test_ill_formed),
    CT_UNIT(test_length_in_code_points), CT_UNIT(test_control_characters),
    CT_UNIT(test_names_that_are_one),    CT_UNIT(test_names_that_are_two),
};

int main(void)
{
    return ct_unit_main("base_utf8", units, sizeof(units) / sizeof(units[0]));
}
