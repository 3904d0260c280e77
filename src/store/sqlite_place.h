#ifndef CT_STORE_SQLITE_PLACE_H
#define CT_STORE_SQLITE_PLACE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/result.h"

/** How a complete file gets to the place of a database. */
struct ct_sqlite_place {
    const char *path;
    bool replace;      /* what is there may be set aside */
    const char *aside; /* where that is now; NULL while there is none */
};

/** Whether a database can come to be there: CT_CONFLICT, CT_BUSY, CT_IO, CT_NOMEM, with @p why. */
CT_CHECKED enum ct_result ct_sqlite_place_judge(const struct ct_sqlite_place *place,
                                                struct ct_arena *arena, const char **why);
/** Moves the file @p from, which is on disk, to the place of a database. What is there is given another
 *  name, with its log. Answers as above, and then nothing has changed. */
CT_CHECKED enum ct_result ct_sqlite_place_take(struct ct_sqlite_place *place, const char *from,
                                               struct ct_arena *arena, const char **why);

/** Gives a file another name, which must not exist: 0 or errno. Syncs the folder. */
CT_CHECKED int ct_sqlite_move_new(const char *from, const char *to);

#endif
