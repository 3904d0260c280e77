/* CORS_ORIGINS. */
#include <string.h>

#include "config/settings.h"
#include "harness.h"

static enum ct_result test_lists_that_are_accepted(void)
{
    static const char *const lists[][2] = {
        {"", ""},
        {"  ", ""},
        {"*", "*"},
        {" * ", "*"},
        {"https://app.example.com", "https://app.example.com"},
        {"HTTPS://App.Example.COM", "https://app.example.com"},
        {"http://localhost:3000", "http://localhost:3000"},
        {"http://a:80", "http://a"},
        {"https://a:443", "https://a"},
        {"http://a:443", "http://a:443"},
        {"https://a:80", "https://a:80"},
        {"https://a:0080", "https://a:80"},
        {"http://[::1]:8080", "http://[::1]:8080"},
        {"http://[2001:DB8::1]", "http://[2001:db8::1]"},
        {"http://127.0.0.1:65535", "http://127.0.0.1:65535"},
        {"capacitor://localhost", "capacitor://localhost"},
        {"chrome-extension://abcdef", "chrome-extension://abcdef"},
        {"https://my_app.xn--p1ai", "https://my_app.xn--p1ai"},
        {" https://a ,\thttp://b:1,https://c ", "https://a,http://b:1,https://c"},
    };
    enum ct_result result = CT_OK;
    const char *plain;
    const char *problem;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        TRY(ct_check_origins(arena, lists[i][0], &plain, &problem));
        EXPECT(strcmp(plain, lists[i][1]) == 0);
        /* What is plain stays as it is. */
        TRY(ct_check_origins(arena, lists[i][1], &plain, &problem));
        EXPECT(strcmp(plain, lists[i][1]) == 0);
    }
out:
    ct_arena_free(arena);
    return result;
}

#define EMPTY "is empty"
#define NO_SCHEME "does not begin with a scheme such as https://"
#define NO_HOST "has no host"
#define BAD_HOST "has a host with a character that is not allowed there"
#define PORT "has a port that is not 1 to 65535"
#define HAS_PATH "has a path (a slash at the end is one)"
#define STAR "is `*`, which stands alone"

static enum ct_result test_lists_that_are_refused(void)
{
    static const struct {
        const char *list;
        const char *problem;
    } cases[] = {
        {"app.example.com", "entry 1 " NO_SCHEME},
        {"localhost:3000", "entry 1 " NO_SCHEME},
        {"null", "entry 1 " NO_SCHEME},
        {"//a", "entry 1 " NO_SCHEME},
        {"://a", "entry 1 " NO_SCHEME},
        {"1http://a", "entry 1 " NO_SCHEME},
        {"https:/a", "entry 1 " NO_SCHEME},
        {"https", "entry 1 " NO_SCHEME},
        {"https://", "entry 1 " NO_HOST},
        {"https:///a", "entry 1 " NO_HOST},
        {"https://:80", "entry 1 " NO_HOST},
        {"https://*.example.com", "entry 1 " NO_HOST},
        {"https://[]", "entry 1 " NO_HOST},
        {"https://[::1", "entry 1 " NO_HOST},
        {"https://[::g]", "entry 1 " NO_HOST},
        {"https://a b", "entry 1 " BAD_HOST},
        {"https://a*", "entry 1 " BAD_HOST},
        {"https://joe@a", "entry 1 " BAD_HOST},
        {"https://b\xC3\xBC.example", "entry 1 " BAD_HOST},
        {"https://a?b", "entry 1 " BAD_HOST},
        {"https://a:1b", "entry 1 " BAD_HOST},
        {"https://a:", "entry 1 " PORT},
        {"https://a:0", "entry 1 " PORT},
        {"https://a:65536", "entry 1 " PORT},
        {"https://a:99999999999999999999", "entry 1 " PORT},
        {"https://a:-1", "entry 1 " PORT},
        {"https://a/", "entry 1 " HAS_PATH},
        {"https://a:80/b", "entry 1 " HAS_PATH},
        {",", "entry 1 " EMPTY},
        {"https://a,", "entry 2 " EMPTY},
        {"https://a,,https://b", "entry 2 " EMPTY},
        {"https://a,*", "entry 2 " STAR},
        {"*,https://a", "entry 1 " STAR},
    };
    enum ct_result result = CT_OK;
    const char *plain;
    const char *problem;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EXPECT_RESULT(CT_INVALID, ct_check_origins(arena, cases[i].list, &plain, &problem));
        EXPECT(strcmp(problem, cases[i].problem) == 0);
    }
out:
    ct_arena_free(arena);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_lists_that_are_accepted),
    CT_UNIT(test_lists_that_are_refused),
};

int main(void)
{
    return ct_unit_main("config_origins", units, sizeof(units) / sizeof(units[0]));
}
