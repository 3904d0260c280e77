#include <assert.h>

#include "sip/write.h"
#include "voice/call_parts.h"

/* Ringing: all targets at once or one after the other, early media, the best of the refusals, forwards. */

#define DEFAULT_RING_MS 60000
#define MAX_ROUNDS 5
/* How long the plan may think about a call. */
#define DECISION_MS 30000
#define ELSEWHERE CT_STR("Call completed elsewhere")

static void go_on(struct ct_live *call);

/* ---- targets ---- */

static void note_best(struct ct_live *call, int status, struct ct_str reason)
{
    char *kept;

    if (ct_call_better(call->best, status) == call->best)
        return;
    call->best = status;
    kept = ct_str_dup(call->arena, reason);
    call->best_reason = kept == NULL ? (struct ct_str){0} : (struct ct_str){kept, reason.len};
}

/* What is common to all targets: the caller's offer, how far it may go on, whether it can do PRACK. */
static void fill_invite(struct ct_live *call, struct ct_arena *arena, struct ct_sip_invite *invite)
{
    struct ct_live_leg *other = call->side[1 - call->ring_for];
    bool required;

    invite->max_forwards = call->max_forwards;
    invite->body = (struct ct_sip_body){0};
    invite->reliable = false;
    invite->require_reliable = false;
    /* of a side that talks already nobody knows what it would offer now: it is asked when somebody answers */
    if (other == NULL || ct_sip_session_state(other->session) != CT_SIP_SESSION_INCOMING)
        return;
    invite->body = ct_live_through(other, true, ct_sip_session_remote_body(other->session), arena);
    /* what the caller requires of this side it need not find in whom it calls, which may be unable */
    invite->reliable = ct_sip_session_reliable(other->session, &required);
}

static void ring_one(struct ct_live *call, const struct ct_call_target *target)
{
    const struct ct_call_sink *sink = &call->calls->options.sink;
    struct ct_sip_invite invite = target->invite;
    struct ct_arena *arena = ct_arena_new();
    struct ct_live_leg *leg = NULL;
    enum ct_result result = CT_NOMEM;

    if (arena != NULL) {
        fill_invite(call, arena, &invite);
        result = ct_live_leg_new(call, &leg);
    }
    if (result == CT_OK)
        result = ct_sip_session_invite(call->calls->options.sessions, &invite, &ct_live_leg_events,
                                       leg, &leg->session);
    if (result == CT_OK) {
        leg->device_id = target->device_id;
        leg->account_id = target->account_id;
        leg->trunk_id = target->trunk_id;
        leg->next = call->ringing;
        call->ringing = leg;
        if (sink->leg != NULL && !target->foreign)
            sink->leg(sink->ctx, &call->facts, ct_sip_session_call_id(leg->session));
    } else {
        note_best(call,
                  result == CT_INVALID ? 404
                  : result == CT_BUSY  ? 503
                                       : 500,
                  (struct ct_str){0});
        if (leg != NULL)
            ct_live_leg_end(leg, 0, (struct ct_str){0}, (struct ct_str){0});
    }
    ct_arena_free(arena);
}

/* Rings whoever is next, and waits; false: there is nobody. */
static bool ring_next(struct ct_live *call)
{
    const struct ct_call_route *route = &call->route;
    int64_t wait_ms = route->ring_ms;

    while (call->next_target < route->target_count) {
        const struct ct_call_target *target = &route->targets[call->next_target++];

        ring_one(call, target);
        if ((!route->in_order && !route->failover) || call->ringing == NULL)
            continue;
        if (target->ring_ms > 0)
            wait_ms = target->ring_ms;
        break;
    }
    if (call->ringing == NULL)
        return false;
    ct_timer_start(ct_sip_wheel(call->calls->options.sip), &call->ring_timer,
                   wait_ms > 0 ? wait_ms : DEFAULT_RING_MS);
    return true;
}

void ct_live_ring(struct ct_live *call, const struct ct_call_route *route)
{
    if (route != &call->route)
        call->route = *route;
    call->next_target = 0;
    if (call->route.later) {
        ct_timer_start(ct_sip_wheel(call->calls->options.sip), &call->ring_timer, DECISION_MS);
        return;
    }
    call->rings = true;
    if (route->status != 0)
        note_best(call, route->status, route->reason);
    go_on(call);
}

void ct_live_silence(struct ct_live *call, const struct ct_live_leg *but, int status,
                     struct ct_str reason)
{
    struct ct_live_leg *leg = call->ringing;

    call->ringing = NULL;
    while (leg != NULL) {
        struct ct_live_leg *next = leg->next;

        if (leg != but)
            ct_live_leg_end(leg, status, reason, (struct ct_str){0});
        leg = next;
    }
}

/* Whether the plan has somebody else to ring: whom a device named, or else whom its owner did. */
static bool find_others(struct ct_live *call, int told, struct ct_call_route *out)
{
    const struct ct_call_plan *plan = &call->calls->options.plan;
    struct ct_str redirect = call->redirect;

    call->redirect = (struct ct_str){0};
    if (call->route.status != 0 || call->rounds >= MAX_ROUNDS || call->ring_for != 1)
        return false;
    if (redirect.len > 0 && plan->redirected != NULL &&
        plan->redirected(plan->ctx, &call->facts, redirect, call->arena, out))
        return true;
    return plan->unanswered != NULL &&
           plan->unanswered(plan->ctx, &call->facts, told, call->arena, out);
}

/* Nobody is left to ring: perhaps somebody else; otherwise that is that. */
static void nobody(struct ct_live *call)
{
    struct ct_call_route route = {0};
    int told = call->route.status != 0 ? call->best
               : call->best == 0       ? 480
                                       : ct_call_told(call->best);

    call->rings = false;
    ct_timer_stop(&call->ring_timer);
    if (call->transfers) {
        ct_live_tell_transferor(call, told);
        ct_live_transfer_over(call, false);
        /* whoever wanted to be rid of the call has it still, or has gone */
        if (call->side[call->ring_for] == NULL)
            ct_live_finish(call, CT_CALL_COMPLETED, CT_CALL_SYSTEM, call->facts.sip_code,
                           CT_STR("Transfer failed"));
        return;
    }
    if (find_others(call, told, &route)) {
        call->rounds++;
        call->best = 0;
        route.parties = call->route.parties;
        if (route.longest_ms == 0) {
            route.longest_ms = call->route.longest_ms;
            route.again_ms = call->route.again_ms;
            route.over = call->route.over;
        }
        ct_live_ring(call, &route);
        return;
    }
    ct_live_finish(call, ct_call_status_of(told),
                   call->route.status != 0 || call->best == 0 || call->best == 408 ? CT_CALL_SYSTEM
                                                                                   : CT_CALL_CALLEE,
                   told, told == call->best ? call->best_reason : ct_sip_reason(told));
}

static void go_on(struct ct_live *call)
{
    if (!ring_next(call))
        nobody(call);
}

void ct_live_ring_fire(void *ctx)
{
    struct ct_live *call = ctx;

    ct_live_enter(call);
    if (call->route.later) {
        /* nobody has said that it may go on */
        call->route = (struct ct_call_route){.status = 503, .reason = ct_sip_reason(503)};
        ct_live_ring(call, &call->route);
        ct_live_leave(call);
        return;
    }
    ct_live_silence(call, NULL, 0, (struct ct_str){0});
    note_best(call, 408, ct_sip_reason(408));
    if (call->route.failover && call->facts.status != CT_CALL_QUEUED)
        call->next_target = call->route.target_count;
    go_on(call);
    ct_live_leave(call);
}

static void take_out(struct ct_live_leg *leg)
{
    struct ct_live_leg **at = &leg->call->ringing;

    while (*at != leg)
        at = &(*at)->next;
    *at = leg->next;
}

/* A device may send its calls elsewhere, as its user has told it; the first one that says so counts. 305 and 380 ask for
 * something else. */
static void note_redirect(const struct ct_live_leg *leg, const struct ct_sip_ended *ended)
{
    struct ct_live *call = leg->call;
    struct ct_sip_cursor cursor = {0};
    struct ct_sip_address address;
    struct ct_str value;
    char *kept;

    if (ended->status < 300 || ended->status > 302 || ended->message == NULL ||
        leg->device_id == 0 || call->ring_for != 1 || call->transfers || call->redirect.len > 0)
        return;
    if (!ct_sip_next_value(ended->message, CT_SIP_H_CONTACT, &cursor, &value) ||
        !ct_sip_address_read(value, &address) || address.star)
        return;
    kept = ct_str_dup(call->arena, address.uri.text);
    if (kept != NULL)
        call->redirect = (struct ct_str){kept, address.uri.text.len};
}

void ct_live_unanswered(struct ct_live_leg *leg, const struct ct_sip_ended *ended)
{
    struct ct_live *call = leg->call;

    note_redirect(leg, ended);
    take_out(leg);
    note_best(call, ended->status, ended->reason);
    ct_live_leg_end(leg, 0, (struct ct_str){0}, (struct ct_str){0});
    /* who says 6xx speaks for everybody (16.7, step 5), and another way would end at the same phone */
    if (ended->status >= 600 ||
        (call->route.failover && ended->status < 500 && ended->status != 408)) {
        ct_live_silence(call, NULL, 0, (struct ct_str){0});
        call->next_target = call->route.target_count;
    }
    if (call->ringing == NULL)
        go_on(call);
}

/* ---- early dialogs: each that sends a description is a fork of its own to the caller ---- */

ct_sip_fork ct_live_fork_up(struct ct_live *call, struct ct_live_leg *leg, ct_sip_fork fork,
                            bool body)
{
    ct_sip_fork unused = 0;

    for (ct_sip_fork i = 0; i < CT_SIP_MAX_FORKS; i++)
        if (call->forks[i].leg == leg && call->forks[i].fork == fork)
            return i;
    if (!body)
        return 0;
    while (unused < CT_SIP_MAX_FORKS && call->forks[unused].leg != NULL)
        unused++;
    if (unused == CT_SIP_MAX_FORKS)
        return 0;
    call->forks[unused].leg = leg;
    call->forks[unused].fork = fork;
    return unused;
}

struct ct_live_leg *ct_live_fork_down(struct ct_live *call, ct_sip_fork up, ct_sip_fork *fork)
{
    struct ct_live_leg *leg = up < CT_SIP_MAX_FORKS ? call->forks[up].leg : NULL;
    struct ct_live_leg *living = call->ringing;

    while (living != NULL && living != leg)
        living = living->next;
    if (leg == NULL || (living == NULL && leg != call->side[1]))
        return NULL;
    *fork = call->forks[up].fork;
    return leg;
}

/* A caller that made no offer and requires reliable responses would answer in its PRACK what is no offer. */
static bool is_mere_sound(struct ct_sip_session *caller, const struct ct_sip_progress *progress)
{
    bool required;

    (void)ct_sip_session_reliable(caller, &required);
    return required && !progress->reliable && ct_sip_session_remote_body(caller).bytes.len == 0;
}

static void pass_progress(struct ct_live_leg *leg, const struct ct_sip_progress *progress)
{
    struct ct_live *call = leg->call;
    struct ct_sip_session *caller = call->side[0]->session;
    bool body = progress->body.bytes.len > 0 && !is_mere_sound(caller, progress);
    struct ct_arena *arena;
    enum ct_result result;

    /* many phones ring; the caller hears it once */
    if (!body && !progress->reliable && progress->status == call->passed_status)
        return;
    arena = ct_arena_new();
    if (arena == NULL)
        return;
    result = ct_sip_session_ring(
        caller, progress->status, progress->reason,
        ct_live_fork_up(call, leg, progress->fork, body), progress->reliable,
        body ? ct_live_through(leg, progress->wants_prack, progress->body, arena)
             : (struct ct_sip_body){0});
    if (result == CT_OK && !body)
        call->passed_status = progress->status;
    ct_arena_free(arena);
}

void ct_live_leg_progress(void *ctx, const struct ct_sip_progress *progress)
{
    struct ct_live_leg *leg = ctx;
    struct ct_live *call = leg->call;

    if (call == NULL || call->ring_for != 1)
        return;
    ct_live_enter(call);
    if (call->facts.status == CT_CALL_QUEUED && progress->status != 182)
        ct_live_step(call, CT_CALL_RINGING);
    if (call->transfers)
        ct_live_tell_transferor(call, progress->status);
    else if (call->side[0] != NULL &&
             ct_sip_session_state(call->side[0]->session) == CT_SIP_SESSION_INCOMING)
        pass_progress(leg, progress);
    ct_live_leave(call);
}

void ct_live_leg_pracked(void *ctx, ct_sip_fork fork, struct ct_sip_body body)
{
    struct ct_live_leg *leg = ctx;
    struct ct_live *call = leg->call;
    struct ct_live_leg *callee;
    struct ct_arena *arena;
    ct_sip_fork down;
    enum ct_result result;

    /* that is what the answer has waited for, and now it goes out */
    if (call != NULL && call->held && leg == call->side[0]) {
        call->held = false;
        if (call->facts.status != CT_CALL_IN_PROGRESS)
            ct_live_note_answer(call, call->side[1]);
    }
    if (call == NULL || body.bytes.len == 0)
        return;
    callee = ct_live_fork_down(call, fork, &down);
    arena = ct_arena_new();
    if (callee != NULL && arena != NULL) {
        result =
            ct_sip_session_prack(callee->session, down, ct_live_through(leg, false, body, arena));
        (void)result; /* the callee repeats what it sent, or gives up */
    }
    ct_arena_free(arena);
}

/* ---- the answer ---- */

/* The caller waits for it. */
static void answer_caller(struct ct_live_leg *leg, const struct ct_sip_answer *answer)
{
    struct ct_live *call = leg->call;
    struct ct_live_leg *caller = call->side[0];
    struct ct_arena *arena = ct_arena_new();
    enum ct_result result = CT_NOMEM;

    if (arena != NULL)
        result =
            ct_sip_session_answer(caller->session, ct_live_fork_up(call, leg, answer->fork, true),
                                  ct_live_through(leg, answer->wants_ack, answer->body, arena));
    ct_arena_free(arena);
    if (result != CT_OK) {
        ct_live_finish(call, CT_CALL_FAILED, CT_CALL_SYSTEM, 500, (struct ct_str){0});
        return;
    }
    if (answer->wants_ack)
        call->ack_to = leg;
    call->held = ct_sip_session_state(caller->session) == CT_SIP_SESSION_INCOMING;
    /* whoever answers outside is paid for from then on, and heard: a caller who is silent has him for nothing otherwise */
    if (!call->held || leg->trunk_id != 0)
        ct_live_note_answer(call, leg);
}

/* The caller's own device has answered: it waits, without media, until the other side does. */
static void ring_second(struct ct_live_leg *leg, const struct ct_sip_answer *answer)
{
    struct ct_live *call = leg->call;
    ct_call_decision *second = call->second;
    struct ct_arena *arena = ct_arena_new();
    struct ct_sip_body body = answer->body;
    enum ct_result result = CT_NOMEM;

    call->second = NULL;
    if (arena != NULL)
        result = answer->wants_ack ? ct_live_hold(arena, answer->body.bytes, &body.bytes) : CT_OK;
    if (result == CT_OK && answer->wants_ack)
        result = ct_sip_session_ack(leg->session, body);
    ct_arena_free(arena);
    if (result != CT_OK) {
        ct_live_finish(call, CT_CALL_FAILED, CT_CALL_SYSTEM, result == CT_INVALID ? 488 : 500,
                       (struct ct_str){0});
        return;
    }
    call->facts.parties.from_device_id =
        leg->device_id != 0 ? leg->device_id : call->facts.parties.from_device_id;
    call->ring_for = 1;
    call->best = 0;
    call->route = (struct ct_call_route){0};
    second(call->second_ctx, &call->facts, call->arena, &call->route);
    ct_live_ring(call, &call->route);
}

void ct_live_leg_answered(void *ctx, const struct ct_sip_answer *answer)
{
    struct ct_live_leg *leg = ctx;
    struct ct_live *call = leg->call;
    struct ct_live_leg *other;
    struct ct_live_leg *before;

    assert(call != NULL);
    ct_live_enter(call);
    take_out(leg);
    ct_timer_stop(&call->ring_timer);
    call->rings = false;
    ct_live_silence(call, leg, 200, ELSEWHERE);
    other = call->side[1 - call->ring_for];
    before = call->side[call->ring_for];
    call->side[call->ring_for] = leg;
    if (before != NULL) {
        ct_live_tell_transferor(call, 200);
        ct_live_leg_part(before);
    }
    if (call->second != NULL) {
        ring_second(leg, answer);
    } else if (other == NULL) {
        ct_live_finish(call, CT_CALL_FAILED, CT_CALL_SYSTEM, 487, (struct ct_str){0});
    } else if (ct_sip_session_state(other->session) == CT_SIP_SESSION_INCOMING) {
        answer_caller(leg, answer);
    } else {
        ct_live_note_answer(call, leg);
        ct_live_transfer_over(call, true);
        if (answer->wants_ack && !ct_live_offer(leg, other, CT_LIVE_BRIDGED, answer->body))
            ct_live_finish(call, CT_CALL_COMPLETED, CT_CALL_SYSTEM, call->facts.sip_code,
                           CT_STR("The two sides could not be connected"));
    }
    ct_live_leave(call);
}
