#include "http/authorize.h"

/* The token of `Bearer TOKEN` (RFC 6750 section 2.1); the scheme's case does not matter. */
static bool bearer_token(struct ct_str header, struct ct_str *out)
{
    static const char SCHEME[] = "bearer";
    size_t scheme = sizeof(SCHEME) - 1;
    if (header.len < scheme ||
        !ct_str_equal_nocase((struct ct_str){header.at, scheme}, CT_STR(SCHEME)))
        return false;
    size_t at = scheme;
    while (at < header.len && header.at[at] == ' ')
        at++;
    if (at == scheme && at < header.len)
        return false;
    *out = (struct ct_str){header.at + at, header.len - at};
    return true;
}

static void authenticate(struct ct_exchange *exchange, struct ct_db *db)
{
    const struct ct_headers *headers = &exchange->headers;
    struct ct_call *call = &exchange->call;
    struct ct_str token;
    if (headers->authorization_count == 0 || !bearer_token(headers->authorization, &token) ||
        token.len == 0) {
        ct_exchange_refuse(exchange, 401, "Not authenticated");
        return;
    }
    if (headers->authorization_count > 1) {
        ct_exchange_refuse(exchange, 401, "Could not validate credentials");
        return;
    }
    const struct ct_server_options *server = exchange->server;
    enum ct_result result = server->authenticate(server->authenticate_room, exchange->arena, db,
                                                 token, exchange->address, &call->caller);
    if (result == CT_OK) {
        call->user_id = call->caller.user_id;
        call->token = token;
        return;
    }
    call->caller = (struct ct_caller){0};
    if (result == CT_DENIED)
        ct_exchange_refuse(exchange, 401, "Could not validate credentials");
    else
        ct_exchange_refuse(exchange, 503, "The server cannot check credentials now; try again");
}

/* With a sentence that is made for this request; NULL without memory. */
static void refuse_with(struct ct_exchange *exchange, int status, const char *detail)
{
    if (detail == NULL)
        ct_exchange_refuse(exchange, 503, "The server is out of memory; try again");
    else
        ct_exchange_refuse(exchange, status, detail);
}

static void permit(struct ct_exchange *exchange)
{
    const struct ct_route *route = exchange->match.route;
    const struct ct_caller *caller = &exchange->call.caller;
    if (route->auth == CT_SESSION && caller->key_id != 0)
        ct_exchange_refuse(exchange, 403, "This needs the token of a login, not an API key");
    else if (route->auth == CT_ADMIN && caller->role != CT_ROLE_ADMIN)
        ct_exchange_refuse(exchange, 403, "This needs the role admin");
    else if (route->scope != NULL && !ct_caller_has_scope(caller, ct_str_of(route->scope)))
        refuse_with(
            exchange, 403,
            ct_arena_printf(exchange->arena, "This API key lacks the scope %s", route->scope));
}

/* @p wait_s is what a limit answered: 0 is none. */
static void limit(struct ct_exchange *exchange, enum ct_metric kind, const char *whose,
                  int64_t wait_s)
{
    if (wait_s == 0)
        return;
    ct_metrics_add(exchange->server->metrics, kind, 1);
    exchange->call.retry_after_s = wait_s;
    refuse_with(exchange, 429,
                ct_arena_printf(exchange->arena, "Too many requests %s; try again in %lld second%s",
                                whose, (long long)wait_s, wait_s == 1 ? "" : "s"));
}

void ct_exchange_authorize(struct ct_exchange *exchange, struct ct_db *db)
{
    authenticate(exchange, db);
    if (exchange->refusal == 0)
        permit(exchange);
    if (exchange->refusal == 0 && exchange->limits != NULL && !exchange->match.route->unlimited)
        limit(exchange, CT_METRIC_LIMITED_ACCOUNT, "of this account",
              ct_limits_take_account(exchange->limits, exchange->call.user_id));
}

bool ct_exchange_still_authorized(struct ct_exchange *exchange, struct ct_db *db)
{
    authenticate(exchange, db);
    if (exchange->refusal == 0)
        permit(exchange);
    return exchange->refusal == 0;
}

void ct_exchange_limit_address(struct ct_exchange *exchange)
{
    const struct ct_route *route = exchange->match.route;
    if (exchange->limits != NULL && (route == NULL || !route->unlimited))
        limit(exchange, CT_METRIC_LIMITED_ADDRESS, "from this address",
              ct_limits_take_address(exchange->limits, exchange->address));
}

void ct_exchange_limit_mistaken(struct ct_exchange *exchange)
{
    limit(exchange, CT_METRIC_LIMITED_MISTAKEN, "with an Idempotency-Key of another request",
          ct_limits_mistaken_wait(exchange->limits, exchange->address));
}
