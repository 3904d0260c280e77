#include "http/health_api.h"

struct health {
    struct ct_str status;
};

static const struct ct_field health_fields[] = {
    CT_FIELD(struct health, status, CT_FIELD_STRING, .doc = "Always `ok`.", .example = "\"ok\""),
};

static const struct ct_schema health_schema =
    CT_SCHEMA("Health", "The program answers.", struct health, health_fields);

static enum ct_result get_health(struct ct_call *call)
{
    struct health *reply = call->reply;
    reply->status = CT_STR("ok");
    return CT_OK;
}

const struct ct_route ct_health_routes[] = {
    {.method = CT_GET,
     .pattern = "/healthz",
     .reply = &health_schema,
     .access = CT_NO_DATABASE,
     .unlimited = true,
     .run = get_health,
     .summary = "Ask whether the program answers",
     .doc = "For monitors and load balancers: it looks at no database and counts against no limit.",
     .tag = "Operations",
     .about = "Whether the server lives, is ready, and how it does; for machines that watch it."},
};
const size_t ct_health_route_count = sizeof(ct_health_routes) / sizeof(ct_health_routes[0]);
