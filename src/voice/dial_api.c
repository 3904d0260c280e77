#include "voice/dial_api.h"

#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "numbers/e164.h"
#include "voice/bindings.h"
#include "voice/call_view.h"
#include "voice/caps.h"
#include "voice/routing.h"
#include "voice/switchboard.h"
#include "voice/voice.h"

/* Devices that are looked at for one that is registered. */
#define DEVICES_MOST 100

/* ---- POST /calls ---- */

struct dial_body {
    struct ct_str from;
    struct ct_str to;
    int64_t device_id; /* 0: none was named */
};

static const struct ct_field dial_fields[] = {
    CT_FIELD(struct dial_body, from, CT_FIELD_STRING, .max = 64, .pattern = CT_E164_PATTERN,
             .normalize = ct_e164_normalize,
             .doc = "One of your numbers: the one that the other side sees.",
             .example = "\"+4930123456\""),
    CT_FIELD(struct dial_body, to, CT_FIELD_STRING, .max = 64, .pattern = CT_E164_PATTERN,
             .normalize = ct_e164_normalize, .doc = "The number to call.",
             .example = "\"+4930123457\""),
    CT_FIELD(struct dial_body, device_id, CT_FIELD_INT, .flags = CT_FIELD_OPTIONAL, .min = 1,
             .max = INT64_MAX,
             .doc = "Your device that rings first; without it the first one that is registered."),
};
static const struct ct_schema dial_schema =
    CT_SCHEMA("CallCreate", "A call to be made.", struct dial_body, dial_fields);

/* What stays when the write runs once more. */
struct attempt {
    char key[CT_CALL_KEY_BYTES + 1];
    bool posted;
};

static enum ct_result make_key(struct attempt *attempt)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char chance[CT_CALL_KEY_BYTES / 2];
    if (attempt->key[0] != '\0')
        return CT_OK;
    enum ct_result result = ct_random_bytes(chance, sizeof(chance));
    for (size_t i = 0; result == CT_OK && i < sizeof(chance); i++) {
        attempt->key[2 * i] = digits[chance[i] >> 4];
        attempt->key[2 * i + 1] = digits[chance[i] & 15];
    }
    return result;
}

static enum ct_result is_registered(struct ct_call *call, int64_t device_id, int64_t now, bool *out)
{
    struct ct_binding_row row;
    size_t count = 0;
    enum ct_result result = ct_binding_list(call->arena, call->db, device_id, now, 1, &row, &count);
    *out = count > 0;
    return result;
}

/* The device that is to ring. */
static enum ct_result choose_device(struct ct_call *call, int64_t now, struct ct_device *out)
{
    const struct dial_body *body = call->body;
    bool registered = false;
    if (body->device_id != 0) {
        enum ct_result result =
            ct_device_get(call->arena, call->db, call->user_id, body->device_id, out);
        if (result == CT_NOT_FOUND)
            return ct_call_refuse(call, "body", "device_id", "value_error",
                                  "Value error, this is no device of yours");
        if (result == CT_OK)
            result = is_registered(call, out->id, now, &registered);
        return result == CT_OK && !registered ? CT_CONFLICT : result;
    }
    struct ct_device *all = ct_arena_alloc(call->arena, DEVICES_MOST * sizeof(*all));
    size_t count = 0;
    if (all == NULL)
        return CT_NOMEM;
    enum ct_result result =
        ct_device_list(call->arena, call->db, call->user_id, 0, DEVICES_MOST, all, &count);
    for (size_t i = 0; result == CT_OK && i < count; i++) {
        result = is_registered(call, all[i].id, now, &registered);
        if (result == CT_OK && registered) {
            *out = all[i];
            return CT_OK;
        }
    }
    return result == CT_OK ? CT_CONFLICT : result;
}

/* Whether a device is registered is seen when it is called: it may be, on another server. */
static bool may_be_registered(void *ctx, int64_t device_id)
{
    (void)ctx;
    (void)device_id;
    return true;
}

static enum ct_result find_way(struct ct_call *call, const struct ct_device *device, int64_t now,
                               struct ct_routing *out)
{
    const struct dial_body *body = call->body;
    struct ct_routing_world world = {.now_ms = now, .registered = may_be_registered};
    const struct ct_routing_call wanted = {
        .device = device, .dialled = body->to, .presented = body->from};
    struct ct_identity identity;
    /* what the other side sees of a call that is forwarded may be another number */
    enum ct_result result = ct_caller_identity(call->arena, call->db, &wanted, &identity);
    if (result == CT_OK && !ct_str_equal(identity.number, body->from))
        return ct_call_refuse(call, "body", "from", "value_error",
                              "Value error, this is no number of yours");
    if (result == CT_OK)
        result =
            ct_trunk_load(call->config, call->arena, call->db, &world.trunks, &world.trunk_count);
    return result == CT_OK ? ct_route_call(&world, call->arena, call->db, &wanted, out) : result;
}

/* Begins the record, or the one that says why not: then there is no call. */
static enum ct_result begin_record(struct ct_call *call, const struct ct_routing *routing,
                                   struct ct_record_new *record, struct ct_call_verdict *verdict,
                                   bool *refused, int64_t *id)
{
    *verdict = (struct ct_call_verdict){.why = routing->reason, .longest_ms = INT64_MAX};
    enum ct_result result = CT_OK;
    int status = routing->status;
    if (status == 0 && routing->way_count > 0) {
        status = 403;
        result = ct_call_caps_judge(call->db, routing->payer_id, routing->number,
                                    record->started_at, verdict);
    }
    if (result != CT_OK)
        return result;
    record->granted_ms = verdict->granted_ms;
    *refused = verdict->why != NULL;
    return *refused ? ct_record_refuse(call->db, record, status, ct_str_of(verdict->why), id)
                    : ct_record_begin(call->db, record, id);
}

static enum ct_result show(struct ct_call *call, int64_t id)
{
    struct ct_record record;
    enum ct_result result = ct_record_get(call->arena, call->db, call->user_id, id, &record);
    if (result == CT_OK)
        ct_call_view(&record, call->user_id, call->reply);
    return result;
}

static enum ct_result dial(struct ct_call *call)
{
    struct ct_switchboard *board = ct_voice_switchboard(*(struct ct_voice **)call->room);
    const struct dial_body *body = call->body;
    struct attempt *attempt = call->scratch;
    int64_t now = ct_clock_unix_ms();
    struct ct_device device;
    struct ct_routing routing;
    bool refused = false;
    int64_t id = 0;
    struct ct_dial order = {.from = body->from, .to = body->to};
    if (board == NULL)
        return ct_call_say(call, CT_CONFLICT, "SIP is off");
    enum ct_result result = make_key(attempt);
    if (result == CT_OK)
        result = choose_device(call, now, &device);
    if (result == CT_OK)
        result = find_way(call, &device, now, &routing);
    if (result != CT_OK)
        return result;
    struct ct_record_new record = {.key = ct_str_of(attempt->key),
                                   .node = ct_switchboard_node(board),
                                   .caller_id = call->user_id,
                                   .callee_id = routing.callee_id,
                                   .from = body->from,
                                   .to = body->to,
                                   .from_device_id = device.id,
                                   .from_number_id = routing.identity.number_id,
                                   .to_number_id = routing.number_id,
                                   .to_trunk_id =
                                       routing.way_count > 0 ? routing.ways[0].trunk->id : 0,
                                   .payer_id = routing.way_count > 0 ? routing.payer_id : 0,
                                   .started_at = now};
    result = begin_record(call, &routing, &record, &order.verdict, &refused, &id);
    if (result == CT_OK)
        result = show(call, id);
    if (result != CT_OK || refused || attempt->posted)
        return result;
    order.device_id = device.id;
    if (routing.way_count > 0)
        order.toll = (struct ct_call_toll){routing.payer_id, routing.number};
    memcpy(order.key, attempt->key, sizeof(order.key));
    result = ct_switchboard_dial(board, &order);
    attempt->posted = result == CT_OK;
    return result;
}

/* ---- DELETE /calls/{id} ---- */

struct call_path {
    int64_t id;
};

static const struct ct_field path_fields[] = {
    CT_FIELD(struct call_path, id, CT_FIELD_INT, .doc = "The call's id.", .example = "1"),
};
static const struct ct_schema path_schema =
    CT_SCHEMA("CallToEndPath", NULL, struct call_path, path_fields);

static enum ct_result hang_up(struct ct_call *call)
{
    struct ct_switchboard *board = ct_voice_switchboard(*(struct ct_voice **)call->room);
    const struct call_path *path = call->path;
    struct ct_record record;
    struct ct_stmt *stmt;
    struct ct_str key;
    struct ct_str node;
    enum ct_result result = ct_record_get(call->arena, call->db, call->user_id, path->id, &record);
    if (result != CT_OK)
        return result;
    ct_call_view(&record, call->user_id, call->reply);
    if (record.ended_at != CT_NO_TIME)
        return CT_OK;
    result = ct_db_query(call->db, "SELECT call_key, node FROM calls WHERE id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, path->id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    result = ct_column_str(stmt, 0, call->arena, &key);
    if (result == CT_OK)
        result = ct_column_str(stmt, 1, call->arena, &node);
    if (result != CT_OK)
        return result;
    if (board == NULL || !ct_str_equal(node, ct_switchboard_node(board)))
        return ct_record_ask_end(call->db, path->id, ct_clock_unix_ms());
    return ct_switchboard_hang_up(board, key.at);
}

/* ---- routes ---- */

const struct ct_route ct_dial_routes[] = {
    {.method = CT_POST,
     .pattern = "/calls",
     .body = &dial_schema,
     .reply = &ct_call_schema,
     .status = 202,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "calls:write",
     .idempotent = true,
     .run = dial,
     .scratch_size = sizeof(struct attempt),
     .errors = (const struct ct_route_error[]){{CT_CONFLICT, 409, "No device is registered"}, {0}},
     .summary = "Make a call",
     .doc =
         "Rings your own device first, which sees the number that it is about to call, and, once "
         "it is answered, the other side. The answer comes before anything rings: follow the call "
         "with `GET /calls/{id}`, or by its events. A call that may not be made (a limit, a "
         "number that nobody has) is answered likewise, as one that has `failed`. 409: the "
         "device, or every one, is not registered.",
     .tag = "Voice"},
    {.method = CT_DELETE,
     .pattern = "/calls/{id}",
     .path = &path_schema,
     .reply = &ct_call_schema,
     .status = 202,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "calls:write",
     .run = hang_up,
     .errors = (const struct ct_route_error[]){{CT_NOT_FOUND, 404, "Call not found"}, {0}},
     .summary = "Hang up",
     .doc =
         "Ends a call that you made or got, on whichever server of this database it is. The answer "
         "is the call as it was at that moment; its end follows. One that is over stays as it is.",
     .tag = "Voice"},
};
const size_t ct_dial_route_count = sizeof(ct_dial_routes) / sizeof(ct_dial_routes[0]);
