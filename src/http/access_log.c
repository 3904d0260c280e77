#include "http/access_log.h"

void ct_access_log(struct ct_exchange *exchange, int status, int64_t duration_us)
{
    struct ct_log *log = exchange->server->log;
    if (!ct_log_wants(log, CT_LOG_INFO))
        return;
    const struct ct_route *route = exchange->match.route;
    /* An unknown method or path is the client's own text, which may hold what nobody should read.
     */
    CT_LOG(log, CT_LOG_INFO, "request", CT_F_TEXT("id", exchange->id),
           CT_F_TEXT("method", ct_method_name(exchange->method)),
           CT_F_TEXT("route", route == NULL ? "-" : route->pattern), CT_F_INT("status", status),
           CT_F_INT("bytes", exchange->method == CT_HEAD ? 0 : exchange->reply.body.len),
           CT_F_US("ms", duration_us), CT_F_INT("user", exchange->call.user_id),
           CT_F_STR("client", exchange->address));
}

void ct_access_log_garbage(struct ct_log *log, const char *id, const char *peer, int status,
                           int64_t bytes)
{
    CT_LOG(log, CT_LOG_INFO, "request", CT_F_TEXT("id", id), CT_F_TEXT("method", "-"),
           CT_F_TEXT("route", "-"), CT_F_INT("status", status), CT_F_INT("bytes", bytes),
           CT_F_US("ms", 0), CT_F_INT("user", 0), CT_F_TEXT("client", peer));
}
