#include "http/openapi_operation.h"

#include <stdio.h>

#include "http/openapi_schema.h"
#include "http/router.h"

/* The most statuses that one route answers. */
#define MAX_STATUSES 16

/** The responses of one operation: the first that is said of a status counts. */
struct responses {
    int statuses[MAX_STATUSES];
    size_t count;
};

/* Opens the response of a status, unless it has been told already. */
static bool open_response(struct ct_json_out *out, struct responses *r, int status,
                          const char *description)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->statuses[i] == status)
            return false;
    }
    if (r->count == MAX_STATUSES)
        return false;
    r->statuses[r->count++] = status;
    ct_json_begin(out, NULL);
    ct_buf_printf(&out->text, "\"%d\":{", status);
    out->comma = false;
    ct_json_text(out, "description", description);
    return true;
}

/* The content of one media type, up to its schema; closed by close_content. */
static void open_content(struct ct_json_out *out, const char *type)
{
    ct_json_open(out, "content", '{');
    ct_json_open(out, type, '{');
}

static void close_content(struct ct_json_out *out)
{
    ct_json_close(out, '}');
    ct_json_close(out, '}');
}

static void put_error(struct ct_json_out *out, struct responses *r, int status,
                      const char *description)
{
    if (!open_response(out, r, status, description))
        return;
    open_content(out, "application/json");
    ct_openapi_reference(out, "schema", "schemas", status == 422 ? "ValidationError" : "Error", "");
    close_content(out);
    if (status == 503 || status == 429 || status == 401) {
        ct_json_open(out, "headers", '{');
        if (status == 401)
            ct_openapi_reference(out, "WWW-Authenticate", "headers", "WWWAuthenticate", "");
        else
            ct_openapi_reference(out, "Retry-After", "headers", "RetryAfter", "");
        ct_json_close(out, '}');
    }
    ct_json_close(out, '}');
}

static void put_success_headers(struct ct_json_out *out, const struct ct_route *route, bool etag)
{
    if (!etag && !route->idempotent)
        return;
    ct_json_open(out, "headers", '{');
    if (etag)
        ct_openapi_reference(out, "ETag", "headers", "ETag", "");
    if (route->idempotent)
        ct_openapi_reference(out, "Idempotent-Replayed", "headers", "IdempotentReplayed", "");
    ct_json_close(out, '}');
}

static void put_success_schema(struct ct_json_out *out, const struct ct_route *route)
{
    if (route->reply == NULL) {
        ct_json_raw(out, "schema", "{\"type\":\"string\"}");
    } else if (route->array) {
        ct_json_open(out, "schema", '{');
        ct_json_text(out, "type", "array");
        ct_openapi_reference(out, "items", "schemas", route->reply->name, "");
        ct_json_close(out, '}');
    } else {
        ct_openapi_reference(out, "schema", "schemas", route->reply->name,
                             route->list ? "Page" : "");
    }
}

static void put_success(struct ct_json_out *out, const struct ct_route *route, bool etag,
                        struct responses *r)
{
    const char *description = "Done";
    if (route->list)
        description = "One page";
    else if (route->array)
        description = "All of them";
    else if (route->reply != NULL && route->reply->doc != NULL)
        description = route->reply->doc;
    (void)open_response(out, r, route->status == 0 ? 200 : route->status, description);
    put_success_headers(out, route, etag);
    if (route->status != 204) {
        open_content(out, route->reply == NULL ? route->content : "application/json");
        put_success_schema(out, route);
        ct_json_close(out, '}');
        if (route->stream != NULL) {
            ct_json_open(out, "text/event-stream", '{');
            ct_json_raw(out, "schema", "{\"type\":\"string\"}");
            ct_json_close(out, '}');
        }
        ct_json_close(out, '}');
    }
    ct_json_close(out, '}');
}

/* What is said of a status before the handler is asked; NULL: nothing. */
static const char *refusal(const struct ct_route *route, int status)
{
    if (status == 401 && route->auth != CT_PUBLIC)
        return "The bearer token is missing or not accepted";
    if (status == 403 && route->auth == CT_SESSION)
        return "An API key was sent: this needs the token of a login";
    if (status == 403 && route->auth == CT_ADMIN)
        return "The account is no administrator's, or the API key lacks the scope";
    if (status == 403 && route->scope != NULL)
        return "The API key lacks the scope";
    if (status == 429 && !route->unlimited)
        return "Too many requests of this account or from this address";
    return NULL;
}

static void put_refusals(struct ct_json_out *out, const struct ct_route *route, struct responses *r)
{
    static const int statuses[] = {401, 403, 429};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        const char *description = refusal(route, statuses[i]);
        if (description != NULL)
            put_error(out, r, statuses[i], description);
    }
}

/* The route's own words for a failure, and those that its status has besides. */
static void put_own_error(struct ct_json_out *out, const struct ct_route *route,
                          const struct ct_route_error *error, struct responses *r)
{
    char both[320];
    const char *other = error->status == 401 ? NULL : refusal(route, error->status);
    if (other != NULL)
        (void)snprintf(both, sizeof(both), "%s. Or: %s", error->detail, other);
    put_error(out, r, error->status, other != NULL ? both : error->detail);
}

static void put_responses(struct ct_json_out *out, const struct ct_route *route, bool etag)
{
    struct responses r = {.count = 0};
    ct_json_open(out, "responses", '{');
    put_success(out, route, etag, &r);
    for (const struct ct_route_error *e = route->errors; e != NULL && e->result != CT_OK; e++)
        put_own_error(out, route, e, &r);
    put_refusals(out, route, &r);
    if (route->body != NULL) {
        put_error(out, &r, 411, "The request says neither how long it is nor that it is chunked");
        put_error(out, &r, 413, "The body is larger than MAX_BODY_BYTES");
        put_error(out, &r, 415, "The body is of another media type");
    }
    if (route->conditional)
        put_error(out, &r, 412, "It has changed since the ETag of If-Match was read");
    if (route->body != NULL || route->path != NULL || route->query != NULL || route->idempotent)
        put_error(out, &r, 422, "The input does not fit; every fault");
    if (route->access == CT_WRITE)
        put_error(out, &r, 503, "Busy, or storage is not available; nothing was kept");
    else if (route->access == CT_READ)
        put_error(out, &r, 503, "Storage is not available");
    ct_json_close(out, '}');
}

static void put_parameters(struct ct_json_out *out, const struct ct_config *config,
                           const struct ct_schema *schema, const char *place)
{
    for (size_t i = 0; schema != NULL && i < schema->count; i++) {
        const struct ct_field *field = &schema->fields[i];
        ct_json_open(out, NULL, '{');
        ct_json_text(out, "name", field->name);
        ct_json_text(out, "in", place);
        ct_json_raw(out, "required", (field->flags & CT_FIELD_OPTIONAL) == 0 ? "true" : "false");
        ct_openapi_field(out, config, "schema", field, CT_IN_PARAMETER);
        if (field->doc != NULL)
            ct_json_text(out, "description", field->doc);
        ct_json_close(out, '}');
    }
}

/* A header that changes how a request is taken. */
static void put_header_parameter(struct ct_json_out *out, const char *name, const char *description,
                                 const char *schema)
{
    ct_json_open(out, NULL, '{');
    ct_json_text(out, "name", name);
    ct_json_text(out, "in", "header");
    ct_json_raw(out, "required", "false");
    ct_json_raw(out, "schema", schema);
    ct_json_text(out, "description", description);
    ct_json_close(out, '}');
}

static void put_all_parameters(struct ct_json_out *out, const struct ct_config *config,
                               const struct ct_route *route)
{
    if (route->path == NULL && route->query == NULL && !route->idempotent && !route->conditional &&
        route->stream == NULL)
        return;
    ct_json_open(out, "parameters", '[');
    put_parameters(out, config, route->path, "path");
    put_parameters(out, config, route->query, "query");
    if (route->idempotent)
        put_header_parameter(out, "Idempotency-Key",
                             "Any text of your own, best a random one. For 24 hours the same key "
                             "with the same request gets the first answer again; with another "
                             "request it is 422.",
                             "{\"type\":\"string\",\"pattern\":\"^[!-~]{1,255}$\"}");
    if (route->conditional)
        put_header_parameter(out, "If-Match",
                             "The ETag that was read: 412 when it has changed since then.",
                             "{\"type\":\"string\",\"examples\":[\"\\\"3\\\"\"]}");
    if (route->stream != NULL)
        put_header_parameter(
            out, "Last-Event-ID",
            "Of a stream: the id of the last event that was read. Those behind it come "
            "first, as far as they are kept; without it the stream begins with what "
            "happens from now on.",
            "{\"type\":\"string\",\"pattern\":\"^[0-9]{1,18}$\"}");
    ct_json_close(out, ']');
}

/* Who may call: the token of a login, or an API key with the scope. */
static void put_security(struct ct_json_out *out, const struct ct_route *route)
{
    ct_json_open(out, "security", '[');
    if (route->auth != CT_PUBLIC) {
        ct_json_open(out, NULL, '{');
        ct_json_open(out, "bearer", '[');
        if (route->scope != NULL)
            ct_json_text(out, NULL, route->scope);
        ct_json_close(out, ']');
        ct_json_close(out, '}');
    }
    ct_json_close(out, ']');
}

static void put_body(struct ct_json_out *out, const struct ct_route *route)
{
    const struct ct_schema *schema = route->body;
    ct_json_open(out, "requestBody", '{');
    ct_json_raw(out, "required", "true");
    ct_json_open(out, "content", '{');
    ct_json_open(out, "application/json", '{');
    ct_openapi_reference(out, "schema", "schemas", schema->name, "");
    /* an example of the whole, from the examples of its fields */
    ct_json_open(out, "example", '{');
    for (size_t i = 0; i < schema->count; i++) {
        if (schema->fields[i].example != NULL)
            ct_json_raw(out, schema->fields[i].name, schema->fields[i].example);
    }
    ct_json_close(out, '}');
    ct_json_close(out, '}');
    if (route->form) {
        ct_json_open(out, "application/x-www-form-urlencoded", '{');
        ct_openapi_reference(out, "schema", "schemas", schema->name, "");
        ct_json_close(out, '}');
    }
    ct_json_close(out, '}');
    ct_json_close(out, '}');
}

static void put_lower(struct ct_json_out *out, const char *text)
{
    for (; *text != '\0'; text++)
        ct_buf_char(&out->text, *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text);
}

/* "GET /phone_numbers/{id}" becomes "getPhoneNumbersId". */
static void put_operation_id(struct ct_json_out *out, const struct ct_route *route)
{
    bool begins_word = true;
    ct_json_begin(out, "operationId");
    ct_buf_char(&out->text, '"');
    put_lower(out, ct_method_name(route->method));
    for (const char *p = route->pattern; *p != '\0'; p++) {
        bool is_letter = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9');
        if (is_letter)
            ct_buf_char(&out->text, begins_word && *p >= 'a' ? (char)(*p - 'a' + 'A') : *p);
        begins_word = !is_letter;
    }
    ct_buf_char(&out->text, '"');
}

void ct_openapi_operation(struct ct_json_out *out, const struct ct_config *config,
                          const struct ct_route *route, bool etag)
{
    ct_json_begin(out, NULL);
    ct_buf_char(&out->text, '"');
    put_lower(out, ct_method_name(route->method));
    ct_buf_text(&out->text, "\":{");
    out->comma = false;
    put_operation_id(out, route);
    ct_json_text(out, "summary", route->summary);
    ct_json_open(out, "tags", '[');
    ct_json_text(out, NULL, route->tag);
    ct_json_close(out, ']');
    if (route->doc != NULL)
        ct_json_text(out, "description", route->doc);
    put_security(out, route);
    put_all_parameters(out, config, route);
    if (route->body != NULL)
        put_body(out, route);
    put_responses(out, route, etag);
    ct_json_close(out, '}');
}
