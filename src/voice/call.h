#ifndef CT_VOICE_CALL_H
#define CT_VOICE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "sip/session.h"

/**
 * Calls: a back-to-back user agent (RFC 7092: a signalling-only one) over the legs of sip/session.h. It knows no
 * database: whom to ring comes from a struct of functions, what happens goes to another. One thread's.
 *
 *                  +-- refused by the plan --------------------------------------+
 *                  |                                                             v
 *    (incoming) QUEUED -- a target rings --> RINGING -- answered --> IN_PROGRESS --> ENDED, with one of
 *    (dialled)     |                           |                        |            completed
 *                  +-- caller gives up --------+                        |            busy, failed, no-answer, canceled
 *                  +-- no target answers ------+                        |
 *                  +-- answered at once ------------------------------->+
 *
 * A call that is dialled (POST /calls) stays QUEUED while the caller's own device rings. While a call is
 * IN_PROGRESS its legs may be exchanged (REFER, Replaces): the record goes on.
 */
struct ct_sip;
struct ct_calls;

enum ct_call_status {
    CT_CALL_QUEUED,
    CT_CALL_RINGING,
    CT_CALL_IN_PROGRESS,
    CT_CALL_COMPLETED,
    CT_CALL_BUSY,
    CT_CALL_FAILED,
    CT_CALL_NO_ANSWER,
    CT_CALL_CANCELED,
    CT_CALL_STATUSES
};
/** "queued", "ringing", "in-progress", … */
struct ct_str ct_call_status_word(enum ct_call_status status);

enum ct_call_party { CT_CALL_NOBODY, CT_CALL_CALLER, CT_CALL_CALLEE, CT_CALL_SYSTEM };
/** "caller", "callee", "system"; empty for nobody. */
struct ct_str ct_call_party_word(enum ct_call_party party);

#define CT_CALL_KEY_BYTES 32 /* hexadecimal digits */

/** Who calls whom, as the plan knows it. Ids are its own; 0: none, or not known. */
struct ct_call_parties {
    struct ct_str from; /* the caller's number, or whatever it presented */
    struct ct_str to;   /* what was dialled */
    bool anonymous;     /* the callee is not to know `from` */
    int64_t caller_id;  /* the account that calls */
    int64_t callee_id;
    int64_t from_device_id;
    int64_t from_number_id;
    int64_t from_trunk_id;
    int64_t to_device_id; /* once somebody answered: his, by the target */
    int64_t to_number_id;
    int64_t to_trunk_id;
    int64_t payer_id; /* who pays for the way out; 0: nobody */
    void *own;        /* the plan's, in the arena that it was given; NULL: nothing */
};

/** What a record says. Texts are the call's and live as long as it. Times are unix milliseconds, 0: not yet. */
struct ct_call_facts {
    char key[CT_CALL_KEY_BYTES +
             1]; /* chosen at random when the call began: the same call never gets two records */
    enum ct_call_status status;
    struct ct_call_parties parties;
    int64_t started_ms;
    int64_t ringing_ms;
    int64_t answered_ms;
    int64_t ended_ms;
    enum ct_call_party hangup_by;
    int sip_code;         /* the final response that the caller got, or would have; 0: none yet */
    struct ct_str reason; /* likewise */
};

/** Where records go. Each call is `created` once, `changed` at every step between, `ended` once: with those three
 *  in this order a record is complete. May be called while the call handles a message: it must not call back. */
struct ct_call_sink {
    void *ctx;
    void (*created)(void *ctx, const struct ct_call_facts *facts);
    void (*changed)(void *ctx, const struct ct_call_facts *facts);
    void (*ended)(void *ctx, const struct ct_call_facts *facts);
    /** Of a call in progress: one side was replaced by another (@p done), or is not after all, whoever was to come. As
     *  often as that happens. */
    void (*transferred)(void *ctx, const struct ct_call_facts *facts, bool done);
    /** A leg begins: its Call-ID, for the ladder. May be NULL. */
    void (*leg)(void *ctx, const struct ct_call_facts *facts, struct ct_str call_id);
};

/** One to ring: a device's binding, a trunk's host. */
struct ct_call_target {
    struct ct_sip_invite
        invite; /* body, max_forwards and what is about reliability are filled in by the call */
    int64_t device_id;
    int64_t account_id; /* whose device it is; 0: nobody's, or not known */
    int64_t trunk_id;
    int64_t ring_ms; /* how long it may ring; 0: as the route says */
    bool foreign; /* of an account that is no party of the call: its messages are nobody's to see */
};

/** What to do. All it points to is in the arena given with it, or lives as long as the plan. */
struct ct_call_route {
    int status; /* 300 to 699: the call is refused with it; 0: it is not */
    struct ct_str reason;
    struct ct_str headers; /* of that refusal; each with CRLF */
    const struct ct_call_target *targets;
    size_t target_count; /* at most CT_CALL_MAX_TARGETS */
    bool in_order;       /* one after the other; false: all at once */
    bool
        failover; /* likewise, but the next one only when one could not be reached or was out of order */
    int64_t ring_ms;    /* how long each rings, or all; 0: 60,000 */
    int64_t longest_ms; /* how long the call may be once it is answered; 0: no limit */
    int64_t again_ms;   /* after how long the plan is asked `again`; 0: never */
    struct ct_str over; /* why it ends after the longest time; empty: the usual words. Static */
    /** It cannot be said yet: ct_calls_decide says it later, and nobody is rung until then. */
    bool later;
    struct ct_call_parties
        parties; /* for the record; what a later route leaves empty or 0 stays as it was */
};
#define CT_CALL_MAX_TARGETS 16

/** Whom to ring. Answers at once. */
struct ct_call_plan {
    void *ctx;
    /** An INVITE from @p peer, who is whatever ct_calls_incoming was told. Of the facts there are the key and when it
     *  began. */
    void (*incoming)(void *ctx, const struct ct_call_facts *facts, void *peer,
                     const struct ct_sip_message *message, struct ct_arena *arena,
                     struct ct_call_route *out);
    /** Nobody answered: @p status is the best that the targets said (408: they rang too long). True: @p out has
     *  others to ring (a forward). Asked again after those, at most five times. May be NULL. */
    bool (*unanswered)(void *ctx, const struct ct_call_facts *facts, int status,
                       struct ct_arena *arena, struct ct_call_route *out);
    /** One side wants the other to be connected with @p target (a URI). The device of that side in @p facts is the one that
     *  is there now, which may have come by a transfer. @p outside: that other one was called over a trunk. May be
     *  NULL: transfers are refused. */
    void (*transfer)(void *ctx, const struct ct_call_facts *facts, enum ct_call_party by,
                     bool outside, struct ct_str target, struct ct_arena *arena,
                     struct ct_call_route *out);
    /** Whether @p peer may take the place of a leg of account @p account_id (RFC 3891); then @p device_id is his. May be
     *  NULL: nobody may. */
    bool (*may_replace)(void *ctx, void *peer, int64_t account_id, int64_t *device_id);
    /** Nobody answered, and a device that was rung wants the call to go to @p target (a URI; 300 to 302). As `unanswered`,
     *  which is asked when this says false. May be NULL: such wishes are not heard. */
    bool (*redirected)(void *ctx, const struct ct_call_facts *facts, struct ct_str target,
                       struct ct_arena *arena, struct ct_call_route *out);
    /** A call goes on for as long as its route's `again_ms` said: ct_calls_prolong says what then. May be NULL. */
    void (*again)(void *ctx, const struct ct_call_facts *facts);
};

/** Every session description that goes from one leg to the other passes here, on its way to the second: the place for a
 *  relay of media. @p offer: the first half of an exchange. Answers with @p body or with another one from @p arena. */
typedef struct ct_sip_body ct_call_media(void *ctx, const struct ct_call_facts *facts,
                                         enum ct_call_party from, bool offer,
                                         struct ct_sip_body body, struct ct_arena *arena);

struct ct_calls_options {
    struct ct_sip *sip;
    struct ct_sip_sessions *sessions;
    const struct ct_sip_env *env;
    struct ct_call_plan plan;
    struct ct_call_sink sink;
    ct_call_media *media; /* NULL: descriptions pass unchanged */
    void *media_ctx;
};

CT_CHECKED enum ct_result ct_calls_new(const struct ct_calls_options *options,
                                       struct ct_calls **out);
/** Frees all calls without a word to anybody, neither the sides nor the sink. To be called before the sessions
 *  are freed. NULL is allowed. */
void ct_calls_free(struct ct_calls *calls);
size_t ct_calls_count(const struct ct_calls *calls);

/** An INVITE outside a dialog, admitted and authenticated. Always answers it, now or later. */
void ct_calls_incoming(struct ct_calls *calls, struct ct_sip_server *server,
                       const struct ct_sip_message *message, void *peer);

/** Fills in what was left open; @p arena lives as long as the call. */
typedef void ct_call_decision(void *ctx, const struct ct_call_facts *facts, struct ct_arena *arena,
                              struct ct_call_route *out);
/** Says what a route with `later` left open. CT_NOT_FOUND: the call has ended meanwhile. */
CT_CHECKED enum ct_result ct_calls_decide(struct ct_calls *calls, const char *key,
                                          ct_call_decision *decide, void *ctx);

/** A call that nobody asked for by SIP (POST /calls). `first` is whom to ring first, the caller's own devices;
 *  `second`, once one of them has answered, whom then; its parties are the record's. Each is asked when its time comes;
 *  `second` at the beginning too. @p ctx must live until the call has ended. @p key is as in ct_call_facts, chosen by the caller
 *  of this so that a reply can name the record. CT_NOMEM. */
CT_CHECKED enum ct_result ct_calls_dial(struct ct_calls *calls, const char *key,
                                        ct_call_decision *first, ct_call_decision *second,
                                        void *ctx);
/** How long a call may be, all in all, and after how long of it the plan is to be asked again; as in a route.
 *  CT_NOT_FOUND: no such call. */
CT_CHECKED enum ct_result ct_calls_prolong(struct ct_calls *calls, const char *key,
                                           int64_t longest_ms, int64_t again_ms,
                                           struct ct_str over);
/** What is there no longer; one of the three, the others are 0. */
struct ct_call_gone {
    int64_t account_id;
    int64_t device_id;
    int64_t trunk_id;
};
/** Ends the calls that such an account makes, gets or pays for, and those with a side that is such a device or trunk, or
 *  such an account's; one of these that rings is rung no longer. @p why is for the records. */
void ct_calls_lose(struct ct_calls *calls, const struct ct_call_gone *gone, struct ct_str why);
/** Ends a call, with a few words for its record. CT_NOT_FOUND: no such call. */
CT_CHECKED enum ct_result ct_calls_end(struct ct_calls *calls, const char *key, struct ct_str why);
/** The same, since somebody asked for it. */
CT_CHECKED enum ct_result ct_calls_hang_up(struct ct_calls *calls, const char *key);
/** How many go to a trunk or come from it. */
int64_t ct_calls_of_trunk(const struct ct_calls *calls, int64_t trunk_id);
/** The facts of all live calls, one after the other, in no order. */
void ct_calls_each(struct ct_calls *calls,
                   void (*each)(void *ctx, const struct ct_call_facts *facts), void *ctx);

#endif
