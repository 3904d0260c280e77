#include "http/openapi.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "http/router.h"

/*
 * The document is made of the same tables as the replies. jansson takes over what is given to the
 * _new functions, also when they fail, so a want of memory shows in one place: `failed`.
 */
struct document {
    const struct ct_config *config;
    json_t *schemas;
    bool failed;
};

static void set(struct document *d, json_t *object, const char *key, json_t *value)
{
    if (value == NULL || json_object_set_new(object, key, value) != 0)
        d->failed = true;
}

static void append(struct document *d, json_t *array, json_t *value)
{
    if (value == NULL || json_array_append_new(array, value) != 0)
        d->failed = true;
}

/* An object that is already a member of its parent; never NULL, so that building can go on. */
static json_t *child(struct document *d, json_t *parent, const char *key)
{
    json_t *object = json_object();
    set(d, parent, key, object);
    return d->failed ? NULL : object;
}

static json_t *reference(const char *section, const char *name)
{
    return json_pack("{s:s++}", "$ref", "#/components/", section, name);
}

static json_t *schema_reference(const char *name)
{
    return reference("schemas/", name);
}

static json_t *example_of(const struct ct_field *field)
{
    return field->example == NULL ? NULL : json_loads(field->example, JSON_DECODE_ANY, NULL);
}

static void limit(struct document *d, const struct ct_field *field, json_t *out)
{
    int64_t min = field->min;
    if (field->min_setting != 0)
        memcpy(&min, (const char *)d->config + field->min_setting, sizeof(min));
    if (field->type == CT_FIELD_STRING) {
        /* JSON Schema counts characters; an upper limit in bytes is said in the description. */
        if (min > 0)
            set(d, out, "minLength", json_integer(min));
        if (field->max > 0 && (field->flags & CT_FIELD_BYTES) == 0)
            set(d, out, "maxLength", json_integer(field->max));
    } else if (field->type == CT_FIELD_INT && (min != 0 || field->max != 0)) {
        set(d, out, "minimum", json_integer(min));
        set(d, out, "maximum", json_integer(field->max));
    }
}

static json_t *field_schema(struct document *d, const struct ct_field *field, bool is_input)
{
    json_t *out = json_object();
    if (out == NULL) {
        d->failed = true;
        return NULL;
    }
    const char *type = field->type == CT_FIELD_INT ? "integer" : "string";
    if (!is_input && (field->flags & CT_FIELD_NULLABLE) != 0)
        set(d, out, "type", json_pack("[ss]", type, "null"));
    else
        set(d, out, "type", json_string(type));
    const char *format = field->format;
    if (field->type == CT_FIELD_TIME)
        format = "date-time";
    if ((field->flags & CT_FIELD_SECRET) != 0 && is_input)
        format = "password";
    if (format != NULL)
        set(d, out, "format", json_string(format));
    if (is_input)
        limit(d, field, out);
    /* A field that is normalized takes more than the pattern, which describes the result. */
    if (field->pattern != NULL && (!is_input || field->normalize == NULL))
        set(d, out, "pattern", json_string(field->pattern));
    if (is_input && field->type == CT_FIELD_INT && (field->flags & CT_FIELD_OPTIONAL) != 0)
        set(d, out, "default", json_integer(field->fallback));
    if (field->doc != NULL)
        set(d, out, "description", json_string(field->doc));
    if (field->example != NULL)
        set(d, out, "examples", json_pack("[o]", example_of(field)));
    return out;
}

static json_t *object_schema(struct document *d, const struct ct_schema *schema, bool is_input)
{
    json_t *out = json_pack("{s:s, s:s}", "type", "object", "title", schema->name);
    if (out == NULL) {
        d->failed = true;
        return NULL;
    }
    if (schema->doc != NULL)
        set(d, out, "description", json_string(schema->doc));
    json_t *required = json_array();
    json_t *properties = child(d, out, "properties");
    for (size_t i = 0; i < schema->count; i++) {
        const struct ct_field *field = &schema->fields[i];
        set(d, properties, field->name, field_schema(d, field, is_input));
        if (!is_input || (field->flags & CT_FIELD_OPTIONAL) == 0)
            append(d, required, json_string(field->name));
    }
    if (json_array_size(required) > 0)
        set(d, out, "required", required);
    else
        json_decref(required);
    return out;
}

static void define(struct document *d, const struct ct_schema *schema, bool is_input)
{
    if (json_object_get(d->schemas, schema->name) == NULL)
        set(d, d->schemas, schema->name, object_schema(d, schema, is_input));
}

/* The page that holds items of a schema, defined under a name of its own. */
static json_t *page_reference(struct document *d, const struct ct_schema *item)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "%sPage", item->name);
    if (json_object_get(d->schemas, name) == NULL) {
        json_t *page =
            json_pack("{s:s, s:s, s:{s:{s:s, s:o}, s:{s:[ss], s:s}}, s:[ss]}", "type", "object",
                      "title", name, "properties", "items", "type", "array", "items",
                      schema_reference(item->name), "next", "type", "string", "null", "description",
                      "What to send as `after` to get the next page; null at the end.", "required",
                      "items", "next");
        set(d, d->schemas, name, page);
    }
    return schema_reference(name);
}

static json_t *media(const char *type, json_t *schema)
{
    return json_pack("{s:{s:o}}", type, "schema", schema);
}

/* An example of a whole object, from the examples of its fields. */
static json_t *object_example(struct document *d, const struct ct_schema *schema)
{
    json_t *out = json_object();
    for (size_t i = 0; i < schema->count && out != NULL; i++) {
        if (schema->fields[i].example != NULL)
            set(d, out, schema->fields[i].name, example_of(&schema->fields[i]));
    }
    return out;
}

static void add_response(struct document *d, json_t *responses, int status, json_t *response)
{
    char code[8];
    (void)snprintf(code, sizeof(code), "%d", status);
    if (json_object_get(responses, code) != NULL)
        json_decref(response);
    else
        set(d, responses, code, response);
}

static void add_error(struct document *d, json_t *responses, int status, const char *description)
{
    json_t *response = json_pack("{s:s, s:o}", "description", description, "content",
                                 media("application/json", schema_reference("Error")));
    if (status == 503 && response != NULL)
        set(d, response, "headers",
            json_pack("{s:o}", "Retry-After", reference("headers/", "RetryAfter")));
    if (status == 401 && response != NULL)
        set(d, response, "headers",
            json_pack("{s:o}", "WWW-Authenticate", reference("headers/", "WWWAuthenticate")));
    add_response(d, responses, status, response);
}

static void add_success(struct document *d, const struct ct_route *route, json_t *responses)
{
    json_t *content;
    const char *description = "Done";
    if (route->reply == NULL) {
        content = media(route->content, json_pack("{s:s}", "type", "string"));
    } else {
        define(d, route->reply, false);
        json_t *schema =
            route->list ? page_reference(d, route->reply) : schema_reference(route->reply->name);
        content = media("application/json", schema);
        description = route->reply->doc != NULL ? route->reply->doc : description;
        if (route->list)
            description = "One page";
    }
    add_response(d, responses, route->status == 0 ? 200 : route->status,
                 json_pack("{s:s, s:o}", "description", description, "content", content));
}

static void add_responses(struct document *d, const struct ct_route *route, json_t *operation)
{
    json_t *responses = child(d, operation, "responses");
    if (d->failed)
        return;
    add_success(d, route, responses);
    for (const struct ct_route_error *e = route->errors; e != NULL && e->result != CT_OK; e++)
        add_error(d, responses, e->status, e->detail);
    if (route->auth == CT_USER)
        add_error(d, responses, 401, "The bearer token is missing or not accepted");
    if (route->body != NULL) {
        add_error(d, responses, 411,
                  "The request says neither how long it is nor that it is chunked");
        add_error(d, responses, 413, "The body is larger than MAX_BODY_BYTES");
        add_error(d, responses, 415, "The body is of another media type");
    }
    if (route->body != NULL || route->path != NULL || route->query != NULL)
        add_response(d, responses, 422,
                     json_pack("{s:s, s:o}", "description", "The input does not fit; every fault",
                               "content",
                               media("application/json", schema_reference("ValidationError"))));
    if (route->access == CT_WRITE)
        add_error(d, responses, 503, "Busy, or storage is not available; nothing was kept");
    else if (route->access == CT_READ)
        add_error(d, responses, 503, "Storage is not available");
}

static void add_parameters(struct document *d, const struct ct_schema *schema, const char *place,
                           json_t *parameters)
{
    for (size_t i = 0; schema != NULL && i < schema->count; i++) {
        const struct ct_field *field = &schema->fields[i];
        bool required = (field->flags & CT_FIELD_OPTIONAL) == 0;
        json_t *parameter = json_pack("{s:s, s:s, s:b, s:o}", "name", field->name, "in", place,
                                      "required", required, "schema", field_schema(d, field, true));
        if (parameter != NULL && field->doc != NULL)
            set(d, parameter, "description", json_string(field->doc));
        append(d, parameters, parameter);
    }
}

static void add_body(struct document *d, const struct ct_route *route, json_t *operation)
{
    define(d, route->body, true);
    json_t *content = json_object();
    json_t *body = json_pack("{s:b, s:O}", "required", 1, "content", content);
    set(d, operation, "requestBody", body);
    set(d, content, "application/json",
        json_pack("{s:o, s:o}", "schema", schema_reference(route->body->name), "example",
                  object_example(d, route->body)));
    if (route->form)
        set(d, content, "application/x-www-form-urlencoded",
            json_pack("{s:o}", "schema", schema_reference(route->body->name)));
    json_decref(content);
}

/* "GET /phone_numbers/{id}" becomes "getPhoneNumbersId". */
static json_t *operation_id(const struct ct_route *route)
{
    char id[96];
    size_t size = 0;
    for (const char *p = ct_method_name(route->method); *p != '\0'; p++)
        id[size++] = (char)(*p - 'A' + 'a');
    bool begins_word = true;
    for (const char *p = route->pattern; *p != '\0' && size < sizeof(id); p++) {
        bool is_letter = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9');
        if (is_letter)
            id[size++] = (char)(begins_word && *p >= 'a' ? *p - 'a' + 'A' : *p);
        begins_word = !is_letter;
    }
    return json_stringn(id, size);
}

static json_t *operation_of(struct document *d, const struct ct_route *route)
{
    json_t *operation = json_pack("{s:o, s:s, s:[s]}", "operationId", operation_id(route),
                                  "summary", route->summary, "tags", route->tag);
    if (operation == NULL) {
        d->failed = true;
        return NULL;
    }
    if (route->doc != NULL)
        set(d, operation, "description", json_string(route->doc));
    if (route->auth == CT_USER)
        set(d, operation, "security", json_pack("[{s:[]}]", "bearer"));
    else
        set(d, operation, "security", json_array());
    if (route->path != NULL || route->query != NULL) {
        json_t *parameters = json_array();
        add_parameters(d, route->path, "path", parameters);
        add_parameters(d, route->query, "query", parameters);
        set(d, operation, "parameters", parameters);
    }
    if (route->body != NULL)
        add_body(d, route, operation);
    add_responses(d, route, operation);
    return operation;
}

static void lower(char *out, size_t size, const char *text)
{
    size_t i = 0;
    for (; text[i] != '\0' && i + 1 < size; i++)
        out[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
    out[i] = '\0';
}

static void add_route(struct document *d, json_t *paths, json_t *tags, const struct ct_route *route)
{
    json_t *path = json_object_get(paths, route->pattern);
    if (path == NULL)
        path = child(d, paths, route->pattern);
    if (d->failed)
        return;
    char method[16];
    lower(method, sizeof(method), ct_method_name(route->method));
    set(d, path, method, operation_of(d, route));
    size_t i;
    json_t *tag;
    json_array_foreach(tags, i, tag)
    {
        if (strcmp(json_string_value(json_object_get(tag, "name")), route->tag) == 0)
            return;
    }
    append(d, tags, json_pack("{s:s}", "name", route->tag));
}

/* What is the same whatever the routes are. */
static const char FRAME[] =
    "{\"openapi\":\"3.1.0\","
    "\"info\":{\"title\":\"Cloud Telephony\",\"version\":\"" CT_VERSION "\","
    "\"summary\":\"Register, log in, own virtual phone numbers.\","
    "\"description\":\"Register or log in to get a token, press **Authorize**, then create a "
    "number."
    "\\n\\nEvery error is `{\\\"detail\\\": …}`. Requests that are refused before a route is known "
    "answer 400 (not HTTP), 404, 405 (with `Allow`) or 431 (headers over 6 KB). Every reply "
    "carries "
    "`X-Request-ID`.\","
    "\"license\":{\"name\":\"MIT\",\"identifier\":\"MIT\"}},"
    "\"servers\":[{\"url\":\"/\",\"description\":\"This server\"}],"
    "\"components\":{"
    "\"securitySchemes\":{\"bearer\":{\"type\":\"oauth2\","
    "\"description\":\"Log in with a username and a password, or send a token as "
    "`Authorization: Bearer …`.\","
    "\"flows\":{\"password\":{\"tokenUrl\":\"/auth/login\",\"scopes\":{}}}}},"
    "\"headers\":{"
    "\"RetryAfter\":{\"description\":\"Seconds to wait before the next try\","
    "\"schema\":{\"type\":\"integer\"}},"
    "\"WWWAuthenticate\":{\"description\":\"Bearer (RFC "
    "6750)\",\"schema\":{\"type\":\"string\"}}}}}";

static const char ERROR_SCHEMAS[] =
    "{\"Error\":{\"type\":\"object\",\"title\":\"Error\",\"description\":\"What is wrong.\","
    "\"required\":[\"detail\"],"
    "\"properties\":{\"detail\":{\"type\":\"string\",\"description\":\"A sentence\"}}},"
    "\"ValidationError\":{\"type\":\"object\",\"title\":\"ValidationError\","
    "\"description\":\"Every fault of the input, in the types and words of pydantic 2.\","
    "\"required\":[\"detail\"],\"properties\":{\"detail\":{\"type\":\"array\",\"minItems\":1,"
    "\"items\":{\"type\":\"object\",\"required\":[\"type\",\"loc\",\"msg\"],\"properties\":{"
    "\"type\":{\"type\":\"string\",\"examples\":[\"missing\"]},"
    "\"loc\":{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"integer\"]},"
    "\"examples\":[[\"body\",\"password\"]]},"
    "\"msg\":{\"type\":\"string\",\"examples\":[\"Field required\"]},"
    "\"ctx\":{\"type\":\"object\",\"description\":\"The limit or the reason, for programs\"}}}}}}}";

enum ct_result ct_openapi(struct ct_arena *arena, const struct ct_config *config,
                          const struct ct_mount *mounts, size_t mount_count, struct ct_str *out)
{
    struct document d = {.config = config};
    enum ct_result result = CT_NOMEM;
    char *text = NULL;
    json_t *root = json_loads(FRAME, 0, NULL);
    json_t *paths = json_object();
    json_t *tags = json_array();
    d.schemas = json_loads(ERROR_SCHEMAS, 0, NULL);
    if (root == NULL || paths == NULL || tags == NULL || d.schemas == NULL)
        goto out;
    for (size_t m = 0; m < mount_count; m++) {
        for (size_t r = 0; r < mounts[m].count && !d.failed; r++) {
            if (mounts[m].routes[r].tag != NULL)
                add_route(&d, paths, tags, &mounts[m].routes[r]);
        }
    }
    if (d.failed || json_object_set(root, "tags", tags) != 0 ||
        json_object_set(root, "paths", paths) != 0 ||
        json_object_set(json_object_get(root, "components"), "schemas", d.schemas) != 0)
        goto out;
    text = json_dumps(root, JSON_INDENT(2));
    if (text == NULL)
        goto out;
    char *copy = ct_arena_copy(arena, text, strlen(text));
    if (copy == NULL)
        goto out;
    *out = (struct ct_str){copy, strlen(copy)};
    result = CT_OK;
out:
    free(text);
    json_decref(root);
    json_decref(paths);
    json_decref(tags);
    json_decref(d.schemas);
    return result;
}
