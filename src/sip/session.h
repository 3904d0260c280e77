#ifndef CT_SIP_SESSION_H
#define CT_SIP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"

/**
 * One INVITE usage, a leg: RFC 3261 sections 12 to 15, with reliable provisional responses (RFC 3262), UPDATE
 * (RFC 3311), session timers (RFC 4028), REFER and its NOTIFY (RFC 3515). Session descriptions are bytes to it.
 *
 * Life of a leg that calls, and of one that is called:
 *
 *     invite                                          accept
 *       |                                               |
 *       v     1xx                                       v       answer
 *    CALLING -----> PROCEEDING ---- 2xx ---+         INCOMING ---------> ANSWERED ----- ACK ---+
 *       |   \________  |                   |            |                  |  |                |
 *       |      2xx   \ |                   |     refuse,|         hang up, |  | BYE            |
 *       | hang up     \+--------------+    |     CANCEL,|         no ACK   |  |                |
 *       v                             v    v     BYE    v                  v  v                v
 *    CANCELLING --- 2xx ---> ENDING  CONFIRMED        OVER  <--- ACK --- UNACKED (waits      CONFIRMED
 *       |                      |       | hang up                          for the ACK, then
 *       | final                | final | --> ENDING                       sends BYE: ENDING)
 *       v                      v       | BYE
 *      OVER                   OVER     +--> OVER
 *
 * The table is in session_life.c. In OVER a leg without events may live on for a while, to send an ACK again for
 * each 2xx that comes again, and to end with BYE what a second fork answered.
 *
 * The user hears of a leg until he is told that it has `ended`, or until he calls ct_sip_session_end, whichever
 * comes first. From then on the pointer is not to be used. All that events carry is borrowed until they return.
 */
struct ct_sip;
struct ct_sip_hop;
struct ct_sip_message;
struct ct_sip_server;

struct ct_sip_session;
/** The legs of one endpoint. */
struct ct_sip_sessions;

/** A session description, or another body; `bytes.len` 0 is none. */
struct ct_sip_body {
    struct ct_str type;
    struct ct_str bytes;
};

enum ct_sip_session_state {
    CT_SIP_SESSION_CALLING,    /* the INVITE is on its way */
    CT_SIP_SESSION_PROCEEDING, /* and was answered provisionally */
    CT_SIP_SESSION_CANCELLING, /* nobody wants it any more; its final response is waited for */
    CT_SIP_SESSION_INCOMING,   /* an INVITE that is not yet answered */
    CT_SIP_SESSION_ANSWERED,   /* our 2xx is repeated until the ACK */
    CT_SIP_SESSION_UNACKED,    /* as before, and it ends with the ACK */
    CT_SIP_SESSION_CONFIRMED,
    CT_SIP_SESSION_ENDING, /* our BYE is on its way */
    CT_SIP_SESSION_OVER,
    CT_SIP_SESSION_STATES
};

/** Several early dialogs may come of one INVITE (section 12.1, forks). Each has a number, from 0 in the order in
 *  which they came, or, where we are called, as the user chooses. */
typedef uint32_t ct_sip_fork;
#define CT_SIP_MAX_FORKS 16

struct ct_sip_progress {
    int status; /* 101 to 199 */
    struct ct_str reason;
    ct_sip_fork fork;
    bool reliable;
    /** The body is an offer and the response reliable: it is answered by ct_sip_session_prack. */
    bool wants_prack;
    struct ct_sip_body body;
    const struct ct_sip_message *message;
};

struct ct_sip_answer {
    int status; /* 200 to 299 */
    ct_sip_fork fork;
    /** The body is an offer: it is answered by ct_sip_session_ack. Else the ACK was sent already. */
    bool wants_ack;
    struct ct_sip_body body;
    const struct ct_sip_message *message;
};

/** A refusal, from outside or on its way there. */
struct ct_sip_refusal {
    int status; /* 300 to 699 */
    struct ct_str reason;
    int64_t retry_after_s;                /* 0: none said */
    const struct ct_sip_message *message; /* NULL: no response came, or it is ours */
};

struct ct_sip_offer {
    ct_sip_fork fork;
    /** It came by UPDATE or PRACK, which wait for no person: answer at once. */
    bool quick;
    struct ct_sip_body body; /* none: an offer is asked for, and the ACK brings the answer */
    const struct ct_sip_message *message;
};

enum ct_sip_end {
    CT_SIP_END_REFUSED, /* our INVITE: `status` is what it was answered with; 408, 503: with nothing */
    CT_SIP_END_CANCELLED, /* the caller gave up before the answer */
    CT_SIP_END_BYE,       /* the other side hung up */
    CT_SIP_END_NO_ACK,    /* our 2xx was never acknowledged */
    CT_SIP_END_NO_PRACK,  /* nor our reliable 1xx: the INVITE was refused with 504 */
    CT_SIP_END_EXPIRED, /* the session timer ran out, or a request in the dialog was answered with 408 or 481 */
    CT_SIP_END_FAILED, /* no memory, or the transport is gone */
};

struct ct_sip_ended {
    enum ct_sip_end cause;
    int status; /* the final response to the INVITE as far as there was one; else what a caller may be told */
    struct ct_str reason; /* the phrase, or the text of a Reason header (RFC 3326) */
    int64_t retry_after_s;
    const struct ct_sip_message *message; /* NULL: none made it end */
};

/** REFER (RFC 3515). Nothing is answered until ct_sip_session_refer_accept or _refuse. */
struct ct_sip_refer {
    struct ct_str target;   /* the URI of Refer-To, without the part behind ? */
    struct ct_str replaces; /* of that part, unescaped (RFC 3891); empty: a blind transfer */
    struct ct_str by;       /* Referred-By as it came (RFC 3892); may be empty */
    const struct ct_sip_message *message;
};

/** What happens to a leg. A member may be NULL: then what needs an answer is refused (405, 488, 603). */
struct ct_sip_session_events {
    void (*progress)(void *ctx, const struct ct_sip_progress *progress);
    void (*answered)(void *ctx, const struct ct_sip_answer *answer);
    /** Our 2xx was acknowledged; the body is the answer when the 2xx had an offer. Also that of a re-INVITE. */
    void (*acked)(void *ctx, struct ct_sip_body body);
    /** Our reliable response of this fork was acknowledged; likewise. */
    void (*pracked)(void *ctx, ct_sip_fork fork, struct ct_sip_body body);
    /** re-INVITE, UPDATE or PRACK with an offer: ct_sip_session_accept_offer or _refuse_offer, now or later. */
    void (*offered)(void *ctx, const struct ct_sip_offer *offer);
    /** What came of ct_sip_session_offer. After an offer was asked for, @p wants_ack as in ct_sip_answer. */
    void (*offer_accepted)(void *ctx, bool wants_ack, struct ct_sip_body body);
    void (*offer_refused)(void *ctx, const struct ct_sip_refusal *refusal);
    void (*referred)(void *ctx, const struct ct_sip_refer *refer);
    /** INFO, MESSAGE, NOTIFY or what else there is: to be answered with ct_sip_reply, now or later. */
    void (*request)(void *ctx, struct ct_sip_server *server, const struct ct_sip_message *message);
    /** The leg is no more. */
    void (*ended)(void *ctx, const struct ct_sip_ended *ended);
};

/** What stands in a 401 or 407 is answered by whoever has the password. Writes the header field with its name
 *  and CRLF (Authorization, Proxy-Authorization) to @p out; false: there is nothing to answer with. */
typedef bool ct_sip_credentials(void *ctx, const struct ct_sip_message *challenge,
                                struct ct_str method, struct ct_str uri, struct ct_buf *out);

/** How all legs of an endpoint are. 0: the default. */
struct ct_sip_session_options {
    int64_t expires_s;     /* Session-Expires that we ask for (1800) */
    int64_t min_expires_s; /* the least that we take (90, RFC 4028's own least) */
};

/** For the legs of this endpoint, whose options say what Allow and User-Agent are; among its extensions should be 100rel,
 *  timer and replaces. To be freed before it. CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_sessions_new(struct ct_sip *sip,
                                              const struct ct_sip_session_options *options,
                                              struct ct_sip_sessions **out);
/** Frees all legs, without a word to anybody. NULL is allowed. */
void ct_sip_sessions_free(struct ct_sip_sessions *sessions);
/** How many legs there are, those that are over but linger included. */
size_t ct_sip_sessions_count(const struct ct_sip_sessions *sessions);

/** A call to be made. What it points to is borrowed for the call of ct_sip_session_invite alone, but for
 *  @p credentials_ctx. */
struct ct_sip_invite {
    struct ct_str uri;  /* the Request-URI */
    struct ct_str from; /* name-addr, without tag: "Ann" <sip:+1...@host> */
    struct ct_str to;   /* likewise */
    const struct ct_sip_hop
        *hops; /* where to send it, one after the other; count 0: as RFC 3263 says of `uri` */
    size_t hop_count;
    struct ct_str
        route; /* of a Route header (Path, RFC 3327; an outbound proxy): <sip:...;lr>, ...; may be empty */
    struct ct_str user;    /* user part of our Contact; may be empty */
    struct ct_str headers; /* further fields, each with CRLF */
    struct ct_sip_body body;
    uint32_t max_forwards; /* 0: 70 */
    bool reliable;         /* the user can pass reliable responses on: Supported: 100rel */
    bool require_reliable;
    bool
        stay; /* requests in the dialog go where the INVITE went, not where its Contact says: for phones behind NAT */
    ct_sip_credentials *credentials; /* NULL: none */
    void *credentials_ctx;
};

/** Calls. Nothing is told of it before this returns. CT_NOMEM, CT_INVALID (no such URI). */
CT_CHECKED enum ct_result ct_sip_session_invite(struct ct_sip_sessions *sessions,
                                                const struct ct_sip_invite *invite,
                                                const struct ct_sip_session_events *events,
                                                void *ctx, struct ct_sip_session **out);
/** Takes a call: an INVITE outside a dialog. When it cannot be (CT_INVALID: no Contact; CT_LIMITED: its session
 *  timer is too short; CT_NOMEM) it was answered. @p user is that of our Contact; @p stay as in ct_sip_invite. */
CT_CHECKED enum ct_result ct_sip_session_accept(struct ct_sip_sessions *sessions,
                                                struct ct_sip_server *server,
                                                const struct ct_sip_message *message,
                                                struct ct_str user, bool stay,
                                                const struct ct_sip_session_events *events,
                                                void *ctx, struct ct_sip_session **out);

/** Whether the caller understands reliable responses, or asks for them. */
bool ct_sip_session_reliable(const struct ct_sip_session *session, bool *required);
enum ct_sip_session_state ct_sip_session_state(const struct ct_sip_session *session);
/** The Call-ID, and the tags of the confirmed (or first) dialog; empty where there is none yet. */
struct ct_str ct_sip_session_call_id(const struct ct_sip_session *session);
struct ct_str ct_sip_session_local_tag(const struct ct_sip_session *session);
struct ct_str ct_sip_session_remote_tag(const struct ct_sip_session *session);
/** Where the other side last sent from. */
const struct ct_sip_hop *ct_sip_session_hop(const struct ct_sip_session *session);
/** The description that the other side sent last. */
struct ct_sip_body ct_sip_session_remote_body(const struct ct_sip_session *session);
/** The leg that a Replaces header names (RFC 3891): @p value is "id;to-tag=x;from-tag=y". CT_NOT_FOUND: there is
 *  none (481); CT_CONFLICT: it is answered but the header says early-only (486); CT_INVALID (400). */
CT_CHECKED enum ct_result ct_sip_session_replaced(struct ct_sip_sessions *sessions,
                                                  struct ct_str value, struct ct_sip_session **out,
                                                  void **ctx);

/* What follows answers CT_FORBIDDEN where the state of the leg does not allow it; the leg is as before. */

/** Answers provisionally, 101 to 199; @p reliable only where the caller can, who then lets `pracked` follow. While one
 *  waits for its PRACK the next is kept, the newest only. CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_session_ring(struct ct_sip_session *session, int status,
                                              struct ct_str reason, ct_sip_fork fork, bool reliable,
                                              struct ct_sip_body body);
/** Answers 200 and repeats it until the ACK, once what is reliable was acknowledged. CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_session_answer(struct ct_sip_session *session, ct_sip_fork fork,
                                                struct ct_sip_body body);
/** Acknowledges an answer that had an offer. */
CT_CHECKED enum ct_result ct_sip_session_ack(struct ct_sip_session *session,
                                             struct ct_sip_body body);
/** Acknowledges a reliable provisional response that had an offer. */
CT_CHECKED enum ct_result ct_sip_session_prack(struct ct_sip_session *session, ct_sip_fork fork,
                                               struct ct_sip_body body);
enum {
    CT_SIP_OFFER_QUICK = 1, /* by UPDATE, where the other side allows it */
    CT_SIP_OFFER_PATIENT =
        2, /* 491 is waited for and tried again, three times; else it is `offer_refused` */
};
/** Offers: by re-INVITE, before the answer by UPDATE. @p how: of the above. No body: asks for an offer. CT_CONFLICT:
 *  another offer, of either side, is under way (491). */
CT_CHECKED enum ct_result ct_sip_session_offer(struct ct_sip_session *session, ct_sip_fork fork,
                                               unsigned how, struct ct_sip_body body);
CT_CHECKED enum ct_result ct_sip_session_accept_offer(struct ct_sip_session *session,
                                                      struct ct_sip_body body);
CT_CHECKED enum ct_result ct_sip_session_refuse_offer(struct ct_sip_session *session, int status,
                                                      int64_t retry_after_s);

/** 202, and NOTIFY with 100 Trying. */
CT_CHECKED enum ct_result ct_sip_session_refer_accept(struct ct_sip_session *session);
CT_CHECKED enum ct_result ct_sip_session_refer_refuse(struct ct_sip_session *session, int status);
/** NOTIFY with that status; from 200 on it is the last. */
CT_CHECKED enum ct_result ct_sip_session_refer_notify(struct ct_sip_session *session, int status,
                                                      struct ct_str reason);

/** A request in the dialog: INFO, MESSAGE. @p done is called once, unless the leg ends before; the message is
 *  NULL and the status 408 or 503 when no response came. */
typedef void ct_sip_session_done(void *ctx, int status, const struct ct_sip_message *message);
CT_CHECKED enum ct_result ct_sip_session_request(struct ct_sip_session *session,
                                                 struct ct_str method, struct ct_str headers,
                                                 struct ct_sip_body body, ct_sip_session_done *done,
                                                 void *ctx);

/** Ends it, by CANCEL, BYE or a final response as its state asks for; never fails and needs no patience: what is
 *  to be waited for goes on without the user. @p status (300 to 699) and @p reason (may be empty) are those of the refusal, and
 *  of the Reason header of CANCEL and BYE; 0: an ordinary end, a caller is told 480. @p headers (each with CRLF) go into a
 *  refusal. */
void ct_sip_session_end(struct ct_sip_session *session, int status, struct ct_str reason,
                        struct ct_str headers);

#endif
