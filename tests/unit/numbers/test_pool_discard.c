#include "numbers/pool_discard.h"

#include "stock.h"

struct deleting {
    struct ct_arena *arena;
    int64_t id; /* the pool, then the import */
    int64_t rows;
    bool more;
};

static enum ct_result delete_pool(void *ctx, struct ct_db *db)
{
    struct deleting *deleting = ctx;
    struct ct_str name;
    return ct_pool_delete(deleting->arena, db, deleting->id, &name);
}

static enum ct_result give_up(void *ctx, struct ct_db *db)
{
    struct deleting *deleting = ctx;
    return ct_pool_discard_pool(db, deleting->id, &deleting->id);
}

static enum ct_result discard(void *ctx, struct ct_db *db)
{
    struct deleting *deleting = ctx;
    return ct_pool_discard_some(db, deleting->id, deleting->rows, &deleting->more);
}

static enum ct_result find_given_up(struct scratch *scratch, int64_t *id)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_pool_discard_find(db, id);
    ct_store_read_end(db);
    return result;
}

static enum ct_result count(struct scratch *scratch, const char *sql, int64_t *out)
{
    struct ct_db *db;
    struct ct_stmt *stmt;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_db_query(db, sql, &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result == CT_ROW)
        *out = ct_column_int(stmt, 0);
    ct_store_read_end(db);
    return result == CT_ROW ? CT_OK : result;
}

static enum ct_result run_take(void *ctx, struct ct_db *db)
{
    return ct_inventory_take(db, *(const struct ct_str *)ctx, CT_NO_TIME);
}

static enum ct_result take(struct scratch *scratch, const char *number)
{
    struct ct_str e164 = ct_str_of(number);
    return ct_store_write(scratch->store, run_take, &e164);
}

#define ROWS                                                                          \
    "SELECT (SELECT count(*) FROM pool_ranges) + (SELECT count(*) FROM pool_blocks) " \
    "+ (SELECT count(*) FROM pool_quarantine) + (SELECT count(*) FROM number_pools) " \
    "+ (SELECT count(*) FROM pool_imports)"

static enum ct_result test_some_at_a_time(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_search_result found;
    int64_t numbers[1];
    int64_t rows = 0;
    int64_t id = 7;
    struct making pool = {.name = "a",
                          .pieces = {{.first = 493012000, .last = 493012009},
                                     {.first = 493012020, .last = 493012029},
                                     {.first = 493014000, .last = 493015999}},
                          .count = 3};
    TRY(open_with_alice(&scratch));
    TRY(execute(&scratch, "INSERT INTO virtual_phone_numbers (id, phone_number, status, "
                          "status_until) VALUES (1, '+493012005', 'quarantined', 1769860800124)"));
    TRY(ct_store_write(scratch.store, make_pool, &pool));
    TRY(find_given_up(&scratch, &id));
    EXPECT(id == 0);
    TRY(count(&scratch, ROWS, &rows));
    EXPECT(rows == 3 + 3 + 1 + 1);
    struct deleting deleting = {.id = pool.id, .rows = 2};
    TRY(ct_store_write(scratch.store, give_up, &deleting));
    TRY(find_given_up(&scratch, &id));
    EXPECT(id == deleting.id);
    TRY(find(&scratch, "", "", 0, NOW + 1, 1, numbers, &found));
    EXPECT(found.count == 0);
    TRY(add_pool(&scratch, "a", 497777, 497777)); /* the name is free */
    for (int64_t left = 10; left >= 4; left -= 2) {
        TRY(ct_store_write(scratch.store, discard, &deleting));
        TRY(count(&scratch, ROWS, &rows));
        EXPECT(deleting.more && rows == left);
        /* whatever there is of it still, its numbers can be had */
        TRY(take(&scratch, "+493014001"));
        TRY(take(&scratch, "+493012001"));
    }
    TRY(ct_store_write(scratch.store, discard, &deleting));
    TRY(count(&scratch, ROWS, &rows));
    EXPECT(!deleting.more && rows == 3);
    /* again, as another process might that has found it before */
    TRY(ct_store_write(scratch.store, discard, &deleting));
    EXPECT(!deleting.more);
    /* an id that is another import's by now */
    TRY(execute(&scratch, "INSERT INTO pool_imports (id, sha256, steps, touched_at) VALUES "
                          "(1, 'x', 0, 5)"));
    TRY(execute(&scratch, "UPDATE number_pools SET import_id = 1"));
    TRY(ct_store_write(scratch.store, discard, &deleting));
    TRY(count(&scratch, ROWS, &rows));
    EXPECT(rows == 4);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_a_small_one_is_gone_at_once(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    int64_t rows = 9;
    TRY(open_with_alice(&scratch));
    TRY(add_pool(&scratch, "a", 493012000, 493112000));
    struct deleting deleting = {.arena = scratch.arena, .id = 1};
    TRY(ct_store_write(scratch.store, delete_pool, &deleting));
    TRY(count(&scratch, ROWS, &rows));
    EXPECT(rows == 0);
    EXPECT_RESULT(CT_NOT_FOUND, ct_store_write(scratch.store, delete_pool, &deleting));
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_some_at_a_time),
        CT_UNIT(test_a_small_one_is_gone_at_once),
    };
    return ct_unit_main("numbers/pool_discard", units, sizeof(units) / sizeof(units[0]));
}
