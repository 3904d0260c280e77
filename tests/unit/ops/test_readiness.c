#include "ops/readiness.h"

#include "harness.h"
#include "scratch.h"
#include "store/migrations.h"

static enum ct_result execute(void *ctx, struct ct_db *db)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, ctx, &stmt);
    return result == CT_OK ? ct_run(stmt) : result;
}

static enum ct_result test_what_a_read_tells(void)
{
    static char take[] = "DELETE FROM schema_migrations WHERE number > 1";
    static char newer[] =
        "INSERT INTO schema_migrations (number, what, applied_at) VALUES (1000, 'x', 0)";
    static char hide[] = "ALTER TABLE schema_migrations RENAME TO hidden";
    enum ct_result result = CT_OK;
    struct scratch scratch;

    TRY(scratch_open(&scratch));
    enum ct_ready ready = ct_readiness_probe(scratch.store);
    /* for want of memory it is not */
    if (ready == CT_READY_UNREACHABLE)
        result = CT_NOMEM;
    if (result != CT_OK)
        goto out;
    EXPECT(ready == CT_READY);
    TRY(ct_store_write(scratch.store, execute, take));
    ready = ct_readiness_probe(scratch.store);
    EXPECT(ready == CT_READY_OUTDATED || ready == CT_READY_UNREACHABLE);
    TRY(ct_store_write(scratch.store, execute, newer));
    EXPECT(ct_readiness_probe(scratch.store) != CT_READY_OUTDATED);
    TRY(ct_store_write(scratch.store, execute, hide));
    EXPECT(ct_readiness_probe(scratch.store) == CT_READY_UNREACHABLE);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_what_follows(void)
{
    enum ct_result result = CT_OK;

    EXPECT(ct_readiness_judge(false, CT_READY, 0) == CT_READY);
    EXPECT(ct_readiness_judge(false, CT_READY, CT_READY_PATIENCE_US) == CT_READY);
    EXPECT(ct_readiness_judge(false, CT_READY, CT_READY_PATIENCE_US + 1) == CT_READY_SILENT);
    EXPECT(ct_readiness_judge(false, CT_READY_UNREACHABLE, 0) == CT_READY_UNREACHABLE);
    EXPECT(ct_readiness_judge(false, CT_READY_OUTDATED, INT64_MAX) == CT_READY_OUTDATED);
    EXPECT(ct_readiness_judge(true, CT_READY, 0) == CT_READY_STOPPING);
    EXPECT(ct_readiness_judge(true, CT_READY_UNREACHABLE, 0) == CT_READY_STOPPING);
out:
    return result;
}

/* What the thread finds is shown by the API tests. */
static enum ct_result test_the_thread(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_readiness *readiness = NULL;

    TRY(scratch_open(&scratch));
    TRY(ct_readiness_start(scratch.store, &readiness));
    EXPECT(ct_readiness_ask(readiness) == CT_READY);
    ct_readiness_stopping(readiness);
    EXPECT(ct_readiness_ask(readiness) == CT_READY_STOPPING);
out:
    ct_readiness_end(readiness);
    ct_readiness_end(NULL);
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_what_a_read_tells),
        CT_UNIT(test_what_follows),
        CT_UNIT(test_the_thread),
    };
    return ct_unit_main("ops/readiness", units, sizeof(units) / sizeof(units[0]));
}
