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

/** Makes the text of /openapi.json, in an arena; CT_NOMEM, CT_BUG. On any thread, once or, when it fails, again. */
struct ct_docs_maker {
    enum ct_result (*make)(void *ctx, struct ct_arena *arena, struct ct_str *out);
    void *ctx;
};

/** The document is made and packed when it is first asked for: a start does not wait for it. CT_NOMEM. */
CT_CHECKED enum ct_result ct_docs_new(struct ct_docs_maker maker, struct ct_docs **out);
/** When no request is under way any more. NULL is allowed. */
void ct_docs_free(struct ct_docs *docs);

#endif
