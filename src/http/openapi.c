#include "http/openapi.h"

#include <string.h>

#include "base/json_write.h"
#include "http/router.h"

/* The most statuses that one route answers. */
#define MAX_STATUSES 16

/** The document is made of the same tables as the replies, without white space at first. */
struct document {
    const struct ct_config *config;
    const struct ct_mount *mounts;
    size_t mount_count;
    struct ct_json_out out;
};

static void put_reference(struct document *d, const char *name, const char *section,
                          const char *target, const char *suffix)
{
    ct_json_open(&d->out, name, '{');
    ct_json_begin(&d->out, "$ref");
    ct_buf_printf(&d->out.text, "\"#/components/%s/%s%s\"", section, target, suffix);
    ct_json_close(&d->out, '}');
}

/* ---- schemas ---- */

static void put_limits(struct document *d, const struct ct_field *field)
{
    int64_t min = field->min;
    if (field->min_setting != 0)
        memcpy(&min, (const char *)d->config + field->min_setting, sizeof(min));
    if (field->type == CT_FIELD_STRING) {
        /* JSON Schema counts characters; an upper limit in bytes is said in the description. */
        if (min > 0)
            ct_json_int(&d->out, "minLength", min);
        if (field->max > 0 && (field->flags & CT_FIELD_BYTES) == 0)
            ct_json_int(&d->out, "maxLength", field->max);
    } else if (field->type == CT_FIELD_INT && (min != 0 || field->max != 0)) {
        ct_json_int(&d->out, "minimum", min);
        ct_json_int(&d->out, "maximum", field->max);
    }
}

static void put_field(struct document *d, const char *name, const struct ct_field *field,
                      bool is_input)
{
    ct_json_open(&d->out, name, '{');
    const char *type = field->type == CT_FIELD_INT ? "integer" : "string";
    if (!is_input && (field->flags & CT_FIELD_NULLABLE) != 0) {
        ct_json_open(&d->out, "type", '[');
        ct_json_text(&d->out, NULL, type);
        ct_json_text(&d->out, NULL, "null");
        ct_json_close(&d->out, ']');
    } else {
        ct_json_text(&d->out, "type", type);
    }
    const char *format = field->format;
    if (field->type == CT_FIELD_TIME)
        format = "date-time";
    if ((field->flags & CT_FIELD_SECRET) != 0 && is_input)
        format = "password";
    if (format != NULL)
        ct_json_text(&d->out, "format", format);
    if (is_input)
        put_limits(d, field);
    /* A field that is normalized takes more than the pattern, which describes the result. */
    if (field->pattern != NULL && (!is_input || field->normalize == NULL))
        ct_json_text(&d->out, "pattern", field->pattern);
    if (is_input && field->type == CT_FIELD_INT && (field->flags & CT_FIELD_OPTIONAL) != 0)
        ct_json_int(&d->out, "default", field->fallback);
    if (field->doc != NULL)
        ct_json_text(&d->out, "description", field->doc);
    if (field->example != NULL) {
        ct_json_open(&d->out, "examples", '[');
        ct_json_raw(&d->out, NULL, field->example);
        ct_json_close(&d->out, ']');
    }
    ct_json_close(&d->out, '}');
}

static bool is_required(const struct ct_field *field, bool is_input)
{
    return !is_input || (field->flags & CT_FIELD_OPTIONAL) == 0;
}

static void put_schema(struct document *d, const struct ct_schema *schema, bool is_input)
{
    ct_json_open(&d->out, schema->name, '{');
    ct_json_text(&d->out, "type", "object");
    ct_json_text(&d->out, "title", schema->name);
    if (schema->doc != NULL)
        ct_json_text(&d->out, "description", schema->doc);
    size_t required = 0;
    ct_json_open(&d->out, "properties", '{');
    for (size_t i = 0; i < schema->count; i++) {
        put_field(d, schema->fields[i].name, &schema->fields[i], is_input);
        required += is_required(&schema->fields[i], is_input);
    }
    ct_json_close(&d->out, '}');
    if (required > 0) {
        ct_json_open(&d->out, "required", '[');
        for (size_t i = 0; i < schema->count; i++) {
            if (is_required(&schema->fields[i], is_input))
                ct_json_text(&d->out, NULL, schema->fields[i].name);
        }
        ct_json_close(&d->out, ']');
    }
    ct_json_close(&d->out, '}');
}

/* The page that holds items of a schema, under a name of its own. */
static void put_page(struct document *d, const struct ct_schema *item)
{
    ct_json_begin(&d->out, NULL);
    d->out.comma = false;
    ct_buf_printf(&d->out.text,
                  "\"%sPage\":{\"type\":\"object\",\"title\":\"%sPage\",\"properties\":",
                  item->name, item->name);
    ct_json_open(&d->out, NULL, '{');
    ct_json_open(&d->out, "items", '{');
    ct_json_text(&d->out, "type", "array");
    put_reference(d, "items", "schemas", item->name, "");
    ct_json_close(&d->out, '}');
    ct_json_raw(&d->out, "next",
                "{\"type\":[\"string\",\"null\"],\"description\":"
                "\"What to send as `after` to get the next page; null at the end.\"}");
    ct_json_close(&d->out, '}');
    ct_json_raw(&d->out, "required", "[\"items\",\"next\"]");
    ct_json_close(&d->out, '}');
}

/* ---- what a route answers ---- */

/** The responses of one operation: the first that is said of a status counts. */
struct responses {
    int statuses[MAX_STATUSES];
    size_t count;
};

/* Opens the response of a status, unless it has been told already. */
static bool open_response(struct document *d, struct responses *r, int status,
                          const char *description)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->statuses[i] == status)
            return false;
    }
    if (r->count == MAX_STATUSES)
        return false;
    r->statuses[r->count++] = status;
    ct_json_begin(&d->out, NULL);
    ct_buf_printf(&d->out.text, "\"%d\":{", status);
    d->out.comma = false;
    ct_json_text(&d->out, "description", description);
    return true;
}

/* The content of one media type, up to its schema; closed by close_content. */
static void open_content(struct document *d, const char *type)
{
    ct_json_open(&d->out, "content", '{');
    ct_json_open(&d->out, type, '{');
}

static void close_content(struct document *d)
{
    ct_json_close(&d->out, '}');
    ct_json_close(&d->out, '}');
}

static void put_error(struct document *d, struct responses *r, int status, const char *description)
{
    if (!open_response(d, r, status, description))
        return;
    open_content(d, "application/json");
    put_reference(d, "schema", "schemas", status == 422 ? "ValidationError" : "Error", "");
    close_content(d);
    if (status == 503 || status == 401) {
        ct_json_open(&d->out, "headers", '{');
        if (status == 503)
            put_reference(d, "Retry-After", "headers", "RetryAfter", "");
        else
            put_reference(d, "WWW-Authenticate", "headers", "WWWAuthenticate", "");
        ct_json_close(&d->out, '}');
    }
    ct_json_close(&d->out, '}');
}

static void put_success(struct document *d, const struct ct_route *route, struct responses *r)
{
    const char *description = "Done";
    if (route->list)
        description = "One page";
    else if (route->reply != NULL && route->reply->doc != NULL)
        description = route->reply->doc;
    (void)open_response(d, r, route->status == 0 ? 200 : route->status, description);
    open_content(d, route->reply == NULL ? route->content : "application/json");
    if (route->reply == NULL)
        ct_json_raw(&d->out, "schema", "{\"type\":\"string\"}");
    else
        put_reference(d, "schema", "schemas", route->reply->name, route->list ? "Page" : "");
    close_content(d);
    ct_json_close(&d->out, '}');
}

static void put_responses(struct document *d, const struct ct_route *route)
{
    struct responses r = {.count = 0};
    ct_json_open(&d->out, "responses", '{');
    put_success(d, route, &r);
    for (const struct ct_route_error *e = route->errors; e != NULL && e->result != CT_OK; e++)
        put_error(d, &r, e->status, e->detail);
    if (route->auth == CT_USER)
        put_error(d, &r, 401, "The bearer token is missing or not accepted");
    if (route->body != NULL) {
        put_error(d, &r, 411, "The request says neither how long it is nor that it is chunked");
        put_error(d, &r, 413, "The body is larger than MAX_BODY_BYTES");
        put_error(d, &r, 415, "The body is of another media type");
    }
    if (route->body != NULL || route->path != NULL || route->query != NULL)
        put_error(d, &r, 422, "The input does not fit; every fault");
    if (route->access == CT_WRITE)
        put_error(d, &r, 503, "Busy, or storage is not available; nothing was kept");
    else if (route->access == CT_READ)
        put_error(d, &r, 503, "Storage is not available");
    ct_json_close(&d->out, '}');
}

/* ---- operations ---- */

static void put_parameters(struct document *d, const struct ct_schema *schema, const char *place)
{
    for (size_t i = 0; schema != NULL && i < schema->count; i++) {
        const struct ct_field *field = &schema->fields[i];
        ct_json_open(&d->out, NULL, '{');
        ct_json_text(&d->out, "name", field->name);
        ct_json_text(&d->out, "in", place);
        ct_json_raw(&d->out, "required",
                    (field->flags & CT_FIELD_OPTIONAL) == 0 ? "true" : "false");
        put_field(d, "schema", field, true);
        if (field->doc != NULL)
            ct_json_text(&d->out, "description", field->doc);
        ct_json_close(&d->out, '}');
    }
}

static void put_body(struct document *d, const struct ct_route *route)
{
    const struct ct_schema *schema = route->body;
    ct_json_open(&d->out, "requestBody", '{');
    ct_json_raw(&d->out, "required", "true");
    ct_json_open(&d->out, "content", '{');
    ct_json_open(&d->out, "application/json", '{');
    put_reference(d, "schema", "schemas", schema->name, "");
    /* an example of the whole, from the examples of its fields */
    ct_json_open(&d->out, "example", '{');
    for (size_t i = 0; i < schema->count; i++) {
        if (schema->fields[i].example != NULL)
            ct_json_raw(&d->out, schema->fields[i].name, schema->fields[i].example);
    }
    ct_json_close(&d->out, '}');
    ct_json_close(&d->out, '}');
    if (route->form) {
        ct_json_open(&d->out, "application/x-www-form-urlencoded", '{');
        put_reference(d, "schema", "schemas", schema->name, "");
        ct_json_close(&d->out, '}');
    }
    ct_json_close(&d->out, '}');
    ct_json_close(&d->out, '}');
}

static void put_lower(struct document *d, const char *text)
{
    for (; *text != '\0'; text++)
        ct_buf_char(&d->out.text, *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text);
}

/* "GET /phone_numbers/{id}" becomes "getPhoneNumbersId". */
static void put_operation_id(struct document *d, const struct ct_route *route)
{
    bool begins_word = true;
    ct_json_begin(&d->out, "operationId");
    ct_buf_char(&d->out.text, '"');
    put_lower(d, ct_method_name(route->method));
    for (const char *p = route->pattern; *p != '\0'; p++) {
        bool is_letter = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9');
        if (is_letter)
            ct_buf_char(&d->out.text, begins_word && *p >= 'a' ? (char)(*p - 'a' + 'A') : *p);
        begins_word = !is_letter;
    }
    ct_buf_char(&d->out.text, '"');
}

static void put_operation(struct document *d, const struct ct_route *route)
{
    ct_json_begin(&d->out, NULL);
    ct_buf_char(&d->out.text, '"');
    put_lower(d, ct_method_name(route->method));
    ct_buf_text(&d->out.text, "\":{");
    d->out.comma = false;
    put_operation_id(d, route);
    ct_json_text(&d->out, "summary", route->summary);
    ct_json_open(&d->out, "tags", '[');
    ct_json_text(&d->out, NULL, route->tag);
    ct_json_close(&d->out, ']');
    if (route->doc != NULL)
        ct_json_text(&d->out, "description", route->doc);
    ct_json_raw(&d->out, "security", route->auth == CT_USER ? "[{\"bearer\":[]}]" : "[]");
    if (route->path != NULL || route->query != NULL) {
        ct_json_open(&d->out, "parameters", '[');
        put_parameters(d, route->path, "path");
        put_parameters(d, route->query, "query");
        ct_json_close(&d->out, ']');
    }
    if (route->body != NULL)
        put_body(d, route);
    put_responses(d, route);
    ct_json_close(&d->out, '}');
}

/* ---- the whole ---- */

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
                put_operation(d, other);
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
            put_schema(d, route->body, true);
        if (route->reply != NULL && is_first(d, i, same_reply))
            put_schema(d, route->reply, false);
        if (route->list && is_first(d, i, same_page))
            put_page(d, route->reply);
    }
}

/* What is the same whatever the routes are. */
static const char INFO[] =
    "{\"title\":\"Cloud Telephony\",\"version\":\"" CT_VERSION "\","
    "\"summary\":\"Register, log in, own virtual phone numbers.\","
    "\"description\":\"Register or log in to get a token, press **Authorize**, then create a "
    "number."
    "\\n\\nEvery error is `{\\\"detail\\\": …}`. Requests that are refused before a route is known "
    "answer 400 (not HTTP), 404, 405 (with `Allow`) or 431 (headers over 6 KB). Every reply "
    "carries "
    "`X-Request-ID`.\",\"license\":{\"name\":\"MIT\",\"identifier\":\"MIT\"}}";

static const char SECURITY_SCHEMES[] =
    "{\"bearer\":{\"type\":\"oauth2\","
    "\"description\":\"Log in with a username and a password, or send a token as "
    "`Authorization: Bearer …`.\","
    "\"flows\":{\"password\":{\"tokenUrl\":\"/auth/login\",\"scopes\":{}}}}}";

static const char HEADERS[] =
    "{\"RetryAfter\":{\"description\":\"Seconds to wait before the next try\","
    "\"schema\":{\"type\":\"integer\"}},"
    "\"WWWAuthenticate\":{\"description\":\"Bearer (RFC 6750)\",\"schema\":{\"type\":\"string\"}}}";

static const char ERROR[] =
    "{\"type\":\"object\",\"title\":\"Error\",\"description\":\"What is wrong.\","
    "\"required\":[\"detail\"],"
    "\"properties\":{\"detail\":{\"type\":\"string\",\"description\":\"A sentence\"}}}";

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
    ct_json_raw(&d->out, "securitySchemes", SECURITY_SCHEMES);
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
