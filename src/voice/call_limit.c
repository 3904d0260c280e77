#include "voice/call_parts.h"

/* How long a call may be: it is ended, and before that the plan may be asked again. */

static int64_t now_ms(const struct ct_live *call)
{
    const struct ct_sip_env *env = call->calls->options.env;

    return env->now_ms(env->ctx);
}

static void wait(struct ct_live *call)
{
    int64_t next = call->limit.longest_ms;
    int64_t passed = now_ms(call) - call->limit.from_ms;

    if (call->limit.again_ms > 0 && (next <= 0 || call->limit.again_ms < next))
        next = call->limit.again_ms;
    if (next <= 0)
        ct_timer_stop(&call->limit_timer);
    else
        ct_timer_start(ct_sip_wheel(call->calls->options.sip), &call->limit_timer,
                       next > passed ? next - passed : 0);
}

void ct_live_limit(struct ct_live *call)
{
    call->limit.from_ms = now_ms(call);
    call->limit.longest_ms = call->route.longest_ms;
    call->limit.again_ms = call->route.again_ms;
    call->limit.over = call->route.over;
    wait(call);
}

void ct_live_limit_fire(void *ctx)
{
    struct ct_live *call = ctx;
    const struct ct_call_plan *plan = &call->calls->options.plan;
    int64_t passed = now_ms(call) - call->limit.from_ms;

    ct_live_enter(call);
    if (call->limit.longest_ms > 0 && passed >= call->limit.longest_ms) {
        ct_live_finish(call, CT_CALL_COMPLETED, CT_CALL_SYSTEM, call->facts.sip_code,
                       call->limit.over.len > 0 ? call->limit.over
                                                : CT_STR("Longest duration reached"));
    } else {
        if (call->limit.again_ms > 0 && passed >= call->limit.again_ms) {
            call->limit.again_ms = 0;
            if (plan->again != NULL)
                plan->again(plan->ctx, &call->facts);
        }
        wait(call);
    }
    ct_live_leave(call);
}

enum ct_result ct_calls_prolong(struct ct_calls *calls, const char *key, int64_t longest_ms,
                                int64_t again_ms, struct ct_str over)
{
    struct ct_live *call = ct_live_find(calls, key);

    if (call == NULL || call->facts.status != CT_CALL_IN_PROGRESS)
        return CT_NOT_FOUND;
    call->limit.longest_ms = longest_ms;
    call->limit.again_ms = again_ms;
    call->limit.over = over;
    wait(call);
    return CT_OK;
}
