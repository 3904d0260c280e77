#ifndef CT_HTTP_DOCS_H
#define CT_HTTP_DOCS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "http/route.h"

/**
 * The documentation that the program serves by itself: /docs (Swagger UI), /redoc (ReDoc), what
 * they are made of, and /openapi.json, which both read. The room of ct_docs_routes.
 */
struct ct_docs;

extern const struct ct_route ct_docs_routes[];
extern const size_t ct_docs_route_count;

/** A room in @p arena, without /openapi.json for now: its address answers 404. CT_NOMEM. */
CT_CHECKED enum ct_result ct_docs_new(struct ct_arena *arena, struct ct_docs **out);

/** Gives /openapi.json its text, and packs it once for all. Called before the server starts; what is made of @p json lies in @p arena. CT_NOMEM, CT_BUG. */
CT_CHECKED enum ct_result ct_docs_set_openapi(struct ct_docs *docs, struct ct_arena *arena,
                                              struct ct_str json);

#endif
