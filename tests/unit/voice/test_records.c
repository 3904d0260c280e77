#include "room.h"
#include "voice/keeper.h"
#include "voice/ladder.h"

#define EVENTS \
    "SELECT group_concat(type || ' ' || user_id, ', ') FROM (SELECT * FROM events ORDER BY id)"

static enum ct_result test_a_call_is_written_once(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_record record;
    int64_t id = 0;
    int64_t again = 0;

    TRY(open_house(&scratch));
    TRY(BEGIN(&scratch, "k1", &id, .caller_id = ALICE, .callee_id = BOB, .from_device_id = 100,
              .from_number_id = 10, .to_number_id = 20));
    TRY(BEGIN(&scratch, "k1", &again, .caller_id = ALICE, .callee_id = BOB));
    EXPECT(again == id);
    TRY(BEGIN(&scratch, "k2", &again, .callee_id = BOB, .from_trunk_id = 7, .anonymous = true));
    EXPECT(again == id + 1);
    EXPECT_VALUE(&scratch, "2", "SELECT count(*) FROM calls");
    EXPECT_VALUE(&scratch, "call.created 1, call.created 2, call.created 2", EVENTS);
    TRY(get_record(&scratch, id, &record));
    EXPECT(record.status == CT_RECORD_QUEUED && record.started_at == NOW && !record.anonymous);
    EXPECT(record.caller_id == ALICE && record.callee_id == BOB && record.from_device_id == 100 &&
           record.from_number_id == 10 && record.to_number_id == 20 && record.to_device_id == 0);
    EXPECT(record.ringing_at == CT_NO_TIME && record.answered_at == CT_NO_TIME &&
           record.ended_at == CT_NO_TIME && record.ender.at == NULL && record.sip_code == 0);
    TRY(get_record(&scratch, again, &record));
    EXPECT(record.anonymous && record.caller_id == 0 && record.from_trunk_id == 7);
    EXPECT_RESULT(CT_NOT_FOUND, get_record(&scratch, id + 5, &record));
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_the_steps_of_a_call(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_record record;
    int64_t id = 0;

    TRY(open_house(&scratch));
    TRY(BEGIN(&scratch, "k", &id, .caller_id = ALICE, .callee_id = BOB));
    TRY(CHANGE(&scratch, id, CT_RECORD_RINGING, NOW + 10));
    TRY(CHANGE(&scratch, id, CT_RECORD_IN_PROGRESS, NOW + 20, .to_device_id = 200));
    TRY(CHANGE(&scratch, id, CT_RECORD_COMPLETED, NOW + 65, .ender = CT_ENDED_BY_CALLEE,
               .sip_code = 200, .reason = CT_STR("OK")));
    TRY(get_record(&scratch, id, &record));
    EXPECT(record.status == CT_RECORD_COMPLETED && record.ringing_at == NOW + 10 &&
           record.answered_at == NOW + 20 && record.ended_at == NOW + 65 &&
           record.to_device_id == 200 && record.sip_code == 200);
    EXPECT(is(record.ender, "callee") && is(record.reason, "OK"));
    EXPECT_VALUE(&scratch,
                 "call.created 1, call.created 2, call.ringing 1, call.ringing 2, call.answered 1, "
                 "call.answered 2, call.ended 1, call.ended 2",
                 EVENTS);
    EXPECT_VALUE(&scratch, "1790000000065",
                 "SELECT created_at FROM events ORDER BY id DESC LIMIT 1");
    EXPECT_VALUE(&scratch, "0.045",
                 "SELECT substr(data, instr(data, '\"seconds\":') + 10, 5) "
                 "FROM events ORDER BY id DESC LIMIT 1");
    /* the same again is nothing new, and what is over stays so */
    TRY(CHANGE(&scratch, id, CT_RECORD_COMPLETED, NOW + 99, .ender = CT_ENDED_BY_CALLER));
    EXPECT_RESULT(CT_CONFLICT, CHANGE(&scratch, id, CT_RECORD_FAILED, NOW + 99));
    EXPECT_RESULT(CT_CONFLICT, CHANGE(&scratch, id, CT_RECORD_RINGING, NOW + 99));
    EXPECT_RESULT(CT_NOT_FOUND, CHANGE(&scratch, id + 1, CT_RECORD_RINGING, NOW));
    EXPECT_VALUE(&scratch, "8", "SELECT count(*) FROM events");
    EXPECT_VALUE(&scratch, "1790000000065 callee",
                 "SELECT ended_at || ' ' || hangup_by FROM calls");
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_a_call_that_is_refused(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_record record;
    int64_t id = 0;
    struct begin begin = {.call = {.key = CT_STR("k"),
                                   .node = CT_STR("node"),
                                   .caller_id = ALICE,
                                   .from = CT_STR("+4930000010"),
                                   .to = CT_STR("+12"),
                                   .payer_id = ALICE,
                                   .started_at = NOW},
                          .refuse = true};

    TRY(open_house(&scratch));
    TRY(begin_call(&scratch, &begin, &id));
    TRY(begin_call(&scratch, &begin, &id));
    TRY(get_record(&scratch, id, &record));
    EXPECT(record.status == CT_RECORD_FAILED && record.ended_at == NOW && record.sip_code == 403);
    EXPECT(is(record.reason, "No") && is(record.ender, "system") &&
           record.answered_at == CT_NO_TIME);
    EXPECT_VALUE(&scratch, "call.refused 1", EVENTS);
    /* it is none of those that its account has made */
    EXPECT_VALUE(&scratch, "-", "SELECT payer_id FROM calls");
    EXPECT_RESULT(CT_CONFLICT, CHANGE(&scratch, id, CT_RECORD_RINGING, NOW));
out:
    scratch_close(&scratch);
    return result;
}

/* What trunks were used for counts once, also when a call that was taken for lost is not. */
static enum ct_result test_what_has_been_used(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    int64_t id = 0;

    TRY(open_house(&scratch));
    TRY(BEGIN(&scratch, "k", &id, .caller_id = ALICE, .payer_id = ALICE));
    TRY(CHANGE(&scratch, id, CT_RECORD_IN_PROGRESS, NOW + 1000, .to_trunk_id = 3));
    EXPECT_VALUE(&scratch, "-", "SELECT ms FROM call_usage");
    TRY(CHANGE(&scratch, id, CT_RECORD_INTERRUPTED, NOW + 5000));
    EXPECT_VALUE(&scratch, "4000", "SELECT ms FROM call_usage");
    TRY(CHANGE(&scratch, id, CT_RECORD_IN_PROGRESS, NOW + 6000));
    EXPECT_VALUE(&scratch, "0", "SELECT ms FROM call_usage");
    TRY(CHANGE(&scratch, id, CT_RECORD_COMPLETED, NOW + 9000));
    EXPECT_VALUE(&scratch, "8000", "SELECT ms FROM call_usage");
    EXPECT_VALUE(&scratch, "20717", "SELECT day FROM call_usage");
    EXPECT_VALUE(&scratch, "1790000001000", "SELECT answered_at FROM calls");
    /* not one that was not answered, nor one within this server */
    TRY(BEGIN(&scratch, "l", &id, .caller_id = ALICE, .payer_id = ALICE, .to_trunk_id = 3));
    TRY(CHANGE(&scratch, id, CT_RECORD_NO_ANSWER, NOW + 9000));
    TRY(BEGIN(&scratch, "m", &id, .caller_id = ALICE, .callee_id = BOB));
    TRY(CHANGE(&scratch, id, CT_RECORD_IN_PROGRESS, NOW + 1000));
    TRY(CHANGE(&scratch, id, CT_RECORD_COMPLETED, NOW + 9000));
    EXPECT_VALUE(&scratch, "8000", "SELECT sum(ms) FROM call_usage");
out:
    scratch_close(&scratch);
    return result;
}

/* ---- processes that are gone ---- */

struct node {
    const char *name;
    int64_t seen_at;
};

static enum ct_result run_node(void *ctx, struct ct_db *db)
{
    const struct node *node = ctx;
    return ct_node_begin(db, ct_str_of(node->name), node->seen_at);
}

#define NODE(scratch, name, seen_at) \
    ct_store_write((scratch)->store, run_node, &(struct node){(name), (seen_at)})

static enum ct_result test_calls_of_a_process_that_is_gone(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_record record;
    int64_t up = 0;
    int64_t late = 0;
    int64_t over = 0;
    int64_t mine = 0;

    TRY(open_house(&scratch));
    TRY(NODE(&scratch, "gone", NOW + 5000));
    TRY(NODE(&scratch, "mine", NOW));
    TRY(BEGIN(&scratch, "up", &up, .node = CT_STR("gone"), .caller_id = ALICE));
    TRY(CHANGE(&scratch, up, CT_RECORD_IN_PROGRESS, NOW + 100));
    TRY(BEGIN(&scratch, "late", &late, .node = CT_STR("gone"), .caller_id = BOB));
    TRY(CHANGE(&scratch, late, CT_RECORD_RINGING, NOW + 5600));
    TRY(BEGIN(&scratch, "over", &over, .node = CT_STR("gone"), .caller_id = BOB));
    TRY(CHANGE(&scratch, over, CT_RECORD_CANCELED, NOW + 50));
    TRY(BEGIN(&scratch, "mine", &mine, .node = CT_STR("mine"), .caller_id = BOB));
    /* as long as it may be there */
    TRY(ct_keep_interrupt(scratch.store, CT_STR("mine"), NOW + 5000));
    EXPECT_VALUE(&scratch, "0", "SELECT count(*) FROM calls WHERE status = 'interrupted'");
    TRY(ct_keep_interrupt(scratch.store, CT_STR("mine"), NOW + 5001));
    TRY(get_record(&scratch, up, &record));
    EXPECT(record.status == CT_RECORD_INTERRUPTED && record.ended_at == NOW + 5000 &&
           record.ender.at == NULL && is(record.reason, "The server was gone"));
    TRY(get_record(&scratch, late, &record));
    EXPECT(record.status == CT_RECORD_INTERRUPTED && record.ended_at == NOW + 5600);
    TRY(get_record(&scratch, over, &record));
    EXPECT(record.status == CT_RECORD_CANCELED);
    TRY(get_record(&scratch, mine, &record));
    EXPECT(record.status == CT_RECORD_QUEUED);
    EXPECT_VALUE(&scratch, "mine", "SELECT group_concat(node, ' ') FROM call_nodes");
    EXPECT_VALUE(&scratch, "call.ended 1, call.ended 2",
                 "SELECT group_concat(type || ' ' || user_id, ', ') FROM (SELECT * FROM events "
                 "WHERE created_at >= 1790000005000 AND type = 'call.ended' ORDER BY user_id)");
    /* it comes back, and knows better */
    TRY(CHANGE(&scratch, up, CT_RECORD_COMPLETED, NOW + 9000, .ender = CT_ENDED_BY_CALLER));
    TRY(get_record(&scratch, up, &record));
    EXPECT(record.status == CT_RECORD_COMPLETED && record.ended_at == NOW + 9000);
out:
    scratch_close(&scratch);
    return result;
}

/* A call may begin before its process has said again that it is up. */
static enum ct_result test_a_call_that_has_just_begun(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    int64_t id = 0;

    TRY(open_house(&scratch));
    TRY(NODE(&scratch, "idle", NOW - DAY));
    TRY(BEGIN(&scratch, "k", &id, .node = CT_STR("idle"), .caller_id = ALICE));
    TRY(ct_keep_interrupt(scratch.store, CT_STR("mine"), NOW));
    EXPECT_VALUE(&scratch, "queued", "SELECT status FROM calls");
    EXPECT_VALUE(&scratch, "idle", "SELECT node FROM call_nodes");
    TRY(ct_keep_beat(scratch.store, CT_STR("other"), NOW + 1));
    EXPECT_VALUE(&scratch, "1", "SELECT count(*) FROM call_nodes");
    TRY(ct_keep_beat(scratch.store, CT_STR("idle"), NOW + 1));
    EXPECT_VALUE(&scratch, "1790000000001", "SELECT seen_at FROM call_nodes");
out:
    scratch_close(&scratch);
    return result;
}

/* It had no calls for so long that it was forgotten, and ended before it said again that it is up. */
static enum ct_result test_a_process_that_was_forgotten(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    int64_t id = 0;

    TRY(open_house(&scratch));
    TRY(BEGIN(&scratch, "k", &id, .node = CT_STR("nowhere"), .caller_id = ALICE));
    TRY(ct_keep_interrupt(scratch.store, CT_STR("mine"), NOW));
    EXPECT_VALUE(&scratch, "queued", "SELECT status FROM calls");
    TRY(ct_keep_interrupt(scratch.store, CT_STR("nowhere"), NOW + 1));
    EXPECT_VALUE(&scratch, "queued", "SELECT status FROM calls");
    TRY(ct_keep_interrupt(scratch.store, CT_STR("mine"), NOW + 1));
    EXPECT_VALUE(&scratch, "interrupted", "SELECT status FROM calls");
    EXPECT_VALUE(&scratch, "1", "SELECT count(*) FROM calls WHERE ended_at = started_at");
out:
    scratch_close(&scratch);
    return result;
}

/* ---- ends that are asked for elsewhere ---- */

static enum ct_result run_ask(void *ctx, struct ct_db *db)
{
    return ct_record_ask_end(db, *(const int64_t *)ctx, NOW + 7);
}

static void note_touch(void *ctx, unsigned what)
{
    *(unsigned *)ctx |= what;
}

static enum ct_result asked_of(struct scratch *scratch, const char *node, struct ct_str *keys,
                               size_t *count)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_record_asked_ends(scratch->arena, db, ct_str_of(node), 2, keys, count);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_an_end_that_is_asked_for(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_str keys[2];
    size_t count = 0;
    unsigned touched = 0;
    int64_t ids[3];

    TRY(open_house(&scratch));
    TRY(BEGIN(&scratch, "a", &ids[0], .node = CT_STR("one"), .caller_id = ALICE));
    TRY(BEGIN(&scratch, "b", &ids[1], .node = CT_STR("one"), .caller_id = ALICE));
    TRY(BEGIN(&scratch, "c", &ids[2], .node = CT_STR("other"), .caller_id = ALICE));
    TRY(asked_of(&scratch, "one", keys, &count));
    EXPECT(count == 0);
    ct_store_watch(scratch.store, note_touch, &touched);
    for (size_t i = 0; i < 3; i++)
        TRY(ct_store_write(scratch.store, run_ask, &ids[i]));
    ct_store_unwatch(scratch.store, &touched);
    EXPECT((touched & CT_TOUCHED_CALL_ENDS) != 0);
    TRY(asked_of(&scratch, "one", keys, &count));
    EXPECT(count == 2);
    TRY(CHANGE(&scratch, ids[0], CT_RECORD_CANCELED, NOW + 9));
    TRY(asked_of(&scratch, "one", keys, &count));
    EXPECT(count == 1 && is(keys[0], "b"));
    TRY(asked_of(&scratch, "other", keys, &count));
    EXPECT(count == 1 && is(keys[0], "c"));
out:
    scratch_close(&scratch);
    return result;
}

/* ---- the start and the end ---- */

static enum ct_result test_the_thread(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_keeper *keeper = NULL;
    int64_t id = 0;
    const struct ct_config config = {.call_messages_keep_days = 1};

    TRY(open_house(&scratch));
    TRY(NODE(&scratch, "before", NOW));
    TRY(BEGIN(&scratch, "k", &id, .node = CT_STR("before"), .caller_id = ALICE));
    const struct ct_keeper_options options = {
        .config = &config, .store = scratch.store, .alone = true};
    TRY(ct_keeper_start(&options, &keeper));
    /* at the start, not some time later */
    EXPECT_VALUE(&scratch, "interrupted", "SELECT status FROM calls");
    EXPECT(ct_keeper_node(keeper).len == 32);
    EXPECT_VALUE(&scratch, ct_keeper_node(keeper).at, "SELECT node FROM call_nodes");
out:
    ct_keeper_stop(keeper);
    scratch_close(&scratch);
    return result;
}

static enum ct_result run_messages(void *ctx, struct ct_db *db)
{
    const struct ct_ladder_message messages[] = {{.at = NOW,
                                                  .leg = CT_STR("caller"),
                                                  .transport = CT_STR("udp"),
                                                  .peer = CT_STR("a"),
                                                  .bytes = CT_STR("x")},
                                                 {.at = NOW + DAY,
                                                  .leg = CT_STR("caller"),
                                                  .transport = CT_STR("udp"),
                                                  .peer = CT_STR("a"),
                                                  .bytes = CT_STR("y")}};
    return ct_ladder_add(db, *(const int64_t *)ctx, 0, messages, 2);
}

static enum ct_result test_what_was_kept_long_enough(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    int64_t ids[3];
    bool more = false;
    struct ct_config config = {.call_messages_keep_days = 7};

    TRY(open_house(&scratch));
    TRY(BEGIN(&scratch, "open", &ids[0], .caller_id = ALICE));
    TRY(BEGIN(&scratch, "old", &ids[1], .caller_id = ALICE));
    TRY(BEGIN(&scratch, "new", &ids[2], .caller_id = ALICE, .started_at = NOW + DAY));
    TRY(CHANGE(&scratch, ids[1], CT_RECORD_FAILED, NOW));
    TRY(CHANGE(&scratch, ids[2], CT_RECORD_FAILED, NOW + DAY));
    for (size_t i = 0; i < 3; i++)
        TRY(ct_store_write(scratch.store, run_messages, &ids[i]));
    /* a job that runs twice */
    TRY(ct_store_write(scratch.store, run_messages, &ids[0]));
    EXPECT_VALUE(&scratch, "6", "SELECT count(*) FROM call_messages");
    TRY(ct_keep_tidy(scratch.store, &config, NOW + 7 * DAY, &more));
    EXPECT_VALUE(&scratch, "6", "SELECT count(*) FROM call_messages");
    TRY(ct_keep_tidy(scratch.store, &config, NOW + 7 * DAY + 1, &more));
    EXPECT_VALUE(&scratch, "y 3", "SELECT max(message) || ' ' || count(*) FROM call_messages");
    EXPECT_VALUE(&scratch, "3", "SELECT count(*) FROM calls");
    config.calls_keep_days = 2;
    TRY(ct_keep_tidy(scratch.store, &config, NOW + 2 * DAY + 1, &more));
    EXPECT(!more);
    EXPECT_VALUE(&scratch, "open new",
                 "SELECT group_concat(call_key, ' ') FROM (SELECT * FROM calls ORDER BY id)");
    EXPECT_VALUE(&scratch, "2", "SELECT count(*) FROM call_messages");
    TRY(ct_keep_tidy(scratch.store, &config, NOW + 9 * DAY, &more));
    EXPECT_VALUE(&scratch, "open", "SELECT group_concat(call_key, ' ') FROM calls");
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_a_call_is_written_once),
        CT_UNIT(test_the_steps_of_a_call),
        CT_UNIT(test_a_call_that_is_refused),
        CT_UNIT(test_what_has_been_used),
        CT_UNIT(test_calls_of_a_process_that_is_gone),
        CT_UNIT(test_a_call_that_has_just_begun),
        CT_UNIT(test_a_process_that_was_forgotten),
        CT_UNIT(test_an_end_that_is_asked_for),
        CT_UNIT(test_the_thread),
        CT_UNIT(test_what_was_kept_long_enough),
    };
    return ct_unit_main("records", units, sizeof(units) / sizeof(units[0]));
}
