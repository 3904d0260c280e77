#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* cmocka needs the headers above first. */
#include <cmocka.h>

#include "numbers/lives.h"
#include "numbers/pools.h"
#include "ops/check.h"
#include "store/faulty_vfs.h"
#include "store/sweep.h"

/*
 * A story of some writes, told again and again on a disk of which the 1st, 2nd, 3rd … operation goes
 * wrong, or is the last one before the power goes. What the store has answered must be true of the
 * database afterwards. There is no sweep of allocations here: there are runs enough.
 */

#define BULK 60

enum act { MAKE, MAKE_MANY, FREE, TAKE_BACK, GIVE_UP, OPEN_AGAIN, LOOK };

/* Who is what after which step; the same phone may be in several. */
static const struct chapter {
    enum act act;
    int who; /* of phones, or the first of BULK */
} story[] = {
    {MAKE, 0},       {MAKE, 1}, {LOOK, 0}, {FREE, 0},    {MAKE_MANY, 100}, {TAKE_BACK, 0},
    {OPEN_AGAIN, 0}, {MAKE, 2}, {LOOK, 0}, {GIVE_UP, 1}, {MAKE_MANY, 200}, {MAKE, 3},
};
#define CHAPTERS (sizeof(story) / sizeof(story[0]))
#define PHONES 300

enum state { NONE, OWNED, QUARANTINED };

struct run {
    struct scratch scratch;
    enum state sure[PHONES]; /* what was acknowledged */
    int unsure[PHONES];      /* the states that may be instead, as bits: something was refused */
    int64_t ids[PHONES];
    int refused;
};

/* Even ones are in the pool. */
static void phone_of(int who, char out[24])
{
    (void)snprintf(out, 24, "+4930%07d", who % 2 == 0 ? 1000000 + who : 2000000 + who);
}

/* ---- the database that every run begins with ---- */

static char base[1024 * 1024];
static ssize_t base_size;

static enum ct_result make_pool(void *ctx, struct ct_db *db)
{
    struct ct_pool_piece piece = {.first = INT64_C(49301000000), .last = INT64_C(49301001999)};
    struct ct_pool_pieces pieces;
    int64_t id;
    int64_t overlap;
    (void)ctx;
    ct_pool_pieces_sort(&piece, 1, &pieces);
    const struct ct_pool_new pool = {.name = CT_STR("stock"), .pieces = &pieces, .created_at = NOW};
    enum ct_result result = ct_pool_begin(db, &pool, &id);
    return result == CT_OK ? ct_pool_add(db, id, pieces.at, pieces.count, &overlap) : result;
}

static enum ct_result make_base(void)
{
    enum ct_result result;
    struct scratch scratch;
    char path[80];
    int fd = -1;

    faulty_begin(&(const struct faulty_plan){0});
    TRY(open_with_users(&scratch));
    TRY(ct_store_write(scratch.store, make_pool, NULL));
    scratch_close_store(&scratch);
    (void)snprintf(path, sizeof(path), "%s/db", scratch.folder);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    EXPECT(fd >= 0);
    base_size = read(fd, base, sizeof(base));
    EXPECT(base_size > 0 && base_size < (ssize_t)sizeof(base));
out:
    if (fd >= 0)
        (void)close(fd);
    scratch_close(&scratch);
    return result;
}

static enum ct_result begin(struct run *run, const struct faulty_plan *plan)
{
    char path[80];
    *run = (struct run){0};
    enum ct_result result = scratch_folder(&run->scratch);
    if (result != CT_OK)
        return result;
    (void)snprintf(path, sizeof(path), "%s/db", run->scratch.folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool done = fd >= 0 && write(fd, base, (size_t)base_size) == base_size;
    if (fd >= 0)
        (void)close(fd);
    faulty_begin(plan);
    return done ? CT_OK : CT_IO;
}

/* ---- the story ---- */

struct many {
    int first;
    int64_t ids[BULK];
};

static enum ct_result make_many(void *ctx, struct ct_db *db)
{
    struct many *many = ctx;
    char phone[24];
    enum ct_result result = CT_OK;
    for (int i = 0; i < BULK && result == CT_OK; i++) {
        phone_of(many->first + i, phone);
        result = ct_number_insert(db, ct_str_of(phone), ALICE,
                                  CT_STR("a name that takes some room, so that there are pages"),
                                  NOW, &many->ids[i]);
    }
    return result;
}

static enum ct_result look(struct run *run)
{
    struct ct_db *db;
    struct ct_stmt *stmt;
    enum ct_result result = ct_store_read_begin(run->scratch.store, &db);
    if (result != CT_OK)
        return result;
    result = ct_db_query(db, "SELECT count(*) FROM virtual_phone_numbers", &stmt);
    if (result == CT_OK)
        result = ct_run(stmt);
    ct_store_read_end(db);
    return result;
}

/* Notes what is true of a number now, or may be. */
static void note(struct run *run, enum ct_result result, int who, enum state state)
{
    if (result == CT_OK)
        run->sure[who] = state;
    else if (result == CT_UNAVAILABLE)
        run->unsure[who] |= 1 << state;
}

static enum ct_result write_one(struct run *run, const struct chapter *chapter)
{
    char phone[24];
    phone_of(chapter->who, phone);
    struct step step = {
        .user_id = ALICE, .at_ms = NOW, .id = run->ids[chapter->who], .number = phone};
    enum state state = OWNED;
    switch (chapter->act) {
    case MAKE:
        step.deed = CREATE;
        break;
    case TAKE_BACK:
        step.deed = RESTORE;
        break;
    default:
        step.deed = RELEASE;
        step.days = chapter->act == FREE ? 30 : 0;
        state = chapter->act == FREE ? QUARANTINED : NONE;
        break;
    }
    enum ct_result result = do_step(&run->scratch, &step);
    if (result == CT_OK)
        run->ids[chapter->who] = step.id;
    note(run, result, chapter->who, state);
    return result;
}

static enum ct_result write_many(struct run *run, const struct chapter *chapter)
{
    struct many many = {.first = chapter->who};
    enum ct_result result = ct_store_write(run->scratch.store, make_many, &many);
    for (int i = 0; i < BULK; i++)
        note(run, result, chapter->who + i, OWNED);
    return result;
}

/* Plays all of it, whatever goes wrong. CT_BUG when the store says something that it must not say. */
static enum ct_result play(struct run *run)
{
    enum ct_result result = scratch_open_store(&run->scratch);
    bool left_out = false; /* what follows from what was refused may be refused for other reasons */
    for (size_t i = 0; i < CHAPTERS; i++) {
        const struct chapter *chapter = &story[i];
        if (chapter->act == OPEN_AGAIN) {
            scratch_close_store(&run->scratch);
            result = scratch_open_store(&run->scratch);
        } else if (run->scratch.store == NULL) {
            result = CT_UNAVAILABLE;
        } else if (chapter->act == LOOK) {
            result = look(run);
        } else {
            result = chapter->act == MAKE_MANY ? write_many(run, chapter) : write_one(run, chapter);
        }
        if (result == CT_UNAVAILABLE || (result == CT_IO && run->scratch.store == NULL))
            run->refused++;
        left_out = left_out || result != CT_OK;
        if (result != CT_OK && result != CT_UNAVAILABLE && result != CT_IO &&
            !(left_out && (result == CT_NOT_FOUND || result == CT_CONFLICT))) {
            (void)fprintf(stderr, "chapter %zu: %s\n", i, ct_result_text(result));
            return CT_BUG;
        }
    }
    return CT_OK;
}

/* Once the disk works again, so does the store, without being opened again if it is open. */
static bool goes_on(struct run *run)
{
    static const struct chapter chapter = {MAKE, 4};
    if (run->scratch.store == NULL && scratch_open_store(&run->scratch) != CT_OK)
        return false;
    return write_one(run, &chapter) == CT_OK && look(run) == CT_OK;
}

/* ---- what is there then ---- */

static void print_finding(void *ctx, const char *line)
{
    (void)ctx;
    (void)fprintf(stderr, "%s\n", line);
}

static enum ct_result states_of(struct run *run, struct ct_db *db, enum state found[PHONES])
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "SELECT phone_number, status FROM virtual_phone_numbers", &stmt);
    memset(found, 0, sizeof(found[0]) * PHONES);
    while (result == CT_OK && (result = ct_step(stmt)) == CT_ROW) {
        struct ct_str phone;
        result = ct_column_str(stmt, 0, run->scratch.arena, &phone);
        if (result == CT_OK)
            found[atoi(phone.at + 5) % 1000000] = ct_column_is_null(stmt, 1) ? OWNED : QUARANTINED;
    }
    return result;
}

/* Many are made together or not at all. */
static bool is_whole(const enum state found[PHONES], int first)
{
    for (int i = 1; i < BULK; i++) {
        if (found[first + i] != found[first])
            return false;
    }
    return true;
}

/* Opens it on a disk that works again: everything acknowledged is there, the rest wholly or not at all; with
 * @p strict not at all. */
static enum ct_result verify(struct run *run, bool strict)
{
    const struct ct_check_watch watch = {.finding = print_finding};
    enum state found[PHONES];
    enum ct_result result;
    struct ct_check check = {0};
    struct ct_db *db = NULL;
    const char *why;

    faulty_begin(&(const struct faulty_plan){0});
    TRY(scratch_open_store(&run->scratch));
    TRY(ct_store_read_begin(run->scratch.store, &db));
    TRY(ct_check_database(db, &watch, run->scratch.arena, &check, &why));
    EXPECT(check.faults == 0 && check.breaches == 0);
    TRY(states_of(run, db, found));
    for (int who = 0; who < PHONES; who++) {
        if (found[who] == run->sure[who])
            continue;
        EXPECT(!strict && (run->unsure[who] & 1 << found[who]) != 0);
    }
    EXPECT(is_whole(found, 100) && is_whole(found, 200));
    ct_store_read_end(db);
    db = NULL;
    /* and it goes on */
    struct step step = {.deed = CREATE, .user_id = ALICE, .at_ms = NOW, .number = "+493019999990"};
    TRY(do_step(&run->scratch, &step));
out:
    if (db != NULL)
        ct_store_read_end(db);
    scratch_close_store(&run->scratch);
    return result;
}

static void end(struct run *run)
{
    faulty_begin(&(const struct faulty_plan){0});
    scratch_close(&run->scratch);
}

/* ---- the sweeps ---- */

static long count_operations(int kinds)
{
    struct run run;
    const struct faulty_plan plan = {.kinds = kinds};
    assert_int_equal(begin(&run, &plan), CT_OK);
    assert_int_equal(play(&run), CT_OK);
    assert_int_equal(run.refused, 0);
    scratch_close_store(&run.scratch);
    long count = faulty_count();
    assert_int_equal(verify(&run, true), CT_OK);
    end(&run);
    return count;
}

static void fail_run(const struct faulty_plan *plan, const struct run *run, const char *what)
{
    fail_msg("operation %ld of kinds %d, way %d%s: %s (%d refused)", plan->at, plan->kinds,
             (int)plan->how, plan->forever ? ", forever" : "", what, run->refused);
}

/* Each operation fails, alone: what was refused is not there, and the store goes on. */
static void test_one_failure(void **state)
{
    static const enum faulty_how ways[] = {FAULTY_ERROR, FAULTY_FULL, FAULTY_SHORT};
    int refused = 0;
    (void)state;
    for (size_t way = 0; way < 3; way++) {
        struct sweep sweep = sweep_over(count_operations(FAULTY_ALL));
        struct faulty_plan plan = {.how = ways[way]};
        do {
            struct run run;
            plan.at = sweep.at;
            assert_int_equal(begin(&run, &plan), CT_OK);
            if (play(&run) != CT_OK)
                fail_run(&plan, &run, "a wrong answer");
            bool hit = faulty_hit();
            if (hit && !goes_on(&run))
                fail_run(&plan, &run, "it does not go on");
            scratch_close_store(&run.scratch);
            if (verify(&run, true) != CT_OK)
                fail_run(&plan, &run, "the database is not what was answered");
            end(&run);
            refused += run.refused;
            if (!hit)
                break;
            sweep_on(&sweep);
        } while (true);
    }
    assert_true(refused > 0);
}

/* A disk that fails from some operation on: everything is refused, and nothing is lost. */
static void test_it_stays_broken(void **state)
{
    static const enum faulty_how ways[] = {FAULTY_ERROR, FAULTY_FULL};
    (void)state;
    for (size_t way = 0; way < 2; way++) {
        const int kinds = FAULTY_WRITE | FAULTY_SYNC | FAULTY_TRUNCATE | FAULTY_DELETE;
        struct sweep sweep = sweep_over(count_operations(kinds));
        struct faulty_plan plan = {.how = ways[way], .kinds = kinds, .forever = true};
        do {
            struct run run;
            plan.at = sweep.at;
            assert_int_equal(begin(&run, &plan), CT_OK);
            if (play(&run) != CT_OK)
                fail_run(&plan, &run, "a wrong answer");
            scratch_close_store(&run.scratch);
            bool hit = faulty_hit();
            if (verify(&run, false) != CT_OK)
                fail_run(&plan, &run, "the database is not what was answered");
            end(&run);
            if (!hit)
                break;
            sweep_on(&sweep);
        } while (true);
    }
}

/* The power goes once more, while the database is opened or closed after the first time. */
static void cut_again(struct run *run, enum faulty_left left, uint64_t seed)
{
    const struct faulty_plan plan = {.at = 1 + (long)(seed % 80), .how = FAULTY_CUT};
    faulty_begin(&plan);
    if (scratch_open_store(&run->scratch) == CT_OK)
        scratch_close_store(&run->scratch);
    faulty_after_cut(left, seed + 1);
}

/* The power goes at each operation, and what was not synced is lost, whole or in part. The number of runs
 * in which something acknowledged was lost. */
static long cut_everywhere(bool lying)
{
    long lost = 0;
    for (enum faulty_left left = 0; left < FAULTY_LEFTS; left++) {
        struct sweep sweep = sweep_over(count_operations(FAULTY_ALL));
        struct faulty_plan plan = {.how = FAULTY_CUT, .lying = lying};
        do {
            struct run run;
            plan.at = sweep.at;
            assert_int_equal(begin(&run, &plan), CT_OK);
            if (play(&run) != CT_OK)
                fail_run(&plan, &run, "a wrong answer");
            scratch_close_store(&run.scratch);
            bool hit = faulty_hit();
            faulty_after_cut(left, (uint64_t)sweep.at * 8 + left);
            if (hit && left >= FAULTY_SECTORS)
                cut_again(&run, left, (uint64_t)sweep.at);
            if (hit && verify(&run, false) != CT_OK) {
                if (!lying)
                    fail_msg(
                        "the power went at operation %ld, %d was left: the database is not what "
                        "was answered",
                        plan.at, (int)left);
                lost++;
            }
            end(&run);
            if (!hit)
                break;
            sweep_on(&sweep);
        } while (lost < 3);
    }
    return lost;
}

static void test_power_cuts(void **state)
{
    (void)state;
    assert_int_equal(cut_everywhere(false), 0);
}

/* The check itself: with a disk that does not sync, it finds losses. */
static void test_a_disk_that_lies(void **state)
{
    (void)state;
    assert_true(cut_everywhere(true) > 0);
}

/* A sync fails, what it should have written is given up, and later the power goes. */
static void test_failed_syncs_and_power_cuts(void **state)
{
    (void)state;
    struct faulty_plan plan = {.how = FAULTY_ERROR, .kinds = FAULTY_SYNC};
    long total = count_operations(FAULTY_SYNC);
    for (plan.at = 1; plan.at <= total; plan.at++) {
        for (enum faulty_left left = 0; left < FAULTY_LEFTS; left++) {
            struct run run;
            assert_int_equal(begin(&run, &plan), CT_OK);
            if (play(&run) != CT_OK)
                fail_run(&plan, &run, "a wrong answer");
            faulty_cut();
            scratch_close_store(&run.scratch);
            faulty_after_cut(left, (uint64_t)plan.at * 8 + left);
            if (verify(&run, false) != CT_OK)
                fail_run(&plan, &run, "after the power cut the database is not what was answered");
            end(&run);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_failure),
        cmocka_unit_test(test_it_stays_broken),
        cmocka_unit_test(test_power_cuts),
        cmocka_unit_test(test_a_disk_that_lies),
        cmocka_unit_test(test_failed_syncs_and_power_cuts),
    };
    faulty_install();
    if (make_base() != CT_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
