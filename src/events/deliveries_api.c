#include "base/clock.h"
#include "events/deliveries.h"
#include "events/events.h"
#include "events/service.h"
#include "events/webhooks.h"

struct delivery_path {
    int64_t id;
};

static const struct ct_field webhook_path_fields[] = {
    CT_FIELD(struct delivery_path, id, CT_FIELD_INT, .doc = "The webhook's id.", .example = "1"),
};

static const struct ct_schema webhook_path_schema =
    CT_SCHEMA("WebhookDeliveriesPath", NULL, struct delivery_path, webhook_path_fields);

static const struct ct_field path_fields[] = {
    CT_FIELD(struct delivery_path, id, CT_FIELD_INT, .doc = "The delivery's id.", .example = "1"),
};

static const struct ct_schema path_schema =
    CT_SCHEMA("WebhookDeliveryPath", NULL, struct delivery_path, path_fields);

struct delivery_reply {
    int64_t id;
    int64_t webhook_id;
    int64_t event_id;
    struct ct_str type;
    struct ct_str status;
    int64_t attempts;
    int64_t created_at;
    int64_t sent_at;
    int64_t next_attempt_at;
    int64_t give_up_at;
    int64_t duration_ms;
    int64_t reply_status;
    struct ct_str error;
    struct ct_str request_headers;
    struct ct_str request_body;
    struct ct_str reply_headers;
    struct ct_str reply_body;
};

#define COMMON_FIELDS                                                                            \
    CT_FIELD(struct delivery_reply, id, CT_FIELD_INT,                                            \
             .doc = "The delivery's id: what the receiver finds in `webhook-id`.",               \
             .example = "7"),                                                                    \
        CT_FIELD(struct delivery_reply, webhook_id, CT_FIELD_INT, .doc = "Of which webhook.",    \
                 .example = "1"),                                                                \
        CT_FIELD(struct delivery_reply, event_id, CT_FIELD_INT, .doc = "Of which event.",        \
                 .example = "12"),                                                               \
        CT_FIELD(struct delivery_reply, type, CT_FIELD_STRING, .doc = "The event's type.",       \
                 .example = "\"call.ended\""),                                                   \
        CT_FIELD(struct delivery_reply, status, CT_FIELD_STRING, .words = states,                \
                 .doc =                                                                          \
                     "`pending`: it waits to be sent, perhaps again. `sending`: an attempt is "  \
                     "going on. `delivered`: it was answered with 200 to 299. `failed`: it was " \
                     "tried for 24 hours.",                                                      \
                 .example = "\"delivered\""),                                                    \
        CT_FIELD(struct delivery_reply, attempts, CT_FIELD_INT, .doc = "How often it was sent.", \
                 .example = "1"),                                                                \
        CT_FIELD(struct delivery_reply, created_at, CT_FIELD_TIME, .doc = "When it was made.",   \
                 .example = "\"2026-01-31T12:00:00.000Z\""),                                     \
        CT_FIELD(struct delivery_reply, sent_at, CT_FIELD_TIME, .flags = CT_FIELD_NULLABLE,      \
                 .doc = "When it was last sent; null before the first time."),                   \
        CT_FIELD(struct delivery_reply, next_attempt_at, CT_FIELD_TIME,                          \
                 .flags = CT_FIELD_NULLABLE,                                                     \
                 .doc = "When it is sent next at the earliest; null once it is over."),          \
        CT_FIELD(struct delivery_reply, give_up_at, CT_FIELD_TIME,                               \
                 .doc = "Until when it is tried."),                                              \
        CT_FIELD(struct delivery_reply, duration_ms, CT_FIELD_INT, .flags = CT_FIELD_NULLABLE,   \
                 .doc = "How long the last attempt took.", .example = "38"),                     \
        CT_FIELD(struct delivery_reply, reply_status, CT_FIELD_INT, .flags = CT_FIELD_NULLABLE,  \
                 .doc = "What the last attempt was answered with; null: with nothing.",          \
                 .example = "200"),                                                              \
        CT_FIELD(struct delivery_reply, error, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE,      \
                 .doc = "Why the last attempt has failed; null: it has not.")

static const char *const states[] = {"pending", "sending", "delivered", "failed", NULL};

static const struct ct_field list_fields[] = {
    COMMON_FIELDS,
};

static const struct ct_schema list_schema = CT_SCHEMA(
    "WebhookDelivery", "An event on its way to a webhook.", struct delivery_reply, list_fields);

static const struct ct_field full_fields[] = {
    COMMON_FIELDS,
    CT_FIELD(struct delivery_reply, request_headers, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE,
             .doc = "The header fields of the last attempt that matter, a line each."),
    CT_FIELD(struct delivery_reply, request_body, CT_FIELD_STRING,
             .doc = "The body, as it is sent and signed."),
    CT_FIELD(struct delivery_reply, reply_headers, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE,
             .doc = "The status line and header of the last answer, up to 4 KB."),
    CT_FIELD(struct delivery_reply, reply_body, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE,
             .doc = "Its body, up to 4 KB."),
};

static const struct ct_schema full_schema =
    CT_SCHEMA("WebhookDeliveryInFull", "A delivery with its request and reply.",
              struct delivery_reply, full_fields);

static void describe(const struct ct_delivery *delivery, struct delivery_reply *out)
{
    *out = (struct delivery_reply){.id = delivery->id,
                                   .webhook_id = delivery->webhook_id,
                                   .event_id = delivery->event_id,
                                   .type = delivery->type,
                                   .status = ct_delivery_word(delivery->state),
                                   .attempts = delivery->attempts,
                                   .created_at = delivery->created_at,
                                   .sent_at = delivery->sent_at,
                                   .next_attempt_at = delivery->due_at,
                                   .give_up_at = delivery->give_up_at,
                                   .duration_ms = delivery->duration_ms,
                                   .reply_status = delivery->reply_status,
                                   .error = delivery->error,
                                   .request_headers = delivery->request_headers,
                                   .request_body = delivery->request_body,
                                   .reply_headers = delivery->reply_headers,
                                   .reply_body = delivery->reply_body};
}

static enum ct_result list_deliveries(struct ct_call *call)
{
    const struct ct_list_query *query = call->query;
    const struct delivery_path *path = call->path;
    struct ct_page *reply = call->reply;
    struct ct_webhook webhook;
    int64_t before = 0;
    enum ct_result result = ct_cursor_read(call, query->after, &before);
    if (result == CT_OK)
        result = ct_webhook_get(call->arena, call->db, call->user_id, path->id, &webhook);
    if (result != CT_OK)
        return result;
    size_t limit = (size_t)query->limit;
    struct ct_delivery *rows = ct_arena_alloc(call->arena, (limit + 1) * sizeof(*rows));
    struct delivery_reply *items = ct_arena_alloc(call->arena, limit * sizeof(*items));
    if (rows == NULL || items == NULL)
        return CT_NOMEM;
    size_t count = 0;
    result = ct_delivery_list(call->arena, call->db, path->id, before == 0 ? INT64_MAX : before,
                              limit + 1, rows, &count);
    reply->items = items;
    reply->count = count < limit ? count : limit;
    for (size_t i = 0; i < reply->count && result == CT_OK; i++)
        describe(&rows[i], &items[i]);
    if (result == CT_OK && count > limit)
        result = ct_cursor_make(call->arena, rows[limit - 1].id, &reply->next);
    return result;
}

static enum ct_result get_delivery(struct ct_call *call)
{
    const struct delivery_path *path = call->path;
    struct ct_delivery delivery;
    enum ct_result result =
        ct_delivery_get(call->arena, call->db, call->user_id, path->id, &delivery);
    if (result == CT_OK)
        describe(&delivery, call->reply);
    return result;
}

static enum ct_result replay_delivery(struct ct_call *call)
{
    const struct delivery_path *path = call->path;
    struct ct_delivery delivery;
    enum ct_result result =
        ct_delivery_get(call->arena, call->db, call->user_id, path->id, &delivery);
    if (result == CT_OK && !ct_delivery_allows(delivery.state, CT_DELIVERY_REPLAY))
        result = CT_CONFLICT;
    if (result == CT_OK)
        result = ct_delivery_replay(call->db, path->id, ct_clock_unix_ms());
    if (result == CT_OK)
        result = ct_delivery_get(call->arena, call->db, call->user_id, path->id, &delivery);
    if (result == CT_OK)
        describe(&delivery, call->reply);
    return result;
}

const struct ct_route ct_deliveries_routes[] = {
    {.method = CT_GET,
     .pattern = "/webhooks/{id}/deliveries",
     .path = &webhook_path_schema,
     .query = &ct_list_query_schema,
     .reply = &list_schema,
     .list = true,
     .access = CT_READ,
     .auth = CT_USER,
     .scope = "webhooks:read",
     .run = list_deliveries,
     .errors = (const struct ct_route_error[]){{CT_NOT_FOUND, 404, "Webhook not found"}, {0}},
     .summary = "See what was sent to a webhook",
     .doc = "The newest first, as far as they are kept (EVENTS_KEEP_DAYS).",
     .tag = "Webhooks"},
    {.method = CT_GET,
     .pattern = "/webhook_deliveries/{id}",
     .path = &path_schema,
     .reply = &full_schema,
     .access = CT_READ,
     .auth = CT_USER,
     .scope = "webhooks:read",
     .run = get_delivery,
     .errors = (const struct ct_route_error[]){{CT_NOT_FOUND, 404, "Delivery not found"}, {0}},
     .summary = "See one delivery",
     .doc = "With its request and the last reply.",
     .tag = "Webhooks"},
    {.method = CT_POST,
     .pattern = "/webhook_deliveries/{id}/replay",
     .path = &path_schema,
     .reply = &full_schema,
     .status = 202,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "webhooks:write",
     .run = replay_delivery,
     .errors =
         (const struct ct_route_error[]){{CT_NOT_FOUND, 404, "Delivery not found"},
                                         {CT_CONFLICT, 409, "The delivery is on its way already"},
                                         {0}},
     .summary = "Send a delivery again",
     .doc = "One that is `delivered` or `failed`; with the same id and body, and a new time and "
            "signature.",
     .tag = "Webhooks"},
};
const size_t ct_deliveries_route_count =
    sizeof(ct_deliveries_routes) / sizeof(ct_deliveries_routes[0]);
