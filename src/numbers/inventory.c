#include "numbers/inventory.h"

#include <stdalign.h>
#include <stddef.h>

#include "numbers/number_set.h"
#include "numbers/pool_block.h"

int64_t ct_number_digits(struct ct_str e164)
{
    int64_t digits = 0;
    /* An earlier service may have kept what is no number: no pool holds it. */
    if (e164.len < 2 || e164.len > 16 || e164.at[0] != '+' || e164.at[1] == '0')
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

/* The range that has the number, of a pool that may not be complete yet; pool_id 0 is none. */
struct range {
    int64_t first;
    int64_t last;
    int64_t pool_id;
};

static enum ct_result range_of(struct ct_db *db, int64_t number, struct range *out)
{
    struct ct_stmt *stmt;
    *out = (struct range){0};
    enum ct_result result = ct_db_query(db,
                                        "SELECT first, last, pool_id FROM pool_ranges "
                                        "WHERE first <= $1 ORDER BY first DESC LIMIT 1",
                                        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, number);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result;
    if (ct_column_int(stmt, 1) >= number)
        *out = (struct range){.first = ct_column_int(stmt, 0),
                              .last = ct_column_int(stmt, 1),
                              .pool_id = ct_column_int(stmt, 2)};
    return CT_OK;
}

enum ct_result ct_inventory_holds(struct ct_db *db, struct ct_str e164, bool *out)
{
    struct range range;
    struct ct_stmt *stmt;
    *out = false;
    enum ct_result result = range_of(db, ct_number_digits(e164), &range);
    if (result != CT_OK || range.pool_id == 0)
        return result;
    result =
        ct_db_query(db, "SELECT 1 FROM number_pools WHERE id = $1 AND import_id IS NULL", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, range.pool_id);
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

static enum ct_result send_quarantine(struct ct_db *db, int64_t pool_id, int64_t number,
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
    return ct_send(stmt);
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
    struct range range;
    struct ct_pool_block block;
    enum ct_result result = range_of(db, number, &range);
    if (result != CT_OK || range.pool_id == 0)
        return result;
    result = ct_pool_block_get(db, ct_number_block(number), range.pool_id, &block);
    if (result != CT_OK)
        return result == CT_NOT_FOUND ? CT_BUG : result;

    bool times_changed = false;
    if (block.next_free_at != CT_NO_TIME)
        result = end_quarantine(db, range.pool_id, number, &times_changed);
    if (result == CT_OK && !is_free && free_at != CT_NO_TIME) {
        result = send_quarantine(db, range.pool_id, number, free_at);
        times_changed = true;
    }
    if (result == CT_OK && times_changed)
        result = first_end(db, range.pool_id, block.block, &block.next_free_at);
    if (result != CT_OK || (!times_changed && ct_number_set_has(&block.free, index) == is_free))
        return result;
    if (is_free)
        ct_number_set_add(&block.free, index);
    else
        ct_number_set_remove(&block.free, index);
    result = ct_pool_block_put(db, &block);
    return result == CT_OK ? ct_settle(db) : result;
}

enum ct_result ct_inventory_take(struct ct_db *db, struct ct_str e164, int64_t free_at_ms)
{
    return set_state(db, e164, false, free_at_ms);
}

enum ct_result ct_inventory_free(struct ct_db *db, struct ct_str e164)
{
    return set_state(db, e164, true, CT_NO_TIME);
}

/* ---- many at a time ---- */

/* Where a walk through numbers is: what of a block has changed is written when it is left. */
struct walk {
    struct ct_db *db;
    struct range range;
    struct ct_pool_block block;
    bool has_block;
};

static enum ct_result leave_block(struct walk *walk)
{
    bool had_block = walk->has_block;
    walk->has_block = false;
    return had_block ? ct_pool_block_put(walk->db, &walk->block) : CT_OK;
}

/* Goes to the block of a number; without one when no pool holds it. */
static enum ct_result enter_block(struct walk *walk, int64_t number)
{
    int64_t pool_id = walk->range.pool_id;
    enum ct_result result = CT_OK;
    if (number < walk->range.first || number > walk->range.last)
        result = range_of(walk->db, number, &walk->range);
    if (result == CT_OK && walk->has_block &&
        (walk->range.pool_id != pool_id || walk->block.block != ct_number_block(number)))
        result = leave_block(walk);
    if (result != CT_OK || walk->has_block || walk->range.pool_id == 0)
        return result;
    result =
        ct_pool_block_get(walk->db, ct_number_block(number), walk->range.pool_id, &walk->block);
    walk->has_block = result == CT_OK;
    return result == CT_NOT_FOUND ? CT_BUG : result;
}

/* Takes the number of the row that is stood on. */
static enum ct_result take_row(struct walk *walk, struct ct_stmt *rows)
{
    alignas(max_align_t) char memory[CT_ARENA_ROOM];
    struct ct_str e164 = {0};
    int64_t free_at = ct_column_time(rows, 1);
    struct ct_arena *arena = ct_arena_in(memory, sizeof(memory));
    if (arena == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_column_str(rows, 0, arena, &e164);
    int64_t number = result == CT_OK ? ct_number_digits(e164) : 0;
    ct_arena_free(arena);
    if (result == CT_OK)
        result = enter_block(walk, number);
    if (result != CT_OK || !walk->has_block)
        return result;
    ct_number_set_remove(&walk->block.free, number % CT_BLOCK_SIZE);
    if (free_at == CT_NO_TIME)
        return CT_OK;
    if (walk->block.next_free_at == CT_NO_TIME || free_at < walk->block.next_free_at)
        walk->block.next_free_at = free_at;
    return send_quarantine(walk->db, walk->range.pool_id, number, free_at);
}

enum ct_result ct_inventory_take_all(struct ct_db *db, struct ct_stmt *rows)
{
    struct walk walk = {.db = db, .range = {.last = -1}};
    enum ct_result result;
    while ((result = ct_step(rows)) == CT_ROW) {
        result = take_row(&walk, rows);
        if (result != CT_OK)
            return result;
    }
    if (result == CT_OK)
        result = leave_block(&walk);
    return result == CT_OK ? ct_settle(db) : result;
}

enum ct_result ct_inventory_release_all(struct ct_db *db, int64_t user_id, int64_t free_at_ms)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT phone_number, CAST($2 AS BIGINT) FROM virtual_phone_numbers "
                    "WHERE user_id = $1 ORDER BY phone_number",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, free_at_ms);
    return ct_inventory_take_all(db, stmt);
}
