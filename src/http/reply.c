#include "http/exchange.h"

#include <assert.h>
#include <string.h>
#include <zlib.h>

#include "http/print.h"

static void add_header(struct ct_reply *reply, const char *name, const char *value)
{
    if (value == NULL)
        return;
    assert(reply->header_count < CT_REPLY_HEADERS);
    reply->headers[reply->header_count++] = (struct ct_reply_header){name, value};
}

/* Without memory: what needs none. */
static void out_of_memory(struct ct_exchange *exchange)
{
    struct ct_reply *reply = &exchange->reply;
    reply->status = 503;
    reply->body = CT_STR("{\"detail\":\"The server is out of memory; try again\"}");
    reply->header_count = 0;
    add_header(reply, "Content-Type", "application/json");
    add_header(reply, "Retry-After", "1");
    if (exchange->id != NULL)
        add_header(reply, "X-Request-ID", exchange->id);
}

static void set_body(struct ct_exchange *exchange, struct ct_buf *body)
{
    struct ct_reply *reply = &exchange->reply;
    reply->body = ct_buf_done(body);
    if (body->failed) {
        out_of_memory(exchange);
        return;
    }
    add_header(reply, "Content-Type", "application/json");
    /* Replies belong to one caller at one time, tokens among them (RFC 6749 section 5.1). */
    add_header(reply, "Cache-Control", "no-store");
}

static void set_detail(struct ct_exchange *exchange, int status, const char *detail)
{
    struct ct_reply *reply = &exchange->reply;
    reply->status = status;
    if (status == 401)
        add_header(reply, "WWW-Authenticate", "Bearer");
    const char *name = NULL;
    const char *value = NULL;
    if (status == 503 || status == 429) {
        name = "Retry-After";
        value =
            exchange->call.retry_after_s <= 1
                ? "1"
                : ct_arena_printf(exchange->arena, "%lld", (long long)exchange->call.retry_after_s);
    } else if (status == 405) {
        name = "Allow";
        value = ct_allow(exchange->arena, exchange->match.allowed);
    }
    if (name != NULL && value == NULL) {
        out_of_memory(exchange);
        return;
    }
    add_header(reply, name, value);
    struct ct_buf body = ct_buf_in(exchange->arena);
    ct_print_detail(detail, &body);
    set_body(exchange, &body);
}

static void set_faults(struct ct_exchange *exchange)
{
    exchange->reply.status = 422;
    struct ct_buf body = ct_buf_in(exchange->arena);
    ct_faults_print(&exchange->faults, &body);
    set_body(exchange, &body);
}

/* What the route has no words for. */
static struct ct_failure common_failure(const struct ct_exchange *exchange, enum ct_result result)
{
    switch (result) {
    case CT_INVALID:
        if (exchange->faults.first == NULL)
            break; /* it did not say what is invalid */
        return (struct ct_failure){.status = 422};
    case CT_NOMEM:
        return (struct ct_failure){503, "The server is out of memory; try again", false};
    case CT_BUSY:
        return (struct ct_failure){503, "The server is busy; try again", false};
    case CT_UNAVAILABLE:
        return (struct ct_failure){503, "Storage cannot take this now; try again", false};
    case CT_NOT_FOUND:
        return (struct ct_failure){404, ct_protocol_detail(404), false};
    case CT_FORBIDDEN:
        return (struct ct_failure){403, "This is not allowed", false};
    case CT_STALE:
        return (struct ct_failure){412, "It has changed since it was read", false};
    case CT_LIMITED:
        return (struct ct_failure){429, "Too many attempts; try again later", false};
    default:
        break;
    }
    return (struct ct_failure){500, ct_protocol_detail(500), true};
}

struct ct_failure ct_exchange_failure(const struct ct_exchange *exchange, enum ct_result result)
{
    const struct ct_call *call = &exchange->call;
    const struct ct_route_error *error = exchange->match.route->errors;
    while (error != NULL && error->result != CT_OK && error->result != result)
        error++;
    struct ct_failure failure = error != NULL && error->result == result
                                    ? (struct ct_failure){error->status, error->detail, false}
                                    : common_failure(exchange, result);
    if (call->said == result && call->detail != NULL && !failure.defect)
        failure.detail = call->detail;
    return failure;
}

static void set_failure(struct ct_exchange *exchange)
{
    struct ct_failure failure = ct_exchange_failure(exchange, exchange->result);
    if (exchange->result == CT_NOMEM) {
        out_of_memory(exchange);
        return;
    }
    if (failure.detail == NULL) {
        set_faults(exchange);
        return;
    }
    if (failure.defect)
        CT_LOG(exchange->server->log, CT_LOG_ERROR, "handler_failed", CT_F_TEXT("id", exchange->id),
               CT_F_TEXT("route", exchange->match.route->pattern),
               CT_F_TEXT("why", ct_result_text(exchange->result)));
    set_detail(exchange, failure.status, failure.detail);
}

/* Whether an Accept-Encoding takes gzip: by its name or by "*", unless its weight is zero
 * (RFC 9110 section 12.5.3). */
static bool takes_gzip(struct ct_str list)
{
    bool any = false;
    while (list.len > 0) {
        struct ct_str element = ct_list_next(&list);
        const char *semicolon = memchr(element.at, ';', element.len);
        struct ct_str name = element;
        struct ct_str weight = CT_STR("1");
        if (semicolon != NULL) {
            name.len = (size_t)(semicolon - element.at);
            weight = (struct ct_str){semicolon + 1, element.len - name.len - 1};
        }
        while (name.len > 0 && (name.at[name.len - 1] == ' ' || name.at[name.len - 1] == '\t'))
            name.len--;
        bool zero = true;
        for (size_t i = 0; i < weight.len; i++)
            zero = zero && (weight.at[i] < '1' || weight.at[i] > '9');
        if (ct_str_equal_nocase(name, CT_STR("gzip")) ||
            ct_str_equal_nocase(name, CT_STR("x-gzip")))
            return !zero;
        if (ct_str_equal(name, CT_STR("*")))
            any = !zero;
    }
    return any;
}

/* An entity tag without the mark of a weak one: the comparison does not care (RFC 9110 section 8.8.3.2).
 */
static struct ct_str opaque_tag(struct ct_str tag)
{
    if (tag.len >= 2 && tag.at[0] == 'W' && tag.at[1] == '/')
        return (struct ct_str){tag.at + 2, tag.len - 2};
    return tag;
}

/* Our tags hold no comma. */
static bool etag_matches(struct ct_str header, const char *etag)
{
    struct ct_str wanted = opaque_tag(ct_str_of(etag));
    while (header.len > 0) {
        struct ct_str tag = ct_list_next(&header);
        if (ct_str_equal(opaque_tag(tag), wanted) || ct_str_equal(tag, CT_STR("*")))
            return true;
    }
    return false;
}

static bool origin_allowed(struct ct_str allowed, struct ct_str origin)
{
    while (allowed.len > 0) {
        if (ct_str_equal(ct_list_next(&allowed), origin))
            return true;
    }
    return false;
}

/* Unpacks a gzip text into the arena, for a client that cannot. */
static enum ct_result unpack(struct ct_arena *arena, struct ct_str packed, struct ct_str *out)
{
    if (packed.len < 18)
        return CT_BUG;
    /* RFC 1952 section 2.3.1: the last four bytes are the size of what was packed. */
    const unsigned char *tail = (const unsigned char *)packed.at + packed.len - 4;
    size_t size =
        (size_t)tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16 | (size_t)tail[3] << 24;
    char *at = ct_arena_copy(arena, "", 0);
    if (size > 0)
        at = ct_arena_alloc(arena, size);
    if (at == NULL)
        return CT_NOMEM;
    z_stream stream;
    memset(&stream, 0, sizeof(stream));
    stream.next_in = (z_const Bytef *)(uintptr_t)packed.at;
    stream.avail_in = (uInt)packed.len;
    stream.next_out = (Bytef *)at;
    stream.avail_out = (uInt)size;
    if (inflateInit2(&stream, 15 + 16) != Z_OK)
        return CT_NOMEM;
    int status = inflate(&stream, Z_FINISH);
    (void)inflateEnd(&stream);
    if (status != Z_STREAM_END)
        return CT_BUG;
    *out = (struct ct_str){at, size};
    return CT_OK;
}

static void set_content(struct ct_exchange *exchange)
{
    const struct ct_content *content = exchange->call.reply;
    const struct ct_route *route = exchange->match.route;
    struct ct_reply *reply = &exchange->reply;
    reply->status = route->status == 0 ? 200 : route->status;
    add_header(reply, "Location", content->location);
    add_header(reply, "ETag", content->etag);
    add_header(reply, "Cache-Control", content->cache == NULL ? "no-store" : content->cache);
    add_header(reply, "Content-Security-Policy", content->policy);
    bool packed = content->gzip_body.len > 0;
    if (packed)
        add_header(reply, "Vary", "Accept-Encoding");
    if (content->etag != NULL && exchange->headers.if_none_match.at != NULL &&
        etag_matches(exchange->headers.if_none_match, content->etag)) {
        reply->status = 304;
        return;
    }
    add_header(reply, "Content-Type", content->type);
    reply->body = content->body;
    if (packed && takes_gzip(exchange->headers.accept_encoding)) {
        add_header(reply, "Content-Encoding", "gzip");
        reply->body = content->gzip_body;
    } else if (packed && content->body.len == 0) {
        enum ct_result result = unpack(exchange->arena, content->gzip_body, &reply->body);
        if (result == CT_NOMEM) {
            out_of_memory(exchange);
        } else if (result != CT_OK) {
            reply->header_count = 0;
            set_detail(exchange, 500, ct_protocol_detail(500));
        }
    }
}

int ct_exchange_print(const struct ct_exchange *exchange, struct ct_buf *out)
{
    const struct ct_route *route = exchange->match.route;
    if (route->reply == NULL)
        return route->status;
    if (route->list)
        ct_print_page(route->reply, exchange->call.reply, out);
    else if (route->array)
        ct_print_array(route->reply, exchange->call.reply, out);
    else
        ct_print_object(route->reply, exchange->call.reply, out);
    return route->status == 0 ? 200 : route->status;
}

static void set_success(struct ct_exchange *exchange)
{
    const struct ct_route *route = exchange->match.route;
    struct ct_reply *reply = &exchange->reply;
    if (route->stream != NULL)
        add_header(reply, "Vary", "Accept");
    if (exchange->source != NULL) {
        reply->status = 200;
        add_header(reply, "Content-Type", exchange->source->type);
        add_header(reply, "Cache-Control", "no-store");
        add_header(reply, "X-Accel-Buffering", "no"); /* nginx would keep it until it ends */
        return;
    }
    if (route->reply == NULL && route->status != 204) {
        set_content(exchange);
        return;
    }
    struct ct_buf body = ct_buf_in(exchange->arena);
    reply->status = ct_exchange_print(exchange, &body);
    add_header(reply, "ETag", exchange->call.etag);
    if (reply->status != 204)
        set_body(exchange, &body);
}

/* The answer that the Idempotency-Key gets, byte for byte. */
static void set_kept(struct ct_exchange *exchange)
{
    struct ct_reply *reply = &exchange->reply;
    reply->status = exchange->kept.status;
    reply->body = exchange->kept.body;
    if (exchange->replayed)
        add_header(reply, "Idempotent-Replayed", "true");
    else if (reply->status < 300)
        add_header(reply, "ETag", exchange->call.etag);
    if (reply->status == 204)
        return;
    add_header(reply, "Content-Type", "application/json");
    add_header(reply, "Cache-Control", "no-store");
}

/* The CORS protocol (Fetch standard, section "HTTP extensions"). Tokens travel in a header, never
 * in a cookie, so credentials are not allowed. False without memory. */
static bool add_cors(struct ct_exchange *exchange)
{
    const char *allowed = exchange->server->config->cors_origins;
    struct ct_str origin = exchange->headers.origin;
    struct ct_reply *reply = &exchange->reply;
    if (allowed[0] == '\0')
        return true;
    bool any = strcmp(allowed, "*") == 0;
    if (!any)
        add_header(reply, "Vary", "Origin");
    if (origin.at == NULL || (!any && !origin_allowed(ct_str_of(allowed), origin)))
        return true;
    const char *echo = any ? "*" : ct_str_dup(exchange->arena, origin);
    const char *methods = ct_allow(exchange->arena, exchange->match.allowed);
    if (echo == NULL || methods == NULL)
        return false;
    add_header(reply, "Access-Control-Allow-Origin", echo);
    add_header(reply, "Access-Control-Expose-Headers",
               "ETag, Idempotent-Replayed, Retry-After, X-Request-ID");
    if (exchange->refusal == 204) {
        add_header(reply, "Access-Control-Allow-Methods", methods);
        add_header(reply, "Access-Control-Allow-Headers",
                   "Authorization, Content-Type, Idempotency-Key, If-Match, Last-Event-ID, "
                   "X-Request-ID");
        add_header(reply, "Access-Control-Max-Age", "600");
    }
    return true;
}

void ct_exchange_reply(struct ct_exchange *exchange)
{
    struct ct_reply *reply = &exchange->reply;
    reply->header_count = 0;
    if (exchange->id != NULL)
        add_header(reply, "X-Request-ID", exchange->id);
    add_header(reply, "X-Content-Type-Options", "nosniff");
    if (exchange->refusal == 204)
        reply->status = 204;
    else if (exchange->refusal != 0)
        set_detail(exchange, exchange->refusal, exchange->refusal_detail);
    else if (exchange->result == CT_OK && exchange->kept.status != 0)
        set_kept(exchange);
    else if (exchange->result == CT_OK)
        set_success(exchange);
    else
        set_failure(exchange);
    if (!add_cors(exchange))
        out_of_memory(exchange);
}
