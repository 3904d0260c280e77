#ifndef CT_VOICE_RELAY_H
#define CT_VOICE_RELAY_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "sip/transport.h"
#include "voice/registrar.h"

/**
 * How a call of one server rings a phone that is registered at another one of the same database. Only that one can
 * reach it: by the connection that the phone has opened, or through its router. So it passes on, without state (RFC 3261
 * section 16.11), what the first one sends with a Route that both can sign, and what the phone sends back:
 *
 *    server with the call            server with the phone            phone
 *      INVITE, Route: token  ------>   Record-Route: token  ------->
 *                            <------   responses            <-------
 *      ACK, BYE …            ------>                        ------->
 *                            <------                        <-------  BYE, re-INVITE …
 *
 * A token names the binding and the first server, and is passed on only if it comes from that one's address, or from
 * the phone, whose requests are passed on to that server alone, and only within dialogs. On the SIP thread.
 */
struct ct_relay;

struct ct_relay_options {
    struct ct_sip *sip; /* borrowed, as what follows */
    const struct ct_sip_env *env;
    /** The binding of a device that has this place, if this server has the way there; else NULL. */
    const struct ct_binding *(*find)(void *ctx, int64_t device_id, int64_t place);
    void *find_ctx;
    struct ct_str secret; /* of all servers; empty: nothing is passed on */
    struct ct_str node;   /* of this one, as in struct ct_binding; empty: likewise */
};
/** The owner frees it with ct_relay_free. CT_NOMEM. */
CT_CHECKED enum ct_result ct_relay_new(const struct ct_relay_options *options,
                                       struct ct_relay **out);
/** NULL is allowed. */
void ct_relay_free(struct ct_relay *relay);

/** Where a request to the binding of another server goes, and the value of its Route, the path of the binding behind
 *  it, in @p arena. CT_INVALID: what
 *  the binding says of its server is not understood; CT_NOMEM. */
CT_CHECKED enum ct_result ct_relay_route(struct ct_relay *relay, struct ct_arena *arena,
                                         const struct ct_binding *binding, struct ct_sip_hop *hop,
                                         struct ct_str *route);
/** A message came. True: it was passed on or refused, and is nobody else's. */
bool ct_relay_take(struct ct_relay *relay, const struct ct_sip_hop *from, struct ct_str bytes);
/** Whether a server that calls were passed on to or from is at that address. */
bool ct_relay_knows(const struct ct_relay *relay, const struct ct_sip_hop *from);

#endif
