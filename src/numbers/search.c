#include "numbers/search.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "numbers/inventory.h"
#include "numbers/number_mask.h"
#include "numbers/number_set.h"
#include "numbers/pool_block.h"

/* Nearer blocks are reached by reading on, farther ones by searching anew. */
#define READ_ON 8
/* What the numbering plans are asked about one number costs as much as this many blocks. */
#define PLAN_WORK 10

/* A search under way. */
struct hunt {
    struct ct_db *db;
    const struct ct_search *search;
    struct ct_number_mask mask;
    struct ct_mask_blocks blocks;
    const int64_t *hidden; /* the pools that are not complete, in order */
    size_t hidden_count;
    struct ct_stmt *rows;
    bool has_row;      /* `rows` stands on one that was not looked at yet */
    bool no_plan;      /* the numbering plans cannot be asked */
    int64_t skip_to;   /* 0, or the first block that has to be looked at next */
    int64_t looked_at; /* at how many blocks, or their worth */
};

/* Sorted by `+id`, so that no engine walks through all pools to save the sorting of a few. */
static enum ct_result find_hidden(struct hunt *hunt, struct ct_arena *arena)
{
    struct ct_stmt *stmt;
    struct ct_buf ids = ct_buf_in(arena);
    enum ct_result result = ct_db_query(
        hunt->db, "SELECT id FROM number_pools WHERE import_id IS NOT NULL ORDER BY +id", &stmt);
    if (result != CT_OK)
        return result;
    while ((result = ct_step(stmt)) == CT_ROW) {
        int64_t id = ct_column_int(stmt, 0);
        ct_buf_add(&ids, &id, sizeof(id));
    }
    if (result != CT_OK)
        return result;
    if (ids.failed)
        return CT_NOMEM;
    if (ids.len == 0)
        return CT_OK;
    int64_t *hidden = ct_arena_alloc(arena, ids.len);
    if (hidden == NULL)
        return CT_NOMEM;
    memcpy(hidden, ids.at, ids.len);
    hunt->hidden = hidden;
    hunt->hidden_count = ids.len / sizeof(*hidden);
    return CT_OK;
}

static int compare_ids(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static bool is_hidden(const struct hunt *hunt, int64_t pool_id)
{
    return hunt->hidden_count > 0 && bsearch(&pool_id, hunt->hidden, hunt->hidden_count,
                                             sizeof(pool_id), compare_ids) != NULL;
}

/* Goes to the first row of block `to` or a later one. CT_ROW, or CT_OK at the end. */
static enum ct_result seek(struct hunt *hunt, int64_t to)
{
    enum ct_result result;
    for (int i = 0; i < READ_ON && hunt->has_row; i++) {
        if (ct_column_int(hunt->rows, 0) >= to)
            return CT_ROW;
        result = ct_step(hunt->rows);
        hunt->has_row = result == CT_ROW;
        if (result != CT_ROW)
            return result;
    }
    result = ct_pool_blocks_open(hunt->db, to, ct_number_block(CT_NUMBER_MAX), &hunt->rows);
    if (result == CT_OK)
        result = ct_step(hunt->rows);
    hunt->has_row = result == CT_ROW;
    return result;
}

static bool is_unwanted(const struct hunt *hunt, const struct ct_pool_block *block)
{
    struct ct_str country = hunt->search->country;
    return is_hidden(hunt, block->pool_id) ||
           (country.len > 0 && block->country[0] != '\0' &&
            memcmp(country.at, block->country, sizeof(block->country)) != 0);
}

/* After a block of a pool that is unwanted as a whole the rest of the range need not be looked at: but for its
 * last block nobody else has any of that. */
static enum ct_result skip_range(struct hunt *hunt, const struct ct_pool_block *block)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(hunt->db,
                    "SELECT r.last FROM pool_ranges r JOIN number_pools p ON p.id = r.pool_id "
                    "WHERE r.first = (SELECT max(first) FROM pool_ranges WHERE first <= $1) "
                    "AND p.id = $2 AND (p.country IS NOT NULL OR p.import_id IS NOT NULL)",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, block->block * CT_BLOCK_SIZE + CT_BLOCK_SIZE - 1);
    ct_bind_int(stmt, 2, block->pool_id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result;
    hunt->skip_to = ct_number_block(ct_column_int(stmt, 0));
    return CT_OK;
}

/* Adds what is free of the row that is stood on to `out`. */
static enum ct_result add_row(struct hunt *hunt, struct ct_number_set *out)
{
    struct ct_pool_block block;
    enum ct_result result = ct_pool_block_read(hunt->rows, &block);
    if (result != CT_OK)
        return result;
    if (is_unwanted(hunt, &block))
        return skip_range(hunt, &block);
    result = ct_pool_block_thaw(hunt->db, &block, hunt->search->now_ms);
    ct_number_set_unite(out, &block.free);
    return result;
}

/* Goes to the next block that has rows, from the first one on that a number from `from` on fits; `out` is
 * what of it is free and fits, and may be nothing. CT_ROW, or CT_OK at the end. */
static enum ct_result next_block(struct hunt *hunt, int64_t from, int64_t *block,
                                 struct ct_number_set *out)
{
    struct ct_number_set wanted;
    *out = (struct ct_number_set){0};
    int64_t fitting = ct_number_mask_next(&hunt->mask, from, CT_NUMBER_MAX);
    if (fitting < 0)
        return CT_OK;
    enum ct_result result = seek(hunt, ct_number_block(fitting));
    if (result != CT_ROW)
        return result;
    hunt->looked_at++;
    *block = ct_column_int(hunt->rows, 0);
    ct_mask_block(&hunt->blocks, *block, &wanted);
    if (ct_number_set_next(&wanted, 0) == CT_BLOCK_SIZE)
        return CT_ROW;
    do {
        result = add_row(hunt, out);
        if (result == CT_OK)
            result = ct_step(hunt->rows);
        hunt->has_row = result == CT_ROW;
    } while (result == CT_ROW && ct_column_int(hunt->rows, 0) == *block);
    ct_number_set_intersect(out, &wanted);
    return result == CT_OK ? CT_ROW : result;
}

/* Whether a number is of the country that is wanted. */
static enum ct_result judge_country(struct hunt *hunt, int64_t number, bool *out)
{
    alignas(max_align_t) char memory[2 * CT_ARENA_ROOM];
    const struct ct_search *search = hunt->search;
    struct ct_plan_info info = {0};
    struct ct_str e164;
    *out = true;
    if (search->country.len == 0)
        return CT_OK;
    struct ct_arena *arena = ct_arena_in(memory, sizeof(memory));
    if (arena == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_number_e164(arena, number, &e164);
    if (result == CT_OK)
        result = search->plan == NULL ? CT_UNAVAILABLE
                                      : ct_plan_describe(search->plan, arena, e164, &info);
    hunt->no_plan = result == CT_UNAVAILABLE;
    *out = result == CT_OK && ct_str_equal(info.country, search->country);
    if (!*out)
        hunt->looked_at += PLAN_WORK;
    ct_arena_free(arena);
    return result == CT_UNAVAILABLE ? CT_OK : result;
}

enum ct_result ct_search(struct ct_db *db, struct ct_arena *arena, const struct ct_search *search,
                         int64_t after, size_t limit, int64_t *numbers,
                         struct ct_search_result *out)
{
    struct hunt hunt = {
        .db = db, .search = search, .mask = ct_number_mask_make(search->prefix, search->contains)};
    hunt.blocks.mask = &hunt.mask;
    *out = (struct ct_search_result){.reached = after};
    enum ct_result result = find_hidden(&hunt, arena);
    while (result == CT_OK && out->count < limit && !hunt.no_plan) {
        struct ct_number_set found;
        int64_t block = 0;
        if (search->work > 0 && hunt.looked_at >= search->work)
            break;
        result = next_block(&hunt, out->reached + 1, &block, &found);
        if (result != CT_ROW) {
            out->reached = CT_NUMBER_MAX;
            break;
        }
        result = CT_OK;
        int64_t start = block * CT_BLOCK_SIZE;
        int64_t index = out->reached >= start ? out->reached - start + 1 : 0;
        out->reached = start + CT_BLOCK_SIZE - 1;
        if (hunt.skip_to > block + 1 && ct_number_set_next(&found, 0) == CT_BLOCK_SIZE)
            out->reached = hunt.skip_to * CT_BLOCK_SIZE - 1;
        hunt.skip_to = 0;
        while (result == CT_OK && (index = ct_number_set_next(&found, index)) < CT_BLOCK_SIZE) {
            bool wanted;
            result = judge_country(&hunt, start + index, &wanted);
            if (hunt.no_plan)
                break;
            if (result == CT_OK && wanted)
                numbers[out->count++] = start + index;
            /* Bounded work ends within a block, too. */
            if (out->count == limit || (search->work > 0 && hunt.looked_at >= search->work)) {
                out->reached = start + index;
                break;
            }
            index++;
        }
    }
    if (hunt.no_plan)
        out->reached = CT_NUMBER_MAX; /* no number is known to be of any country */
    out->looked_at = hunt.looked_at;
    return result;
}
