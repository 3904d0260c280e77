#include "harness.h"
#include "rows.h"
#include "scratch.h"
#include "store/backend.h"

/* A read that was paused may be taken over by the next one, which must see all that was committed
 * before it. */

/* Counts the rows in a read that is paused afterwards. */
static enum ct_result look(struct ct_store *store, struct ct_db **db, int64_t *count)
{
    enum ct_result result = ct_store_read_begin(store, db);
    if (result != CT_OK)
        return result;
    result = count_rows(*db, count);
    ct_store_read_pause(*db);
    return result;
}

static enum ct_result test_taken_over(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct ct_db *db = NULL;
    int64_t count;

    TRY(scratch_open(&scratch));
    /* the first read of a connection, and of a log that nobody has written to, may not be */
    TRY(look(scratch.store, &db, &count));
    TRY(write_number(scratch.store, "+1"));
    TRY(look(scratch.store, &db, &count));
    TRY(look(scratch.store, &db, &count));
    EXPECT(count == 1);
    EXPECT(db->paused && db->backend->in_transaction(db));
    EXPECT(db->backend->is_current(db));
    TRY(look(scratch.store, &db, &count));
    EXPECT(count == 1);

    ct_store_read_rest(db);
    EXPECT(!db->paused && !db->backend->in_transaction(db));
    ct_store_read_rest(db); /* which does nothing */
    TRY(read_count(scratch.store, &count));
    EXPECT(count == 1);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_own_writes_are_seen(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct ct_db *db = NULL;
    int64_t count;
    char number[] = "+0";

    TRY(scratch_open(&scratch));
    for (int i = 1; i < 10; i++) {
        number[1] = (char)('0' + i);
        TRY(write_number(scratch.store, number));
        TRY(look(scratch.store, &db, &count));
        EXPECT(count == i);
        TRY(look(scratch.store, &db, &count));
        EXPECT(count == i);
    }
    EXPECT(db->paused);
    EXPECT_RESULT(CT_CONFLICT, write_number(scratch.store, "+1"));
    TRY(read_count(scratch.store, &count)); /* takes it over and ends it */
    EXPECT(count == 9);
    EXPECT(!db->paused && !db->backend->in_transaction(db));
out:
    scratch_close(&scratch); /* also of one that is paused */
    return result;
}

/* As another process would: with a store of its own on the same file. */
static enum ct_result test_writes_of_others_are_seen(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct ct_store *other = NULL;
    struct ct_db *db = NULL;
    const char *why;
    char url[128];
    int64_t count;

    TRY(scratch_open(&scratch));
    (void)snprintf(url, sizeof(url), "sqlite:///%s/db", scratch.folder);
    const struct ct_store_options options = {.url = url};
    TRY(ct_store_open(&options, scratch.arena, &other, &why));
    TRY(write_number(scratch.store, "+1"));
    TRY(look(scratch.store, &db, &count));
    TRY(look(scratch.store, &db, &count));
    EXPECT(count == 1 && db->backend->is_current(db));
    TRY(write_number(other, "+2"));
    EXPECT(!db->backend->is_current(db));
    TRY(look(scratch.store, &db, &count));
    EXPECT(count == 2);
out:
    ct_store_close(other);
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_taken_over),
        CT_UNIT(test_own_writes_are_seen),
        CT_UNIT(test_writes_of_others_are_seen),
    };
    return ct_unit_main("pause", units, sizeof(units) / sizeof(units[0]));
}
