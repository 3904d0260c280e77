#include <string.h>

#include "accounts/audit.h"
#include "accounts/scopes.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "events/events.h"
#include "events/service.h"
#include "events/signature.h"
#include "events/webhooks.h"

#define MAX_PATTERNS 64

struct webhook_create {
    struct ct_str url;
    struct ct_texts events;
};

static const struct ct_field create_fields[] = {
    CT_FIELD(struct webhook_create, url, CT_FIELD_STRING, .min = 1, .max = CT_WEBHOOK_URL_MAX,
             .format = "uri",
             .doc = "Where events are sent by POST: https:// (or http://), a host, perhaps a port, "
                    "path and query. Its address has to be one of the open internet, unless "
                    "WEBHOOK_PRIVATE_ADDRESSES allows it.",
             .example = "\"https://example.com/hooks/telephony\""),
    CT_FIELD(struct webhook_create, events, CT_FIELD_TEXTS,
             .flags = CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE, .min = 1, .max = 64,
             .max_count = MAX_PATTERNS, .doc = ct_event_patterns_doc,
             .example = "[\"call.*\",\"device.created\"]"),
};

static const struct ct_schema create_schema =
    CT_SCHEMA("WebhookCreate", "A webhook to make.", struct webhook_create, create_fields);

struct webhook_reply {
    int64_t id;
    struct ct_str url;
    struct ct_texts events;
    struct ct_str secret;
    int64_t created_at;
};

#define FIELD_ID \
    CT_FIELD(struct webhook_reply, id, CT_FIELD_INT, .doc = "The webhook's id.", .example = "1")
#define FIELD_URL                                                                         \
    CT_FIELD(struct webhook_reply, url, CT_FIELD_STRING, .doc = "Where events are sent.", \
             .example = "\"https://example.com/hooks/telephony\"")
#define FIELD_EVENTS                                                             \
    CT_FIELD(struct webhook_reply, events, CT_FIELD_TEXTS, .doc = "Which ones.", \
             .example = "[\"call.*\"]")
#define FIELD_CREATED_AT                                                                  \
    CT_FIELD(struct webhook_reply, created_at, CT_FIELD_TIME, .doc = "When it was made.", \
             .example = "\"2026-01-31T12:00:00.000Z\"")

static const struct ct_field made_fields[] = {
    FIELD_ID,
    FIELD_URL,
    FIELD_EVENTS,
    CT_FIELD(struct webhook_reply, secret, CT_FIELD_STRING,
             .doc = "What requests are signed with, to be kept by the receiver. It is shown this "
                    "once.",
             .example = "\"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD…\""),
    FIELD_CREATED_AT,
};

static const struct ct_schema made_schema =
    CT_SCHEMA("WebhookCreated", "The webhook is yours.", struct webhook_reply, made_fields);

static const struct ct_field webhook_fields[] = {
    FIELD_ID,
    FIELD_URL,
    FIELD_EVENTS,
    FIELD_CREATED_AT,
};

static const struct ct_schema webhook_schema =
    CT_SCHEMA("Webhook", "Where events are sent.", struct webhook_reply, webhook_fields);

struct webhook_path {
    int64_t id;
};

static const struct ct_field path_fields[] = {
    CT_FIELD(struct webhook_path, id, CT_FIELD_INT, .doc = "The webhook's id.", .example = "1"),
};

static const struct ct_schema path_schema =
    CT_SCHEMA("WebhookPath", NULL, struct webhook_path, path_fields);

struct test_reply {
    int64_t webhook_id;
    struct ct_str type;
};

static const struct ct_field test_fields[] = {
    CT_FIELD(struct test_reply, webhook_id, CT_FIELD_INT, .doc = "The webhook's id.",
             .example = "1"),
    CT_FIELD(struct test_reply, type, CT_FIELD_STRING, .doc = "The type of what is sent.",
             .example = "\"webhook.test\""),
};

static const struct ct_schema test_schema =
    CT_SCHEMA("WebhookTest", "It is on its way.", struct test_reply, test_fields);

static enum ct_result describe(struct ct_arena *arena, const struct ct_webhook *webhook,
                               struct webhook_reply *out)
{
    *out = (struct webhook_reply){
        .id = webhook->id, .url = webhook->url, .created_at = webhook->created_at};
    return ct_scopes_split(arena, webhook->events, &out->events);
}

static enum ct_result judge_url(struct ct_call *call, struct ct_str url)
{
    const char *fault = ct_webhook_url_fault(url);
    if (fault == NULL)
        return CT_OK;
    const char *message = ct_arena_printf(call->arena, "Value error, %s", fault);
    return message == NULL ? CT_NOMEM : ct_call_refuse(call, "body", "url", "value_error", message);
}

static enum ct_result judge_events(struct ct_call *call, const struct ct_texts *events)
{
    uint64_t types;
    bool good = events->at == NULL || events->count > 0;
    for (size_t i = 0; good && i < events->count; i++)
        good = ct_event_pattern(events->at[i], &types) == CT_OK;
    return good ? CT_OK
                : ct_call_refuse(call, "body", "events", "value_error",
                                 "Value error, there is no such type of event");
}

/* CT_FORBIDDEN at QUOTA_WEBHOOKS. */
static enum ct_result judge_quota(struct ct_call *call)
{
    int64_t quota = call->config->quota_webhooks;
    int64_t count = 0;
    enum ct_result result = ct_webhook_count(call->db, call->user_id, quota, &count);
    if (result != CT_OK || count < quota)
        return result;
    return ct_call_say(call, CT_FORBIDDEN,
                       ct_arena_printf(call->arena,
                                       "An account may have %lld webhooks (QUOTA_WEBHOOKS)",
                                       (long long)quota));
}

static enum ct_result judge_create(struct ct_call *call, const struct webhook_create *body)
{
    enum ct_result url = judge_url(call, body->url);
    enum ct_result events = judge_events(call, &body->events);
    if (url != CT_OK || events != CT_OK)
        return url != CT_OK ? url : events;
    return judge_quota(call);
}

static enum ct_result make_webhook(struct ct_call *call)
{
    static const struct ct_str everything = {"*", 1};
    const struct webhook_create *body = call->body;
    struct webhook_reply *reply = call->reply;
    const struct ct_texts events =
        body->events.at == NULL ? (struct ct_texts){&everything, 1} : body->events;
    struct ct_webhook webhook = {.url = body->url, .created_at = ct_clock_unix_ms()};
    enum ct_result result = judge_create(call, body);
    if (result == CT_OK)
        result = ct_scopes_join(call->arena, &events, &webhook.events);
    if (result == CT_OK)
        result = ct_webhook_secret(call->arena, &webhook.secret);
    if (result == CT_OK)
        result = ct_webhook_insert(call->db, call->user_id, &webhook, &webhook.id);
    if (result == CT_OK)
        result =
            ct_audit_call(call, call->user_id, CT_AUDIT_WEBHOOK_CREATED, webhook.id, webhook.url);
    if (result == CT_OK)
        result = describe(call->arena, &webhook, reply);
    if (result == CT_OK)
        reply->secret = webhook.secret;
    return result;
}

static enum ct_result list_webhooks(struct ct_call *call)
{
    const struct ct_list_query *query = call->query;
    struct ct_page *reply = call->reply;
    int64_t after = 0;
    enum ct_result result = ct_cursor_read(call, query->after, &after);
    if (result != CT_OK)
        return result;
    /* One more than asked for tells whether there is a next page. */
    size_t limit = (size_t)query->limit;
    struct ct_webhook *rows = ct_arena_alloc(call->arena, (limit + 1) * sizeof(*rows));
    struct webhook_reply *items = ct_arena_alloc(call->arena, limit * sizeof(*items));
    if (rows == NULL || items == NULL)
        return CT_NOMEM;
    size_t count = 0;
    result = ct_webhook_list(call->arena, call->db, call->user_id, after, limit + 1, rows, &count);
    reply->items = items;
    reply->count = count < limit ? count : limit;
    for (size_t i = 0; i < reply->count && result == CT_OK; i++)
        result = describe(call->arena, &rows[i], &items[i]);
    if (result == CT_OK && count > limit)
        result = ct_cursor_make(call->arena, rows[limit - 1].id, &reply->next);
    return result;
}

static enum ct_result delete_webhook(struct ct_call *call)
{
    const struct webhook_path *path = call->path;
    struct ct_str url;
    enum ct_result result = ct_webhook_delete(call->arena, call->db, call->user_id, path->id, &url);
    if (result == CT_OK)
        result = ct_audit_call(call, call->user_id, CT_AUDIT_WEBHOOK_DELETED, path->id, url);
    return result;
}

static enum ct_result test_webhook(struct ct_call *call)
{
    const struct webhook_path *path = call->path;
    struct test_reply *reply = call->reply;
    struct ct_webhook webhook;
    enum ct_result result =
        ct_webhook_get(call->arena, call->db, call->user_id, path->id, &webhook);
    if (result != CT_OK)
        return result;
    struct ct_buf data = ct_buf_in(call->arena);
    ct_buf_text(&data, "{\"url\":");
    ct_buf_json(&data, webhook.url);
    ct_buf_char(&data, '}');
    struct ct_event event = {.user_id = call->user_id,
                             .type = CT_EVENT_WEBHOOK_TEST,
                             .created_at = ct_clock_unix_ms(),
                             .subject_id = webhook.id,
                             .data = ct_buf_done(&data)};
    if (data.failed)
        return CT_NOMEM;
    *reply = (struct test_reply){.webhook_id = webhook.id,
                                 .type = ct_str_of(ct_event_word(CT_EVENT_WEBHOOK_TEST))};
    return ct_event_write(call->db, &event);
}

const struct ct_route ct_webhooks_routes[] = {
    {.method = CT_POST,
     .pattern = "/webhooks",
     .body = &create_schema,
     .reply = &made_schema,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "webhooks:write",
     .idempotent = true,
     .run = make_webhook,
     .errors =
         (const struct ct_route_error[]){{CT_FORBIDDEN, 403, "The account has too many webhooks"},
                                         /* deleted since its token was looked at */
                                         {CT_NOT_FOUND, 401, "Could not validate credentials"},
                                         {0}},
     .summary = "Make a webhook",
     .doc = "From now on events are sent there, each as a POST of its JSON object, signed with "
            "the secret that is shown this once. Answer with 200 to 299 within 15 seconds; "
            "anything else is tried again for 24 hours, at growing intervals. What happens to one "
            "call comes in its order; the same delivery may come twice, with the same "
            "`webhook-id`. QUOTA_WEBHOOKS says how many an account may have (403).",
     .tag = "Webhooks",
     .about =
         "Events as signed requests to a URL of yours. docs/webhooks.md verifies the signature in "
         "three languages."},
    {.method = CT_GET,
     .pattern = "/webhooks",
     .query = &ct_list_query_schema,
     .reply = &webhook_schema,
     .list = true,
     .access = CT_READ,
     .auth = CT_USER,
     .scope = "webhooks:read",
     .run = list_webhooks,
     .summary = "List your webhooks",
     .doc = "In the order of their ids.",
     .tag = "Webhooks"},
    {.method = CT_DELETE,
     .pattern = "/webhooks/{id}",
     .path = &path_schema,
     .status = 204,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "webhooks:write",
     .run = delete_webhook,
     .errors = (const struct ct_route_error[]){{CT_NOT_FOUND, 404, "Webhook not found"}, {0}},
     .summary = "Delete a webhook",
     .doc = "Nothing is sent there any more, but for what is on its way at this moment. Its "
            "deliveries are forgotten.",
     .tag = "Webhooks"},
    {.method = CT_POST,
     .pattern = "/webhooks/{id}/test",
     .path = &path_schema,
     .reply = &test_schema,
     .status = 202,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "webhooks:write",
     .run = test_webhook,
     .errors = (const struct ct_route_error[]){{CT_NOT_FOUND, 404, "Webhook not found"}, {0}},
     .summary = "Send a test",
     .doc = "An event `webhook.test`, which this webhook gets whatever it is subscribed to. What "
            "came of it is in `GET /webhooks/{id}/deliveries`.",
     .tag = "Webhooks"},
};
const size_t ct_webhooks_route_count = sizeof(ct_webhooks_routes) / sizeof(ct_webhooks_routes[0]);
