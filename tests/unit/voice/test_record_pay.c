#include "room.h"

/* Calls that turn to a trunk after they have begun. */

struct move {
    int64_t id;
    struct ct_record_bill bill;
    bool paid;
};

static enum ct_result run_pay(void *ctx, struct ct_db *db)
{
    struct move *move = ctx;
    return ct_record_pay(db, move->id, &move->bill);
}

static enum ct_result run_unpay(void *ctx, struct ct_db *db)
{
    struct move *move = ctx;
    return ct_record_unpay(db, move->id, &move->bill);
}

static enum ct_result run_is_paid(void *ctx, struct ct_db *db)
{
    struct move *move = ctx;
    return ct_record_is_paid(db, move->id, &move->bill, &move->paid);
}

static enum ct_result run_transferred(void *ctx, struct ct_db *db)
{
    const struct move *move = ctx;
    return ct_record_transferred(db, move->id, move->paid, move->bill.trunk_id, move->bill.at);
}

#define USED "SELECT cast(coalesce(sum(ms), 0) AS TEXT) FROM call_usage WHERE user_id = "
#define TOLD "SELECT cast(count(*) AS TEXT) FROM events WHERE type = 'call.transferred'"

static enum ct_result test_paid_by_another(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct move move = {.bill = {BOB, 5, NOW + 30000, 7000}};

    TRY(open_house(&scratch));
    TRY(BEGIN(&scratch, "a", &move.id, .caller_id = ALICE, .payer_id = ALICE, .to_trunk_id = 4));
    TRY(CHANGE(&scratch, move.id, CT_RECORD_IN_PROGRESS, NOW + 10000));
    TRY(ct_store_write(scratch.store, run_is_paid, &move));
    EXPECT(!move.paid);
    TRY(ct_store_write(scratch.store, run_pay, &move));
    EXPECT_VALUE(&scratch, "20000", USED "1");
    /* the same again changes nothing */
    TRY(ct_store_write(scratch.store, run_is_paid, &move));
    EXPECT(move.paid);
    TRY(ct_store_write(scratch.store, run_pay, &move));
    EXPECT_VALUE(&scratch, "20000", USED "1");
    EXPECT_VALUE(&scratch, "2 5 7000",
                 "SELECT payer_id || ' ' || to_trunk_id || ' ' || granted_ms FROM calls");
    TRY(CHANGE(&scratch, move.id, CT_RECORD_COMPLETED, NOW + 45000));
    EXPECT_VALUE(&scratch, "20000", USED "1");
    EXPECT_VALUE(&scratch, "15000", USED "2");
    EXPECT_RESULT(CT_CONFLICT, ct_store_write(scratch.store, run_pay, &move));
    move.id = 99;
    EXPECT_RESULT(CT_NOT_FOUND, ct_store_write(scratch.store, run_pay, &move));
    TRY(ct_store_write(scratch.store, run_is_paid, &move));
    EXPECT(!move.paid);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_paid_by_nobody_after_all(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct move move = {.bill = {BOB, 5, NOW + 30000, 7000}};

    TRY(open_house(&scratch));
    TRY(BEGIN(&scratch, "a", &move.id, .caller_id = ALICE, .callee_id = BOB));
    TRY(CHANGE(&scratch, move.id, CT_RECORD_IN_PROGRESS, NOW));
    TRY(ct_store_write(scratch.store, run_pay, &move));
    move.bill = (struct ct_record_bill){.at = NOW + 30000};
    TRY(ct_store_write(scratch.store, run_unpay, &move));
    EXPECT_VALUE(&scratch, "yes",
                 "SELECT 'yes' FROM calls WHERE payer_id IS NULL AND to_trunk_id IS NULL AND "
                 "paid_from IS NULL AND granted_ms IS NULL");
    TRY(CHANGE(&scratch, move.id, CT_RECORD_COMPLETED, NOW + 45000));
    EXPECT_VALUE(&scratch, "0", USED "2");
    EXPECT_RESULT(CT_CONFLICT, ct_store_write(scratch.store, run_unpay, &move));
    /* one that was paid for before is paid for on, without a gap */
    TRY(BEGIN(&scratch, "b", &move.id, .caller_id = ALICE, .payer_id = ALICE, .to_trunk_id = 4));
    TRY(CHANGE(&scratch, move.id, CT_RECORD_IN_PROGRESS, NOW));
    move.bill = (struct ct_record_bill){BOB, 5, NOW + 30000, 0};
    TRY(ct_store_write(scratch.store, run_pay, &move));
    move.bill = (struct ct_record_bill){ALICE, 4, NOW + 30000, 0};
    TRY(ct_store_write(scratch.store, run_unpay, &move));
    TRY(CHANGE(&scratch, move.id, CT_RECORD_COMPLETED, NOW + 45000));
    EXPECT_VALUE(&scratch, "45000", USED "1");
    EXPECT_VALUE(&scratch, "0", USED "2");
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_transferred(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct move move = {.bill = {.at = NOW + 5000}};

    TRY(open_house(&scratch));
    TRY(BEGIN(&scratch, "a", &move.id, .caller_id = ALICE, .callee_id = BOB));
    TRY(CHANGE(&scratch, move.id, CT_RECORD_IN_PROGRESS, NOW));
    TRY(ct_store_write(scratch.store, run_transferred, &move));
    EXPECT_VALUE(&scratch, "2", TOLD);
    /* a job that runs twice */
    TRY(ct_store_write(scratch.store, run_transferred, &move));
    EXPECT_VALUE(&scratch, "2", TOLD);
    EXPECT_VALUE(&scratch, "yes", "SELECT 'yes' FROM calls WHERE paid_from IS NULL");
    /* out: it is paid for from then on */
    move.bill = (struct ct_record_bill){BOB, 5, NOW + 10000, 0};
    TRY(ct_store_write(scratch.store, run_pay, &move));
    move.bill = (struct ct_record_bill){.trunk_id = 6, .at = NOW + 20000};
    move.paid = true;
    TRY(ct_store_write(scratch.store, run_transferred, &move));
    EXPECT_VALUE(&scratch, "4", TOLD);
    TRY(CHANGE(&scratch, move.id, CT_RECORD_COMPLETED, NOW + 21000));
    EXPECT_VALUE(&scratch, "1000", USED "2");
    EXPECT_VALUE(&scratch, "6", "SELECT cast(to_trunk_id AS TEXT) FROM calls");
    move.bill.at++;
    EXPECT_RESULT(CT_CONFLICT, ct_store_write(scratch.store, run_transferred, &move));
    EXPECT_VALUE(&scratch, "4", TOLD);
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_paid_by_another),
        CT_UNIT(test_paid_by_nobody_after_all),
        CT_UNIT(test_transferred),
    };
    return ct_unit_main("record pay", units, sizeof(units) / sizeof(units[0]));
}
