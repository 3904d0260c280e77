#include "numbers/claim.h"

#include "numbers/numbers.h"
#include "stock.h"

#define DAY INT64_C(86400000)

struct claiming {
    struct ct_arena *arena;
    const char *prefix;
    const char *contains;
    int64_t user_id;
    int64_t now_ms;
    size_t quantity;
    int64_t ids[8];
    size_t count;
    int64_t claimed; /* of claim_count */
};

static enum ct_result run_claim(void *ctx, struct ct_db *db)
{
    struct claiming *claiming = ctx;
    const struct ct_search search = {.prefix = ct_str_of(claiming->prefix),
                                     .contains = ct_str_of(claiming->contains),
                                     .now_ms = claiming->now_ms};
    return ct_claim(db, claiming->arena, &search, claiming->user_id, claiming->quantity,
                    claiming->ids, &claiming->count);
}

static enum ct_result run_count(void *ctx, struct ct_db *db)
{
    struct claiming *claiming = ctx;
    return ct_claim_count(db, claiming->user_id, claiming->now_ms, (int64_t)claiming->quantity,
                          &claiming->claimed);
}

static enum ct_result claim(struct scratch *scratch, struct claiming *claiming, size_t quantity)
{
    claiming->arena = scratch->arena;
    claiming->quantity = quantity;
    return ct_store_write(scratch->store, run_claim, claiming);
}

static enum ct_result number_of(struct scratch *scratch, int64_t id, struct ct_number *out)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_number_by_id(scratch->arena, db, id, NOW, out);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_all_or_none(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct claiming claiming = {.prefix = "", .contains = "", .user_id = ALICE, .now_ms = NOW};
    struct ct_search_result found;
    struct ct_number number;
    int64_t numbers[8];
    TRY(open_with_alice(&scratch));
    EXPECT_RESULT(CT_CONFLICT, claim(&scratch, &claiming, 1));
    EXPECT(claiming.count == 0);
    TRY(add_pool(&scratch, "a", 493012996, 493013001));
    TRY(claim(&scratch, &claiming, 2));
    EXPECT(claiming.count == 2 && claiming.ids[0] == 1 && claiming.ids[1] == 2);
    TRY(number_of(&scratch, 2, &number));
    EXPECT(ct_str_equal(number.phone_number, CT_STR("+493012997")) && number.user_id == ALICE &&
           number.created_at == NOW && number.state == CT_LIFE_ASSIGNED);
    EXPECT_RESULT(CT_CONFLICT, claim(&scratch, &claiming, 5));
    EXPECT(claiming.count == 4);
    TRY(find(&scratch, "", "", 0, NOW, 8, numbers, &found));
    EXPECT(found.count == 4 && numbers[0] == 493012998);
    claiming.contains = "130";
    TRY(claim(&scratch, &claiming, 2));
    EXPECT_RESULT(CT_CONFLICT, claim(&scratch, &claiming, 1));
    claiming.contains = "";
    claiming.user_id = 99; /* gone since its token was looked at */
    EXPECT_RESULT(CT_NOT_FOUND, claim(&scratch, &claiming, 1));
    claiming.user_id = 2;
    TRY(claim(&scratch, &claiming, 2));
    EXPECT(claiming.ids[0] == 5 && claiming.ids[1] == 6);
    EXPECT_RESULT(CT_CONFLICT, claim(&scratch, &claiming, 1));
out:
    scratch_close(&scratch);
    return result;
}

/* A program that knows no pools made a number: the claim takes the next one. */
static enum ct_result test_a_number_that_the_inventory_missed(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct claiming claiming = {.prefix = "", .contains = "", .user_id = ALICE, .now_ms = NOW};
    struct ct_number number;
    TRY(open_with_alice(&scratch));
    TRY(add_pool(&scratch, "a", 493012000, 493012003));
    TRY(execute(&scratch, "INSERT INTO virtual_phone_numbers (id, phone_number, user_id) VALUES "
                          "(1, '+493012000', 2), (2, '+493012002', 2)"));
    TRY(claim(&scratch, &claiming, 2));
    TRY(number_of(&scratch, claiming.ids[0], &number));
    EXPECT(ct_str_equal(number.phone_number, CT_STR("+493012001")));
    TRY(number_of(&scratch, claiming.ids[1], &number));
    EXPECT(ct_str_equal(number.phone_number, CT_STR("+493012003")));
    EXPECT_RESULT(CT_CONFLICT, claim(&scratch, &claiming, 1));
    EXPECT(claiming.count == 0);
out:
    scratch_close(&scratch);
    return result;
}

/* A number whose quarantine is over has a row that was not tidied up. */
static enum ct_result test_after_a_quarantine(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct claiming claiming = {.prefix = "", .contains = "", .user_id = ALICE, .now_ms = NOW};
    TRY(open_with_alice(&scratch));
    TRY(execute(&scratch,
                "INSERT INTO virtual_phone_numbers (id, phone_number, status, status_until, "
                "last_owner_id) VALUES (7, '+493012000', 'quarantined', 1769947200123, 2)"));
    TRY(add_pool(&scratch, "a", 493012000, 493012000));
    EXPECT_RESULT(CT_CONFLICT, claim(&scratch, &claiming, 1));
    claiming.now_ms = NOW + DAY;
    TRY(claim(&scratch, &claiming, 1));
    EXPECT(claiming.ids[0] == 8);
    claiming.now_ms = NOW + 2 * DAY;
    EXPECT_RESULT(CT_CONFLICT, claim(&scratch, &claiming, 1));
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_counting(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct claiming claiming = {.user_id = ALICE, .now_ms = NOW, .quantity = 3};
    TRY(open_with_alice(&scratch));
    TRY(ct_store_write(scratch.store, run_count, &claiming));
    EXPECT(claiming.claimed == 3);
    claiming.quantity = 5;
    TRY(ct_store_write(scratch.store, run_count, &claiming));
    EXPECT(claiming.claimed == 8);
    claiming.user_id = 2;
    TRY(ct_store_write(scratch.store, run_count, &claiming));
    EXPECT(claiming.claimed == 5);
    claiming.user_id = ALICE;
    claiming.now_ms = NOW + DAY;
    TRY(ct_store_write(scratch.store, run_count, &claiming));
    EXPECT(claiming.claimed == 5);
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_all_or_none),
        CT_UNIT(test_a_number_that_the_inventory_missed),
        CT_UNIT(test_after_a_quarantine),
        CT_UNIT(test_counting),
    };
    return ct_unit_main("numbers/claim", units, sizeof(units) / sizeof(units[0]));
}
