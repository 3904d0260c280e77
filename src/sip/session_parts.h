#ifndef CT_SIP_SESSION_PARTS_H
#define CT_SIP_SESSION_PARTS_H

#include "base/wheel.h"
#include "sip/dialog.h"
#include "sip/endpoint.h"
#include "sip/session.h"
#include "sip/session_life.h"

/*
 * What the files session*.c share, and nobody else includes. A leg is entered (ct_sip_leg_enter) by whatever calls
 * into it and left again: it is freed when the last one leaves and nothing of it is under way.
 */

struct ct_sip_sessions {
    struct ct_sip *sip;
    struct ct_sip_session_options options;
    struct ct_sip_session *first;
    size_t count;
};

/** A dialog of a leg. */
struct ct_sip_branch {
    struct ct_sip_branch *next;
    struct ct_sip_session *session;
    struct ct_sip_dialog *dialog;
    ct_sip_fork fork;
    bool stray;                  /* a second fork answered: it was ended at once */
    bool negotiated;             /* an offer was answered in it, for sure */
    bool update;                 /* the other side's Allow has UPDATE */
    uint32_t rseq;               /* of the last reliable response that came; 0: none */
    uint32_t prack_rseq;         /* of one with an offer, that the user is to answer; 0: none */
    uint32_t invite_cseq;        /* for RAck */
    struct ct_sip_outgoing *ack; /* the last that was sent in it; NULL: none */
};

/** Why a request was sent: what is to be done with its answer. */
enum ct_sip_purpose {
    CT_SIP_FOR_CALL,    /* the first INVITE */
    CT_SIP_FOR_OFFER,   /* re-INVITE or UPDATE of the user's */
    CT_SIP_FOR_REFRESH, /* of the session timer */
    CT_SIP_FOR_BYE,
    CT_SIP_FOR_PRACK,
    CT_SIP_FOR_ACK,
    CT_SIP_FOR_NOTIFY,
    CT_SIP_FOR_USER,
};

/** A request of ours: sent to one hop after the other, once more with credentials, until there is an answer. */
struct ct_sip_outgoing {
    struct ct_sip_outgoing *next;
    struct ct_sip_outgoing **back; /* NULL: in no list (an ACK) */
    struct ct_sip_session *session;
    struct ct_sip_branch *branch; /* NULL: outside a dialog */
    enum ct_sip_purpose purpose;
    struct ct_str method;
    struct ct_str headers; /* with the body and its type in one piece of memory behind the struct */
    struct ct_sip_body body;
    uint32_t cseq;
    char *authorization; /* a header line; NULL: none */
    unsigned challenges; /* answered so far */
    bool provisional;    /* it was answered with 1xx */
    bool succeeded;      /* or 2xx: an INVITE then waits for more of those */
    bool cancelled;
    bool too_short; /* 422 came, and the session timer was made longer, once */
    int failure;    /* what `later` is to report; 0: a CANCEL is to be tried again */
    struct ct_timer later;
    struct ct_sip_lookup *lookup;
    struct ct_sip_client *client;
    struct ct_sip_hop *hops;
    size_t hop_count;
    size_t hop_at;
    bool looked; /* the Contact was looked up, since the stream of the dialog is gone */
    struct ct_sip_token token; /* the branch of an ACK */
    ct_sip_session_done *done; /* CT_SIP_FOR_USER */
    void *done_ctx;
};

/** An INVITE that came, the first or a later one. */
struct ct_sip_incoming {
    struct ct_sip_server *server; /* NULL: none */
    struct ct_sip_branch *branch;
    uint32_t cseq;
    bool answered;       /* with 2xx, which is repeated until the ACK */
    int64_t interval_ms; /* until the next time */
    int64_t until_ms;    /* by the clock of the environment */
};

/** What is kept of a response or an offer until it can be sent. `memory` owns the texts. */
struct ct_sip_kept {
    bool waits;
    int status;
    ct_sip_fork fork;
    bool flag; /* reliable; quick */
    struct ct_str reason;
    struct ct_sip_body body;
    char *memory;
};

struct ct_sip_session {
    struct ct_sip_sessions *sessions;
    struct ct_sip_session *next;
    struct ct_sip_session **back;
    const struct ct_sip_session_events *events; /* NULL: nobody listens any more */
    void *ctx;
    enum ct_sip_session_state state;
    unsigned depth;
    bool caller; /* the INVITE was ours */
    bool stay;
    ct_sip_credentials *credentials;
    void *credentials_ctx;
    struct ct_str call_id;
    struct ct_str local_tag;
    struct ct_str user; /* of our Contact */
    char *memory;       /* of these */

    struct ct_sip_branch *branches;
    struct ct_sip_branch *main; /* the confirmed one, or the first; NULL: none yet */
    struct ct_sip_outgoing *outgoing;

    /* calling */
    struct ct_arena *call_arena; /* what the INVITE says, until it has been answered */
    struct ct_sip_invite call;
    bool offered; /* the INVITE had an offer */
    ct_sip_fork next_fork;
    bool wants_ack; /* the user is to send the ACK, with the answer */

    /* called */
    struct ct_sip_incoming incoming;
    struct ct_timer answer_timer; /* 2xx again; a provisional response again each minute */
    bool peer_reliable;
    bool peer_requires_reliable;
    bool peer_timer; /* supports session timers */
    int64_t peer_expires_s;
    int64_t peer_min_s;
    int peer_refresher; /* 0: not said; 'c': uac, 's': uas */
    bool body_came;     /* the INVITE had an offer */
    uint32_t rseq;      /* of our last reliable response */
    bool prack_due;     /* it waits for PRACK */
    ct_sip_fork prack_fork;
    bool prack_body; /* it had a description */
    int64_t prack_interval_ms;
    int64_t prack_until_ms;
    struct ct_timer prack_timer;
    struct ct_sip_kept ring;
    struct ct_sip_kept answer;

    /* offers after the first */
    struct ct_sip_outgoing *offer;  /* ours, under way */
    struct ct_sip_kept offer_again; /* ours, after 491 */
    unsigned glares;                /* how often */
    struct ct_timer glare_timer;
    struct ct_sip_server *offer_server; /* theirs, UPDATE or PRACK; an INVITE is in `incoming` */
    bool offer_waits;                   /* theirs, for the user's word */

    /* descriptions */
    struct ct_sip_kept local;  /* the last that we sent: a refresh repeats it */
    struct ct_sip_kept remote; /* the last that came */

    /* session timer (RFC 4028) */
    int64_t expires_s; /* 0: none */
    int64_t min_expires_s;
    int64_t expires_at_ms;
    bool we_refresh;
    struct ct_timer refresh_timer;

    /* REFER */
    struct ct_sip_server *refer_server;
    struct ct_sip_branch *refer_branch;
    bool refer_on;
    bool notifying;
    struct ct_sip_kept notify;
};

/* ---- session.c ---- */
struct ct_sip_leg_names {
    struct ct_str call_id;
    struct ct_str local_tag;
    struct ct_str user;
};
/** A leg that does nothing yet. It is freed by leaving it in OVER. CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_leg_new(struct ct_sip_sessions *sessions,
                                         const struct ct_sip_leg_names *names,
                                         const struct ct_sip_session_events *events, void *ctx,
                                         struct ct_sip_session **out);
void ct_sip_leg_enter(struct ct_sip_session *session);
void ct_sip_leg_leave(struct ct_sip_session *session);
void ct_sip_leg_step(struct ct_sip_session *session, enum ct_sip_session_step step);
/** Tells the user that it is over, and nothing more from then on. */
void ct_sip_leg_tell_ended(struct ct_sip_session *session, const struct ct_sip_ended *ended);
/** Ends a confirmed leg with BYE, and tells the user why. */
void ct_sip_leg_break(struct ct_sip_session *session, enum ct_sip_end cause, int status);
/** Sends BYE; it is ENDING, or a stray. */
void ct_sip_leg_bye(struct ct_sip_session *session, struct ct_sip_branch *branch, int status,
                    struct ct_str reason);
CT_CHECKED enum ct_result ct_sip_leg_branch_new(struct ct_sip_session *session,
                                                struct ct_sip_branch **out);
void ct_sip_leg_branch_free(struct ct_sip_session *session, struct ct_sip_branch *branch);
/** Frees all but the main one. */
void ct_sip_leg_prune(struct ct_sip_session *session);
struct ct_sip_branch *ct_sip_leg_branch_of(struct ct_sip_session *session, ct_sip_fork fork);
int64_t ct_sip_leg_now_ms(const struct ct_sip_session *session);
/** A number from 0 to @p below - 1. */
uint32_t ct_sip_leg_random(const struct ct_sip_session *session, uint32_t below);
CT_CHECKED enum ct_result ct_sip_keep(struct ct_sip_kept *kept, struct ct_str reason,
                                      struct ct_sip_body body);
void ct_sip_keep_clear(struct ct_sip_kept *kept);
struct ct_sip_body ct_sip_body_of(const struct ct_sip_message *message);
/** "<sip:user@host>", as this hop reaches us. */
void ct_sip_leg_contact(const struct ct_sip_session *session, const struct ct_sip_hop *hop,
                        struct ct_buf *out);
/** A Reason header (RFC 3326) of a status; 0 is none. */
void ct_sip_leg_reason(struct ct_buf *out, int status, struct ct_str reason);
/** Answers, once; a failure to do so is the network's, or ends with the transaction. */
void ct_sip_leg_reply(struct ct_sip_server *server, int status,
                      const struct ct_sip_reply_options *options);
extern const struct ct_sip_dialog_events ct_sip_leg_dialog_events;

/* ---- session_send.c ---- */
struct ct_sip_request_parts {
    enum ct_sip_purpose purpose;
    struct ct_str method;
    struct ct_str headers;
    struct ct_sip_body body;
    ct_sip_session_done *done;
    void *done_ctx;
};
/** Makes a request; with a branch its CSeq is the next one of the dialog, but that of an ACK. Nothing was sent. */
CT_CHECKED enum ct_result ct_sip_outgoing_new(struct ct_sip_session *session,
                                              struct ct_sip_branch *branch,
                                              const struct ct_sip_request_parts *parts,
                                              struct ct_sip_outgoing **out);
/** Sends it; what comes of it goes to ct_sip_leg_response, also when it could not be sent. */
void ct_sip_outgoing_start(struct ct_sip_outgoing *outgoing);
/** Sends an ACK, for the first time or again. */
void ct_sip_outgoing_ack(struct ct_sip_outgoing *outgoing);
/** Cancels an INVITE; one that was not even sent is over at once. */
void ct_sip_outgoing_cancel(struct ct_sip_outgoing *outgoing, int status, struct ct_str reason);
/** NULL is allowed. */
void ct_sip_outgoing_free(struct ct_sip_outgoing *outgoing);

/* ---- session_requests.c: what comes in a dialog, and what becomes of what was sent ---- */
/** A final response, or @p message NULL and 408 or 503; for INVITE also provisional ones, and each 2xx that comes. */
void ct_sip_leg_response(struct ct_sip_outgoing *outgoing, int status,
                         const struct ct_sip_message *message);

/* ---- session_call.c ---- */
void ct_sip_leg_call_response(struct ct_sip_outgoing *outgoing, int status,
                              const struct ct_sip_message *message);
/** Sends the ACK of the last INVITE in that branch. */
CT_CHECKED enum ct_result ct_sip_leg_ack(struct ct_sip_branch *branch, uint32_t cseq,
                                         struct ct_str authorization, struct ct_sip_body body);

/** The same without a body, for a leg that ends before the user has an answer. */
void ct_sip_leg_ack_empty(struct ct_sip_session *session);

/* ---- session_answer.c ---- */
void ct_sip_leg_prack_fire(void *ctx);
void ct_sip_leg_prack(struct ct_sip_branch *branch, struct ct_sip_server *server,
                      const struct ct_sip_message *message);

/* ---- session_invite.c ---- */
/* Proxies on the way forget an INVITE that is silent for three minutes (section 13.3.1.1). */
#define CT_SIP_REMIND_MS 60000
/** Sends the 2xx again, or, once a minute, the provisional response. */
void ct_sip_leg_answer_fire(void *ctx);
/** The caller ended it before the answer: by CANCEL or BYE. */
void ct_sip_leg_given_up(struct ct_sip_session *session, enum ct_sip_end cause,
                         const struct ct_sip_message *message);
/** Answers the first INVITE with a final status that is none of success. */
void ct_sip_leg_refuse(struct ct_sip_session *session, int status, struct ct_str reason,
                       struct ct_str headers);
void ct_sip_leg_acked(struct ct_sip_branch *branch, const struct ct_sip_message *message);
/** Gives the transaction of an INVITE that came up, with @p status if it has none yet. */
void ct_sip_leg_drop_invite(struct ct_sip_session *session, int status);
/** Repeats the 2xx from now on. */
void ct_sip_leg_repeat(struct ct_sip_session *session);
extern const struct ct_sip_server_events ct_sip_leg_invite_events;

/* ---- session_offer.c ---- */
void ct_sip_leg_reinvite(struct ct_sip_branch *branch, struct ct_sip_server *server,
                         const struct ct_sip_message *message);
void ct_sip_leg_update(struct ct_sip_branch *branch, struct ct_sip_server *server,
                       const struct ct_sip_message *message);
void ct_sip_leg_offer_response(struct ct_sip_outgoing *outgoing, int status,
                               const struct ct_sip_message *message);
/** An offer of theirs goes to the user, or is refused. True: it waits. */
bool ct_sip_leg_take_offer(struct ct_sip_branch *branch, struct ct_sip_server *server,
                           const struct ct_sip_message *message, bool quick);
/** Gives up offers of both sides; theirs is answered with 487. */
void ct_sip_leg_drop_offers(struct ct_sip_session *session);
/** CT_CONFLICT: there is another one. */
CT_CHECKED enum ct_result ct_sip_leg_send_offer(struct ct_sip_branch *branch,
                                                enum ct_sip_purpose purpose, bool update,
                                                struct ct_sip_body body);
void ct_sip_leg_glare(void *ctx);

/* ---- session_timer.c ---- */
/** Session-Expires, Min-SE of a request of ours. */
void ct_sip_leg_timer_ask(const struct ct_sip_session *session, bool first, struct ct_buf *out);
/** What a request of theirs says of it. False: too short, and it was answered with 422. */
bool ct_sip_leg_timer_read(struct ct_sip_session *session, struct ct_sip_server *server,
                           const struct ct_sip_message *message);
/** What our 2xx to it says; the timer runs anew. */
void ct_sip_leg_timer_answer(struct ct_sip_session *session, struct ct_buf *out);
/** What their 2xx says; likewise. */
void ct_sip_leg_timer_take(struct ct_sip_session *session, const struct ct_sip_message *message);
/** 422: takes the Min-SE. False: it says nothing of use. */
bool ct_sip_leg_timer_longer(struct ct_sip_session *session, const struct ct_sip_message *message);
/** A refresh was refused: once more in a while. */
void ct_sip_leg_timer_retry(struct ct_sip_session *session);
void ct_sip_leg_timer_fire(void *ctx);

/* ---- session_refer.c ---- */
void ct_sip_leg_refer(struct ct_sip_branch *branch, struct ct_sip_server *server,
                      const struct ct_sip_message *message);
void ct_sip_leg_notified(struct ct_sip_outgoing *outgoing, int status);
void ct_sip_leg_drop_refer(struct ct_sip_session *session);

#endif
