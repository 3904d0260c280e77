#ifndef CT_STORE_INSPECT_H
#define CT_STORE_INSPECT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "store/store.h"

/** A database as it lies there, in one state: nothing is created, and nothing brought up to date. */
struct ct_inspection;

/** Opens the database of a URL. When it fails, @p why holds one line (in @p arena). CT_INVALID,
 *  CT_NOT_FOUND, CT_IO, CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_inspection_open(const char *url, struct ct_arena *arena,
                                             struct ct_inspection **out, const char **why);
/** The same for a file, such as a backup. */
CT_CHECKED enum ct_result ct_inspection_open_file(const char *file, struct ct_arena *arena,
                                                  struct ct_inspection **out, const char **why);
/** Reads from it, until it is closed. */
struct ct_db *ct_inspection_db(struct ct_inspection *inspection);
/** NULL is allowed. */
void ct_inspection_close(struct ct_inspection *inspection);

/** The last migration that a database has seen; 0 for none, as of the original service. CT_INVALID when
 *  it has not even the tables of that. A transaction may be spoiled then. CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_inspect_version(struct ct_db *db, int64_t *out);
/** The last migration that this program knows. */
int64_t ct_inspect_newest(void);
enum ct_look {
    CT_LOOK_QUICK, /* at the structures of the engine, without comparing indexes with their tables */
    CT_LOOK_STRUCTURES, /* and comparing them */
    CT_LOOK_REFERENCES, /* at foreign keys, for rows that refer to none */
};

/** Lets the engine look at its own, in a read: each fault is told in one line. Engines that have no such
 *  look tell nothing. CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_inspect_engine(struct ct_db *db, enum ct_look look,
                                            void (*tell)(void *ctx, const char *fault), void *ctx);
/** What the engine said of the last failure on this connection. */
const char *ct_inspect_trouble(const struct ct_db *db);

#endif
