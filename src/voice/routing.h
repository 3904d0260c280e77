#ifndef CT_VOICE_ROUTING_H
#define CT_VOICE_ROUTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "http/schema.h"
#include "store/store.h"
#include "voice/devices.h"
#include "voice/trunks.h"

/**
 * Whom a call rings. It reads the numbers and devices of the database, and is otherwise a function of what it is
 * handed: the trunks, and who is registered and how busy the trunks are.
 *
 *    dialled --> a number of this server --> its devices, or what it is forwarded to, and so on (CT_FORWARDS_MAX)
 *            --> one that nobody has: 404
 *            --> another one, called by a device or forwarded: the trunks of the longest prefix
 */
struct ct_routing_world {
    const struct ct_trunk *trunks; /* those that are enabled; borrowed */
    size_t trunk_count;
    int64_t now_ms;
    void *ctx;
    /** Whether a device is registered. */
    bool (*registered)(void *ctx, int64_t device_id);
    /** How many calls a trunk has now. */
    int64_t (*busy)(void *ctx, int64_t trunk_id);
    /** Whether a host of a trunk is not known to be down. NULL: nothing is known. */
    bool (*reaches)(void *ctx, const struct ct_trunk *trunk, struct ct_str host);
};

/** The most numbers that one call is forwarded through. */
#define CT_FORWARDS_MAX 5

/** Who is shown to the other side, and what is kept of it. */
struct ct_identity {
    struct ct_str number; /* E.164, or what a trunk said; `at` NULL: nothing is known */
    int64_t number_id;    /* of a virtual number of this server's; 0: it is none */
    bool
        anonymous; /* it wants not to be known: only trusted trunks are told, in P-Asserted-Identity */
};

/** A call that is to be routed. Texts are borrowed. */
struct ct_routing_call {
    const struct ct_device *device; /* that calls; NULL: it comes from the trunk */
    const struct ct_trunk *trunk;   /* that it comes from; NULL: from the device */
    struct ct_str dialled;          /* the user part of the Request-URI, escapes resolved */
    struct ct_str presented;        /* that of From */
    struct ct_str asserted;         /* that of P-Asserted-Identity; empty: none */
    bool anonymous;                 /* Privacy: id, or From is anonymous@anonymous.invalid */
};

/** A way out: a trunk's host, with the number as it is written there. */
struct ct_way_out {
    const struct ct_trunk *trunk;
    struct ct_str host;
    struct ct_str number;
};

/** Whom to ring. Texts and lists are in the arena, or were handed in. */
struct ct_routing {
    int status;         /* 0: ring somebody. Else the SIP status of the refusal, and why */
    const char *reason; /* static */
    /* Devices of this server that are registered, at once or in order, or else ways out, one after the other. */
    struct ct_ints devices;
    bool in_order;
    int64_t ring_ms; /* all together, or in order each */
    const struct ct_way_out *ways;
    size_t way_count;
    bool record;                 /* the number wants its calls recorded */
    struct ct_identity identity; /* of who calls, as this side is to see it */
    struct ct_str to;     /* the number that was dialled, in its plain form where it is one */
    struct ct_str number; /* that is rung now: `to`, or what it was forwarded to */
    int64_t caller_id;    /* the account that calls; 0: a trunk */
    int64_t callee_id;    /* the account whose number was called; 0: it goes out */
    int64_t number_id;    /* that number; 0: it goes out */
    int64_t payer_id;     /* with ways out: the account whose limits count (ct_call_caps_judge) */
    struct ct_str on_no_answer; /* what is called when nobody answers; `at` NULL: nothing */
    struct ct_str forwarded_by; /* the number that forwarded it last; `at` NULL: none did */
    int64_t passed[CT_FORWARDS_MAX + 1]; /* ids of the numbers that it came through */
    size_t passed_count;
    bool from_trunk; /* it came from one */
};

/** Routes a call. CT_OK also when it is refused. CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_route_call(const struct ct_routing_world *world,
                                        struct ct_arena *arena, struct ct_db *db,
                                        const struct ct_routing_call *call, struct ct_routing *out);
/** Nobody answered: routes it to `on_no_answer` of @p before. CT_NOT_FOUND when there is none; otherwise as
 *  ct_route_call. The call keeps `to`, caller, callee and number of before. */
CT_CHECKED enum ct_result ct_route_on(const struct ct_routing_world *world, struct ct_arena *arena,
                                      struct ct_db *db, const struct ct_routing *before,
                                      struct ct_routing *out);

/** Whom a message of a device goes to (RFC 3428): the devices that are registered for the number, which is one of this
 *  server's and is not forwarded; 404 when it is none, 480 when no device is there. Of @p out are set `status`,
 *  `reason`, `identity`, `to`, `number_id`, both accounts and `devices`. As ct_route_call. */
CT_CHECKED enum ct_result ct_route_message(const struct ct_routing_world *world,
                                           struct ct_arena *arena, struct ct_db *db,
                                           const struct ct_routing_call *call,
                                           struct ct_routing *out);

/** What was dialled as E.164: "+49…", "0049…", or digits that do not begin with 0; from a trunk after its
 *  rewriting. CT_INVALID when it is no number, CT_NOMEM. @p trunk may be NULL. */
CT_CHECKED enum ct_result ct_dialled_number(struct ct_arena *arena, const struct ct_trunk *trunk,
                                            struct ct_str dialled, struct ct_str *out);
/** Who calls: a device may present a number that its owner has, and else presents its own; what a trunk says is
 *  P-Asserted-Identity where it is trusted, and From. One that is not asserted, and that an account here has, is shown to
 *  nobody: such a call is anonymous. */
CT_CHECKED enum ct_result ct_caller_identity(struct ct_arena *arena, struct ct_db *db,
                                             const struct ct_routing_call *call,
                                             struct ct_identity *out);
/** The ways out for a number: all hosts of the trunks with the longest prefix that have a channel, in the order of
 *  their ids. @p any: some trunk has the prefix, if none with a free channel. */
CT_CHECKED enum ct_result ct_ways_out(const struct ct_routing_world *world, struct ct_arena *arena,
                                      struct ct_str number, const struct ct_way_out **out,
                                      size_t *count, bool *any);

#endif
