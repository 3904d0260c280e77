#include "numbers/filter.h"

#include "harness.h"

typedef enum ct_result normalizer(struct ct_arena *arena, struct ct_str in, struct ct_str *out);

/* NULL is what no text gives. */
static enum ct_result gives(normalizer *normalize, const char *in, const char *out, bool *same)
{
    struct ct_str text = {0};
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    enum ct_result result = normalize(arena, ct_str_of(in), &text);
    *same =
        out == NULL ? result == CT_INVALID : result == CT_OK && ct_str_equal(text, ct_str_of(out));
    ct_arena_free(arena);
    return result == CT_NOMEM ? CT_NOMEM : CT_OK;
}

#define EXPECT_GIVES(normalize, in, out)             \
    do {                                             \
        bool same;                                   \
        TRY(gives((normalize), (in), (out), &same)); \
        EXPECT(same);                                \
    } while (0)

static enum ct_result test_normalizing(void)
{
    enum ct_result result = CT_OK;
    static const char *const no_country[] = {"", "D", "DEU", "d1", "D ", "\303\204"};
    static const char *const no_prefix[] = {
        "", "+", " ", "++49", "49 30", "4a", "1234567890123456"};
    static const char *const no_digits[] = {"", "*", "***", "12x", "+12", "1234567890123456"};
    EXPECT_GIVES(ct_country_normalize, "DE", "DE");
    EXPECT_GIVES(ct_country_normalize, "gB", "GB");
    EXPECT_GIVES(ct_prefix_normalize, "+49", "49");
    EXPECT_GIVES(ct_prefix_normalize, " 49", "49");
    EXPECT_GIVES(ct_prefix_normalize, "4", "4");
    EXPECT_GIVES(ct_prefix_normalize, "+123456789012345", "123456789012345");
    EXPECT_GIVES(ct_contains_normalize, "1*2", "1*2");
    EXPECT_GIVES(ct_contains_normalize, "**0", "**0");
    EXPECT_GIVES(ct_contains_normalize, "777", "777");
    for (size_t i = 0; i < sizeof(no_country) / sizeof(no_country[0]); i++)
        EXPECT_GIVES(ct_country_normalize, no_country[i], NULL);
    for (size_t i = 0; i < sizeof(no_prefix) / sizeof(no_prefix[0]); i++)
        EXPECT_GIVES(ct_prefix_normalize, no_prefix[i], NULL);
    for (size_t i = 0; i < sizeof(no_digits) / sizeof(no_digits[0]); i++)
        EXPECT_GIVES(ct_contains_normalize, no_digits[i], NULL);
out:
    return result;
}

static enum ct_result test_fitting(void)
{
    enum ct_result result = CT_OK;
    struct ct_str number = CT_STR("+4930123");
    EXPECT(ct_number_has_prefix(number, CT_STR("")) && ct_number_contains(number, CT_STR("")));
    EXPECT(ct_number_has_prefix(number, CT_STR("4")));
    EXPECT(ct_number_has_prefix(number, CT_STR("4930123")));
    EXPECT(!ct_number_has_prefix(number, CT_STR("49301230")));
    EXPECT(!ct_number_has_prefix(number, CT_STR("30")));
    EXPECT(ct_number_contains(number, CT_STR("4930123")));
    EXPECT(ct_number_contains(number, CT_STR("30")) && ct_number_contains(number, CT_STR("3")));
    EXPECT(ct_number_contains(number, CT_STR("3*1")) && ct_number_contains(number, CT_STR("**3")));
    EXPECT(ct_number_contains(number, CT_STR("1*3")) && ct_number_contains(number, CT_STR("2*")));
    EXPECT(!ct_number_contains(number, CT_STR("3*")) || ct_number_contains(number, CT_STR("30")));
    EXPECT(!ct_number_contains(number, CT_STR("23*")) && !ct_number_contains(number, CT_STR("*4")));
    EXPECT(!ct_number_contains(number, CT_STR("31")));
    EXPECT(!ct_number_contains(number, CT_STR("4930123*")));
    /* a text that an earlier service kept */
    EXPECT(!ct_number_has_prefix(CT_STR(""), CT_STR("4")) &&
           !ct_number_contains(CT_STR(""), CT_STR("4")));
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_normalizing), CT_UNIT(test_fitting)};
    return ct_unit_main("numbers/filter", units, sizeof(units) / sizeof(units[0]));
}
