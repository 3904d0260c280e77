#ifndef CT_VOICE_CALL_TARGETS_H
#define CT_VOICE_CALL_TARGETS_H

#include "voice/call_plan.h"

/** A route is refused. @p reason: empty for the usual words; borrowed. 503 says when to try again. */
void ct_call_route_refuse(struct ct_call_route *out, int status, struct ct_str reason);
/** What routing has found as legs: to the bindings of devices, to the hosts of trunks. In @p arena. */
void ct_call_route_fill(const struct ct_call_planner *planner, struct ct_arena *arena,
                        const struct ct_routing *routing, struct ct_call_route *out);

#endif
