#ifndef CT_HTTP_ROUTE_H
#define CT_HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"
#include "http/schema.h"
#include "store/store.h"

enum ct_method {
    CT_GET,
    CT_HEAD,
    CT_POST,
    CT_PUT,
    CT_PATCH,
    CT_DELETE,
    CT_OPTIONS,
    CT_METHOD_COUNT
};

enum ct_access {
    CT_NO_DATABASE,
    CT_READ,  /* runs on the thread that got the request, on its read-only connection */
    CT_WRITE, /* runs on the store's writer; the reply follows the commit */
};

enum ct_auth {
    CT_PUBLIC,
    CT_USER, /* a bearer token of an account that exists */
};

/** One page of a list: what a handler of a route with `list` set fills in. */
struct ct_page {
    const void *items; /* an array of the reply schema's struct */
    size_t count;
    struct ct_str next; /* an opaque cursor, or all zero at the end */
};

/** A reply of fixed bytes: what a handler of a route without a reply schema fills in. */
struct ct_content {
    struct ct_str body;
    const char *type;        /* Content-Type */
    const char *etag;        /* with its quotes; NULL is none. A match answers 304 */
    const char *cache;       /* Cache-Control; NULL is "no-store" */
    const char *policy;      /* Content-Security-Policy; NULL is none */
    const char *location;    /* Location of a redirect; NULL is none */
    struct ct_str gzip_body; /* the same, compressed; all zero when there is none. With an empty
                                `body` the server unpacks it for clients that cannot */
};

/** A request as a handler sees it. The handler works in the arena and fills `reply`. */
struct ct_call {
    struct ct_arena *arena;
    void *room;                     /* what the mount gave: the feature room's own state */
    const struct ct_config *config; /* the settings in force */
    struct ct_db *db;               /* the transaction; NULL with CT_NO_DATABASE */
    int64_t user_id;                /* whose token it is; 0 on a public route */
    const void *path;               /* the route's path schema, bound; NULL without one */
    const void *query;
    const void *body;
    void *reply;   /* zeroed: the reply schema's struct, a ct_page, or a ct_content */
    void *scratch; /* zeroed: route->scratch_size bytes, from prepare to run */
    /** Set by ct_call_refuse. */
    struct ct_faults *faults;
};

/** Adds a fault to a 422: `type` and `message` in pydantic's words, `place` ("body", "query",
 * "path") and the field's name. All borrowed until the reply is sent. Returns CT_INVALID for the
 * handler to return. */
enum ct_result ct_call_refuse(struct ct_call *call, const char *place, const char *field,
                              const char *type, const char *message);

/** Ends the read transaction of a `prepare` before its long computation: a reader that stays keeps the
 *  store from tidying its log. Afterwards `db` is NULL. */
void ct_call_end_read(struct ct_call *call);

typedef enum ct_result ct_handler(struct ct_call *call);

/** What a route says, in its own words, when its handler answers `result`. */
struct ct_route_error {
    enum ct_result result; /* CT_OK ends the list */
    int status;
    const char *detail;
};

struct ct_route {
    enum ct_method method; /* HEAD is answered wherever GET is */
    const char *pattern; /* "/phone_numbers/{id}": a name in braces is a segment, bound by `path` */
    const struct ct_schema *path;
    const struct ct_schema *query;
    const struct ct_schema *body;
    const struct ct_schema *reply; /* NULL: the handler fills a ct_content */
    bool list;                     /* the reply is a page of `reply` */
    bool form;                     /* the body may also be application/x-www-form-urlencoded */
    int status;                    /* of success; 0 is 200 */
    enum ct_access access;
    enum ct_auth auth;
    /** Runs first, on a low-priority thread, with a read transaction: for password hashes. Calls
     *  ct_call_end_read once it has read what it needs. */
    ct_handler *prepare;
    ct_handler *run;
    size_t scratch_size;
    const struct ct_route_error *errors;
    const char *summary;
    const char *doc;     /* CommonMark; NULL is none */
    const char *tag;     /* the group in /docs; NULL keeps the route out of /openapi.json */
    const char *content; /* the media type in /openapi.json of a route without a reply schema */
};

/** A table of routes and the state that their handlers are handed. */
struct ct_mount {
    const struct ct_route *routes;
    size_t count;
    void *room;
};

/** Cursors of lists are made of the last row's id. */
CT_CHECKED enum ct_result ct_cursor_make(struct ct_arena *arena, int64_t id, struct ct_str *out);
/** Reads `after`; an empty text is the beginning: 0. Refuses the call (CT_INVALID) when it is none.
 */
CT_CHECKED enum ct_result ct_cursor_read(struct ct_call *call, struct ct_str after, int64_t *out);

/** The query of every list: `limit` and `after`. */
struct ct_list_query {
    int64_t limit;
    struct ct_str after;
};
extern const struct ct_schema ct_list_query_schema;

#endif
