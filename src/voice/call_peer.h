#ifndef CT_VOICE_CALL_PEER_H
#define CT_VOICE_CALL_PEER_H

#include <stdbool.h>

#include "voice/authenticate.h"
#include "voice/call_plan.h"

struct ct_trunk_watch;

/** Who may send something outside of dialogs. Borrowed. */
struct ct_call_sources {
    struct ct_authenticator *authenticator;
    struct ct_trunk_watch *watch;
};

/** Finds out who sends a request, and has him prove it: a device, or a trunk, known by its address. False: it has been
 *  answered. */
bool ct_call_peer_find(const struct ct_call_sources *sources, struct ct_sip_server *transaction,
                       const struct ct_sip_message *message, struct ct_call_peer *out);
/** Whether he may begin a call now, as CALLS_PER_ACCOUNT and CALLS_PER_MINUTE say. False: it has been answered. */
bool ct_call_peer_may_call(struct ct_call_counts *counts, struct ct_sip_server *transaction,
                           const struct ct_call_peer *peer);

#endif
