#include "ops/metrics_text.h"

static enum ct_result get_metrics(struct ct_call *call)
{
    const struct ct_ops *ops = call->room;
    struct ct_content *content = call->reply;
    struct ct_readings readings;
    /* What a proxy passes on that nobody told us of came from anywhere. */
    if (call->forwarded || !ct_config_in_networks(call->config->metrics_allow, call->address.at))
        return CT_NOT_FOUND;
    ct_ops_read(ops, call->config, &readings);
    struct ct_buf text = ct_buf_in(call->arena);
    ct_metrics_print(ops->metrics, &readings, &text);
    content->body = ct_buf_done(&text);
    content->type = CT_METRICS_TYPE;
    return text.failed ? CT_NOMEM : CT_OK;
}

static const struct ct_route_error metrics_errors[] = {
    {CT_NOT_FOUND, 404, "Not Found"},
    {CT_OK, 0, NULL},
};

const struct ct_route ct_metrics_api_routes[] = {
    {.method = CT_GET,
     .pattern = "/metrics",
     .access = CT_NO_DATABASE,
     .unlimited = true,
     .run = get_metrics,
     .errors = metrics_errors,
     .summary = "Read the metrics of this server",
     .doc = "In Prometheus' text format 0.0.4. Only for the addresses that METRICS_ALLOW names; "
            "for all others there is no such page. It counts against no limit.",
     .tag = "Operations",
     .content = "text/plain"},
};
const size_t ct_metrics_api_route_count =
    sizeof(ct_metrics_api_routes) / sizeof(ct_metrics_api_routes[0]);
