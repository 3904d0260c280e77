#ifndef CT_STORE_SQLITE_FILE_H
#define CT_STORE_SQLITE_FILE_H

#include "base/arena.h"
#include "base/result.h"

/** The absolute path that a URL such as sqlite:///FILE names, in @p arena. CT_INVALID, CT_IO,
 * CT_NOMEM, with one line in @p why. */
CT_CHECKED enum ct_result ct_sqlite_path(const char *url, struct ct_arena *arena, const char **out,
                                         const char **why);
/** The same for a plain name of a file. CT_IO, CT_NOMEM. */
CT_CHECKED enum ct_result ct_sqlite_absolute(const char *file, struct ct_arena *arena,
                                             const char **out, const char **why);
/** Sees to it that the database file is there, made with mode 0600 if need be, and that this
 * process may read and write it and make files beside it. CT_IO, CT_NOMEM, with one line in @p why.
 */
CT_CHECKED enum ct_result ct_sqlite_prepare_file(const char *path, struct ct_arena *arena,
                                                 const char **why);
/** Opens a file and keeps all others from opening it with SQLite, until the descriptor is closed; or
 *  until any other of the same file is, in this process. @p flags may be O_CREAT, with mode 0600.
 *  CT_BUSY when SQLite, or this function, has it open elsewhere; CT_IO with errno. */
CT_CHECKED enum ct_result ct_sqlite_lock(const char *path, int flags, int *out);

#endif
