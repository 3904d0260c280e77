#include "numbers/pool_block.h"

#include <stdalign.h>
#include <stddef.h>
#include <string.h>

#define BLOCK_COLUMNS "block, pool_id, free, next_free_at, country, bits"
enum { BLOCK, POOL_ID, FREE, NEXT_FREE_AT, COUNTRY, BITS };

/* The row of the index ix_pool_blocks_open, word for word, or it is not used. */
#define IS_OPEN "(free > 0 OR next_free_at IS NOT NULL)"

enum ct_result ct_pool_block_read(struct ct_stmt *stmt, struct ct_pool_block *out)
{
    alignas(max_align_t) char memory[2 * CT_ARENA_ROOM];
    struct ct_str text;
    struct ct_pool_block block = {.block = ct_column_int(stmt, BLOCK),
                                  .pool_id = ct_column_int(stmt, POOL_ID),
                                  .next_free_at = ct_column_time(stmt, NEXT_FREE_AT)};
    int64_t count = ct_column_int(stmt, FREE);
    struct ct_arena *arena = ct_arena_in(memory, sizeof(memory));
    if (arena == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_column_str(stmt, COUNTRY, arena, &text);
    if (result == CT_OK && text.len == sizeof(block.country))
        memcpy(block.country, text.at, sizeof(block.country));
    if (count == CT_BLOCK_SIZE) {
        ct_number_set_add_range(&block.free, 0, CT_BLOCK_SIZE - 1);
    } else if (count > 0 && result == CT_OK) {
        result = ct_column_str(stmt, BITS, arena, &text);
        if (result == CT_OK)
            result = ct_number_set_read(text, &block.free);
    }
    ct_arena_free(arena);
    if (result == CT_OK)
        *out = block;
    return result;
}

enum ct_result ct_pool_block_get(struct ct_db *db, int64_t block, int64_t pool_id,
                                 struct ct_pool_block *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db,
                                        "SELECT " BLOCK_COLUMNS " FROM pool_blocks "
                                        "WHERE pool_id = $2 AND block = $1",
                                        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, block);
    ct_bind_int(stmt, 2, pool_id);
    result = ct_step(stmt);
    if (result == CT_OK)
        return CT_NOT_FOUND;
    return result == CT_ROW ? ct_pool_block_read(stmt, out) : result;
}

/* Binds the count and, from parameter @p bits on, the text of what is free. */
static void bind_free(struct ct_stmt *stmt, const struct ct_number_set *set, int free, int bits,
                      char text[CT_NUMBER_SET_TEXT])
{
    int64_t count = ct_number_set_count(set);
    ct_bind_int(stmt, free, count);
    if (count == 0 || count == CT_BLOCK_SIZE) {
        ct_bind_null(stmt, bits);
    } else {
        ct_number_set_write(set, text);
        ct_bind_str(stmt, bits, (struct ct_str){text, CT_NUMBER_SET_TEXT});
    }
}

enum ct_result ct_pool_block_put(struct ct_db *db, const struct ct_pool_block *block)
{
    char text[CT_NUMBER_SET_TEXT];
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "UPDATE pool_blocks SET free = $3, next_free_at = $4, bits = $5, country = $6 "
                    "WHERE pool_id = $2 AND block = $1",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, block->block);
    ct_bind_int(stmt, 2, block->pool_id);
    bind_free(stmt, &block->free, 3, 5, text);
    if (block->next_free_at == CT_NO_TIME)
        ct_bind_null(stmt, 4);
    else
        ct_bind_int(stmt, 4, block->next_free_at);
    if (block->country[0] == '\0')
        ct_bind_null(stmt, 6);
    else
        ct_bind_str(stmt, 6, (struct ct_str){block->country, sizeof(block->country)});
    return ct_send(stmt);
}

#define INSERT                                                       \
    "INSERT INTO pool_blocks (block, pool_id, free, country, bits) " \
    "VALUES ($1, $2, $3, $4, $5)"

/* Binds the columns of INSERT; @p text is room for one of them. */
static void bind_new(struct ct_stmt *stmt, const struct ct_pool_block *block,
                     char text[CT_NUMBER_SET_TEXT])
{
    ct_bind_int(stmt, 1, block->block);
    ct_bind_int(stmt, 2, block->pool_id);
    bind_free(stmt, &block->free, 3, 5, text);
    if (block->country[0] == '\0')
        ct_bind_null(stmt, 4);
    else
        ct_bind_str(stmt, 4, (struct ct_str){block->country, sizeof(block->country)});
}

enum ct_result ct_pool_block_send(struct ct_db *db, const struct ct_pool_block *block)
{
    char text[CT_NUMBER_SET_TEXT];
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, INSERT, &stmt);
    if (result != CT_OK)
        return result;
    bind_new(stmt, block, text);
    return ct_send(stmt);
}

static enum ct_result insert(struct ct_db *db, const struct ct_pool_block *block)
{
    char text[CT_NUMBER_SET_TEXT];
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, INSERT " ON CONFLICT DO NOTHING RETURNING block", &stmt);
    if (result != CT_OK)
        return result;
    bind_new(stmt, block, text);
    result = ct_step(stmt);
    if (result == CT_ROW)
        return ct_run(stmt);
    return result == CT_OK ? CT_CONFLICT : result;
}

enum ct_result ct_pool_block_add(struct ct_db *db, const struct ct_pool_block *block)
{
    struct ct_pool_block there;
    enum ct_result result = insert(db, block);
    if (result != CT_CONFLICT)
        return result;
    result = ct_pool_block_get(db, block->block, block->pool_id, &there);
    if (result != CT_OK)
        return result;
    ct_number_set_unite(&there.free, &block->free);
    if (memcmp(there.country, block->country, sizeof(there.country)) != 0)
        memset(there.country, 0, sizeof(there.country));
    result = ct_pool_block_put(db, &there);
    return result == CT_OK ? ct_settle(db) : result;
}

enum ct_result ct_pool_blocks_open(struct ct_db *db, int64_t first, int64_t last,
                                   struct ct_stmt **out)
{
    enum ct_result result =
        ct_db_query(db,
                    "SELECT " BLOCK_COLUMNS " FROM pool_blocks "
                    "WHERE block >= $1 AND block <= $2 AND " IS_OPEN " ORDER BY block, pool_id",
                    out);
    if (result != CT_OK)
        return result;
    ct_bind_int(*out, 1, first);
    ct_bind_int(*out, 2, last);
    return CT_OK;
}

enum ct_result ct_pool_block_thaw(struct ct_db *db, struct ct_pool_block *block, int64_t now_ms)
{
    struct ct_stmt *stmt;
    if (block->next_free_at == CT_NO_TIME || block->next_free_at > now_ms)
        return CT_OK;
    enum ct_result result = ct_db_query(db,
                                        "SELECT number FROM pool_quarantine "
                                        "WHERE pool_id = $1 AND block = $2 AND free_at <= $3",
                                        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, block->pool_id);
    ct_bind_int(stmt, 2, block->block);
    ct_bind_int(stmt, 3, now_ms);
    while ((result = ct_step(stmt)) == CT_ROW)
        ct_number_set_add(&block->free, ct_column_int(stmt, 0) % CT_BLOCK_SIZE);
    return result;
}
