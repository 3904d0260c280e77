/* The rules of the .env syntax. */
#include <string.h>

#include "config/dotenv.h"
#include "harness.h"

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* A text of one assignment, to the name A. */
struct value_case {
    const char *text;
    const char *value;
};

static enum ct_result values_are(const struct value_case *cases, size_t count)
{
    enum ct_result result = CT_OK;
    struct ct_dotenv dotenv;
    struct ct_dotenv_entry entry;
    const char *why;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < count; i++) {
        dotenv = ct_dotenv_read(arena, ct_str_of(cases[i].text));
        EXPECT_RESULT(CT_ROW, ct_dotenv_next(&dotenv, &entry, &why));
        EXPECT(ct_str_equal(entry.name, CT_STR("A")));
        EXPECT(same(entry.value, cases[i].value));
        TRY(ct_dotenv_next(&dotenv, &entry, &why));
    }
out:
    ct_arena_free(arena);
    return result;
}

/* A text of which line `line` is broken. */
struct broken_case {
    struct ct_str text;
    size_t line;
    const char *why;
};

static enum ct_result lines_are_broken(const struct broken_case *cases, size_t count)
{
    enum ct_result result = CT_OK;
    struct ct_dotenv dotenv;
    struct ct_dotenv_entry entry;
    const char *why;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < count; i++) {
        dotenv = ct_dotenv_read(arena, cases[i].text);
        do
            result = ct_dotenv_next(&dotenv, &entry, &why);
        while (result == CT_ROW);
        EXPECT_RESULT(CT_INVALID, result);
        EXPECT(dotenv.line == cases[i].line);
        EXPECT(same(why, cases[i].why));
    }
out:
    ct_arena_free(arena);
    return result;
}

#define VALUES(cases) values_are((cases), sizeof(cases) / sizeof((cases)[0]))
#define BROKEN(cases) lines_are_broken((cases), sizeof(cases) / sizeof((cases)[0]))

static enum ct_result test_plain_values(void)
{
    static const struct value_case cases[] = {
        {"A=b", "b"},
        {"A=b\n", "b"},
        {"A=", ""},
        {"A=\n", ""},
        {"A=   \t", ""},
        {"  A = b c \t\n", "b c"},
        {"\tA\t=\tb", "b"},
        {"A==", "="},
        {"A=b=c==", "b=c=="},
        {"A=it's", "it's"},
        {"A=b\"c\"", "b\"c\""},
        {"A=\\n$B${C}`d`", "\\n$B${C}`d`"},
        {"A=\xC3\xA9\xF0\x9F\x98\x80", "\xC3\xA9\xF0\x9F\x98\x80"},
    };
    return VALUES(cases);
}

static enum ct_result test_comments(void)
{
    static const struct value_case cases[] = {
        {"#\n# B=1\n \t# c\n\nA=b\n#A=c", "b"},
        {"A=b # c", "b"},
        {"A=b\t# c # d", "b"},
        {"A=b #", "b"},
        {"A=b#c", "b#c"},
        {"A=#b", "#b"},
        {"A=b#c #d", "b#c"},
        {"A= # b", ""},
        {"A=b # 'c", "b"},
        {"A='b' # c", "b"},
        {"A=\"b\"\t# c \"", "b"},
        {"A='b # c'", "b # c"},
        {"A=\"b # c\"", "b # c"},
    };
    return VALUES(cases);
}

static enum ct_result test_single_quotes_are_literal(void)
{
    static const struct value_case cases[] = {
        {"A=''", ""},       {"A=' b '", " b "},
        {"A= 'b' \t", "b"}, {"A='\\n\\\\\"$B#'", "\\n\\\\\"$B#"},
        {"A='b\\'", "b\\"},
    };
    return VALUES(cases);
}

static enum ct_result test_double_quotes_have_escapes(void)
{
    static const struct value_case cases[] = {
        {"A=\"\"", ""},
        {"A=\" b'c \"", " b'c "},
        {"A=\"a\\nb\\tc\\\"d\\\\e\"", "a\nb\tc\"d\\e"},
        {"A=\"\\\\n\"", "\\n"},
        {"A=\"\\\\\"", "\\"},
        {"A=\"\\d+ \\$B \\r\"", "\\d+ \\$B \\r"},
    };
    return VALUES(cases);
}

static enum ct_result test_export(void)
{
    static const struct value_case cases[] = {
        {"export A=b", "b"},
        {"  export\t A = b", "b"},
        {"export A='b'", "b"},
    };
    static const char *const names[] = {"export=b", "export =b", "exported=b", "export export=b"};
    enum ct_result result = CT_OK;
    struct ct_dotenv dotenv;
    struct ct_dotenv_entry entry;
    const char *why;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(VALUES(cases));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        dotenv = ct_dotenv_read(arena, ct_str_of(names[i]));
        EXPECT_RESULT(CT_ROW, ct_dotenv_next(&dotenv, &entry, &why));
        EXPECT(memcmp(entry.name.at, "export", 6) == 0);
        EXPECT(same(entry.value, "b"));
    }
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_line_ends_and_byte_order_mark(void)
{
    static const struct value_case cases[] = {
        {"A=b\r\n", "b"},
        {"A=b\r", "b"},
        {"\r\n\r\nA=b \r\n\r\n", "b"},
        {"A='b'\r\n", "b"},
        {"A=\r\n", ""},
        {"A=b # c\r\n", "b"},
        {"\xEF\xBB\xBF"
         "A=b",
         "b"},
        {"\xEF\xBB\xBF\nA=b", "b"},
    };
    return VALUES(cases);
}

static enum ct_result test_entries_in_order(void)
{
    static const struct {
        const char *name;
        const char *value;
        size_t line;
        bool literal;
    } expected[] = {
        {"A", "1", 1, false}, {"_b.c-9", "2", 3, true}, {"A", "3", 4, false}, {"D", "", 6, false}};
    enum ct_result result = CT_OK;
    struct ct_dotenv dotenv;
    struct ct_dotenv_entry entry;
    const char *why;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    dotenv = ct_dotenv_read(arena, CT_STR("A=1\n#\n_b.c-9='2'\r\nA=\"3\"\n\nD="));
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        EXPECT_RESULT(CT_ROW, ct_dotenv_next(&dotenv, &entry, &why));
        EXPECT(ct_str_equal(entry.name, ct_str_of(expected[i].name)));
        EXPECT(same(entry.value, expected[i].value));
        EXPECT(entry.line == expected[i].line);
        EXPECT(entry.literal == expected[i].literal);
    }
    TRY(ct_dotenv_next(&dotenv, &entry, &why));
    TRY(ct_dotenv_next(&dotenv, &entry, &why));
    dotenv = ct_dotenv_read(arena, (struct ct_str){NULL, 0});
    TRY(ct_dotenv_next(&dotenv, &entry, &why));
out:
    ct_arena_free(arena);
    return result;
}

/* CT_STR where C asks for a constant. */
#define BYTES(literal)                 \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }

#define NO_EQUALS "there is no \"=\""
#define NO_NAME "what stands before the \"=\" is not a name (letters, digits and _)"
#define OPEN "the quote is not closed on this line"
#define BEHIND "there is text behind the closing quote"
#define NUL_BYTE "the line holds a NUL byte"
#define ILL_FORMED "the line is not well-formed UTF-8"

static enum ct_result test_lines_without_name_or_equals(void)
{
    static const struct broken_case cases[] = {
        {BYTES("A"), 1, NO_EQUALS},
        {BYTES("A=b\n\nhunter2\nA=c"), 3, NO_EQUALS},
        {BYTES("export A"), 1, NO_EQUALS},
        {BYTES("export"), 1, NO_EQUALS},
        {BYTES("A: b"), 1, NO_EQUALS},
        {BYTES("A # b"), 1, NO_EQUALS},
        {BYTES("=b"), 1, NO_NAME},
        {BYTES("9A=b"), 1, NO_NAME},
        {BYTES("A B=c"), 1, NO_NAME},
        {BYTES("'A'=b"), 1, NO_NAME},
        {BYTES("\xC3\x84=b"), 1, NO_NAME},
        {BYTES("$A=b"), 1, NO_NAME},
        {BYTES("\nA=b\r\nset A=b"), 3, NO_NAME},
        {BYTES("A+=b"), 1, NO_NAME},
    };
    return BROKEN(cases);
}

static enum ct_result test_broken_quotes(void)
{
    static const struct broken_case cases[] = {
        {BYTES("A='"), 1, OPEN},         {BYTES("A='b\nc'"), 1, OPEN},
        {BYTES("A=\"b\nc\""), 1, OPEN},  {BYTES("A=\""), 1, OPEN},
        {BYTES("A=\"b\\\""), 1, OPEN},   {BYTES("A=\"\\"), 1, OPEN},
        {BYTES("A='b' c"), 1, BEHIND},   {BYTES("A='b'c"), 1, BEHIND},
        {BYTES("A='it'''"), 1, BEHIND},  {BYTES("A=\"b\"'c'"), 1, BEHIND},
        {BYTES("A=\"b\"#c"), 1, BEHIND},
    };
    return BROKEN(cases);
}

static enum ct_result test_bytes_that_are_no_text(void)
{
    static const struct broken_case cases[] = {
        {BYTES("A=b\0c"), 1, NUL_BYTE},
        {BYTES("A=b\n#\0\n"), 2, NUL_BYTE},
        {BYTES("A=b\n\0"), 2, NUL_BYTE},
        {BYTES("A=\xFF"), 1, ILL_FORMED},
        {BYTES("#\xE9\n"), 1, ILL_FORMED},
        {BYTES("A=\xC3\n\xA9"), 1, ILL_FORMED},
        {BYTES("A=\xED\xA0\x80"), 1, ILL_FORMED},
        {BYTES("A=\xC0\x80"), 1, ILL_FORMED},
        /* UTF-16, as some editors save */
        {BYTES("\xFF\xFE"
               "A\0=\0b\0"),
         1, NUL_BYTE},
    };
    return BROKEN(cases);
}

static enum ct_result test_long_lines(void)
{
    enum ct_result result = CT_OK;
    struct ct_dotenv dotenv;
    struct ct_dotenv_entry entry;
    const char *why;
    char *text;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    text = ct_arena_alloc(arena, CT_DOTENV_LINE_MOST + 3);
    TRY_MEMORY(text);
    memset(text, 'A', CT_DOTENV_LINE_MOST);
    text[1] = '=';
    memcpy(text + CT_DOTENV_LINE_MOST, "\r\n", 2);
    dotenv = ct_dotenv_read(arena, (struct ct_str){text, CT_DOTENV_LINE_MOST + 2});
    EXPECT_RESULT(CT_ROW, ct_dotenv_next(&dotenv, &entry, &why));
    EXPECT(strlen(entry.value) == CT_DOTENV_LINE_MOST - 2);
    TRY(ct_dotenv_next(&dotenv, &entry, &why));

    text[CT_DOTENV_LINE_MOST] = 'A';
    dotenv = ct_dotenv_read(arena, (struct ct_str){text, CT_DOTENV_LINE_MOST + 2});
    EXPECT_RESULT(CT_INVALID, ct_dotenv_next(&dotenv, &entry, &why));
    EXPECT(dotenv.line == 1 && same(why, "the line is longer than 32768 bytes"));
out:
    ct_arena_free(arena);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_plain_values),
    CT_UNIT(test_comments),
    CT_UNIT(test_single_quotes_are_literal),
    CT_UNIT(test_double_quotes_have_escapes),
    CT_UNIT(test_export),
    CT_UNIT(test_line_ends_and_byte_order_mark),
    CT_UNIT(test_entries_in_order),
    CT_UNIT(test_lines_without_name_or_equals),
    CT_UNIT(test_broken_quotes),
    CT_UNIT(test_bytes_that_are_no_text),
    CT_UNIT(test_long_lines),
};

int main(void)
{
    return ct_unit_main("config_dotenv", units, sizeof(units) / sizeof(units[0]));
}
