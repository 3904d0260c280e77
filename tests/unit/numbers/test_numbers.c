#include "numbers/numbers.h"

#include <string.h>

#include "harness.h"
#include "scratch.h"

#define NOW INT64_C(1769860800123)
#define ALICE 1
#define BOB 2

struct creation {
    struct ct_str number;
    int64_t user_id;
    int64_t id;
};

static enum ct_result run_create(void *ctx, struct ct_db *db)
{
    struct creation *creation = ctx;
    return ct_number_create(db, creation->number, creation->user_id, NOW, &creation->id);
}

static enum ct_result create(struct scratch *scratch, int64_t user_id, const char *number,
                             int64_t *id)
{
    struct creation creation = {.number = ct_str_of(number), .user_id = user_id};
    enum ct_result result = ct_store_write(scratch->store, run_create, &creation);
    if (result == CT_OK)
        *id = creation.id;
    return result;
}

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

/* A database with two users. */
static enum ct_result open_with_users(struct scratch *scratch)
{
    enum ct_result result = scratch_open(scratch);
    return result == CT_OK
               ? execute(scratch, "INSERT INTO users (id, username) VALUES (1, 'a'), (2, 'b')")
               : result;
}

static enum ct_result get(struct scratch *scratch, int64_t user_id, int64_t id,
                          struct ct_number *out)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_number_get(scratch->arena, db, user_id, id, out);
    ct_store_read_end(db);
    return result;
}

static enum ct_result list(struct scratch *scratch, int64_t user_id, int64_t after, size_t limit,
                           struct ct_number *out, size_t *count)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_number_list(scratch->arena, db, user_id, after, limit, out, count);
    ct_store_read_end(db);
    return result;
}

static bool is(struct ct_str text, const char *expected)
{
    return ct_str_equal(text, ct_str_of(expected));
}

static enum ct_result test_creating(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_number number;
    int64_t first = 0;
    int64_t second = 0;
    int64_t none = 0;

    TRY(open_with_users(&scratch));
    TRY(create(&scratch, ALICE, "+1234567890", &first));
    TRY(create(&scratch, BOB, "+49301234567", &second));
    EXPECT(first == 1 && second == 2);
    TRY(get(&scratch, ALICE, first, &number));
    EXPECT(number.id == first && number.user_id == ALICE && number.created_at == NOW);
    EXPECT(is(number.phone_number, "+1234567890"));
    /* taken by anyone, oneself too */
    EXPECT_RESULT(CT_CONFLICT, create(&scratch, ALICE, "+1234567890", &none));
    EXPECT_RESULT(CT_CONFLICT, create(&scratch, BOB, "+1234567890", &none));
    EXPECT(none == 0);
    TRY(create(&scratch, BOB, "+12345678900", &none));
    EXPECT(none == 3); /* a conflict takes no id */
    /* what belongs to somebody else is not there */
    EXPECT_RESULT(CT_NOT_FOUND, get(&scratch, BOB, first, &number));
    EXPECT_RESULT(CT_NOT_FOUND, get(&scratch, 0, first, &number));
    EXPECT_RESULT(CT_NOT_FOUND, get(&scratch, ALICE, 4, &number));
    EXPECT_RESULT(CT_NOT_FOUND, get(&scratch, ALICE, -1, &number));
    EXPECT_RESULT(CT_NOT_FOUND, get(&scratch, ALICE, INT64_MAX, &number));
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_after_a_deletion(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    int64_t first = 0;
    int64_t second = 0;

    TRY(open_with_users(&scratch));
    TRY(create(&scratch, BOB, "+1234567890", &first));
    TRY(execute(&scratch, "DELETE FROM virtual_phone_numbers"));
    TRY(execute(&scratch, "DELETE FROM users WHERE id = 2"));
    /* a user may be deleted between the token and the write */
    enum ct_result created = create(&scratch, BOB, "+1234567890", &second);
    EXPECT(created != CT_OK && second == 0);
    TRY(created == CT_NOMEM ? CT_NOMEM : CT_OK);
    /* an id is never used again */
    TRY(create(&scratch, ALICE, "+1234567890", &second));
    EXPECT(second == first + 1);
out:
    scratch_close(&scratch);
    return result;
}

/* Five of Alice's, with Bob's in between. */
static enum ct_result fill(struct scratch *scratch)
{
    return execute(scratch, "INSERT INTO virtual_phone_numbers (id, phone_number, user_id, "
                            "created_at) VALUES (9, '+19', 1, 9), (2, '+12', 1, 2), "
                            "(3, '+13', 2, 3), (4, '+14', 1, NULL), (5, '+15', 2, 5), "
                            "(6, '+16', 1, 6), (7, '+17', NULL, 7), (8, '+18', 1, 8)");
}

static enum ct_result test_listing(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_number rows[6];
    size_t count = 9;

    TRY(open_with_users(&scratch));
    TRY(list(&scratch, ALICE, 0, 6, rows, &count));
    EXPECT(count == 0);
    TRY(fill(&scratch));
    TRY(list(&scratch, ALICE, 0, 6, rows, &count));
    EXPECT(count == 5 && rows[0].id == 2 && rows[1].id == 4 && rows[4].id == 9);
    EXPECT(rows[0].user_id == ALICE && is(rows[0].phone_number, "+12") && rows[0].created_at == 2);
    EXPECT(rows[1].created_at == CT_NO_TIME); /* of the original database */
    TRY(list(&scratch, BOB, 0, 6, rows, &count));
    EXPECT(count == 2 && rows[0].id == 3 && rows[1].id == 5);
    TRY(list(&scratch, 0, 0, 6, rows, &count));
    EXPECT(count == 0);
    /* page by page; rows that come and go do not move the others */
    TRY(list(&scratch, ALICE, 0, 2, rows, &count));
    EXPECT(count == 2 && rows[0].id == 2 && rows[1].id == 4);
    TRY(execute(&scratch, "DELETE FROM virtual_phone_numbers WHERE id IN (2, 4)"));
    TRY(list(&scratch, ALICE, 4, 2, rows, &count));
    EXPECT(count == 2 && rows[0].id == 6 && rows[1].id == 8);
    TRY(execute(&scratch, "INSERT INTO virtual_phone_numbers (id, phone_number, user_id) "
                          "VALUES (1, '+11', 1), (10, '+110', 1)"));
    TRY(list(&scratch, ALICE, 8, 2, rows, &count));
    EXPECT(count == 2 && rows[0].id == 9 && rows[1].id == 10);
    TRY(list(&scratch, ALICE, 10, 2, rows, &count));
    EXPECT(count == 0);
    TRY(list(&scratch, ALICE, INT64_MAX, 2, rows, &count));
    EXPECT(count == 0);
    TRY(list(&scratch, ALICE, 0, 0, rows, &count));
    EXPECT(count == 0);
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_creating),
        CT_UNIT(test_after_a_deletion),
        CT_UNIT(test_listing),
    };
    return ct_unit_main("numbers/numbers", units, sizeof(units) / sizeof(units[0]));
}
