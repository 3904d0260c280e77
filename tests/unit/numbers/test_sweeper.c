#include "numbers/sweeper.h"

#include "lives.h"

static enum ct_result is_due(struct scratch *scratch, int64_t at_ms, bool *out)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_sweep_is_due(db, at_ms, out);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_sweeping(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_number number;
    struct step sweep = {.deed = SWEEP, .at_ms = NOW + DAY};
    bool due = true;
    int64_t id = 0;

    TRY(open_with_users(&scratch));
    TRY(create(&scratch, ALICE, "+12", NOW, &id));
    TRY(create(&scratch, ALICE, "+13", NOW, &id));
    TRY(create(&scratch, ALICE, "+14", NOW, &id));
    TRY(is_due(&scratch, INT64_MAX, &due));
    EXPECT(!due);
    TRY(DO(&scratch, RELEASE, ALICE, NOW, .id = 1, .days = 1));
    TRY(DO(&scratch, OFFER, ALICE, NOW, .id = 2, .to_id = BOB, .hours = 24));
    TRY(is_due(&scratch, NOW + DAY - 1, &due));
    EXPECT(!due);
    TRY(is_due(&scratch, NOW + DAY, &due));
    EXPECT(due);
    TRY(do_step(&scratch, &sweep));
    EXPECT(sweep.count == 2);
    EXPECT_VALUE(&scratch,
                 "1 0 number.freed 1 +12 nowhere,1 0 number.offer_ended 2 +13 expired "
                 "nowhere",
                 "SELECT group_concat(user_id || ' ' || coalesce(actor_id, 0) || ' ' || action || "
                 "' ' || target_id || ' ' || detail || ' ' || coalesce(address, 'nowhere')) "
                 "FROM (SELECT * FROM audit ORDER BY action)");
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, RESTORE, ALICE, NOW, .id = 1));
    TRY(get(&scratch, ALICE, 2, NOW, &number));
    EXPECT(number.stored == CT_LIFE_ASSIGNED && number.transfer_to == 0 && number.version == 2);
    TRY(is_due(&scratch, INT64_MAX, &due));
    EXPECT(!due);
    /* again, as another node might */
    TRY(do_step(&scratch, &sweep));
    EXPECT(sweep.count == 0);
    EXPECT_VALUE(&scratch, "2", "SELECT count(*) FROM audit");
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_a_bit_at_a_time(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct step sweep = {.deed = SWEEP, .at_ms = NOW};

    TRY(open_with_users(&scratch));
    TRY(execute(&scratch,
                "INSERT INTO virtual_phone_numbers (phone_number, status, status_until, "
                "last_owner_id) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                "WHERE i < 103) SELECT '+49' || i, 'quarantined', i, 1 FROM n"));
    TRY(do_step(&scratch, &sweep));
    EXPECT(sweep.count == CT_SWEEP_ROWS);
    EXPECT_VALUE(&scratch, "3", "SELECT count(*) FROM virtual_phone_numbers");
    TRY(do_step(&scratch, &sweep));
    EXPECT(sweep.count == 3);
    EXPECT_VALUE(&scratch, "0", "SELECT count(*) FROM virtual_phone_numbers");
    EXPECT_VALUE(&scratch, "103", "SELECT count(*) FROM audit WHERE action = 'number.freed'");
out:
    scratch_close(&scratch);
    return result;
}

/* What the thread does is shown by the API tests, with a clock that is moved. */
static enum ct_result test_the_thread(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_sweeper *sweeper = NULL;

    TRY(open_with_users(&scratch));
    TRY(ct_sweeper_start(scratch.store, NULL, NULL, &sweeper));
out:
    ct_sweeper_stop(sweeper);
    ct_sweeper_stop(NULL);
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_sweeping),
        CT_UNIT(test_a_bit_at_a_time),
        CT_UNIT(test_the_thread),
    };
    return ct_unit_main("numbers/sweeper", units, sizeof(units) / sizeof(units[0]));
}
