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
    EXPECT(verdict.longest_ms == 60000 && verdict.again_ms == 0 && verdict.over == NULL);
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
    EXPECT(verdict.longest_ms == INT64_MAX && verdict.again_ms == MINUTE);
    EXPECT(verdict.granted_ms == 0);
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
    EXPECT(verdict.longest_ms == MINUTE && verdict.granted_ms == MINUTE && verdict.over != NULL);
    EXPECT(verdict.again_ms == 50000);
    /* one that has been granted nothing counts as far as it is */
    EXPECT_VERDICT(NULL, "+491", NOW + 9 * MINUTE);
    EXPECT(verdict.longest_ms == MINUTE / 2);
    EXPECT_VERDICT("minutes of the day", "+491", NOW + 10 * MINUTE);
    TRY(CHANGE(&scratch, id, CT_RECORD_COMPLETED, NOW + 7 * MINUTE));
    EXPECT_VERDICT(NULL, "+491", NOW + 10 * MINUTE);
    EXPECT(verdict.longest_ms == MINUTE);
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

struct more {
    int64_t id;
    int64_t now_ms;
    struct ct_call_verdict verdict;
};

static enum ct_result run_again(void *ctx, struct ct_db *db)
{
    struct more *more = ctx;
    return ct_call_caps_again(db, more->id, CT_STR("+491"), more->now_ms, &more->verdict);
}

/** Calls that are up ask for more, one after the other and each when it is time to, until there is nothing left: what all
 *  of them were granted is what there was. */
static enum ct_result test_minutes_are_not_used_twice(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_call_verdict verdict;
    struct more calls[3] = {{.id = 0}};
    int64_t granted = 0;
    int denied = 0;

    TRY(open_house(&scratch));
    TRY(ALLOW(.minutes_per_day = 3));
    for (size_t i = 0; i < 3; i++) {
        static const char *const keys[] = {"a", "b", "c"};
        EXPECT_VERDICT(NULL, "+491", NOW);
        struct begin begin = {.call = {.key = ct_str_of(keys[i]),
                                       .caller_id = ALICE,
                                       .payer_id = ALICE,
                                       .granted_ms = verdict.granted_ms,
                                       .to_trunk_id = 1}};
        TRY(begin_call(&scratch, &begin, &calls[i].id));
        calls[i].verdict = verdict;
        /* the second rings yet when the third is asked for */
        if (i != 1)
            TRY(CHANGE(&scratch, calls[i].id, CT_RECORD_IN_PROGRESS, NOW));
    }
    TRY(CHANGE(&scratch, calls[1].id, CT_RECORD_IN_PROGRESS, NOW));
    while (denied < 3) {
        struct more *next = NULL;
        for (size_t i = 0; i < 3; i++)
            if (calls[i].verdict.again_ms != 0 &&
                (next == NULL || calls[i].verdict.again_ms < next->verdict.again_ms))
                next = &calls[i];
        EXPECT(next != NULL && next->verdict.again_ms < next->verdict.longest_ms);
        next->now_ms = NOW + next->verdict.again_ms;
        TRY(ct_store_write(scratch.store, run_again, next));
        EXPECT(next->verdict.why == NULL && next->verdict.over != NULL);
        denied += next->verdict.again_ms == 0;
    }
    for (size_t i = 0; i < 3; i++) {
        EXPECT(calls[i].verdict.longest_ms > MINUTE / 4);
        granted += calls[i].verdict.longest_ms;
    }
    EXPECT(granted == 3 * MINUTE);
    EXPECT_VALUE(&scratch, "180000", "SELECT cast(sum(granted_ms) AS TEXT) FROM calls");
    EXPECT_VERDICT("minutes of the day", "+491", NOW + 1);
    /* what one of them leaves is there for others */
    TRY(CHANGE(&scratch, calls[0].id, CT_RECORD_COMPLETED, NOW + 1000));
    EXPECT_VERDICT(NULL, "+491", NOW + 1001);
    /* and calls of another day are none of its business */
    EXPECT_VERDICT(NULL, "+491", NOW + DAY);
    EXPECT(verdict.longest_ms == MINUTE);
    calls[0].now_ms = NOW + 2000;
    EXPECT_RESULT(CT_NOT_FOUND, ct_store_write(scratch.store, run_again, &calls[0]));
out:
    scratch_close(&scratch);
    return result;
}

/** The limits are others by the time that a call asks again. */
static enum ct_result test_limits_that_change(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct more more = {.now_ms = NOW + MINUTE};

    TRY(open_house(&scratch));
    TRY(ALLOW(.concurrent_calls = 1));
    TRY(BEGIN(&scratch, "a", &more.id, .caller_id = ALICE, .payer_id = ALICE, .to_trunk_id = 1));
    EXPECT_RESULT(CT_NOT_FOUND, ct_store_write(scratch.store, run_again, &more));
    TRY(CHANGE(&scratch, more.id, CT_RECORD_IN_PROGRESS, NOW));
    TRY(ct_store_write(scratch.store, run_again, &more));
    EXPECT(more.verdict.longest_ms == INT64_MAX && more.verdict.again_ms == 2 * MINUTE);
    TRY(ALLOW(.longest_call_s = 90));
    TRY(ct_store_write(scratch.store, run_again, &more));
    EXPECT(more.verdict.longest_ms == 90000 && more.verdict.again_ms == 0);
    EXPECT(more.verdict.over == NULL);
    TRY(ALLOW(.minutes_per_day = 3));
    TRY(ct_store_write(scratch.store, run_again, &more));
    EXPECT(more.verdict.longest_ms == 2 * MINUTE && more.verdict.over != NULL);
    EXPECT(more.verdict.again_ms == 2 * MINUTE - 10000);
    TRY(ALLOW(.minutes_per_day = 1));
    TRY(ct_store_write(scratch.store, run_again, &more));
    EXPECT(more.verdict.longest_ms == 2 * MINUTE && more.verdict.again_ms == 0);
    /* what is not allowed any more */
    TRY(ct_store_write(scratch.store, run_set,
                       &(struct setting){ALICE, {.trunks = true, .prefixes = {areas + 1, 1}}}));
    TRY(ct_store_write(scratch.store, run_again, &more));
    EXPECT(more.verdict.why != NULL && strstr(more.verdict.why, "this number") != NULL);
    TRY(ct_store_write(scratch.store, run_set, &(struct setting){ALICE, {.trunks = false}}));
    TRY(ct_store_write(scratch.store, run_again, &more));
    EXPECT(more.verdict.why != NULL && strstr(more.verdict.why, "outside") != NULL);
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_nothing_at_first),   CT_UNIT(test_how_many),
        CT_UNIT(test_minutes_of_a_day),   CT_UNIT(test_minutes_are_not_used_twice),
        CT_UNIT(test_limits_that_change),
    };
    return ct_unit_main("caps", units, sizeof(units) / sizeof(units[0]));
}
