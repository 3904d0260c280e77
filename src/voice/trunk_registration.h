#ifndef CT_VOICE_TRUNK_REGISTRATION_H
#define CT_VOICE_TRUNK_REGISTRATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"
#include "sip/endpoint.h"
#include "sip/session.h"
#include "voice/trunk_hosts.h"
#include "voice/trunk_life.h"
#include "voice/trunks.h"

/**
 * Registers with one trunk's carrier and stays so: one contact, renewed when half of its time is over. Hosts are tried in
 * their order, the one that took it last first, those that are down only when all are; when none takes it, it is tried
 * again after ct_trunk_wait_ms, or when Retry-After says. A refusal other than 408 and 5xx is the carrier's word, and no
 * other host is asked. On the SIP thread alone.
 */
struct ct_trunk_registration;

/** What is asked for, in seconds. */
#define CT_TRUNK_EXPIRES_S 600
#define CT_TRUNK_REASON_ROOM 80

struct ct_trunk_registration_options {
    struct ct_sip *sip;                 /* borrowed, as what follows */
    const struct ct_trunk_hosts *hosts; /* of the trunk */
    ct_sip_credentials *credentials;
    void *credentials_ctx;
    struct ct_str contact; /* the user part of our Contact, which nobody else can guess; copied */
    /** What the view shows is another. Not from within ct_trunk_registration_new and _leave. */
    void (*changed)(void *ctx);
    void *ctx;
};
/** Begins at once. The owner frees it with ct_trunk_registration_free. CT_NOMEM. */
CT_CHECKED enum ct_result
ct_trunk_registration_new(const struct ct_trunk_registration_options *options,
                          const struct ct_trunk *trunk, struct ct_trunk_registration **out);
/** Without a word to the carrier. NULL is allowed. */
void ct_trunk_registration_free(struct ct_trunk_registration *registration);
/** Takes the contact back, for which the carrier has @p wait_ms; then it is over. As often as one likes. */
void ct_trunk_registration_leave(struct ct_trunk_registration *registration, int64_t wait_ms);

struct ct_trunk_registration_view {
    enum ct_trunk_registration_state state;
    enum ct_trunk_standing standing;
    int64_t until_ms; /* since 1970: when the carrier forgets us; 0: it has no contact of ours */
    int status;       /* of the last answer; 408, 503: of none; 0: there was none yet */
    struct ct_str reason; /* its words; borrowed until the next change */
};
struct ct_trunk_registration_view
ct_trunk_registration_view(const struct ct_trunk_registration *registration);

#endif
