#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "accounts/api_keys.h"
#include "accounts/audit.h"
#include "accounts/password.h"
#include "accounts/sessions.h"
#include "ask.h"
#include "base/clock.h"
#include "program.h"

/* Whether a user of this name may have the password; says why not. */
static bool password_acceptable(struct ct_program *program, struct ct_str name,
                                struct ct_str password)
{
    if ((int64_t)password.len < program->config.password_min_length || !ct_utf8_valid(password)) {
        (void)ct_program_fail(ct_arena_printf(program->arena,
                                              "the password must be UTF-8 of at least %lld bytes "
                                              "(PASSWORD_MIN_LENGTH)",
                                              (long long)program->config.password_min_length));
        return false;
    }
    const char *why = NULL;
    if (ct_new_password_judge(program->arena, name, password, &why) == CT_OK)
        return true;
    (void)ct_program_fail(why);
    return false;
}

/* Asks for a new password, twice on a terminal, and hashes it. */
static bool new_password_hash(struct ct_program *program, struct ct_str name, struct ct_str *out)
{
    char first[1025] = "";
    char second[1025] = "";
    bool done = false;
    struct ct_str password;
    enum ct_result result;
    if (!ct_ask_secret("Password", first, sizeof(first))) {
        (void)ct_program_fail(
            "a password of at most 1,024 bytes, without NUL, is expected as a line on "
            "standard input");
        goto out;
    }
    if (isatty(STDIN_FILENO) == 1 &&
        (!ct_ask_secret("Again", second, sizeof(second)) || strcmp(first, second) != 0)) {
        (void)ct_program_fail("the two passwords differ");
        goto out;
    }
    password = ct_str_of(first);
    if (!password_acceptable(program, name, password))
        goto out;
    result = ct_password_hash(program->arena, (enum ct_password_hash)program->config.password_hash,
                              password, out);
    if (result == CT_INVALID)
        (void)ct_program_fail("PASSWORD_HASH=bcrypt takes passwords of at most 72 bytes");
    else if (result != CT_OK)
        (void)ct_program_fail_result("password", result);
    done = result == CT_OK;
out:
    explicit_bzero(first, sizeof(first));
    explicit_bzero(second, sizeof(second));
    return done;
}

struct user_write {
    struct ct_arena *arena;
    struct ct_str name;
    struct ct_str hash;
    enum ct_role role;
    int64_t id;
};

/* In the same transaction as the change; nobody's account did it. */
static enum ct_result audit(struct ct_db *db, int64_t user_id, enum ct_audit_action action,
                            struct ct_str detail)
{
    const struct ct_audit entry = {
        .user_id = user_id, .action = action, .target_id = user_id, .detail = detail};
    return ct_audit_write(db, ct_clock_unix_ms(), &entry);
}

static enum ct_result add_user(void *ctx, struct ct_db *db)
{
    struct user_write *write = ctx;
    enum ct_result result = ct_user_insert(write->arena, db, write->name, write->hash, CT_STR(""),
                                           ct_clock_unix_ms(), &write->id);
    if (result == CT_OK)
        result = audit(db, write->id, CT_AUDIT_ACCOUNT_REGISTERED, CT_STR(""));
    return result;
}

static enum ct_result set_password(void *ctx, struct ct_db *db)
{
    struct user_write *write = ctx;
    struct ct_user user;
    enum ct_result result = ct_user_by_name(write->arena, db, write->name, &user);
    if (result == CT_OK)
        result = ct_user_change_password(db, &user, write->hash, CT_STR(""));
    if (result == CT_OK)
        result = audit(db, user.id, CT_AUDIT_ACCOUNT_PASSWORD_CHANGED, CT_STR(""));
    return result;
}

static enum ct_result set_role(void *ctx, struct ct_db *db)
{
    struct user_write *write = ctx;
    struct ct_user user;
    enum ct_result result = ct_user_by_name(write->arena, db, write->name, &user);
    if (result != CT_OK || user.role == write->role)
        return result;
    result = ct_user_set_role(db, user.id, write->role);
    if (result == CT_OK)
        result = audit(db, user.id, CT_AUDIT_ACCOUNT_ROLE_CHANGED, ct_role_word(write->role));
    return result;
}

static enum ct_result log_out(void *ctx, struct ct_db *db)
{
    struct user_write *write = ctx;
    struct ct_user user;
    enum ct_result result = ct_user_by_name(write->arena, db, write->name, &user);
    if (result == CT_OK)
        result = ct_session_end_all(db, user.id);
    if (result == CT_OK)
        result = audit(db, user.id, CT_AUDIT_ACCOUNT_LOGGED_OUT_ALL, CT_STR(""));
    return result;
}

/* One after another, however many there are. */
static enum ct_result revoke_keys(void *ctx, struct ct_db *db)
{
    struct user_write *write = ctx;
    struct ct_user user;
    size_t count = 1;
    enum ct_result result = ct_user_by_name(write->arena, db, write->name, &user);
    while (result == CT_OK && count > 0) {
        struct ct_api_key key;
        struct ct_str name;
        result = ct_api_key_list(write->arena, db, user.id, 0, 1, &key, &count);
        if (result != CT_OK || count == 0)
            break;
        result = ct_api_key_delete(write->arena, db, user.id, key.id, &name);
        if (result == CT_OK) {
            const struct ct_audit entry = {.user_id = user.id,
                                           .action = CT_AUDIT_KEY_DELETED,
                                           .target_id = key.id,
                                           .detail = name};
            result = ct_audit_write(db, ct_clock_unix_ms(), &entry);
        }
    }
    return result;
}

static int user_add(struct ct_program *program, const char *name)
{
    struct user_write write = {.arena = program->arena, .name = ct_str_of(name)};
    struct ct_str same;
    if (write.name.len == 0 || !ct_utf8_valid(write.name) ||
        ct_utf8_length(write.name) > CT_USERNAME_MAX ||
        ct_username_normalize(program->arena, write.name, &same) != CT_OK)
        return ct_program_fail(
            "a username is 1 to 64 characters of UTF-8 without control characters");
    if (!ct_program_open_database(program) || !new_password_hash(program, write.name, &write.hash))
        return 1;
    enum ct_result result = ct_store_write(program->store, add_user, &write);
    if (result == CT_CONFLICT)
        return ct_program_fail(ct_arena_printf(program->arena, "the username %s is taken", name));
    if (result != CT_OK)
        return ct_program_fail_result("user add", result);
    (void)printf("added %s with id %lld\n", name, (long long)write.id);
    return ct_program_flushed();
}

static int user_set_password(struct ct_program *program, const char *name)
{
    struct user_write write = {.arena = program->arena, .name = ct_str_of(name)};
    struct ct_user user;
    if (!ct_program_open_database(program))
        return 1;
    enum ct_result result = ct_program_find_user(program, write.name, &user);
    if (result == CT_OK && !new_password_hash(program, user.username, &write.hash))
        return 1;
    if (result == CT_OK)
        result = ct_store_write(program->store, set_password, &write);
    if (result == CT_NOT_FOUND)
        return ct_program_fail(ct_arena_printf(program->arena, "there is no user %s", name));
    if (result != CT_OK)
        return ct_program_fail_result("user set-password", result);
    (void)printf("changed the password of %s\n", name);
    return ct_program_flushed();
}

/* A change that needs nothing but the name; @p done is what to say of it afterwards. */
static int user_change(struct ct_program *program, const char *name, enum ct_role role,
                       enum ct_result (*run)(void *ctx, struct ct_db *db), const char *done)
{
    struct user_write write = {.arena = program->arena, .name = ct_str_of(name), .role = role};
    if (!ct_program_open_database(program))
        return 1;
    enum ct_result result = ct_store_write(program->store, run, &write);
    if (result == CT_NOT_FOUND)
        return ct_program_fail(ct_arena_printf(program->arena, "there is no user %s", name));
    if (result != CT_OK)
        return ct_program_fail_result("user", result);
    (void)printf("%s %s\n", name, done);
    return ct_program_flushed();
}

static void print_user(struct ct_arena *arena, const struct ct_user *user)
{
    struct ct_buf line = ct_buf_in(arena);
    ct_buf_int(&line, user->id);
    ct_buf_char(&line, '\t');
    /* A name that is no plain text must not play with the terminal. */
    if (ct_utf8_valid(user->username) && !ct_utf8_has_control(user->username))
        ct_buf_str(&line, user->username);
    else
        ct_buf_json(&line, user->username);
    ct_buf_char(&line, '\t');
    if (user->created_at == CT_NO_TIME)
        ct_buf_char(&line, '-');
    else
        ct_buf_time(&line, user->created_at);
    ct_buf_char(&line, '\t');
    if (user->last_login_at == CT_NO_TIME)
        ct_buf_char(&line, '-');
    else
        ct_buf_time(&line, user->last_login_at);
    ct_buf_char(&line, '\t');
    ct_buf_str(&line, ct_role_word(user->role));
    (void)puts(ct_buf_done(&line).at);
}

static int user_list(struct ct_program *program)
{
    enum { PAGE = 100 };
    struct ct_user users[PAGE];
    int64_t after = 0;
    size_t count;
    if (!ct_program_open_database(program))
        return 1;
    (void)puts("ID\tUSERNAME\tCREATED\tLAST LOGIN\tROLE");
    do {
        struct ct_arena *arena = ct_arena_new();
        struct ct_db *db;
        if (arena == NULL)
            return ct_program_fail(NULL);
        count = 0;
        enum ct_result result = ct_store_read_begin(program->store, &db);
        if (result == CT_OK) {
            result = ct_user_list(arena, db, after, PAGE, users, &count);
            ct_store_read_end(db);
        }
        for (size_t i = 0; i < count && result == CT_OK; i++) {
            print_user(arena, &users[i]);
            after = users[i].id;
        }
        ct_arena_free(arena);
        if (result != CT_OK)
            return ct_program_fail_result("user list", result);
    } while (count == PAGE);
    return ct_program_flushed();
}

int ct_user_command(struct ct_program *program, int argc, char **argv)
{
    if (argc == 1 && strcmp(argv[0], "list") == 0)
        return user_list(program);
    if (argc == 2 && strcmp(argv[0], "add") == 0)
        return user_add(program, argv[1]);
    if (argc == 2 && strcmp(argv[0], "set-password") == 0)
        return user_set_password(program, argv[1]);
    if (argc == 2 && strcmp(argv[0], "grant-admin") == 0)
        return user_change(program, argv[1], CT_ROLE_ADMIN, set_role, "is an administrator");
    if (argc == 2 && strcmp(argv[0], "revoke-admin") == 0)
        return user_change(program, argv[1], CT_ROLE_USER, set_role, "is no administrator");
    if (argc == 2 && strcmp(argv[0], "log-out") == 0)
        return user_change(program, argv[1], CT_ROLE_USER, log_out, "is logged out everywhere");
    if (argc == 2 && strcmp(argv[0], "revoke-keys") == 0)
        return user_change(program, argv[1], CT_ROLE_USER, revoke_keys, "has no API keys");
    (void)ct_program_fail("user takes: add NAME, list, set-password NAME, grant-admin NAME, "
                          "revoke-admin NAME, log-out NAME, or revoke-keys NAME");
    return 2;
}
