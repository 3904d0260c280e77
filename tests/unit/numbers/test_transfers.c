#include "numbers/transfers.h"

#include "base/clock.h"
#include "lives.h"

/* A number of Alice's that Bob may have within a day. */
static enum ct_result open_with_offer(struct scratch *scratch, int64_t *id)
{
    enum ct_result result = open_with_users(scratch);
    if (result == CT_OK)
        result = create(scratch, ALICE, "+12", NOW, id);
    if (result == CT_OK)
        result = execute(scratch, "UPDATE virtual_phone_numbers SET friendly_name = 'hers', "
                                  "tags = '[\"a\"]'");
    if (result == CT_OK)
        result = DO(scratch, OFFER, ALICE, NOW, .id = *id, .to_id = BOB, .hours = 24);
    return result;
}

static enum ct_result test_accepting(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_number number;
    int64_t id = 0;

    TRY(open_with_offer(&scratch, &id));
    TRY(get(&scratch, ALICE, id, NOW, &number));
    EXPECT(number.state == CT_LIFE_TRANSFERRING && number.transfer_to == BOB &&
           number.until == NOW + DAY && number.version == 1 && is(number.friendly_name, "hers"));
    /* it is not his before he accepts, and Carol has nothing to say */
    EXPECT_RESULT(CT_NOT_FOUND, get(&scratch, BOB, id, NOW, &number));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, RELEASE, BOB, NOW, .id = id, .days = 1));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, ACCEPT, CAROL, NOW, .id = id));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, END, CAROL, NOW, .id = id));
    EXPECT_RESULT(CT_NOT_FOUND,
                  DO(&scratch, OFFER, CAROL, NOW, .id = id, .to_id = CAROL, .hours = 1));
    /* one offer at a time */
    EXPECT_RESULT(CT_CONFLICT,
                  DO(&scratch, OFFER, ALICE, NOW, .id = id, .to_id = CAROL, .hours = 1));
    EXPECT_RESULT(CT_CONFLICT, DO(&scratch, OFFER, ALICE, NOW, .id = id, .to_id = BOB, .hours = 1));
    TRY(DO(&scratch, ACCEPT, BOB, NOW + DAY - 1, .id = id));
    EXPECT_RESULT(CT_NOT_FOUND, get(&scratch, ALICE, id, NOW, &number));
    TRY(get(&scratch, BOB, id, NOW, &number));
    EXPECT(number.state == CT_LIFE_ASSIGNED && number.transfer_to == 0 &&
           number.until == CT_NO_TIME && number.version == 2 && number.created_at == NOW);
    EXPECT(number.friendly_name.at == NULL && number.tags.at == NULL);
    /* a second acceptance, and what comes too late */
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, ACCEPT, BOB, NOW, .id = id));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, END, ALICE, NOW, .id = id));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, END, BOB, NOW, .id = id));
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_to_oneself(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    int64_t id = 0;

    TRY(open_with_users(&scratch));
    TRY(create(&scratch, ALICE, "+12", NOW, &id));
    EXPECT_RESULT(CT_CONFLICT,
                  DO(&scratch, OFFER, ALICE, NOW, .id = id, .to_id = ALICE, .hours = 1));
    EXPECT_VALUE(&scratch, "-", "SELECT status FROM virtual_phone_numbers");
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_refusing_and_withdrawing(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_number number;
    int64_t id = 0;

    TRY(open_with_offer(&scratch, &id));
    TRY(DO(&scratch, END, BOB, NOW, .id = id));
    /* who refused is no secret to the owner; from where is */
    EXPECT_VALUE(&scratch, "1 2 number.offer_ended 1 +12 refused nowhere", LAST_AUDIT);
    TRY(get(&scratch, ALICE, id, NOW, &number));
    EXPECT(number.state == CT_LIFE_ASSIGNED && number.transfer_to == 0 && number.version == 2);
    EXPECT(is(number.friendly_name, "hers") && is(number.tags, "[\"a\"]"));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, ACCEPT, BOB, NOW, .id = id));
    TRY(DO(&scratch, OFFER, ALICE, NOW, .id = id, .to_id = BOB, .hours = 24));
    TRY(DO(&scratch, END, ALICE, NOW, .id = id));
    EXPECT_VALUE(&scratch, "1 1 number.offer_ended 1 +12 withdrawn 192.0.2.1", LAST_AUDIT);
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, ACCEPT, BOB, NOW, .id = id));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, END, BOB, NOW, .id = id));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, END, ALICE, NOW, .id = id));
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_running_out(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_number number;
    int64_t id = 0;

    TRY(open_with_offer(&scratch, &id));
    TRY(get(&scratch, ALICE, id, NOW + DAY, &number));
    EXPECT(number.stored == CT_LIFE_TRANSFERRING && number.state == CT_LIFE_ASSIGNED);
    /* whether or not the row was tidied up */
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, ACCEPT, BOB, NOW + DAY, .id = id));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, END, BOB, NOW + DAY, .id = id));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, END, ALICE, NOW + DAY, .id = id));
    /* the next offer ends the one before */
    TRY(DO(&scratch, OFFER, ALICE, NOW + DAY, .id = id, .to_id = CAROL, .hours = 1));
    EXPECT_VALUE(&scratch, "1 0 number.offer_ended 1 +12 expired nowhere", LAST_AUDIT);
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, ACCEPT, BOB, NOW + DAY, .id = id));
    TRY(DO(&scratch, ACCEPT, CAROL, NOW + DAY, .id = id));
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_releasing_while_offered(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_number number;
    int64_t id = 0;

    TRY(open_with_offer(&scratch, &id));
    TRY(DO(&scratch, RELEASE, ALICE, NOW, .id = id, .days = 30));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, ACCEPT, BOB, NOW, .id = id));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, END, BOB, NOW, .id = id));
    EXPECT_RESULT(CT_NOT_FOUND,
                  DO(&scratch, OFFER, ALICE, NOW, .id = id, .to_id = BOB, .hours = 1));
    TRY(DO(&scratch, RESTORE, ALICE, NOW, .id = id));
    /* the offer does not come back with it */
    TRY(get(&scratch, ALICE, id, NOW, &number));
    EXPECT(number.state == CT_LIFE_ASSIGNED && number.transfer_to == 0 &&
           is(number.friendly_name, "hers"));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, ACCEPT, BOB, NOW, .id = id));
out:
    scratch_close(&scratch);
    return result;
}

/* ---- two at once ---- */

struct race {
    int64_t id;
    enum ct_result second;
};

/* Both have read the offer before either writes: as on two nodes. */
static enum ct_result race_accept_and_withdraw(void *ctx, struct ct_db *db)
{
    struct race *race = ctx;
    struct ct_number theirs;
    struct ct_number hers;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    struct ct_call call = {.arena = arena, .db = db, .user_id = ALICE};
    enum ct_result result = ct_transfer_get(arena, db, BOB, race->id, NOW, &theirs);
    hers = theirs;
    if (result == CT_OK)
        result = ct_transfer_accept(db, &theirs);
    if (result == CT_OK)
        race->second = ct_transfer_end(&call, &hers, "withdrawn");
    ct_arena_free(arena);
    return race->second == CT_NOMEM ? CT_NOMEM : result;
}

static enum ct_result race_release_and_accept(void *ctx, struct ct_db *db)
{
    struct race *race = ctx;
    struct ct_number theirs;
    struct ct_number hers;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_transfer_get(arena, db, BOB, race->id, NOW, &theirs);
    hers = theirs;
    if (result == CT_OK)
        result = ct_number_release(db, &hers, 30, NOW);
    if (result == CT_OK)
        race->second = ct_transfer_accept(db, &theirs);
    ct_arena_free(arena);
    return race->second == CT_NOMEM ? CT_NOMEM : result;
}

static enum ct_result test_races(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct race race = {0};

    TRY(open_with_offer(&scratch, &race.id));
    TRY(ct_store_write(scratch.store, race_accept_and_withdraw, &race));
    EXPECT(race.second == CT_BUSY);
    EXPECT_VALUE(&scratch, "2", "SELECT user_id FROM virtual_phone_numbers");
    TRY(DO(&scratch, OFFER, BOB, NOW, .id = race.id, .to_id = CAROL, .hours = 1));
    TRY(execute(&scratch, "UPDATE virtual_phone_numbers SET transfer_to = 2, user_id = 1"));
    TRY(ct_store_write(scratch.store, race_release_and_accept, &race));
    EXPECT(race.second == CT_BUSY);
    EXPECT_VALUE(&scratch, "quarantined", "SELECT status FROM virtual_phone_numbers");
out:
    scratch_close(&scratch);
    return result;
}

/* ---- lists ---- */

static enum ct_result list(struct scratch *scratch, int64_t user_id, int64_t after, size_t limit,
                           int64_t at_ms, struct ct_transfer *out, size_t *count)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_transfer_list(scratch->arena, db, user_id, after, limit, at_ms, out, count);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_listing(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_transfer rows[4];
    size_t count = 9;
    int64_t id = 0;

    TRY(open_with_offer(&scratch, &id)); /* 1: Alice to Bob */
    TRY(create(&scratch, BOB, "+13", NOW, &id));
    TRY(DO(&scratch, OFFER, BOB, NOW, .id = id, .to_id = CAROL, .hours = 1));
    TRY(create(&scratch, CAROL, "+14", NOW, &id));
    TRY(DO(&scratch, OFFER, CAROL, NOW, .id = id, .to_id = BOB, .hours = 48));
    TRY(create(&scratch, BOB, "+15", NOW, &id)); /* not offered */
    TRY(list(&scratch, BOB, 0, 4, NOW, rows, &count));
    EXPECT(count == 3 && rows[0].id == 1 && rows[1].id == 2 && rows[2].id == 3);
    EXPECT(is(rows[0].from, "alice") && is(rows[0].to, "bob") &&
           is(rows[0].direction, "incoming") && is(rows[0].phone_number, "+12") &&
           rows[0].expires_at == NOW + DAY);
    EXPECT(is(rows[1].from, "bob") && is(rows[1].to, "carol") && is(rows[1].direction, "outgoing"));
    TRY(list(&scratch, BOB, 1, 1, NOW, rows, &count));
    EXPECT(count == 1 && rows[0].id == 2);
    /* what has run out is no offer */
    TRY(list(&scratch, BOB, 0, 4, NOW + HOUR, rows, &count));
    EXPECT(count == 2 && rows[0].id == 1 && rows[1].id == 3);
    TRY(list(&scratch, ALICE, 0, 4, NOW, rows, &count));
    EXPECT(count == 1 && is(rows[0].direction, "outgoing"));
    TRY(list(&scratch, 9, 0, 4, NOW, rows, &count));
    EXPECT(count == 0);
out:
    scratch_close(&scratch);
    return result;
}

/* ---- the end of an account ---- */

static enum ct_result release_all(void *ctx, struct ct_db *db)
{
    struct ct_call *call = ctx;
    call->db = db;
    return ct_numbers_release_all(NULL, call);
}

static enum ct_result test_the_end_of_an_account(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_config config = {.number_quarantine_days = 30};
    struct ct_number number;
    int64_t now_ms = ct_clock_unix_ms();
    int64_t id = 0;

    TRY(open_with_users(&scratch));
    struct ct_call call = {.arena = scratch.arena,
                           .config = &config,
                           .user_id = BOB,
                           .caller = {.user_id = BOB},
                           .address = CT_STR("192.0.2.1")};
    TRY(create(&scratch, ALICE, "+12", now_ms, &id));
    TRY(DO(&scratch, OFFER, ALICE, now_ms, .id = id, .to_id = BOB, .hours = 24));
    TRY(create(&scratch, ALICE, "+13", now_ms, &id));
    TRY(DO(&scratch, OFFER, ALICE, now_ms - DAY, .id = id, .to_id = BOB, .hours = 24)); /* over */
    TRY(create(&scratch, ALICE, "+14", now_ms, &id));
    TRY(DO(&scratch, OFFER, ALICE, now_ms, .id = id, .to_id = CAROL, .hours = 24));
    TRY(create(&scratch, BOB, "+15", now_ms, &id));
    TRY(DO(&scratch, OFFER, BOB, now_ms, .id = id, .to_id = ALICE, .hours = 24));
    TRY(create(&scratch, BOB, "+16", now_ms, &id));
    TRY(execute(&scratch, "INSERT INTO number_claims (user_id, day, claimed) VALUES (2, 1, 5)"));
    TRY(ct_store_write(scratch.store, release_all, &call));
    TRY(execute(&scratch, "DELETE FROM users WHERE id = 2"));
    EXPECT_VALUE(&scratch, "0", "SELECT count(*) FROM number_claims");
    EXPECT_VALUE(&scratch, "2",
                 "SELECT count(*) FROM virtual_phone_numbers WHERE last_owner_id = 2 AND "
                 "user_id IS NULL AND status = 'quarantined' AND status_until > 0");
    /* what was offered to him is over at once, and is tidied up later */
    TRY(get(&scratch, ALICE, 1, ct_clock_unix_ms(), &number));
    EXPECT(number.stored == CT_LIFE_TRANSFERRING && number.state == CT_LIFE_ASSIGNED);
    TRY(do_step(&scratch, &(struct step){.deed = SWEEP, .at_ms = ct_clock_unix_ms()}));
    EXPECT_VALUE(&scratch, "1",
                 "SELECT count(*) FROM virtual_phone_numbers WHERE transfer_to IS NOT NULL");
    EXPECT_VALUE(&scratch, "expired,expired",
                 "SELECT group_concat(substr(detail, 5)) FROM "
                 "(SELECT detail FROM audit WHERE user_id = 1 ORDER BY id)");
    EXPECT_VALUE(&scratch, "number.released +15 192.0.2.1,number.released +16 192.0.2.1",
                 "SELECT group_concat(action || ' ' || detail || ' ' || address) FROM "
                 "(SELECT * FROM audit WHERE user_id = 2 ORDER BY id)");
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, ACCEPT, ALICE, now_ms, .id = 4));
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_accepting),
        CT_UNIT(test_to_oneself),
        CT_UNIT(test_refusing_and_withdrawing),
        CT_UNIT(test_running_out),
        CT_UNIT(test_releasing_while_offered),
        CT_UNIT(test_races),
        CT_UNIT(test_listing),
        CT_UNIT(test_the_end_of_an_account),
    };
    return ct_unit_main("numbers/transfers", units, sizeof(units) / sizeof(units[0]));
}
