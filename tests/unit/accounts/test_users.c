#include "accounts/accounts.h"

#include <string.h>

#include "harness.h"
#include "scratch.h"

#define NOW INT64_C(1769860800123)

/** A job about one user: what goes in, and what comes out. */
struct job {
    struct ct_arena *arena;
    const char *sql; /* static; for rows that this program would not write */
    struct ct_str name;
    struct ct_str hash;
    struct ct_str new_hash;
    int64_t at_ms;
    int64_t id;
};

static enum ct_result run_insert(void *ctx, struct ct_db *db)
{
    struct job *job = ctx;
    return ct_user_insert(job->arena, db, job->name, job->hash, job->at_ms, &job->id);
}

static enum ct_result run_logged_in(void *ctx, struct ct_db *db)
{
    struct job *job = ctx;
    return ct_user_logged_in(job->arena, db, job->id, job->hash, job->new_hash, job->at_ms);
}

static enum ct_result run_set_password(void *ctx, struct ct_db *db)
{
    struct job *job = ctx;
    return ct_user_set_password(db, job->id, job->new_hash);
}

static enum ct_result run_sql(void *ctx, struct ct_db *db)
{
    struct job *job = ctx;
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, job->sql, &stmt);
    return result == CT_OK ? ct_run(stmt) : result;
}

static enum ct_result insert(struct scratch *scratch, const char *name, const char *hash,
                             int64_t *id)
{
    struct job job = {
        .arena = scratch->arena, .name = ct_str_of(name), .hash = ct_str_of(hash), .at_ms = NOW};
    enum ct_result result = ct_store_write(scratch->store, run_insert, &job);
    if (result == CT_OK)
        *id = job.id;
    return result;
}

static enum ct_result login(struct scratch *scratch, int64_t id, const char *old_hash,
                            const char *new_hash, int64_t at_ms)
{
    struct job job = {.arena = scratch->arena,
                      .id = id,
                      .hash = ct_str_of(old_hash),
                      .new_hash = ct_str_of(new_hash),
                      .at_ms = at_ms};
    return ct_store_write(scratch->store, run_logged_in, &job);
}

static enum ct_result set_password(struct scratch *scratch, int64_t id, const char *hash)
{
    struct job job = {.id = id, .new_hash = ct_str_of(hash)};
    return ct_store_write(scratch->store, run_set_password, &job);
}

static enum ct_result execute(struct scratch *scratch, const char *sql)
{
    struct job job = {.sql = sql};
    return ct_store_write(scratch->store, run_sql, &job);
}

static enum ct_result by_name(struct scratch *scratch, const char *name, struct ct_user *out)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_user_by_name(scratch->arena, db, ct_str_of(name), out);
    ct_store_read_end(db);
    return result;
}

static enum ct_result by_id(struct scratch *scratch, int64_t id, struct ct_user *out)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_user_by_id(scratch->arena, db, id, out);
    ct_store_read_end(db);
    return result;
}

static bool is(struct ct_str text, const char *expected)
{
    return ct_str_equal(text, ct_str_of(expected));
}

static enum ct_result test_a_new_user(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_user user;
    int64_t id = 0;

    TRY(scratch_open(&scratch));
    TRY(insert(&scratch, "Alice", "a hash", &id));
    EXPECT(id == 1);
    TRY(by_id(&scratch, 1, &user));
    EXPECT(user.id == 1 && is(user.username, "Alice") && is(user.password_hash, "a hash"));
    EXPECT(user.created_at == NOW && user.last_login_at == CT_NO_TIME);
    user = (struct ct_user){0};
    TRY(by_name(&scratch, "aLICE", &user));
    EXPECT(user.id == 1 && is(user.username, "Alice"));
    EXPECT_RESULT(CT_NOT_FOUND, by_name(&scratch, "Alic", &user));
    EXPECT_RESULT(CT_NOT_FOUND, by_name(&scratch, "", &user));
    EXPECT_RESULT(CT_NOT_FOUND, by_name(&scratch, "\xFF", &user));
    EXPECT_RESULT(CT_NOT_FOUND, by_id(&scratch, 2, &user));
    EXPECT_RESULT(CT_NOT_FOUND, by_id(&scratch, INT64_MIN, &user));
    EXPECT_RESULT(CT_INVALID, insert(&scratch, "\xC3", "a hash", &id));
out:
    scratch_close(&scratch);
    return result;
}

#define A_UMLAUT "\xC3\x84"            /* Ä */
#define A_UMLAUT_SMALL "\xC3\xA4"      /* ä */
#define A_UMLAUT_APART "A\xCC\x88"     /* A and U+0308 */
#define SHARP_S "\xC3\x9F"             /* ß */
#define SHARP_S_CAPITAL "\xE1\xBA\x9E" /* U+1E9E */
#define KELVIN "\xE2\x84\xAA"          /* U+212A, no K */
#define FI_LIGATURE "\xEF\xAC\x81"     /* U+FB01 */
#define FINAL_SIGMA "\xCF\x82"         /* ς */
#define SIGMA_CAPITAL "\xCE\xA3"       /* Σ */

static enum ct_result test_names_differ_in_more_than_case(void)
{
    static const struct {
        const char *first, *same, *other;
    } names[] = {
        {"Alice", "ALICE", "Alic\xC3\xA9"},
        {A_UMLAUT "RGER", A_UMLAUT_SMALL "rger", "arger"},
        {A_UMLAUT "x", A_UMLAUT_APART "X", "ax"},
        {SHARP_S_CAPITAL, "SS", "s"},
        {"a" SHARP_S, "aSs", "as"},
        {KELVIN "elvin", "kelvin", "elvin"},
        {"\xEF\xAC\x81x", "FIX", "f\xC4\xB1x"}, /* the ligature fi; a dotless i */
        {"o" FINAL_SIGMA, "O" SIGMA_CAPITAL, "o"},
        {" b", " B", "b"},
    };
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_user user;

    TRY(scratch_open(&scratch));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        int64_t id = 0;
        int64_t other = 0;
        TRY(insert(&scratch, names[i].first, "1", &id));
        EXPECT_RESULT(CT_CONFLICT, insert(&scratch, names[i].first, "2", &other));
        EXPECT_RESULT(CT_CONFLICT, insert(&scratch, names[i].same, "2", &other));
        EXPECT(other == 0);
        TRY(by_name(&scratch, names[i].same, &user));
        EXPECT(user.id == id && is(user.username, names[i].first) && is(user.password_hash, "1"));
        EXPECT_RESULT(CT_NOT_FOUND, by_name(&scratch, names[i].other, &user));
        TRY(insert(&scratch, names[i].other, "3", &other));
        EXPECT(other == id + 1);
    }
out:
    scratch_close(&scratch);
    return result;
}

/* The original service let names differ in case alone; the later of them have no key. */
static enum ct_result test_users_of_the_original_service(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_user user;
    int64_t id;

    TRY(scratch_open(&scratch));
    TRY(execute(&scratch, "INSERT INTO users (id, username, hashed_password, username_key) VALUES "
                          "(5, 'Bob', '$2b$12$x', 'bob'), (6, 'BOB', '$2b$12$y', NULL), "
                          "(7, NULL, NULL, NULL), (8, 'carl', NULL, 'carl')"));
    TRY(by_name(&scratch, "BOB", &user));
    EXPECT(user.id == 6 && user.created_at == CT_NO_TIME && user.last_login_at == CT_NO_TIME);
    TRY(by_name(&scratch, "Bob", &user));
    EXPECT(user.id == 5);
    TRY(by_name(&scratch, "bob", &user));
    EXPECT(user.id == 5 && is(user.password_hash, "$2b$12$x"));
    EXPECT_RESULT(CT_CONFLICT, insert(&scratch, "bOb", "1", &id));
    EXPECT_RESULT(CT_CONFLICT, insert(&scratch, "BOB", "1", &id));
    /* what is not there is an empty text */
    EXPECT_RESULT(CT_NOT_FOUND, by_name(&scratch, "", &user));
    TRY(by_id(&scratch, 7, &user));
    EXPECT(user.username.len == 0 && user.password_hash.len == 0);
    TRY(by_name(&scratch, "CARL", &user));
    EXPECT(user.id == 8 && user.password_hash.len == 0);
    TRY(insert(&scratch, "Dora", "1", &id));
    EXPECT(id == 9);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_logging_in(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_user user;
    int64_t id = 0;
    int64_t next = 0;

    TRY(scratch_open(&scratch));
    TRY(insert(&scratch, "Alice", "old", &id));
    TRY(login(&scratch, id, "old", "", NOW + 1));
    TRY(by_id(&scratch, id, &user));
    EXPECT(user.last_login_at == NOW + 1 && user.created_at == NOW);
    EXPECT(is(user.password_hash, "old"));
    TRY(login(&scratch, id, "old", "new", NOW + 2));
    TRY(by_id(&scratch, id, &user));
    EXPECT(user.last_login_at == NOW + 2 && is(user.password_hash, "new"));
    EXPECT_RESULT(CT_NOT_FOUND, login(&scratch, id + 1, "old", "new", NOW + 3));
    /* Between the comparison and the write somebody else may have been here: with a hash of the same
     * password, or with another password. What they wrote stays. */
    TRY(login(&scratch, id, "old", "new 2", NOW + 3));
    TRY(by_id(&scratch, id, &user));
    EXPECT(is(user.password_hash, "new") && user.last_login_at == NOW + 3);
    TRY(set_password(&scratch, id, "changed"));
    TRY(login(&scratch, id, "new", "new 3", NOW + 4));
    TRY(by_id(&scratch, id, &user));
    EXPECT(is(user.password_hash, "changed"));
    TRY(execute(&scratch, "DELETE FROM users"));
    EXPECT_RESULT(CT_NOT_FOUND, login(&scratch, id, "changed", "new 4", NOW + 5));
    EXPECT_RESULT(CT_NOT_FOUND, set_password(&scratch, id, "changed"));
    /* a token names its user by id: the next one must never be that one */
    TRY(insert(&scratch, "Alice", "1", &next));
    EXPECT(next == id + 1);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result list(struct scratch *scratch, int64_t after, size_t limit,
                           struct ct_user *out, size_t *count)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_user_list(scratch->arena, db, after, limit, out, count);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_the_list(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_user users[4];
    size_t count = 7;

    TRY(scratch_open(&scratch));
    TRY(list(&scratch, 0, 4, users, &count));
    EXPECT(count == 0);
    TRY(execute(&scratch, "INSERT INTO users (id, username, created_at, last_login_at) VALUES "
                          "(30, 'c', NULL, 5), (10, 'a', 7, NULL), (20, NULL, NULL, NULL)"));
    TRY(list(&scratch, 0, 2, users, &count));
    EXPECT(count == 2 && users[0].id == 10 && users[1].id == 20);
    EXPECT(is(users[0].username, "a") && users[0].created_at == 7);
    EXPECT(users[0].last_login_at == CT_NO_TIME && users[1].username.len == 0);
    TRY(list(&scratch, 20, 2, users, &count));
    EXPECT(count == 1 && users[0].id == 30 && users[0].last_login_at == 5);
    TRY(list(&scratch, 30, 2, users, &count));
    EXPECT(count == 0);
    TRY(list(&scratch, 0, 4, users, &count));
    EXPECT(count == 3);
    TRY(list(&scratch, 0, 0, users, &count));
    EXPECT(count == 0);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_what_a_name_may_hold(void)
{
    static const char *const good[] = {"a", " ", "\xC2\xA0", "\xF0\x9F\x98\x80", "\"\\'%", "a b"};
    static const char *const bad[] = {"\n", "a\tb", "\x7F", "\xC2\x80", "a\xC2\x9F", "\x1B[2J"};
    enum ct_result result = CT_OK;
    struct ct_str out;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        TRY(ct_username_normalize(arena, ct_str_of(good[i]), &out));
        EXPECT(is(out, good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        EXPECT_RESULT(CT_INVALID, ct_username_normalize(arena, ct_str_of(bad[i]), &out));
    EXPECT_RESULT(CT_INVALID, ct_username_normalize(arena, (struct ct_str){"a\0b", 3}, &out));
out:
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_a_new_user),
        CT_UNIT(test_names_differ_in_more_than_case),
        CT_UNIT(test_users_of_the_original_service),
        CT_UNIT(test_logging_in),
        CT_UNIT(test_the_list),
        CT_UNIT(test_what_a_name_may_hold),
    };
    return ct_unit_main("accounts/users", units, sizeof(units) / sizeof(units[0]));
}
