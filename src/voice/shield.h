#ifndef CT_VOICE_SHIELD_H
#define CT_VOICE_SHIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"
#include "sip/message.h"
#include "sip/transport.h"

/**
 * Who is answered at all, before any state is made. What is not in a dialog and comes from nobody known is
 * dropped in silence, and so are scanners, addresses that send too much and addresses that are banned: for
 * repeated failed authentication alone, so that the 401 of an ordinary first REGISTER never counts.
 *
 * The bans are safe to be read and lifted from any thread; the rest is for the SIP thread.
 */
struct ct_shield;

/** What a source may be known by; all may be NULL. */
struct ct_shield_knows {
    void *ctx;
    bool (*device)(void *ctx, struct ct_str username); /* a device of ours has this name */
    bool (*registered)(void *ctx,
                       const struct ct_sip_hop *from);       /* a device is registered from there */
    bool (*trunk)(void *ctx, const struct ct_sip_hop *from); /* a trunk's address */
};
struct ct_shield_options {
    const struct ct_sip_env *env;
    struct ct_shield_knows knows;
    bool reject_unknown; /* SIP_UNKNOWN=reject: they get an answer */
    int64_t rate_per_s;  /* packets of an address; 0: any number */
    size_t failures_max; /* wrong credentials within failures_ms until a ban */
    int64_t failures_ms, ban_ms;
};
CT_CHECKED enum ct_result ct_shield_new(const struct ct_shield_options *options,
                                        struct ct_shield **out);
void ct_shield_free(struct ct_shield *shield);

/** Before anything is parsed: bans and rates. False drops. */
bool ct_shield_admit(struct ct_shield *shield, const struct ct_sip_hop *from, struct ct_str bytes);
/** Parsed, neither of a transaction nor in a dialog. */
bool ct_shield_admit_message(struct ct_shield *shield, const struct ct_sip_hop *from,
                             const struct ct_sip_message *message);
/** Whether a stream may be opened from there. */
bool ct_shield_accept(struct ct_shield *shield, const struct ct_sip_hop *from);
/** Wrong credentials came from there, or right ones. */
void ct_shield_tried(struct ct_shield *shield, const struct ct_sip_hop *from, bool failed);

/** A banned address. */
struct ct_sip_ban {
    char address[48];     /* as text; an IPv6 address stands for its /64 */
    int64_t since, until; /* milliseconds since 1970 */
    int64_t dropped;      /* packets since then */
};
/** Copies up to @p room of the bans whose address comes after @p after in the order of texts; the number. */
size_t ct_shield_bans(struct ct_shield *shield, const char *after, struct ct_sip_ban *out,
                      size_t room);
/** Lifts a ban. False: there is none of that address. */
bool ct_shield_lift(struct ct_shield *shield, struct ct_str address);

#endif
