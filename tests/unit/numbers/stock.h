#ifndef CT_TESTS_UNIT_NUMBERS_STOCK_H
#define CT_TESTS_UNIT_NUMBERS_STOCK_H

#include "harness.h"
#include "numbers/inventory.h"
#include "numbers/number_mask.h"
#include "numbers/pools.h"
#include "numbers/search.h"
#include "scratch.h"

/** A database with pools to search. */

#define NOW INT64_C(1769860800123)
#define ALICE 1

static inline enum ct_result run_sql(void *ctx, struct ct_db *db)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, ctx, &stmt);
    return result == CT_OK ? ct_run(stmt) : result;
}

/* @p sql is static. */
static inline enum ct_result execute(struct scratch *scratch, const char *sql)
{
    return ct_store_write(scratch->store, run_sql, (void *)(uintptr_t)sql);
}

static inline enum ct_result open_with_alice(struct scratch *scratch)
{
    enum ct_result result = scratch_open(scratch);
    ct_unit_spare(true);
    if (result == CT_OK)
        result = execute(scratch, "INSERT INTO users (id, username) VALUES (1, 'a'), (2, 'b')");
    ct_unit_spare(false);
    return result;
}

struct making {
    const char *name;
    struct ct_pool_piece pieces[4]; /* changed when it is run */
    size_t count;
    int64_t id;
    int64_t overlap;
};

static inline enum ct_result make_pool(void *ctx, struct ct_db *db)
{
    struct making *making = ctx;
    struct ct_pool_pieces pieces;
    ct_pool_pieces_sort(making->pieces, making->count, &pieces);
    const struct ct_pool_new pool = {
        .name = ct_str_of(making->name), .pieces = &pieces, .created_at = NOW};
    enum ct_result result = ct_pool_begin(db, &pool, &making->id);
    return result == CT_OK ? ct_pool_add(db, making->id, pieces.at, pieces.count, &making->overlap)
                           : result;
}

/** A pool of one range whose country nobody was asked for. */
static inline enum ct_result add_pool(struct scratch *scratch, const char *name, int64_t first,
                                      int64_t last)
{
    struct making making = {.name = name, .pieces = {{.first = first, .last = last}}, .count = 1};
    return ct_store_write(scratch->store, make_pool, &making);
}

/** The numbers of a search, from the first on, at @p now_ms; at most @p limit. */
static inline enum ct_result find(struct scratch *scratch, const char *prefix, const char *contains,
                                  int64_t after, int64_t now_ms, size_t limit, int64_t *numbers,
                                  struct ct_search_result *out)
{
    const struct ct_search search = {
        .prefix = ct_str_of(prefix), .contains = ct_str_of(contains), .now_ms = now_ms};
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_search(db, scratch->arena, &search, after, limit, numbers, out);
    ct_store_read_end(db);
    return result;
}

#endif
