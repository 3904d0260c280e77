#include "accounts/sessions.h"

#include "room.h"

#define NOW INT64_C(1769860800)
#define HOUR 3600

/** A change of a session: what goes in. */
struct change {
    int64_t user_id;
    const char *token;
    int64_t expires_at;
    int64_t now_s;
};

static enum ct_result run_end(void *ctx, struct ct_db *db)
{
    const struct change *change = ctx;
    return ct_session_end(db, change->user_id, ct_str_of(change->token), change->expires_at,
                          change->now_s);
}

static enum ct_result run_end_all(void *ctx, struct ct_db *db)
{
    return ct_session_end_all(db, *(const int64_t *)ctx);
}

static enum ct_result end(struct scratch *scratch, int64_t user_id, const char *token,
                          int64_t expires_at, int64_t now_s)
{
    struct change change = {user_id, token, expires_at, now_s};
    return ct_store_write(scratch->store, run_end, &change);
}

static enum ct_result check_as(struct scratch *scratch, int64_t user_id, int64_t epoch,
                               const char *token, int64_t now_s, enum ct_role *role)
{
    const struct ct_session session = {user_id, epoch, ct_str_of(token)};
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_session_check(db, &session, now_s, role);
    ct_store_read_end(db);
    return result;
}

static enum ct_result check(struct scratch *scratch, int64_t user_id, int64_t epoch,
                            const char *token)
{
    enum ct_role role;
    return check_as(scratch, user_id, epoch, token, NOW, &role);
}

static enum ct_result test_which_tokens_count(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    enum ct_role role = CT_ROLE_ADMIN;

    TRY(scratch_open(&scratch));
    TRY(execute(
        &scratch,
        "INSERT INTO users (id, username, role, token_epoch, kept_token) VALUES "
        "(1, 'a', NULL, NULL, NULL), (2, 'b', 'admin', 3, NULL), (3, 'c', 'other', 3, 'k')"));
    TRY(check_as(&scratch, 1, 0, "t", NOW, &role));
    EXPECT(role == CT_ROLE_USER);
    TRY(check_as(&scratch, 2, 3, "t", NOW, &role));
    EXPECT(role == CT_ROLE_ADMIN);
    TRY(check_as(&scratch, 3, 3, "t", NOW, &role));
    EXPECT(role == CT_ROLE_USER);
    EXPECT_RESULT(CT_DENIED, check(&scratch, 1, 1, "t"));
    EXPECT_RESULT(CT_DENIED, check(&scratch, 2, 2, "t"));
    EXPECT_RESULT(CT_DENIED, check(&scratch, 2, 4, "t"));
    EXPECT_RESULT(CT_DENIED, check(&scratch, 4, 0, "t"));
    /* the one that was kept, of any epoch */
    TRY(check(&scratch, 3, 2, "k"));
    EXPECT_RESULT(CT_DENIED, check(&scratch, 3, 2, "K"));
    EXPECT_RESULT(CT_DENIED, check(&scratch, 2, 2, "k"));
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_ending_one_token(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    enum ct_role role;

    TRY(scratch_open(&scratch));
    TRY(execute(&scratch, "INSERT INTO users (id, username) VALUES (1, 'a'), (2, 'b')"));
    TRY(end(&scratch, 1, "first", NOW + 600, NOW));
    TRY(end(&scratch, 1, "second", NOW + 300, NOW));
    TRY(end(&scratch, 1, "second", NOW + 300, NOW)); /* nothing new */
    EXPECT_NUMBER(NOW + 600, &scratch, "SELECT revoked_until FROM users WHERE id = 1");
    EXPECT_NUMBER(-1, &scratch, "SELECT revoked_until FROM users WHERE id = 2");
    EXPECT_NUMBER(2, &scratch, "SELECT count(*) FROM revoked_tokens");
    EXPECT_RESULT(CT_DENIED, check(&scratch, 1, 0, "first"));
    EXPECT_RESULT(CT_DENIED, check(&scratch, 1, 0, "second"));
    TRY(check(&scratch, 1, 0, "third"));
    TRY(check(&scratch, 2, 0, "first"));
    /* as long as a token could live, whatever the row says */
    EXPECT_RESULT(CT_DENIED, check_as(&scratch, 1, 0, "second", NOW + 599, &role));
    EXPECT_RESULT(CT_NOT_FOUND, end(&scratch, 3, "first", NOW + 600, NOW));
    EXPECT_NUMBER(2, &scratch, "SELECT count(*) FROM revoked_tokens");
out:
    scratch_close(&scratch);
    return result;
}

/* Some of the rows that are no longer needed go with each that comes. */
static enum ct_result test_ended_tokens_are_forgotten(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;

    TRY(scratch_open(&scratch));
    TRY(execute(&scratch, "INSERT INTO users (id, username) VALUES (1, 'a')"));
    TRY(execute(&scratch,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150) "
                "INSERT INTO revoked_tokens (user_id, token_id, expires_at) "
                "SELECT 1, 'old ' || i, 1000 + i FROM n"));
    TRY(end(&scratch, 1, "first", NOW, NOW - HOUR));
    EXPECT_NUMBER(50, &scratch, "SELECT count(*) FROM revoked_tokens WHERE token_id LIKE 'old %'");
    EXPECT_NUMBER(1101, &scratch, "SELECT min(expires_at) FROM revoked_tokens");
    TRY(end(&scratch, 1, "second", NOW + 600, NOW + HOUR));
    EXPECT_NUMBER(2, &scratch, "SELECT count(*) FROM revoked_tokens");
    /* an hour after its end a row goes, not before */
    TRY(end(&scratch, 1, "third", NOW + 2 * HOUR, NOW + HOUR + 1));
    EXPECT_NUMBER(0, &scratch, "SELECT count(*) FROM revoked_tokens WHERE token_id = 'first'");
    EXPECT_NUMBER(2, &scratch, "SELECT count(*) FROM revoked_tokens");
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_ending_all_tokens(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_db *db;
    int64_t user_id = 1;
    int64_t nobody = 9;
    int64_t epoch = -1;

    TRY(scratch_open(&scratch));
    TRY(execute(&scratch, "INSERT INTO users (id, username, kept_token) VALUES (1, 'a', 'k')"));
    TRY(check(&scratch, 1, 7, "k"));
    TRY(ct_store_write(scratch.store, run_end_all, &user_id));
    EXPECT_RESULT(CT_DENIED, check(&scratch, 1, 0, "t"));
    EXPECT_RESULT(CT_DENIED, check(&scratch, 1, 7, "k"));
    TRY(check(&scratch, 1, 1, "t"));
    TRY(ct_store_write(scratch.store, run_end_all, &user_id));
    EXPECT_RESULT(CT_DENIED, check(&scratch, 1, 1, "t"));
    EXPECT_RESULT(CT_NOT_FOUND, ct_store_write(scratch.store, run_end_all, &nobody));
    TRY(ct_store_read_begin(scratch.store, &db));
    result = ct_session_epoch(db, 1, &epoch);
    enum ct_result unknown = result == CT_OK ? ct_session_epoch(db, 9, &nobody) : result;
    ct_store_read_end(db);
    TRY(result);
    EXPECT(epoch == 2);
    EXPECT_RESULT(CT_NOT_FOUND, unknown);
out:
    scratch_close(&scratch);
    return result;
}

/* Until SESSION_MAX_HOURS after the login, and never beyond it. */
static enum ct_result test_how_long_a_fresh_token_lives(void)
{
    static const struct ct_config config = {.access_token_expire_minutes = 30,
                                            .session_max_hours = 24};
    static const struct {
        int64_t ago, lives;
    } cases[] = {{0, 1800},
                 {24 * HOUR - 1801, 1800},
                 {24 * HOUR - 1800, 1800},
                 {24 * HOUR - 1799, 1799},
                 {24 * HOUR - 1, 1},
                 {24 * HOUR, 0},
                 {24 * HOUR + 1, 0},
                 {NOW, 0}};
    enum ct_result result = CT_OK;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        EXPECT(ct_session_lifetime_s(&config, NOW - cases[i].ago, NOW) == cases[i].lives);
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_which_tokens_count),           CT_UNIT(test_ending_one_token),
        CT_UNIT(test_ended_tokens_are_forgotten),   CT_UNIT(test_ending_all_tokens),
        CT_UNIT(test_how_long_a_fresh_token_lives),
    };
    return ct_unit_main("accounts/sessions", units, sizeof(units) / sizeof(units[0]));
}
