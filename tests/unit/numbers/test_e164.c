#include "numbers/e164.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct example {
    const char *written;
    const char *plain; /* NULL: not a number */
};

static enum ct_result check(const struct example *examples, size_t count)
{
    enum ct_result result = CT_OK;
    char *copy = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < count; i++) {
        /* Behind the last byte there is nothing, so that the sanitizer build sees a read too far. */
        struct ct_str in = ct_str_of(examples[i].written);
        free(copy);
        copy = malloc(in.len + 1);
        TRY_MEMORY(copy);
        in.at = memcpy(copy + 1, in.at, in.len);
        struct ct_str out = {0};
        result = ct_e164_normalize(arena, in, &out);
        if (result == CT_NOMEM)
            goto out;
        bool right = examples[i].plain == NULL
                         ? result == CT_INVALID
                         : result == CT_OK && ct_str_equal(out, ct_str_of(examples[i].plain));
        if (!right) {
            ct_unit_report(examples[i].written, __FILE__, __LINE__);
            result = CT_BUG;
            goto out;
        }
        result = CT_OK;
    }
out:
    free(copy);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_plain_numbers(void)
{
    static const struct example examples[] = {
        {"+1234567890", "+1234567890"},
        {"+12", "+12"},
        {"+999999999999999", "+999999999999999"},
    };
    return check(examples, COUNT(examples));
}

static enum ct_result test_separators_are_dropped(void)
{
    static const struct example examples[] = {
        {"+1 (234) 567-8999", "+12345678999"},
        {"+44 20.7946.0958", "+442079460958"},
        {"  +33-1-23-45-67-89  ", "+33123456789"},
        {"(+1) 234 567 8999", "+12345678999"},
        {"+((4))4 207 946 0958)", "+442079460958"},
        {"+1\xC2\xA0"
         "234\xC2\xA0"
         "567",
         "+1234567"},
        {"+33\xE2\x80\xAF"
         "1\xE2\x80\xAF"
         "23",
         "+33123"},
        {"+1\xE2\x80\x90"
         "2\xE2\x80\x91"
         "3\xE2\x80\x92"
         "4\xE2\x80\x93"
         "5",
         "+12345"},
    };
    return check(examples, COUNT(examples));
}

static enum ct_result test_two_zeros_in_front_are_a_plus(void)
{
    static const struct example examples[] = {
        {"0012", "+12"},
        {"00 49 (30) 123456", "+4930123456"},
        {"0 0 49 30", "+4930"},
        {" (00)4930", "+4930"},
        {"00999999999999999", "+999999999999999"},
        {"009999999999999999", NULL},
        {"000123", NULL},
        {"+0012", NULL},
        {"00+12", NULL},
        {"001", NULL},
        {"00", NULL},
        {"0", NULL},
        {"012345", NULL},
        {"01112345678", NULL}, /* the prefix of North America is not read */
    };
    return check(examples, COUNT(examples));
}

static enum ct_result test_what_is_no_number(void)
{
    static const struct example examples[] = {
        {"", NULL},
        {" ", NULL},
        {"+", NULL},
        {"+1", NULL},
        {"+0", NULL},
        {"+01234", NULL},
        {"1234567890", NULL},
        {"+1234567890123456", NULL},
        {"++123", NULL},
        {"+1+23", NULL},
        {"123+", NULL},
        {"+ + 123", NULL},
        {"+12a", NULL},
        {"+1\t23", NULL},
        {"+123\n", NULL},
        {"+1/23", NULL},
        {"+1,23", NULL},
        {"+1_23", NULL},
        {"tel:+123", NULL},
        {"+123;ext=4", NULL},
        {"-", NULL},
        {"()", NULL},
        {"+12\xC2", NULL},
        {"+12\xC2\xA1", NULL},
        {"+12\xE2\x80", NULL},
        {"+12\xE2\x80\x8F", NULL},
        {"+12\xE2\x80\x94", NULL}, /* em dash: punctuation of sentences */
        {"+12\xE2\x81\x90", NULL},
        {"+\xEF\xBC\x91\xEF\xBC\x92", NULL}, /* full-width digits */
        {"+\xD9\xA1\xD9\xA2", NULL},         /* Arabic-Indic digits */
        {"\xEF\xBC\x8B"
         "123",
         NULL}, /* full-width plus */
    };
    return check(examples, COUNT(examples));
}

static enum ct_result test_nul_bytes_are_refused(void)
{
    enum ct_result result = CT_OK;
    struct ct_str out = {0};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    EXPECT_RESULT(CT_INVALID, ct_e164_normalize(arena, CT_STR("+123\0"), &out));
    EXPECT_RESULT(CT_INVALID, ct_e164_normalize(arena, CT_STR("\0+123"), &out));
    EXPECT_RESULT(CT_INVALID, ct_e164_normalize(arena,
                                                CT_STR("+1\0"
                                                       "23"),
                                                &out));
    EXPECT_RESULT(CT_INVALID, ct_e164_normalize(arena, (struct ct_str){NULL, 0}, &out));
out:
    ct_arena_free(arena);
    return result;
}

/* Every byte is looked at once, whatever the text is made of. The text lies in a block of just its
 * size, so that the sanitizer build sees a read behind it. */
static enum ct_result test_long_texts(void)
{
    static const char *const pieces[] = {"1",  " ", "\xC2\xA0", "\xE2\x80\x93",
                                         "00", "+", "\xE2\x80"};
    enum { SIZE = 60000 };
    enum ct_result result = CT_OK;
    char *text = NULL;
    struct ct_str out = {0};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    text = malloc(SIZE);
    TRY_MEMORY(text);
    for (size_t p = 0; p < COUNT(pieces); p++) {
        size_t size = strlen(pieces[p]);
        for (size_t i = 0; i < SIZE; i++)
            text[i] = pieces[p][i % size];
        EXPECT_RESULT(CT_INVALID, ct_e164_normalize(arena, (struct ct_str){text, SIZE}, &out));
    }
    memset(text, ' ', SIZE);
    memcpy(text, "+1", 2);
    memcpy(text + SIZE - 2, "23", 2);
    TRY(ct_e164_normalize(arena, (struct ct_str){text, SIZE}, &out));
    EXPECT(ct_str_equal(out, CT_STR("+123")));
out:
    free(text);
    ct_arena_free(arena);
    return result;
}

/* What comes out fits the pattern that the documentation shows, and normalizing it changes nothing. */
static enum ct_result test_the_plain_form_stays(void)
{
    static const char *const written[] = {"+12", "00 49 30 123456", "+999 999 999 999 999"};
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    for (size_t i = 0; i < COUNT(written); i++) {
        struct ct_str once = {0};
        struct ct_str twice = {0};
        TRY(ct_e164_normalize(arena, ct_str_of(written[i]), &once));
        TRY(ct_e164_normalize(arena, once, &twice));
        EXPECT(ct_str_equal(once, twice));
        EXPECT(once.at[once.len] == '\0');
        EXPECT(once.at[0] == '+' && once.at[1] >= '1' && once.at[1] <= '9');
        EXPECT(once.len >= 3 && once.len <= 16);
        EXPECT(strspn(once.at + 1, "0123456789") == once.len - 1);
    }
out:
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_plain_numbers),
        CT_UNIT(test_separators_are_dropped),
        CT_UNIT(test_two_zeros_in_front_are_a_plus),
        CT_UNIT(test_what_is_no_number),
        CT_UNIT(test_nul_bytes_are_refused),
        CT_UNIT(test_long_texts),
        CT_UNIT(test_the_plain_form_stays),
    };
    return ct_unit_main("numbers/e164", units, COUNT(units));
}
