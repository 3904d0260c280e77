#include "http/openapi.h"

#include <string.h>

#include "base/json_write.h"
#include "http/openapi_operation.h"
#include "http/openapi_schema.h"

/** The document is made of the same tables as the replies, without white space at first. */
struct document {
    const struct ct_config *config;
    const struct ct_mount *mounts;
    size_t mount_count;
    struct ct_json_out out;
};

/* The routes that are told of, one after another; NULL behind the last. */
static const struct ct_route *route_at(const struct document *d, size_t index)
{
    for (size_t m = 0; m < d->mount_count; m++) {
        for (size_t r = 0; r < d->mounts[m].count; r++) {
            if (d->mounts[m].routes[r].tag != NULL && index-- == 0)
                return &d->mounts[m].routes[r];
        }
    }
    return NULL;
}

static bool same_pattern(const struct ct_route *a, const struct ct_route *b)
{
    return strcmp(a->pattern, b->pattern) == 0;
}

/* Whether a reply names the version that If-Match wants: where it is understood, and where it is read. */
static bool has_etag(const struct document *d, const struct ct_route *route)
{
    const struct ct_route *other;
    if (route->reply == NULL)
        return false;
    for (size_t i = 0; (other = route_at(d, i)) != NULL; i++) {
        if (other->conditional && same_pattern(route, other) &&
            (route == other || route->method == CT_GET))
            return true;
    }
    return false;
}

static bool same_tag(const struct ct_route *a, const struct ct_route *b)
{
    return strcmp(a->tag, b->tag) == 0;
}

/* Whether no route before this one is the same in that respect. */
static bool is_first(const struct document *d, size_t index,
                     bool (*same)(const struct ct_route *a, const struct ct_route *b))
{
    for (size_t i = 0; i < index; i++) {
        if (same(route_at(d, i), route_at(d, index)))
            return false;
    }
    return true;
}

static void put_tags(struct document *d)
{
    const struct ct_route *route;
    ct_json_open(&d->out, "tags", '[');
    for (size_t i = 0; (route = route_at(d, i)) != NULL; i++) {
        if (!is_first(d, i, same_tag))
            continue;
        ct_json_open(&d->out, NULL, '{');
        ct_json_text(&d->out, "name", route->tag);
        if (route->about != NULL)
            ct_json_text(&d->out, "description", route->about);
        ct_json_close(&d->out, '}');
    }
    ct_json_close(&d->out, ']');
}

static void put_paths(struct document *d)
{
    const struct ct_route *route;
    const struct ct_route *other;
    ct_json_open(&d->out, "paths", '{');
    for (size_t i = 0; (route = route_at(d, i)) != NULL; i++) {
        if (!is_first(d, i, same_pattern))
            continue;
        ct_json_open(&d->out, route->pattern, '{');
        for (size_t k = i; (other = route_at(d, k)) != NULL; k++) {
            if (same_pattern(route, other))
                ct_openapi_operation(&d->out, d->config, other, has_etag(d, other));
        }
        ct_json_close(&d->out, '}');
    }
    ct_json_close(&d->out, '}');
}

static bool same_body(const struct ct_route *a, const struct ct_route *b)
{
    return a->body == b->body;
}

static bool same_reply(const struct ct_route *a, const struct ct_route *b)
{
    return a->reply == b->reply;
}

static bool same_page(const struct ct_route *a, const struct ct_route *b)
{
    return a->list && b->list && a->reply == b->reply;
}

static void put_schemas(struct document *d)
{
    const struct ct_route *route;
    for (size_t i = 0; (route = route_at(d, i)) != NULL; i++) {
        if (route->body != NULL && is_first(d, i, same_body))
            ct_openapi_schema(&d->out, d->config, route->body, CT_IN_BODY);
        if (route->reply != NULL && is_first(d, i, same_reply))
            ct_openapi_schema(&d->out, d->config, route->reply, CT_IN_REPLY);
        if (route->list && is_first(d, i, same_page))
            ct_openapi_page(&d->out, route->reply);
    }
}

static bool same_scope(const struct ct_route *a, const struct ct_route *b)
{
    return a->scope != NULL && b->scope != NULL && strcmp(a->scope, b->scope) == 0;
}

static void put_security_schemes(struct document *d)
{
    const struct ct_route *route;
    ct_json_open(&d->out, "securitySchemes", '{');
    ct_json_open(&d->out, "bearer", '{');
    ct_json_text(&d->out, "type", "oauth2");
    ct_json_text(&d->out, "description",
                 "Log in with a username and a password, or send a token as `Authorization: Bearer "
                 "…`. The scopes are those of API keys: the token of a login may do all of it.");
    ct_json_open(&d->out, "flows", '{');
    ct_json_open(&d->out, "password", '{');
    ct_json_text(&d->out, "tokenUrl", "/auth/login");
    ct_json_open(&d->out, "scopes", '{');
    for (size_t i = 0; (route = route_at(d, i)) != NULL; i++) {
        if (route->scope != NULL && is_first(d, i, same_scope))
            ct_json_text(&d->out, route->scope, "For API keys");
    }
    ct_json_close(&d->out, '}');
    ct_json_close(&d->out, '}');
    ct_json_close(&d->out, '}');
    ct_json_close(&d->out, '}');
    ct_json_close(&d->out, '}');
}

/* What is the same whatever the routes are. */
static const char INFO[] =
    "{\"title\":\"Cloud Telephony\",\"version\":\"" CT_VERSION "\","
    "\"summary\":\"Register, log in, own virtual phone numbers.\","
    "\"description\":\"Register or log in to get a token, press **Authorize**, then create a "
    "number."
    "\\n\\nLists come in pages: send the `next` of one as `after` to get the one behind it. What "
    "was "
    "read with an `ETag` is changed with `If-Match`, so that nobody overwrites what somebody else "
    "has "
    "changed since. A POST that creates takes an `Idempotency-Key`: sent again with the same key, "
    "it "
    "creates nothing twice and gets the first answer."
    "\\n\\nEvery error is `{\\\"detail\\\": …}`. Requests that are refused before a route is known "
    "answer 400 (not HTTP), 404, 405 (with `Allow`) or 431 (headers over 6 KB). Every reply "
    "carries "
    "`X-Request-ID`.\",\"license\":{\"name\":\"MIT\",\"identifier\":\"MIT\"}}";

static const char HEADERS[] =
    "{\"ETag\":{\"description\":\"The version, for If-Match (RFC 9110 section 8.8.3)\","
    "\"schema\":{\"type\":\"string\"}},"
    "\"IdempotentReplayed\":{\"description\":\"`true`: the first answer of this Idempotency-Key, "
    "again\",\"schema\":{\"type\":\"string\",\"enum\":[\"true\"]}},"
    "\"RetryAfter\":{\"description\":\"Seconds to wait before the next try\","
    "\"schema\":{\"type\":\"integer\"}},"
    "\"WWWAuthenticate\":{\"description\":\"Bearer (RFC 6750)\",\"schema\":{\"type\":\"string\"}}}";

static const char ERROR[] =
    "{\"type\":\"object\",\"title\":\"Error\",\"description\":\"What is wrong.\","
    "\"required\":[\"detail\"],"
    "\"properties\":{\"detail\":{\"type\":\"string\",\"description\":\"A sentence\","
    "\"examples\":[\"What is wrong, in a sentence\"]}}}";

static const char VALIDATION_ERROR[] =
    "{\"type\":\"object\",\"title\":\"ValidationError\","
    "\"description\":\"Every fault of the input, in the types and words of pydantic 2.\","
    "\"required\":[\"detail\"],\"properties\":{\"detail\":{\"type\":\"array\",\"minItems\":1,"
    "\"items\":{\"type\":\"object\",\"required\":[\"type\",\"loc\",\"msg\"],\"properties\":{"
    "\"type\":{\"type\":\"string\",\"examples\":[\"missing\"]},"
    "\"loc\":{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"integer\"]},"
    "\"examples\":[[\"body\",\"password\"]]},"
    "\"msg\":{\"type\":\"string\",\"examples\":[\"Field required\"]},"
    "\"ctx\":{\"type\":\"object\",\"description\":\"The limit or the reason, for programs\"}}}}}}";

static void put_document(struct document *d)
{
    ct_json_open(&d->out, NULL, '{');
    ct_json_text(&d->out, "openapi", "3.1.0");
    ct_json_raw(&d->out, "info", INFO);
    ct_json_raw(&d->out, "servers", "[{\"url\":\"/\",\"description\":\"This server\"}]");
    put_tags(d);
    put_paths(d);
    ct_json_open(&d->out, "components", '{');
    put_security_schemes(d);
    ct_json_raw(&d->out, "headers", HEADERS);
    ct_json_open(&d->out, "schemas", '{');
    ct_json_raw(&d->out, "Error", ERROR);
    ct_json_raw(&d->out, "ValidationError", VALIDATION_ERROR);
    put_schemas(d);
    ct_json_close(&d->out, '}');
    ct_json_close(&d->out, '}');
    ct_json_close(&d->out, '}');
}

enum ct_result ct_openapi(struct ct_arena *arena, const struct ct_config *config,
                          const struct ct_mount *mounts, size_t mount_count, struct ct_str *out)
{
    struct ct_arena *workshop = ct_arena_new();
    if (workshop == NULL)
        return CT_NOMEM;
    struct document d = {.config = config,
                         .mounts = mounts,
                         .mount_count = mount_count,
                         .out = {.text = ct_buf_in(workshop)}};
    put_document(&d);
    struct ct_str plain = ct_buf_done(&d.out.text);
    struct ct_buf text = ct_buf_in(workshop);
    ct_json_indent(&text, plain);
    struct ct_str done = ct_buf_done(&text);
    const char *copy =
        d.out.text.failed || text.failed ? NULL : ct_arena_copy(arena, done.at, done.len);
    if (copy != NULL)
        *out = (struct ct_str){copy, done.len};
    ct_arena_free(workshop);
    return copy == NULL ? CT_NOMEM : CT_OK;
}
