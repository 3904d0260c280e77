#include "voice/caps.h"

#include "room.h"

struct setting {
    int64_t user_id;
    struct ct_call_caps caps;
};

static enum ct_result run_set(void *ctx, struct ct_db *db)
{
    const struct setting *setting = ctx;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_call_caps_write(arena, db, setting->user_id, &setting->caps);
    ct_arena_free(arena);
    return result;
}

static const struct ct_str areas[] = {{"+49", 3}, {"+1202", 5}};

/** Allows alice calls to these areas, within limits that are told in the call. */
#define ALLOW(...)              \
    ct_store_write(             \
        scratch.store, run_set, \
        &(struct setting){ALICE, {.trunks = true, .prefixes = {areas, 2}, __VA_ARGS__}})

static enum ct_result judge(struct scratch *scratch, int64_t user_id, const char *number,
                            int64_t now_ms, struct ct_call_verdict *out)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_call_caps_judge(db, user_id, ct_str_of(number), now_ms, out);
    ct_store_read_end(db);
    return result;
}

/** Whether alice's call at a time is refused with a sentence that has these words; NULL: it is not. */
#define EXPECT_VERDICT(words, number, when)                                                  \
    do {                                                                                     \
        const char *words_ = (words);                                                        \
        TRY(judge(&scratch, ALICE, (number), (when), &verdict));                             \
        EXPECT((verdict.why == NULL) == (words_ == NULL));                                   \
        EXPECT(words_ == NULL || strstr(verdict.why, words_ == NULL ? "" : words_) != NULL); \
    } while (0)

static enum ct_result test_nothing_at_first(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_call_verdict verdict;
    struct ct_call_caps caps;
    struct ct_db *db = NULL;

    TRY(open_house(&scratch));
    EXPECT_VERDICT("may not call outside", "+491", NOW);
    TRY(ALLOW(.longest_call_s = 60));
    EXPECT_VERDICT(NULL, "+491", NOW);
    EXPECT(verdict.longest_ms == 60000);
    EXPECT_VERDICT(NULL, "+12025", NOW);
    EXPECT_VERDICT("may not call this number", "+1201", NOW);
    EXPECT_VERDICT("may not call this number", "+4", NOW);
    TRY(ALLOW(.concurrent_calls = 3));
    TRY(ct_store_read_begin(scratch.store, &db));
    TRY(ct_call_caps_read(scratch.arena, db, ALICE, &caps));
    EXPECT(caps.trunks && caps.prefixes.count == 2 && is(caps.prefixes.at[1], "+1202") &&
           caps.concurrent_calls == 3 && caps.longest_call_s == 0);
    TRY(ct_call_caps_read(scratch.arena, db, BOB, &caps));
    EXPECT(!caps.trunks && caps.prefixes.count == 0);
    ct_store_read_end(db);
    db = NULL;
    EXPECT_RESULT(CT_NOT_FOUND, ct_store_write(scratch.store, run_set, &(struct setting){99, {0}}));
    EXPECT_VERDICT(NULL, "+491", NOW);
    EXPECT(verdict.longest_ms == INT64_MAX);
out:
    if (db != NULL)
        ct_store_read_end(db);
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_how_many(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_call_verdict verdict;
    int64_t ids[3];

    TRY(open_house(&scratch));
    TRY(ALLOW(.concurrent_calls = 2));
    TRY(BEGIN(&scratch, "a", &ids[0], .caller_id = ALICE, .payer_id = ALICE, .to_trunk_id = 1));
    /* neither a call within the server, nor one of somebody else */
    TRY(BEGIN(&scratch, "b", &ids[1], .caller_id = ALICE, .callee_id = BOB));
    TRY(BEGIN(&scratch, "c", &ids[1], .caller_id = BOB, .payer_id = BOB, .to_trunk_id = 1));
    EXPECT_VERDICT(NULL, "+491", NOW);
    TRY(BEGIN(&scratch, "d", &ids[2], .caller_id = ALICE, .payer_id = ALICE, .to_trunk_id = 1));
    EXPECT_VERDICT("at the same time", "+491", NOW);
    TRY(CHANGE(&scratch, ids[0], CT_RECORD_BUSY, NOW));
    EXPECT_VERDICT(NULL, "+491", NOW);
    /* of a minute, over or not */
    TRY(ALLOW(.calls_per_minute = 2));
    EXPECT_VERDICT("last minute", "+491", NOW + MINUTE - 1);
    EXPECT_VERDICT(NULL, "+491", NOW + MINUTE);
    TRY(ALLOW(.calls_per_minute = 3));
    EXPECT_VERDICT(NULL, "+491", NOW + 1);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_minutes_of_a_day(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_call_verdict verdict;
    int64_t id;

    TRY(open_house(&scratch));
    TRY(ALLOW(.minutes_per_day = 10, .longest_call_s = 300));
    TRY(BEGIN(&scratch, "a", &id, .caller_id = ALICE, .payer_id = ALICE, .to_trunk_id = 1));
    TRY(CHANGE(&scratch, id, CT_RECORD_IN_PROGRESS, NOW));
    EXPECT_VERDICT(NULL, "+491", NOW + 4 * MINUTE);
    EXPECT(verdict.longest_ms == 300000);
    /* one that goes on counts as far as it is */
    EXPECT_VERDICT(NULL, "+491", NOW + 6 * MINUTE);
    EXPECT(verdict.longest_ms == 4 * MINUTE);
    EXPECT_VERDICT("minutes of the day", "+491", NOW + 10 * MINUTE);
    TRY(CHANGE(&scratch, id, CT_RECORD_COMPLETED, NOW + 7 * MINUTE));
    EXPECT_VERDICT(NULL, "+491", NOW + 10 * MINUTE);
    EXPECT(verdict.longest_ms == 3 * MINUTE);
    TRY(BEGIN(&scratch, "b", &id, .caller_id = ALICE, .payer_id = ALICE, .to_trunk_id = 1));
    TRY(CHANGE(&scratch, id, CT_RECORD_IN_PROGRESS, NOW));
    TRY(CHANGE(&scratch, id, CT_RECORD_COMPLETED, NOW + 3 * MINUTE));
    EXPECT_VERDICT("minutes of the day", "+491", NOW + 10 * MINUTE);
    /* the next day */
    EXPECT_VERDICT(NULL, "+491", NOW + DAY);
out:
    scratch_close(&scratch);
    return result;
}

/** The calls of this process that have used up the minutes of their accounts, in the order of their ids. */
static enum ct_result spent(struct scratch *scratch, int64_t now_ms, size_t most, const char *node,
                            struct ct_str *keys, size_t *count)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_call_caps_spent(scratch->arena, db, ct_str_of(node), now_ms, most, keys, count);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_minutes_that_are_used_up(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_str keys[3];
    size_t count = 9;
    int64_t ids[4];

    TRY(open_house(&scratch));
    TRY(BEGIN(&scratch, "a", &ids[0], .caller_id = ALICE, .payer_id = ALICE, .to_trunk_id = 1));
    TRY(BEGIN(&scratch, "b", &ids[1], .caller_id = ALICE, .payer_id = ALICE, .to_trunk_id = 1));
    TRY(BEGIN(&scratch, "c", &ids[2], .caller_id = ALICE, .payer_id = ALICE, .to_trunk_id = 1));
    TRY(BEGIN(&scratch, "d", &ids[3], .caller_id = BOB, .payer_id = BOB, .to_trunk_id = 1));
    for (int i = 0; i < 4; i++)
        if (i != 2) /* one only rings */
            TRY(CHANGE(&scratch, ids[i], CT_RECORD_IN_PROGRESS, NOW));
    /* without a limit */
    TRY(spent(&scratch, NOW + 100 * MINUTE, 3, "node", keys, &count));
    EXPECT(count == 0);
    /* two that go on use up two minutes in each */
    TRY(ALLOW(.minutes_per_day = 10));
    TRY(spent(&scratch, NOW + 5 * MINUTE - 1, 3, "node", keys, &count));
    EXPECT(count == 0);
    TRY(spent(&scratch, NOW + 5 * MINUTE, 3, "node", keys, &count));
    EXPECT(count == 2 && keys[0].len == 1 && keys[1].len == 1 && keys[0].at[0] != 'c' &&
           keys[1].at[0] != 'c' && keys[0].at[0] + keys[1].at[0] == 'a' + 'b');
    TRY(spent(&scratch, NOW + 5 * MINUTE, 1, "node", keys, &count));
    EXPECT(count == 1);
    /* those of another process end there, and count here */
    TRY(spent(&scratch, NOW + 5 * MINUTE, 3, "another", keys, &count));
    EXPECT(count == 0);
    TRY(CHANGE(&scratch, ids[0], CT_RECORD_COMPLETED, NOW + 5 * MINUTE));
    TRY(spent(&scratch, NOW + 5 * MINUTE, 3, "node", keys, &count));
    EXPECT(count == 1 && keys[0].at[0] == 'b');
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_nothing_at_first),
        CT_UNIT(test_how_many),
        CT_UNIT(test_minutes_of_a_day),
        CT_UNIT(test_minutes_that_are_used_up),
    };
    return ct_unit_main("caps", units, sizeof(units) / sizeof(units[0]));
}
