/* Any bytes as a request target: cut, routed, and its path and query bound. */
#include <assert.h>
#include <string.h>

#include "http/bind.h"
#include "http/router.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

struct path {
    int64_t id;
    struct ct_str name;
};

static const struct ct_field path_fields[] = {
    CT_FIELD(struct path, id, CT_FIELD_INT, .min = 1, .max = INT64_MAX),
    CT_FIELD(struct path, name, CT_FIELD_STRING, .doc = "any text"),
};
static const struct ct_schema path_schema = CT_SCHEMA("Path", "", struct path, path_fields);

static const struct ct_route routes[] = {
    {.method = CT_GET, .pattern = "/"},
    {.method = CT_GET, .pattern = "/items"},
    {.method = CT_POST, .pattern = "/items"},
    {.method = CT_DELETE, .pattern = "/items/{id}/names/{name}", .path = &path_schema},
    {.method = CT_GET, .pattern = "/items/{id}/names/{name}", .path = &path_schema},
};
static const struct ct_mount mounts[] = {{.routes = routes, .count = 1},
                                         {.routes = routes + 1, .count = 4}};
static const struct ct_config config = {0};

static bool lies_in(struct ct_str part, struct ct_str whole)
{
    return part.len == 0 || (part.at >= whole.at && part.at + part.len <= whole.at + whole.len);
}

static void bind_path(struct ct_arena *arena, const struct ct_match *match, struct ct_str path)
{
    struct ct_faults faults = {.arena = arena};
    struct path bound = {0};

    for (size_t i = 0; i < path_schema.count; i++) {
        assert(match->segments[i].len > 0 && lies_in(match->segments[i], path));
        assert(memchr(match->segments[i].at, '/', match->segments[i].len) == NULL);
    }
    enum ct_result result =
        ct_bind_path(arena, &config, &path_schema, match->segments, &faults, &bound);
    assert(result == CT_OK);
    if (faults.first == NULL)
        assert(bound.id >= 1 && ct_utf8_valid(bound.name));
}

static void bind_query(struct ct_arena *arena, struct ct_str query)
{
    struct ct_faults faults = {.arena = arena};
    struct ct_list_query bound = {0};
    enum ct_result result =
        ct_bind_pairs(arena, &config, &ct_list_query_schema, "query", query, &faults, &bound);

    assert(result == CT_OK);
    if (faults.first == NULL)
        assert(bound.limit >= 1 && bound.limit <= 100 && ct_utf8_valid(bound.after));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct ct_arena *arena = ct_arena_new();
    assert(arena != NULL);
    struct ct_str target = {(const char *)data, size};
    struct ct_str path;
    struct ct_str query;
    unsigned allowed = 0;

    ct_target_split(target, &path, &query);
    assert(path.len + query.len <= size + 1); /* a target without a path has "/" */
    for (enum ct_method method = CT_GET; method <= CT_METHOD_COUNT; method++) {
        struct ct_match match;
        ct_router_match(mounts, 2, method, path, &match);
        if (match.route != NULL && match.route->path != NULL)
            bind_path(arena, &match, path);
        if (match.route == NULL && allowed == 0)
            allowed = match.allowed;
        /* A path answers the same methods, whichever is asked for. */
        assert(match.route != NULL || match.allowed == allowed);
        assert(match.route == NULL || method == CT_HEAD || match.route->method == method);
    }
    assert(ct_allow(arena, allowed) != NULL);
    bind_query(arena, query);
    ct_arena_free(arena);
    return 0;
}
