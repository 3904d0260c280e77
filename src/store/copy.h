#ifndef CT_STORE_COPY_H
#define CT_STORE_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "store/store.h"

/**
 * A copy of a whole database that is made in a file beside the place where it is to be, and gets
 * there at once and complete, or not at all: a backup, or a backup that becomes the database again.
 * Only for engines that keep a database in a file; others have tools of their own. On one thread.
 *
 *   begin, ct_copy_step until CT_OK, ct_copy_look, ct_copy_publish, ct_copy_end
 */
struct ct_copy;

/** Begins to copy the database of a URL, as it is at this moment, to @p file, which must not exist.
 *  Other programs may go on reading and writing it. When it fails, @p why holds one line (in @p arena,
 *  which is borrowed until ct_copy_end). CT_INVALID (the URL, or an engine with tools of its own),
 *  CT_NOT_FOUND (no such database), CT_CONFLICT (@p file exists), CT_BUSY (another copy to that file
 *  is being made), CT_IO, CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_copy_backup(const char *url, const char *file, struct ct_arena *arena,
                                         struct ct_copy **out, const char **why);
/** Begins to copy @p file to where the database of a URL is to be. A database that is there already
 *  makes it CT_CONFLICT, unless it is to be set aside (@p replace). CT_BUSY also when any program has that
 *  database open; CT_NOT_FOUND when there is no @p file; the rest as above. */
CT_CHECKED enum ct_result ct_copy_restore(const char *url, const char *file, bool replace,
                                          struct ct_arena *arena, struct ct_copy **out,
                                          const char **why);
/** Copies some more: CT_ROW when there is more to do, CT_OK at the end. Counts in bytes. CT_IO (the
 *  source is damaged), CT_UNAVAILABLE (the disk is full, or fails), CT_NOMEM, with @p why. */
CT_CHECKED enum ct_result ct_copy_step(struct ct_copy *copy, int64_t *done, int64_t *total,
                                       const char **why);
/** Begins a read of the complete copy; it ends with ct_store_read_end. CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_copy_look(struct ct_copy *copy, struct ct_db **out);
/** Brings the complete copy to disk and to its place. CT_CONFLICT, CT_BUSY (who came meanwhile), CT_IO,
 *  CT_NOMEM, with @p why; then everything is as it was before. */
CT_CHECKED enum ct_result ct_copy_publish(struct ct_copy *copy, const char **why);
/** Where the database is now that was replaced; NULL when there was none. */
const char *ct_copy_aside(const struct ct_copy *copy);
/** Removes what was not published. NULL is allowed. */
void ct_copy_end(struct ct_copy *copy);

#endif
