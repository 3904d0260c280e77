#ifndef CT_TESTS_UNIT_NUMBERS_LIVES_H
#define CT_TESTS_UNIT_NUMBERS_LIVES_H

#include <string.h>

#include "accounts/audit.h"
#include "harness.h"
#include "numbers/numbers.h"
#include "numbers/sweeper.h"
#include "numbers/transfers.h"
#include "scratch.h"

/** Steps in the lives of numbers, each a write of its own at a time of its own. */

#define NOW INT64_C(1769860800123)
#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define ALICE 1
#define BOB 2
#define CAROL 3

enum deed { CREATE, RELEASE, RESTORE, RESERVE, UNRESERVE, OFFER, ACCEPT, END, SWEEP };

struct step {
    enum deed deed;
    int64_t user_id;
    int64_t at_ms;
    int64_t id;
    const char *number; /* CREATE, RESERVE */
    int64_t days;       /* RELEASE */
    int64_t to_id;      /* OFFER */
    int64_t hours;      /* OFFER */
    const char *name;   /* CREATE */
    struct ct_number after;
    size_t count; /* SWEEP */
};

static inline struct ct_str text_or_none(const char *text)
{
    return text == NULL ? (struct ct_str){0} : ct_str_of(text);
}

/* As the handlers do it: read, tidied, then changed. */
static inline enum ct_result change(struct ct_arena *arena, struct ct_db *db, struct step *step)
{
    struct ct_number *number = &step->after;
    enum ct_result result =
        step->deed == ACCEPT || step->deed == END
            ? ct_transfer_get(arena, db, step->user_id, step->id, step->at_ms, number)
        : step->deed == RESTORE
            ? ct_number_by_id(arena, db, step->id, step->at_ms, number)
            : ct_number_get(arena, db, step->user_id, step->id, step->at_ms, number);
    if (result == CT_OK && step->deed != RESTORE)
        result = ct_number_tidy(db, number, step->at_ms);
    if (result != CT_OK)
        return result;
    struct ct_call call = {.arena = arena,
                           .db = db,
                           .user_id = step->user_id,
                           .caller = {.user_id = step->user_id},
                           .address = CT_STR("192.0.2.1")};
    switch (step->deed) {
    case RELEASE:
        return ct_number_release(db, number, step->days, step->at_ms);
    case RESTORE:
        return ct_number_restore(db, number);
    case OFFER:
        return ct_transfer_offer(db, number, step->to_id, step->at_ms + step->hours * HOUR);
    case ACCEPT:
        return ct_transfer_accept(db, number);
    default:
        return ct_transfer_end(&call, number,
                               number->user_id == step->user_id ? "withdrawn" : "refused");
    }
}

static inline enum ct_result run_step(void *ctx, struct ct_db *db)
{
    struct step *step = ctx;
    struct ct_arena *arena = ct_arena_new();
    enum ct_result result = CT_OK;
    if (arena == NULL)
        return CT_NOMEM;
    switch (step->deed) {
    case CREATE:
        result = ct_number_insert(db, ct_str_of(step->number), step->user_id,
                                  text_or_none(step->name), step->at_ms, &step->id);
        break;
    case RESERVE:
        result = ct_number_reserve(db, ct_str_of(step->number), step->at_ms, &step->id);
        break;
    case UNRESERVE:
        result = ct_number_unreserve(arena, db, step->id, step->at_ms, &step->after);
        break;
    case SWEEP:
        result = ct_sweep(db, step->at_ms, &step->count);
        break;
    default:
        result = change(arena, db, step);
    }
    /* Texts went with the arena. */
    step->after.phone_number = step->after.friendly_name = (struct ct_str){0};
    step->after.tags = step->after.voice = (struct ct_str){0};
    ct_arena_free(arena);
    return result;
}

static inline enum ct_result do_step(struct scratch *scratch, struct step *step)
{
    return ct_store_write(scratch->store, run_step, step);
}

/** A step that is told in the call. */
#define DO(scratch, what, who, when, ...) \
    do_step((scratch),                    \
            &(struct step){.deed = (what), .user_id = (who), .at_ms = (when), __VA_ARGS__})

static inline enum ct_result create(struct scratch *scratch, int64_t user_id, const char *number,
                                    int64_t at_ms, int64_t *id)
{
    struct step step = {.deed = CREATE, .user_id = user_id, .number = number, .at_ms = at_ms};
    enum ct_result result = do_step(scratch, &step);
    if (result == CT_OK)
        *id = step.id;
    return result;
}

static inline enum ct_result run_sql(void *ctx, struct ct_db *db)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, ctx, &stmt);
    return result == CT_OK ? ct_run(stmt) : result;
}

/** @p sql is static. */
static inline enum ct_result execute(struct scratch *scratch, const char *sql)
{
    return ct_store_write(scratch->store, run_sql, (void *)(uintptr_t)sql);
}

/** A database with three users. */
static inline enum ct_result open_with_users(struct scratch *scratch)
{
    enum ct_result result = scratch_open(scratch);
    ct_unit_spare(true);
    if (result == CT_OK)
        result = execute(scratch, "INSERT INTO users (id, username) VALUES (1, 'alice'), "
                                  "(2, 'bob'), (3, 'carol')");
    ct_unit_spare(false);
    return result;
}

/** The first column of the first row, as a text; "-" for NULL and for no row. */
static inline enum ct_result one_value(struct scratch *scratch, const char *sql, const char **out)
{
    struct ct_db *db;
    struct ct_stmt *stmt;
    struct ct_str text;
    *out = "-";
    ct_unit_spare(true);
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result == CT_OK) {
        result = ct_db_query(db, sql, &stmt);
        if (result == CT_OK)
            result = ct_step(stmt);
        if (result == CT_ROW && ct_column_is_null(stmt, 0)) {
            result = CT_OK;
        } else if (result == CT_ROW) {
            result = ct_column_str(stmt, 0, scratch->arena, &text);
            *out = text.at;
        }
        ct_store_read_end(db);
    }
    ct_unit_spare(false);
    return result;
}

#define EXPECT_VALUE(scratch, expected, sql)                           \
    do {                                                               \
        const char *value_;                                            \
        TRY(one_value((scratch), (sql), &value_));                     \
        bool value_is_as_expected = strcmp(value_, (expected)) == 0;   \
        if (!value_is_as_expected)                                     \
            (void)fprintf(stderr, "%s, not %s\n", value_, (expected)); \
        EXPECT(value_is_as_expected);                                  \
    } while (0)

/** The last audit row: whose, by whom, what, from where. */
#define LAST_AUDIT                                                                               \
    "SELECT user_id || ' ' || coalesce(actor_id, 0) || ' ' || action || ' ' || target_id || "    \
    "' ' || coalesce(detail, '') || ' ' || coalesce(address, 'nowhere') FROM audit ORDER BY id " \
    "DESC LIMIT 1"

static inline enum ct_result get(struct scratch *scratch, int64_t user_id, int64_t id,
                                 int64_t at_ms, struct ct_number *out)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_number_get(scratch->arena, db, user_id, id, at_ms, out);
    ct_store_read_end(db);
    return result;
}

static inline bool is(struct ct_str text, const char *expected)
{
    return ct_str_equal(text, ct_str_of(expected));
}

#endif
