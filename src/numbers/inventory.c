#include "numbers/inventory.h"

#include <stdalign.h>
#include <stddef.h>

#include "numbers/number_set.h"
#include "numbers/pool_block.h"

int64_t ct_number_digits(struct ct_str e164)
{
    int64_t digits = 0;
    /* An earlier service may have kept what is no number: no pool holds it. */
    if (e164.len == 0 || e164.len > 16 || e164.at[0] != '+')
        return 0;
    for (size_t i = 1; i < e164.len; i++) {
        if (e164.at[i] < '0' || e164.at[i] > '9')
            return 0;
        digits = digits * 10 + (e164.at[i] - '0');
    }
    return digits;
}

enum ct_result ct_number_e164(struct ct_arena *arena, int64_t digits, struct ct_str *out)
{
    struct ct_buf text = ct_buf_in(arena);
    ct_buf_char(&text, '+');
    ct_buf_int(&text, digits);
    *out = ct_buf_done(&text);
    return text.failed ? CT_NOMEM : CT_OK;
}

/* The pool that has the number in one of its ranges, complete or not; 0 is none. */
static enum ct_result pool_of(struct ct_db *db, int64_t number, int64_t *pool_id)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db,
                                        "SELECT pool_id, last FROM pool_ranges WHERE first <= $1 "
                                        "ORDER BY first DESC LIMIT 1",
                                        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, number);
    result = ct_step(stmt);
    *pool_id = 0;
    if (result != CT_ROW)
        return result;
    if (ct_column_int(stmt, 1) >= number)
        *pool_id = ct_column_int(stmt, 0);
    return CT_OK;
}

enum ct_result ct_inventory_holds(struct ct_db *db, struct ct_str e164, bool *out)
{
    int64_t pool_id;
    struct ct_stmt *stmt;
    *out = false;
    enum ct_result result = pool_of(db, ct_number_digits(e164), &pool_id);
    if (result != CT_OK || pool_id == 0)
        return result;
    result =
        ct_db_query(db, "SELECT 1 FROM number_pools WHERE id = $1 AND import_id IS NULL", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, pool_id);
    result = ct_step(stmt);
    *out = result == CT_ROW;
    return result == CT_ROW ? CT_OK : result;
}

/* Forgets a quarantine; tells whether there was one. */
static enum ct_result end_quarantine(struct ct_db *db, int64_t pool_id, int64_t number, bool *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db,
                                        "DELETE FROM pool_quarantine "
                                        "WHERE pool_id = $1 AND number = $2 RETURNING number",
                                        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, pool_id);
    ct_bind_int(stmt, 2, number);
    result = ct_step(stmt);
    *out = result == CT_ROW;
    return result == CT_ROW ? ct_run(stmt) : result;
}

static enum ct_result begin_quarantine(struct ct_db *db, int64_t pool_id, int64_t number,
                                       int64_t free_at)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "INSERT INTO pool_quarantine (pool_id, number, block, free_at) "
                    "VALUES ($1, $2, $3, $4)",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, pool_id);
    ct_bind_int(stmt, 2, number);
    ct_bind_int(stmt, 3, ct_number_block(number));
    ct_bind_int(stmt, 4, free_at);
    return ct_run(stmt);
}

/* When the first quarantine of a block ends. */
static enum ct_result first_end(struct ct_db *db, int64_t pool_id, int64_t block, int64_t *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db,
                                        "SELECT min(free_at) FROM pool_quarantine "
                                        "WHERE pool_id = $1 AND block = $2",
                                        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, pool_id);
    ct_bind_int(stmt, 2, block);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *out = ct_column_time(stmt, 0);
    return CT_OK;
}

/* Brings a number of a pool into a state: free, taken until `free_at`, or for good. */
static enum ct_result set_state(struct ct_db *db, struct ct_str e164, bool is_free, int64_t free_at)
{
    int64_t number = ct_number_digits(e164);
    int64_t index = number % CT_BLOCK_SIZE;
    int64_t pool_id;
    struct ct_pool_block block;
    enum ct_result result = pool_of(db, number, &pool_id);
    if (result != CT_OK || pool_id == 0)
        return result;
    result = ct_pool_block_get(db, ct_number_block(number), pool_id, &block);
    if (result != CT_OK)
        return result == CT_NOT_FOUND ? CT_BUG : result;

    bool times_changed = false;
    if (block.next_free_at != CT_NO_TIME)
        result = end_quarantine(db, pool_id, number, &times_changed);
    if (result == CT_OK && !is_free && free_at != CT_NO_TIME) {
        result = begin_quarantine(db, pool_id, number, free_at);
        times_changed = true;
    }
    if (result == CT_OK && times_changed)
        result = first_end(db, pool_id, block.block, &block.next_free_at);
    if (result != CT_OK || (!times_changed && ct_number_set_has(&block.free, index) == is_free))
        return result;
    if (is_free)
        ct_number_set_add(&block.free, index);
    else
        ct_number_set_remove(&block.free, index);
    return ct_pool_block_put(db, &block);
}

enum ct_result ct_inventory_take(struct ct_db *db, struct ct_str e164, int64_t free_at_ms)
{
    return set_state(db, e164, false, free_at_ms);
}

enum ct_result ct_inventory_free(struct ct_db *db, struct ct_str e164)
{
    return set_state(db, e164, true, CT_NO_TIME);
}

enum ct_result ct_inventory_release_all(struct ct_db *db, int64_t user_id, int64_t free_at_ms)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "SELECT phone_number FROM virtual_phone_numbers WHERE user_id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    while ((result = ct_step(stmt)) == CT_ROW) {
        alignas(max_align_t) char memory[CT_ARENA_ROOM];
        struct ct_arena *arena = ct_arena_in(memory, sizeof(memory));
        struct ct_str number;
        if (arena == NULL)
            return CT_NOMEM;
        result = ct_column_str(stmt, 0, arena, &number);
        if (result == CT_OK)
            result = ct_inventory_take(db, number, free_at_ms);
        ct_arena_free(arena);
        if (result != CT_OK)
            return result;
    }
    return result;
}
