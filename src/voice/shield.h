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
 * Known is who
 *   - sends from where a device is registered (address and port, or the connection), or from a trunk's address;
 *   - names a device of ours: in To of a REGISTER, in From of anything else, or in Authorization. The names are
 *     unguessable, so that a phone gets its first 401 and a scanner nothing.
 *
 * Bans may be read and lifted from any thread; the rest is for the SIP thread.
 */
struct ct_shield;

/** What a source may be known by; each may be NULL. */
struct ct_shield_knows {
    void *ctx;
    /** Whether a device of ours has this username. */
    bool (*device)(void *ctx, struct ct_str username);
    /** Whether credentials of the request name one. */
    bool (*credentials)(void *ctx, const struct ct_sip_message *message);
    /** Whether a device is registered from there. */
    bool (*registered)(void *ctx, const struct ct_sip_hop *from);
    /** Whether it is a trunk's address. */
    bool (*trunk)(void *ctx, const struct ct_sip_hop *from);
};
struct ct_shield_options {
    const struct ct_sip_env *env; /* borrowed */
    struct ct_shield_knows knows;
    bool reject_unknown; /* SIP_UNKNOWN=reject: they are let through, to be refused */
    size_t rate_per_s;   /* messages of an address; 0: any number */
    size_t failures_max; /* wrong credentials within ban_ms until a ban; 1 to 100 */
    int64_t ban_ms;
};
/** The owner frees it with ct_shield_free. CT_NOMEM, CT_IO. */
CT_CHECKED enum ct_result ct_shield_new(const struct ct_shield_options *options,
                                        struct ct_shield **out);
/** NULL is allowed. */
void ct_shield_free(struct ct_shield *shield);

/** Before anything is parsed: bans and rates. False: drop it. */
bool ct_shield_admit(struct ct_shield *shield, const struct ct_sip_hop *from);
/** A request that is neither of a transaction nor in a dialog. False: drop it. */
bool ct_shield_admit_message(struct ct_shield *shield, const struct ct_sip_hop *from,
                             const struct ct_sip_message *message);
/** Whether a connection may be opened from there. */
bool ct_shield_accept(struct ct_shield *shield, const struct ct_sip_hop *from);
/** Wrong credentials came from there. True: that was one too many, and the address is banned from now on. */
bool ct_shield_failed(struct ct_shield *shield, const struct ct_sip_hop *from);

/** A banned address. */
#define CT_SIP_BAN_ADDRESS_ROOM 56
struct ct_sip_ban {
    char address
        [CT_SIP_BAN_ADDRESS_ROOM]; /* 192.0.2.1, or the network of an IPv6 address: 2001:db8:: */
    int64_t since, until;          /* milliseconds since 1970 */
    int64_t dropped;               /* messages and connections since then */
};
/** Copies up to @p room of the bans in force whose address comes behind @p after in the order of bytes; answers how
 *  many. */
size_t ct_shield_bans(struct ct_shield *shield, struct ct_str after, struct ct_sip_ban *out,
                      size_t room);
/** Lifts a ban: of an address, as text; any of an IPv6 network will do. What it had failed is forgotten with it. False:
 *  there is none. */
bool ct_shield_lift(struct ct_shield *shield, struct ct_str address);

#endif
