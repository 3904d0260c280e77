#include "room.h"

struct reading {
    struct ct_event events[16];
    size_t count;
    int64_t seen;
    bool more;
};

static enum ct_result read_events(struct scratch *scratch, int64_t user_id, int64_t after,
                                  uint64_t types, size_t limit, struct reading *out)
{
    struct ct_db *db;
    const struct ct_event_query query = {
        .user_id = user_id, .after_id = after, .types = types, .limit = limit};
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result =
        ct_event_read(scratch->arena, db, &query, out->events, &out->count, &out->seen, &out->more);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_reading(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct reading r;

    TRY(open_with_users(&scratch));
    TRY(read_events(&scratch, ALICE, 0, CT_EVENT_ALL_TYPES, 4, &r));
    EXPECT(r.count == 0 && r.seen == 0 && !r.more);
    for (int64_t i = 1; i <= 6; i++)
        TRY(write_event(&scratch, i == 3 ? BOB : ALICE,
                        i % 2 == 0 ? CT_EVENT_CALL_ENDED : CT_EVENT_DEVICE_CREATED, i, NOW + i));
    TRY(read_events(&scratch, ALICE, 0, CT_EVENT_ALL_TYPES, 3, &r));
    EXPECT(r.count == 3 && r.seen == 4 && r.more);
    EXPECT(r.events[0].id == 1 && r.events[1].id == 2 && r.events[2].id == 4);
    EXPECT(r.events[1].type == CT_EVENT_CALL_ENDED && r.events[1].subject_id == 2);
    EXPECT(r.events[1].created_at == NOW + 2 && r.events[1].user_id == ALICE);
    EXPECT(ct_str_equal(r.events[1].data, CT_STR("{\"a\":1}")));
    TRY(read_events(&scratch, ALICE, 4, CT_EVENT_ALL_TYPES, 3, &r));
    EXPECT(r.count == 2 && r.seen == 6 && !r.more);
    TRY(read_events(&scratch, ALICE, 0, ct_event_bit(CT_EVENT_CALL_ENDED), 2, &r));
    EXPECT(r.count == 2 && r.seen == 5 && r.more && r.events[1].id == 4);
    TRY(read_events(&scratch, ALICE, 0, ct_event_bit(CT_EVENT_CALL_RINGING), 2, &r));
    EXPECT(r.count == 0 && r.seen == 6 && !r.more);
    /* of a later version */
    TRY(execute(&scratch, "UPDATE events SET type = 'of.later' WHERE id = 2"));
    TRY(read_events(&scratch, ALICE, 0, CT_EVENT_ALL_TYPES, 3, &r));
    EXPECT(r.count == 3 && r.events[1].id == 4);
out:
    scratch_close(&scratch);
    return result;
}

/* Whoever looks for rare ones does not look at everything at once. */
static enum ct_result test_looking_a_bit(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct reading r;

    TRY(open_with_users(&scratch));
    TRY(execute(&scratch,
                "INSERT INTO events (id, user_id, type, created_at, subject_id, data) WITH "
                "RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) "
                "SELECT i, 1, CASE WHEN i = 2400 THEN 'call.ended' ELSE 'call.created' END, 1, 1, "
                "'{}' FROM n"));
    TRY(read_events(&scratch, ALICE, 0, ct_event_bit(CT_EVENT_CALL_ENDED), 4, &r));
    EXPECT(r.count == 0 && r.seen == 2000 && r.more);
    TRY(read_events(&scratch, ALICE, r.seen, ct_event_bit(CT_EVENT_CALL_ENDED), 4, &r));
    EXPECT(r.count == 1 && r.events[0].id == 2400 && r.seen == 2500 && !r.more);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result tidy(void *ctx, struct ct_db *db)
{
    size_t *count = ctx;
    return ct_event_tidy(db, NOW + 3, 2, count);
}

static enum ct_result last_of(struct scratch *scratch, int64_t *last)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_event_last(db, last);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_tidying(void)
{
    enum ct_result result;
    struct scratch scratch;
    size_t count = 0;
    int64_t last = 0;

    TRY(open_with_users(&scratch));
    for (int64_t i = 0; i < 4; i++)
        TRY(write_event(&scratch, ALICE, CT_EVENT_CALL_ENDED, i, NOW + i));
    TRY(ct_store_write(scratch.store, tidy, &count));
    EXPECT(count == 2);
    TRY(ct_store_write(scratch.store, tidy, &count));
    EXPECT(count == 1);
    TRY(ct_store_write(scratch.store, tidy, &count));
    EXPECT(count == 0);
    EXPECT_NUMBER(4, &scratch, "SELECT id FROM events");
    TRY(execute(&scratch, "DELETE FROM events"));
    TRY(last_of(&scratch, &last));
    EXPECT(last == 4);
    TRY(write_event(&scratch, ALICE, CT_EVENT_CALL_ENDED, 1, NOW));
    EXPECT_NUMBER(5, &scratch, "SELECT id FROM events");
out:
    scratch_close(&scratch);
    return result;
}

static void count_touches(void *ctx, unsigned what)
{
    *(unsigned *)ctx += what;
}

static enum ct_result fail_behind(void *ctx, struct ct_db *db)
{
    enum ct_result result = write_one(ctx, db);
    return result == CT_OK ? CT_CONFLICT : result;
}

static enum ct_result test_who_waits_hears(void)
{
    enum ct_result result;
    struct scratch scratch;
    unsigned touched = 0;
    struct ct_event event = {.user_id = ALICE, .type = CT_EVENT_CALL_ENDED, .created_at = NOW};

    TRY(open_with_users(&scratch));
    ct_store_watch(scratch.store, count_touches, &touched);
    TRY(execute(&scratch, "DELETE FROM events"));
    EXPECT(touched == 0);
    TRY(write_event(&scratch, ALICE, CT_EVENT_CALL_ENDED, 1, NOW));
    EXPECT(touched == CT_TOUCHED_EVENTS);
    EXPECT_RESULT(CT_CONFLICT, ct_store_write(scratch.store, fail_behind, &event));
    EXPECT_NUMBER(1, &scratch, "SELECT count(*) FROM events");
    ct_store_unwatch(scratch.store, &touched);
    touched = 0;
    TRY(write_event(&scratch, ALICE, CT_EVENT_CALL_ENDED, 1, NOW));
    EXPECT(touched == 0);
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_reading), CT_UNIT(test_looking_a_bit),
                                           CT_UNIT(test_tidying), CT_UNIT(test_who_waits_hears)};
    return ct_unit_main("events", units, sizeof(units) / sizeof(units[0]));
}
