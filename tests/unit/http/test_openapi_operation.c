#include "http/openapi_operation.h"

#include <string.h>

#include "document.h"
#include "harness.h"
#include "http/openapi.h"

/* What operations and schemas can say, beside the plain routes of test_openapi.c. */

struct thing {
    bool flag;
    bool has_flag;
    struct ct_str word;
    struct ct_texts tags;
    int64_t at;
    int64_t owner;
    struct ct_str more;
    struct ct_ints sizes;
    int64_t lasts;
    const void *best;
    struct ct_objects parts;
};

static const char *const words[] = {"a", "b", NULL};

#define NONE_TOO CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE

static const struct ct_field input_fields[] = {
    CT_FIELD(struct thing, flag, CT_FIELD_BOOL, .flags = CT_FIELD_OPTIONAL, .fallback = 1,
             .present = offsetof(struct thing, has_flag)),
    CT_FIELD(struct thing, word, CT_FIELD_STRING, .flags = NONE_TOO, .words = words),
    CT_FIELD(struct thing, tags, CT_FIELD_TEXTS, .flags = CT_FIELD_OPTIONAL, .min = 1, .max = 64,
             .max_count = 20, .doc = "Words.", .example = "[\"x\"]"),
    CT_FIELD(struct thing, at, CT_FIELD_TIME, .flags = NONE_TOO, .fallback = INT64_MIN),
    CT_FIELD(struct thing, owner, CT_FIELD_INT, .flags = NONE_TOO, .fallback = INT64_MIN),
    CT_FIELD(struct thing, sizes, CT_FIELD_INTS, .flags = CT_FIELD_OPTIONAL, .min = 1, .max = 9,
             .max_count = 2),
};
static const struct ct_schema input = CT_SCHEMA("ThingChange", NULL, struct thing, input_fields);

static const struct ct_field part_fields[] = {
    CT_FIELD(struct thing, word, CT_FIELD_STRING, .flags = CT_FIELD_OMITTED, .doc = "A word."),
    CT_FIELD(struct thing, flag, CT_FIELD_BOOL, .doc = "Yes or no."),
};
static const struct ct_schema part = CT_SCHEMA("Part", NULL, struct thing, part_fields);

static const struct ct_field output_fields[] = {
    CT_FIELD(struct thing, flag, CT_FIELD_BOOL, .doc = "Yes or no."),
    CT_FIELD(struct thing, word, CT_FIELD_STRING, .flags = CT_FIELD_OMITTED, .words = words),
    CT_FIELD(struct thing, tags, CT_FIELD_TEXTS, .max_count = 20, .pattern = "^x"),
    CT_FIELD(struct thing, owner, CT_FIELD_INT, .flags = CT_FIELD_NULLABLE),
    CT_FIELD(struct thing, more, CT_FIELD_JSON, .flags = CT_FIELD_NULLABLE),
    CT_FIELD(struct thing, sizes, CT_FIELD_INTS, .max_count = 2),
    CT_FIELD(struct thing, lasts, CT_FIELD_SECONDS, .flags = CT_FIELD_NULLABLE),
    CT_FIELD(struct thing, best, CT_FIELD_OBJECT, .of = &part, .flags = CT_FIELD_NULLABLE),
    CT_FIELD(struct thing, parts, CT_FIELD_OBJECTS, .of = &part, .doc = "All."),
};
static const struct ct_schema output =
    CT_SCHEMA("Thing", "One thing.", struct thing, output_fields);

#define THING .reply = &output, .summary = "Do", .tag = "Things"

static const struct ct_route routes[] = {
    {THING, .method = CT_GET, .pattern = "/thing", .auth = CT_USER, .scope = "things:read"},
    {THING, .method = CT_PATCH, .pattern = "/thing", .body = &input, .access = CT_WRITE,
     .auth = CT_USER, .scope = "things:write", .conditional = true},
    {THING, .method = CT_PUT, .pattern = "/thing", .auth = CT_ADMIN, .scope = "things:write"},
    {THING, .method = CT_POST, .pattern = "/things", .access = CT_WRITE, .auth = CT_SESSION,
     .idempotent = true, .array = true},
    {.method = CT_DELETE,
     .pattern = "/thing",
     .summary = "Do",
     .tag = "Things",
     .status = 204,
     .unlimited = true},
};

static enum ct_result load(struct ct_arena *arena, json_t **out)
{
    const struct ct_config config = {0};
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
    EXPECT(same(AT(root, "components", "schemas", "ThingChange"),
                "{\"type\":\"object\",\"title\":\"ThingChange\",\"properties\":{"
                "\"flag\":{\"type\":\"boolean\",\"default\":true},"
                "\"word\":{\"type\":[\"string\",\"null\"],\"enum\":[\"a\",\"b\",null]},"
                "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":1,"
                "\"maxLength\":64},\"maxItems\":20,\"description\":\"Words.\","
                "\"examples\":[[\"x\"]]},"
                "\"at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"
                "\"owner\":{\"type\":[\"integer\",\"null\"]},"
                "\"sizes\":{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":1,"
                "\"maximum\":9},\"maxItems\":2}}}"));
#define PART                                                                      \
    "\"properties\":{\"word\":{\"type\":\"string\",\"description\":\"A word.\"}," \
    "\"flag\":{\"type\":\"boolean\",\"description\":\"Yes or no.\"}},\"required\":[\"flag\"]"
    EXPECT(same(AT(root, "components", "schemas", "Thing"),
                "{\"type\":\"object\",\"title\":\"Thing\",\"description\":\"One thing.\","
                "\"required\":[\"flag\",\"tags\",\"owner\",\"more\",\"sizes\",\"lasts\",\"best\","
                "\"parts\"],\"properties\":{"
                "\"flag\":{\"type\":\"boolean\",\"description\":\"Yes or no.\"},"
                "\"word\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"]},"
                "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"pattern\":\"^x\"}},"
                "\"owner\":{\"type\":[\"integer\",\"null\"]},"
                "\"more\":{\"type\":[\"object\",\"null\"]},"
                "\"sizes\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}},"
                "\"lasts\":{\"type\":[\"number\",\"null\"]},"
                "\"best\":{\"type\":[\"object\",\"null\"]," PART "},"
                "\"parts\":{\"type\":\"array\",\"items\":{\"type\":\"object\"," PART
                "},\"description\":\"All.\"}}}"));
out:
    json_decref(root);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_who_may(void)
{
    enum ct_result result = CT_OK;
    json_t *root = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(load(arena, &root));
    EXPECT(references_resolve(root, root));
    const json_t *paths = AT(root, "paths");
    EXPECT(same(AT(paths, "/thing", "get", "security"), "[{\"bearer\":[\"things:read\"]}]"));
    EXPECT(same(AT(paths, "/thing", "put", "security"), "[{\"bearer\":[\"things:write\"]}]"));
    EXPECT(same(AT(paths, "/things", "post", "security"), "[{\"bearer\":[]}]"));
    EXPECT(same(AT(paths, "/thing", "delete", "security"), "[]"));
    EXPECT(AT(paths, "/thing", "get", "responses", "403") != NULL);
    EXPECT(AT(paths, "/things", "post", "responses", "403") != NULL);
    EXPECT(AT(paths, "/thing", "delete", "responses", "403") == NULL);
    EXPECT(AT(paths, "/thing", "get", "responses", "429", "headers", "Retry-After") != NULL);
    EXPECT(AT(paths, "/thing", "delete", "responses", "429") == NULL);
    EXPECT(same(AT(root, "components", "securitySchemes", "bearer", "flows", "password", "scopes"),
                "{\"things:read\":\"For API keys\",\"things:write\":\"For API keys\"}"));
out:
    json_decref(root);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_headers_and_replies(void)
{
    enum ct_result result = CT_OK;
    json_t *root = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(load(arena, &root));
    const json_t *paths = AT(root, "paths");
    const json_t *patch = AT(paths, "/thing", "patch");
    EXPECT(text_at_is(AT(patch, "parameters", "0", "name"), "If-Match"));
    EXPECT(text_at_is(AT(patch, "parameters", "0", "in"), "header"));
    EXPECT(same(AT(patch, "parameters", "0", "required"), "false"));
    EXPECT(AT(patch, "responses", "412") != NULL);
    EXPECT(AT(patch, "responses", "200", "headers", "ETag") != NULL);
    EXPECT(AT(paths, "/thing", "get", "responses", "200", "headers", "ETag") != NULL);
    EXPECT(AT(paths, "/thing", "get", "parameters") == NULL);
    EXPECT(AT(paths, "/thing", "get", "responses", "412") == NULL);
    EXPECT(AT(paths, "/thing", "put", "responses", "200", "headers") == NULL);
    const json_t *post = AT(paths, "/things", "post");
    EXPECT(text_at_is(AT(post, "parameters", "0", "name"), "Idempotency-Key"));
    EXPECT(
        same(AT(post, "responses", "200", "headers"),
             "{\"Idempotent-Replayed\":{\"$ref\":\"#/components/headers/IdempotentReplayed\"}}"));
    EXPECT(same(AT(post, "responses", "200", "content", "application/json", "schema"),
                "{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/Thing\"}}"));
    EXPECT(AT(post, "responses", "422") != NULL && AT(post, "responses", "411") == NULL);
    EXPECT(
        same(AT(paths, "/thing", "delete", "responses"), "{\"204\":{\"description\":\"Done\"}}"));
out:
    json_decref(root);
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_schemas),
        CT_UNIT(test_who_may),
        CT_UNIT(test_headers_and_replies),
    };
    return ct_unit_main("http/openapi_operation", units, sizeof(units) / sizeof(units[0]));
}
