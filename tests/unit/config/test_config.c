/* Where settings come from, and what is said when one is wrong. */
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "fixture.h"

static enum ct_result test_environment_goes_before_file(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config;
    const char *why;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(load(arena, "PORT=1\nHOST=a\n", ENVIRONMENT("PORT=2", "PORT=3", "PORTAL=9"), &config,
             &why));
    EXPECT(config.port == 2);
    EXPECT(same(config.host, "a"));
    /* Empty is unset in the environment and a value in the file. */
    TRY(load(arena, "LOG_FILE=a\nLOG_FILE=\nPORT=1\n", ENVIRONMENT("PORT=", "HOST="), &config,
             &why));
    EXPECT(config.port == 1);
    EXPECT(same(config.host, "127.0.0.1"));
    EXPECT(same(config.log_file, ""));
    EXPECT_RESULT(CT_INVALID, load(arena, "HOST=\n", NULL, &config, &why));
    EXPECT(has(why, "HOST is \"\" ("));
    /* But of this one: no SIP at all. */
    TRY(load(arena, "SIP_LISTEN=udp:127.0.0.1:5070\n", ENVIRONMENT("SIP_LISTEN="), &config, &why));
    EXPECT(same(config.sip_listen, ""));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_last_line_wins(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config;
    const char *why;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(load(arena, "PORT=wrong\nPORT=5\n", NULL, &config, &why));
    EXPECT(config.port == 5);
    EXPECT_RESULT(CT_INVALID, load(arena, "PORT=5\n\nPORT=wrong", NULL, &config, &why));
    EXPECT(has(why, "PORT is \"wrong\" (") && has(why, " line 3); allowed: "));
    /* What the environment overrides is not judged. */
    TRY(load(arena, "PORT=wrong\n", ENVIRONMENT("PORT=6"), &config, &why));
    EXPECT(config.port == 6);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_result_is_published_last(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config = {.port = 77};
    const char *why;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    EXPECT_RESULT(CT_INVALID, load(arena, "LOG_LEVEL=loud\n", NULL, &config, &why));
    EXPECT(config.port == 77 && config.host == NULL);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_file_may_be_missing(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config;
    const char *why;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(ct_config_load(arena, "/nonexistent/.env", NULL, &config, &why));
    EXPECT(config.port == 8000);
    TRY(load(arena, "", NULL, &config, &why));
    EXPECT(config.port == 8000);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_file_that_cannot_be_read(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config;
    const char *why;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    EXPECT_RESULT(CT_IO, ct_config_load(arena, "/", NULL, &config, &why));
    EXPECT(same(why, "/ cannot be read: Is a directory"));
    EXPECT_RESULT(CT_IO, ct_config_load(arena, "/dev/null/.env", NULL, &config, &why));
    EXPECT(same(why, "/dev/null/.env cannot be read: Not a directory"));
out:
    ct_arena_free(arena);
    return result;
}

/* Root may read everything, and becomes somebody else for a while. */
static bool become(uid_t user)
{
    /* What a change of user takes away, and LeakSanitizer needs. */
    return seteuid(user) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0;
}

static enum ct_result test_file_without_permission(void)
{
    enum ct_result result = CT_OK;
    char path[] = "/tmp/ct-config-XXXXXX";
    uid_t user = geteuid();
    struct ct_config config;
    const char *why;
    int file = mkstemp(path);
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    EXPECT(file >= 0 && fchmod(file, 0) == 0);
    EXPECT(user != 0 || become(65534));
    EXPECT_RESULT(CT_IO, ct_config_load(arena, path, NULL, &config, &why));
    EXPECT(has(why, path) && has(why, " cannot be read: Permission denied"));
out:
    if (user == 0 && !become(user))
        result = CT_BUG;
    if (file >= 0) {
        close(file);
        unlink(path);
    }
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_file_of_over_a_mebibyte(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config;
    const char *why;
    char *text;
    size_t most = (size_t)1024 * 1024;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    text = ct_arena_alloc(arena, most + 1);
    TRY_MEMORY(text);
    memset(text, '\n', most + 1);
    memcpy(text + most - 6, "PORT=7", 6);
    TRY(load_bytes(arena, (struct ct_str){text, most}, NULL, &config, &why));
    EXPECT(config.port == 7);
    EXPECT_RESULT(CT_INVALID,
                  load_bytes(arena, (struct ct_str){text, most + 1}, NULL, &config, &why));
    EXPECT(has(why, " is larger than 1 MiB"));
out:
    ct_arena_free(arena);
    return result;
}

/* The line has a number, and nothing of what stands there. */
static enum ct_result test_broken_line_is_named_and_not_shown(void)
{
    static const char *const broken[] = {
        "hunter2",
        "SECRET_KEY hunter2",
        "=hunter2",
        "SECRET_KEY='hunter2",
        "SECRET_KEY=\"hunter2",
        "SECRET_KEY='hunter2'hunter2",
        "SECRET_KEY=hunter2\xFF",
    };
    enum ct_result result = CT_OK;
    struct ct_config config;
    const char *why;
    const char *file;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        file = ct_arena_printf(arena, "\r\n# a\n%s\nPORT=7\n", broken[i]);
        TRY_MEMORY(file);
        EXPECT_RESULT(CT_INVALID, load(arena, file, NULL, &config, &why));
        EXPECT(has(why, " line 3: ") && !has(why, "hunter2") && strchr(why, '\n') == NULL);
    }
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_tls_files_belong_together(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config;
    const char *why;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(load(arena, "TLS_CERT_FILE=c\n", ENVIRONMENT("TLS_KEY_FILE=k"), &config, &why));
    EXPECT_RESULT(CT_INVALID, load(arena, "\nTLS_CERT_FILE=c\n", NULL, &config, &why));
    EXPECT(has(why, "TLS_CERT_FILE is \"c\" (") &&
           has(why, " line 2): TLS_KEY_FILE is not set; allowed: "));
    EXPECT_RESULT(CT_INVALID, load(arena, "", ENVIRONMENT("TLS_KEY_FILE=k"), &config, &why));
    EXPECT(has(why, "TLS_KEY_FILE is \"k\" (environment): TLS_CERT_FILE is not set; allowed: "));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_secret_is_asked_for_separately(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config;
    const char *why;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(load(arena, "SECRET_KEY=\n", ENVIRONMENT("SECRET_KEY="), &config, &why));
    EXPECT(same(config.secret_key, ""));
    EXPECT_RESULT(CT_INVALID, ct_config_require_secret(&config, &why));
    EXPECT(has(why, "SECRET_KEY is not set") && has(why, "/dev/urandom"));
    TRY(load(arena, "", ENVIRONMENT("SECRET_KEY=\x01\xFF"), &config, &why));
    EXPECT(same(config.secret_key, "\x01\xFF"));
    TRY(ct_config_require_secret(&config, &why));
    /* a key pair takes its place, and it that of a key pair for nothing */
    TRY(load(arena, "ALGORITHM=ES256\nSECRET_KEY=x\n", NULL, &config, &why));
    EXPECT_RESULT(CT_INVALID, ct_config_require_secret(&config, &why));
    EXPECT(has(why, "JWT_PRIVATE_KEY_FILE is not set") && has(why, "openssl"));
    TRY(load(arena, "ALGORITHM=RS256\nJWT_PRIVATE_KEY_FILE=k\n", NULL, &config, &why));
    TRY(ct_config_require_secret(&config, &why));
    TRY(load(arena, "JWT_PRIVATE_KEY_FILE=k\n", NULL, &config, &why));
    EXPECT_RESULT(CT_INVALID, ct_config_require_secret(&config, &why));
    EXPECT(has(why, "SECRET_KEY is not set"));
out:
    ct_arena_free(arena);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_environment_goes_before_file), CT_UNIT(test_last_line_wins),
    CT_UNIT(test_result_is_published_last),     CT_UNIT(test_file_may_be_missing),
    CT_UNIT(test_file_that_cannot_be_read),     CT_UNIT(test_file_without_permission),
    CT_UNIT(test_file_of_over_a_mebibyte),      CT_UNIT(test_broken_line_is_named_and_not_shown),
    CT_UNIT(test_tls_files_belong_together),    CT_UNIT(test_secret_is_asked_for_separately),
};

int main(void)
{
    return ct_unit_main("config_config", units, sizeof(units) / sizeof(units[0]));
}
