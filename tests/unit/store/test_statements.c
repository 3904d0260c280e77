#include <pthread.h>
#include <string.h>

#include "harness.h"
#include "rows.h"
#include "scratch.h"
#include "store/store.h"

/* ---- reading ---- */

static enum ct_result test_read_sees_one_state(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct ct_db *db = NULL;
    int64_t count;

    TRY(scratch_open(&scratch));
    TRY(write_number(scratch.store, "+1"));
    TRY(ct_store_read_begin(scratch.store, &db));
    TRY(count_rows(db, &count));
    EXPECT(count == 1);
    TRY(write_number(scratch.store, "+2"));
    TRY(count_rows(db, &count));
    EXPECT(count == 1);
    ct_store_read_end(db);
    db = NULL;
    TRY(read_count(scratch.store, &count));
    EXPECT(count == 2);
out:
    if (db != NULL)
        ct_store_read_end(db);
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_reader_cannot_write(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct ct_db *db = NULL;
    int64_t id;

    TRY(scratch_open(&scratch));
    TRY(ct_store_read_begin(scratch.store, &db));
    EXPECT_RESULT(CT_UNAVAILABLE, insert_number(db, "+1", &id));
out:
    if (db != NULL)
        ct_store_read_end(db);
    scratch_close(&scratch);
    return result;
}

struct reading {
    struct ct_store *store;
    enum ct_result result;
};

static void *read_often(void *ctx)
{
    struct reading *reading = ctx;
    int64_t before = 0;
    reading->result = CT_OK;
    for (int i = 0; i < 20 && reading->result == CT_OK; i++) {
        int64_t count = 0;
        reading->result = read_count(reading->store, &count);
        if (reading->result == CT_OK && count < before)
            reading->result = CT_BUG;
        before = count;
    }
    return NULL;
}

/* Threads come and go; what they leave open is closed, with them or with the store. */
static enum ct_result test_readers_of_many_threads(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct reading readings[3];
    pthread_t threads[3];
    size_t started = 0;
    static const char *const numbers[] = {"+1", "+2", "+3", "+4"};
    int64_t count;

    TRY(scratch_open(&scratch));
    for (; started < 3; started++) {
        readings[started] = (struct reading){.store = scratch.store};
        EXPECT(pthread_create(&threads[started], NULL, read_often, &readings[started]) == 0);
    }
    for (size_t i = 0; i < 4; i++)
        TRY(write_number(scratch.store, numbers[i]));
    TRY(read_count(scratch.store, &count));
    EXPECT(count == 4);
    while (started > 0)
        (void)pthread_join(threads[--started], NULL);
    for (size_t i = 0; i < 3; i++)
        TRY(readings[i].result);
out:
    while (started > 0)
        (void)pthread_join(threads[--started], NULL);
    scratch_close(&scratch);
    return result;
}

/* ---- statements ---- */

static enum ct_result with_parameters(void *ctx, struct ct_db *db)
{
    enum ct_result result;
    struct ct_arena *arena = ctx;
    struct ct_stmt *stmt;
    struct ct_stmt *again;
    struct ct_str text;
    static const char sql[] = "SELECT $2, $1, $1 WHERE $3 IS NULL";

    TRY(ct_db_query(db, sql, &stmt));
    ct_bind_str(stmt, 1, (struct ct_str){"a\0b", 3});
    ct_bind_int(stmt, 2, INT64_MIN + 1);
    ct_bind_null(stmt, 3);
    EXPECT_RESULT(CT_ROW, ct_step(stmt));
    EXPECT(ct_column_int(stmt, 0) == INT64_MIN + 1);
    EXPECT(ct_column_time(stmt, 0) == INT64_MIN + 1);
    TRY(ct_column_str(stmt, 1, arena, &text));
    EXPECT(text.len == 3 && memcmp(text.at, "a\0b", 4) == 0);
    EXPECT_RESULT(CT_OK, ct_step(stmt));
    EXPECT_RESULT(CT_OK, ct_step(stmt)); /* and does not begin anew */

    /* the same text again forgets what was bound; an empty text is not NULL */
    TRY(ct_db_query(db, sql, &again));
    EXPECT(again == stmt);
    ct_bind_str(stmt, 1, (struct ct_str){NULL, 0});
    EXPECT_RESULT(CT_ROW, ct_step(stmt));
    EXPECT(ct_column_is_null(stmt, 0));
    EXPECT(ct_column_time(stmt, 0) == CT_NO_TIME);
    TRY(ct_column_str(stmt, 0, arena, &text));
    EXPECT(text.len == 0);
    EXPECT(!ct_column_is_null(stmt, 1));

    /* a text beyond any limit is not looked at, and the next step says so each time */
    TRY(ct_db_query(db, sql, &stmt));
    ct_bind_str(stmt, 1, (struct ct_str){"", (size_t)1 << 40});
    ct_bind_int(stmt, 2, 1);
    EXPECT_RESULT(CT_BUG, ct_step(stmt));
    EXPECT_RESULT(CT_BUG, ct_run(stmt));
    TRY(ct_db_query(db, sql, &stmt));
    EXPECT_RESULT(CT_OK, ct_run(stmt));
    EXPECT_RESULT(CT_BUG, ct_db_query(db, "SELECT nothing FROM nowhere", &stmt));
out:
    return result;
}

/* More than the table of statements begins with. Each has an address of its own. */
static enum ct_result many_statements(void *ctx, struct ct_db *db)
{
    enum ct_result result = CT_OK;
    struct ct_stmt *stmt;
    const char *sql[70];

    for (int i = 0; i < 70; i++) {
        sql[i] = ct_arena_printf(ctx, "SELECT %d", i);
        TRY_MEMORY(sql[i]);
    }
    for (int i = 0; i < 140; i++) {
        TRY(ct_db_query(db, sql[i % 70], &stmt));
        EXPECT_RESULT(CT_ROW, ct_step(stmt));
        EXPECT(ct_column_int(stmt, 0) == i % 70);
    }
out:
    return result;
}

static enum ct_result test_statements(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct ct_db *db = NULL;

    TRY(scratch_open(&scratch));
    TRY(ct_store_write(scratch.store, with_parameters, scratch.arena));
    TRY(ct_store_write(scratch.store, many_statements, scratch.arena));
    TRY(ct_store_read_begin(scratch.store, &db));
    TRY(with_parameters(scratch.arena, db));
out:
    if (db != NULL)
        ct_store_read_end(db);
    scratch_close(&scratch);
    return result;
}

static enum ct_result insert_for_nobody(void *ctx, struct ct_db *db)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db,
                                        "INSERT INTO virtual_phone_numbers (phone_number, user_id) "
                                        "VALUES ('+1', 99), ('+2', 99) RETURNING id",
                                        &stmt);
    if (result != CT_OK)
        return result;
    (void)ctx;
    result = ct_step(stmt);
    return result == CT_ROW ? CT_OK : result;
}

/* It is told at the first row, or a job that asks for no second one would be answered yes. */
static enum ct_result test_foreign_key(void)
{
    enum ct_result result;
    struct scratch scratch;
    int64_t count;

    TRY(scratch_open(&scratch));
    EXPECT_RESULT(CT_NOT_FOUND, ct_store_write(scratch.store, insert_for_nobody, NULL));
    TRY(read_count(scratch.store, &count));
    EXPECT(count == 0);
    TRY(write_number(scratch.store, "+1"));
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_read_sees_one_state),
        CT_UNIT(test_reader_cannot_write),
        CT_UNIT(test_readers_of_many_threads),
        CT_UNIT(test_statements),
        CT_UNIT(test_foreign_key),
    };
    return ct_unit_main("statements", units, sizeof(units) / sizeof(units[0]));
}
