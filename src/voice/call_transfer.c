#include "sip/write.h"
#include "voice/call_parts.h"

/* Transfers: REFER, blind (RFC 3515) and attended (with Replaces), and an INVITE with Replaces (RFC 3891). */

void ct_live_tell_transferor(struct ct_live *call, int status)
{
    struct ct_live_leg *leg = call->transferor;
    enum ct_result result;

    if (leg == NULL || leg->session == NULL)
        return;
    result = ct_sip_session_refer_notify(leg->session, status, (struct ct_str){0});
    (void)result; /* he finds out when he is hung up on, or is not */
    if (status >= 200)
        call->transferor = NULL;
}

static void say_transferred(struct ct_live *call, bool done)
{
    const struct ct_call_sink *sink = &call->calls->options.sink;

    sink->transferred(sink->ctx, &call->facts, done);
}

void ct_live_transfer_over(struct ct_live *call, bool done)
{
    if (!call->transfers)
        return;
    call->transfers = false;
    if (!done) {
        call->facts.parties.to_trunk_id = call->trunk_before;
        call->facts.parties.payer_id = call->payer_before;
    }
    say_transferred(call, done);
}

static void refuse(struct ct_live_leg *leg, int status)
{
    enum ct_result result = ct_sip_session_refer_refuse(leg->session, status);

    (void)result; /* it waits, so it can be refused */
}

/* ---- blind ---- */

static void transfer_to(struct ct_live_leg *leg, const struct ct_sip_refer *refer)
{
    struct ct_live *call = leg->call;
    const struct ct_call_plan *plan = &call->calls->options.plan;
    struct ct_call_route route = {0};
    struct ct_call_facts facts = call->facts;

    if (plan->transfer == NULL) {
        refuse(leg, 603);
        return;
    }
    /* whoever a transfer has brought here acts for himself, not for the one whose place he has */
    if (leg == call->side[0])
        facts.parties.from_device_id = leg->device_id;
    else
        facts.parties.to_device_id = leg->device_id;
    plan->transfer(plan->ctx, &facts, ct_live_party_of(leg), ct_live_other(leg)->trunk_id != 0,
                   refer->target, call->arena, &route);
    if (route.status != 0 || route.target_count == 0) {
        refuse(leg, route.status != 0 ? route.status : 404);
        return;
    }
    if (ct_sip_session_refer_accept(leg->session) != CT_OK) {
        refuse(leg, 500);
        return;
    }
    call->transferor = leg;
    call->transfers = true;
    call->trunk_before = call->facts.parties.to_trunk_id;
    call->payer_before = call->facts.parties.payer_id;
    call->ring_for = leg == call->side[0] ? 0 : 1;
    call->best = 0;
    route.longest_ms = call->route.longest_ms;
    route.again_ms = call->route.again_ms;
    route.over = call->route.over;
    ct_live_ring(call, &route);
}

/* ---- attended: the far sides of two calls of one person are connected ---- */

static void connect(struct ct_live_leg *leg, struct ct_live_leg *named)
{
    struct ct_live *call = leg->call;
    struct ct_live *named_call = named->call;
    /* the call that goes out goes on: it has the record that is paid for, and its longest time; not so one that comes back
     * from there */
    bool swapped = ct_live_other(named)->trunk_id != 0 || leg->trunk_id != 0;
    struct ct_live_leg *before = swapped ? named : leg;
    struct ct_live_leg *after = swapped ? leg : named;
    struct ct_live *keeps = before->call;
    struct ct_live *ends = after->call;
    struct ct_live_leg *stays = ct_live_other(before);
    struct ct_live_leg *comes = ct_live_other(after);
    int side = before == keeps->side[0] ? 0 : 1;

    if ((stays->trunk_id != 0 && comes->trunk_id != 0) || before->trunk_id != 0) {
        refuse(leg, 403);
        return;
    }
    ct_live_enter(named_call);
    if (ct_sip_session_offer(stays->session, 0, CT_SIP_OFFER_PATIENT, (struct ct_sip_body){0}) !=
        CT_OK) {
        refuse(leg, 491);
    } else if (ct_sip_session_refer_accept(leg->session) != CT_OK) {
        refuse(leg, 500);
        ct_live_finish(keeps, CT_CALL_COMPLETED, CT_CALL_SYSTEM, keeps->facts.sip_code,
                       (struct ct_str){0});
    } else {
        call->transferor = leg;
        ct_live_tell_transferor(call, 200);
        ends->side[0] = NULL;
        ends->side[1] = NULL;
        ct_live_forget_exchange(ends, comes);
        comes->call = keeps;
        keeps->side[side] = comes;
        ct_live_leg_part(before);
        keeps->exchange = CT_LIVE_ASKED;
        keeps->giver = stays;
        say_transferred(keeps, true);
        if (swapped)
            ct_live_leg_part(after);
        else
            ct_live_leg_end(after, 0, (struct ct_str){0}, (struct ct_str){0});
        ct_live_finish(ends, CT_CALL_COMPLETED, CT_CALL_SYSTEM, ends->facts.sip_code,
                       CT_STR("Transferred"));
    }
    ct_live_leave(named_call);
}

/* Whether a call has two sides that talk, and nothing on its way between them. */
static bool is_calm(const struct ct_live *call)
{
    return !call->over && call->facts.status == CT_CALL_IN_PROGRESS && !call->transfers &&
           call->exchange == CT_LIVE_QUIET && call->ack_to == NULL && call->newcomer == NULL &&
           call->side[0] != NULL && call->side[1] != NULL &&
           ct_sip_session_state(call->side[0]->session) == CT_SIP_SESSION_CONFIRMED &&
           ct_sip_session_state(call->side[1]->session) == CT_SIP_SESSION_CONFIRMED;
}

/* Whether two legs lead to the same account, or, where there is none, to the same address. */
static bool same_person(const struct ct_live_leg *a, const struct ct_live_leg *b)
{
    if (a->account_id != 0 || b->account_id != 0)
        return a->account_id == b->account_id;
    return ct_sip_address_equal(&ct_sip_session_hop(a->session)->peer,
                                &ct_sip_session_hop(b->session)->peer);
}

void ct_live_leg_referred(void *ctx, const struct ct_sip_refer *refer)
{
    struct ct_live_leg *leg = ctx;
    struct ct_live *call = leg->call;
    struct ct_sip_session *session;
    void *named;
    enum ct_result result;

    if (call == NULL || !is_calm(call)) {
        refuse(leg, call == NULL ? 603 : 491);
        return;
    }
    ct_live_enter(call);
    if (refer->replaces.len == 0) {
        transfer_to(leg, refer);
    } else {
        result = ct_sip_session_replaced(leg->calls->options.sessions, refer->replaces, &session,
                                         &named);
        /* all legs of these sessions are ours; that of another person is none of his business */
        if (result != CT_OK)
            refuse(leg, result == CT_INVALID ? 400 : 404);
        else if (((struct ct_live_leg *)named)->call == NULL ||
                 ((struct ct_live_leg *)named)->call == call ||
                 !is_calm(((struct ct_live_leg *)named)->call))
            refuse(leg, 491);
        else if (!same_person(leg, named))
            refuse(leg, 403);
        else
            connect(leg, named);
    }
    ct_live_leave(call);
}

/* ---- INVITE with Replaces ---- */

static int judge(struct ct_calls *calls, const struct ct_sip_message *message, void *peer,
                 struct ct_live_leg **out, int64_t *device_id)
{
    const struct ct_call_plan *plan = &calls->options.plan;
    struct ct_sip_session *session;
    struct ct_live_leg *leg;
    void *ctx;
    enum ct_result result = ct_sip_session_replaced(
        calls->options.sessions, ct_sip_header(message, CT_SIP_H_REPLACES), &session, &ctx);

    if (result != CT_OK)
        return result == CT_INVALID ? 400 : result == CT_CONFLICT ? 486 : 481;
    leg = ctx;
    if (leg->call == NULL || (leg != leg->call->side[0] && leg != leg->call->side[1]))
        return 481;
    if (plan->may_replace == NULL ||
        !plan->may_replace(plan->ctx, peer, leg->account_id, device_id))
        return 403;
    if (!is_calm(leg->call))
        return 491;
    *out = leg;
    return 0;
}

void ct_live_take_place(struct ct_live *call)
{
    struct ct_live_leg *before = call->side[call->newcomer_side];
    struct ct_live_leg *newcomer = call->newcomer;

    call->newcomer = NULL;
    call->side[call->newcomer_side] = newcomer;
    if (before != NULL)
        ct_live_leg_end(before, 200, CT_STR("Replaced"), (struct ct_str){0});
    say_transferred(call, true);
}

void ct_live_replace(struct ct_calls *calls, struct ct_sip_server *server,
                     const struct ct_sip_message *message, void *peer)
{
    struct ct_live_leg *replaced;
    struct ct_live_leg *leg;
    struct ct_live *call;
    int64_t device_id;
    int status = judge(calls, message, peer, &replaced, &device_id);

    if (status == 0 && ct_live_leg_new(replaced->call, &leg) != CT_OK)
        status = 500;
    if (status != 0) {
        enum ct_result result = ct_sip_reply(server, status, NULL);

        (void)result; /* the caller asks again */
        return;
    }
    call = replaced->call;
    leg->device_id = device_id;
    leg->account_id = replaced->account_id;
    ct_live_enter(call);
    if (ct_sip_session_accept(calls->options.sessions, server, message, message->uri.user, true,
                              &ct_live_leg_events, leg, &leg->session) != CT_OK) {
        ct_live_leg_end(leg, 0, (struct ct_str){0}, (struct ct_str){0});
    } else if (!ct_live_offer(leg, ct_live_other(replaced), CT_LIVE_REPLACED,
                              ct_sip_session_remote_body(leg->session))) {
        ct_live_leg_end(leg, 491, (struct ct_str){0}, (struct ct_str){0});
    } else {
        call->newcomer = leg;
        call->newcomer_side = replaced == call->side[0] ? 0 : 1;
    }
    ct_live_leave(call);
}
