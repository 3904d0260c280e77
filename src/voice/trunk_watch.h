#ifndef CT_VOICE_TRUNK_WATCH_H
#define CT_VOICE_TRUNK_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"
#include "sip/endpoint.h"
#include "sip/mailbox.h"
#include "store/store.h"
#include "voice/carriers.h"
#include "voice/reader.h"
#include "voice/trunk_hosts.h"

/**
 * Looks after the trunks of the carriers: each server of a database looks which hosts answer, for its own routing; the one
 * that holds a trunk's lease (trunk_states.h) registers it, and tells how it is. On the SIP thread alone.
 */
struct ct_trunk_watch;

struct ct_trunk_watch_options {
    const struct ct_config *config; /* borrowed, as what follows */
    struct ct_sip *sip;
    struct ct_sip_post post;
    struct ct_store *store;
    struct ct_reader *reader;
    struct ct_carriers *carriers;
    struct ct_log *log;
    struct ct_metrics *metrics; /* may be NULL */
    struct ct_str node;         /* of this process: ct_keeper_node */
    bool alone;                 /* no other process has this database */
};
/** The owner frees it with ct_trunk_watch_free, before the carriers. CT_NOMEM. */
CT_CHECKED enum ct_result ct_trunk_watch_new(const struct ct_trunk_watch_options *options,
                                             struct ct_trunk_watch **out);
/** ct_trunk_watch_settled says yes. NULL is allowed. */
void ct_trunk_watch_free(struct ct_trunk_watch *watch);

/** The server stops: the carriers are told that we are gone, and the leases are given back. */
void ct_trunk_watch_close(struct ct_trunk_watch *watch);
/** After ct_trunk_watch_close: whether that is done. */
bool ct_trunk_watch_is_over(const struct ct_trunk_watch *watch);
/** Whether no letter is under way. */
bool ct_trunk_watch_settled(const struct ct_trunk_watch *watch);

/**
 * The trunk that what comes from there is of; NULL: of none. It comes from an address of its `allow_from`; when that is
 * empty and it is registered now, from an address of one of its hosts. Of several it is the one whose contact @p user (of
 * the Request-URI, may be empty) is. Borrowed until the thread goes on.
 */
const struct ct_trunk *ct_trunk_watch_from(const struct ct_trunk_watch *watch,
                                           const struct ct_sip_hop *from, struct ct_str user);
/** Whether this is the user part of the Contact that a trunk was registered with: then To says whom it calls. */
bool ct_trunk_watch_is_contact(const struct ct_trunk_watch *watch, int64_t trunk_id,
                               struct ct_str user);
/** Whether calls should go to a host of a trunk: it is not known to be down. */
bool ct_trunk_watch_reaches(const struct ct_trunk_watch *watch, const struct ct_trunk *trunk,
                            struct ct_str host);
/** The hops of a host, as ct_trunk_hosts_hops; 0: they are not known yet. */
size_t ct_trunk_watch_hops(const struct ct_trunk_watch *watch, const struct ct_trunk *trunk,
                           struct ct_str host, struct ct_sip_hop *out);

#endif
