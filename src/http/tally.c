#include "http/tally.h"

#include "base/clock.h"

void ct_tally_request(struct ct_exchange *exchange, int status)
{
    const struct ct_match *match = &exchange->match;
    int64_t duration_us = ct_clock_monotonic_us() - exchange->started_us;
    const struct ct_metric_request request = {
        .route = match->route == NULL ? CT_METRIC_NO_ROUTE : match->number,
        .status = status,
        .duration_us = duration_us,
        .body_bytes = exchange->body.len,
        .reply_bytes = exchange->method == CT_HEAD ? 0 : exchange->reply.body.len};
    ct_metrics_request(exchange->server->metrics, &request);
    ct_access_log(exchange, status, duration_us);
}

void ct_tally_garbage(const struct ct_server_options *server, const char *id, const char *peer,
                      int status, int64_t bytes)
{
    const struct ct_metric_request request = {
        .route = CT_METRIC_NO_ROUTE, .status = status, .reply_bytes = (size_t)bytes};
    ct_metrics_request(server->metrics, &request);
    ct_access_log_garbage(server->log, id, peer, status, bytes);
}

void ct_tally_connection(const struct ct_server_options *server, bool begins)
{
    if (begins)
        ct_metrics_add(server->metrics, CT_METRIC_CONNECTIONS_OPENED, 1);
    ct_metrics_add(server->metrics, CT_METRIC_CONNECTIONS, begins ? 1 : -1);
}
