#include <string.h>

#include "harness.h"
#include "scratch.h"
#include "store/tables.h"

static enum ct_result fill(void *ctx, struct ct_db *db)
{
    static const char *const statements[] = {
        "INSERT INTO users (id, username, hashed_password) VALUES (1, 'ada', 'x'), (2, NULL, '')",
        "INSERT INTO revoked_tokens (user_id, token_id, expires_at) "
        "VALUES (1, 'a', 5), (1, 'b', 6), (2, 'a', 7)",
        "UPDATE last_ids SET last_id = 9 WHERE table_name = 'users'",
    };
    (void)ctx;
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        struct ct_stmt *stmt;
        enum ct_result result = ct_db_query(db, statements[i], &stmt);
        if (result == CT_OK)
            result = ct_run(stmt);
        if (result != CT_OK)
            return result;
    }
    return CT_OK;
}

static enum ct_result one_more(void *ctx, struct ct_db *db)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, ctx, &stmt);
    return result == CT_OK ? ct_run(stmt) : result;
}

static void count_shown(void *ctx, int64_t rows)
{
    *(int64_t *)ctx += rows;
}

static const struct ct_table *find(const struct ct_table *tables, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(ct_table_name(ct_table_at(tables, i)), name) == 0)
            return ct_table_at(tables, i);
    }
    return NULL;
}

/* The sums of a table in two databases: whether they are the same. */
static enum ct_result compare(struct scratch *from, struct scratch *to,
                              const struct ct_table *table, bool *same)
{
    struct ct_table_sum sums[2];
    int64_t shown = 0;
    enum ct_result result =
        ct_table_sum(from->store, table, INT64_MAX, count_shown, &shown, &sums[0]);
    if (result == CT_OK)
        result = ct_table_sum(to->store, table, INT64_MAX, count_shown, &shown, &sums[1]);
    if (result == CT_OK)
        *same = sums[0].rows == sums[1].rows && shown == sums[0].rows + sums[1].rows &&
                memcmp(sums[0].sha256, sums[1].sha256, CT_SHA256_BYTES) == 0;
    return result;
}

static enum ct_result test_every_table_goes_over(void)
{
    enum ct_result result;
    struct scratch from;
    struct scratch to = {0};
    const struct ct_table *tables;
    size_t count;
    int64_t shown = 0;
    bool same;

    TRY(scratch_open(&from));
    TRY(scratch_open(&to));
    TRY(ct_tables_make(from.arena, &tables, &count));
    TRY(ct_store_write(from.store, fill, NULL));
    for (size_t i = 0; i < count; i++)
        TRY(ct_table_copy(from.store, to.store, ct_table_at(tables, i), count_shown, &shown));
    EXPECT(shown == 2 + 3 + 10);
    for (size_t i = 0; i < count; i++) {
        TRY(compare(&from, &to, ct_table_at(tables, i), &same));
        EXPECT(same);
    }
out:
    scratch_close(&to);
    scratch_close(&from);
    return result;
}

static enum ct_result test_a_copy_goes_on_behind_the_last_key(void)
{
    static char more[] = "INSERT INTO revoked_tokens VALUES (1, 'aa', 1), (2, 'b', 1), (3, '', 1)";
    enum ct_result result;
    struct scratch from;
    struct scratch to = {0};
    const struct ct_table *tables;
    const struct ct_table *tokens;
    size_t count;
    int64_t rows = 0;
    bool same;

    TRY(scratch_open(&from));
    TRY(scratch_open(&to));
    TRY(ct_tables_make(from.arena, &tables, &count));
    TRY(ct_store_write(from.store, fill, NULL));
    tokens = find(tables, count, "revoked_tokens");
    TRY(ct_table_copy(from.store, to.store, tokens, count_shown, &rows));
    /* behind the last key, (2, 'a'), are two of these */
    TRY(ct_store_write(from.store, one_more, more));
    TRY(ct_table_copy(from.store, to.store, tokens, count_shown, &rows));
    TRY(ct_table_count(to.store, tokens, &rows));
    EXPECT(rows == 5);
    TRY(compare(&from, &to, tokens, &same));
    EXPECT(!same);
out:
    scratch_close(&to);
    scratch_close(&from);
    return result;
}

static enum ct_result test_a_sum_depends_on_every_cell(void)
{
    static char changes[][96] = {
        "UPDATE users SET hashed_password = 'y' WHERE id = 1",
        "UPDATE users SET hashed_password = NULL WHERE id = 2",
        "UPDATE users SET username = '' WHERE id = 2",
        "UPDATE users SET created_at = 1 WHERE id = 1",
        "UPDATE users SET username = 'adax', hashed_password = '' WHERE id = 1",
        "DELETE FROM users WHERE id = 2",
    };
    enum ct_result result;
    struct scratch scratch;
    const struct ct_table *tables;
    struct ct_table_sum before;
    struct ct_table_sum after;
    size_t count;
    int64_t shown = 0;

    TRY(scratch_open(&scratch));
    TRY(ct_tables_make(scratch.arena, &tables, &count));
    TRY(ct_store_write(scratch.store, fill, NULL));
    const struct ct_table *users = find(tables, count, "users");
    TRY(ct_table_sum(scratch.store, users, 1, count_shown, &shown, &before));
    EXPECT(before.rows == 1);
    TRY(ct_table_sum(scratch.store, users, INT64_MAX, count_shown, &shown, &after));
    EXPECT(memcmp(before.sha256, after.sha256, CT_SHA256_BYTES) != 0);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        before = after;
        TRY(ct_store_write(scratch.store, one_more, changes[i]));
        TRY(ct_table_sum(scratch.store, users, INT64_MAX, count_shown, &shown, &after));
        EXPECT(memcmp(before.sha256, after.sha256, CT_SHA256_BYTES) != 0);
    }
out:
    scratch_close(&scratch);
    return result;
}

/* A row that is there already, and one that refers to nobody. */
static enum ct_result test_what_does_not_go_with_it(void)
{
    static char number[] = "INSERT INTO virtual_phone_numbers (id, phone_number, user_id) "
                           "VALUES (5, '+491', 1)";
    static char taken[] = "INSERT INTO virtual_phone_numbers (id, phone_number) VALUES (4, '+491')";
    enum ct_result result;
    struct scratch from;
    struct scratch to = {0};
    const struct ct_table *tables;
    size_t count;
    int64_t shown = 0;

    TRY(scratch_open(&from));
    TRY(scratch_open(&to));
    TRY(ct_tables_make(from.arena, &tables, &count));
    TRY(ct_store_write(from.store, fill, NULL));
    TRY(ct_store_write(from.store, one_more, number));
    const struct ct_table *numbers = find(tables, count, "virtual_phone_numbers");
    EXPECT_RESULT(CT_NOT_FOUND, ct_table_copy(from.store, to.store, numbers, count_shown, &shown));
    TRY(ct_table_copy(from.store, to.store, find(tables, count, "users"), count_shown, &shown));
    TRY(ct_store_write(to.store, one_more, taken));
    EXPECT_RESULT(CT_CONFLICT, ct_table_copy(from.store, to.store, numbers, count_shown, &shown));
out:
    scratch_close(&to);
    scratch_close(&from);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_every_table_goes_over),
        CT_UNIT(test_a_copy_goes_on_behind_the_last_key),
        CT_UNIT(test_a_sum_depends_on_every_cell),
        CT_UNIT(test_what_does_not_go_with_it),
    };
    return ct_unit_main("tables", units, sizeof(units) / sizeof(units[0]));
}
