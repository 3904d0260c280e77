#include "accounts/accounts.h"

#include <string.h>

#include "base/clock.h"
#include "harness.h"
#include "scratch.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static const struct ct_config config = {
    .secret_key = SECRET, .algorithm = CT_HS384, .password_hash = CT_ARGON2ID};
static const struct ct_config bcrypt_config = {
    .secret_key = SECRET, .algorithm = CT_HS256, .password_hash = CT_BCRYPT};

static enum ct_result run_sql(void *ctx, struct ct_db *db)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, ctx, &stmt);
    return result == CT_OK ? ct_run(stmt) : result;
}

/* @p sql is static. */
static enum ct_result execute(struct scratch *scratch, const char *sql)
{
    return ct_store_write(scratch->store, run_sql, (void *)(uintptr_t)sql);
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
    TRY(ct_accounts_init(scratch.arena, &config, scratch.store, &accounts));
    EXPECT(accounts.config == &config && accounts.key.algorithm == CT_HS384);
    EXPECT(ct_str_equal(accounts.key.secret, CT_STR(SECRET)));
    EXPECT(accounts.old_share == 0 && accounts.old_hash.len == 0);
    EXPECT(!ct_accounts_seems_old(&accounts, CT_STR("alice")));
    TRY(execute(&scratch, "INSERT INTO users (username, hashed_password) VALUES "
                          "('a', '$argon2id$x'), ('b', NULL), ('c', ''), ('d', '$2')"));
    ct_accounts_end(&accounts);
    TRY(ct_accounts_init(scratch.arena, &config, scratch.store, &accounts));
    EXPECT(accounts.old_share == 0 && accounts.old_hash.len == 0);
    /* one of argon2id, two of the original service */
    TRY(execute(&scratch, "UPDATE users SET hashed_password = CASE username "
                          "WHEN 'a' THEN '$argon2id$x' WHEN 'b' THEN '$2b$12$first' "
                          "ELSE '$2a$10$second' END"));
    TRY(execute(&scratch, "DELETE FROM users WHERE username = 'd'"));
    ct_accounts_end(&accounts);
    TRY(ct_accounts_init(scratch.arena, &config, scratch.store, &accounts));
    EXPECT(accounts.old_share == 666);
    EXPECT_GUESS(ct_str_equal(accounts.old_hash, CT_STR("$2b$12$first")));
    TRY(execute(&scratch, "DELETE FROM users WHERE username = 'a'"));
    ct_accounts_end(&accounts);
    TRY(ct_accounts_init(scratch.arena, &config, scratch.store, &accounts));
    EXPECT(accounts.old_share == 1000);
    EXPECT(ct_accounts_seems_old(&accounts, CT_STR("anybody")));
    EXPECT(ct_accounts_seems_old(&accounts, (struct ct_str){0}));
    /* nothing to guess where new hashes are of the kind of the old ones */
    ct_accounts_end(&accounts);
    TRY(ct_accounts_init(scratch.arena, &bcrypt_config, scratch.store, &accounts));
    EXPECT(accounts.key.algorithm == CT_HS256);
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
    TRY(ct_accounts_init(scratch.arena, &config, scratch.store, &accounts));
    EXPECT(accounts.old_share > 450 && accounts.old_share < 550);
    EXPECT_GUESS(ct_str_equal(accounts.old_hash, CT_STR("$2b$12$old")));
    ct_accounts_end(&accounts);
    TRY(ct_accounts_init(scratch.arena, &bcrypt_config, scratch.store, &accounts));
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
                                   struct ct_str token, int64_t *user_id)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_accounts_authenticate(accounts, scratch->arena, db, token, user_id);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_authenticating(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_accounts accounts = {0};
    struct ct_str token;
    struct ct_str expired;
    struct ct_str foreign;
    int64_t now = ct_clock_unix_ms() / 1000;
    int64_t user_id = 0;

    TRY(scratch_open(&scratch));
    TRY(execute(&scratch, "INSERT INTO users (id, username) VALUES (41, 'a'), (42, 'b')"));
    TRY(ct_accounts_init(scratch.arena, &config, scratch.store, &accounts));
    struct ct_token_key stranger = {accounts.key.algorithm,
                                    CT_STR("another key of 32 bytes ........")};
    TRY(ct_token_issue(scratch.arena, &accounts.key, 42, now, 60, &token));
    TRY(ct_token_issue(scratch.arena, &accounts.key, 42, now - 60, 60, &expired));
    TRY(ct_token_issue(scratch.arena, &stranger, 42, now, 60, &foreign));
    TRY(authenticate(&scratch, &accounts, token, &user_id));
    EXPECT(user_id == 42);
    user_id = 0;
    TRY(authenticate(&scratch, &accounts, token, &user_id)); /* and again, from memory */
    EXPECT(user_id == 42);
    user_id = 0;
    EXPECT_RESULT(CT_DENIED, authenticate(&scratch, &accounts, expired, &user_id));
    EXPECT_RESULT(CT_DENIED, authenticate(&scratch, &accounts, foreign, &user_id));
    EXPECT_RESULT(CT_DENIED, authenticate(&scratch, &accounts, CT_STR("x"), &user_id));
    /* the token of a deleted user is nobody's */
    TRY(execute(&scratch, "DELETE FROM users WHERE id = 42"));
    EXPECT_RESULT(CT_DENIED, authenticate(&scratch, &accounts, token, &user_id));
    EXPECT(user_id == 0);
out:
    ct_accounts_end(&accounts);
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_hashes_of_the_original_service), CT_UNIT(test_hashes_of_many_users),
        CT_UNIT(test_how_many_names_seem_old),        CT_UNIT(test_which_names_seem_old),
        CT_UNIT(test_a_name_seems_old_in_any_case),   CT_UNIT(test_authenticating),
    };
    return ct_unit_main("accounts/accounts", units, sizeof(units) / sizeof(units[0]));
}
