#ifndef CT_VOICE_CARRIERS_H
#define CT_VOICE_CARRIERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "sip/endpoint.h"
#include "sip/session.h"
#include "voice/reader.h"
#include "voice/trunks.h"

/**
 * The trunks as the SIP thread has them in memory: those that are enabled, looked up in the store every second, and
 * what answers their challenges. On the SIP thread alone.
 */
struct ct_carriers;

struct ct_carriers_options {
    const struct ct_config *config; /* borrowed, as what follows */
    const struct ct_sip_env *env;
    struct ct_wheel *wheel;
    struct ct_reader *reader;
    /** A trunk was deleted. May be NULL. */
    void (*gone)(void *ctx, int64_t trunk_id);
    void *ctx;
};
/** The owner frees it with ct_carriers_free. CT_NOMEM. */
CT_CHECKED enum ct_result ct_carriers_new(const struct ct_carriers_options *options,
                                          struct ct_carriers **out);
/** NULL is allowed. Not before all legs are gone. */
void ct_carriers_free(struct ct_carriers *carriers);

/** All of them. Borrowed until the thread goes on. */
const struct ct_trunk *ct_carriers_all(const struct ct_carriers *carriers, size_t *count);
/** The one whose `allow_from` has the address; NULL: there is none. Borrowed likewise. */
const struct ct_trunk *ct_carriers_from(const struct ct_carriers *carriers,
                                        const struct ct_sip_hop *from);

/** Whether its `allow_from` has the address. */
bool ct_carriers_allow(const struct ct_trunk *trunk, const struct ct_sip_hop *from);

/** The name that the certificate of a host must have, for `name` of struct ct_sip_hop: valid until ct_carriers_free. NULL
 *  without memory. */
const char *ct_carriers_name(struct ct_carriers *carriers, struct ct_str host);

/** Answers the challenges of a trunk: for struct ct_sip_invite, with what ct_carriers_answers gives. */
ct_sip_credentials ct_carriers_credentials;
/** What to hand it as its ctx, for a trunk of ct_carriers_all: valid until ct_carriers_free. NULL without memory. */
void *ct_carriers_answers(struct ct_carriers *carriers, const struct ct_trunk *trunk);

#endif
