#include "ops/ops.h"

/* ---- GET /readyz ---- */

struct ready {
    struct ct_str status;
};

static const struct ct_field ready_fields[] = {
    CT_FIELD(struct ready, status, CT_FIELD_STRING, .doc = "Always `ready`.",
             .example = "\"ready\""),
};

static const struct ct_schema ready_schema =
    CT_SCHEMA("Ready", "The server can be sent requests.", struct ready, ready_fields);

static const char *reason_of(enum ct_ready ready)
{
    switch (ready) {
    case CT_READY:
        return NULL;
    case CT_READY_STOPPING:
        return "The server is stopping; try another one";
    case CT_READY_SILENT:
        return "The database does not answer; try again";
    case CT_READY_OUTDATED:
        return "The database is older than this server; try again";
    case CT_READY_UNREACHABLE:
        break;
    }
    return "The database cannot be reached; try again";
}

static enum ct_result get_ready(struct ct_call *call)
{
    const struct ct_ops *ops = call->room;
    struct ready *reply = call->reply;
    const char *reason = reason_of(ct_readiness_ask(ops->readiness));
    if (reason != NULL)
        return ct_call_say(call, CT_UNAVAILABLE, reason);
    reply->status = CT_STR("ready");
    return CT_OK;
}

static const struct ct_route_error ready_errors[] = {
    {CT_UNAVAILABLE, 503, "The server is stopping, or cannot read from its database"},
    {CT_OK, 0, NULL},
};

/* ---- GET /version ---- */

struct version {
    struct ct_str version;
};

static const struct ct_field version_fields[] = {
    CT_FIELD(struct version, version, CT_FIELD_STRING, .doc = "As `cloud-telephony version` says.",
             .example = "\"" CT_VERSION "\""),
};

static const struct ct_schema version_schema =
    CT_SCHEMA("Version", "What runs here.", struct version, version_fields);

static enum ct_result get_version(struct ct_call *call)
{
    struct version *reply = call->reply;
    reply->version = CT_STR(CT_VERSION);
    return CT_OK;
}

const struct ct_route ct_ops_routes[] = {
    {.method = CT_GET,
     .pattern = "/readyz",
     .reply = &ready_schema,
     .access = CT_NO_DATABASE,
     .unlimited = true,
     .run = get_ready,
     .errors = ready_errors,
     .summary = "Ask whether the server should be sent requests",
     .doc = "For load balancers: 503 when the server is stopping, or when it could not read from "
            "its database within the last seconds. It counts against no limit.",
     .tag = "Operations"},
    {.method = CT_GET,
     .pattern = "/version",
     .reply = &version_schema,
     .access = CT_NO_DATABASE,
     .run = get_version,
     .summary = "Ask for the version of the program",
     .tag = "Operations"},
};
const size_t ct_ops_route_count = sizeof(ct_ops_routes) / sizeof(ct_ops_routes[0]);
