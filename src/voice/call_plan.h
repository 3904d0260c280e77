#ifndef CT_VOICE_CALL_PLAN_H
#define CT_VOICE_CALL_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "voice/authenticate.h"
#include "voice/call.h"
#include "voice/call_counts.h"
#include "voice/call_log.h"
#include "voice/carriers.h"
#include "voice/registrar.h"
#include "voice/routing.h"
#include "voice/trunk_watch.h"

/** Whom calls ring: what routing.h finds in the store, as legs to devices and trunks. On the SIP thread alone. */
struct ct_call_planner {
    const struct ct_config *config; /* borrowed, as all of this */
    const struct ct_sip_env *env;
    struct ct_reader *reader;
    struct ct_registrar *registrar;
    struct ct_carriers *carriers;
    struct ct_trunk_watch *watch;
    struct ct_relay *relay;
    struct ct_call_log *log;
    struct ct_call_counts *counts;
    struct ct_calls *calls;
};

/** Who sends an INVITE: a device, or a trunk. */
struct ct_call_peer {
    struct ct_sip_caller device; /* device_id 0: it is none */
    int64_t trunk_id;
};

/** What the plan keeps of a call: `own` of its parties. */
struct ct_trip {
    struct ct_routing routing; /* without the ways, which are among the targets */
    struct ct_call_route route;
    struct ct_call_toll toll; /* payer_id 0: none */
};

/** As the members of struct ct_call_plan; ctx is the planner, a peer a struct ct_call_peer. */
void ct_call_plan_incoming(void *ctx, const struct ct_call_facts *facts, void *peer,
                           const struct ct_sip_message *message, struct ct_arena *arena,
                           struct ct_call_route *out);
bool ct_call_plan_unanswered(void *ctx, const struct ct_call_facts *facts, int status,
                             struct ct_arena *arena, struct ct_call_route *out);
void ct_call_plan_transfer(void *ctx, const struct ct_call_facts *facts, enum ct_call_party by,
                           bool outside, struct ct_str target, struct ct_arena *arena,
                           struct ct_call_route *out);
bool ct_call_plan_may_replace(void *ctx, void *peer, int64_t account_id, int64_t *device_id);
bool ct_call_plan_redirected(void *ctx, const struct ct_call_facts *facts, struct ct_str target,
                             struct ct_arena *arena, struct ct_call_route *out);
void ct_call_plan_again(void *ctx, const struct ct_call_facts *facts);

/** ct_call_plan_again was answered. */
void ct_call_plan_prolong(struct ct_call_planner *planner, const char *key,
                          const struct ct_call_verdict *verdict);

/** The limits of a call's account are known: what a route with `later` left open. A ct_call_decision, as the
 *  next ones; ctx is the planner. */
void ct_call_plan_decided(void *ctx, const struct ct_call_facts *facts, struct ct_arena *arena,
                          struct ct_call_route *out);

/** A call that a device is to make, asked for over the API. */
struct ct_call_order {
    struct ct_call_planner *planner;
    int64_t device_id;
    struct ct_str from; /* E.164, as what follows */
    struct ct_str to;
    struct ct_call_toll toll;       /* what the limits were asked for; payer_id 0: they were not */
    struct ct_call_verdict verdict; /* and what they said */
};
/** Rings the device. ctx is an order. */
void ct_call_plan_first(void *ctx, const struct ct_call_facts *facts, struct ct_arena *arena,
                        struct ct_call_route *out);
/** And then whom it calls. Likewise. */
void ct_call_plan_second(void *ctx, const struct ct_call_facts *facts, struct ct_arena *arena,
                         struct ct_call_route *out);

#endif
