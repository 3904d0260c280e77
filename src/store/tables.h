#ifndef CT_STORE_TABLES_H
#define CT_STORE_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/result.h"
#include "store/store.h"

/*
 * Copying a database into another one, of whichever engines. Both have this program's schema, since they
 * were opened as stores. Rows go in the order of their keys, some hundred to a transaction, so a copy
 * that ended early goes on behind the last row that is there. Nobody else may write meanwhile.
 */

/** A table and its statements. Ready-made tables end with one whose name is NULL. */
struct ct_table;

/** What a table holds, or the first rows of it. */
struct ct_table_sum {
    int64_t rows;
    /** Of all columns of these rows, in the order of the keys: the same on every engine. */
    uint8_t sha256[CT_SHA256_BYTES];
};

/** Told after each transaction how many more rows are done. */
typedef void ct_table_shown(void *ctx, int64_t rows);

/** The tables, in @p arena, which outlives every store that they are used with. CT_NOMEM. */
CT_CHECKED enum ct_result ct_tables_make(struct ct_arena *arena, const struct ct_table **out,
                                         size_t *out_count);
const struct ct_table *ct_table_at(const struct ct_table *tables, size_t index);
const char *ct_table_name(const struct ct_table *table);
/** Whether a new database has rows in it already, which are then brought up to date at the end. */
bool ct_table_is_counters(const struct ct_table *table);

/** How many rows a table has. CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_table_count(struct ct_store *store, const struct ct_table *table,
                                         int64_t *out);
/** Sums up the first @p limit rows, of which there may be fewer. CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_table_sum(struct ct_store *store, const struct ct_table *table,
                                       int64_t limit, ct_table_shown *shown, void *ctx,
                                       struct ct_table_sum *out);
/** Copies the rows whose keys are behind all that @p to has; of counters, all. CT_CONFLICT: a row is
 *  there that does not go with these; CT_NOT_FOUND: a row refers to one that is not there;
 *  CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_table_copy(struct ct_store *from, struct ct_store *to,
                                        const struct ct_table *table, ct_table_shown *shown,
                                        void *ctx);

#endif
