#include "numbers/numbers.h"

#include "lives.h"

static enum ct_result list(struct scratch *scratch, int64_t user_id, int64_t after, size_t limit,
                           struct ct_number *out, size_t *count)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_number_list(scratch->arena, db, user_id, after, limit, NOW, out, count);
    ct_store_read_end(db);
    return result;
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
    TRY(create(&scratch, ALICE, "+1234567890", NOW, &first));
    TRY(create(&scratch, BOB, "+49301234567", NOW, &second));
    EXPECT(first == 1 && second == 2);
    TRY(get(&scratch, ALICE, first, NOW, &number));
    EXPECT(number.id == first && number.user_id == ALICE && number.created_at == NOW);
    EXPECT(is(number.phone_number, "+1234567890"));
    /* taken by anyone, oneself too */
    EXPECT_RESULT(CT_CONFLICT, create(&scratch, ALICE, "+1234567890", NOW, &none));
    EXPECT_RESULT(CT_CONFLICT, create(&scratch, BOB, "+1234567890", NOW, &none));
    EXPECT(none == 0);
    TRY(create(&scratch, BOB, "+12345678900", NOW, &none));
    EXPECT(none == 3); /* a conflict takes no id */
    /* what belongs to somebody else is not there */
    EXPECT_RESULT(CT_NOT_FOUND, get(&scratch, BOB, first, NOW, &number));
    EXPECT_RESULT(CT_NOT_FOUND, get(&scratch, 0, first, NOW, &number));
    EXPECT_RESULT(CT_NOT_FOUND, get(&scratch, ALICE, 4, NOW, &number));
    EXPECT_RESULT(CT_NOT_FOUND, get(&scratch, ALICE, -1, NOW, &number));
    EXPECT_RESULT(CT_NOT_FOUND, get(&scratch, ALICE, INT64_MAX, NOW, &number));
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
    TRY(create(&scratch, BOB, "+1234567890", NOW, &first));
    TRY(execute(&scratch, "DELETE FROM virtual_phone_numbers"));
    TRY(execute(&scratch, "DELETE FROM users WHERE id = 2"));
    /* a user may be deleted between the token and the write */
    enum ct_result created = create(&scratch, BOB, "+1234567890", NOW, &second);
    EXPECT(created != CT_OK && second == 0);
    TRY(created == CT_NOMEM ? CT_NOMEM : CT_OK);
    /* an id is never used again */
    TRY(create(&scratch, ALICE, "+1234567890", NOW, &second));
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

/* What a change leaves alone, and that no change is lost. */
static enum ct_result save_twice(void *ctx, struct ct_db *db)
{
    struct ct_number first = *(const struct ct_number *)ctx;
    struct ct_number second = first;
    first.friendly_name = CT_STR("first");
    enum ct_result result = ct_number_save(db, &first);
    if (result != CT_OK)
        return result;
    if (first.version != second.version + 1)
        return CT_BUG;
    second.friendly_name = CT_STR("second");
    result = ct_number_save(db, &second);
    return result == CT_BUSY && second.version + 1 == first.version ? CT_OK
           : result == CT_NOMEM                                     ? CT_NOMEM
                                                                    : CT_BUG;
}

static enum ct_result test_saving(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_number number;
    int64_t id = 0;

    TRY(open_with_users(&scratch));
    TRY(create(&scratch, ALICE, "+12", NOW, &id));
    TRY(get(&scratch, ALICE, id, NOW, &number));
    EXPECT(number.version == 0 && number.stored == CT_LIFE_ASSIGNED &&
           number.state == CT_LIFE_ASSIGNED && number.until == CT_NO_TIME);
    EXPECT(number.friendly_name.at == NULL && number.tags.at == NULL);
    TRY(ct_store_write(scratch.store, save_twice, &number));
    TRY(get(&scratch, ALICE, id, NOW, &number));
    EXPECT(is(number.friendly_name, "first") && number.version == 1);
    EXPECT(number.created_at == NOW && is(number.phone_number, "+12"));
    EXPECT_VALUE(&scratch, "-", "SELECT status FROM virtual_phone_numbers");
    /* a row that is gone */
    TRY(execute(&scratch, "DELETE FROM virtual_phone_numbers"));
    EXPECT_RESULT(CT_BUSY, ct_store_write(scratch.store, save_twice, &number));
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result count_quarantined(struct scratch *scratch, int64_t user_id, int64_t at_ms,
                                        size_t *count)
{
    struct ct_db *db;
    struct ct_number rows[4];
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_number_list_quarantined(scratch->arena, db, user_id, 0, 4, at_ms, rows, count);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_quarantine(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_number number;
    const int64_t end = NOW + 30 * DAY;
    int64_t id = 0;
    int64_t other = 0;
    size_t count = 9;

    TRY(open_with_users(&scratch));
    TRY(create(&scratch, ALICE, "+12", NOW - DAY, &id));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, RELEASE, BOB, NOW, .id = id, .days = 30));
    /* nothing to restore while somebody has it */
    EXPECT_RESULT(CT_CONFLICT, DO(&scratch, RESTORE, ALICE, NOW, .id = id));
    TRY(DO(&scratch, RELEASE, ALICE, NOW, .id = id, .days = 30));
    EXPECT_VALUE(&scratch, "quarantined", "SELECT status FROM virtual_phone_numbers");
    EXPECT_VALUE(&scratch, "-", "SELECT user_id FROM virtual_phone_numbers");
    /* neither the last owner's any more, nor anybody's */
    EXPECT_RESULT(CT_NOT_FOUND, get(&scratch, ALICE, id, NOW, &number));
    EXPECT_RESULT(CT_NOT_FOUND, get(&scratch, 0, id, NOW, &number));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, RELEASE, ALICE, NOW, .id = id, .days = 30));
    EXPECT_RESULT(CT_CONFLICT, create(&scratch, ALICE, "+12", NOW, &other));
    EXPECT_RESULT(CT_CONFLICT, create(&scratch, BOB, "+12", end - 1, &other));
    EXPECT_RESULT(CT_CONFLICT, DO(&scratch, RESERVE, 0, end - 1, .number = "+12"));
    TRY(count_quarantined(&scratch, ALICE, end - 1, &count));
    EXPECT(count == 1);
    TRY(count_quarantined(&scratch, BOB, NOW, &count));
    EXPECT(count == 0);
    TRY(DO(&scratch, RESTORE, ALICE, end - 1, .id = id));
    TRY(get(&scratch, ALICE, id, NOW, &number));
    EXPECT(number.state == CT_LIFE_ASSIGNED && number.until == CT_NO_TIME &&
           number.last_owner_id == 0 && number.version == 2 && number.created_at == NOW - DAY);
    TRY(count_quarantined(&scratch, ALICE, NOW, &count));
    EXPECT(count == 0);
    TRY(DO(&scratch, RELEASE, ALICE, end, .id = id, .days = 30));
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_the_end_of_a_quarantine(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_number number;
    const int64_t end = NOW + 30 * DAY;
    int64_t id = 0;
    int64_t other = 0;
    size_t count = 9;

    TRY(open_with_users(&scratch));
    TRY(create(&scratch, ALICE, "+12", NOW, &id));
    TRY(DO(&scratch, RELEASE, ALICE, NOW, .id = id, .days = 30));
    /* whether or not the row was tidied up */
    EXPECT_RESULT(CT_CONFLICT, DO(&scratch, RESTORE, ALICE, end, .id = id));
    TRY(count_quarantined(&scratch, ALICE, end, &count));
    EXPECT(count == 0);
    TRY(create(&scratch, BOB, "+12", end, &other));
    EXPECT(other != id);
    EXPECT_VALUE(&scratch, "1", "SELECT count(*) FROM virtual_phone_numbers");
    EXPECT_VALUE(&scratch, "1 0 number.freed 1 +12 nowhere", LAST_AUDIT);
    TRY(get(&scratch, BOB, other, end, &number));
    EXPECT(number.created_at == end && number.version == 0 && number.last_owner_id == 0);
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, RESTORE, ALICE, end, .id = id));
    /* an account that ends leaves its numbers in quarantine */
    TRY(DO(&scratch, RELEASE, BOB, end, .id = other, .days = 30));
    TRY(execute(&scratch, "DELETE FROM users WHERE id = 2"));
    EXPECT_RESULT(CT_CONFLICT, create(&scratch, CAROL, "+12", end, &id));
    TRY(create(&scratch, CAROL, "+12", end + 30 * DAY, &id));
    EXPECT_VALUE(&scratch, "2 0 number.freed 2 +12 nowhere", LAST_AUDIT);
out:
    scratch_close(&scratch);
    return result;
}

/* What the original service kept as a phone number may be any text. */
static enum ct_result test_texts_that_are_no_numbers(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_number number;

    TRY(open_with_users(&scratch));
    TRY(execute(&scratch, "INSERT INTO virtual_phone_numbers (id, phone_number, user_id) VALUES "
                          "(1, '99999999999999999999999', 1), (2, '+49 (30) x', 1), (3, '', 1), "
                          "(4, NULL, 1), (5, '+99999999999999999999999', 1)"));
    for (int64_t id = 1; id <= 5; id++) {
        TRY(DO(&scratch, RELEASE, ALICE, NOW, .id = id, .days = 1));
        TRY(DO(&scratch, RESTORE, ALICE, NOW, .id = id));
        TRY(DO(&scratch, OFFER, ALICE, NOW, .id = id, .to_id = BOB, .hours = 1));
        TRY(DO(&scratch, ACCEPT, BOB, NOW, .id = id));
        TRY(DO(&scratch, RELEASE, BOB, NOW, .id = id, .days = 0));
        EXPECT_RESULT(CT_NOT_FOUND, get(&scratch, BOB, id, NOW, &number));
    }
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_no_quarantine(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    int64_t id = 0;
    int64_t other = 0;
    struct step step = {.deed = RELEASE, .user_id = ALICE, .at_ms = NOW};

    TRY(open_with_users(&scratch));
    TRY(create(&scratch, ALICE, "+12", NOW, &id));
    step.id = id;
    TRY(do_step(&scratch, &step));
    EXPECT(step.after.state == CT_LIFE_AVAILABLE && step.after.user_id == 0);
    EXPECT_VALUE(&scratch, "0", "SELECT count(*) FROM virtual_phone_numbers");
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, RESTORE, ALICE, NOW, .id = id));
    TRY(create(&scratch, BOB, "+12", NOW, &other));
    EXPECT(other == id + 1);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_reserving(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_number rows[3];
    struct ct_db *db;
    size_t count = 9;
    int64_t id = 0;
    struct step reserve = {.deed = RESERVE, .at_ms = NOW, .number = "+12"};

    TRY(open_with_users(&scratch));
    TRY(create(&scratch, ALICE, "+13", NOW, &id));
    EXPECT_RESULT(CT_CONFLICT, DO(&scratch, RESERVE, 0, NOW, .number = "+13"));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, UNRESERVE, 0, NOW, .id = id));
    TRY(do_step(&scratch, &reserve));
    EXPECT_RESULT(CT_CONFLICT, DO(&scratch, RESERVE, 0, NOW, .number = "+12"));
    EXPECT_RESULT(CT_CONFLICT, create(&scratch, ALICE, "+12", NOW + 1000 * DAY, &id));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, RELEASE, ALICE, NOW, .id = reserve.id, .days = 1));
    EXPECT_RESULT(CT_CONFLICT, DO(&scratch, RESTORE, ALICE, NOW, .id = reserve.id));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, ACCEPT, ALICE, NOW, .id = reserve.id));
    TRY(ct_store_read_begin(scratch.store, &db));
    result = ct_number_list_reserved(scratch.arena, db, 0, 3, NOW, rows, &count);
    ct_store_read_end(db);
    TRY(result);
    EXPECT(count == 1 && rows[0].id == reserve.id && rows[0].state == CT_LIFE_RESERVED);
    EXPECT(rows[0].user_id == 0 && is(rows[0].phone_number, "+12"));
    TRY(DO(&scratch, UNRESERVE, 0, NOW, .id = reserve.id));
    EXPECT_RESULT(CT_NOT_FOUND, DO(&scratch, UNRESERVE, 0, NOW, .id = reserve.id));
    TRY(create(&scratch, ALICE, "+12", NOW, &id));
    /* one whose quarantine is over */
    TRY(DO(&scratch, RELEASE, ALICE, NOW, .id = id, .days = 1));
    TRY(DO(&scratch, RESERVE, 0, NOW + DAY, .number = "+12"));
out:
    scratch_close(&scratch);
    return result;
}

struct quota_question {
    struct ct_call call;
    int64_t more;
};

static enum ct_result ask_quota(void *ctx, struct ct_db *db)
{
    struct quota_question *question = ctx;
    question->call.db = db;
    return ct_number_quota(&question->call, question->more);
}

static enum ct_result test_quota(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_config config = {.quota_numbers = 3};
    struct quota_question question = {.call = {.config = &config, .user_id = ALICE}, .more = 1};
    int64_t id = 0;

    TRY(open_with_users(&scratch));
    question.call.arena = scratch.arena;
    TRY(create(&scratch, ALICE, "+12", NOW, &id));
    TRY(create(&scratch, ALICE, "+13", NOW, &id));
    TRY(create(&scratch, BOB, "+14", NOW, &id));
    TRY(ct_store_write(scratch.store, ask_quota, &question));
    question.more = 2;
    EXPECT_RESULT(CT_FORBIDDEN, ct_store_write(scratch.store, ask_quota, &question));
    EXPECT(strcmp(question.call.detail, "This account may have 3 numbers (QUOTA_NUMBERS)") == 0);
    /* what is in quarantine does not count, and a lower quota takes nothing away */
    config.quota_numbers = 1;
    question.more = 0;
    TRY(ct_store_write(scratch.store, ask_quota, &question));
    question.more = 1;
    EXPECT_RESULT(CT_FORBIDDEN, ct_store_write(scratch.store, ask_quota, &question));
    TRY(DO(&scratch, RELEASE, ALICE, NOW, .id = 1, .days = 30));
    TRY(DO(&scratch, RELEASE, ALICE, NOW, .id = 2, .days = 30));
    TRY(ct_store_write(scratch.store, ask_quota, &question));
    config.quota_numbers = 0;
    question.more = INT64_MAX;
    TRY(ct_store_write(scratch.store, ask_quota, &question));
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_in_full(void)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    const struct ct_numbers room = {0};
    struct ct_number_full full;
    struct ct_number number = {.id = 7,
                               .phone_number = CT_STR("+4930123"),
                               .user_id = ALICE,
                               .stored = CT_LIFE_TRANSFERRING,
                               .state = CT_LIFE_TRANSFERRING,
                               .version = 4,
                               .tags = CT_STR("[\"a\",\"\\u00fc \\\"b\\\"\"]"),
                               .created_at = NOW};
    TRY_MEMORY(arena);
    /* without the library nothing is known of a number, and that is no failure */
    TRY(ct_number_describe(&room, arena, &number, &full));
    EXPECT(full.id == 7 && full.user_id == ALICE && full.created_at == NOW && !full.valid);
    EXPECT(is(full.type, "unknown") && is(full.national_format, "+4930123") &&
           full.country.at == NULL && full.voice.at == NULL && full.friendly_name.at == NULL);
    EXPECT(is(full.status, "transferring"));
    EXPECT(full.tags.count == 2 && is(full.tags.at[0], "a") &&
           is(full.tags.at[1], "\303\274 \"b\""));
    const char *tag = ct_number_etag(arena, &number);
    TRY_MEMORY(tag);
    EXPECT(strcmp(tag, "\"4\"") == 0);
    /* time has changed it: the tag is what it is going to be when the row is tidied */
    number.state = CT_LIFE_ASSIGNED;
    tag = ct_number_etag(arena, &number);
    TRY_MEMORY(tag);
    EXPECT(strcmp(tag, "\"5\"") == 0);
    number.user_id = 0;
    number.tags = (struct ct_str){0};
    TRY(ct_number_describe(&room, arena, &number, &full));
    EXPECT(full.user_id == INT64_MIN && full.tags.count == 0);
    static const char *const no_tags[] = {"", "{}", "1", "[1]", "[\"a\",null]", "[\"a\""};
    for (size_t i = 0; i < sizeof(no_tags) / sizeof(no_tags[0]); i++) {
        number.tags = ct_str_of(no_tags[i]);
        EXPECT_RESULT(CT_BUG, ct_number_describe(&room, arena, &number, &full));
    }
out:
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_creating),
        CT_UNIT(test_after_a_deletion),
        CT_UNIT(test_listing),
        CT_UNIT(test_saving),
        CT_UNIT(test_quarantine),
        CT_UNIT(test_the_end_of_a_quarantine),
        CT_UNIT(test_texts_that_are_no_numbers),
        CT_UNIT(test_no_quarantine),
        CT_UNIT(test_reserving),
        CT_UNIT(test_quota),
        CT_UNIT(test_in_full),
    };
    return ct_unit_main("numbers/numbers", units, sizeof(units) / sizeof(units[0]));
}
