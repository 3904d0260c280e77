#ifndef CT_TESTS_UNIT_EVENTS_ROOM_H
#define CT_TESTS_UNIT_EVENTS_ROOM_H

#include <string.h>

#include "events/deliveries.h"
#include "events/events.h"
#include "events/webhooks.h"
#include "harness.h"
#include "scratch.h"

/** Events and webhooks of two users on a database of its own. */

#define NOW INT64_C(1769860800123)
#define DAY (INT64_C(24) * 3600 * 1000)
#define ALICE 1
#define BOB 2

static inline enum ct_result run_statement(void *ctx, struct ct_db *db)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, ctx, &stmt);
    return result == CT_OK ? ct_run(stmt) : result;
}

static inline enum ct_result execute(struct scratch *scratch, const char *sql)
{
    return ct_store_write(scratch->store, run_statement, (void *)(uintptr_t)sql);
}

static inline enum ct_result open_with_users(struct scratch *scratch)
{
    enum ct_result result = scratch_open(scratch);
    ct_unit_spare(true);
    if (result == CT_OK)
        result = execute(scratch, "INSERT INTO users (id, username, hashed_password) "
                                  "VALUES (1, 'alice', ''), (2, 'bob', '')");
    ct_unit_spare(false);
    return result;
}

/** The one number that a statement answers; -1 for none. */
static inline enum ct_result number_of(struct scratch *scratch, const char *sql, int64_t *out)
{
    struct ct_db *db;
    struct ct_stmt *stmt;
    ct_unit_spare(true);
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result == CT_OK) {
        result = ct_db_query(db, sql, &stmt);
        if (result == CT_OK)
            result = ct_step(stmt);
        *out = result == CT_ROW && !ct_column_is_null(stmt, 0) ? ct_column_int(stmt, 0) : -1;
        ct_store_read_end(db);
    }
    ct_unit_spare(false);
    return result == CT_ROW ? CT_OK : result;
}

#define EXPECT_NUMBER(expected, scratch, sql)     \
    do {                                          \
        int64_t number_;                          \
        TRY(number_of((scratch), sql, &number_)); \
        EXPECT(number_ == (expected));            \
    } while (0)

static inline enum ct_result write_one(void *ctx, struct ct_db *db)
{
    return ct_event_write(db, ctx);
}

static inline enum ct_result write_event(struct scratch *scratch, int64_t user_id,
                                         enum ct_event_type type, int64_t subject_id, int64_t at_ms)
{
    struct ct_event event = {.user_id = user_id,
                             .type = type,
                             .created_at = at_ms,
                             .subject_id = subject_id,
                             .data = CT_STR("{\"a\":1}")};
    return ct_store_write(scratch->store, write_one, &event);
}

struct hook {
    int64_t user_id;
    struct ct_webhook webhook;
    int64_t id;
};

static inline enum ct_result insert_hook(void *ctx, struct ct_db *db)
{
    struct hook *hook = ctx;
    return ct_webhook_insert(db, hook->user_id, &hook->webhook, &hook->id);
}

static inline enum ct_result make_webhook(struct scratch *scratch, int64_t user_id, const char *url,
                                          const char *events, int64_t *id)
{
    struct hook hook = {.user_id = user_id,
                        .webhook = {.url = ct_str_of(url),
                                    .events = ct_str_of(events),
                                    .secret = CT_STR("whsec_c2VjcmV0"),
                                    .created_at = NOW}};
    enum ct_result result = ct_store_write(scratch->store, insert_hook, &hook);
    *id = hook.id;
    return result;
}

#endif
