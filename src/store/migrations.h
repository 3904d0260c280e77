#ifndef CT_STORE_MIGRATIONS_H
#define CT_STORE_MIGRATIONS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/result.h"
#include "store/store.h"

/** One step of the schema. Numbered from 1, forward only; a landed step is never edited. */
struct ct_migration {
    int number;
    const char *what; /* for the log, in a few words */
    /** Ends with NULL; may be NULL. Written in SQLite's words; a statement that an engine wants
     *  otherwise is there for each of them, with the engine's scheme in front ("sqlite:CREATE …"). */
    const char *const *statements;
    /** What SQL alone cannot say; may be NULL. It runs after the statements and, because an older
     *  program may have written since, again at every start: cheap when there is nothing to do. */
    enum ct_result (*fill)(struct ct_db *db);
};

/** SQL for the id of a new row of a table (a string literal): above all that are and all that were.
 */
#define CT_NEXT_ID(table)                                                                    \
    "(SELECT max(last_id) + 1 FROM (SELECT last_id FROM last_ids WHERE table_name = '" table \
    "' UNION ALL SELECT coalesce(max(id), 0) FROM " table ") AS ids)"

/** The same as a query, for ct_next_id. */
#define CT_NEXT_ID_QUERY(table) "SELECT " CT_NEXT_ID(table)

/** All steps in order. */
extern const struct ct_migration ct_migrations[];
extern const size_t ct_migration_count;

#endif
