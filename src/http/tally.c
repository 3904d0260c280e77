#include "http/tally.h"

#include "base/clock.h"

void ct_tally_request(struct ct_exchange *exchange, int status)
{
    struct ct_metrics *metrics = exchange->server->metrics;
    const struct ct_match *match = &exchange->match;
    int64_t duration_us = ct_clock_monotonic_us() - exchange->started_us;
    ct_metrics_request(metrics, match->route == NULL ? CT_METRIC_NO_ROUTE : match->number, status,
                       duration_us);
    if (exchange->body.len > 0)
        ct_metrics_add(metrics, CT_METRIC_REQUEST_BYTES, (int64_t)exchange->body.len);
    if (exchange->reply.body.len > 0 && exchange->method != CT_HEAD)
        ct_metrics_add(metrics, CT_METRIC_REPLY_BYTES, (int64_t)exchange->reply.body.len);
    ct_access_log(exchange, status, duration_us);
}

void ct_tally_garbage(const struct ct_server_options *server, const char *id, const char *peer,
                      int status, int64_t bytes)
{
    ct_metrics_request(server->metrics, CT_METRIC_NO_ROUTE, status, 0);
    ct_access_log_garbage(server->log, id, peer, status, bytes);
}

void ct_tally_connection(const struct ct_server_options *server, bool begins)
{
    if (begins)
        ct_metrics_add(server->metrics, CT_METRIC_CONNECTIONS_OPENED, 1);
    ct_metrics_add(server->metrics, CT_METRIC_CONNECTIONS, begins ? 1 : -1);
}
