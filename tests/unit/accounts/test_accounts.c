#include "accounts/accounts.h"

#include <string.h>

#include "base/clock.h"
#include "room.h"

#define SECRET "0123456789abcdef0123456789abcdef"

#define SETTINGS                                                                             \
    .secret_key = SECRET, .secret_key_previous = "", .jwt_private_key_file = "",             \
    .jwt_previous_key_file = "", .access_token_expire_minutes = 30, .session_max_hours = 24, \
    .login_failures_max = 10, .login_failures_minutes = 15
static const struct ct_config config = {SETTINGS, .algorithm = CT_HS384,
                                        .password_hash = CT_ARGON2ID};
static const struct ct_config bcrypt_config = {SETTINGS, .algorithm = CT_HS256,
                                               .password_hash = CT_BCRYPT};

static enum ct_result init(struct scratch *scratch, const struct ct_config *settings,
                           struct ct_accounts *out)
{
    const char *why;
    return ct_accounts_init(scratch->arena, settings, scratch->store, out, &why);
}

/* Want of memory where the hash is copied only makes the guess worse. */
#define EXPECT_GUESS(condition)                             \
    do {                                                    \
        if (!(condition)) {                                 \
            ct_unit_report(#condition, __FILE__, __LINE__); \
            result = CT_NOMEM;                              \
            goto out;                                       \
        }                                                   \
    } while (0)

static enum ct_result test_hashes_of_the_original_service(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_accounts accounts = {0};

    TRY(scratch_open(&scratch));
    TRY(init(&scratch, &config, &accounts));
    EXPECT(accounts.config == &config && accounts.on_delete == NULL);
    EXPECT(ct_str_equal(accounts.jwks, CT_STR("{\"keys\":[]}")));
    EXPECT(accounts.old_share == 0 && accounts.old_hash.len == 0);
    EXPECT(!ct_accounts_seems_old(&accounts, CT_STR("alice")));
    TRY(execute(&scratch, "INSERT INTO users (username, hashed_password) VALUES "
                          "('a', '$argon2id$x'), ('b', NULL), ('c', ''), ('d', '$2')"));
    ct_accounts_end(&accounts);
    TRY(init(&scratch, &config, &accounts));
    EXPECT(accounts.old_share == 0 && accounts.old_hash.len == 0);
    /* one of argon2id, two of the original service */
    TRY(execute(&scratch, "UPDATE users SET hashed_password = CASE username "
                          "WHEN 'a' THEN '$argon2id$x' WHEN 'b' THEN '$2b$12$first' "
                          "ELSE '$2a$10$second' END"));
    TRY(execute(&scratch, "DELETE FROM users WHERE username = 'd'"));
    ct_accounts_end(&accounts);
    TRY(init(&scratch, &config, &accounts));
    EXPECT(accounts.old_share == 666);
    EXPECT_GUESS(ct_str_equal(accounts.old_hash, CT_STR("$2b$12$first")));
    TRY(execute(&scratch, "DELETE FROM users WHERE username = 'a'"));
    ct_accounts_end(&accounts);
    TRY(init(&scratch, &config, &accounts));
    EXPECT(accounts.old_share == 1000);
    EXPECT(ct_accounts_seems_old(&accounts, CT_STR("anybody")));
    EXPECT(ct_accounts_seems_old(&accounts, (struct ct_str){0}));
    /* nothing to guess where new hashes are of the kind of the old ones */
    ct_accounts_end(&accounts);
    TRY(init(&scratch, &bcrypt_config, &accounts));
    EXPECT(!ct_accounts_seems_old(&accounts, CT_STR("anybody")));
out:
    ct_accounts_end(&accounts);
    scratch_close(&scratch);
    return result;
}

/* Neither who came first decides, nor which of the two kinds is the new one. */
static enum ct_result test_hashes_of_many_users(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_accounts accounts = {0};

    TRY(scratch_open(&scratch));
    TRY(execute(&scratch, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                          "WHERE i < 2400) INSERT INTO users (id, username, hashed_password) "
                          "SELECT i * 3, i, CASE WHEN i <= 1200 THEN '$2b$12$old' "
                          "ELSE '$argon2id$new' END FROM n"));
    TRY(init(&scratch, &config, &accounts));
    EXPECT(accounts.old_share > 450 && accounts.old_share < 550);
    EXPECT_GUESS(ct_str_equal(accounts.old_hash, CT_STR("$2b$12$old")));
    ct_accounts_end(&accounts);
    TRY(init(&scratch, &bcrypt_config, &accounts));
    EXPECT(accounts.old_share > 450 && accounts.old_share < 550);
    EXPECT_GUESS(ct_str_equal(accounts.old_hash, CT_STR("$argon2id$new")));
out:
    ct_accounts_end(&accounts);
    scratch_close(&scratch);
    return result;
}

/* How many of 200 names seem old. */
static unsigned count_old(const struct ct_accounts *accounts)
{
    unsigned count = 0;
    char name[16];
    for (int i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof(name), "user%d", i);
        count += ct_accounts_seems_old(accounts, ct_str_of(name));
    }
    return count;
}

static enum ct_result test_how_many_names_seem_old(void)
{
    static const unsigned shares[] = {1, 500, 1000};
    enum ct_result result = CT_OK;
    struct ct_accounts accounts = {.guess_key = UINT64_C(0x123456789ABCDEF)};

    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        accounts.old_share = shares[i];
        unsigned expected = shares[i] / 5;
        unsigned count = count_old(&accounts);
        EXPECT_GUESS(count + 30 >= expected && count <= expected + 30);
    }
    EXPECT(count_old(&accounts) == 200);
    accounts.old_share = 0;
    EXPECT(count_old(&accounts) == 0);
out:
    return result;
}

/* The same names always; another server's are others. */
static enum ct_result test_which_names_seem_old(void)
{
    enum ct_result result = CT_OK;
    struct ct_accounts accounts = {.old_share = 500, .guess_key = 1};
    struct ct_accounts other = {.old_share = 500, .guess_key = 2};
    unsigned different = 0;
    char name[16];

    for (int i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof(name), "user%d", i);
        bool old = ct_accounts_seems_old(&accounts, ct_str_of(name));
        EXPECT(ct_accounts_seems_old(&accounts, ct_str_of(name)) == old);
        different += ct_accounts_seems_old(&other, ct_str_of(name)) != old;
    }
    EXPECT(different > 50 && different < 150);
out:
    return result;
}

/* Somebody who has an account is found in any case, and takes the same time in any: so does somebody
 * who has none, or the times would tell them apart. */
static enum ct_result test_a_name_seems_old_in_any_case(void)
{
    enum ct_result result = CT_OK;
    struct ct_accounts accounts = {.old_share = 500, .guess_key = 1};
    char lower[32];
    char upper[32];

    for (int i = 0; i < 100; i++) {
        (void)snprintf(lower, sizeof(lower), "user\xC3\xA4%d", i);
        (void)snprintf(upper, sizeof(upper), "USER\xC3\x84%d", i);
        EXPECT_GUESS(ct_accounts_seems_old(&accounts, ct_str_of(lower)) ==
                     ct_accounts_seems_old(&accounts, ct_str_of(upper)));
    }
out:
    return result;
}

static enum ct_result authenticate(struct scratch *scratch, struct ct_accounts *accounts,
                                   struct ct_str token, struct ct_caller *out)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result =
        ct_accounts_authenticate(accounts, scratch->arena, db, token, CT_STR("192.0.2.1"), out);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_authenticating(void)
{
    static const struct ct_config foreign_config = {SETTINGS, .algorithm = CT_HS256,
                                                    .password_hash = CT_ARGON2ID};
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_accounts accounts = {0};
    struct ct_accounts foreign = {0};
    struct ct_caller caller = {0};
    struct ct_str token;
    struct ct_str again;
    struct ct_str expired;
    struct ct_str stranger;
    int64_t now = ct_clock_unix_ms() / 1000;

    TRY(scratch_open(&scratch));
    TRY(execute(&scratch, "INSERT INTO users (id, username, role) VALUES (41, 'a', NULL), "
                          "(42, 'b', 'admin')"));
    TRY(init(&scratch, &config, &accounts));
    TRY(init(&scratch, &foreign_config, &foreign));
    TRY(ct_accounts_issue(&accounts, scratch.arena, 42, 0, now, &token));
    TRY(ct_accounts_issue(&accounts, scratch.arena, 42, 0, now, &again));
    TRY(ct_accounts_issue(&accounts, scratch.arena, 42, 0, now - 1800, &expired));
    TRY(ct_accounts_issue(&foreign, scratch.arena, 42, 0, now, &stranger));
    for (int turn = 0; turn < 2; turn++) { /* the second time from memory */
        caller = (struct ct_caller){0};
        TRY(authenticate(&scratch, &accounts, token, &caller));
        EXPECT(caller.user_id == 42 && caller.role == CT_ROLE_ADMIN && caller.key_id == 0);
        EXPECT(caller.login_at == now && caller.token_expires_at == now + 1800);
        EXPECT(caller.token_id.len > 0);
    }
    EXPECT_RESULT(CT_DENIED, authenticate(&scratch, &accounts, expired, &caller));
    EXPECT_RESULT(CT_DENIED, authenticate(&scratch, &accounts, stranger, &caller));
    EXPECT_RESULT(CT_DENIED, authenticate(&scratch, &accounts, CT_STR("x"), &caller));
    EXPECT_RESULT(CT_DENIED, authenticate(&scratch, &accounts, CT_STR("ctk_x"), &caller));
    /* that it is in memory does not keep a token alive */
    TRY(execute(&scratch, "UPDATE users SET token_epoch = 1"));
    EXPECT_RESULT(CT_DENIED, authenticate(&scratch, &accounts, token, &caller));
    TRY(execute(&scratch, "UPDATE users SET token_epoch = 0"));
    TRY(authenticate(&scratch, &accounts, token, &caller));
    /* the token of a deleted user is nobody's */
    TRY(execute(&scratch, "DELETE FROM users WHERE id = 42"));
    EXPECT_RESULT(CT_DENIED, authenticate(&scratch, &accounts, token, &caller));
out:
    ct_accounts_end(&foreign);
    ct_accounts_end(&accounts);
    scratch_close(&scratch);
    return result;
}

/* Tokens of the original service have no id: what they say is what they are known by. */
static enum ct_result test_tokens_without_an_id(void)
{
    static const struct ct_config plain_config = {SETTINGS, .algorithm = CT_HS256,
                                                  .password_hash = CT_ARGON2ID};
    /* {"sub":"42","exp":4102444800} and 4102444801 */
    static const char *const tokens[] = {
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0MiIsImV4cCI6NDEwMjQ0NDgwMH0."
        "7GrKUZjliXYosxMBXsc935Sne4Kw3SLLbogsevmU5DU",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0MiIsImV4cCI6NDEwMjQ0NDgwMX0."
        "cTNWTAxsvS45oie14iHFbuBM-7cs5DVDjqV1K9eOQ0Q",
    };
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_accounts accounts = {0};
    struct ct_caller first = {0};
    struct ct_caller again = {0};
    struct ct_caller second = {0};

    TRY(scratch_open(&scratch));
    TRY(execute(&scratch, "INSERT INTO users (id, username) VALUES (42, 'b')"));
    TRY(init(&scratch, &plain_config, &accounts));
    TRY(authenticate(&scratch, &accounts, ct_str_of(tokens[0]), &first));
    TRY(authenticate(&scratch, &accounts, ct_str_of(tokens[0]), &again));
    TRY(authenticate(&scratch, &accounts, ct_str_of(tokens[1]), &second));
    EXPECT(first.token_id.len == 43 && ct_str_equal(first.token_id, again.token_id));
    EXPECT(!ct_str_equal(first.token_id, second.token_id));
    EXPECT(first.login_at == 0);
out:
    ct_accounts_end(&accounts);
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_keys_that_cannot_be_used(void)
{
    static const struct ct_config pair_config = {.secret_key = "",
                                                 .secret_key_previous = "",
                                                 .jwt_private_key_file = "/nonexistent/key",
                                                 .jwt_previous_key_file = "",
                                                 .algorithm = CT_ES256,
                                                 .login_failures_max = 10,
                                                 .login_failures_minutes = 15};
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_accounts accounts = {0};
    const char *why = NULL;

    TRY(scratch_open(&scratch));
    EXPECT_RESULT(CT_IO,
                  ct_accounts_init(scratch.arena, &pair_config, scratch.store, &accounts, &why));
    EXPECT(strstr(why, "JWT_PRIVATE_KEY_FILE") != NULL && strstr(why, "/nonexistent/key") != NULL);
    EXPECT(accounts.keys == NULL && accounts.guessing == NULL);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_passwords_that_are_tried_first(void)
{
    static const struct {
        const char *username, *password;
        const char *why; /* NULL: it may be had */
    } cases[] = {
        {"alice", "password", "most common"},
        {"alice", "PASSWORD", "most common"},
        {"alice", "alice", "username"},
        {"Stra\xC3\x9F"
         "e",
         "STRASSE", "username"},
        {"password", "password", "username"},
        {"alice", "correct horse battery staple", NULL},
        {"alice", "alice and more", NULL},
        {"alice", "", NULL},
    };
    enum ct_result result = CT_OK;
    const char *why;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        why = NULL;
        result = ct_new_password_judge(arena, ct_str_of(cases[i].username),
                                       ct_str_of(cases[i].password), &why);
        if (result == CT_NOMEM)
            goto out;
        EXPECT(result == (cases[i].why == NULL ? CT_OK : CT_INVALID));
        EXPECT((why == NULL) == (cases[i].why == NULL));
        EXPECT(why == NULL || strstr(why, cases[i].why) != NULL);
        result = CT_OK;
    }
out:
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_hashes_of_the_original_service), CT_UNIT(test_hashes_of_many_users),
        CT_UNIT(test_how_many_names_seem_old),        CT_UNIT(test_which_names_seem_old),
        CT_UNIT(test_a_name_seems_old_in_any_case),   CT_UNIT(test_authenticating),
        CT_UNIT(test_tokens_without_an_id),           CT_UNIT(test_keys_that_cannot_be_used),
        CT_UNIT(test_passwords_that_are_tried_first),
    };
    return ct_unit_main("accounts/accounts", units, sizeof(units) / sizeof(units[0]));
}
