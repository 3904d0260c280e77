#include "room.h"

struct fanning {
    int64_t after_id;
    size_t count;
    int64_t seen;
    bool more;
};

static enum ct_result fan_out(void *ctx, struct ct_db *db)
{
    struct fanning *f = ctx;
    return ct_delivery_fan_out(db, f->after_id, NOW, true, &f->count, &f->seen, &f->more);
}

static enum ct_result test_fanning_out(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct fanning f = {0};
    int64_t id;

    TRY(open_with_users(&scratch));
    TRY(write_event(&scratch, ALICE, CT_EVENT_CALL_ENDED, 7, NOW));
    TRY(make_webhook(&scratch, ALICE, "https://a.example/", "call.*", &id));
    TRY(make_webhook(&scratch, ALICE, "https://b.example/", "*", &id));
    TRY(make_webhook(&scratch, BOB, "https://c.example/", "*", &id));
    TRY(ct_store_write(scratch.store, fan_out, &f));
    EXPECT(f.count == 0 && f.seen == 1 && !f.more); /* the event was there before */
    TRY(write_event(&scratch, ALICE, CT_EVENT_CALL_ENDED, 7, NOW));
    TRY(write_event(&scratch, ALICE, CT_EVENT_DEVICE_CREATED, 0, NOW));
    TRY(write_event(&scratch, ALICE, CT_EVENT_WEBHOOK_TEST, 1, NOW));
    TRY(ct_store_write(scratch.store, fan_out, &f));
    EXPECT(f.count == 4 && f.seen == 4 && !f.more);
    EXPECT_NUMBER(1, &scratch,
                  "SELECT group_concat(event_id || '-' || webhook_id || '-' || COALESCE(subject, "
                  "'none') || '-' || status, ' ') = '2-1-call/7-pending 2-2-call/7-pending "
                  "3-2-none-pending 4-1-webhook/1-pending' FROM (SELECT * FROM "
                  "webhook_deliveries ORDER BY id)");
    /* again, as another node might */
    f = (struct fanning){0};
    TRY(ct_store_write(scratch.store, fan_out, &f));
    EXPECT(f.count == 0 && f.seen == 4);
    EXPECT_NUMBER(4, &scratch, "SELECT count(*) FROM webhook_deliveries");
out:
    scratch_close(&scratch);
    return result;
}

/* More events than are looked at in one go, of which each has its deliveries once. */
static enum ct_result test_a_bit_at_a_time(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct fanning f = {0};
    int64_t id;
    size_t rounds = 0;

    TRY(open_with_users(&scratch));
    for (int i = 0; i < 3; i++)
        TRY(make_webhook(&scratch, ALICE, "https://a.example/", "call.ended", &id));
    TRY(execute(&scratch,
                "INSERT INTO events (id, user_id, type, created_at, subject_id, data) WITH "
                "RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000) "
                "SELECT i, CASE WHEN i % 10 = 0 THEN 1 ELSE 2 END, 'call.ended', 1, i, '{}' "
                "FROM n"));
    do {
        TRY(ct_store_write(scratch.store, fan_out, &f));
        f.after_id = f.seen;
        rounds++;
    } while (f.more);
    EXPECT(rounds > 3 && f.seen == 6000);
    EXPECT_NUMBER(1800, &scratch, "SELECT count(*) FROM webhook_deliveries");
out:
    scratch_close(&scratch);
    return result;
}

struct taking {
    struct scratch *scratch;
    int64_t webhook_id;
    int64_t now_ms;
    struct ct_parcel parcels[8];
    size_t count;
};

static enum ct_result take(void *ctx, struct ct_db *db)
{
    struct taking *t = ctx;
    return ct_delivery_take(t->scratch->arena, db, t->webhook_id, t->now_ms, 8, t->parcels,
                            &t->count);
}

static enum ct_result settle(void *ctx, struct ct_db *db)
{
    return ct_delivery_settle(db, ctx);
}

static enum ct_result due_count(struct scratch *scratch, int64_t now_ms, size_t *count)
{
    struct ct_db *db;
    int64_t ids[8];
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_delivery_due(db, now_ms, 0, 8, ids, count);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_taking(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct fanning f = {0};
    struct taking t = {.scratch = &scratch, .now_ms = NOW};
    size_t count = 0;

    TRY(open_with_users(&scratch));
    TRY(make_webhook(&scratch, ALICE, "https://a.example/", "*", &t.webhook_id));
    for (int64_t i = 1; i <= 4; i++)
        TRY(write_event(&scratch, ALICE, CT_EVENT_CALL_ENDED, (i + 1) / 2, NOW));
    TRY(ct_store_write(scratch.store, fan_out, &f));
    TRY(due_count(&scratch, NOW, &count));
    EXPECT(count == 1);
    TRY(ct_store_write(scratch.store, take, &t));
    /* the first of each call */
    EXPECT(t.count == 2 && t.parcels[0].id == 1 && t.parcels[1].id == 3);
    EXPECT(t.parcels[0].attempts == 1 && t.parcels[0].give_up_at == NOW + CT_DELIVERY_PATIENCE_MS);
    EXPECT(ct_str_equal(t.parcels[0].url, CT_STR("https://a.example/")));
    TRY(due_count(&scratch, NOW + CT_DELIVERY_LEASE_MS - 1, &count));
    EXPECT(count == 0);

    struct ct_attempt done = {.id = 1, .attempts = 1, .state = CT_DELIVERY_DELIVERED};
    struct ct_attempt failed = {.id = 3,
                                .attempts = 1,
                                .state = CT_DELIVERY_PENDING,
                                .due_at = NOW + 5000,
                                .error = CT_STR("no")};
    TRY(ct_store_write(scratch.store, settle, &done));
    TRY(ct_store_write(scratch.store, settle, &failed));
    TRY(ct_store_write(scratch.store, take, &t));
    EXPECT(t.count == 1 && t.parcels[0].id == 2);
    t.now_ms = NOW + 5000;
    TRY(ct_store_write(scratch.store, take, &t));
    EXPECT(t.count == 1 && t.parcels[0].id == 3 && t.parcels[0].attempts == 2);

    /* whoever has it is not heard of again, and comes too late when another one has taken it */
    t.now_ms = NOW + 5000 + CT_DELIVERY_LEASE_MS;
    TRY(ct_store_write(scratch.store, take, &t));
    EXPECT(t.count == 2 && t.parcels[0].id == 2 && t.parcels[0].attempts == 2);
    done = (struct ct_attempt){.id = 3, .attempts = 2, .state = CT_DELIVERY_DELIVERED};
    TRY(ct_store_write(scratch.store, settle, &done));
    EXPECT_NUMBER(1, &scratch,
                  "SELECT status = 'sending' AND attempts = 3 FROM webhook_deliveries WHERE id = "
                  "3");
out:
    scratch_close(&scratch);
    return result;
}

struct tidying {
    int64_t before_ms;
    bool more;
};

static enum ct_result tidy(void *ctx, struct ct_db *db)
{
    struct tidying *t = ctx;
    return ct_delivery_tidy(db, t->before_ms, 2, &t->more);
}

static enum ct_result is_due(struct scratch *scratch, int64_t before_ms, bool *due)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_delivery_tidy_is_due(db, before_ms, due);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_tidying(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct fanning f = {0};
    struct tidying t = {.before_ms = NOW + 1};
    int64_t id;
    bool due = true;

    TRY(open_with_users(&scratch));
    TRY(make_webhook(&scratch, ALICE, "https://a.example/", "*", &id));
    TRY(make_webhook(&scratch, ALICE, "https://b.example/", "*", &id));
    for (int64_t i = 1; i <= 3; i++)
        TRY(write_event(&scratch, ALICE, CT_EVENT_CALL_ENDED, i, NOW));
    TRY(ct_store_write(scratch.store, fan_out, &f));
    TRY(execute(&scratch, "UPDATE webhook_deliveries SET status = 'delivered', due_at = NULL "
                          "WHERE id <> 2"));
    /* their events are still there: without deliveries they would be sent again */
    TRY(is_due(&scratch, NOW + 1, &due));
    EXPECT(!due);
    TRY(execute(&scratch, "DELETE FROM events WHERE id < 3"));
    TRY(is_due(&scratch, NOW, &due));
    EXPECT(!due);
    TRY(is_due(&scratch, NOW + 1, &due));
    EXPECT(due);
    TRY(ct_store_write(scratch.store, tidy, &t));
    EXPECT(!t.more); /* the second of the two oldest is not over */
    EXPECT_NUMBER(5, &scratch, "SELECT count(*) FROM webhook_deliveries");
    /* a webhook that is no more takes its own along, whatever became of them */
    TRY(execute(&scratch, "DELETE FROM webhooks WHERE id = 2"));
    TRY(is_due(&scratch, 0, &due));
    EXPECT(due);
    t.before_ms = 0;
    TRY(ct_store_write(scratch.store, tidy, &t));
    EXPECT(t.more);
    TRY(ct_store_write(scratch.store, tidy, &t));
    EXPECT(!t.more);
    EXPECT_NUMBER(2, &scratch, "SELECT count(*) FROM webhook_deliveries WHERE webhook_id = 1");
    EXPECT_NUMBER(0, &scratch, "SELECT count(*) FROM webhook_deliveries WHERE webhook_id = 2");
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_fanning_out), CT_UNIT(test_a_bit_at_a_time),
                                           CT_UNIT(test_taking), CT_UNIT(test_tidying)};
    return ct_unit_main("deliveries", units, sizeof(units) / sizeof(units[0]));
}
