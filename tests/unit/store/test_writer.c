#include <semaphore.h>

#include "harness.h"
#include "rows.h"
#include "scratch.h"
#include "store/backend.h"
#include "store/migrations.h"

/* A batch is run without savepoints until a job fails that had written: what is left of such a job, and
 * how often the others were run, tells which way was taken. */

enum conduct { KEEP, FAIL_AFTER_READING, FAIL_AFTER_WRITING, FAIL_AFTER_ALTERING, FAIL_IN_WRITING };

struct piece {
    struct ct_job job;
    struct group *group;
    enum conduct conduct;
    char number[8];
    int runs;
    bool lacked; /* memory, in one of them */
    enum ct_result result;
};

#define PIECES 5

struct group {
    struct ct_job gate;
    enum ct_result gate_result;
    sem_t begun;
    sem_t pass;
    sem_t done;
    int waiting;
    struct piece pieces[PIECES];
};

static enum ct_result gate_run(void *ctx, struct ct_db *db)
{
    struct group *group = ctx;
    (void)db;
    (void)sem_post(&group->begun);
    while (sem_wait(&group->pass) != 0)
        continue;
    (void)sem_post(&group->pass);
    return CT_OK;
}

static void gate_done(void *ctx, enum ct_result result)
{
    struct group *group = ctx;
    group->gate_result = result;
    (void)sem_post(&group->begun); /* for one that never ran */
    (void)sem_post(&group->done);
}

static enum ct_result run_sql(struct ct_db *db, const char *sql)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, sql, &stmt);
    return result == CT_OK ? ct_run(stmt) : result;
}

static enum ct_result behave(const struct piece *piece, struct ct_db *db)
{
    int64_t value;
    enum ct_result result = CT_OK;
    switch (piece->conduct) {
    case KEEP:
        return insert_number(db, piece->number, &value);
    case FAIL_AFTER_READING:
        result = count_rows(db, &value);
        break;
    case FAIL_AFTER_WRITING:
        result = insert_number(db, piece->number, &value);
        break;
    case FAIL_AFTER_ALTERING:
        result = run_sql(db, "CREATE TABLE left_behind (id INTEGER)");
        break;
    case FAIL_IN_WRITING: /* nobody has this id */
        return run_sql(
            db, "INSERT INTO virtual_phone_numbers (phone_number, user_id) VALUES ('+', 77)");
    }
    return result == CT_OK ? CT_DENIED : result;
}

static enum ct_result piece_run(void *ctx, struct ct_db *db)
{
    struct piece *piece = ctx;
    enum ct_result result = behave(piece, db);
    piece->runs++;
    piece->lacked = piece->lacked || result == CT_NOMEM;
    return result;
}

static void piece_done(void *ctx, enum ct_result result)
{
    struct piece *piece = ctx;
    piece->result = result;
    (void)sem_post(&piece->group->done);
}

/* Runs pieces of these conducts as one batch. For want of memory it may not have been one, or pieces may have
 * run more often: CT_NOMEM. */
static enum ct_result run_group(struct ct_store *store, struct group *group, char first,
                                const enum conduct conducts[PIECES])
{
    *group = (struct group){0};
    group->gate = (struct ct_job){.run = gate_run, .done = gate_done, .ctx = group};
    (void)sem_init(&group->begun, 0, 0);
    (void)sem_init(&group->pass, 0, 0);
    (void)sem_init(&group->done, 0, 0);
    enum ct_result result = ct_store_submit(store, &group->gate);
    int submitted = result == CT_OK ? 1 : 0;
    while (submitted == 1 && sem_wait(&group->begun) != 0)
        continue;
    for (int i = 0; i < PIECES && result == CT_OK; i++) {
        struct piece *piece = &group->pieces[i];
        *piece = (struct piece){
            .group = group, .conduct = conducts[i], .number = {'+', first, (char)('0' + i), '\0'}};
        piece->job = (struct ct_job){.run = piece_run, .done = piece_done, .ctx = piece};
        result = ct_store_submit(store, &piece->job);
        if (result == CT_OK)
            submitted++;
    }
    (void)sem_post(&group->pass);
    for (int i = 0; i < submitted; i++)
        while (sem_wait(&group->done) != 0)
            continue;
    (void)sem_destroy(&group->begun);
    (void)sem_destroy(&group->pass);
    (void)sem_destroy(&group->done);
    if (result == CT_OK && group->gate_result != CT_OK)
        result = CT_NOMEM;
    for (int i = 0; i < PIECES && result == CT_OK; i++) {
        if (group->pieces[i].result == CT_NOMEM || group->pieces[i].lacked)
            result = CT_NOMEM;
    }
    return result;
}

/* With room for a whole group. */
static enum ct_result open_store(struct scratch *scratch)
{
    enum ct_result result = scratch_open(scratch);
    if (result != CT_OK)
        return result;
    scratch_close_store(scratch);
    return scratch_open_queue(scratch, 0);
}

static enum ct_result test_no_savepoint_without_need(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct group group;
    int64_t count;

    TRY(open_store(&scratch));
    TRY(run_group(scratch.store, &group, 'a',
                  (enum conduct[]){KEEP, FAIL_AFTER_READING, FAIL_IN_WRITING, KEEP, KEEP}));
    EXPECT(group.pieces[0].result == CT_OK && group.pieces[0].runs == 1);
    EXPECT(group.pieces[1].result == CT_DENIED && group.pieces[1].runs == 1);
    EXPECT(group.pieces[2].result == CT_NOT_FOUND && group.pieces[2].runs == 1);
    EXPECT(group.pieces[4].result == CT_OK && group.pieces[4].runs == 1);
    TRY(read_count(scratch.store, &count));
    EXPECT(count == 3);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_failing_halfway(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct group group;
    int64_t count;

    TRY(open_store(&scratch));
    TRY(run_group(scratch.store, &group, 'a',
                  (enum conduct[]){KEEP, FAIL_AFTER_WRITING, KEEP, FAIL_AFTER_WRITING, KEEP}));
    EXPECT(group.pieces[0].result == CT_OK && group.pieces[0].runs == 2);
    EXPECT(group.pieces[1].result == CT_DENIED && group.pieces[1].runs == 2);
    EXPECT(group.pieces[2].result == CT_OK && group.pieces[2].runs == 1);
    EXPECT(group.pieces[3].result == CT_DENIED && group.pieces[3].runs == 1);
    TRY(read_count(scratch.store, &count));
    EXPECT(count == 3);

    /* The next ones are careful from the start, and some time later no more. */
    TRY(run_group(scratch.store, &group, 'b',
                  (enum conduct[]){KEEP, FAIL_AFTER_WRITING, KEEP, KEEP, KEEP}));
    EXPECT(group.pieces[0].runs == 1 && group.pieces[1].runs == 1);
    for (int i = 0; i < 20; i++)
        TRY(write_number(scratch.store, ((const char[]){'+', 'c', (char)('a' + i), '\0'})));
    TRY(run_group(scratch.store, &group, 'd',
                  (enum conduct[]){KEEP, FAIL_AFTER_WRITING, KEEP, KEEP, KEEP}));
    EXPECT(group.pieces[0].runs == 2 && group.pieces[1].runs == 2);
    TRY(read_count(scratch.store, &count));
    EXPECT(count == 3 + 4 + 20 + 4);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_failing_after_altering(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct group group;
    int64_t count;

    TRY(open_store(&scratch));
    TRY(run_group(scratch.store, &group, 'a',
                  (enum conduct[]){KEEP, FAIL_AFTER_ALTERING, KEEP, FAIL_AFTER_ALTERING, KEEP}));
    EXPECT(group.pieces[1].result == CT_DENIED && group.pieces[3].result == CT_DENIED);
    TRY(read_count(scratch.store, &count));
    EXPECT(count == 3);
out:
    scratch_close(&scratch);
    return result;
}

/* ---- ids ---- */

#define NEXT CT_NEXT_ID_QUERY("virtual_phone_numbers")

struct ids {
    int64_t at[3];
    enum ct_result result;
};

static enum ct_result take_ids(void *ctx, struct ct_db *db)
{
    struct ids *ids = ctx;
    for (int i = 0; i < 3; i++) {
        struct ct_stmt *stmt;
        enum ct_result result = ct_next_id(db, NEXT, &ids->at[i]);
        if (result == CT_OK)
            result = ct_db_query(
                db, "INSERT INTO virtual_phone_numbers (id, phone_number) VALUES ($1, $1)", &stmt);
        if (result != CT_OK)
            return result;
        ct_bind_int(stmt, 1, ids->at[i]);
        result = ct_run(stmt);
        if (result != CT_OK)
            return result;
    }
    return ids->result;
}

static enum ct_result test_ids(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct ids ids = {0};
    int64_t first;

    TRY(open_store(&scratch));
    TRY(ct_store_write(scratch.store, take_ids, &ids));
    first = ids.at[0];
    EXPECT(ids.at[1] == first + 1 && ids.at[2] == first + 2);
    /* Another transaction counts on from what is there, */
    TRY(write_number(scratch.store, "+1"));
    TRY(ct_store_write(scratch.store, take_ids, &ids));
    EXPECT(ids.at[0] == first + 4);
    /* and ids that were not kept are free. */
    ids.result = CT_DENIED;
    EXPECT_RESULT(CT_DENIED, ct_store_write(scratch.store, take_ids, &ids));
    ids.result = CT_OK;
    TRY(ct_store_write(scratch.store, take_ids, &ids));
    EXPECT(ids.at[0] == first + 7);
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_no_savepoint_without_need),
        CT_UNIT(test_failing_halfway),
        CT_UNIT(test_failing_after_altering),
        CT_UNIT(test_ids),
    };
    return ct_unit_main("writer", units, sizeof(units) / sizeof(units[0]));
}
