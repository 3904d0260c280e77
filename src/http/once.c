#include "http/once.h"

#include <assert.h>

#include "base/clock.h"
#include "http/authorize.h"
#include "http/print.h"

#define HEADER "Idempotency-Key"

static enum ct_result refuse_key(struct ct_exchange *exchange, const char *type,
                                 const char *message)
{
    return ct_call_refuse(&exchange->call, "header", HEADER, type, message);
}

enum ct_result ct_once_begin(struct ct_exchange *exchange)
{
    const struct ct_route *route = exchange->match.route;
    const struct ct_headers *headers = &exchange->headers;
    enum ct_result result;
    if (!route->idempotent || headers->idempotency_key.at == NULL)
        return CT_OK;
    assert(route->access == CT_WRITE && (route->reply != NULL || route->status == 204));
    if (headers->idempotency_key_count > 1)
        result = refuse_key(exchange, "value_error", "Value error, the header came more than once");
    else if (!ct_idempotency_key_valid(headers->idempotency_key))
        result = refuse_key(exchange, "value_error",
                            "Value error, a key is 1 to 255 visible ASCII characters");
    else
        result = CT_OK;
    if (result != CT_OK)
        return result == CT_INVALID ? CT_OK : result; /* the faults tell, with those of the body */
    struct ct_request_text text = {.method = ct_method_name(exchange->method),
                                   .query = exchange->query,
                                   .body = exchange->body};
    struct ct_str ignored;
    ct_target_split(exchange->target, &text.path, &ignored);
    return ct_idempotency_new(exchange->arena, exchange->call.user_id, headers->idempotency_key,
                              &text, &exchange->idempotency);
}

/* Finds the answer of an earlier request. */
static enum ct_result find(struct ct_exchange *exchange, struct ct_db *db, int64_t now_ms)
{
    enum ct_result result =
        ct_idempotency_find(exchange->idempotency, exchange->arena, db, now_ms, &exchange->kept);
    exchange->replayed = result == CT_OK;
    if (result == CT_CONFLICT)
        return refuse_key(exchange, "value_error",
                          "Value error, this key was used with another request");
    return result;
}

enum ct_result ct_once_look_up(struct ct_exchange *exchange)
{
    bool public = exchange->match.route->auth == CT_PUBLIC;
    struct ct_db *db;
    if (public)
        ct_exchange_limit_mistaken(exchange);
    if (exchange->refusal != 0)
        return CT_LIMITED;
    enum ct_result result = ct_store_read_begin(exchange->server->store, &db);
    if (result != CT_OK)
        return result;
    /* An answer may hold a key: it is not for a token that was ended while the body was on its way. */
    if (!public && !ct_exchange_still_authorized(exchange, db))
        result = CT_DENIED;
    else
        result = find(exchange, db, ct_clock_unix_ms());
    ct_store_read_end(db);
    if (public && result == CT_INVALID)
        ct_limits_count_mistaken(exchange->limits, exchange->address);
    return result;
}

/* @p body has been printed. */
static enum ct_result keep(struct ct_exchange *exchange, struct ct_db *db, int64_t now_ms,
                           int status, struct ct_buf *body)
{
    struct ct_kept_reply kept = {.status = status, .body = ct_buf_done(body)};
    if (body->failed)
        return CT_NOMEM;
    /* A stranger's failure costs him nothing, so it leaves no row. */
    enum ct_result result =
        exchange->call.user_id == 0 && status >= 400
            ? CT_OK
            : ct_idempotency_keep(exchange->idempotency, exchange->arena, db, now_ms, &kept);
    if (result == CT_OK)
        exchange->kept = kept;
    return result;
}

enum ct_result ct_once_run(struct ct_exchange *exchange, struct ct_db *db,
                           enum ct_result (*run)(struct ct_exchange *exchange, struct ct_db *db))
{
    int64_t now_ms = ct_clock_unix_ms();
    enum ct_result result = find(exchange, db, now_ms);
    if (result == CT_NOT_FOUND) {
        result = run(exchange, db);
        if (result == CT_OK) {
            struct ct_buf body = ct_buf_in(exchange->arena);
            int status = ct_exchange_print(exchange, &body);
            result = keep(exchange, db, now_ms, status, &body);
        }
    }
    return result;
}

bool ct_once_keeps(const struct ct_exchange *exchange, enum ct_result result)
{
    int status = ct_exchange_failure(exchange, result).status;
    return status == 403 || status == 404 || status == 409 || status == 412;
}

enum ct_result ct_once_keep(void *ctx, struct ct_db *db)
{
    struct ct_exchange *exchange = ctx;
    int64_t now_ms = ct_clock_unix_ms();
    exchange->kept = (struct ct_kept_reply){0};
    exchange->faults.first = exchange->faults.last = NULL; /* it may run twice */
    enum ct_result result = find(exchange, db, now_ms);
    if (result == CT_NOT_FOUND) {
        struct ct_failure failure = ct_exchange_failure(exchange, exchange->result);
        struct ct_buf body = ct_buf_in(exchange->arena);
        ct_print_detail(failure.detail, &body);
        result = keep(exchange, db, now_ms, failure.status, &body);
    }
    return result;
}
