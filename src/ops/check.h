#ifndef CT_OPS_CHECK_H
#define CT_OPS_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "store/store.h"

/** Who is told what a check finds, and how far it is. */
struct ct_check_watch {
    void (*finding)(void *ctx, const char *line);
    void (*progress)(void *ctx, int64_t done, int64_t total); /* in looks; may be NULL */
    void *ctx;
};

/** What a check has found. */
struct ct_check {
    int64_t version;  /* the last migration of the database */
    int64_t faults;   /* what the engine found wrong with its own structures */
    int64_t breaches; /* of rules of this program (rules.c) */
};

/** Looks at a whole database, in the read that @p db is in. CT_INVALID when it is none of this program,
 *  CT_TOO_NEW, each with @p why (in @p arena). CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_check_database(struct ct_db *db, const struct ct_check_watch *watch,
                                            struct ct_arena *arena, struct ct_check *out,
                                            const char **why);

#endif
