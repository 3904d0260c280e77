#ifndef CT_OPS_BACKUP_H
#define CT_OPS_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "ops/check.h"

/** Who is told how far a backup or a restore is: in bytes. May be NULL. */
struct ct_copy_watch {
    void (*progress)(void *ctx, int64_t done, int64_t total);
    void *ctx;
};

struct ct_backup {
    const char *url;  /* DATABASE_URL */
    const char *file; /* the backup */
    struct ct_copy_watch copying;
    struct ct_check_watch checking; /* its findings: why a backup is not good */

    /* a restore's */
    bool replace; /* a database that is there is set aside */
    bool anyway;  /* breaches of rules are told and do not keep it from being restored */

    /* what came of it */
    int64_t bytes;
    int64_t version;   /* of the restored database */
    const char *aside; /* where the database is that was replaced, or NULL */
};

/** Copies the database, as it is at this moment, to the file, which must not exist, and looks at the
 *  structures of the copy. As ct_copy_backup; CT_IO too when the database is damaged: then there is no
 *  backup. */
CT_CHECKED enum ct_result ct_backup_make(struct ct_backup *backup, struct ct_arena *arena,
                                         const char **why);
/** Makes the file the database, once it is found right. As ct_copy_restore; CT_INVALID too when the
 *  file is no database of this program, CT_TOO_NEW, CT_STALE when it breaks rules. Then nothing is
 *  changed. */
CT_CHECKED enum ct_result ct_backup_restore(struct ct_backup *backup, struct ct_arena *arena,
                                            const char **why);

#endif
