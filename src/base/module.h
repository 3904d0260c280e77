#ifndef CT_BASE_MODULE_H
#define CT_BASE_MODULE_H

#include "base/arena.h"
#include "base/result.h"

/* Parts of the program that bring large libraries, loaded when they are first needed. A module exports one table of
 * functions, whose first member is CT_VERSION of its build. */

/** Where the module @p name (its file) is: beside the running program, as built, or in ../lib/cloud-telephony from
 *  there, as installed. CT_IO: it is not, with @p why (in @p arena or static), one line that says what to do.
 *  CT_NOMEM. */
CT_CHECKED enum ct_result ct_module_find(struct ct_arena *arena, const char *name, const char **out,
                                         const char **why);

/** The table @p symbol of a module, for as long as the process lives; NULL with @p why: its file or a library that it
 *  needs cannot be loaded, it is no module, or one of another version. Safe from any thread; @p why until its
 *  next call. */
const void *ct_module_open(const char *path, const char *symbol, const char **why);

#endif
