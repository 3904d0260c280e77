#ifndef CT_HTTP_PEM_H
#define CT_HTTP_PEM_H

#include "base/arena.h"
#include "base/result.h"

/** Reads a PEM file (RFC 7468) of at most 1 MiB into a terminated text, which the caller frees. When it
 *  fails, @p why (in @p arena) is one line that names @p setting and the file. CT_IO, CT_NOMEM. */
CT_CHECKED enum ct_result ct_pem_read(struct ct_arena *arena, const char *setting, const char *path,
                                      char **out, const char **why);

#endif
