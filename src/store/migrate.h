#ifndef CT_STORE_MIGRATE_H
#define CT_STORE_MIGRATE_H

#include "base/arena.h"
#include "base/log.h"
#include "base/result.h"
#include "store/store.h"

/** Brings the database to this program's version: every step of ct_migrations that it has not seen,
 * each in a transaction of its own. Another process that is doing the same is waited for. When it
 * fails,
 *  @p why holds one line. CT_TOO_NEW, CT_UNAVAILABLE, CT_NOMEM, CT_BUG. */
CT_CHECKED enum ct_result ct_migrate(struct ct_db *db, struct ct_log *log, struct ct_arena *arena,
                                     const char **why);

#endif
