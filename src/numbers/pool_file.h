#ifndef CT_NUMBERS_POOL_FILE_H
#define CT_NUMBERS_POOL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/csv.h"
#include "base/result.h"
#include "base/text.h"
#include "numbers/plan.h"
#include "numbers/pool_pieces.h"
#include "store/store.h"

/**
 * A file of pools: CSV with a line of names in front. The column `pool` has the name of a pool, and either
 * `number` has a number or `first` and `last` have a range; the order of columns and lines, other columns
 * and the case of their names do not matter. Every line is judged, before any is imported.
 */

/** A line that is wrong. */
struct ct_bad_line {
    int64_t line;
    struct ct_str why; /* terminated */
};

struct ct_file_pool {
    struct ct_str name;
    struct ct_pool_pieces pieces;
};

/** What a file says. All of it is in the arena. */
struct ct_pool_file {
    struct ct_file_pool *pools; /* in the order in which the file first names them */
    size_t pool_count;
    int64_t size; /* how many numbers */
    /** Where each good line is: for ct_pool_file_judge. */
    struct ct_file_entry *entries;
    size_t entry_count;
    struct ct_bad_line *bad; /* in their order; those that are too many have no words */
    size_t bad_count;
};

/** How many bad lines are told with their reason. */
#define CT_BAD_LINES_TOLD 200

/** Told from time to time how far a file was read; may be NULL. */
typedef void ct_file_progress(void *ctx, int64_t lines);

/** Reads a file and judges each line for itself, and all against each other. CT_OK also when lines are bad:
 *  see `bad`. CT_INVALID when its first line is not usable: @p why, in @p arena. @p plan may be NULL.
 *  CT_IO, CT_NOMEM. */
CT_CHECKED enum ct_result ct_pool_file_read(struct ct_arena *arena, struct ct_csv *csv,
                                            struct ct_plan *plan, ct_file_progress *progress,
                                            void *ctx, struct ct_pool_file *out, const char **why);
/** Judges the lines against the pools that exist, in many short reads: adds to `bad`. What the import
 *  @p import_id brought in already (0: none) counts as the file's own. CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_pool_file_judge(struct ct_arena *arena, struct ct_store *store,
                                             int64_t import_id, struct ct_pool_file *file);

#endif
