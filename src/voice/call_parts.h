#ifndef CT_VOICE_CALL_PARTS_H
#define CT_VOICE_CALL_PARTS_H

#include "base/wheel.h"
#include "sip/endpoint.h"
#include "voice/call.h"
#include "voice/call_life.h"

/*
 * What the files call*.c share, and nobody else includes. A call has two sides, the caller's and the callee's, and,
 * while somebody is being rung, the legs to those. What happens to a leg enters its call and leaves it again: with the
 * last one that leaves, what is over is freed.
 */

struct ct_live_leg {
    struct ct_live_leg *next;
    struct ct_calls *calls;
    struct ct_live *call;           /* NULL: it has left its call, and is told so */
    struct ct_sip_session *session; /* NULL: it is over */
    int64_t device_id;              /* the target's, or the caller's */
    int64_t account_id;             /* likewise; 0: a trunk's */
    int64_t trunk_id;               /* the target's */
    struct ct_sip_server *relay;    /* a request of the other side that this one is asked (INFO) */
    struct ct_timer parting;        /* of a leg without a call: until it is ended */
};

/** An offer on its way from one leg to the other. */
enum ct_live_exchange {
    CT_LIVE_QUIET,
    CT_LIVE_PASSED,   /* a re-INVITE, UPDATE or PRACK of `giver`, which waits for the answer */
    CT_LIVE_BRIDGED,  /* the offer came in the 2xx of `giver`, whose ACK waits for the answer */
    CT_LIVE_ASKED,    /* `giver` was asked for an offer, to be bridged with the other side */
    CT_LIVE_REPLACED, /* `giver` called to take the place of another leg, and waits for its 200 */
};

struct ct_live {
    struct ct_calls *calls;
    struct ct_live *next;
    struct ct_live **back;
    unsigned depth;
    bool over;
    struct ct_arena *arena;
    struct ct_call_facts facts;
    struct ct_live_leg *side[2]; /* the caller's, the callee's; NULL: none (yet, or any more) */
    struct ct_live_leg *ringing;
    struct ct_live_leg *dead; /* freed with the last one that leaves */

    /* ringing */
    int ring_for; /* which side they would be */
    bool rings;
    struct ct_call_route route;
    size_t next_target;
    int best; /* of the final responses so far; 0: none */
    struct ct_str best_reason;
    struct ct_str redirect; /* where a device that was rung sends the call; empty: nowhere */
    unsigned rounds;
    uint32_t max_forwards;
    int passed_status; /* the last provisional response without a body that the caller got */
    struct {
        struct ct_live_leg *leg; /* whose early dialog is this fork of the caller's */
        ct_sip_fork fork;
    } forks[CT_SIP_MAX_FORKS];
    struct ct_timer ring_timer;
    struct ct_timer limit_timer;
    struct {
        int64_t from_ms; /* of the clock that only goes forward */
        int64_t longest_ms;
        int64_t again_ms;
        struct ct_str over;
    } limit;

    bool
        held; /* the answer waits for a PRACK of the caller, who has not been answered before; but for one from outside,
                * neither is the call */

    /* dialled (POST /calls) */
    ct_call_decision *second; /* NULL: it is not, or that one rings already */
    void *second_ctx;

    /* offers */
    enum ct_live_exchange exchange;
    struct ct_live_leg *giver;
    struct ct_live_leg
        *ack_to; /* its 2xx waits for the ACK of the other side, which brings the answer */
    struct ct_live_leg *newcomer; /* CT_LIVE_REPLACED: it is to take side `newcomer_side` */
    int newcomer_side;

    /* REFER */
    struct ct_live_leg
        *transferor; /* who is to be told with NOTIFY what becomes of it; NULL: none */
    bool transfers;
    int64_t trunk_before; /* of the record, if nothing comes of it */
    int64_t payer_before;
};

struct ct_calls {
    struct ct_calls_options options;
    struct ct_live *first;
    struct ct_live_leg *parted; /* legs without a call */
    size_t count;
};

extern const struct ct_sip_session_events ct_live_leg_events;

/* ---- call.c ---- */
/** A call that nobody has heard of yet. @p key NULL: one is chosen. CT_NOMEM. */
CT_CHECKED enum ct_result ct_live_new(struct ct_calls *calls, const char *key,
                                      struct ct_live **out);
/** The one with this key, or NULL. */
struct ct_live *ct_live_find(struct ct_calls *calls, const char *key);
void ct_live_enter(struct ct_live *call);
void ct_live_leave(struct ct_live *call);
CT_CHECKED enum ct_result ct_live_leg_new(struct ct_live *call, struct ct_live_leg **out);
/** Ends its session, if there is one, and buries it. It must be in no list. */
void ct_live_leg_end(struct ct_live_leg *leg, int status, struct ct_str reason,
                     struct ct_str headers);
/** It goes on without the call for a moment, until it has heard of it, and hangs up. */
void ct_live_leg_part(struct ct_live_leg *leg);
/** Moves the record on. */
void ct_live_step(struct ct_live *call, enum ct_call_status status);
/** Ends the call: all legs, the record. */
void ct_live_finish(struct ct_live *call, enum ct_call_status status, enum ct_call_party by,
                    int code, struct ct_str reason);
/** The other one of its call; NULL: there is none (yet). */
struct ct_live_leg *ct_live_other(const struct ct_live_leg *leg);
enum ct_call_party ct_live_party_of(const struct ct_live_leg *leg);
/** A description on its way from that leg; what comes out lives as long as @p arena. */
struct ct_sip_body ct_live_through(const struct ct_live_leg *leg, bool offer,
                                   struct ct_sip_body body, struct ct_arena *arena);
/** The call is answered by this leg. */
void ct_live_note_answer(struct ct_live *call, const struct ct_live_leg *leg);

/* ---- call_limit.c ---- */
/** From now on the limits of the call's route are counted. */
void ct_live_limit(struct ct_live *call);
void ct_live_limit_fire(void *ctx);

/* ---- call_ring.c ---- */
/** Begins to ring; the call's `ring_for` says for whom. */
void ct_live_ring(struct ct_live *call, const struct ct_call_route *route);
void ct_live_ring_fire(void *ctx);
/** Ends the legs that ring, but @p but. */
void ct_live_silence(struct ct_live *call, const struct ct_live_leg *but, int status,
                     struct ct_str reason);
void ct_live_leg_progress(void *ctx, const struct ct_sip_progress *progress);
void ct_live_leg_answered(void *ctx, const struct ct_sip_answer *answer);
void ct_live_leg_pracked(void *ctx, ct_sip_fork fork, struct ct_sip_body body);
/** A leg that rang has ended. */
void ct_live_unanswered(struct ct_live_leg *leg, const struct ct_sip_ended *ended);
/** The caller's fork that stands for an early dialog; the other way round. */
ct_sip_fork ct_live_fork_up(struct ct_live *call, struct ct_live_leg *leg, ct_sip_fork fork,
                            bool body);
struct ct_live_leg *ct_live_fork_down(struct ct_live *call, ct_sip_fork up, ct_sip_fork *fork);

/* ---- call_bridge.c ---- */
void ct_live_leg_acked(void *ctx, struct ct_sip_body body);
void ct_live_leg_offered(void *ctx, const struct ct_sip_offer *offer);
void ct_live_leg_offer_accepted(void *ctx, bool wants_ack, struct ct_sip_body body);
void ct_live_leg_offer_refused(void *ctx, const struct ct_sip_refusal *refusal);
void ct_live_leg_request(void *ctx, struct ct_sip_server *server,
                         const struct ct_sip_message *message);
/** Offers what came from @p giver to the other side. False: it cannot be. */
bool ct_live_offer(struct ct_live_leg *giver, struct ct_live_leg *to,
                   enum ct_live_exchange exchange, struct ct_sip_body body);
/** What is left to do once @p leg is gone. */
void ct_live_forget_exchange(struct ct_live *call, const struct ct_live_leg *leg);

/* ---- call_transfer.c ---- */
void ct_live_leg_referred(void *ctx, const struct ct_sip_refer *refer);
/** Tells the transferor; from 200 on he is done. */
void ct_live_tell_transferor(struct ct_live *call, int status);
/** The record learns what has become of a transfer, if there is one; the call as it was before, if that is nothing. */
void ct_live_transfer_over(struct ct_live *call, bool done);
/** An INVITE with Replaces (RFC 3891). */
void ct_live_replace(struct ct_calls *calls, struct ct_sip_server *server,
                     const struct ct_sip_message *message, void *peer);
/** The newcomer of such an INVITE has been answered. */
void ct_live_take_place(struct ct_live *call);

/* ---- call_hold.c ---- */
/** An answer to an offer that takes no media for now (RFC 3264 section 8.4, RFC 3725 section 4.4): CT_INVALID when it is no
 *  SDP; CT_NOMEM. */
CT_CHECKED enum ct_result ct_live_hold(struct ct_arena *arena, struct ct_str offer,
                                       struct ct_str *out);

#endif
