#include "accounts/accounts.h"

#include "accounts/audit.h"
#include "accounts/sessions.h"
#include "base/clock.h"

/* Reads only: what the new token says is what this transaction saw when it accepted the old one. */
static enum ct_result refresh(struct ct_call *call)
{
    const struct ct_accounts *accounts = call->room;
    struct ct_token_reply *reply = call->reply;
    int64_t now_s = ct_clock_unix_ms() / 1000;
    struct ct_claims claims = {
        .user_id = call->user_id, .issued_at = now_s, .login_at = call->caller.login_at};
    int64_t lifetime_s = ct_session_lifetime_s(call->config, claims.login_at, now_s);
    if (lifetime_s == 0)
        return CT_FORBIDDEN;
    claims.expires_at = now_s + lifetime_s;
    enum ct_result result = ct_session_epoch(call->db, call->user_id, &claims.epoch);
    if (result != CT_OK)
        return result;
    reply->token_type = CT_STR("bearer");
    return ct_token_issue(call->arena, accounts->keys, &claims, &reply->access_token);
}

static enum ct_result log_out(struct ct_call *call)
{
    const struct ct_caller *caller = &call->caller;
    enum ct_result result = ct_session_end(call->db, call->user_id, caller->token_id,
                                           caller->token_expires_at, ct_clock_unix_ms() / 1000);
    if (result == CT_OK)
        result = ct_audit_call(call, call->user_id, CT_AUDIT_ACCOUNT_LOGGED_OUT, call->user_id,
                               CT_STR(""));
    return result;
}

static enum ct_result log_out_all(struct ct_call *call)
{
    enum ct_result result = ct_session_end_all(call->db, call->user_id);
    if (result == CT_OK)
        result = ct_audit_call(call, call->user_id, CT_AUDIT_ACCOUNT_LOGGED_OUT_ALL, call->user_id,
                               CT_STR(""));
    return result;
}

static enum ct_result get_jwks(struct ct_call *call)
{
    const struct ct_accounts *accounts = call->room;
    struct ct_content *reply = call->reply;
    reply->body = accounts->jwks;
    reply->type = "application/jwk-set+json";
    reply->cache = "public, max-age=300";
    return CT_OK;
}

/* The account was deleted since the token was looked at. */
#define ENDED_SINCE                                         \
    {                                                       \
        CT_NOT_FOUND, 401, "Could not validate credentials" \
    }

const struct ct_route ct_sessions_routes[] = {
    {.method = CT_POST,
     .pattern = "/auth/refresh",
     .reply = &ct_token_schema,
     .access = CT_READ,
     .auth = CT_SESSION,
     .run = refresh,
     .errors =
         (const struct ct_route_error[]){
             {CT_FORBIDDEN, 403, "Log in again: the login was longer ago than SESSION_MAX_HOURS"},
             {0}},
     .summary = "Get a fresh token",
     .doc = "For a token that is still valid, until SESSION_MAX_HOURS after the login that it goes "
            "back to; then it is 403, and the password is asked for again. The old one stays valid "
            "until it expires.",
     .tag = "Accounts"},
    {.method = CT_POST,
     .pattern = "/auth/logout",
     .status = 204,
     .access = CT_WRITE,
     .auth = CT_SESSION,
     .run = log_out,
     .errors = (const struct ct_route_error[]){ENDED_SINCE, {0}},
     .summary = "Log out",
     .doc = "This token is refused from now on, on every server of the database.",
     .tag = "Accounts"},
    {.method = CT_POST,
     .pattern = "/auth/logout_all",
     .status = 204,
     .access = CT_WRITE,
     .auth = CT_SESSION,
     .run = log_out_all,
     .errors = (const struct ct_route_error[]){ENDED_SINCE, {0}},
     .summary = "Log out everywhere",
     .doc =
         "All tokens of the account are refused from now on, on every server of the database. API "
         "keys stay.",
     .tag = "Accounts"},
    {.method = CT_GET,
     .pattern = "/.well-known/jwks.json",
     .access = CT_NO_DATABASE,
     .run = get_jwks,
     .summary = "The public keys of the tokens",
     .doc =
         "A JWK Set (RFC 7517): with ALGORITHM RS256 or ES256, what others can verify tokens with; "
         "otherwise it is empty, since a secret is for nobody.",
     .tag = "Accounts",
     .content = "application/jwk-set+json"},
};
const size_t ct_sessions_route_count = sizeof(ct_sessions_routes) / sizeof(ct_sessions_routes[0]);
