#include "voice/call.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sip/write.h"
#include "voice/call_parts.h"

#define PARTING_MS 2000
/* Who calls whom, and whom that rings: what a call with one device to ring needs. */
#define CALL_BYTES 2400
#define DEFAULT_MAX_FORWARDS 70

/* ---- all calls ---- */

enum ct_result ct_calls_new(const struct ct_calls_options *options, struct ct_calls **out)
{
    struct ct_calls *calls = calloc(1, sizeof(*calls));

    if (calls == NULL)
        return CT_NOMEM;
    calls->options = *options;
    *out = calls;
    return CT_OK;
}

static void leg_free(struct ct_live_leg *leg)
{
    ct_timer_stop(&leg->parting);
    if (leg->relay != NULL)
        ct_sip_server_forget(leg->relay);
    free(leg);
}

static void bury_all(struct ct_live *call)
{
    while (call->dead != NULL) {
        struct ct_live_leg *leg = call->dead;

        call->dead = leg->next;
        leg_free(leg);
    }
}

static void live_free(struct ct_live *call)
{
    ct_timer_stop(&call->ring_timer);
    ct_timer_stop(&call->limit_timer);
    bury_all(call);
    *call->back = call->next;
    if (call->next != NULL)
        call->next->back = call->back;
    call->calls->count--;
    ct_arena_free(call->arena);
    free(call);
}

void ct_calls_free(struct ct_calls *calls)
{
    if (calls == NULL)
        return;
    while (calls->first != NULL) {
        struct ct_live *call = calls->first;

        while (call->ringing != NULL) {
            struct ct_live_leg *leg = call->ringing;

            call->ringing = leg->next;
            leg_free(leg);
        }
        for (size_t i = 0; i < 2; i++)
            if (call->side[i] != NULL)
                leg_free(call->side[i]);
        if (call->newcomer != NULL)
            leg_free(call->newcomer);
        live_free(call);
    }
    while (calls->parted != NULL) {
        struct ct_live_leg *leg = calls->parted;

        calls->parted = leg->next;
        leg_free(leg);
    }
    free(calls);
}

size_t ct_calls_count(const struct ct_calls *calls)
{
    return calls->count;
}

struct ct_live *ct_live_find(struct ct_calls *calls, const char *key)
{
    struct ct_live *call = calls->first;

    while (call != NULL && (call->over || strcmp(call->facts.key, key) != 0))
        call = call->next;
    return call;
}

int64_t ct_calls_of_trunk(const struct ct_calls *calls, int64_t trunk_id)
{
    int64_t count = 0;

    for (const struct ct_live *call = calls->first; call != NULL; call = call->next) {
        const struct ct_call_parties *parties = &call->facts.parties;

        if (!call->over && (parties->from_trunk_id == trunk_id || parties->to_trunk_id == trunk_id))
            count++;
    }
    return count;
}

void ct_calls_each(struct ct_calls *calls,
                   void (*each)(void *ctx, const struct ct_call_facts *facts), void *ctx)
{
    for (struct ct_live *call = calls->first; call != NULL; call = call->next)
        if (!call->over)
            each(ctx, &call->facts);
}

/* ---- one call ---- */

void ct_live_enter(struct ct_live *call)
{
    call->depth++;
}

void ct_live_leave(struct ct_live *call)
{
    assert(call->depth > 0);
    if (--call->depth > 0)
        return;
    bury_all(call);
    if (call->over)
        live_free(call);
}

static int64_t unix_ms(const struct ct_calls *calls)
{
    return calls->options.env->unix_ms(calls->options.env->ctx);
}

enum ct_result ct_live_new(struct ct_calls *calls, const char *key, struct ct_live **out)
{
    static const char digits[] = "0123456789abcdef";
    const struct ct_sip_env *env = calls->options.env;
    struct ct_live *call = calloc(1, sizeof(*call));
    uint8_t random[CT_CALL_KEY_BYTES / 2];

    if (call == NULL)
        return CT_NOMEM;
    call->arena = ct_arena_sized(CALL_BYTES);
    if (call->arena == NULL) {
        free(call);
        return CT_NOMEM;
    }
    if (key != NULL) {
        memcpy(call->facts.key, key, strnlen(key, CT_CALL_KEY_BYTES));
    } else {
        env->random(env->ctx, random, sizeof(random));
        for (size_t i = 0; i < sizeof(random); i++) {
            call->facts.key[2 * i] = digits[random[i] >> 4];
            call->facts.key[2 * i + 1] = digits[random[i] & 15];
        }
    }
    call->calls = calls;
    call->facts.started_ms = unix_ms(calls);
    call->max_forwards = DEFAULT_MAX_FORWARDS;
    call->ring_for = 1;
    call->ring_timer = (struct ct_timer){.fire = ct_live_ring_fire, .ctx = call};
    call->limit_timer = (struct ct_timer){.fire = ct_live_limit_fire, .ctx = call};
    call->next = calls->first;
    call->back = &calls->first;
    if (call->next != NULL)
        call->next->back = &call->next;
    calls->first = call;
    calls->count++;
    *out = call;
    return CT_OK;
}

/* ---- legs ---- */

static void part_fire(void *ctx)
{
    struct ct_live_leg *leg = ctx;
    struct ct_live_leg **at = &leg->calls->parted;

    while (*at != leg)
        at = &(*at)->next;
    *at = leg->next;
    if (leg->session != NULL)
        ct_sip_session_end(leg->session, 0, (struct ct_str){0}, (struct ct_str){0});
    leg_free(leg);
}

enum ct_result ct_live_leg_new(struct ct_live *call, struct ct_live_leg **out)
{
    struct ct_live_leg *leg = calloc(1, sizeof(*leg));

    if (leg == NULL)
        return CT_NOMEM;
    leg->calls = call->calls;
    leg->call = call;
    leg->parting = (struct ct_timer){.fire = part_fire, .ctx = leg};
    *out = leg;
    return CT_OK;
}

void ct_live_leg_end(struct ct_live_leg *leg, int status, struct ct_str reason,
                     struct ct_str headers)
{
    struct ct_live *call = leg->call;
    struct ct_sip_session *session = leg->session;

    leg->session = NULL;
    leg->next = call->dead;
    call->dead = leg;
    ct_live_forget_exchange(call, leg);
    if (leg->relay != NULL) {
        enum ct_result result = ct_sip_reply(leg->relay, 481, NULL);

        (void)result; /* whoever asked hangs up, or is told by his own leg */
        ct_sip_server_forget(leg->relay);
        leg->relay = NULL;
    }
    if (session != NULL)
        ct_sip_session_end(session, status, reason, headers);
}

void ct_live_leg_part(struct ct_live_leg *leg)
{
    struct ct_calls *calls = leg->calls;

    ct_live_forget_exchange(leg->call, leg);
    if (leg->session == NULL) {
        ct_live_leg_end(leg, 0, (struct ct_str){0}, (struct ct_str){0});
        return;
    }
    leg->call = NULL;
    leg->next = calls->parted;
    calls->parted = leg;
    ct_timer_start(ct_sip_wheel(calls->options.sip), &leg->parting, PARTING_MS);
}

static void parted_ended(struct ct_live_leg *leg)
{
    leg->session = NULL;
    part_fire(leg);
}

struct ct_live_leg *ct_live_other(const struct ct_live_leg *leg)
{
    const struct ct_live *call = leg->call;

    return leg == call->side[0] ? call->side[1] : leg == call->side[1] ? call->side[0] : NULL;
}

enum ct_call_party ct_live_party_of(const struct ct_live_leg *leg)
{
    return leg == leg->call->side[0]   ? CT_CALL_CALLER
           : leg == leg->call->side[1] ? CT_CALL_CALLEE
                                       : CT_CALL_NOBODY;
}

struct ct_sip_body ct_live_through(const struct ct_live_leg *leg, bool offer,
                                   struct ct_sip_body body, struct ct_arena *arena)
{
    const struct ct_calls_options *options = &leg->calls->options;

    if (options->media == NULL || body.bytes.len == 0)
        return body;
    return options->media(options->media_ctx, &leg->call->facts, ct_live_party_of(leg), offer, body,
                          arena);
}

/* ---- the record ---- */

void ct_live_step(struct ct_live *call, enum ct_call_status status)
{
    const struct ct_call_sink *sink = &call->calls->options.sink;

    assert(ct_call_may(call->facts.status, status));
    call->facts.status = status;
    if (status == CT_CALL_RINGING)
        call->facts.ringing_ms = unix_ms(call->calls);
    if (status == CT_CALL_IN_PROGRESS)
        call->facts.answered_ms = unix_ms(call->calls);
    if (status == CT_CALL_RINGING || status == CT_CALL_IN_PROGRESS)
        sink->changed(sink->ctx, &call->facts);
}

void ct_live_note_answer(struct ct_live *call, const struct ct_live_leg *leg)
{
    bool transferred = call->facts.status == CT_CALL_IN_PROGRESS;

    if (leg->trunk_id != 0)
        call->facts.parties.to_trunk_id = leg->trunk_id;
    /* of a transfer only one to the outside has a limit of its own */
    if (!transferred || leg->trunk_id != 0)
        ct_live_limit(call);
    if (transferred)
        return;
    if (leg->device_id != 0)
        call->facts.parties.to_device_id = leg->device_id;
    call->facts.sip_code = 200;
    call->facts.reason = ct_sip_reason(200);
    ct_live_step(call, CT_CALL_IN_PROGRESS);
}

void ct_live_finish(struct ct_live *call, enum ct_call_status status, enum ct_call_party by,
                    int code, struct ct_str reason)
{
    const struct ct_call_sink *sink = &call->calls->options.sink;
    struct ct_live_leg *sides[2] = {call->side[0], call->side[1]};
    char *kept = ct_str_dup(call->arena, reason);

    if (call->over)
        return;
    call->over = true;
    ct_timer_stop(&call->ring_timer);
    ct_timer_stop(&call->limit_timer);
    ct_live_tell_transferor(call, 487);
    ct_live_transfer_over(call, false);
    ct_live_silence(call, NULL, 0, (struct ct_str){0});
    call->side[0] = NULL;
    call->side[1] = NULL;
    for (size_t i = 0; i < 2; i++)
        if (sides[i] != NULL)
            ct_live_leg_end(sides[i], status == CT_CALL_COMPLETED ? 0 : code, reason,
                            call->route.headers);
    if (call->newcomer != NULL)
        ct_live_leg_end(call->newcomer, 481, (struct ct_str){0}, (struct ct_str){0});
    call->newcomer = NULL;
    ct_live_step(call, status);
    call->facts.ended_ms = unix_ms(call->calls);
    call->facts.hangup_by = by;
    call->facts.sip_code = code;
    /* without memory for it the usual words */
    call->facts.reason =
        kept == NULL || reason.len == 0 ? ct_sip_reason(code) : (struct ct_str){kept, reason.len};
    sink->ended(sink->ctx, &call->facts);
}

/* ---- what happens to a leg ---- */

static void side_ended(struct ct_live_leg *leg, const struct ct_sip_ended *ended)
{
    struct ct_live *call = leg->call;
    int side = leg == call->side[0] ? 0 : 1;
    bool transferor = call->transferor == leg;
    enum ct_call_party by = ended->cause == CT_SIP_END_BYE || ended->cause == CT_SIP_END_CANCELLED
                                ? ct_live_party_of(leg)
                                : CT_CALL_SYSTEM;

    call->side[side] = NULL;
    if (transferor) {
        call->transferor = NULL;
        /* he has done his part: whom he named is rung on */
        if (call->transfers) {
            ct_live_leg_end(leg, 0, (struct ct_str){0}, (struct ct_str){0});
            return;
        }
    }
    ct_live_leg_end(leg, 0, (struct ct_str){0}, (struct ct_str){0});
    if (call->facts.status == CT_CALL_IN_PROGRESS)
        ct_live_finish(call, CT_CALL_COMPLETED, by, call->facts.sip_code, ended->reason);
    else if (by == CT_CALL_SYSTEM)
        ct_live_finish(call, CT_CALL_FAILED, by, ended->status, ended->reason);
    else if (by == CT_CALL_CALLEE) /* before the caller could be answered */
        ct_live_finish(call, ct_call_status_of(480), by, 480, ended->reason);
    else
        ct_live_finish(call, CT_CALL_CANCELED, by, 487, ended->reason);
}

static void on_ended(void *ctx, const struct ct_sip_ended *ended)
{
    struct ct_live_leg *leg = ctx;
    struct ct_live *call = leg->call;

    if (call == NULL) {
        parted_ended(leg);
        return;
    }
    leg->session = NULL;
    ct_live_enter(call);
    if (leg == call->side[0] || leg == call->side[1]) {
        side_ended(leg, ended);
    } else if (leg == call->newcomer) {
        call->newcomer = NULL;
        ct_live_leg_end(leg, 0, (struct ct_str){0}, (struct ct_str){0});
    } else {
        ct_live_unanswered(leg, ended);
    }
    ct_live_leave(call);
}

const struct ct_sip_session_events ct_live_leg_events = {
    .progress = ct_live_leg_progress,
    .answered = ct_live_leg_answered,
    .acked = ct_live_leg_acked,
    .pracked = ct_live_leg_pracked,
    .offered = ct_live_leg_offered,
    .offer_accepted = ct_live_leg_offer_accepted,
    .offer_refused = ct_live_leg_offer_refused,
    .referred = ct_live_leg_referred,
    .request = ct_live_leg_request,
    .ended = on_ended,
};
