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
    CT_USER,    /* the token of a login, or an API key that has the route's scope */
    CT_SESSION, /* the token of a login only: no key can make keys, or end sessions */
    CT_ADMIN,   /* as CT_USER, and the account is an administrator's */
};

enum ct_role { CT_ROLE_USER, CT_ROLE_ADMIN };

/** Who calls, as authentication found out. */
struct ct_caller {
    int64_t user_id; /* 0: nobody */
    enum ct_role role;
    int64_t key_id;       /* of the API key; 0 with the token of a login */
    struct ct_str scopes; /* of the API key: words separated by single spaces; "*" is every scope */
    /* With the token of a login; seconds since 1970. */
    struct ct_str token_id; /* never empty */
    int64_t token_expires_at;
    int64_t login_at; /* when the password was given that this token goes back to */
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
    int64_t user_id;                /* who calls; 0 on a public route */
    struct ct_caller caller;        /* the same, in full */
    struct ct_str address;          /* where the request came from, as printed by inet_ntop */
    bool forwarded;                 /* by a proxy that is not trusted: it came from elsewhere */
    struct ct_str if_match;         /* the header If-Match; `at` NULL without one */
    struct ct_str last_event_id;    /* the header Last-Event-ID; `at` NULL without one */
    struct ct_str token;            /* what the caller has proved himself with: a secret; borrowed
                                       until the handler returns, as the two before it */
    const void *path;               /* the route's path schema, bound; NULL without one */
    const void *query;
    const void *body;
    void *reply;   /* zeroed: the reply schema's struct, a ct_page, a ct_content, or for `stream` a
                         ct_stream_source */
    void *scratch; /* zeroed: route->scratch_size bytes, from prepare to run */
    const char *etag; /* the handler's, for a reply with a schema: with its quotes; NULL is none */
    const char *detail;    /* set by ct_call_say */
    enum ct_result said;   /* the result that `detail` belongs to; CT_OK: none */
    int64_t retry_after_s; /* of a 429 or 503; 0 is 1 second */
    /** Set by ct_call_refuse. */
    struct ct_faults *faults;
};

/** Answers @p result with a sentence of this call's own (@p detail, borrowed until the reply is sent;
 *  NULL, for want of memory, answers CT_NOMEM) in place of the one that the route has for it. The route
 *  lists the result all the same. Returns @p result for the handler to return. */
enum ct_result ct_call_say(struct ct_call *call, enum ct_result result, const char *detail);

/** Judges If-Match (RFC 9110 section 13.1.1) against the entity tag of what is to be changed. CT_OK when
 *  the header is missing, "*", or holds the tag (a weak one never matches); CT_STALE otherwise. */
CT_CHECKED enum ct_result ct_call_if_match(const struct ct_call *call, const char *etag);

/** Whether the caller may use what needs @p scope: a login's token may everything. */
bool ct_caller_has_scope(const struct ct_caller *caller, struct ct_str scope);

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
    const struct ct_schema *reply; /* NULL: the handler fills a ct_content, or `status` is 204 */
    bool list;                     /* the reply is a page of `reply` */
    bool array;                    /* the reply is all of a ct_page's items as one JSON array */
    bool form;                     /* the body may also be application/x-www-form-urlencoded */
    int status;                    /* of success; 0 is 200 */
    enum ct_access access;
    enum ct_auth auth;
    const char *scope; /* what an API key must have, e.g. "numbers:read"; NULL: any key will do */
    /** Idempotency-Key is understood: for 24 hours the same key with the same body gets the first answer
     *  again. For what creates. */
    bool idempotent;
    bool conditional; /* If-Match is understood: shown in /openapi.json, with 412 */
    /** The general limits of requests (RATE_LIMIT_PER_ADDRESS, RATE_LIMIT_PER_ACCOUNT) do not count it:
     *  for who watches the server. */
    bool unlimited;
    /** Runs first, on a low-priority thread, with a read transaction: for password hashes. Calls
     *  ct_call_end_read once it has read what it needs. */
    ct_handler *prepare;
    ct_handler *run;
    /** Runs in place of `run` when a GET asks for text/event-stream, and opens a stream: see http/stream.h. Only
     *  where `access` is CT_READ. NULL: the route has no stream. */
    ct_handler *stream;
    size_t scratch_size;
    const struct ct_route_error *errors;
    const char *summary;
    const char *doc;     /* CommonMark; NULL is none */
    const char *tag;     /* the group in /docs; NULL keeps the route out of /openapi.json */
    const char *about;   /* what the group is for; in the first route of it, else NULL */
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
/** The same two fields for the query of a list with filters, a struct with these two members. */
#define CT_LIST_QUERY_FIELDS(structure)                                                        \
    CT_FIELD(structure, limit, CT_FIELD_INT, .flags = CT_FIELD_OPTIONAL, .min = 1, .max = 100, \
             .fallback = 50, .doc = "How many to answer at most.", .example = "50"),           \
        CT_FIELD(structure, after, CT_FIELD_STRING, .flags = CT_FIELD_OPTIONAL,                \
                 .doc = "The `next` of the page before; without it the list begins.")

#endif
