#ifndef CT_HTTP_ROUTER_H
#define CT_HTTP_ROUTER_H

#include <stddef.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "http/route.h"

/** At most so many segments of a path are names in braces. */
#define CT_PATH_PARAMETERS 4

/** What a path and a method led to. */
struct ct_match {
    const struct ct_route *route;               /* NULL: see `allowed` */
    size_t number;                              /* of the route, among those of all mounts */
    void *room;                                 /* of the route's mount */
    struct ct_str segments[CT_PATH_PARAMETERS]; /* still percent-encoded */
    unsigned allowed; /* the methods of this path, as bits 1 << enum ct_method; 0: no such path */
};

/** The method of this name (RFC 9110 section 9, case matters), or CT_METHOD_COUNT. */
enum ct_method ct_method_of(struct ct_str name);
const char *ct_method_name(enum ct_method method);

/** Cuts a request target (RFC 9112 section 3.2: origin or absolute form) into path and query. A
 * target in another form has an empty path. */
void ct_target_split(struct ct_str target, struct ct_str *path, struct ct_str *query);

/** Finds the route of a path. HEAD is led to GET's. */
void ct_router_match(const struct ct_mount *mounts, size_t mount_count, enum ct_method method,
                     struct ct_str path, struct ct_match *out);

/** The value of `Allow` for these methods: "GET, HEAD, POST". The text is in @p arena or NULL. */
const char *ct_allow(struct ct_arena *arena, unsigned methods);

#endif
