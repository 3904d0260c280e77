/* What a start is warned of. */
#include "config/settings.h"
#include "fixture.h"

/* The warnings of a file and an environment. */
static enum ct_result warnings_of(struct ct_arena *arena, const char *dotenv,
                                  const char *const *environment, const char *const **out)
{
    struct ct_config config;
    const char *why;
    enum ct_result result = load(arena, dotenv, environment, &config, &why);

    return result == CT_OK ? ct_config_warnings(arena, &config, out) : result;
}

#define KEY_32 "kk7pA2s9Qw4fLx8Zt1Vb6Nm3Rj5Hg0Dy"

static enum ct_result test_good_key_has_no_warning(void)
{
    enum ct_result result = CT_OK;
    const char *const *lines;
    struct ct_config bare = {
        .secret_key = KEY_32, .secret_key_previous = "", .jwt_private_key_file = ""};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(warnings_of(arena, "SECRET_KEY=" KEY_32 "\n", NULL, &lines));
    EXPECT(lines[0] == NULL);
    TRY(warnings_of(arena, "", NULL, &lines));
    EXPECT(lines[0] == NULL);
    TRY(ct_config_warnings(arena, &bare, &lines));
    EXPECT(lines[0] == NULL);
out:
    ct_arena_free(arena);
    return result;
}

/* RFC 7518 section 3.2 for each algorithm. */
static enum ct_result test_short_key(void)
{
    static const struct {
        const char *algorithm;
        size_t least;
    } cases[] = {{"HS256", 32}, {"HS384", 48}, {"HS512", 64}};
    enum ct_result result = CT_OK;
    const char *const *lines;
    const char *file;
    const char *words;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t less = 0; less < 2; less++) {
            file = ct_arena_printf(arena, "ALGORITHM=%s\nSECRET_KEY=%.*s\n", cases[i].algorithm,
                                   (int)(cases[i].least - less), KEY_32 KEY_32);
            TRY_MEMORY(file);
            TRY(warnings_of(arena, file, NULL, &lines));
            EXPECT((lines[0] == NULL) == (less == 0));
        }
        words = ct_arena_printf(arena, "SECRET_KEY has %zu bytes, %s needs at least %zu",
                                cases[i].least - 1, cases[i].algorithm, cases[i].least);
        TRY_MEMORY(words);
        EXPECT(has(lines[0], words) && lines[1] == NULL);
        EXPECT(!has(lines[0], "kk7"));
    }
out:
    ct_arena_free(arena);
    return result;
}

/* Whoever knows a key of before can still sign. */
static enum ct_result test_key_of_before(void)
{
    enum ct_result result = CT_OK;
    const char *const *lines;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(warnings_of(arena, "SECRET_KEY=" KEY_32 "\nSECRET_KEY_PREVIOUS=" KEY_32 "\n", NULL,
                    &lines));
    EXPECT(lines[0] == NULL);
    TRY(warnings_of(arena, "SECRET_KEY=short\nSECRET_KEY_PREVIOUS=changeme\n", NULL, &lines));
    EXPECT(has(lines[0], "SECRET_KEY has 5 bytes"));
    EXPECT(has(lines[1], "SECRET_KEY_PREVIOUS is a well-known example") && lines[2] == NULL);
    TRY(warnings_of(arena, "ALGORITHM=ES256\nSECRET_KEY_PREVIOUS=changeme\n", NULL, &lines));
    EXPECT(has(lines[0], "SECRET_KEY_PREVIOUS is a well-known example") && lines[1] == NULL);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_key_that_is_not_used(void)
{
    enum ct_result result = CT_OK;
    const char *const *lines;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(warnings_of(arena, "ALGORITHM=RS256\nJWT_PRIVATE_KEY_FILE=k\n", NULL, &lines));
    EXPECT(lines[0] == NULL);
    TRY(warnings_of(arena, "ALGORITHM=RS256\nJWT_PRIVATE_KEY_FILE=k\nSECRET_KEY=short\n", NULL,
                    &lines));
    EXPECT(same(lines[0], "SECRET_KEY is set, and ALGORITHM=RS256 does not use it"));
    EXPECT(lines[1] == NULL);
    TRY(warnings_of(arena, "SECRET_KEY=" KEY_32 "\nJWT_PRIVATE_KEY_FILE=k\n", NULL, &lines));
    EXPECT(same(lines[0], "JWT_PRIVATE_KEY_FILE is set, and ALGORITHM=HS256 does not use it"));
    EXPECT(lines[1] == NULL);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_example_key(void)
{
    static const char *const keys[] = {
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "09D25E094FAA6CA2556C818166B7A9563B93F7099F6F0F4CAA6CF63B88E8D3E7",
        "secret",
        "Secret!",
        "changeme",
        "CHANGE_ME",
        "changethis",
        "your-secret-key",
        "<your secret key>",
        "YOUR_SECRET_KEY_HERE",
        "your-256-bit-secret",
        "a-string-secret-at-least-256-bits-long",
    };
    enum ct_result result = CT_OK;
    const char *const *lines;
    const char *variable;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        variable = ct_arena_printf(arena, "SECRET_KEY=%s", keys[i]);
        TRY_MEMORY(variable);
        TRY(warnings_of(arena, "", ENVIRONMENT(variable), &lines));
        EXPECT(lines[0] != NULL && has(lines[0], "SECRET_KEY is a well-known example"));
        EXPECT(!has(lines[0], keys[i]) && lines[1] == NULL);
    }
    /* An example inside a longer key makes no example of it. */
    TRY(warnings_of(arena, "SECRET_KEY=secret-" KEY_32 "\n", NULL, &lines));
    EXPECT(lines[0] == NULL);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_misspelt_name_in_the_file(void)
{
    enum ct_result result = CT_OK;
    const char *const *lines;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(warnings_of(arena, "COMPOSE_FILE=x\n\nSECRETKEY=hunter2\n", NULL, &lines));
    EXPECT(lines[0] != NULL && lines[1] == NULL);
    EXPECT(has(lines[0], "SECRETKEY (") &&
           has(lines[0], " line 3) is not a setting; is SECRET_KEY meant?"));
    EXPECT(!has(lines[0], "hunter2"));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_misspelt_name_in_the_environment(void)
{
    enum ct_result result = CT_OK;
    const char *const *lines;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(warnings_of(arena, "",
                    ENVIRONMENT("ACCESS_TOKEN_EXPIRE_MINUTE=1", "PATH=/bin", "LOGLEVEL=",
                                "SSL_CERT_FILE=/x", "SECRET_KEY=" KEY_32, "NONSENSE", "POR\x01=1"),
                    &lines));
    EXPECT(lines[0] != NULL && lines[1] == NULL);
    EXPECT(same(lines[0], "ACCESS_TOKEN_EXPIRE_MINUTE (environment) is not a setting; is "
                          "ACCESS_TOKEN_EXPIRE_MINUTES meant?"));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_which_name_was_meant(void)
{
    static const char *const names[][2] = {
        {"SECRETKEY", "SECRET_KEY"},
        {"SECERT_KEY", "SECRET_KEY"},
        {"SECRET-KEY", "SECRET_KEY"},
        {"secret_key", "SECRET_KEY"},
        {"SECRET_KEYS", "SECRET_KEY"},
        {"ECRET_KEY", "SECRET_KEY"},
        {"ALGORITM", "ALGORITHM"},
        {"ACCESS_TOKEN_EXPIRES_MINUTE", "ACCESS_TOKEN_EXPIRE_MINUTES"},
        {"DATABASE_URI", "DATABASE_URL"},
        {"CORS_ORIGIN", "CORS_ORIGINS"},
        {"TRUSTED_PROXY", NULL},
        {"TSL_KEY_FILE", "TLS_KEY_FILE"},
        {"MAX_BODY_BITES", "MAX_BODY_BYTES"},
        {"port", "PORT"},
        {"PROT", "PORT"},
        {"HOTS", "HOST"},
        {"POST", "HOST"}, /* of two as near, the first */
        {"SORTS", NULL},
        {"HOME", NULL},
        {"HOSTNAME", NULL},
        {"LOGNAME", NULL},
        {"SSL_CERT_FILE", NULL},
        {"DATABASE", NULL},
        {"A_NAME_OF_MANY_LETTERS_THAT_IS_NO_SETTING", NULL},
        {"", NULL},
    };
    enum ct_result result = CT_OK;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct ct_setting *meant = ct_setting_meant(ct_str_of(names[i][0]));
        EXPECT((meant == NULL) == (names[i][1] == NULL));
        EXPECT(meant == NULL || same(meant->name, names[i][1]));
    }
out:
    return result;
}

static enum ct_result test_what_looks_like_an_expansion(void)
{
    enum ct_result result = CT_OK;
    const char *const *lines;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(warnings_of(arena,
                    "A=${B}\nLOG_FILE=${HOME}/a.log\nHOST='${HOST}'\nTLS_KEY_FILE=\"$B\"\n"
                    "TLS_CERT_FILE=\"${B}\"\n",
                    NULL, &lines));
    EXPECT(lines[0] != NULL && lines[1] != NULL && lines[2] == NULL);
    EXPECT(has(lines[0], "LOG_FILE (") && has(lines[0], " line 2) contains ${"));
    EXPECT(has(lines[1], "TLS_CERT_FILE (") && has(lines[1], " line 5) contains ${"));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_key_comes_first_and_the_list_has_an_end(void)
{
    enum ct_result result = CT_OK;
    const char *const *lines;
    size_t count = 0;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(warnings_of(
        arena,
        "SECRET_KEY=secret\nPORTS=\nPORTS=\nPORTS=\nPORTS=\nPORTS=\nPORTS=\nPORTS=\n"
        "PORTS=\nPORTS=\nPORTS=\nPORTS=\nPORTS=\nPORTS=\nPORTS=\nPORTS=\nPORTS=\nPORTS=\n",
        NULL, &lines));
    while (lines[count] != NULL)
        count++;
    EXPECT(count == 17);
    EXPECT(has(lines[0], "SECRET_KEY is a well-known example"));
out:
    ct_arena_free(arena);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_good_key_has_no_warning),
    CT_UNIT(test_short_key),
    CT_UNIT(test_key_of_before),
    CT_UNIT(test_key_that_is_not_used),
    CT_UNIT(test_example_key),
    CT_UNIT(test_misspelt_name_in_the_file),
    CT_UNIT(test_misspelt_name_in_the_environment),
    CT_UNIT(test_which_name_was_meant),
    CT_UNIT(test_what_looks_like_an_expansion),
    CT_UNIT(test_key_comes_first_and_the_list_has_an_end),
};

int main(void)
{
    return ct_unit_main("config_warnings", units, sizeof(units) / sizeof(units[0]));
}
