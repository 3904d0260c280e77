#include "numbers/numbers.h"

#include <stdalign.h>
#include <stdio.h>

#include "accounts/audit.h"
#include "accounts/rows.h"
#include "numbers/inventory.h"
#include "store/migrations.h"

#define DAY_MS INT64_C(86400000)

/* ---- reading ---- */

#define SELECT_NUMBER                                                               \
    "SELECT id, phone_number, user_id, friendly_name, tags, status, status_until, " \
    "last_owner_id, transfer_to, version, created_at, voice FROM virtual_phone_numbers "

/* A column that is NULL reads as 0. */
static enum ct_result read_number(struct ct_arena *arena, struct ct_stmt *stmt, int64_t now_ms,
                                  struct ct_number *out)
{
    struct ct_str status;
    out->id = ct_column_int(stmt, 0);
    out->user_id = ct_column_int(stmt, 2);
    out->until = ct_column_time(stmt, 6);
    out->last_owner_id = ct_column_int(stmt, 7);
    out->transfer_to = ct_column_int(stmt, 8);
    out->version = ct_column_int(stmt, 9);
    out->created_at = ct_column_time(stmt, 10);
    enum ct_result result = ct_column_str(stmt, 1, arena, &out->phone_number);
    if (result == CT_OK)
        result = ct_column_text(stmt, 3, arena, &out->friendly_name);
    if (result == CT_OK)
        result = ct_column_text(stmt, 4, arena, &out->tags);
    if (result == CT_OK)
        result = ct_column_text(stmt, 11, arena, &out->voice);
    if (result == CT_OK)
        result = ct_column_text(stmt, 5, arena, &status);
    if (result == CT_OK)
        result = ct_life_read(status, &out->stored);
    if (result == CT_OK)
        out->state = ct_life_now(out->stored, out->until, now_ms);
    return result;
}

/* The one row of a statement that has been bound. */
static enum ct_result one_number(struct ct_arena *arena, struct ct_stmt *stmt, int64_t now_ms,
                                 struct ct_number *out)
{
    enum ct_result result = ct_step(stmt);
    if (result == CT_OK)
        return CT_NOT_FOUND;
    return result == CT_ROW ? read_number(arena, stmt, now_ms, out) : result;
}

/* The rows of a statement that has been bound. */
static enum ct_result all_numbers(struct ct_arena *arena, struct ct_stmt *stmt, size_t limit,
                                  int64_t now_ms, struct ct_number *out, size_t *count)
{
    enum ct_result result = CT_OK;
    *count = 0;
    while (*count < limit && (result = ct_step(stmt)) == CT_ROW) {
        result = read_number(arena, stmt, now_ms, &out[*count]);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    return result == CT_ROW ? CT_OK : result;
}

enum ct_result ct_number_by_id(struct ct_arena *arena, struct ct_db *db, int64_t id, int64_t now_ms,
                               struct ct_number *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, SELECT_NUMBER "WHERE id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    return one_number(arena, stmt, now_ms, out);
}

enum ct_result ct_number_get(struct ct_arena *arena, struct ct_db *db, int64_t user_id, int64_t id,
                             int64_t now_ms, struct ct_number *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, SELECT_NUMBER "WHERE id = $1 AND user_id = $2", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    ct_bind_int(stmt, 2, user_id);
    return one_number(arena, stmt, now_ms, out);
}

enum ct_result ct_number_list(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                              int64_t after_id, size_t limit, int64_t now_ms, struct ct_number *out,
                              size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, SELECT_NUMBER "WHERE user_id = $1 AND id > $2 ORDER BY id LIMIT $3", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, after_id);
    ct_bind_int(stmt, 3, (int64_t)limit);
    return all_numbers(arena, stmt, limit, now_ms, out, count);
}

enum ct_result ct_number_list_quarantined(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                          int64_t after_id, size_t limit, int64_t now_ms,
                                          struct ct_number *out, size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    SELECT_NUMBER "WHERE last_owner_id = $1 AND id > $2 AND "
                                  "status = 'quarantined' AND status_until > $3 "
                                  "ORDER BY id LIMIT $4",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, after_id);
    ct_bind_int(stmt, 3, now_ms);
    ct_bind_int(stmt, 4, (int64_t)limit);
    return all_numbers(arena, stmt, limit, now_ms, out, count);
}

enum ct_result ct_number_list_reserved(struct ct_arena *arena, struct ct_db *db, int64_t after_id,
                                       size_t limit, int64_t now_ms, struct ct_number *out,
                                       size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db, SELECT_NUMBER "WHERE status = 'reserved' AND id > $1 ORDER BY id LIMIT $2", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, after_id);
    ct_bind_int(stmt, 2, (int64_t)limit);
    return all_numbers(arena, stmt, limit, now_ms, out, count);
}

enum ct_result ct_number_list_over(struct ct_arena *arena, struct ct_db *db, size_t limit,
                                   int64_t now_ms, struct ct_number *out, size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db, SELECT_NUMBER "WHERE status_until <= $1 ORDER BY status_until LIMIT $2", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, now_ms);
    ct_bind_int(stmt, 2, (int64_t)limit);
    return all_numbers(arena, stmt, limit, now_ms, out, count);
}

/* ---- the row ---- */

static void bind_life(struct ct_stmt *stmt, int index, enum ct_life state)
{
    if (state == CT_LIFE_ASSIGNED)
        ct_bind_null(stmt, index);
    else
        ct_bind_str(stmt, index, ct_life_word(state));
}

/* The row was changed, or is gone, when it does not come back. */
static enum ct_result changed_one(struct ct_stmt *stmt)
{
    enum ct_result result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUSY : result;
    return ct_run(stmt);
}

enum ct_result ct_number_save(struct ct_db *db, struct ct_number *number)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db,
        "UPDATE virtual_phone_numbers SET user_id = $3, friendly_name = $4, tags = $5, "
        "status = $6, status_until = $7, last_owner_id = $8, transfer_to = $9, "
        "voice = $10, version = $2 + 1 WHERE id = $1 AND coalesce(version, 0) = $2 RETURNING id",
        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, number->id);
    ct_bind_int(stmt, 2, number->version);
    ct_bind_id_or_null(stmt, 3, number->user_id);
    ct_bind_text_or_null(stmt, 4, number->friendly_name);
    ct_bind_text_or_null(stmt, 5, number->tags);
    bind_life(stmt, 6, number->stored);
    ct_bind_time_or_null(stmt, 7, number->until);
    ct_bind_id_or_null(stmt, 8, number->last_owner_id);
    ct_bind_id_or_null(stmt, 9, number->transfer_to);
    ct_bind_text_or_null(stmt, 10, number->voice);
    result = changed_one(stmt);
    if (result == CT_OK)
        number->version++;
    return result;
}

static enum ct_result delete_row(struct ct_db *db, const struct ct_number *number)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "DELETE FROM virtual_phone_numbers WHERE id = $1 AND coalesce(version, 0) = $2 "
                    "RETURNING id",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, number->id);
    ct_bind_int(stmt, 2, number->version);
    return changed_one(stmt);
}

/* The number has no row any more and can be had again. */
static enum ct_result free_number(struct ct_db *db, const struct ct_number *number)
{
    enum ct_result result = delete_row(db, number);
    return result == CT_OK ? ct_inventory_free(db, number->phone_number) : result;
}

/* ---- what time does ---- */

static enum ct_result quarantine_over(struct ct_db *db, const struct ct_number *number,
                                      int64_t now_ms)
{
    const struct ct_audit entry = {.user_id = number->last_owner_id,
                                   .action = CT_AUDIT_NUMBER_FREED,
                                   .target_id = number->id,
                                   .detail = number->phone_number};
    enum ct_result result = free_number(db, number);
    return result == CT_OK ? ct_audit_write(db, now_ms, &entry) : result;
}

static enum ct_result offer_over(struct ct_db *db, struct ct_number *number, int64_t now_ms)
{
    char detail[64];
    (void)snprintf(detail, sizeof(detail), "%.*s expired", (int)number->phone_number.len,
                   number->phone_number.at);
    const struct ct_audit entry = {.user_id = number->user_id,
                                   .action = CT_AUDIT_NUMBER_OFFER_ENDED,
                                   .target_id = number->id,
                                   .detail = ct_str_of(detail)};
    number->stored = number->state;
    number->until = CT_NO_TIME;
    number->transfer_to = 0;
    enum ct_result result = ct_number_save(db, number);
    return result == CT_OK ? ct_audit_write(db, now_ms, &entry) : result;
}

enum ct_result ct_number_tidy(struct ct_db *db, struct ct_number *number, int64_t now_ms)
{
    if (number->stored == number->state)
        return CT_OK;
    return number->state == CT_LIFE_AVAILABLE ? quarantine_over(db, number, now_ms)
                                              : offer_over(db, number, now_ms);
}

/* ---- new rows ---- */

/* Somebody's row is in the way of a number. Frees it when that is allowed by now. */
static enum ct_result make_way(struct ct_db *db, struct ct_str phone_number,
                               enum ct_life_event event, int64_t now_ms)
{
    alignas(max_align_t) char memory[CT_ARENA_ROOM * 4];
    struct ct_number number;
    struct ct_stmt *stmt;
    struct ct_arena *arena = ct_arena_in(memory, sizeof(memory));
    if (arena == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_db_query(db, SELECT_NUMBER "WHERE phone_number = $1", &stmt);
    if (result != CT_OK)
        goto out;
    ct_bind_str(stmt, 1, phone_number);
    result = one_number(arena, stmt, now_ms, &number);
    if (result == CT_NOT_FOUND || (result == CT_OK && !ct_life_allows(number.state, event)))
        result = CT_CONFLICT;
    if (result == CT_OK)
        result = ct_number_tidy(db, &number, now_ms);
out:
    ct_arena_free(arena);
    return result;
}

/* CT_CONFLICT when a number has a row: that is not left to the constraint, which would end the whole
 * transaction in some engines. (RETURNING would tell as much, but for each row SQLite makes a temporary
 * table for it, which costs as much as the row.) */
static enum ct_result has_no_row(struct ct_db *db, struct ct_str phone_number)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "SELECT id FROM virtual_phone_numbers WHERE phone_number = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, phone_number);
    result = ct_step(stmt);
    return result == CT_ROW ? CT_CONFLICT : result;
}

static enum ct_result insert_row(struct ct_db *db, const struct ct_number *number, int64_t *id)
{
    struct ct_stmt *stmt;
    enum ct_result result = has_no_row(db, number->phone_number);
    if (result == CT_OK)
        result = ct_next_id(db, CT_NEXT_ID_QUERY("virtual_phone_numbers"), id);
    if (result == CT_OK)
        result = ct_db_query(db,
                             "INSERT INTO virtual_phone_numbers "
                             "(id, phone_number, user_id, friendly_name, status, created_at) "
                             "VALUES ($1, $2, $3, $4, $5, $6)",
                             &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, *id);
    ct_bind_str(stmt, 2, number->phone_number);
    ct_bind_id_or_null(stmt, 3, number->user_id);
    ct_bind_text_or_null(stmt, 4, number->friendly_name);
    bind_life(stmt, 5, number->stored);
    ct_bind_int(stmt, 6, number->created_at);
    return ct_run(stmt);
}

/* The first event of a number that is available. */
static enum ct_result begin_life(struct ct_db *db, struct ct_number *number,
                                 enum ct_life_event event, int64_t *id)
{
    int64_t now_ms = number->created_at;
    number->stored = ct_life_next(CT_LIFE_AVAILABLE, event);
    enum ct_result result = insert_row(db, number, id);
    if (result == CT_CONFLICT) {
        result = make_way(db, number->phone_number, event, now_ms);
        if (result == CT_OK)
            result = insert_row(db, number, id);
    }
    return result == CT_OK ? ct_inventory_take(db, number->phone_number, CT_NO_TIME) : result;
}

enum ct_result ct_number_insert(struct ct_db *db, struct ct_str phone_number, int64_t user_id,
                                struct ct_str friendly_name, int64_t now_ms, int64_t *id)
{
    struct ct_number number = {.phone_number = phone_number,
                               .user_id = user_id,
                               .friendly_name = friendly_name,
                               .created_at = now_ms};
    return begin_life(db, &number, CT_LIFE_TAKE, id);
}

enum ct_result ct_number_reserve(struct ct_db *db, struct ct_str phone_number, int64_t now_ms,
                                 int64_t *id)
{
    struct ct_number number = {.phone_number = phone_number, .created_at = now_ms};
    return begin_life(db, &number, CT_LIFE_RESERVE, id);
}

/* ---- the further life ---- */

/* Takes the step of the table; the new state has no end. */
static void step(struct ct_number *number, enum ct_life_event event)
{
    number->stored = ct_life_next(number->state, event);
    number->state = number->stored;
    number->until = CT_NO_TIME;
    number->transfer_to = 0;
}

enum ct_result ct_number_unreserve(struct ct_arena *arena, struct ct_db *db, int64_t id,
                                   int64_t now_ms, struct ct_number *out)
{
    enum ct_result result = ct_number_by_id(arena, db, id, now_ms, out);
    if (result != CT_OK)
        return result;
    if (!ct_life_allows(out->state, CT_LIFE_UNRESERVE))
        return CT_NOT_FOUND;
    step(out, CT_LIFE_UNRESERVE);
    return free_number(db, out);
}

enum ct_result ct_number_release(struct ct_db *db, struct ct_number *number, int64_t days,
                                 int64_t now_ms)
{
    if (!ct_life_allows(number->state, CT_LIFE_RELEASE))
        return CT_CONFLICT;
    step(number, CT_LIFE_RELEASE);
    number->until = now_ms + days * DAY_MS;
    number->last_owner_id = number->user_id;
    number->user_id = 0;
    number->voice = (struct ct_str){0};
    number->state = ct_life_now(number->stored, number->until, now_ms);
    if (number->state == CT_LIFE_AVAILABLE)
        return free_number(db, number);
    enum ct_result result = ct_number_save(db, number);
    return result == CT_OK ? ct_inventory_take(db, number->phone_number, number->until) : result;
}

enum ct_result ct_number_restore(struct ct_db *db, struct ct_number *number)
{
    if (!ct_life_allows(number->state, CT_LIFE_RESTORE))
        return CT_CONFLICT;
    step(number, CT_LIFE_RESTORE);
    number->user_id = number->last_owner_id;
    number->last_owner_id = 0;
    enum ct_result result = ct_number_save(db, number);
    return result == CT_OK ? ct_inventory_take(db, number->phone_number, CT_NO_TIME) : result;
}

/* ---- limits ---- */

enum ct_result ct_number_quota(struct ct_call *call, int64_t more)
{
    int64_t quota = call->config->quota_numbers;
    struct ct_stmt *stmt;
    if (quota == 0)
        return CT_OK;
    enum ct_result result =
        ct_db_query(call->db,
                    "SELECT count(*) FROM (SELECT 1 FROM virtual_phone_numbers WHERE user_id = $1 "
                    "LIMIT $2) AS mine",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, call->user_id);
    ct_bind_int(stmt, 2, quota);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    if (ct_column_int(stmt, 0) + more <= quota)
        return CT_OK;
    return ct_call_say(call, CT_FORBIDDEN,
                       ct_arena_printf(call->arena,
                                       "This account may have %lld numbers (QUOTA_NUMBERS)",
                                       (long long)quota));
}
