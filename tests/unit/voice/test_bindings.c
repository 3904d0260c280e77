#include "voice/bindings.h"

#include "harness.h"
#include "scratch.h"

#define NOW INT64_C(1790000000000)

static enum ct_result run_sql(struct ct_db *db, const char *sql)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, sql, &stmt);
    return result == CT_OK ? ct_run(stmt) : result;
}

static enum ct_result run_people(void *ctx, struct ct_db *db)
{
    (void)ctx;
    enum ct_result result = run_sql(db, "INSERT INTO users (id, username) VALUES (1, 'alice')");
    if (result != CT_OK)
        return result;
    return run_sql(db, "INSERT INTO devices (id, user_id, name, username, ha1_md5, ha1_sha256, "
                       "created_at) VALUES (7, 1, 'a', 'd7-a', '', '', 0), "
                       "(8, 1, 'b', 'd8-b', '', '', 0)");
}

static enum ct_result run_delete(void *ctx, struct ct_db *db)
{
    (void)ctx;
    return run_sql(db, "DELETE FROM devices WHERE id = 7");
}

static enum ct_result run_put(void *ctx, struct ct_db *db)
{
    return ct_binding_put(db, ctx);
}

static enum ct_result run_remove(void *ctx, struct ct_db *db)
{
    const int64_t *key = ctx;
    return ct_binding_remove(db, key[0], key[1]);
}

static enum ct_result run_tidy(void *ctx, struct ct_db *db)
{
    return ct_binding_tidy(db, *(const int64_t *)ctx);
}

static struct ct_binding_row row_of(int64_t device_id, int64_t place, int64_t expires_at)
{
    return (struct ct_binding_row){.device_id = device_id,
                                   .place = place,
                                   .contact = CT_STR("sip:a@192.0.2.1:5062;ob"),
                                   .path = CT_STR("<sip:p.example.com;lr>"),
                                   .user_agent = CT_STR("phone \"1\""),
                                   .instance = CT_STR("<urn:uuid:1>"),
                                   .reg_id = 1,
                                   .transport = CT_STR("udp"),
                                   .source = CT_STR("192.0.2.1:5062"),
                                   .q = 500,
                                   .call_id = CT_STR("c@a"),
                                   .cseq = INT64_C(4294967295),
                                   .registered_at = NOW + place,
                                   .expires_at = expires_at};
}

static bool is_same(const struct ct_binding_row *a, const struct ct_binding_row *b)
{
    return a->device_id == b->device_id && a->place == b->place &&
           ct_str_equal(a->contact, b->contact) && ct_str_equal(a->path, b->path) &&
           ct_str_equal(a->user_agent, b->user_agent) && ct_str_equal(a->instance, b->instance) &&
           a->reg_id == b->reg_id && ct_str_equal(a->transport, b->transport) &&
           ct_str_equal(a->source, b->source) && a->q == b->q &&
           ct_str_equal(a->call_id, b->call_id) && a->cseq == b->cseq &&
           a->registered_at == b->registered_at && a->expires_at == b->expires_at;
}

static enum ct_result list(struct scratch *scratch, int64_t device_id, int64_t now,
                           struct ct_binding_row *rows, size_t *count)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_binding_list(scratch->arena, db, device_id, now, 3, rows, count);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_rows(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_binding_row rows[3];
    struct ct_binding_row first = row_of(7, 0, NOW + 1);
    struct ct_binding_row second = row_of(7, 1, NOW + 100);
    struct ct_binding_row nobody = row_of(9, 0, NOW + 100);
    int64_t key[2] = {7, 1};
    int64_t now = NOW + 2;
    size_t count;
    TRY(scratch_open(&scratch));
    TRY(ct_store_write(scratch.store, run_people, NULL));
    EXPECT_RESULT(CT_NOT_FOUND, ct_store_write(scratch.store, run_put, &nobody));
    TRY(ct_store_write(scratch.store, run_put, &first));
    TRY(ct_store_write(scratch.store, run_put, &second));
    TRY(list(&scratch, 7, NOW, rows, &count));
    EXPECT(count == 2 && is_same(&rows[0], &second) && is_same(&rows[1], &first));
    TRY(list(&scratch, 7, NOW + 1, rows, &count));
    EXPECT(count == 1 && is_same(&rows[0], &second));
    TRY(list(&scratch, 8, NOW, rows, &count));
    EXPECT(count == 0);

    second.contact = CT_STR("sip:b@192.0.2.1");
    second.path = second.user_agent = second.instance = CT_STR("");
    second.reg_id = 0;
    second.transport = CT_STR("wss");
    second.source = CT_STR("[2001:db8::1]:443");
    second.call_id = CT_STR("d");
    second.cseq = 0;
    second.q = 1000;
    second.registered_at = NOW + 9;
    second.expires_at = NOW + 200;
    TRY(ct_store_write(scratch.store, run_put, &second));
    TRY(list(&scratch, 7, NOW, rows, &count));
    EXPECT(count == 2 && is_same(&rows[0], &second) && is_same(&rows[1], &first));
    TRY(ct_store_write(scratch.store, run_tidy, &now));
    TRY(list(&scratch, 7, 0, rows, &count));
    EXPECT(count == 1 && is_same(&rows[0], &second));
    TRY(ct_store_write(scratch.store, run_remove, key));
    TRY(ct_store_write(scratch.store, run_remove, key));
    TRY(list(&scratch, 7, 0, rows, &count));
    EXPECT(count == 0);
out:
    scratch_close(&scratch);
    return result;
}

/* Counts rows, and has enough of them behind the second. */
static enum ct_result count_row(void *ctx, const struct ct_binding_row *row)
{
    int64_t *seen = ctx;
    const struct ct_binding_row expected = row_of(row->device_id, row->place, row->expires_at);
    if (!is_same(row, &expected))
        return CT_BUG;
    *seen = *seen * 100 + row->device_id * 10 + row->place;
    return *seen == 7071 ? CT_DENIED : CT_OK;
}

static enum ct_result each(struct scratch *scratch, int64_t *seen)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    *seen = 0;
    result = ct_binding_each(db, NOW, count_row, seen);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_each(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    const struct ct_binding_row rows[] = {row_of(8, 0, NOW + 1), row_of(7, 1, NOW + 1),
                                          row_of(7, 0, NOW + 1), row_of(7, 2, NOW)};
    int64_t seen;
    TRY(scratch_open(&scratch));
    TRY(ct_store_write(scratch.store, run_people, NULL));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ct_binding_row row = rows[i];
        TRY(ct_store_write(scratch.store, run_put, &row));
    }
    EXPECT_RESULT(CT_DENIED, each(&scratch, &seen));
    TRY(ct_store_write(scratch.store, run_delete, NULL));
    TRY(each(&scratch, &seen));
    EXPECT(seen == 80);
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_rows), CT_UNIT(test_each)};
    return ct_unit_main("voice/bindings", units, sizeof(units) / sizeof(units[0]));
}
