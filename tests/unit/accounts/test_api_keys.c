#include "accounts/api_keys.h"

#include <unistd.h>

#include "accounts/key_text.h"
#include "allocations.h"
#include "room.h"

#define NOW INT64_C(1769860800123)
#define MINUTE 60000

/** A job about one key: what goes in, and what comes out. */
struct job {
    struct ct_arena *arena;
    int64_t user_id;
    struct ct_api_key key;
    struct ct_str hash;
    struct ct_str name;
    int64_t id;
};

static enum ct_result run_insert(void *ctx, struct ct_db *db)
{
    struct job *job = ctx;
    return ct_api_key_insert(db, job->user_id, &job->key, job->hash, &job->id);
}

static enum ct_result run_delete(void *ctx, struct ct_db *db)
{
    struct job *job = ctx;
    return ct_api_key_delete(job->arena, db, job->user_id, job->id, &job->name);
}

/* Adds a key; its text is in @p text. */
static enum ct_result insert(struct scratch *scratch, int64_t user_id, const char *scopes,
                             int64_t expires_at, struct ct_str *text, int64_t *id)
{
    struct job job = {.user_id = user_id,
                      .key = {.name = CT_STR("a name"),
                              .hint = CT_STR("ctk_xxxx"),
                              .scopes = ct_str_of(scopes),
                              .created_at = NOW,
                              .expires_at = expires_at}};
    enum ct_result result = ct_key_text_make(scratch->arena, text);
    if (result == CT_OK)
        result = ct_key_text_hash(scratch->arena, *text, &job.hash);
    if (result == CT_OK)
        result = ct_store_write(scratch->store, run_insert, &job);
    *id = job.id;
    return result;
}

static enum ct_result delete_key(struct scratch *scratch, int64_t user_id, int64_t id)
{
    struct job job = {.arena = scratch->arena, .user_id = user_id, .id = id};
    enum ct_result result = ct_store_write(scratch->store, run_delete, &job);
    return result == CT_OK && !ct_str_equal(job.name, CT_STR("a name")) ? CT_BUG : result;
}

static enum ct_result check(struct scratch *scratch, struct ct_key_uses *uses, struct ct_str text,
                            int64_t now_ms, struct ct_caller *out)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_api_key_check(uses, scratch->arena, db, text, now_ms, CT_STR("192.0.2.1"), out);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_whose_key_it_is(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_key_uses *uses = NULL;
    struct ct_caller caller = {0};
    struct ct_str first;
    struct ct_str second;
    struct ct_str text;
    int64_t first_id = 0;
    int64_t second_id = 0;

    TRY(scratch_open(&scratch));
    TRY(execute(&scratch, "INSERT INTO users (id, username, role) VALUES (4, 'a', NULL), "
                          "(5, 'b', 'admin')"));
    TRY(ct_key_uses_new(scratch.store, &uses));
    TRY(insert(&scratch, 4, "numbers:read calls:read", CT_NO_TIME, &first, &first_id));
    TRY(insert(&scratch, 5, "*", NOW + 1, &second, &second_id));
    TRY(check(&scratch, uses, first, NOW, &caller));
    EXPECT(caller.user_id == 4 && caller.key_id == first_id && caller.role == CT_ROLE_USER);
    EXPECT(ct_str_equal(caller.scopes, CT_STR("numbers:read calls:read")));
    EXPECT(caller.token_id.len == 0);
    TRY(check(&scratch, uses, second, NOW, &caller));
    EXPECT(caller.user_id == 5 && caller.key_id == second_id && caller.role == CT_ROLE_ADMIN);
    /* at its time it has expired */
    EXPECT_RESULT(CT_DENIED, check(&scratch, uses, second, NOW + 1, &caller));
    /* one that nobody has, and what is none */
    TRY(ct_key_text_make(scratch.arena, &text));
    EXPECT_RESULT(CT_DENIED, check(&scratch, uses, text, NOW, &caller));
    EXPECT_RESULT(CT_DENIED, check(&scratch, uses, CT_STR("ctk_"), NOW, &caller));
    EXPECT_RESULT(CT_NOT_FOUND, delete_key(&scratch, 5, first_id));
    EXPECT_RESULT(CT_NOT_FOUND, delete_key(&scratch, 4, 99));
    TRY(delete_key(&scratch, 4, first_id));
    EXPECT_RESULT(CT_DENIED, check(&scratch, uses, first, NOW, &caller));
    EXPECT_RESULT(CT_NOT_FOUND, delete_key(&scratch, 4, first_id));
    /* of a user who is not there */
    EXPECT_RESULT(CT_NOT_FOUND, insert(&scratch, 6, "*", CT_NO_TIME, &text, &first_id));
    /* an id that was somebody's is never another's */
    TRY(delete_key(&scratch, 5, second_id));
    TRY(insert(&scratch, 4, "*", CT_NO_TIME, &text, &first_id));
    EXPECT(first_id > second_id);
out:
    ct_key_uses_free(uses);
    scratch_close(&scratch);
    return result;
}

static enum ct_result list(struct scratch *scratch, int64_t user_id, int64_t after,
                           struct ct_api_key *out, size_t limit, size_t *count, int64_t *counted)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_api_key_list(scratch->arena, db, user_id, after, limit, out, count);
    if (result == CT_OK)
        result = ct_api_key_count(db, user_id, 3, counted);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_the_keys_of_a_user(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_api_key keys[3];
    struct ct_str text;
    int64_t id = 0;
    int64_t counted = 0;
    size_t count = 0;

    TRY(scratch_open(&scratch));
    TRY(execute(&scratch, "INSERT INTO users (id, username) VALUES (4, 'a'), (5, 'b')"));
    TRY(list(&scratch, 4, 0, keys, 3, &count, &counted));
    EXPECT(count == 0 && counted == 0);
    for (int i = 0; i < 4; i++)
        TRY(insert(&scratch, i == 1 ? 5 : 4, "calls:read", i == 0 ? NOW : CT_NO_TIME, &text, &id));
    TRY(list(&scratch, 4, 0, keys, 2, &count, &counted));
    EXPECT(count == 2 && keys[0].id == 1 && keys[1].id == 3 && counted == 3);
    EXPECT(keys[0].expires_at == NOW && keys[1].expires_at == CT_NO_TIME);
    EXPECT(keys[0].created_at == NOW && keys[0].last_used_at == CT_NO_TIME);
    EXPECT(keys[0].last_used_address.at == NULL);
    EXPECT(ct_str_equal(keys[0].name, CT_STR("a name")));
    EXPECT(ct_str_equal(keys[0].scopes, CT_STR("calls:read")));
    TRY(list(&scratch, 4, 3, keys, 3, &count, &counted));
    EXPECT(count == 1 && keys[0].id == 4);
    /* it counts no further than it is asked to */
    TRY(insert(&scratch, 4, "*", CT_NO_TIME, &text, &id));
    TRY(list(&scratch, 4, 3, keys, 3, &count, &counted));
    EXPECT(counted == 3);
out:
    scratch_close(&scratch);
    return result;
}

/* What a use that was noted has left behind; want of memory may have lost it. */
#define EXPECT_USE(expected, sql)                \
    do {                                         \
        int64_t used_;                           \
        TRY(number_of(&scratch, (sql), &used_)); \
        if (used_ == -1 && (expected) != -1)     \
            result = CT_NOMEM;                   \
        if (result != CT_OK)                     \
            goto out;                            \
        EXPECT(used_ == (expected));             \
    } while (0)

/* Notes a use and waits until it is written. */
static enum ct_result use(struct scratch *scratch, int64_t key_id, int64_t now_ms,
                          const char *address)
{
    struct ct_key_uses *uses = NULL;
    enum ct_result result = ct_key_uses_new(scratch->store, &uses);
    if (result == CT_OK)
        ct_key_uses_note(uses, key_id, now_ms, ct_str_of(address));
    ct_key_uses_free(uses);
    return result;
}

static enum ct_result test_the_last_use(void)
{
    static const char LAST[] = "SELECT last_used_at FROM api_keys WHERE id = 1";
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_str text;
    int64_t id = 0;

    TRY(scratch_open(&scratch));
    TRY(execute(&scratch, "INSERT INTO users (id, username) VALUES (4, 'a')"));
    TRY(insert(&scratch, 4, "*", CT_NO_TIME, &text, &id));
    TRY(use(&scratch, 9, NOW, "192.0.2.1")); /* nobody's */
    EXPECT_NUMBER(-1, &scratch, LAST);
    TRY(use(&scratch, 1, NOW, "192.0.2.1"));
    EXPECT_USE(NOW, LAST);
    EXPECT_NUMBER(1, &scratch, "SELECT last_used_address = '192.0.2.1' FROM api_keys");
    /* once a minute, whoever says so */
    TRY(use(&scratch, 1, NOW + MINUTE - 1, "192.0.2.2"));
    EXPECT_USE(NOW, LAST);
    TRY(use(&scratch, 1, NOW + MINUTE, "2001:db8::1"));
    EXPECT_NUMBER(1, &scratch, "SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL");
out:
    scratch_close(&scratch);
    return result;
}

/** A write that keeps the store's writer busy until it is let go. */
struct hold {
    struct ct_job job;
    int pipe[2];
};

static enum ct_result run_hold(void *ctx, struct ct_db *db)
{
    struct hold *hold = ctx;
    char byte;
    (void)db;
    return read(hold->pipe[0], &byte, 1) == 1 ? CT_OK : CT_IO;
}

static void done_hold(void *ctx, enum ct_result result)
{
    (void)ctx;
    (void)result;
}

/* More keys than have room are in use while the disk is slow: what has no room is forgotten, nothing
 * grows, and nobody waits. */
static enum ct_result test_more_uses_than_have_room(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_key_uses *uses = NULL;
    struct hold hold = {.pipe = {-1, -1}};
    int64_t written = 0;

    TRY(scratch_open(&scratch));
    TRY(execute(&scratch, "INSERT INTO users (id, username) VALUES (4, 'a')"));
    TRY(execute(&scratch,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
                "INSERT INTO api_keys (id, user_id, name, key_hash, hint, scopes, created_at) "
                "SELECT i, 4, 'n', 'hash ' || i, 'h', '*', 0 FROM n"));
    TRY(ct_key_uses_new(scratch.store, &uses));
    EXPECT(pipe(hold.pipe) == 0);
    hold.job = (struct ct_job){.run = run_hold, .done = done_hold, .ctx = &hold};
    TRY(ct_store_submit(scratch.store, &hold.job));
    for (int64_t id = 1; id <= 500; id++) {
        ct_key_uses_note(uses, id, NOW, CT_STR("192.0.2.1"));
        ct_key_uses_note(uses, id, NOW + 1, CT_STR("192.0.2.2"));
    }
    EXPECT(write(hold.pipe[1], "x", 1) == 1);
    /* with those that waited for the first write a second one goes; without memory less may be written, or nothing */
    for (int turn = 0; written < 65 && (turn < 20 || !ct_allocations_failed()); turn++) {
        (void)usleep(5000);
        TRY(number_of(&scratch, "SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL",
                      &written));
    }
    if (written != 65)
        result = CT_NOMEM; /* in one of the two writes: what it had is lost */
    if (result != CT_OK)
        goto out;
    EXPECT_NUMBER(0, &scratch,
                  "SELECT count(*) FROM api_keys WHERE last_used_address <> '192.0.2.1'");
out:
    if (hold.pipe[1] != -1) {
        (void)!write(hold.pipe[1], "xx", 2);
        ct_key_uses_free(uses);
        uses = NULL;
    }
    ct_key_uses_free(uses);
    scratch_close(&scratch);
    if (hold.pipe[0] != -1) {
        (void)close(hold.pipe[0]);
        (void)close(hold.pipe[1]);
    }
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_whose_key_it_is),
        CT_UNIT(test_the_keys_of_a_user),
        CT_UNIT(test_the_last_use),
        CT_UNIT(test_more_uses_than_have_room),
    };
    return ct_unit_main("accounts/api_keys", units, sizeof(units) / sizeof(units[0]));
}
