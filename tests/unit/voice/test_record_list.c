#include "room.h"
#include "voice/call_view.h"

/** Calls of alice at NOW, NOW + 1, …: which of them are found, by the letters of their keys. */

static enum ct_result found(struct scratch *scratch, struct ct_record_filter filter,
                            struct ct_record_place after, size_t limit, char *out)
{
    struct ct_record rows[16];
    struct ct_db *db;
    size_t count = 0;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_record_list(scratch->arena, db, &filter, after, limit, rows, &count);
    for (size_t i = 0; i < count; i++)
        *out++ = (char)('a' + (rows[i].started_at - NOW));
    *out = '\0';
    ct_store_read_end(db);
    return result;
}

#define EXPECT_FOUND(expected, after, limit, ...)                                            \
    do {                                                                                     \
        TRY(found(&scratch, (struct ct_record_filter){.user_id = ALICE, __VA_ARGS__}, after, \
                  limit, letters));                                                          \
        bool as_expected = strcmp(letters, (expected)) == 0;                                 \
        if (!as_expected)                                                                    \
            (void)fprintf(stderr, "%s, not %s\n", letters, (expected));                      \
        EXPECT(as_expected);                                                                 \
    } while (0)
#define ALL_TIME .since = CT_NO_TIME, .until = CT_NO_TIME
static const struct ct_record_place beginning = {0};

static enum ct_result open_with_calls(struct scratch *scratch)
{
    int64_t id;
    enum ct_result result = open_house(scratch);
    if (result == CT_OK)
        result = BEGIN(scratch, "a", &id, .caller_id = ALICE, .callee_id = BOB);
    if (result == CT_OK)
        result = CHANGE(scratch, id, CT_RECORD_FAILED, NOW);
    if (result == CT_OK)
        result = BEGIN(scratch, "b", &id, .started_at = NOW + 1, .callee_id = ALICE,
                       .from = CT_STR("+12"));
    if (result == CT_OK)
        result = CHANGE(scratch, id, CT_RECORD_FAILED, NOW + 1);
    if (result == CT_OK)
        result = BEGIN(scratch, "c", &id, .started_at = NOW + 2, .caller_id = ALICE,
                       .callee_id = ALICE, .to = CT_STR("+13"));
    if (result == CT_OK)
        result = BEGIN(scratch, "d", &id, .started_at = NOW + 3, .callee_id = ALICE,
                       .from = CT_STR("+12"), .anonymous = true);
    return result == CT_OK ? BEGIN(scratch, "e", &id, .started_at = NOW + 4, .caller_id = BOB,
                                   .callee_id = CAROL)
                           : result;
}

static enum ct_result test_filters(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    char letters[17];

    TRY(open_with_calls(&scratch));
    EXPECT_FOUND("dcba", beginning, 16, ALL_TIME);
    EXPECT_FOUND("dc", beginning, 2, ALL_TIME);
    EXPECT_FOUND("b", beginning, 16, ALL_TIME, .from = CT_STR("+12"));
    EXPECT_FOUND("c", beginning, 16, ALL_TIME, .to = CT_STR("+13"));
    EXPECT_FOUND("b", beginning, 16, ALL_TIME, .from = CT_STR("+12"), .to = CT_STR("+4930000020"));
    EXPECT_FOUND("", beginning, 16, ALL_TIME, .from = CT_STR("+12"), .to = CT_STR("+13"));
    EXPECT_FOUND("dc", beginning, 16, ALL_TIME, .open = true);
    EXPECT_FOUND("c", beginning, 16, ALL_TIME, .open = true, .to = CT_STR("+13"));
    EXPECT_FOUND("c", beginning, 16, ALL_TIME, .open = true, .from = CT_STR("+4930000010"));
    EXPECT_FOUND("", beginning, 16, ALL_TIME, .open = true, .from = CT_STR("+12"));
    EXPECT_FOUND("dc", beginning, 16, .since = NOW + 2, .until = CT_NO_TIME);
    EXPECT_FOUND("ba", beginning, 16, .since = CT_NO_TIME, .until = NOW + 2);
    const struct ct_record_place behind_c = {NOW + 2, 3};
    EXPECT_FOUND("ba", behind_c, 16, ALL_TIME);
    EXPECT_FOUND("a", behind_c, 16, .since = CT_NO_TIME, .until = NOW + 1);
    EXPECT_FOUND("ba", behind_c, 16, .since = CT_NO_TIME, .until = NOW + 9);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_views(void)
{
    enum ct_result result = CT_OK;
    struct ct_call_reply view;
    struct ct_record record = {.id = 5,
                               .caller_id = ALICE,
                               .callee_id = BOB,
                               .from = CT_STR("+12"),
                               .to = CT_STR("+13"),
                               .from_device_id = 1,
                               .from_number_id = 2,
                               .to_device_id = 4,
                               .to_number_id = 6,
                               .to_trunk_id = 7,
                               .status = CT_RECORD_COMPLETED,
                               .started_at = NOW,
                               .ringing_at = CT_NO_TIME,
                               .answered_at = NOW + 5,
                               .ended_at = NOW + 50};
    ct_call_view(&record, ALICE, &view);
    EXPECT(is(view.direction, "outbound") && view.device_id == 1 && view.phone_number_id == 2 &&
           view.trunk_id == 7 && view.seconds == 45 && view.sip_code == INT64_MIN);
    ct_call_view(&record, BOB, &view);
    EXPECT(is(view.direction, "inbound") && view.device_id == 4 && view.phone_number_id == 6 &&
           view.trunk_id == INT64_MIN && is(view.from, "+12"));
    record.anonymous = true;
    ct_call_view(&record, BOB, &view);
    EXPECT(is(view.from, "anonymous"));
    ct_call_view(&record, ALICE, &view);
    EXPECT(is(view.from, "+12"));
    record.callee_id = ALICE;
    record.answered_at = CT_NO_TIME;
    ct_call_view(&record, ALICE, &view);
    EXPECT(is(view.direction, "internal") && view.seconds == 0);
    record.ended_at = CT_NO_TIME;
    ct_call_view(&record, ALICE, &view);
    EXPECT(view.seconds == INT64_MIN);
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_filters),
        CT_UNIT(test_views),
    };
    return ct_unit_main("record_list", units, sizeof(units) / sizeof(units[0]));
}
