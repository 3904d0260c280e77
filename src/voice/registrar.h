#ifndef CT_VOICE_REGISTRAR_H
#define CT_VOICE_REGISTRAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
 *
 * REGISTERs of one device are done one after the other, in the order in which they came. A device has so many
 * contacts and no more: a further one takes the place of the one that was registered the longest ago, since phones
 * behind routers come back from new ports. Contacts are compared by RFC 3261 section 19.1.4, or by instance and
 * reg-id where there are both (RFC 5626).
 *
 * Where other processes have the same database, theirs are in the store alone until somebody is called: it is looked
 * there, once in a turn of the SIP thread, and what a REGISTER changes is found out in its transaction.
 */
struct ct_registrar;

/** One contact of a device. */
struct ct_binding {
    int64_t device_id;
    struct ct_str contact; /* its URI, without angle brackets */
    struct ct_str path;    /* the value of Path (RFC 3327), to become Route; empty: none */
    struct ct_str user_agent;
    struct ct_str instance; /* +sip.instance (RFC 5626) without quotes, empty: none */
    struct ct_sip_hop hop;  /* where its REGISTER came from: requests to it go there */
    int64_t expires_at;     /* milliseconds since 1970 */
    int q;                  /* 0 to 1000: q of RFC 3261 section 20.10 times 1000 */
    struct ct_str node;     /* another server, which alone has the way there; empty: this one has */
};

/** The bindings of a device, the best first; what was registered later is better among equals. Borrowed until
 *  the SIP thread goes on to the next message, letter or timer. Those of other processes are among them, if the
 *  database answers; it may be asked while a read of the reader is open. */
size_t ct_registrar_find(struct ct_registrar *registrar, int64_t device_id,
                         const struct ct_binding *const **out);
/** The binding of a device that has this place, if this server has the way there; NULL. As ct_registrar_find, but in
 *  memory alone. @p registrar is one: for struct ct_relay_options. */
const struct ct_binding *ct_registrar_at(void *registrar, int64_t device_id, int64_t place);
/** Its place. */
int64_t ct_registrar_place(const struct ct_binding *binding);
/** Whether any device is registered from that address and port (a stream: by that connection). */
bool ct_registrar_knows(const struct ct_registrar *registrar, const struct ct_sip_hop *from);

struct ct_registrar_options {
    struct ct_sip *sip; /* its wheel; borrowed, as what follows */
    const struct ct_sip_env *env;
    struct ct_sip_post post;
    struct ct_store *store;
    struct ct_reader *reader;
    struct ct_authenticator *authenticator;
    int64_t expires_min_s, expires_max_s, expires_default_s;
    size_t contacts_max; /* of a device; 1 to 100 */
    bool shared;         /* other processes may have the database too */
    struct ct_str
        node; /* how other servers reach this one: for struct ct_binding_row; empty: they do not */
};
/** Loads what the store has. CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_registrar_new(const struct ct_registrar_options *options,
                                           struct ct_registrar **out);
/** ct_registrar_settled says yes. NULL is allowed. */
void ct_registrar_free(struct ct_registrar *registrar);
/** Whether no write of it is under way: none whose letter is still to come. */
bool ct_registrar_settled(const struct ct_registrar *registrar);

/** A REGISTER, outside any dialog. It is answered, now or when it is on disk. */
void ct_registrar_request(struct ct_registrar *registrar, struct ct_sip_server *transaction,
                          const struct ct_sip_message *message);
/** A connection has ended. */
void ct_registrar_lost(struct ct_registrar *registrar, const struct ct_sip_hop *hop);
/** A device was changed, or deleted. If its bindings have gone from the store with that, they go from here. */
void ct_registrar_changed(struct ct_registrar *registrar, int64_t device_id);
/** How many bindings there are. */
size_t ct_registrar_count(const struct ct_registrar *registrar);

#endif
