#include "voice/call_plan.h"

#include <string.h>

#include "sip/write.h"
#include "voice/call_read.h"
#include "voice/call_targets.h"

/* ---- what routing asks ---- */

static bool is_registered(void *ctx, int64_t device_id)
{
    struct ct_call_planner *planner = ctx;
    const struct ct_binding *const *all;
    return ct_registrar_find(planner->registrar, device_id, &all) > 0;
}

static int64_t count_busy(void *ctx, int64_t trunk_id)
{
    struct ct_call_planner *planner = ctx;
    return ct_calls_of_trunk(planner->calls, trunk_id);
}

static bool reaches(void *ctx, const struct ct_trunk *trunk, struct ct_str host)
{
    const struct ct_call_planner *planner = ctx;
    return ct_trunk_watch_reaches(planner->watch, trunk, host);
}

static struct ct_routing_world make_world(struct ct_call_planner *planner)
{
    struct ct_routing_world world = {.now_ms = planner->env->unix_ms(planner->env->ctx),
                                     .ctx = planner,
                                     .registered = is_registered,
                                     .busy = count_busy,
                                     .reaches = reaches};
    world.trunks = ct_carriers_all(planner->carriers, &world.trunk_count);
    return world;
}

/* ---- calls that come ---- */

static const struct ct_trunk *trunk_of(const struct ct_call_planner *planner, int64_t id)
{
    size_t count;
    const struct ct_trunk *all = ct_carriers_all(planner->carriers, &count);
    for (size_t i = 0; i < count; i++)
        if (all[i].id == id)
            return &all[i];
    return NULL;
}

/* Routes a call of a device, or of the trunk that it names. */
static enum ct_result route(struct ct_call_planner *planner, struct ct_arena *arena,
                            int64_t device_id, struct ct_routing_call *call, struct ct_routing *out)
{
    const struct ct_routing_world world = make_world(planner);
    struct ct_device device;
    struct ct_db *db;
    enum ct_result result = ct_reader_begin(planner->reader, &db);
    if (result != CT_OK)
        return result;
    if (device_id != 0) {
        result = ct_device_by_id(arena, db, device_id, &device);
        call->device = &device;
    }
    if (result == CT_OK)
        result = ct_route_call(&world, arena, db, call, out);
    ct_reader_end(planner->reader, db);
    call->device = NULL;
    return result;
}

static void note_parties(const struct ct_routing *routing, struct ct_call_parties *out)
{
    out->from = routing->identity.number.len > 0 ? routing->identity.number : CT_STR("anonymous");
    out->to = routing->to.len > 0 ? routing->to : CT_STR("");
    out->anonymous = routing->identity.anonymous;
    out->caller_id = routing->caller_id;
    out->callee_id = routing->callee_id;
    out->from_number_id = routing->identity.number_id;
    out->to_number_id = routing->number_id;
}

/* What is common to calls that come and calls that are dialled. NULL: it is refused for want of something. */
static struct ct_trip *set_out(struct ct_call_planner *planner, struct ct_arena *arena,
                               enum ct_result result, const struct ct_routing *routing,
                               struct ct_call_route *out)
{
    struct ct_trip *trip = ct_arena_alloc(arena, sizeof(*trip));
    if (result != CT_OK || trip == NULL) {
        ct_call_route_refuse(out, result == CT_NOT_FOUND ? 403 : 503, (struct ct_str){0});
        out->parties.from = CT_STR("anonymous");
        out->parties.to = CT_STR("");
        return NULL;
    }
    *trip = (struct ct_trip){.routing = *routing};
    note_parties(routing, &out->parties);
    out->parties.own = trip;
    if (ct_call_log_is_full(planner->log))
        ct_call_route_refuse(out, 503, (struct ct_str){0});
    else
        ct_call_route_fill(planner, arena, routing, out);
    if (out->status == 0 && routing->way_count > 0) {
        trip->toll = (struct ct_call_toll){routing->payer_id, routing->number};
        out->parties.to_trunk_id = routing->ways[0].trunk->id;
        out->parties.payer_id = routing->payer_id;
    }
    trip->routing.ways = NULL;
    trip->routing.way_count = 0;
    return trip;
}

void ct_call_plan_incoming(void *ctx, const struct ct_call_facts *facts, void *peer,
                           const struct ct_sip_message *message, struct ct_arena *arena,
                           struct ct_call_route *out)
{
    struct ct_call_planner *planner = ctx;
    const struct ct_call_peer *who = peer;
    struct ct_routing_call call = {0};
    struct ct_routing routing = {0};
    (void)facts;
    ct_call_read(arena, message, &call);
    if (ct_trunk_watch_is_contact(planner->watch, who->trunk_id, call.dialled))
        call.dialled = ct_call_user(arena, &message->to.uri);
    enum ct_result result = CT_OK;
    if (who->device.device_id == 0) {
        call.trunk = trunk_of(planner, who->trunk_id);
        if (call.trunk == NULL)
            result = CT_NOT_FOUND;
    }
    if (result == CT_OK)
        result = route(planner, arena, who->device.device_id, &call, &routing);
    struct ct_trip *trip = set_out(planner, arena, result, &routing, out);
    out->parties.caller_id = who->device.user_id;
    out->parties.from_device_id = who->device.device_id;
    out->parties.from_trunk_id = who->trunk_id;
    if (trip != NULL && who->trunk_id != 0 && call.trunk->channels > 0 && out->status == 0 &&
        count_busy(planner, who->trunk_id) >= call.trunk->channels)
        ct_call_route_refuse(out, 503, CT_STR("No channel is free"));
    if (trip == NULL || trip->toll.payer_id == 0 || out->status != 0)
        return;
    trip->route = *out;
    out->later = true;
}

/* Asks the limits of a call that has begun, when it is to go out now. The answer comes later. */
static void ask_limits(struct ct_call_planner *planner, const struct ct_call_facts *facts,
                       const struct ct_routing *routing, struct ct_call_route *out)
{
    struct ct_trip *trip = facts->parties.own;
    int64_t trunk_id = routing->ways[0].trunk->id;
    const struct ct_call_toll toll = {routing->payer_id, routing->number};
    if (trip == NULL || ct_call_log_toll(planner->log, facts, &toll, trunk_id) != CT_OK) {
        ct_call_route_refuse(out, 503, (struct ct_str){0});
        return;
    }
    out->parties = (struct ct_call_parties){.to_trunk_id = trunk_id, .payer_id = routing->payer_id};
    trip->route = *out;
    out->later = true;
}

static void limit(const struct ct_call_verdict *verdict, struct ct_call_route *out)
{
    out->longest_ms = verdict->longest_ms == INT64_MAX ? 0 : verdict->longest_ms;
    out->again_ms = verdict->again_ms;
    out->over = verdict->over == NULL ? (struct ct_str){0} : ct_str_of(verdict->over);
}

void ct_call_plan_decided(void *ctx, const struct ct_call_facts *facts, struct ct_arena *arena,
                          struct ct_call_route *out)
{
    struct ct_call_planner *planner = ctx;
    const struct ct_trip *trip = facts->parties.own;
    const struct ct_call_verdict *verdict = ct_call_log_verdict(planner->log, facts->key);
    (void)arena;
    if (trip == NULL || verdict == NULL) {
        ct_call_route_refuse(out, 503, (struct ct_str){0});
    } else if (verdict->why != NULL) {
        ct_call_route_refuse(out, 403, ct_str_of(verdict->why));
    } else {
        *out = trip->route;
        out->later = false;
        limit(verdict, out);
    }
}

/* Routes a call to `on_no_answer` of @p before. */
static enum ct_result route_on(struct ct_call_planner *planner, struct ct_arena *arena,
                               const struct ct_routing *before, struct ct_routing *out)
{
    const struct ct_routing_world world = make_world(planner);
    const struct ct_routing from = *before;
    struct ct_db *db;
    enum ct_result result = ct_reader_begin(planner->reader, &db);
    if (result != CT_OK)
        return result;
    result = ct_route_on(&world, arena, db, &from, out);
    ct_reader_end(planner->reader, db);
    return result;
}

static void go_on(struct ct_call_planner *planner, const struct ct_call_facts *facts,
                  struct ct_routing *routing, struct ct_arena *arena, struct ct_call_route *out)
{
    struct ct_trip *trip = facts->parties.own;
    ct_call_route_fill(planner, arena, routing, out);
    if (out->status == 0 && routing->way_count > 0)
        ask_limits(planner, facts, routing, out);
    routing->ways = NULL;
    routing->way_count = 0;
    trip->routing = *routing;
}

void ct_call_plan_again(void *ctx, const struct ct_call_facts *facts)
{
    struct ct_call_planner *planner = ctx;
    ct_call_log_again(planner->log, facts->key);
}

void ct_call_plan_prolong(struct ct_call_planner *planner, const char *key,
                          const struct ct_call_verdict *verdict)
{
    struct ct_call_route route = {0};
    limit(verdict, &route);
    /* CT_NOT_FOUND: it has ended meanwhile */
    if (verdict->why != NULL)
        (void)!ct_calls_end(planner->calls, key, ct_str_of(verdict->why));
    else
        (void)!ct_calls_prolong(planner->calls, key, route.longest_ms, route.again_ms, route.over);
}

bool ct_call_plan_unanswered(void *ctx, const struct ct_call_facts *facts, int status,
                             struct ct_arena *arena, struct ct_call_route *out)
{
    struct ct_trip *trip = facts->parties.own;
    struct ct_routing routing;
    (void)status;
    if (trip == NULL || trip->routing.on_no_answer.at == NULL ||
        route_on(ctx, arena, &trip->routing, &routing) != CT_OK)
        return false;
    go_on(ctx, facts, &routing, arena, out);
    return true;
}

bool ct_call_plan_redirected(void *ctx, const struct ct_call_facts *facts, struct ct_str target,
                             struct ct_arena *arena, struct ct_call_route *out)
{
    struct ct_trip *trip = facts->parties.own;
    struct ct_routing routing;
    struct ct_sip_uri uri;
    /* the number alone counts, which is called as the account of the device may call it: wherever the URI leads */
    if (trip == NULL || !ct_sip_uri_read(target, &uri))
        return false;
    routing = trip->routing;
    if (ct_dialled_number(arena, NULL, ct_call_user(arena, &uri), &routing.on_no_answer) != CT_OK ||
        route_on(ctx, arena, &routing, &routing) != CT_OK || routing.status != 0)
        return false;
    go_on(ctx, facts, &routing, arena, out);
    return true;
}

void ct_call_plan_transfer(void *ctx, const struct ct_call_facts *facts, enum ct_call_party by,
                           bool outside, struct ct_str target, struct ct_arena *arena,
                           struct ct_call_route *out)
{
    struct ct_call_planner *planner = ctx;
    const struct ct_call_parties *parties = &facts->parties;
    int64_t device_id = by == CT_CALL_CALLER ? parties->from_device_id : parties->to_device_id;
    struct ct_routing_call call = {0};
    struct ct_routing routing;
    struct ct_sip_uri uri;
    /* a trunk connects whom it likes on its own side */
    if (device_id == 0 || !ct_sip_uri_read(target, &uri)) {
        ct_call_route_refuse(out, device_id == 0 ? 403 : 400, (struct ct_str){0});
        return;
    }
    call.dialled = ct_call_user(arena, &uri);
    enum ct_result result = route(planner, arena, device_id, &call, &routing);
    if (result != CT_OK) {
        ct_call_route_refuse(out, result == CT_NOT_FOUND ? 403 : 503, (struct ct_str){0});
        return;
    }
    routing.callee_id = parties->callee_id;
    ct_call_route_fill(planner, arena, &routing, out);
    /* two sides outside would be two calls there, and the limits know of one */
    if (out->status == 0 && routing.way_count > 0 && outside)
        ct_call_route_refuse(out, 403, (struct ct_str){0});
    else if (out->status == 0 && routing.way_count > 0)
        ask_limits(planner, facts, &routing, out);
}

bool ct_call_plan_may_replace(void *ctx, void *peer, int64_t account_id, int64_t *device_id)
{
    const struct ct_call_peer *who = peer;
    (void)ctx;
    *device_id = who->device.device_id;
    return who->device.user_id != 0 && who->device.user_id == account_id;
}

/* ---- calls that are dialled ---- */

void ct_call_plan_first(void *ctx, const struct ct_call_facts *facts, struct ct_arena *arena,
                        struct ct_call_route *out)
{
    const struct ct_call_order *order = ctx;
    int64_t *device = ct_arena_alloc(arena, sizeof(*device));
    const char *why;
    if (device == NULL) {
        ct_call_route_refuse(out, 503, (struct ct_str){0});
        return;
    }
    if (!ct_call_counts_dialled(order->planner->counts, facts->parties.caller_id, &why)) {
        ct_call_route_refuse(out, 403, ct_str_of(why));
        return;
    }
    *device = order->device_id;
    /* the phone shows whom it is about to call */
    const struct ct_routing routing = {.devices = {device, 1},
                                       .number = order->from,
                                       .identity = {.number = order->to},
                                       .callee_id = facts->parties.caller_id,
                                       .payer_id = facts->parties.caller_id,
                                       .ring_ms = 30000};
    ct_call_route_fill(order->planner, arena, &routing, out);
    if (out->status == 0 && out->target_count == 0)
        ct_call_route_refuse(out, 480, CT_STR("The device is not registered"));
}

void ct_call_plan_second(void *ctx, const struct ct_call_facts *facts, struct ct_arena *arena,
                         struct ct_call_route *out)
{
    const struct ct_call_order *order = ctx;
    struct ct_call_planner *planner = order->planner;
    struct ct_routing_call call = {.dialled = order->to, .presented = order->from};
    struct ct_routing routing = {0};
    enum ct_result result = route(planner, arena, order->device_id, &call, &routing);
    struct ct_trip *trip = set_out(planner, arena, result, &routing, out);
    bool asked = routing.payer_id == order->toll.payer_id &&
                 ct_str_equal(routing.number, order->toll.number);
    out->parties.from_device_id = order->device_id;
    if (order->toll.payer_id != 0)
        limit(&order->verdict, out);
    if (trip != NULL)
        trip->toll = order->toll;
    /* whom the number leads to may have become another while the device rang: nobody has asked for that one */
    if (out->status == 0 && routing.way_count > 0 && !asked)
        ask_limits(planner, facts, &routing, out);
}
