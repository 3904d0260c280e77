#include "numbers/pool_import.h"

#include <string.h>

#include "stock.h"

struct text {
    struct ct_str rest;
};

static ssize_t hand_out(void *ctx, void *out, size_t size)
{
    struct text *text = ctx;
    size_t count = text->rest.len < size ? text->rest.len : size;
    memcpy(out, text->rest.at, count);
    text->rest = (struct ct_str){text->rest.at + count, text->rest.len - count};
    return (ssize_t)count;
}

static enum ct_result read_text(struct scratch *scratch, struct ct_str content,
                                struct ct_pool_file *out, const char **why)
{
    struct text text = {content};
    struct ct_csv *csv = NULL;
    enum ct_result result = ct_csv_new(hand_out, &text, &csv);
    if (result != CT_OK)
        return result;
    result = ct_pool_file_read(scratch->arena, csv, NULL, NULL, NULL, out, why);
    ct_csv_free(csv);
    return result;
}

static enum ct_result test_what_a_file_says(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_pool_file file;
    const char *why;
    TRY(open_with_alice(&scratch));
    TRY(read_text(&scratch,
                  CT_STR("first,pool,last,number\n+493012000,a,+493012009,\n,b,,+4912\n"
                         "+493012013,a,+493012014,\n,a,,+493012010\n"),
                  &file, &why));
    EXPECT(file.bad_count == 0 && file.pool_count == 2 && file.size == 14 && file.entry_count == 4);
    EXPECT(ct_str_equal(file.pools[0].name, CT_STR("a")));
    const struct ct_pool_pieces *pieces = &file.pools[0].pieces;
    EXPECT(pieces->count == 2 && pieces->ranges == 2 && pieces->size == 13);
    EXPECT(pieces->at[0].first == 493012000 && pieces->at[0].last == 493012010);
    EXPECT(file.pools[1].pieces.at[0].first == 4912);
    /* bad lines are in their order, each once, and no pool is made */
    TRY(read_text(&scratch,
                  CT_STR("pool,number\na,+4913\na,x\na,+4912\nb,+4913\na,+4912\n,+4914\n"), &file,
                  &why));
    EXPECT(file.bad_count == 4 && file.size == 0 && file.entry_count == 4);
    EXPECT(file.bad[0].line == 3 && file.bad[1].line == 5 && file.bad[2].line == 6 &&
           file.bad[3].line == 7);
    EXPECT(ct_str_equal(file.bad[1].why, CT_STR("+4913 is also on line 2")));
    EXPECT_RESULT(CT_INVALID, read_text(&scratch, CT_STR("pool\na\n"), &file, &why));
    EXPECT(why != NULL);
out:
    scratch_close(&scratch);
    return result;
}

static const uint8_t DIGEST[CT_SHA256_BYTES] = {1, 2, 3};
static const uint8_t OTHER[CT_SHA256_BYTES] = {1, 2, 4};

/* Steps until the end; `steps` at most. */
static enum ct_result step(struct ct_pool_import *import, int steps)
{
    enum ct_result result = CT_ROW;
    while (result == CT_ROW && steps-- > 0)
        result = ct_pool_import_step(import, NOW);
    return result;
}

static enum ct_result count_rows(struct scratch *scratch, const char *sql, int64_t *out)
{
    struct ct_stmt *stmt;
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_db_query(db, sql, &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result == CT_ROW) {
        *out = ct_column_int(stmt, 0);
        result = CT_OK;
    }
    ct_store_read_end(db);
    return result;
}

#define ROWS                                                                             \
    "SELECT (SELECT count(*) FROM number_pools) + (SELECT count(*) FROM pool_ranges) + " \
    "(SELECT count(*) FROM pool_blocks) + (SELECT count(*) FROM pool_quarantine) + "     \
    "(SELECT count(*) FROM pool_imports)"

/* A range that takes three steps, and two small pools. */
static const char content[] = "pool,first,last\nsmall,+4912,+4913\nlarge,+493010000000,"
                              "+493011200999\nsmall,+4915,+4915\nlast,+4920,+4920\n";

static enum ct_result test_step_by_step(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_pool_file file;
    struct ct_search_result found;
    int64_t numbers[4];
    int64_t id;
    int64_t rows;
    const char *why;
    TRY(open_with_alice(&scratch));
    TRY(execute(&scratch, "INSERT INTO virtual_phone_numbers (id, phone_number, status, "
                          "status_until) VALUES (1, '+4912', 'quarantined', 1769860800124)"));
    TRY(read_text(&scratch, ct_str_of(content), &file, &why));
    TRY(ct_pool_import_find(scratch.store, DIGEST, NOW, &id));
    EXPECT(id == 0);
    struct ct_pool_import import = {.store = scratch.store, .file = &file};
    TRY(ct_pool_import_begin(&import, DIGEST, NOW));
    EXPECT(import.done == 0);
    EXPECT_RESULT(CT_ROW, step(&import, 2));
    result = CT_OK;
    EXPECT(import.done > 3 && import.done < file.size);
    TRY(find(&scratch, "", "", 0, NOW + 1, 4, numbers, &found));
    EXPECT(found.count == 0);
    /* another run finds it, and the first one notices */
    TRY(ct_pool_import_find(scratch.store, DIGEST, NOW, &id));
    EXPECT(id == import.id);
    TRY(ct_pool_file_judge(scratch.arena, scratch.store, id, &file));
    EXPECT(file.bad_count == 0);
    EXPECT_RESULT(CT_BUSY, ct_pool_import_find(scratch.store, OTHER, NOW + 1000, &id));
    struct ct_pool_import again = {.store = scratch.store, .file = &file};
    TRY(ct_pool_import_begin(&again, DIGEST, NOW));
    EXPECT(again.done == import.done && again.id == import.id);
    EXPECT_RESULT(CT_BUSY, step(&import, 1));
    TRY(step(&again, 9));
    EXPECT(again.done == file.size);
    TRY(ct_pool_import_finish(&again, NOW));
    TRY(find(&scratch, "", "", 0, NOW, 4, numbers, &found));
    EXPECT(found.count == 4 && numbers[0] == 4913 && numbers[1] == 4915 && numbers[2] == 4920);
    TRY(find(&scratch, "", "1200999", 0, NOW, 4, numbers, &found));
    EXPECT(found.count == 1 && numbers[0] == 493011200999);
    TRY(count_rows(&scratch, ROWS, &rows));
    EXPECT(rows == 3 + 4 + 1201 + 2 + 1); /* pools, ranges, blocks, a quarantine */
    TRY(count_rows(&scratch, "SELECT count(*) FROM audit WHERE action = 'pool.created'", &rows));
    EXPECT(rows == 3);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_nothing_is_left(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_pool_file file;
    int64_t id;
    int64_t rows;
    const char *why;
    TRY(open_with_alice(&scratch));
    TRY(execute(&scratch, "INSERT INTO virtual_phone_numbers (id, phone_number, status, "
                          "status_until) VALUES (1, '+4912', 'quarantined', 1769860800124)"));
    TRY(read_text(&scratch, ct_str_of(content), &file, &why));
    struct ct_pool_import import = {.store = scratch.store, .file = &file};
    TRY(ct_pool_import_begin(&import, DIGEST, NOW));
    EXPECT_RESULT(CT_ROW, step(&import, 2));
    result = CT_OK;
    /* a pool that was made meanwhile is in the way */
    TRY(add_pool(&scratch, "new", 4920, 4920));
    EXPECT_RESULT(CT_CONFLICT, step(&import, 9));
    EXPECT(import.overlap == 4920);
    /* of another file; a minute later it is not running any more */
    TRY(ct_pool_import_find(scratch.store, OTHER, NOW + CT_IMPORT_IDLE_MS, &id));
    EXPECT(id == 0);
    TRY(count_rows(&scratch, ROWS, &rows));
    EXPECT(rows == 3); /* the new pool's */
    EXPECT_RESULT(CT_BUSY, step(&import, 1));
    /* the same name is in the way */
    TRY(add_pool(&scratch, "last", 4925, 4925));
    TRY(ct_pool_import_begin(&import, OTHER, NOW));
    EXPECT_RESULT(CT_CONFLICT, step(&import, 9));
    EXPECT(import.overlap == 0);
    TRY(ct_pool_file_judge(scratch.arena, scratch.store, import.id, &file));
    EXPECT(file.bad_count == 1 && file.bad[0].line == 5);
    TRY(ct_pool_import_discard(scratch.store, import.id));
    TRY(count_rows(&scratch, ROWS, &rows));
    EXPECT(rows == 6);
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_what_a_file_says),
        CT_UNIT(test_step_by_step),
        CT_UNIT(test_nothing_is_left),
    };
    return ct_unit_main("numbers/pool_import", units, sizeof(units) / sizeof(units[0]));
}
