#ifndef CT_VOICE_REGISTRAR_H
#define CT_VOICE_REGISTRAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/result.h"
#include "base/text.h"
#include "sip/endpoint.h"
#include "sip/mailbox.h"
#include "sip/transport.h"
#include "store/store.h"
#include "voice/authenticate.h"

/**
 * Where devices are (RFC 3261 section 10): bindings of contacts to devices. They are in the store before a 200
 * says so, and in memory for who calls them. On the SIP thread alone.
 */
struct ct_registrar;

/** One contact of a device. Texts are valid until the next turn of the SIP thread. */
struct ct_binding {
    int64_t device_id;
    struct ct_str contact; /* its URI, without angle brackets */
    struct ct_str path;    /* the value of Path (RFC 3327), to become Route; empty: none */
    struct ct_str user_agent;
    struct ct_str instance; /* +sip.instance (RFC 5626), empty: none */
    struct ct_sip_hop hop;  /* where its REGISTER came from: requests to it go there */
    int64_t expires_at;     /* milliseconds since 1970 */
    int q;                  /* 0 to 1000: q of RFC 3261 section 20.10 times 1000 */
};

/** The bindings of a device, the best first; what was registered later is better among equals. Borrowed until
 *  the next turn. */
size_t ct_registrar_find(struct ct_registrar *registrar, int64_t device_id,
                         const struct ct_binding *const **out);
/** Whether any device is registered from that address and port (a stream: by that connection). */
bool ct_registrar_knows(const struct ct_registrar *registrar, const struct ct_sip_hop *from);

struct ct_registrar_options {
    struct ct_sip *sip;
    const struct ct_sip_env *env;
    struct ct_sip_post post;
    struct ct_store *store;
    struct ct_authenticator *authenticator;
    struct ct_log *log;
    int64_t expires_min_s, expires_max_s, expires_default_s;
    size_t contacts_max; /* of a device */
    /** Tells who authenticated and who failed; may be NULL. */
    void (*tried)(void *ctx, const struct ct_sip_hop *from, bool failed);
    void *tried_ctx;
};
/** Loads what the store has. CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_registrar_new(const struct ct_registrar_options *options,
                                           struct ct_registrar **out);
void ct_registrar_free(struct ct_registrar *registrar);
/** A REGISTER, outside any dialog. It is answered, now or when it is on disk. */
void ct_registrar_request(struct ct_registrar *registrar, struct ct_sip_server *transaction,
                          const struct ct_sip_message *message);
/** A device was deleted, or its password changed: its bindings are gone. */
void ct_registrar_forget(struct ct_registrar *registrar, int64_t device_id);

#endif
