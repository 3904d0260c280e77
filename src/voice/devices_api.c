#include <stddef.h>

#include "accounts/audit.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "events/events.h"
#include "numbers/e164.h"
#include "numbers/name.h"
#include "voice/device_reply.h"
#include "voice/devices.h"

/* ---- what comes in ---- */

struct device_body {
    struct ct_str name;
    struct ct_str caller_id; /* `at` NULL: none */
    bool new_password;
    bool has_name;
    bool has_caller_id;
};

#define CALLER_ID_FIELD                                                                           \
    CT_FIELD(struct device_body, caller_id, CT_FIELD_STRING,                                      \
             .flags = CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE, .max = 64,                           \
             .pattern = CT_E164_PATTERN, .normalize = ct_e164_normalize,                          \
             .present = offsetof(struct device_body, has_caller_id),                              \
             .doc = "One of your numbers, to be presented when the device calls; null, or none, " \
                    "for your first.")

static const struct ct_field create_fields[] = {
    CT_NAME_FIELD(struct device_body, name, 0, .doc = "What you call it.", .example = "\"Desk\""),
    CALLER_ID_FIELD,
};
static const struct ct_schema create_schema =
    CT_SCHEMA("DeviceCreate", "A device to make.", struct device_body, create_fields);

static const struct ct_field patch_fields[] = {
    CT_NAME_FIELD(struct device_body, name, CT_FIELD_OPTIONAL,
                  .present = offsetof(struct device_body, has_name), .doc = "What you call it.",
                  .example = "\"Front desk\""),
    CALLER_ID_FIELD,
    CT_FIELD(struct device_body, new_password, CT_FIELD_BOOL, .flags = CT_FIELD_OPTIONAL,
             .doc = "True makes a new password, which the reply shows: that of before is refused "
                    "from now on.",
             .example = "false"),
};
static const struct ct_schema patch_schema = CT_SCHEMA(
    "DeviceChange", "What is not there stays as it is.", struct device_body, patch_fields);

struct device_path {
    int64_t id;
};

static const struct ct_field path_fields[] = {
    CT_FIELD(struct device_path, id, CT_FIELD_INT, .doc = "The device's id.", .example = "1"),
};
static const struct ct_schema path_schema =
    CT_SCHEMA("DevicePath", NULL, struct device_path, path_fields);

/* ---- what it does ---- */

static enum ct_result judge_quota(struct ct_call *call)
{
    int64_t quota = call->config->quota_devices;
    int64_t count = 0;
    enum ct_result result = ct_device_count(call->db, call->user_id, quota, &count);
    if (result != CT_OK || count < quota)
        return result;
    return ct_call_say(call, CT_FORBIDDEN,
                       ct_arena_printf(call->arena,
                                       "This account may have %lld devices (QUOTA_DEVICES)",
                                       (long long)quota));
}

/* The id of the number that the body chooses, which must be the caller's; 0 for none. */
static enum ct_result choose_number(struct ct_call *call, struct ct_str number, int64_t *out)
{
    struct ct_stmt *stmt;
    *out = 0;
    if (number.at == NULL)
        return CT_OK;
    enum ct_result result = ct_db_query(
        call->db, "SELECT id FROM virtual_phone_numbers WHERE phone_number = $1 AND user_id = $2",
        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, number);
    ct_bind_int(stmt, 2, call->user_id);
    result = ct_step(stmt);
    if (result == CT_OK)
        return ct_call_refuse(call, "body", "caller_id", "value_error",
                              "Value error, this is no number of yours");
    if (result != CT_ROW)
        return result;
    *out = ct_column_int(stmt, 0);
    return CT_OK;
}

/* The audit row and the event of what was done to a device. */
static enum ct_result note(struct ct_call *call, const struct ct_device *device,
                           enum ct_audit_action action, enum ct_event_type type)
{
    struct ct_buf data = ct_buf_in(call->arena);
    ct_buf_member(&data, '{', "name");
    ct_buf_json(&data, device->name);
    ct_buf_char(&data, '}');
    const struct ct_event event = {.user_id = call->user_id,
                                   .type = type,
                                   .created_at = ct_clock_unix_ms(),
                                   .subject_id = device->id,
                                   .data = ct_buf_done(&data)};
    if (data.failed)
        return CT_NOMEM;
    enum ct_result result = ct_audit_call(call, call->user_id, action, device->id, device->name);
    return result == CT_OK ? ct_event_write(call->db, &event) : result;
}

/* Gives a device a new password, and a username if it has none. */
static enum ct_result give_password(struct ct_call *call, struct ct_device *device,
                                    struct ct_str *password)
{
    struct ct_device_secret secret;
    struct ct_str realm;
    enum ct_result result =
        ct_realm_settle(call->arena, call->db, ct_str_of(call->config->sip_domain), &realm);
    if (result == CT_OK)
        result = ct_device_secret_make(call->arena, device->id, device->username, realm, &secret);
    if (result != CT_OK)
        return result;
    device->username = secret.username;
    device->ha1_md5 = secret.ha1_md5;
    device->ha1_sha256 = secret.ha1_sha256;
    *password = secret.password;
    return CT_OK;
}

/* What the row says now. */
static enum ct_result show(struct ct_call *call, int64_t id, struct ct_str password)
{
    struct ct_device device;
    enum ct_result result = ct_device_get(call->arena, call->db, call->user_id, id, &device);
    return result == CT_OK ? ct_device_describe(call->config, call->arena, call->db, &device,
                                                password, call->reply)
                           : result;
}

static enum ct_result create_device(struct ct_call *call)
{
    const struct device_body *body = call->body;
    struct ct_device device = {
        .user_id = call->user_id, .name = body->name, .created_at = ct_clock_unix_ms()};
    struct ct_str password;
    enum ct_result result = judge_quota(call);
    if (result == CT_OK)
        result = choose_number(call, body->caller_id, &device.caller_number_id);
    if (result == CT_OK)
        result = ct_device_next_id(call->db, &device.id);
    if (result == CT_OK)
        result = give_password(call, &device, &password);
    if (result == CT_OK)
        result = ct_device_insert(call->db, &device);
    if (result == CT_OK)
        result = note(call, &device, CT_AUDIT_DEVICE_CREATED, CT_EVENT_DEVICE_CREATED);
    return result == CT_OK ? show(call, device.id, password) : result;
}

static enum ct_result list_devices(struct ct_call *call)
{
    const struct ct_list_query *query = call->query;
    struct ct_page *reply = call->reply;
    int64_t after = 0;
    enum ct_result result = ct_cursor_read(call, query->after, &after);
    if (result != CT_OK)
        return result;
    /* One more than asked for tells whether there is a next page. */
    size_t limit = (size_t)query->limit;
    struct ct_device *rows = ct_arena_alloc(call->arena, (limit + 1) * sizeof(*rows));
    struct ct_device_reply *items = ct_arena_alloc(call->arena, limit * sizeof(*items));
    if (rows == NULL || items == NULL)
        return CT_NOMEM;
    size_t count = 0;
    result = ct_device_list(call->arena, call->db, call->user_id, after, limit + 1, rows, &count);
    reply->items = items;
    reply->count = count < limit ? count : limit;
    for (size_t i = 0; i < reply->count && result == CT_OK; i++)
        result = ct_device_describe(call->config, call->arena, call->db, &rows[i],
                                    (struct ct_str){0}, &items[i]);
    if (result == CT_OK && count > limit)
        result = ct_cursor_make(call->arena, rows[limit - 1].id, &reply->next);
    return result;
}

static enum ct_result get_device(struct ct_call *call)
{
    const struct device_path *path = call->path;
    return show(call, path->id, (struct ct_str){0});
}

static enum ct_result patch_device(struct ct_call *call)
{
    const struct device_path *path = call->path;
    const struct device_body *body = call->body;
    struct ct_str password = {0};
    struct ct_device device;
    if (!body->has_name && !body->has_caller_id && !body->new_password)
        return show(call, path->id, password);
    enum ct_result result = ct_device_get(call->arena, call->db, call->user_id, path->id, &device);
    if (result == CT_OK && body->has_name)
        device.name = body->name;
    if (result == CT_OK && body->has_caller_id)
        result = choose_number(call, body->caller_id, &device.caller_number_id);
    if (result == CT_OK && body->new_password)
        result = give_password(call, &device, &password);
    if (result == CT_OK && body->new_password)
        result = ct_device_unbind(call->db, device.id);
    if (result == CT_OK)
        result = ct_device_save(call->db, &device);
    if (result == CT_OK)
        result = note(call, &device,
                      body->new_password ? CT_AUDIT_DEVICE_PASSWORD : CT_AUDIT_DEVICE_CHANGED,
                      CT_EVENT_DEVICE_UPDATED);
    return result == CT_OK ? show(call, device.id, password) : result;
}

static enum ct_result delete_device(struct ct_call *call)
{
    const struct device_path *path = call->path;
    struct ct_device device;
    enum ct_result result = ct_device_get(call->arena, call->db, call->user_id, path->id, &device);
    if (result == CT_OK)
        result = ct_device_delete(call->db, &device);
    return result == CT_OK ? note(call, &device, CT_AUDIT_DEVICE_DELETED, CT_EVENT_DEVICE_DELETED)
                           : result;
}

/* ---- routes ---- */

#define UNKNOWN                                  \
    (const struct ct_route_error[])              \
    {                                            \
        {CT_NOT_FOUND, 404, "Device not found"}, \
        {                                        \
            0                                    \
        }                                        \
    }

const struct ct_route ct_devices_routes[] = {
    {.method = CT_POST,
     .pattern = "/devices",
     .body = &create_schema,
     .reply = &ct_device_schema,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "devices:write",
     .idempotent = true,
     .run = create_device,
     .errors =
         (const struct ct_route_error[]){{CT_FORBIDDEN, 403, "The account has too many devices"},
                                         /* deleted since its token was looked at */
                                         {CT_NOT_FOUND, 401, "Could not validate credentials"},
                                         {0}},
     .summary = "Make a device",
     .doc = "Answers what to type into a SIP phone. The password is shown this once. QUOTA_DEVICES "
            "says how many devices an account may have (403).",
     .tag = "Voice",
     .about =
         "Devices that register by SIP, what rings when a number is called, and calls with their "
         "records. README.md has two phones that call each other; docs/phones.md says what to "
         "type into others."},
    {.method = CT_GET,
     .pattern = "/devices",
     .query = &ct_list_query_schema,
     .reply = &ct_device_schema,
     .list = true,
     .access = CT_READ,
     .auth = CT_USER,
     .scope = "devices:read",
     .run = list_devices,
     .summary = "List your devices",
     .doc = "In the order of their ids, each with where it is registered.",
     .tag = "Voice"},
    {.method = CT_GET,
     .pattern = "/devices/{id}",
     .path = &path_schema,
     .reply = &ct_device_schema,
     .access = CT_READ,
     .auth = CT_USER,
     .scope = "devices:read",
     .run = get_device,
     .errors = UNKNOWN,
     .summary = "Get one of your devices",
     .doc = "A device of somebody else is answered as one that does not exist.",
     .tag = "Voice"},
    {.method = CT_PATCH,
     .pattern = "/devices/{id}",
     .path = &path_schema,
     .body = &patch_schema,
     .reply = &ct_device_schema,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "devices:write",
     .run = patch_device,
     .errors = UNKNOWN,
     .summary = "Change a device, or its password",
     .doc = "With `new_password` the phone has to be told the new one: it is shown this once.",
     .tag = "Voice"},
    {.method = CT_DELETE,
     .pattern = "/devices/{id}",
     .path = &path_schema,
     .status = 204,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "devices:write",
     .run = delete_device,
     .errors = UNKNOWN,
     .summary = "Delete a device",
     .doc = "It can register no more, and leaves the ring lists of your numbers.",
     .tag = "Voice"},
};
const size_t ct_devices_route_count = sizeof(ct_devices_routes) / sizeof(ct_devices_routes[0]);
