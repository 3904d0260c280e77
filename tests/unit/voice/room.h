#ifndef CT_TESTS_UNIT_VOICE_ROOM_H
#define CT_TESTS_UNIT_VOICE_ROOM_H

#include <string.h>

#include "harness.h"
#include "scratch.h"
#include "voice/records.h"

/** A database with three accounts and some of their numbers and devices, and jobs on it. */

#define NOW INT64_C(1790000000000)
#define MINUTE INT64_C(60000)
#define DAY (INT64_C(1440) * MINUTE)
#define ALICE 1
#define BOB 2
#define CAROL 3

/** @p ctx is static SQL, one statement. */
static inline enum ct_result run_sql(void *ctx, struct ct_db *db)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, ctx, &stmt);
    return result == CT_OK ? ct_run(stmt) : result;
}

static inline enum ct_result execute(struct scratch *scratch, const char *sql)
{
    return ct_store_write(scratch->store, run_sql, (void *)(uintptr_t)sql);
}

static inline enum ct_result open_house(struct scratch *scratch)
{
    enum ct_result result = scratch_open(scratch);
    ct_unit_spare(true);
    if (result == CT_OK)
        result = execute(scratch, "INSERT INTO users (id, username) VALUES (1, 'alice'), "
                                  "(2, 'bob'), (3, 'carol')");
    if (result == CT_OK)
        result = execute(scratch,
                         "INSERT INTO virtual_phone_numbers (id, phone_number, user_id) VALUES "
                         "(10, '+4930000010', 1), (11, '+4930000011', 1), (20, '+4930000020', 2), "
                         "(30, '+4930000030', 3), (40, '+4930000040', NULL)");
    if (result == CT_OK)
        result = execute(scratch,
                         "INSERT INTO devices (id, user_id, name, username, ha1_md5, ha1_sha256, "
                         "created_at) VALUES (100, 1, 'a', 'd100-a', 'm', 's', 5), "
                         "(101, 1, 'b', 'd101-b', 'm', 's', 5), (200, 2, 'c', 'd200-c', 'm', 's', "
                         "5)");
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

static inline bool is(struct ct_str text, const char *expected)
{
    return ct_str_equal(text, ct_str_of(expected));
}

/* ---- records ---- */

struct begin {
    struct ct_record_new call;
    bool refuse;
    int64_t id;
};

static inline enum ct_result run_begin(void *ctx, struct ct_db *db)
{
    struct begin *begin = ctx;
    return begin->refuse ? ct_record_refuse(db, &begin->call, 403, CT_STR("No"), &begin->id)
                         : ct_record_begin(db, &begin->call, &begin->id);
}

/** Begins a call whose members are told in the call, at NOW by "node" unless they say otherwise; its key is the
 *  text @p name. */
#define BEGIN(scratch, name, id_out, ...) \
    begin_call((scratch), &(struct begin){.call = {.key = CT_STR(name), __VA_ARGS__}}, (id_out))

static inline enum ct_result begin_call(struct scratch *scratch, struct begin *begin, int64_t *id)
{
    struct ct_record_new *call = &begin->call;
    if (call->node.len == 0)
        call->node = CT_STR("node");
    if (call->from.len == 0)
        call->from = CT_STR("+4930000010");
    if (call->to.len == 0)
        call->to = CT_STR("+4930000020");
    if (call->started_at == 0)
        call->started_at = NOW;
    enum ct_result result = ct_store_write(scratch->store, run_begin, begin);
    *id = begin->id;
    return result;
}

static inline enum ct_result run_change(void *ctx, struct ct_db *db)
{
    return ct_record_change(db, ctx);
}

/** A step at a time, which is the fourth argument; what else is to be told of it follows. */
#define CHANGE(scratch, call_id, to, ...)        \
    ct_store_write((scratch)->store, run_change, \
                   &(struct ct_record_change){.id = (call_id), .status = (to), .at = __VA_ARGS__})

static inline enum ct_result get_record(struct scratch *scratch, int64_t id, struct ct_record *out)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_record_by_id(scratch->arena, db, id, out);
    ct_store_read_end(db);
    return result;
}

#endif
