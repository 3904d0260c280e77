#include "numbers/inventory.h"

#include <stdio.h>
#include <string.h>

#include "stock.h"

#define HOUR INT64_C(3600000)

static struct ct_str number_text(char out[24], int64_t number)
{
    (void)snprintf(out, 24, "+%lld", (long long)number);
    return ct_str_of(out);
}

struct change {
    int64_t number;
    bool is_free;
    int64_t free_at;
};

static enum ct_result run_change(void *ctx, struct ct_db *db)
{
    const struct change *change = ctx;
    char text[24];
    struct ct_str number = number_text(text, change->number);
    return change->is_free ? ct_inventory_free(db, number)
                           : ct_inventory_take(db, number, change->free_at);
}

static enum ct_result take(struct scratch *scratch, int64_t number, int64_t free_at)
{
    struct change change = {.number = number, .free_at = free_at};
    return ct_store_write(scratch->store, run_change, &change);
}

static enum ct_result give(struct scratch *scratch, int64_t number)
{
    struct change change = {.number = number, .is_free = true};
    return ct_store_write(scratch->store, run_change, &change);
}

static enum ct_result holds(struct scratch *scratch, int64_t number, bool *out)
{
    struct ct_db *db;
    char text[24];
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_inventory_holds(db, number_text(text, number), out);
    ct_store_read_end(db);
    return result;
}

static enum ct_result list(struct scratch *scratch, int64_t now_ms, struct ct_pool_row *out,
                           size_t *count)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_pool_list(scratch->arena, db, 0, 4, now_ms, out, count);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_what_a_pool_holds(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    bool held;
    TRY(open_with_alice(&scratch));
    TRY(holds(&scratch, 493012000, &held));
    EXPECT(!held);
    TRY(add_pool(&scratch, "a", 493012000, 493012009));
    TRY(holds(&scratch, 493011999, &held));
    EXPECT(!held);
    TRY(holds(&scratch, 493012000, &held));
    EXPECT(held);
    TRY(holds(&scratch, 493012009, &held));
    EXPECT(held);
    TRY(holds(&scratch, 493012010, &held));
    EXPECT(!held);
    /* what an earlier service may have kept is not the number whose digits it has */
    EXPECT(ct_number_digits(CT_STR("+493012000")) == 493012000);
    EXPECT(ct_number_digits(CT_STR("+0493012000")) == 0);
    EXPECT(ct_number_digits(CT_STR("+")) == 0 && ct_number_digits(CT_STR("493012000")) == 0);
    /* a number of no pool: nothing happens */
    TRY(take(&scratch, 493012010, CT_NO_TIME));
    TRY(give(&scratch, 493012010));
    /* a pool that is not complete holds nothing */
    TRY(execute(&scratch, "UPDATE number_pools SET import_id = 7"));
    TRY(holds(&scratch, 493012000, &held));
    EXPECT(!held);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_a_quarantine_ends_by_itself(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_search_result found;
    struct ct_pool_row pools[4];
    int64_t numbers[4];
    size_t count;
    TRY(open_with_alice(&scratch));
    TRY(add_pool(&scratch, "a", 493012000, 493012002));
    TRY(take(&scratch, 493012000, CT_NO_TIME));
    TRY(take(&scratch, 493012001, NOW + HOUR));
    TRY(take(&scratch, 493012001, NOW + HOUR)); /* again */
    TRY(find(&scratch, "", "", 0, NOW, 4, numbers, &found));
    EXPECT(found.count == 1 && numbers[0] == 493012002 && found.reached == CT_NUMBER_MAX);
    TRY(find(&scratch, "", "", 0, NOW + HOUR, 4, numbers, &found));
    EXPECT(found.count == 2 && numbers[0] == 493012001);
    TRY(list(&scratch, NOW, pools, &count));
    EXPECT(count == 1 && pools[0].size == 3 && pools[0].taken == 2 && pools[0].ranges == 1);
    EXPECT(ct_str_equal(pools[0].first, CT_STR("+493012000")));
    EXPECT(ct_str_equal(pools[0].last, CT_STR("+493012002")) && pools[0].country.at == NULL);
    TRY(list(&scratch, NOW + HOUR, pools, &count));
    EXPECT(pools[0].taken == 1);
    /* restored: for good */
    TRY(take(&scratch, 493012001, CT_NO_TIME));
    TRY(find(&scratch, "", "", 0, NOW + HOUR, 4, numbers, &found));
    EXPECT(found.count == 1);
    TRY(give(&scratch, 493012000));
    TRY(give(&scratch, 493012000));
    TRY(find(&scratch, "", "", 0, NOW, 4, numbers, &found));
    EXPECT(found.count == 2 && numbers[0] == 493012000);
out:
    scratch_close(&scratch);
    return result;
}

/* Numbers that exist when a pool is made over them. */
static enum ct_result test_existing_numbers_are_taken(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_search_result found;
    int64_t numbers[8];
    TRY(open_with_alice(&scratch));
    TRY(execute(&scratch, "INSERT INTO virtual_phone_numbers (id, phone_number, user_id, status, "
                          "status_until) VALUES (1, '+493012000', 1, NULL, NULL), "
                          "(2, '+493012001', NULL, 'reserved', NULL), "
                          "(3, '+493012002', NULL, 'quarantined', 1769864400123), "
                          "(4, '+493012003', 1, 'transferring', 1769864400123), "
                          "(5, '+4930120045', 1, NULL, NULL), (6, '+493012006', 1, NULL, NULL)"));
    TRY(add_pool(&scratch, "a", 493012000, 493012005));
    TRY(find(&scratch, "", "", 0, NOW, 8, numbers, &found));
    EXPECT(found.count == 2 && numbers[0] == 493012004 && numbers[1] == 493012005);
    TRY(find(&scratch, "", "", 0, NOW + HOUR, 8, numbers, &found));
    EXPECT(found.count == 3 && numbers[0] == 493012002);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_pools_do_not_overlap(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct making making = {.name = "b", .count = 1};
    struct ct_db *db;
    struct ct_str name;
    int64_t number;
    static const struct {
        int64_t first, last, overlap;
    } tries[] = {
        {493012000, 493012000, 493012000}, {493012009, 493012020, 493012009},
        {493011000, 493012000, 493012000}, {493011000, 493013000, 493012000},
        {493012003, 493012004, 493012003},
    };
    TRY(open_with_alice(&scratch));
    TRY(add_pool(&scratch, "a", 493012000, 493012009));
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        making.pieces[0] = (struct ct_pool_piece){.first = tries[i].first, .last = tries[i].last};
        EXPECT_RESULT(CT_CONFLICT, ct_store_write(scratch.store, make_pool, &making));
        EXPECT(making.overlap == tries[i].overlap);
        making.overlap = 0;
    }
    making.pieces[0] = (struct ct_pool_piece){.first = 493012010, .last = 493012019};
    making.name = "a";
    EXPECT_RESULT(CT_CONFLICT, ct_store_write(scratch.store, make_pool, &making));
    EXPECT(making.overlap == 0); /* the name */
    making.name = "b";
    TRY(ct_store_write(scratch.store, make_pool, &making));
    TRY(ct_store_read_begin(scratch.store, &db));
    result = ct_pool_overlap(scratch.arena, db, 493012015, 493012030, 0, &number, &name);
    ct_store_read_end(db);
    TRY(result);
    EXPECT(number == 493012015 && ct_str_equal(name, CT_STR("b")));
out:
    scratch_close(&scratch);
    return result;
}

/* ---- against a simple model ---- */

/* Two pools that share thousands, one of them in pieces. */
#define FIRST INT64_C(49301998)
#define SPAN 4000
static const struct ct_pool_piece PIECES_A[] = {{.first = FIRST, .last = FIRST + 1200},
                                                {.first = FIRST + 1300, .last = FIRST + 1310},
                                                {.first = FIRST + 3000, .last = FIRST + 3999}};
static const struct ct_pool_piece PIECES_B[] = {{.first = FIRST + 1210, .last = FIRST + 1299},
                                                {.first = FIRST + 1400, .last = FIRST + 2999}};

static uint64_t seed;

static int64_t chance(int64_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((seed >> 33) % (uint64_t)below);
}

struct model {
    bool held[SPAN];
    bool taken[SPAN];
    int64_t free_at[SPAN];
};

static enum ct_result run_changes(void *ctx, struct ct_db *db)
{
    struct model *model = ctx;
    enum ct_result result = CT_OK;
    /* a job may run twice */
    seed = 5;
    memset(model->taken, 0, sizeof(model->taken));
    for (int i = 0; result == CT_OK && i < 120; i++) {
        int64_t index = chance(SPAN);
        if (chance(3) == 0)
            index = 990 + chance(20); /* often the same, too */
        struct change change = {.number = FIRST + index,
                                .is_free = chance(3) == 0,
                                .free_at = chance(2) == 0 ? CT_NO_TIME : NOW + chance(10) * HOUR};
        result = run_change(&change, db);
        model->taken[index] = !change.is_free;
        model->free_at[index] = change.free_at;
    }
    return result;
}

/* What is free is the same, page by page. */
static enum ct_result compare(struct scratch *scratch, const struct model *model, int64_t now_ms,
                              const char *contains)
{
    enum ct_result result = CT_OK;
    struct ct_number_mask mask = ct_number_mask_make(CT_STR(""), ct_str_of(contains));
    struct ct_search_result found = {0};
    int64_t numbers[500];
    size_t at = 0;
    for (int64_t i = 0; i < SPAN; i++) {
        bool is_free =
            !model->taken[i] || (model->free_at[i] != CT_NO_TIME && model->free_at[i] <= now_ms);
        if (!model->held[i] || !is_free || !ct_number_mask_fits(&mask, FIRST + i))
            continue;
        if (at == found.count) {
            TRY(find(scratch, "", contains, found.reached, now_ms, 500, numbers, &found));
            at = 0;
        }
        EXPECT(at < found.count && numbers[at] == FIRST + i);
        at++;
    }
    EXPECT(at == found.count);
    TRY(find(scratch, "", contains, found.reached, now_ms, 500, numbers, &found));
    EXPECT(found.count == 0);
out:
    return result;
}

static enum ct_result test_against_a_model(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    static struct model model;
    struct making a = {.name = "a", .count = 3};
    struct making b = {.name = "b", .count = 2};
    memset(&model, 0, sizeof(model));
    memcpy(a.pieces, PIECES_A, sizeof(PIECES_A));
    memcpy(b.pieces, PIECES_B, sizeof(PIECES_B));
    TRY(open_with_alice(&scratch));
    TRY(ct_store_write(scratch.store, make_pool, &b));
    TRY(ct_store_write(scratch.store, make_pool, &a));
    for (size_t i = 0; i < 3; i++)
        memset(&model.held[PIECES_A[i].first - FIRST], true,
               (size_t)(PIECES_A[i].last - PIECES_A[i].first + 1));
    for (size_t i = 0; i < 2; i++)
        memset(&model.held[PIECES_B[i].first - FIRST], true,
               (size_t)(PIECES_B[i].last - PIECES_B[i].first + 1));
    TRY(ct_store_write(scratch.store, run_changes, &model));
    for (int64_t hour = 0; hour < 12; hour += 3)
        TRY(compare(&scratch, &model, NOW + hour * HOUR, ""));
    TRY(compare(&scratch, &model, NOW + 5 * HOUR, "9*3"));
    TRY(compare(&scratch, &model, NOW + 5 * HOUR, "*******7"));
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_what_a_pool_holds),
        CT_UNIT(test_a_quarantine_ends_by_itself),
        CT_UNIT(test_existing_numbers_are_taken),
        CT_UNIT(test_pools_do_not_overlap),
        CT_UNIT(test_against_a_model),
    };
    return ct_unit_main("numbers/inventory", units, sizeof(units) / sizeof(units[0]));
}
