#ifndef CT_SIP_ENDPOINT_H
#define CT_SIP_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "base/wheel.h"
#include "sip/message.h"
#include "sip/table.h"
#include "sip/transport.h"
#include "sip/write.h"

/**
 * One SIP endpoint: the transactions, the table of dialogs and the wheel of one thread, and what RFC 3261 section
 * 8.2 wants looked at before anybody hears of a request. All functions belong to that thread.
 *
 * What becomes of a message, in this order:
 *   `admit`                     false: dropped in silence
 *   read                        unreadable: dropped; a bad response: dropped
 *   a response                  to its client transaction; a stray one, or one with several Vias: dropped
 *   a retransmission            answered by its server transaction
 *   ACK                         to its server transaction, or to the dialog; otherwise dropped
 *   `admit_message`             of what belongs to no dialog: false: dropped in silence
 *   a bad request               400, 413, 505, 513 …, without state
 *   CANCEL                      200 and `cancelled` of its INVITE; 481
 *   method                      501 when it is unknown, 405 when it is not among ours, both with Allow
 *   scheme of the Request-URI   416
 *   Max-Forwards                483 when it is 0, outside of dialogs (but OPTIONS and REGISTER, which end here)
 *   a loop, a merged request    482
 *   Require                     420 with Unsupported
 *   a dialog                    to its `request`; 481 when there is none of these tags
 *   what remains                to the user's `request`
 * When there is no room for a transaction, or the address has as many as it may, the answer is 503 with Retry-After.
 */
struct ct_sip;
struct ct_sip_server; /* a server transaction: a request that came, and its answers */
struct ct_sip_client; /* a client transaction: a request that was sent */

/** Who sits above. All is borrowed until the function returns. */
struct ct_sip_user {
    void *ctx;
    /** Before the message is read; NULL admits all. */
    bool (*admit)(void *ctx, const struct ct_sip_hop *from, struct ct_str bytes);
    /** A request, read, good or bad (see its fault), that belongs to no transaction and no dialog. NULL admits all. */
    bool (*admit_message)(void *ctx, const struct ct_sip_hop *from,
                          const struct ct_sip_message *message);
    /** A new request outside of dialogs, never ACK or CANCEL. It is answered with ct_sip_reply, now, or later by
     *  whoever watches the transaction. What is neither answered nor watched when this returns is answered with 500. */
    void (*request)(void *ctx, struct ct_sip_server *transaction,
                    const struct ct_sip_message *message);
    /** Every message that came (and was admitted and read) or is sent. NULL: nobody wants to know. */
    void (*trace)(void *ctx, bool sent, const struct ct_sip_hop *hop, struct ct_str bytes,
                  struct ct_str call_id);
};

struct ct_sip_options {
    struct ct_sip_env env;   /* copied; its ctx outlives the endpoint */
    struct ct_sip_user user; /* copied */
    struct ct_str
        methods; /* what Allow says: "INVITE, ACK, …"; others are answered with 405. Static */
    struct ct_str
        extensions;     /* option tags that Require may name: "100rel, timer, replaces". Static */
    struct ct_str name; /* Server and User-Agent; empty: not written. Static */
    int64_t t1_ms, t2_ms, t4_ms; /* 0: 500, 4000, 5000 (section 17.1.1.1) */
    size_t
        max_transactions; /* 0: 262,144; a quarter is kept for what is in dialogs and what we send */
    size_t
        max_per_address; /* server transactions of one address (of IPv6 a /64), with those in dialogs twice as many; 0: any number */
    size_t max_message;  /* bytes; longer ones are answered with 513; 0: 65,535 */
};

/** The owner frees it with ct_sip_free. CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_new(const struct ct_sip_options *options, struct ct_sip **out);
/** Ends all transactions without a word to anybody; their watchers are told (`gone`, `failed`), and must let go. NULL
 *  is allowed. */
void ct_sip_free(struct ct_sip *sip);

/** A datagram came, or a message of a stream as ct_sip_frame cut it. */
void ct_sip_receive(struct ct_sip *sip, const struct ct_sip_hop *from, struct ct_str bytes);
/** A stream ended: what waits for an answer on it fails with 503. */
void ct_sip_hop_lost(struct ct_sip *sip, const struct ct_sip_hop *hop);
/** Lets the timers fire that are due. */
void ct_sip_turn(struct ct_sip *sip);
/** When to call ct_sip_turn next at the latest, by env.now_ms; INT64_MAX: no timer runs. */
int64_t ct_sip_next_ms(const struct ct_sip *sip);
/** The wheel of all timers above too. */
struct ct_wheel *ct_sip_wheel(struct ct_sip *sip);
const struct ct_sip_env *ct_sip_env(const struct ct_sip *sip);
const struct ct_sip_options *ct_sip_options(const struct ct_sip *sip);
/** T1 in milliseconds. */
int64_t ct_sip_t1_ms(const struct ct_sip *sip);

/** What there is at this moment: all 0 when nothing is going on. */
struct ct_sip_counts {
    size_t servers;
    size_t clients;
    size_t dialogs;
};
struct ct_sip_counts ct_sip_counts(const struct ct_sip *sip);

/** A text that nobody can guess and that comes only once: for tags, Call-IDs and branches. 96 random bits. */
#define CT_SIP_TOKEN_SIZE 16
struct ct_sip_token {
    char at[CT_SIP_TOKEN_SIZE];
};
struct ct_sip_token ct_sip_token(struct ct_sip *sip);
#define CT_SIP_TOKEN_STR(token) ((struct ct_str){(token).at, CT_SIP_TOKEN_SIZE})

/* ---- server transactions ----
 * Who wants to answer later, or to know what becomes of it, watches the transaction before `request` returns, and then
 * lets go of it exactly once with ct_sip_server_forget; until then the pointer is valid, also when the transaction
 * has ended. Who does not watch must not keep it. */

enum ct_sip_gone {
    CT_SIP_GONE_DONE,      /* answered finally, and, where one is due, acknowledged */
    CT_SIP_GONE_TIMEOUT,   /* no ACK came (timer H), or nobody answered in 64*T1 (not INVITE) */
    CT_SIP_GONE_TRANSPORT, /* the answer could not be sent */
    CT_SIP_GONE_CLOSED     /* the endpoint is being freed */
};

struct ct_sip_server_events {
    /** A CANCEL came for this INVITE, which has no final answer yet; it has been answered, and the INVITE is now to be
     *  answered with 487. NULL: that is done. */
    void (*cancelled)(void *ctx, const struct ct_sip_message *cancel);
    /** The transaction has ended; never told from within ct_sip_reply. NULL: nobody wants to know. */
    void (*gone)(void *ctx, enum ct_sip_gone why);
};

/** Watches the transaction; once more replaces the events. @p events lives as long as it is watched. */
void ct_sip_server_watch(struct ct_sip_server *server, const struct ct_sip_server_events *events,
                         void *ctx);
/** Lets go of it: no more events, and the pointer is not valid any more. What has no final answer is answered
 *  with 500. */
void ct_sip_server_forget(struct ct_sip_server *server);
/**
 * Answers: 1xx any number of times, then one final status. @p options may be NULL. A status over 100 carries our
 * tag in To, 101 to 299 of INVITE, SUBSCRIBE, REFER and NOTIFY the Record-Routes of the request.
 * CT_STALE: it has a final answer already, or has ended. CT_NOMEM: nothing was sent. CT_UNAVAILABLE: it could not be
 * sent; a final answer counts as given all the same.
 */
CT_CHECKED enum ct_result ct_sip_reply(struct ct_sip_server *server, int status,
                                       const struct ct_sip_reply_options *options);
/** Sends the last answer once more, as it was: a 2xx to INVITE until its ACK comes (section 13.3.1.4), a reliable 1xx
 *  until its PRACK comes (RFC 3262). CT_STALE when there is none, or it has ended: RFC 6026 ends it 64*T1 after the
 *  first 2xx. CT_UNAVAILABLE. */
CT_CHECKED enum ct_result ct_sip_reply_again(struct ct_sip_server *server);
/** The tag that our answers carry in To; when the request had one, that one. Valid as long as the transaction. */
struct ct_str ct_sip_server_tag(const struct ct_sip_server *server);
/** Where the request came from. */
const struct ct_sip_hop *ct_sip_server_from(const struct ct_sip_server *server);
enum ct_sip_method ct_sip_server_method(const struct ct_sip_server *server);
struct ct_sip *ct_sip_server_endpoint(const struct ct_sip_server *server);
/** Whether a final answer has been given (or the transaction has ended). */
bool ct_sip_server_answered(const struct ct_sip_server *server);
/** Answers a request for which no transaction exists. A want of memory loses the answer, as the network might. */
void ct_sip_reply_statelessly(struct ct_sip *sip, const struct ct_sip_hop *from,
                              const struct ct_sip_message *request, int status,
                              const struct ct_sip_reply_options *options);

/* ---- client transactions ----
 * Who sends a request lets go of it exactly once with ct_sip_client_forget; until then the pointer is valid, also
 * when the transaction has ended. */

struct ct_sip_client_events {
    /** A response that is no retransmission, 100 included. To INVITE every 2xx comes here, each one that comes, for 64*T1
     *  after the first (RFC 6026); other final ones come once, and have been acknowledged. */
    void (*response)(void *ctx, const struct ct_sip_message *message);
    /** No final response will come: 408, it took too long; 503, it could not be sent (section 8.1.3.1). */
    void (*failed)(void *ctx, int status);
    /** The transaction has ended after a final response: of INVITE no further 2xx will come. NULL: nobody wants to
     *  know. */
    void (*ended)(void *ctx);
};

/**
 * Sends a request, never ACK or CANCEL. @p request begins with its request line and has no Via of ours: the transaction
 * puts that behind the request line. @p events lives as long as it is watched.
 * CT_NOMEM; CT_BUSY: too many transactions; CT_UNAVAILABLE: it could not be sent; CT_INVALID: @p request cannot be read.
 * After any of these nothing has come into being. No event comes before this returns.
 */
CT_CHECKED enum ct_result ct_sip_request(struct ct_sip *sip, const struct ct_sip_hop *to,
                                         struct ct_str request,
                                         const struct ct_sip_client_events *events, void *ctx,
                                         struct ct_sip_client **out);
/** Cancels an INVITE (section 9.1): at once if a provisional response has come, otherwise as soon as one comes; never
 *  after a final one. @p headers: Reason and the like, whole lines, may be empty. The INVITE then gets its final response
 *  (487), or `failed` with 408 64*T1 later. CT_STALE: it has a final response, was cancelled, or is none. CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_cancel(struct ct_sip_client *client, struct ct_str headers);
/** Lets go of it: no more events. The transaction ends by itself; 2xx that still come are dropped. */
void ct_sip_client_forget(struct ct_sip_client *client);
/** Where it was sent. */
const struct ct_sip_hop *ct_sip_client_to(const struct ct_sip_client *client);
/** Sends a request without a transaction: the ACK of a 2xx (section 13.2.2.4). @p branch is a ct_sip_token, the same for
 *  the same ACK sent once more. CT_NOMEM, CT_UNAVAILABLE. */
CT_CHECKED enum ct_result ct_sip_send_ack(struct ct_sip *sip, const struct ct_sip_hop *to,
                                          struct ct_str request, struct ct_str branch);

/* ---- dialogs ----
 * The endpoint keeps a table of dialogs by Call-ID and tags, so that requests find theirs; what a dialog is, it does not
 * know. */

struct ct_sip_dialog_events {
    /** A request in this dialog: answer it as one outside (watch, ct_sip_reply). Never ACK or CANCEL. */
    void (*request)(void *ctx, struct ct_sip_server *transaction,
                    const struct ct_sip_message *message);
    /** An ACK that is not of a transaction: of a 2xx. */
    void (*ack)(void *ctx, const struct ct_sip_message *message);
};

/** A dialog's entry, embedded in it. */
struct ct_sip_dialog_entry {
    const struct ct_sip_dialog_events *events;
    void *ctx;
    /* what follows is the endpoint's */
    struct ct_sip *sip; /* NULL: not in the table */
    struct ct_sip_link link;
};

/** Puts a dialog into the table: @p local_tag is ours, @p remote_tag the peer's (empty: it has none, RFC 2543). The texts
 *  are not kept. CT_CONFLICT: there is one. `events` and `ctx` of the entry are set by the caller. */
CT_CHECKED enum ct_result ct_sip_dialog_register(struct ct_sip *sip,
                                                 struct ct_sip_dialog_entry *entry,
                                                 struct ct_str call_id, struct ct_str local_tag,
                                                 struct ct_str remote_tag);
/** Takes it out. One that is not in the table is left as it is. */
void ct_sip_dialog_remove(struct ct_sip_dialog_entry *entry);
/** The dialog of these, or NULL: for Replaces (RFC 3891) and Target-Dialog. */
struct ct_sip_dialog_entry *ct_sip_dialog_find(struct ct_sip *sip, struct ct_str call_id,
                                               struct ct_str local_tag, struct ct_str remote_tag);

#endif
