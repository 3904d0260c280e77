#include "accounts/users.h"

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
    struct ct_user seen;
    struct ct_str new_hash;
    struct ct_str text; /* an address, or the token that is kept */
    enum ct_role role;
    int64_t at_ms;
    int64_t id;
};

static enum ct_result run_insert(void *ctx, struct ct_db *db)
{
    struct job *job = ctx;
    return ct_user_insert(job->arena, db, job->name, job->hash, job->text, job->at_ms, &job->id);
}

static enum ct_result run_logged_in(void *ctx, struct ct_db *db)
{
    struct job *job = ctx;
    return ct_user_logged_in(db, &job->seen, job->new_hash, job->text, job->at_ms);
}

static enum ct_result run_change_password(void *ctx, struct ct_db *db)
{
    struct job *job = ctx;
    return ct_user_change_password(db, &job->seen, job->new_hash, job->text);
}

static enum ct_result run_delete(void *ctx, struct ct_db *db)
{
    struct job *job = ctx;
    return ct_user_delete(db, &job->seen);
}

static enum ct_result run_set_role(void *ctx, struct ct_db *db)
{
    struct job *job = ctx;
    return ct_user_set_role(db, job->id, job->role);
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
    struct job job = {.arena = scratch->arena,
                      .name = ct_str_of(name),
                      .hash = ct_str_of(hash),
                      .text = CT_STR("192.0.2.1"),
                      .at_ms = NOW};
    enum ct_result result = ct_store_write(scratch->store, run_insert, &job);
    if (result == CT_OK)
        *id = job.id;
    return result;
}

static struct ct_user seen(int64_t id, const char *hash, int64_t epoch)
{
    return (struct ct_user){.id = id, .password_hash = ct_str_of(hash), .token_epoch = epoch};
}

static enum ct_result login(struct scratch *scratch, int64_t id, const char *old_hash,
                            const char *new_hash, int64_t at_ms)
{
    struct job job = {.seen = seen(id, old_hash, 0),
                      .new_hash = ct_str_of(new_hash),
                      .text = CT_STR("192.0.2.2"),
                      .at_ms = at_ms};
    return ct_store_write(scratch->store, run_logged_in, &job);
}

static enum ct_result change_password(struct scratch *scratch, struct ct_user user,
                                      const char *hash, const char *kept)
{
    struct job job = {.seen = user, .new_hash = ct_str_of(hash), .text = ct_str_of(kept)};
    return ct_store_write(scratch->store, run_change_password, &job);
}

static enum ct_result set_role(struct scratch *scratch, int64_t id, enum ct_role role)
{
    struct job job = {.id = id, .role = role};
    return ct_store_write(scratch->store, run_set_role, &job);
}

static enum ct_result delete_user(struct scratch *scratch, struct ct_user user)
{
    struct job job = {.seen = user};
    return ct_store_write(scratch->store, run_delete, &job);
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
    EXPECT(user.role == CT_ROLE_USER && user.token_epoch == 0);
    EXPECT(is(user.last_login_address, "192.0.2.1"));
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
    EXPECT(is(user.last_login_address, "192.0.2.2"));
    /* With another password, the login did not happen: what was right then is wrong now. */
    TRY(change_password(&scratch, seen(id, "new", 0), "changed", ""));
    EXPECT_RESULT(CT_NOT_FOUND, login(&scratch, id, "new", "new 3", NOW + 4));
    TRY(by_id(&scratch, id, &user));
    EXPECT(is(user.password_hash, "changed") && user.last_login_at == NOW + 3);
    TRY(execute(&scratch, "DELETE FROM users"));
    EXPECT_RESULT(CT_NOT_FOUND, login(&scratch, id, "changed", "new 4", NOW + 5));
    /* a token names its user by id: the next one must never be that one */
    TRY(insert(&scratch, "Alice", "1", &next));
    EXPECT(next == id + 1);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_a_new_password(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_user user;
    struct ct_user before;
    int64_t id = 0;

    TRY(scratch_open(&scratch));
    TRY(insert(&scratch, "Alice", "old", &id));
    TRY(by_id(&scratch, id, &before));
    TRY(change_password(&scratch, before, "new", "a token"));
    TRY(by_id(&scratch, id, &user));
    EXPECT(is(user.password_hash, "new") && user.token_epoch == 1);
    /* who has seen the user before that changes nothing */
    EXPECT_RESULT(CT_NOT_FOUND, change_password(&scratch, before, "newer", ""));
    EXPECT_RESULT(CT_NOT_FOUND, delete_user(&scratch, before));
    EXPECT_RESULT(CT_NOT_FOUND, change_password(&scratch, seen(id + 1, "old", 0), "new", ""));
    TRY(change_password(&scratch, user, "newest", ""));
    TRY(by_id(&scratch, id, &user));
    EXPECT(is(user.password_hash, "newest") && user.token_epoch == 2);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_the_end_of_a_user(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_user user;

    TRY(scratch_open(&scratch));
    TRY(execute(&scratch, "INSERT INTO users (id, username) VALUES (1, 'a'), (2, 'b')"));
    TRY(execute(&scratch, "INSERT INTO virtual_phone_numbers (id, phone_number, user_id) VALUES "
                          "(1, '+4930', 1)"));
    TRY(execute(&scratch, "INSERT INTO api_keys (id, user_id, name, key_hash, hint, scopes, "
                          "created_at) VALUES (1, 1, 'n', 'x', 'h', '*', 0), "
                          "(2, 2, 'n', 'y', 'h', '*', 0)"));
    TRY(execute(&scratch, "INSERT INTO revoked_tokens (user_id, token_id, expires_at) VALUES "
                          "(1, 't', 0), (2, 't', 0)"));
    /* somebody still refers to the user: then nothing happens */
    EXPECT_RESULT(CT_NOT_FOUND, delete_user(&scratch, seen(1, "", 0)));
    TRY(execute(&scratch, "DELETE FROM virtual_phone_numbers"));
    TRY(delete_user(&scratch, seen(1, "", 0)));
    EXPECT_RESULT(CT_NOT_FOUND, by_id(&scratch, 1, &user));
    EXPECT_RESULT(CT_NOT_FOUND, delete_user(&scratch, seen(1, "", 0)));
    /* what is others' stays, and what is his is gone: their rows would be in the way */
    TRY(by_id(&scratch, 2, &user));
    TRY(execute(&scratch, "INSERT INTO api_keys (id, user_id, name, key_hash, hint, scopes, "
                          "created_at) VALUES (1, 2, 'n', 'x', 'h', '*', 0)"));
    EXPECT_RESULT(CT_CONFLICT,
                  execute(&scratch, "INSERT INTO api_keys (id, user_id, name, key_hash, hint, "
                                    "scopes, created_at) VALUES (3, 2, 'n', 'y', 'h', '*', 0)"));
    TRY(execute(&scratch, "INSERT INTO revoked_tokens (user_id, token_id, expires_at) VALUES "
                          "(1, 't', 0)"));
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_roles(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_user user;
    int64_t id = 0;

    TRY(scratch_open(&scratch));
    TRY(insert(&scratch, "Alice", "1", &id));
    TRY(set_role(&scratch, id, CT_ROLE_ADMIN));
    TRY(by_name(&scratch, "alice", &user));
    EXPECT(user.role == CT_ROLE_ADMIN);
    TRY(set_role(&scratch, id, CT_ROLE_USER));
    TRY(by_id(&scratch, id, &user));
    EXPECT(user.role == CT_ROLE_USER);
    EXPECT_RESULT(CT_NOT_FOUND, set_role(&scratch, id + 1, CT_ROLE_ADMIN));
    EXPECT(is(ct_role_word(CT_ROLE_USER), "user") && is(ct_role_word(CT_ROLE_ADMIN), "admin"));
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
        CT_UNIT(test_a_new_password),
        CT_UNIT(test_the_end_of_a_user),
        CT_UNIT(test_roles),
        CT_UNIT(test_the_list),
        CT_UNIT(test_what_a_name_may_hold),
    };
    return ct_unit_main("accounts/users", units, sizeof(units) / sizeof(units[0]));
}
