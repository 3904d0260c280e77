#include "accounts/common_passwords.h"

#include <ctype.h>
#include <string.h>

#include "harness.h"

extern const uint64_t ct_common_passwords_size;
extern const char ct_common_passwords[];

static enum ct_result test_common_ones(void)
{
    static const char *const common[] = {
        "password", "PASSWORD",  "PassWord",   "12345678",    "00000000",   "11111111",
        "87654321", "123456789", "1234567890", "qwertyuiop",  "QWERTYuiop", "iloveyou",
        "1qaz2wsx", "1QAZ2WSX",  "abcd1234",   "password123", "Passw0rd",   "P@ssw0rd",
        "trustno1", "sunshine",  "football",   "letmein1",    "changeme",   "welcome1",
        "superman", "princess",  "123456",     "qwerty",      "dragon",
    };
    enum ct_result result = CT_OK;

    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
        EXPECT(ct_password_is_common(ct_str_of(common[i])));
out:
    return result;
}

static enum ct_result test_others(void)
{
    static const struct ct_str others[] = {
        {NULL, 0},
        {"", 0},
        {"\n", 1},
        {" ", 1},
        {"password\n", 9},
        {" password", 9},
        {"password ", 9},
        {"password\0", 9},
        {"passw\xC3\xB6rd", 9},
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8},
        {"\0\0\0\0\0\0\0\0", 8},
        {"password\nqwertyuiop", 19},
        {"~~~~~~~~~~~~~~~~", 16},
        {"correct horse battery staple", 28},
        {"tr0ub4dor&3-and-more", 20},
        {"x7#Kq9!vB2$m", 12},
        {"xkcdxkcdpassword", 16},
    };
    enum ct_result result = CT_OK;
    char text[2000];

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        EXPECT(!ct_password_is_common(others[i]));
    memset(text, 'a', sizeof(text));
    for (size_t size = 40; size <= sizeof(text); size += size < 80 ? 1 : 100)
        EXPECT(!ct_password_is_common((struct ct_str){text, size}));
out:
    return result;
}

/* Each line of the list is found, in capitals too, and what differs from it is found only when it is a line
 * of its own: no line is out of order. */
static enum ct_result test_every_line(void)
{
    enum ct_result result = CT_OK;
    const char *end = ct_common_passwords + ct_common_passwords_size;
    struct ct_str last = {"", 0};
    size_t count = 0;
    size_t found_longer = 0;
    size_t of_8_bytes = 0;
    char text[64];

    for (const char *at = ct_common_passwords; at < end; count++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        EXPECT(newline != NULL && newline > at && newline - at <= 63);
        struct ct_str line = {at, (size_t)(newline - at)};
        EXPECT(ct_password_is_common(line));
        for (size_t i = 0; i < line.len; i++) {
            EXPECT(line.at[i] >= ' ' && line.at[i] <= '~' && !isupper(line.at[i]));
            text[i] = (char)toupper(line.at[i]);
        }
        EXPECT(ct_password_is_common((struct ct_str){text, line.len}));
        text[line.len] = '~';
        found_longer += ct_password_is_common((struct ct_str){text, line.len + 1}) ? 1 : 0;
        size_t shared = last.len < line.len ? last.len : line.len;
        int order = memcmp(last.at, line.at, shared);
        EXPECT(order < 0 || (order == 0 && last.len < line.len));
        of_8_bytes += line.len >= 8 ? 1 : 0;
        last = line;
        at = newline + 1;
    }
    EXPECT(found_longer == 0);
    /* OWASP ASVS 5.0 requirement 6.2.4: 3,000 that the length would allow */
    EXPECT(count >= 15000 && of_8_bytes >= 3000);
    EXPECT(ct_common_passwords_size < 400 * 1024);
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_common_ones),
        CT_UNIT(test_others),
        CT_UNIT(test_every_line),
    };
    return ct_unit_main("accounts/common_passwords", units, sizeof(units) / sizeof(units[0]));
}
