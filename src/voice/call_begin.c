#include "voice/call_parts.h"

/* How calls begin: by an INVITE, or over the API; and how the API ends them. */

static void created(struct ct_live *call)
{
    const struct ct_call_sink *sink = &call->calls->options.sink;

    call->facts.parties = call->route.parties;
    sink->created(sink->ctx, &call->facts);
}

static void note_leg(struct ct_live_leg *leg)
{
    const struct ct_call_sink *sink = &leg->calls->options.sink;

    if (sink->leg != NULL)
        sink->leg(sink->ctx, &leg->call->facts, ct_sip_session_call_id(leg->session));
}

static void refuse(struct ct_sip_server *server, int status)
{
    enum ct_result result = ct_sip_reply(server, status, NULL);

    (void)result; /* the caller asks again */
}

void ct_calls_incoming(struct ct_calls *calls, struct ct_sip_server *server,
                       const struct ct_sip_message *message, void *peer)
{
    const struct ct_call_plan *plan = &calls->options.plan;
    struct ct_live *call;
    struct ct_live_leg *leg;

    if (ct_sip_has(message, CT_SIP_H_REPLACES)) {
        ct_live_replace(calls, server, message, peer);
        return;
    }
    /* a call that goes round in circles through us ends here */
    if (message->max_forwards == 0 || message->max_forwards == 1) {
        refuse(server, 483);
        return;
    }
    if (ct_live_new(calls, NULL, &call) != CT_OK) {
        refuse(server, 500);
        return;
    }
    ct_live_enter(call);
    if (message->max_forwards > 0)
        call->max_forwards = (uint32_t)message->max_forwards - 1;
    if (ct_live_leg_new(call, &leg) != CT_OK) {
        refuse(server, 500);
        call->over = true;
    } else if (ct_sip_session_accept(calls->options.sessions, server, message, message->uri.user,
                                     true, &ct_live_leg_events, leg, &leg->session) != CT_OK) {
        ct_live_leg_end(leg, 0, (struct ct_str){0}, (struct ct_str){0});
        call->over = true;
    } else {
        call->side[0] = leg;
        plan->incoming(plan->ctx, &call->facts, peer, message, call->arena, &call->route);
        leg->device_id = call->route.parties.from_device_id;
        leg->account_id = call->route.parties.caller_id;
        created(call);
        note_leg(leg);
        ct_live_ring(call, &call->route);
    }
    ct_live_leave(call);
}

/* What a later route says of the parties is added to what is known. */
static void add_parties(struct ct_call_parties *parties, const struct ct_call_parties *more)
{
    if (more->from.len > 0)
        parties->from = more->from;
    if (more->to.len > 0)
        parties->to = more->to;
    parties->anonymous = parties->anonymous || more->anonymous;
#define TAKE(id)       \
    if (more->id != 0) \
    parties->id = more->id
    if (more->own != NULL)
        parties->own = more->own;
    TAKE(caller_id);
    TAKE(callee_id);
    TAKE(from_device_id);
    TAKE(from_number_id);
    TAKE(from_trunk_id);
    TAKE(to_device_id);
    TAKE(to_number_id);
    TAKE(to_trunk_id);
    TAKE(payer_id);
#undef TAKE
}

enum ct_result ct_calls_decide(struct ct_calls *calls, const char *key, ct_call_decision *decide,
                               void *ctx)
{
    struct ct_live *call = ct_live_find(calls, key);

    if (call == NULL || !call->route.later)
        return CT_NOT_FOUND;
    ct_live_enter(call);
    call->route = (struct ct_call_route){0};
    decide(ctx, &call->facts, call->arena, &call->route);
    add_parties(&call->facts.parties, &call->route.parties);
    call->route.later = false;
    ct_live_ring(call, &call->route);
    ct_live_leave(call);
    return CT_OK;
}

enum ct_result ct_calls_dial(struct ct_calls *calls, const char *key, ct_call_decision *first,
                             ct_call_decision *second, void *ctx)
{
    struct ct_live *call;
    enum ct_result result = ct_live_new(calls, key, &call);

    if (result != CT_OK)
        return result;
    ct_live_enter(call);
    second(ctx, &call->facts, call->arena, &call->route);
    created(call);
    call->second = second;
    call->second_ctx = ctx;
    call->ring_for = 0;
    call->route = (struct ct_call_route){0};
    first(ctx, &call->facts, call->arena, &call->route);
    ct_live_ring(call, &call->route);
    ct_live_leave(call);
    return CT_OK;
}

enum ct_result ct_calls_end(struct ct_calls *calls, const char *key, struct ct_str why)
{
    struct ct_live *call = ct_live_find(calls, key);

    if (call == NULL)
        return CT_NOT_FOUND;
    ct_live_enter(call);
    if (call->facts.status == CT_CALL_IN_PROGRESS)
        ct_live_finish(call, CT_CALL_COMPLETED, CT_CALL_SYSTEM, call->facts.sip_code, why);
    else
        ct_live_finish(call, CT_CALL_CANCELED, CT_CALL_SYSTEM, 487, why);
    ct_live_leave(call);
    return CT_OK;
}

enum ct_result ct_calls_hang_up(struct ct_calls *calls, const char *key)
{
    return ct_calls_end(calls, key, CT_STR("Hung up over the API"));
}
