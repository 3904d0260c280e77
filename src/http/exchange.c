#include "http/exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/authorize.h"
#include "http/bind.h"
#include "http/body_headers.h"
#include "http/once.h"

#define MAX_HEADER_BYTES 6144
/* libmicrohttpd's memory for a connection is 8 KB: it holds the request's bytes, a record for each of its
 * headers and a copy of its cookies. What is left must do for the headers of the longest reply. */
#define MAX_HEADER_MEMORY 7168
#define HEADER_RECORD_BYTES 64
/* How far beyond MAX_BODY_BYTES a body without a length is read, to be refused in good order. */
#define EXCESS_BYTES ((size_t)1 << 20)

struct ct_exchange *ct_exchange_new(const struct ct_server_options *server,
                                    struct ct_spares *spares, const char *target)
{
    void *block = spares == NULL ? NULL : ct_spares_take(spares);
    struct ct_arena *arena = block == NULL ? ct_arena_new() : ct_arena_in(block, CT_EXCHANGE_BYTES);
    if (arena == NULL)
        goto out;
    struct ct_exchange *exchange = ct_arena_alloc(arena, sizeof(*exchange));
    if (exchange == NULL)
        goto out;
    size_t size = strlen(target);
    char *copy = ct_arena_copy(arena, target, size);
    if (copy == NULL)
        goto out;
    exchange->arena = arena;
    exchange->spares = spares;
    exchange->block = block;
    exchange->server = server;
    exchange->target = (struct ct_str){copy, size};
    exchange->started_us = ct_clock_monotonic_us();
    exchange->faults.arena = arena;
    exchange->peer = "-";
    exchange->address = CT_STR("-");
    return exchange;
out:
    ct_arena_free(arena);
    if (block != NULL)
        ct_spares_give(spares, block);
    return NULL;
}

void ct_exchange_free(struct ct_exchange *exchange)
{
    if (exchange == NULL)
        return;
    if (exchange->source != NULL)
        exchange->source->closed(exchange->source->ctx);
    /* It may hold a password. */
    if (exchange->body_buffer != NULL)
        explicit_bzero(exchange->body_buffer, exchange->body_capacity);
    free(exchange->body_buffer);
    struct ct_spares *spares = exchange->spares;
    void *block = exchange->block;
    ct_arena_free(exchange->arena); /* the exchange is in it */
    if (block != NULL)
        ct_spares_give(spares, block);
}

void ct_exchange_refuse(struct ct_exchange *exchange, int status, const char *detail)
{
    if (exchange->refusal == 0) {
        exchange->refusal = status;
        exchange->refusal_detail = detail;
    }
}

const char *ct_protocol_detail(int status)
{
    switch (status) {
    case 400:
        return "The request is not well-formed HTTP";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 411:
        return "The request needs a Content-Length header";
    case 413:
        return "The request is larger than this server accepts";
    case 414:
        return "The request target is too long";
    case 431:
        return "The request headers are larger than this server accepts (6 KB)";
    case 501:
        return "This transfer coding or method is not implemented";
    case 505:
        return "This version of HTTP is not supported";
    default:
        return status >= 500 ? "Internal Server Error" : "The request was refused";
    }
}

/* Requests that one thread serves one after the other mostly see the same database. */
static void end_read(struct ct_exchange *exchange, struct ct_db *db)
{
    if (exchange->paused == NULL) {
        ct_store_read_end(db);
        return;
    }
    ct_store_read_pause(db);
    exchange->paused(db);
}

static void authorize_alone(struct ct_exchange *exchange)
{
    struct ct_db *db;
    if (ct_store_read_begin(exchange->server->store, &db) != CT_OK) {
        ct_exchange_refuse(exchange, 503, "The server cannot check credentials now; try again");
        return;
    }
    ct_exchange_authorize(exchange, db);
    end_read(exchange, db);
}

/* Finds out who calls, if that is to be found out, and refuses what is wrong with the headers: only those who
 * are authorized are told of that. */
static void get_known(struct ct_exchange *exchange)
{
    if (exchange->unknown)
        authorize_alone(exchange);
    exchange->unknown = false;
    if (exchange->fault != 0)
        ct_exchange_refuse(exchange, exchange->fault, exchange->fault_detail);
}

static bool is_form(const struct ct_exchange *exchange)
{
    return ct_body_is_form(exchange->match.route, &exchange->headers);
}

static bool is_preflight(const struct ct_exchange *exchange)
{
    return exchange->method == CT_OPTIONS && exchange->server->config->cors_origins[0] != '\0' &&
           exchange->headers.origin.at != NULL && exchange->headers.request_method.at != NULL;
}

static bool too_large(const struct ct_headers *headers)
{
    return headers->size > MAX_HEADER_BYTES ||
           headers->size + headers->count * HEADER_RECORD_BYTES + headers->cookie_bytes >
               MAX_HEADER_MEMORY;
}

void ct_exchange_headers(struct ct_exchange *exchange)
{
    const struct ct_server_options *server = exchange->server;
    exchange->address = ct_client_address(server->config->trusted_proxies, exchange->peer,
                                          exchange->headers.forwarded_for, exchange->address_room);
    if (too_large(&exchange->headers)) {
        ct_exchange_refuse(exchange, 431, ct_protocol_detail(431));
        exchange->closing = true;
        return;
    }
    int fault = ct_headers_framing_fault(&exchange->headers);
    if (fault != 0) {
        ct_exchange_refuse(exchange, fault, ct_protocol_detail(fault));
        exchange->closing = true;
        return;
    }
    struct ct_str path;
    ct_target_split(exchange->target, &path, &exchange->query);
    ct_router_match(server->mounts, server->mount_count, exchange->method, path, &exchange->match);
    ct_exchange_limit_address(exchange);
    if (exchange->refusal != 0)
        return;
    const struct ct_route *route = exchange->match.route;
    if (route == NULL) {
        if (exchange->match.allowed == 0)
            ct_exchange_refuse(exchange, 404, ct_protocol_detail(404));
        else if (is_preflight(exchange))
            ct_exchange_refuse(exchange, 204, NULL);
        else
            ct_exchange_refuse(exchange, 405, ct_protocol_detail(405));
        return;
    }
    exchange->call = (struct ct_call){.arena = exchange->arena,
                                      .room = exchange->match.room,
                                      .config = server->config,
                                      .address = exchange->address,
                                      .forwarded = exchange->headers.forwarded_for.at != NULL &&
                                                   exchange->address.at == exchange->peer,
                                      .if_match = exchange->headers.if_match,
                                      .last_event_id = exchange->headers.last_event_id,
                                      .faults = &exchange->faults};
    exchange->streaming = route->stream != NULL && exchange->method == CT_GET &&
                          ct_accept_names(exchange->headers.accept, CT_STR("text/event-stream"));
    if (route->body != NULL)
        exchange->fault =
            ct_body_headers_fault(route, &exchange->headers, server->config->max_body_bytes,
                                  &exchange->closing, &exchange->fault_detail);
    /* What has a body is authorized before the body is read; the rest in the transaction that it runs in
     * anyway. When that has to be waited for, another thread does it, once the body is there; but a client
     * that wants to be told before it sends the body is told. */
    exchange->unknown =
        route->auth != CT_PUBLIC && (route->body != NULL || route->access == CT_WRITE);
    if (server->readers == NULL || exchange->closing || exchange->headers.expect.at != NULL)
        get_known(exchange);
}

bool ct_exchange_body(struct ct_exchange *exchange, const char *data, size_t size)
{
    size_t limit = (size_t)exchange->server->config->max_body_bytes;
    size_t total = exchange->body.len + size;
    if (exchange->refusal != 0 || exchange->fault != 0 || exchange->match.route->body == NULL) {
        /* Nothing will look at it: only the amount is kept. */
        exchange->body.len = total;
        return total <= limit + EXCESS_BYTES;
    }
    if (total > limit) {
        exchange->fault = 413;
        exchange->fault_detail = ct_body_too_large;
        if (!exchange->unknown)
            get_known(exchange);
        exchange->body.len = total;
        return true;
    }
    if (total > exchange->body_capacity) {
        size_t capacity = exchange->body_capacity == 0 ? 512 : exchange->body_capacity * 2;
        while (capacity < total)
            capacity *= 2;
        char *grown = realloc(exchange->body_buffer, capacity);
        if (grown == NULL) {
            ct_exchange_refuse(exchange, 503, "The server is out of memory; try again");
            exchange->body.len = total;
            return true;
        }
        exchange->body_buffer = grown;
        exchange->body_capacity = capacity;
        exchange->body.at = grown;
    }
    memcpy(exchange->body_buffer + exchange->body.len, data, size);
    exchange->body.len = total;
    return true;
}

static enum ct_result allocate(struct ct_exchange *exchange, const struct ct_schema *schema,
                               void **out)
{
    *out = ct_arena_alloc(exchange->arena, schema->size);
    return *out == NULL ? CT_NOMEM : CT_OK;
}

/* Everything of the input, so that all its faults come at once. */
static enum ct_result bind(struct ct_exchange *exchange)
{
    const struct ct_route *route = exchange->match.route;
    const struct ct_config *config = exchange->server->config;
    struct ct_call *call = &exchange->call;
    struct ct_faults *faults = &exchange->faults;
    enum ct_result result = CT_OK;
    void *out = NULL;
    if (route->path != NULL) {
        assert(route->path->count <= CT_PATH_PARAMETERS);
        result = allocate(exchange, route->path, &out);
        if (result == CT_OK)
            result = ct_bind_path(exchange->arena, config, route->path, exchange->match.segments,
                                  faults, out);
        call->path = out;
    }
    if (result == CT_OK && route->query != NULL) {
        result = allocate(exchange, route->query, &out);
        if (result == CT_OK)
            result = ct_bind_pairs(exchange->arena, config, route->query, "query", exchange->query,
                                   faults, out);
        call->query = out;
    }
    if (result == CT_OK && route->body != NULL) {
        result = allocate(exchange, route->body, &out);
        if (result == CT_OK && is_form(exchange))
            result = ct_bind_pairs(exchange->arena, config, route->body, "body", exchange->body,
                                   faults, out);
        else if (result == CT_OK)
            result =
                ct_bind_json(exchange->arena, config, route->body, exchange->body, faults, out);
        call->body = out;
    }
    if (result == CT_OK)
        result = ct_once_begin(exchange);
    if (result != CT_OK)
        return result;
    if (faults->failed)
        return CT_NOMEM;
    return faults->first != NULL ? CT_INVALID : CT_OK;
}

static size_t reply_size(const struct ct_exchange *exchange)
{
    const struct ct_route *route = exchange->match.route;
    return exchange->streaming           ? sizeof(struct ct_stream_source)
           : route->reply == NULL        ? sizeof(struct ct_content)
           : route->list || route->array ? sizeof(struct ct_page)
                                         : route->reply->size;
}

static enum ct_result make_room(struct ct_exchange *exchange)
{
    const struct ct_route *route = exchange->match.route;
    exchange->call.reply = ct_arena_alloc(exchange->arena, reply_size(exchange));
    exchange->call.scratch = ct_arena_alloc(exchange->arena, route->scratch_size);
    return exchange->call.reply == NULL || exchange->call.scratch == NULL ? CT_NOMEM : CT_OK;
}

static void finish(void *ctx, enum ct_result result)
{
    struct ct_exchange *exchange = ctx;
    exchange->result = result;
    exchange->wake(exchange);
}

/* The handler has answered. */
static void conclude(void *ctx, enum ct_result result)
{
    struct ct_exchange *exchange = ctx;
    if (exchange->idempotency != NULL && exchange->refusal == 0 && result != CT_OK &&
        ct_once_keeps(exchange, result)) {
        exchange->result = result;
        exchange->job = (struct ct_job){.run = ct_once_keep, .done = finish, .ctx = exchange};
        result = ct_store_submit(exchange->server->store, &exchange->job);
        if (result == CT_OK)
            return;
    }
    finish(exchange, result);
}

static enum ct_result handle(struct ct_exchange *exchange, struct ct_db *db)
{
    exchange->call.db = db;
    const struct ct_route *route = exchange->match.route;
    enum ct_result result =
        exchange->streaming ? route->stream(&exchange->call) : route->run(&exchange->call);
    if (exchange->streaming && result == CT_OK)
        exchange->source = exchange->call.reply;
    exchange->call.db = NULL;
    return result;
}

/* What a first attempt has left behind. */
static void start_anew(struct ct_exchange *exchange)
{
    struct ct_call *call = &exchange->call;
    memset(call->reply, 0, reply_size(exchange));
    call->etag = NULL;
    call->detail = NULL;
    call->said = CT_OK;
    call->retry_after_s = 0;
    exchange->faults = (struct ct_faults){.arena = exchange->arena};
    exchange->kept = (struct ct_kept_reply){0};
    exchange->refusal = 0;
}

/* The store may have to run a write again. */
static enum ct_result run_in(void *ctx, struct ct_db *db)
{
    struct ct_exchange *exchange = ctx;
    if (exchange->ran)
        start_anew(exchange);
    exchange->ran = true;
    const struct ct_route *route = exchange->match.route;
    if (route->access == CT_WRITE && route->auth != CT_PUBLIC &&
        !ct_exchange_still_authorized(exchange, db))
        return CT_DENIED;
    return exchange->idempotency == NULL ? handle(exchange, db) : ct_once_run(exchange, db, handle);
}

static enum ct_result submit_write(struct ct_exchange *exchange)
{
    exchange->job = (struct ct_job){.run = run_in, .done = conclude, .ctx = exchange};
    return ct_store_submit(exchange->server->store, &exchange->job);
}

/* On a hashing thread. */
static void prepare(void *ctx)
{
    struct ct_exchange *exchange = ctx;
    const struct ct_route *route = exchange->match.route;
    struct ct_metrics *metrics = exchange->server->metrics;
    int64_t began_us = ct_clock_monotonic_us();
    ct_metrics_observe(metrics, CT_METRIC_HASHING_WAIT, began_us - exchange->task.queued_us);
    enum ct_result result = ct_store_read_begin(exchange->server->store, &exchange->call.db);
    if (result == CT_OK) {
        /* It may tell whether a password is right. */
        if (route->auth != CT_PUBLIC && !ct_exchange_still_authorized(exchange, exchange->call.db))
            result = CT_DENIED;
        else
            result = route->prepare(&exchange->call);
        if (exchange->call.db != NULL)
            ct_call_end_read(&exchange->call);
    }
    ct_metrics_observe(metrics, CT_METRIC_HASHING, ct_clock_monotonic_us() - began_us);
    if (result == CT_OK)
        result = submit_write(exchange);
    if (result != CT_OK)
        conclude(exchange, result);
}

/* On a hashing thread too: it would wait too long, or has. */
static void prepare_late(void *ctx)
{
    const struct ct_exchange *exchange = ctx;
    ct_metrics_add(exchange->server->metrics, CT_METRIC_HASHING_REFUSED, 1);
    conclude(ctx, CT_BUSY);
}

static void run_read(struct ct_exchange *exchange)
{
    struct ct_db *db;
    exchange->result = ct_store_read_begin(exchange->server->store, &db);
    if (exchange->result != CT_OK)
        return;
    if (exchange->match.route->auth != CT_PUBLIC)
        ct_exchange_authorize(exchange, db);
    if (exchange->refusal == 0)
        exchange->result = bind(exchange);
    if (exchange->refusal == 0 && exchange->result == CT_OK)
        exchange->result = run_in(exchange, db);
    end_read(exchange, db);
}

/* Runs what needs no other thread; true: the reply can be made. */
static bool run_here(struct ct_exchange *exchange)
{
    if (exchange->refusal != 0)
        return true;
    const struct ct_route *route = exchange->match.route;
    exchange->result = make_room(exchange);
    if (exchange->result != CT_OK)
        return true;
    if (route->access == CT_READ) {
        assert(route->prepare == NULL);
        run_read(exchange);
        return true;
    }
    exchange->result = bind(exchange);
    if (exchange->result != CT_OK)
        return true;
    if (route->access == CT_NO_DATABASE) {
        assert(route->auth == CT_PUBLIC && route->prepare == NULL);
        exchange->result = run_in(exchange, NULL);
        return true;
    }
    if (exchange->idempotency == NULL)
        return false;
    exchange->result = ct_once_look_up(exchange);
    return exchange->result != CT_NOT_FOUND;
}

/* On a thread that may wait for the database. */
static void read_there(void *ctx)
{
    struct ct_exchange *exchange = ctx;
    exchange->reading = false;
    get_known(exchange);
    if (run_here(exchange))
        exchange->wake(exchange);
    else
        ct_exchange_submit(exchange);
}

bool ct_exchange_run(struct ct_exchange *exchange)
{
    const struct ct_route *route = exchange->match.route;
    if (exchange->refusal == 0 && exchange->server->readers != NULL)
        exchange->reading = exchange->unknown || route->access == CT_READ ||
                            (route->idempotent && exchange->headers.idempotency_key.at != NULL);
    if (!exchange->reading && exchange->refusal == 0)
        get_known(exchange);
    if (!exchange->reading)
        return run_here(exchange);
    exchange->paused = NULL; /* it is of the thread that serves connections */
    return false;
}

void ct_exchange_submit(struct ct_exchange *exchange)
{
    enum ct_result result;
    if (exchange->reading) {
        exchange->task = (struct ct_task){.run = read_there, .ctx = exchange};
        result = ct_pool_submit(exchange->server->readers, &exchange->task);
    } else if (exchange->match.route->prepare != NULL) {
        exchange->task = (struct ct_task){.run = prepare, .late = prepare_late, .ctx = exchange};
        result = ct_pool_submit(exchange->server->hashing, &exchange->task);
        if (result != CT_OK)
            ct_metrics_add(exchange->server->metrics, CT_METRIC_HASHING_REFUSED, 1);
    } else {
        result = submit_write(exchange);
    }
    if (result != CT_OK)
        finish(exchange, result);
}
