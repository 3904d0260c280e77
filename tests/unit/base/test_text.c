#include <string.h>

#include "base/text.h"
#include "harness.h"

static enum ct_result test_equality(void)
{
    enum ct_result result = CT_OK;

    EXPECT(ct_str_of(NULL).len == 0);
    EXPECT(ct_str_equal(ct_str_of(NULL), CT_STR("")));
    EXPECT(ct_str_equal((struct ct_str){NULL, 0}, CT_STR("")));
    EXPECT(ct_str_equal(ct_str_of("abc"), CT_STR("abc")));
    EXPECT(!ct_str_equal(CT_STR("abc"), CT_STR("abd")));
    EXPECT(!ct_str_equal(CT_STR("abc"), CT_STR("ab")));
    EXPECT(!ct_str_equal(CT_STR("a\0b"), CT_STR("a\0c")));
out:
    return result;
}

static enum ct_result test_equality_without_case(void)
{
    enum ct_result result = CT_OK;

    EXPECT(ct_str_equal_nocase(CT_STR("Content-Type"), CT_STR("content-tYPE")));
    EXPECT(!ct_str_equal_nocase(CT_STR("abc"), CT_STR("abcd")));
    /* The neighbours of A-Z and a-z in ASCII differ by the same bit as the letters do. */
    EXPECT(!ct_str_equal_nocase(CT_STR("@["), CT_STR("`{")));
    EXPECT(!ct_str_equal_nocase(CT_STR("\xC3\x84"), CT_STR("\xC3\xA4")));
out:
    return result;
}

static enum ct_result test_equality_of_secrets(void)
{
    enum ct_result result = CT_OK;

    EXPECT(ct_str_equal_secret(CT_STR("secret"), CT_STR("secret")));
    EXPECT(ct_str_equal_secret(CT_STR(""), CT_STR("")));
    EXPECT(!ct_str_equal_secret(CT_STR("secret"), CT_STR("secreT")));
    EXPECT(!ct_str_equal_secret(CT_STR("Secret"), CT_STR("secret")));
    EXPECT(!ct_str_equal_secret(CT_STR("secret"), CT_STR("secrets")));
    /* a difference in any bit of any place of any length */
    for (size_t size = 0; size < 20; size++) {
        char a[] = "abcdefghijklmnopqrstuvwxyz";
        char b[] = "abcdefghijklmnopqrstuvwxyz";
        EXPECT(ct_str_equal_secret((struct ct_str){a, size}, (struct ct_str){b, size}));
        for (size_t bit = 0; bit < size * 8; bit++) {
            b[bit / 8] = (char)(b[bit / 8] ^ 1 << bit % 8);
            EXPECT(!ct_str_equal_secret((struct ct_str){a, size}, (struct ct_str){b, size}));
            b[bit / 8] = a[bit / 8];
        }
    }
out:
    return result;
}

static enum ct_result test_copy(void)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    char *copy = ct_str_dup(arena, (struct ct_str){"abcdef", 4});
    TRY_MEMORY(copy);
    EXPECT(strcmp(copy, "abcd") == 0);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_integers(void)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"-0", 0},
        {"7", 7},
        {"-7", -7},
        {"007", 7},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    static const char *const wrong[] = {"", "-", "+1", " 1", "1 ", "1.0", "0x1", "--1", "1e3"};
    static const char *const large[] = {"9223372036854775808", "-9223372036854775809",
                                        "99999999999999999999999999"};
    enum ct_result result = CT_OK;
    int64_t value = 42;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        TRY(ct_int_parse(ct_str_of(good[i].text), &value));
        EXPECT(value == good[i].value);
    }
    value = 42;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        EXPECT_RESULT(CT_INVALID, ct_int_parse(ct_str_of(wrong[i]), &value));
    EXPECT_RESULT(CT_INVALID, ct_int_parse(CT_STR("1\0"), &value));
    for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
        EXPECT_RESULT(CT_NOT_FOUND, ct_int_parse(ct_str_of(large[i]), &value));
    EXPECT(value == 42);
out:
    return result;
}

static enum ct_result test_base64url_both_ways(void)
{
    /* The vectors of RFC 4648 section 10, without padding, and the two characters of its section 5.
     */
    static const struct {
        struct ct_str plain;
        const char *encoded;
    } pairs[] = {
        {{"", 0}, ""},
        {{"f", 1}, "Zg"},
        {{"fo", 2}, "Zm8"},
        {{"foo", 3}, "Zm9v"},
        {{"foob", 4}, "Zm9vYg"},
        {{"fooba", 5}, "Zm9vYmE"},
        {{"foobar", 6}, "Zm9vYmFy"},
        {{"\xFB\xEF\xBE\xFF\xFF\xFF", 6}, "----____"},
    };
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char *encoded = ct_base64url(arena, pairs[i].plain.at, pairs[i].plain.len);
        TRY_MEMORY(encoded);
        EXPECT(strcmp(encoded, pairs[i].encoded) == 0);
        struct ct_str decoded;
        TRY(ct_base64url_decode(arena, ct_str_of(pairs[i].encoded), &decoded));
        EXPECT(ct_str_equal(decoded, pairs[i].plain));
    }
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_base64url_refuses(void)
{
    static const char *const wrong[] = {
        "Z",     /* 6 bits are no byte */
        "Zm9vY", /* the same after a whole group */
        "Zh",    /* stray bits: "f" is Zg alone */
        "Zm9",   /* stray bits after two bytes */
        "Zg==",  /* padding */
        "Zm9v+", "Zm9v/A", "Zm 9v", "Zm9v\n", "Z\xC3\xA4g",
    };
    enum ct_result result = CT_OK;
    struct ct_str decoded = CT_STR("untouched");
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        EXPECT_RESULT(CT_INVALID, ct_base64url_decode(arena, ct_str_of(wrong[i]), &decoded));
    EXPECT_RESULT(CT_INVALID, ct_base64url_decode(arena, CT_STR("Zm\0v"), &decoded));
    EXPECT(ct_str_equal(decoded, CT_STR("untouched")));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_hexadecimal_digits(void)
{
    enum ct_result result = CT_OK;
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++)
        EXPECT(ct_hex_value(digits[i]) == i);
    EXPECT(ct_hex_value('A') == 10 && ct_hex_value('F') == 15);
    static const char others[] = "/:@G`g \xff";
    for (size_t i = 0; i < sizeof(others); i++)
        EXPECT(ct_hex_value(others[i]) == -1);
out:
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_equality),
    CT_UNIT(test_equality_without_case),
    CT_UNIT(test_equality_of_secrets),
    CT_UNIT(test_copy),
    CT_UNIT(test_integers),
    CT_UNIT(test_hexadecimal_digits),
    CT_UNIT(test_base64url_both_ways),
    CT_UNIT(test_base64url_refuses),
};

int main(void)
{
    return ct_unit_main("base_text", units, sizeof(units) / sizeof(units[0]));
}
