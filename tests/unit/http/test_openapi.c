#include "http/openapi.h"

#include <stdio.h>
#include <string.h>

#include "accounts/accounts.h"
#include "accounts/audit.h"
#include "document.h"
#include "harness.h"
#include "http/docs.h"
#include "http/health_api.h"
#include "numbers/numbers.h"

static const struct ct_config config = {.password_min_length = 12};

static const json_t *operation_of(const json_t *root, const struct ct_route *route)
{
    static const char *const names[] = {"get", "head", "post", "put", "patch", "delete", "options"};
    return AT(root, "paths", route->pattern, names[route->method]);
}

static bool answers(const json_t *operation, int status)
{
    char code[8];
    (void)snprintf(code, sizeof(code), "%d", status);
    const json_t *response = AT(operation, "responses", code);
    return json_is_string(AT(response, "description"));
}

/* Whether a route's own table has a status. */
static bool lists(const struct ct_route *route, int status)
{
    const struct ct_route_error *e = route->errors;
    while (e != NULL && e->result != CT_OK && e->status != status)
        e++;
    return e != NULL && e->result != CT_OK;
}

/* Whether a status is told of just where it should be. */
static bool answers_if(const json_t *operation, const struct ct_route *route, int status, bool when)
{
    return answers(operation, status) == (when || lists(route, status));
}

/* Whether the document holds what the table says of a route, and no more. */
static bool describes(const json_t *root, const struct ct_route *route)
{
    const json_t *operation = operation_of(root, route);
    if (route->tag == NULL)
        return operation == NULL;
    bool body = route->body != NULL;
    bool input = body || route->path != NULL || route->query != NULL || route->idempotent;
    bool right =
        text_at_is(AT(operation, "summary"), route->summary) &&
        text_at_is(AT(operation, "tags", "0"), route->tag) &&
        answers(operation, route->status == 0 ? 200 : route->status) &&
        answers_if(operation, route, 401, route->auth != CT_PUBLIC) &&
        answers_if(operation, route, 403,
                   route->auth == CT_SESSION || route->auth == CT_ADMIN || route->scope != NULL) &&
        answers_if(operation, route, 411, body) &&
        answers_if(operation, route, 412, route->conditional) &&
        answers_if(operation, route, 413, body) && answers_if(operation, route, 415, body) &&
        answers_if(operation, route, 422, input) &&
        answers_if(operation, route, 429, !route->unlimited) &&
        answers_if(operation, route, 503, route->access != CT_NO_DATABASE) &&
        json_array_size(AT(operation, "security")) == (route->auth != CT_PUBLIC) &&
        (AT(operation, "requestBody") != NULL) == body;
    for (const struct ct_route_error *e = route->errors; e != NULL && e->result != CT_OK; e++)
        right = right && answers(operation, e->status);
    return right;
}

/* ---- the real routes ---- */

static enum ct_result test_all_routes(void)
{
    enum ct_result result = CT_OK;
    struct ct_str text;
    json_t *root = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    const struct ct_mount mounts[] = {
        {ct_auth_routes, ct_auth_route_count, NULL},
        {ct_sessions_routes, ct_sessions_route_count, NULL},
        {ct_api_keys_routes, ct_api_keys_route_count, NULL},
        {ct_audit_routes, ct_audit_route_count, NULL},
        {ct_numbers_routes, ct_numbers_route_count, NULL},
        {ct_number_list_routes, ct_number_list_route_count, NULL},
        {ct_transfers_routes, ct_transfers_route_count, NULL},
        {ct_reserved_routes, ct_reserved_route_count, NULL},
        {ct_health_routes, ct_health_route_count, NULL},
        {ct_docs_routes, ct_docs_route_count, NULL},
    };
    const size_t mount_count = sizeof(mounts) / sizeof(mounts[0]);
    TRY(ct_openapi(arena, &config, mounts, mount_count, &text));
    EXPECT(strlen(text.at) == text.len && ct_utf8_valid(text));
    root = parse(text);
    EXPECT(root != NULL);
    EXPECT(references_resolve(root, root));
    EXPECT(text_at_is(AT(root, "openapi"), "3.1.0"));
    EXPECT(text_at_is(AT(root, "info", "version"), CT_VERSION));
    EXPECT(json_is_string(AT(json_array_get(AT(root, "tags"), 0), "description")));
    size_t paths = 0;
    for (size_t m = 0; m < mount_count; m++) {
        for (size_t r = 0; r < mounts[m].count; r++) {
            const struct ct_route *route = &mounts[m].routes[r];
            EXPECT(describes(root, route));
            paths += route->tag != NULL;
        }
    }
    size_t operations = 0;
    const char *path;
    json_t *item;
    json_object_foreach(json_object_get(root, "paths"), path, item) operations +=
        json_object_size(item);
    EXPECT(operations == paths);
out:
    json_decref(root);
    ct_arena_free(arena);
    return result;
}

/* ---- routes of our own: small, so that every word can be looked at ---- */

struct thing {
    int64_t id;
    struct ct_str name;
    struct ct_str password;
    int64_t made_at;
};

static const struct ct_field input_fields[] = {
    CT_FIELD(struct thing, id, CT_FIELD_INT, .flags = CT_FIELD_OPTIONAL, .min = 1, .max = 9,
             .fallback = 5, .example = "7"),
    CT_FIELD(struct thing, name, CT_FIELD_STRING, .min = 1, .max = 64, .pattern = "^x",
             .doc = "What it is called.", .example = "\"xa\""),
    CT_FIELD(struct thing, password, CT_FIELD_STRING, .flags = CT_FIELD_SECRET | CT_FIELD_BYTES,
             .max = 1024, .min_setting = offsetof(struct ct_config, password_min_length)),
};
static const struct ct_schema input = CT_SCHEMA("ThingCreate", NULL, struct thing, input_fields);

static const struct ct_field output_fields[] = {
    CT_FIELD(struct thing, id, CT_FIELD_INT, .doc = "Its number."),
    CT_FIELD(struct thing, name, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE, .min = 1),
    CT_FIELD(struct thing, made_at, CT_FIELD_TIME, .flags = CT_FIELD_NULLABLE),
};
static const struct ct_schema output =
    CT_SCHEMA("Thing", "One thing.", struct thing, output_fields);
static const struct ct_schema path = {
    .name = "ThingPath", .size = sizeof(int64_t), .fields = output_fields, .count = 1};

static const struct ct_route_error errors[] = {{CT_CONFLICT, 409, "It is there"}, {0}};
static const struct ct_route routes[] = {
    {.method = CT_PUT,
     .pattern = "/things/{id}",
     .path = &path,
     .body = &input,
     .reply = &output,
     .form = true,
     .status = 201,
     .access = CT_WRITE,
     .auth = CT_USER,
     .errors = errors,
     .summary = "Make it",
     .doc = "Of *anything*.",
     .tag = "Things"},
    {.method = CT_GET,
     .pattern = "/things",
     .query = &ct_list_query_schema,
     .reply = &output,
     .list = true,
     .summary = "List them",
     .tag = "Things"},
    {.method = CT_GET,
     .pattern = "/picture",
     .summary = "See it",
     .tag = "Art",
     .content = "image/png"},
    {.method = CT_GET, .pattern = "/hidden", .reply = &output, .summary = "Hide"},
};

/* The document of the routes above. */
static enum ct_result load(struct ct_arena *arena, json_t **out)
{
    const struct ct_mount mount = {routes, sizeof(routes) / sizeof(routes[0]), NULL};
    struct ct_str text;
    enum ct_result result = ct_openapi(arena, &config, &mount, 1, &text);
    if (result != CT_OK)
        return result;
    *out = parse(text);
    return *out == NULL ? CT_BUG : CT_OK;
}

static enum ct_result test_schemas(void)
{
    enum ct_result result = CT_OK;
    json_t *root = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(load(arena, &root));
    EXPECT(
        same(AT(root, "components", "schemas", "ThingCreate"),
             "{\"type\":\"object\",\"title\":\"ThingCreate\",\"required\":[\"name\",\"password\"],"
             "\"properties\":{"
             "\"id\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9,\"default\":5,"
             "\"examples\":[7]},"
             "\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64,\"pattern\":\"^x\","
             "\"description\":\"What it is called.\",\"examples\":[\"xa\"]},"
             "\"password\":{\"type\":\"string\",\"format\":\"password\",\"minLength\":12}}}"));
    EXPECT(same(AT(root, "components", "schemas", "Thing"),
                "{\"type\":\"object\",\"title\":\"Thing\",\"description\":\"One thing.\","
                "\"required\":[\"id\",\"name\",\"made_at\"],\"properties\":{"
                "\"id\":{\"type\":\"integer\",\"description\":\"Its number.\"},"
                "\"name\":{\"type\":[\"string\",\"null\"]},"
                "\"made_at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}}}"));
    EXPECT(AT(root, "components", "schemas", "ThingPage") != NULL);
    EXPECT(AT(root, "components", "schemas", "ThingPath") == NULL);
    EXPECT(AT(root, "components", "schemas", "ListQuery") == NULL);
out:
    json_decref(root);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_operations(void)
{
    enum ct_result result = CT_OK;
    json_t *root = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(load(arena, &root));
    EXPECT(references_resolve(root, root));
    for (size_t i = 0; i < 4; i++)
        EXPECT(describes(root, &routes[i]));
    const json_t *put = AT(root, "paths", "/things/{id}", "put");
    EXPECT(text_at_is(AT(put, "operationId"), "putThingsId"));
    EXPECT(text_at_is(AT(put, "description"), "Of *anything*."));
    EXPECT(
        same(AT(put, "parameters"),
             "[{\"name\":\"id\",\"in\":\"path\",\"required\":true,\"description\":\"Its number.\","
             "\"schema\":{\"type\":\"integer\",\"description\":\"Its number.\"}}]"));
    EXPECT(same(AT(put, "requestBody", "content", "application/json", "example"),
                "{\"id\":7,\"name\":\"xa\"}"));
    EXPECT(AT(put, "requestBody", "content", "application/x-www-form-urlencoded") != NULL);
    EXPECT(text_at_is(AT(put, "responses", "409", "description"), "It is there"));
    EXPECT(AT(put, "responses", "503", "headers", "Retry-After") != NULL);
    EXPECT(AT(put, "responses", "401", "headers", "WWW-Authenticate") != NULL);
    EXPECT(AT(put, "responses", "200") == NULL);
    EXPECT(same(AT(put, "security"), "[{\"bearer\":[]}]"));
    EXPECT(same(AT(root, "paths", "/things", "get", "security"), "[]"));
    EXPECT(same(AT(root, "paths", "/things", "get", "parameters", "0", "required"), "false"));
    EXPECT(text_at_is(AT(root, "paths", "/picture", "get", "responses", "200", "content",
                         "image/png", "schema", "type"),
                      "string"));
    EXPECT(same(AT(root, "tags"), "[{\"name\":\"Things\"},{\"name\":\"Art\"}]"));
out:
    json_decref(root);
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_all_routes),
        CT_UNIT(test_schemas),
        CT_UNIT(test_operations),
    };
    return ct_unit_main("http/openapi", units, sizeof(units) / sizeof(units[0]));
}
