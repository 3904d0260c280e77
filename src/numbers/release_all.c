#include "accounts/audit.h"
#include "base/clock.h"
#include "numbers/inventory.h"
#include "numbers/transfers.h"

#define DAY_MS INT64_C(86400000)
/* Numbers whose audit rows are written in one go. */
#define PAGE_ROWS 100

/* One audit row a number, in memory of a fixed size. */
static enum ct_result note_page(struct ct_call *call, int64_t now_ms, int64_t *after, size_t *count)
{
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    struct ct_number *rows = ct_arena_alloc(arena, PAGE_ROWS * sizeof(*rows));
    enum ct_result result = rows == NULL ? CT_NOMEM
                                         : ct_number_list(arena, call->db, call->user_id, *after,
                                                          PAGE_ROWS, now_ms, rows, count);
    for (size_t i = 0; result == CT_OK && i < *count; i++) {
        result = ct_audit_call(call, call->user_id, CT_AUDIT_NUMBER_RELEASED, rows[i].id,
                               rows[i].phone_number);
        *after = rows[i].id;
    }
    ct_arena_free(arena);
    return result;
}

static enum ct_result note_all(struct ct_call *call, int64_t now_ms)
{
    int64_t after = 0;
    size_t count = 0;
    do {
        enum ct_result result = note_page(call, now_ms, &after, &count);
        if (result != CT_OK)
            return result;
    } while (count == PAGE_ROWS);
    return CT_OK;
}

/* What somebody has is assigned or transferring, and both may be released. */
static enum ct_result release_rows(struct ct_db *db, int64_t user_id, int64_t until_ms)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "UPDATE virtual_phone_numbers SET user_id = NULL, status = $2, "
                    "status_until = $3, last_owner_id = $1, transfer_to = NULL, voice = NULL, "
                    "version = coalesce(version, 0) + 1 WHERE user_id = $1",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_str(stmt, 2, ct_life_word(ct_life_next(CT_LIFE_ASSIGNED, CT_LIFE_RELEASE)));
    ct_bind_int(stmt, 3, until_ms);
    return ct_run(stmt);
}

static enum ct_result forget_claims(struct ct_db *db, int64_t user_id)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "DELETE FROM number_claims WHERE user_id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    return ct_run(stmt);
}

enum ct_result ct_numbers_release_all(void *room, struct ct_call *call)
{
    (void)room;
    int64_t now_ms = ct_clock_unix_ms();
    /* With no quarantine the time of it has run out at once. */
    int64_t until_ms = now_ms + call->config->number_quarantine_days * DAY_MS;
    enum ct_result result = ct_transfer_end_incoming(call->db, call->user_id, now_ms);
    if (result == CT_OK)
        result = note_all(call, now_ms);
    if (result == CT_OK)
        result = ct_inventory_release_all(call->db, call->user_id, until_ms);
    if (result == CT_OK)
        result = release_rows(call->db, call->user_id, until_ms);
    return result == CT_OK ? forget_claims(call->db, call->user_id) : result;
}
