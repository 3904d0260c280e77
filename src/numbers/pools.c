#include "numbers/pools.h"

#include <stdalign.h>
#include <string.h>

#include "numbers/inventory.h"
#include "numbers/pool_block.h"
#include "numbers/pool_discard.h"
#include "store/migrations.h"

/* Pools up to about this many ranges and blocks are gone at once: some 50 ms of work, and 20 million numbers in
 * a row. What is left of larger ones nobody sees, and the sweeper deletes it. */
#define DELETE_ROWS 20000

enum ct_result ct_pool_begin(struct ct_db *db, const struct ct_pool_new *pool, int64_t *id)
{
    const struct ct_pool_pieces *pieces = pool->pieces;
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db,
        "INSERT INTO number_pools (id, name, size, ranges, first, last, country, "
        "created_at, import_id) VALUES (" CT_NEXT_ID("number_pools") ", $1, $2, $3, $4, "
                                                                     "$5, $6, $7, $8) RETURNING id",
        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, pool->name);
    ct_bind_int(stmt, 2, pieces->size);
    ct_bind_int(stmt, 3, pieces->ranges);
    ct_bind_int(stmt, 4, pieces->at[0].first);
    ct_bind_int(stmt, 5, pieces->at[pieces->count - 1].last);
    if (pieces->country[0] == '\0')
        ct_bind_null(stmt, 6);
    else
        ct_bind_str(stmt, 6, (struct ct_str){pieces->country, sizeof(pieces->country)});
    ct_bind_int(stmt, 7, pool->created_at);
    if (pool->import_id == 0)
        ct_bind_null(stmt, 8);
    else
        ct_bind_int(stmt, 8, pool->import_id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *id = ct_column_int(stmt, 0);
    return ct_run(stmt);
}

/* ---- adding numbers ---- */

/* The last range that begins before the end of the piece: of those that exist, the only one that can overlap
 * the piece while none after it does, or that the piece can continue. CT_NOT_FOUND. */
static enum ct_result range_before(struct ct_db *db, int64_t last, struct ct_pool_piece *out,
                                   int64_t *pool_id)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db,
                                        "SELECT first, last, pool_id FROM pool_ranges "
                                        "WHERE first <= $1 ORDER BY first DESC LIMIT 1",
                                        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, last);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    *out = (struct ct_pool_piece){.first = ct_column_int(stmt, 0), .last = ct_column_int(stmt, 1)};
    *pool_id = ct_column_int(stmt, 2);
    return CT_OK;
}

static enum ct_result send_range(struct ct_db *db, const char *sql, int64_t first, int64_t last,
                                 int64_t pool_id)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, sql, &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, first);
    ct_bind_int(stmt, 2, last);
    ct_bind_int(stmt, 3, pool_id);
    return ct_send(stmt);
}

/* What lies around the place at which pieces are added, so that it is not asked for with each of them. */
struct neighbours {
    struct ct_pool_piece before; /* the last range that begins at or before the end of the piece */
    int64_t before_id;           /* its pool; 0: there is none */
    int64_t behind;              /* where the first one behind it begins */
};

static enum ct_result look_around(struct ct_db *db, int64_t last, struct neighbours *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = range_before(db, last, &out->before, &out->before_id);
    if (result == CT_NOT_FOUND)
        out->before_id = 0;
    else if (result != CT_OK)
        return result;
    result = ct_db_query(
        db, "SELECT first FROM pool_ranges WHERE first > $1 ORDER BY first LIMIT 1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, last);
    result = ct_step(stmt);
    out->behind = result == CT_ROW ? ct_column_int(stmt, 0) : INT64_MAX;
    return result == CT_ROW ? CT_OK : result;
}

static enum ct_result add_range(struct ct_db *db, int64_t pool_id, struct neighbours *around,
                                const struct ct_pool_piece *piece, int64_t *overlap)
{
    struct ct_pool_piece *before = &around->before;
    if (around->before_id != 0 && before->last >= piece->first) {
        *overlap = before->first > piece->first ? before->first : piece->first;
        return CT_CONFLICT;
    }
    if (around->before_id == pool_id && before->last + 1 == piece->first) {
        before->last = piece->last;
        return send_range(db, "UPDATE pool_ranges SET last = $2 WHERE first = $1 AND pool_id = $3",
                          before->first, piece->last, pool_id);
    }
    *before = *piece;
    around->before_id = pool_id;
    return send_range(db, "INSERT INTO pool_ranges (first, last, pool_id) VALUES ($1, $2, $3)",
                      piece->first, piece->last, pool_id);
}

static enum ct_result add_ranges(struct ct_db *db, int64_t pool_id,
                                 const struct ct_pool_piece *pieces, size_t count, int64_t *overlap)
{
    struct neighbours around = {.behind = INT64_MIN};
    enum ct_result result = CT_OK;
    for (size_t i = 0; result == CT_OK && i < count; i++) {
        if (pieces[i].last >= around.behind)
            result = look_around(db, pieces[i].last, &around);
        if (result == CT_OK)
            result = add_range(db, pool_id, &around, &pieces[i], overlap);
    }
    return result;
}

/* Writes a block whose pieces were collected. Only the first one that is written can be there already, from
 * the pieces that were added before. */
static enum ct_result leave_block(struct ct_db *db, const struct ct_pool_block *block, bool *first)
{
    enum ct_result result = CT_OK;
    if (block->block >= 0) {
        result = *first ? ct_pool_block_add(db, block) : ct_pool_block_send(db, block);
        *first = false;
    }
    return result;
}

/* Collects what pieces have of a block, and writes it when the next one begins. */
static enum ct_result add_blocks(struct ct_db *db, int64_t pool_id,
                                 const struct ct_pool_piece *pieces, size_t count)
{
    struct ct_pool_block block = {.block = -1};
    enum ct_result result = CT_OK;
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        const struct ct_pool_piece *piece = &pieces[i];
        int64_t number = piece->first;
        while (result == CT_OK && number <= piece->last) {
            int64_t start = ct_number_block(number) * CT_BLOCK_SIZE;
            int64_t end = start + CT_BLOCK_SIZE - 1;
            if (end > piece->last)
                end = piece->last;
            if (block.block != ct_number_block(number)) {
                result = leave_block(db, &block, &first);
                block = (struct ct_pool_block){.block = ct_number_block(number),
                                               .pool_id = pool_id,
                                               .next_free_at = CT_NO_TIME};
                memcpy(block.country, piece->country, sizeof(block.country));
            } else if (memcmp(block.country, piece->country, sizeof(block.country)) != 0) {
                memset(block.country, 0, sizeof(block.country));
            }
            ct_number_set_add_range(&block.free, number - start, end - start);
            number = end + 1;
        }
        if (result != CT_OK)
            return result;
    }
    return leave_block(db, &block, &first);
}

/* ---- taking those of them that accounts have ---- */

/* Numbers of as many digits are in the order of their texts. */
#define EXISTING                                                                   \
    "SELECT phone_number, CASE WHEN status = 'quarantined' THEN status_until END " \
    "FROM virtual_phone_numbers WHERE phone_number >= $1 AND phone_number <= $2 "  \
    "AND length(phone_number) = $3 ORDER BY phone_number"

/* Asks for the numbers that exist from one to another, of as many digits. The texts are the caller's. */
static enum ct_result ask_existing(struct ct_db *db, const char *sql, struct ct_str from,
                                   struct ct_str to, struct ct_stmt **out)
{
    enum ct_result result = ct_db_query(db, sql, out);
    if (result != CT_OK)
        return result;
    ct_bind_str(*out, 1, from);
    ct_bind_str(*out, 2, to);
    ct_bind_int(*out, 3, (int64_t)from.len);
    return CT_OK;
}

/* The first that exists; CT_NOT_FOUND. One that is written in another way than numbers are is told as
 * @p from. */
static enum ct_result first_existing(struct ct_arena *arena, struct ct_db *db, struct ct_str from,
                                     struct ct_str to, int64_t *out)
{
    struct ct_stmt *stmt;
    struct ct_str text;
    enum ct_result result = ask_existing(db, EXISTING " LIMIT 1", from, to, &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    result = ct_column_str(stmt, 0, arena, &text);
    if (result != CT_OK)
        return result;
    *out = ct_number_digits(text);
    if (*out == 0)
        *out = ct_number_digits(from);
    return CT_OK;
}

static enum ct_result take_existing(struct ct_arena *arena, struct ct_db *db,
                                    const struct ct_pool_piece *piece)
{
    struct ct_str from;
    struct ct_str to;
    struct ct_stmt *stmt;
    enum ct_result result = ct_number_e164(arena, piece->first, &from);
    if (result == CT_OK)
        result = ct_number_e164(arena, piece->last, &to);
    if (result == CT_OK)
        result = ask_existing(db, EXISTING, from, to, &stmt);
    return result == CT_OK ? ct_inventory_take_all(db, stmt) : result;
}

/* Goes on to the next piece in which there are such numbers, and takes them: most often there is none. Behind
 * it @p at is the piece to go on with. */
static enum ct_result take_next(struct ct_db *db, const struct ct_pool_piece *pieces, size_t count,
                                size_t *at)
{
    alignas(max_align_t) char memory[2 * CT_ARENA_ROOM];
    struct ct_str from;
    struct ct_str to;
    int64_t number;
    size_t i = *at;
    size_t end = i;
    struct ct_arena *arena = ct_arena_in(memory, sizeof(memory));
    if (arena == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_number_e164(arena, pieces[i].first, &from);
    int64_t longer = 10;
    while (longer <= pieces[i].first)
        longer *= 10;
    while (end < count && pieces[end].first < longer)
        end++;
    if (result == CT_OK)
        result = ct_number_e164(arena, pieces[end - 1].last, &to);
    if (result == CT_OK)
        result = first_existing(arena, db, from, to, &number);
    if (result == CT_OK) {
        while (i < end && pieces[i].last < number)
            i++;
        if (i < end && pieces[i].first <= number)
            result = take_existing(arena, db, &pieces[i++]);
    } else if (result == CT_NOT_FOUND) {
        i = end;
        result = CT_OK;
    }
    ct_arena_free(arena);
    *at = i;
    return result;
}

enum ct_result ct_pool_add(struct ct_db *db, int64_t pool_id, const struct ct_pool_piece *pieces,
                           size_t count, int64_t *overlap)
{
    enum ct_result result = add_ranges(db, pool_id, pieces, count, overlap);
    if (result == CT_OK)
        result = add_blocks(db, pool_id, pieces, count);
    for (size_t at = 0; result == CT_OK && at < count;)
        result = take_next(db, pieces, count, &at);
    return result == CT_OK ? ct_settle(db) : result;
}

enum ct_result ct_pool_overlap(struct ct_arena *arena, struct ct_db *db, int64_t first,
                               int64_t last, int64_t own_import, int64_t *number,
                               struct ct_str *name)
{
    struct ct_pool_piece before;
    struct ct_stmt *stmt;
    int64_t pool_id;
    *number = 0;
    *name = (struct ct_str){0};
    enum ct_result result = range_before(db, last, &before, &pool_id);
    if (result == CT_NOT_FOUND || (result == CT_OK && before.last < first))
        return CT_OK;
    if (result == CT_OK)
        result = ct_db_query(db, "SELECT name, import_id FROM number_pools WHERE id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, pool_id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    if (ct_column_is_null(stmt, 1))
        result = ct_column_str(stmt, 0, arena, name);
    else if (own_import != 0 && ct_column_int(stmt, 1) == own_import)
        return CT_OK;
    *number = before.first > first ? before.first : first;
    return result == CT_ROW ? CT_OK : result;
}

/* ---- reading and deleting ---- */

static enum ct_result read_row(struct ct_arena *arena, struct ct_stmt *stmt,
                               struct ct_pool_row *out)
{
    *out = (struct ct_pool_row){.id = ct_column_int(stmt, 0),
                                .size = ct_column_int(stmt, 2),
                                .ranges = ct_column_int(stmt, 3),
                                .created_at = ct_column_int(stmt, 7)};
    out->taken = out->size - ct_column_int(stmt, 8) - ct_column_int(stmt, 9);
    enum ct_result result = ct_column_str(stmt, 1, arena, &out->name);
    if (result == CT_OK)
        result = ct_number_e164(arena, ct_column_int(stmt, 4), &out->first);
    if (result == CT_OK)
        result = ct_number_e164(arena, ct_column_int(stmt, 5), &out->last);
    if (result == CT_OK && !ct_column_is_null(stmt, 6))
        result = ct_column_str(stmt, 6, arena, &out->country);
    return result;
}

enum ct_result ct_pool_list(struct ct_arena *arena, struct ct_db *db, int64_t after_id,
                            size_t limit, int64_t now_ms, struct ct_pool_row *out, size_t *count)
{
    struct ct_stmt *stmt;
    *count = 0;
    enum ct_result result = ct_db_query(
        db,
        "SELECT id, name, size, ranges, first, last, country, created_at, "
        "(SELECT coalesce(sum(free), 0) FROM pool_blocks b WHERE b.pool_id = p.id), "
        "(SELECT count(*) FROM pool_quarantine q WHERE q.pool_id = p.id AND q.free_at <= $3) "
        "FROM number_pools p WHERE import_id IS NULL AND id > $1 ORDER BY id LIMIT $2",
        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, after_id);
    ct_bind_int(stmt, 2, (int64_t)limit);
    ct_bind_int(stmt, 3, now_ms);
    while (*count < limit && (result = ct_step(stmt)) == CT_ROW) {
        result = read_row(arena, stmt, &out[*count]);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    return result == CT_ROW ? CT_OK : result;
}

enum ct_result ct_pool_delete(struct ct_arena *arena, struct ct_db *db, int64_t id,
                              struct ct_str *name)
{
    int64_t import_id;
    bool more;
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "SELECT name FROM number_pools WHERE id = $1 AND import_id IS NULL", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    result = ct_column_str(stmt, 0, arena, name);
    if (result == CT_OK)
        result = ct_pool_discard_pool(db, id, &import_id);
    return result == CT_OK ? ct_pool_discard_some(db, import_id, DELETE_ROWS, &more) : result;
}
