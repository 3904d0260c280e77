#ifndef CT_STORE_MIGRATIONS_H
#define CT_STORE_MIGRATIONS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/result.h"
#include "store/store.h"

/** One step of the schema. Numbered from 1, forward only; a landed step is never edited. */
struct ct_migration {
    int number;
    const char *what;                         /* for the log, in a few words */
    const char *const *statements;            /* ends with NULL; may be NULL */
    enum ct_result (*fill)(struct ct_db *db); /* what SQL alone cannot say; may be NULL */
};

/** All steps in order. */
extern const struct ct_migration ct_migrations[];
extern const size_t ct_migration_count;

#endif
