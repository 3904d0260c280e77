#include "voice/call_parts.h"

/* Calls of an account, a device or a trunk that is there no longer. */

static bool is_of(const struct ct_live_leg *leg, const struct ct_call_gone *gone)
{
    return leg != NULL && ((gone->account_id != 0 && leg->account_id == gone->account_id) ||
                           (gone->device_id != 0 && leg->device_id == gone->device_id) ||
                           (gone->trunk_id != 0 && leg->trunk_id == gone->trunk_id));
}

static bool is_lost(const struct ct_live *call, const struct ct_call_gone *gone)
{
    const struct ct_call_parties *parties = &call->facts.parties;

    if (gone->account_id != 0 &&
        (parties->caller_id == gone->account_id || parties->callee_id == gone->account_id ||
         parties->payer_id == gone->account_id))
        return true;
    /* a leg that comes from a trunk does not say so; that side stays who it is */
    if (gone->trunk_id != 0 && parties->from_trunk_id == gone->trunk_id)
        return true;
    return is_of(call->side[0], gone) || is_of(call->side[1], gone) || is_of(call->newcomer, gone);
}

/* One that rings; NULL: none (any more). */
static struct ct_live_leg *ringing_of(const struct ct_live *call, const struct ct_call_gone *gone)
{
    struct ct_live_leg *leg = call->ringing;

    while (leg != NULL && !is_of(leg, gone))
        leg = leg->next;
    return leg;
}

static void lose(struct ct_live *call, const struct ct_call_gone *gone, struct ct_str why)
{
    const struct ct_sip_ended away = {.cause = CT_SIP_END_REFUSED, .status = 480, .reason = why};
    struct ct_live_leg *leg;

    if (!is_lost(call, gone)) {
        while (!call->over && (leg = ringing_of(call, gone)) != NULL)
            ct_live_unanswered(leg, &away);
    } else if (call->facts.status == CT_CALL_IN_PROGRESS) {
        ct_live_finish(call, CT_CALL_COMPLETED, CT_CALL_SYSTEM, call->facts.sip_code, why);
    } else {
        ct_live_finish(call, CT_CALL_CANCELED, CT_CALL_SYSTEM, 487, why);
    }
}

void ct_calls_lose(struct ct_calls *calls, const struct ct_call_gone *gone, struct ct_str why)
{
    struct ct_live *call = calls->first;

    if (call != NULL)
        ct_live_enter(call);
    while (call != NULL) {
        struct ct_live *next = call->next;

        /* what ends here takes no other one along: the next is entered before this one is left */
        if (next != NULL)
            ct_live_enter(next);
        if (!call->over)
            lose(call, gone, why);
        ct_live_leave(call);
        call = next;
    }
}
