#ifndef CT_TESTS_SIMULATOR_UA_H
#define CT_TESTS_SIMULATOR_UA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wheel.h"
#include "simulator/said.h"
#include "sip/lan.h"

/**
 * A simulated phone, or a carrier: a small user agent of its own (RFC 3261 as a client and as a server), which does
 * what chance tells it, and keeps a diary of what happened to its calls.
 */
#define UA_TEXT 3072
#define UA_CALLS 6
#define UA_CLIENTS 24
#define UA_SERVERS 32
#define T1_MS 500
#define PATIENCE_MS (64 * T1_MS)

/** What a user agent has seen of one call. Times are those of the world's clock, 0: it has not happened. */
struct diary {
    const char *who;
    bool caller;
    bool replaces; /* it called to take the place of another */
    bool
        spoilt; /* a message of it arrived damaged: only what concerns the server alone is to be judged */
    bool transferred; /* it asked for that, or somebody took its place */
    bool crashed;     /* it forgot the call */
    bool lost;        /* it gave up for want of an answer to INVITE, CANCEL or BYE, or of an ACK */
    char call_id[SAID_TEXT];
    char number[32];  /* that was called */
    int64_t began_ms; /* the INVITE was sent, or came */
    int64_t rang_ms;
    int64_t answered_ms; /* the first 2xx was sent, or came */
    int64_t acked_ms;    /* of who is called: the ACK came */
    int64_t bye_ms;      /* it sent BYE, or CANCEL where it had no answer, for the first time */
    int64_t over_ms;     /* it knows that the call is over */
    int status;          /* the final one that it sent or got; 0: none */
};

struct ua;

struct ua_client {
    struct ua *ua;
    bool used;
    bool provisional;
    bool final;
    char method[16];
    char branch[48];
    unsigned cseq;
    int call; /* index; -1: none */
    int64_t interval_ms;
    int64_t until_ms;
    struct ct_timer timer;
    size_t size;
    char text[UA_TEXT]; /* after a final response to INVITE: the ACK */
};

struct ua_server {
    struct ua *ua;
    bool used;
    bool repeats; /* the answer is sent again until the ACK comes */
    bool success;
    char method[16];
    char branch[96];
    unsigned cseq;
    int call;
    struct ct_sip_hop hop;
    int64_t interval_ms;
    int64_t until_ms;
    struct ct_timer timer;
    char head[1024];    /* what every answer repeats: Via, From, Call-ID, CSeq */
    char to[SAID_TEXT]; /* without a tag of ours */
    bool has_tag;
    size_t size;
    char text[UA_TEXT]; /* the last answer */
};

enum ua_state {
    UA_FREE,
    UA_CALLING,  /* our INVITE has no final response */
    UA_RINGING,  /* theirs has none */
    UA_ANSWERED, /* our 2xx waits for its ACK */
    UA_UP,
    UA_ENDING /* our BYE waits for its answer */
};

struct ua_call {
    struct ua *ua;
    enum ua_state state;
    bool wants_out; /* to be hung up as soon as that can be done */
    bool cancelled; /* CANCEL has been sent */
    bool refers;    /* REFER has been sent */
    struct diary *diary;
    char call_id[SAID_TEXT];
    char local[2 * SAID_TEXT]; /* From or To, with our tag */
    char remote[2 * SAID_TEXT];
    char local_tag[32];
    char remote_tag[96];
    char target[SAID_TEXT];
    unsigned cseq;
    unsigned remote_cseq;
    char replaces[2 * SAID_TEXT]; /* a header of our INVITE; empty: none */
    bool offers;                  /* it has a description */
    unsigned auth_tries;
    int invite;     /* our INVITE's client, or theirs' server; -1: none any more */
    bool offering;  /* a re-INVITE of ours is under way */
    bool offered;   /* their INVITE had an offer */
    int answer;     /* what is to be said to it */
    bool reliable;  /* the caller can do PRACK */
    unsigned tries; /* how often it was said again */
    unsigned rseq;  /* of our reliable response that waits for PRACK; 0: none */
    struct ct_timer ring;
    struct ct_timer act;   /* answer, cancel, hang up */
    struct ct_timer extra; /* re-INVITE, REFER, INFO */
};

struct ua_world {
    struct lan *lan;
    const char *server; /* its address */
    struct diary *diaries;
    size_t diary_count;
    size_t diary_room;
    bool quiet;           /* no more than what has begun */
    size_t wrong_answers; /* to challenges of carriers */
    /** Chooses whom to transfer a call to. */
    const char *(*somebody)(void *ctx, const struct ua *ua);
    void *ctx;
};

struct ua {
    struct ua_world *world;
    char user[24];
    char number[24];   /* that it has */
    int64_t device_id; /* 0: it is a carrier */
    char password[40];
    char address[20];
    char host[40]; /* as its Via and Contact name it */
    enum ct_sip_transport transport;
    const char *customer,
        *customer_password;    /* of a carrier: who must say that it is that; NULL: nobody */
    int64_t customer_until_ms; /* that has registered until then; 0: it has not */
    bool on;
    bool registers;
    bool prack;    /* it says Supported: 100rel */
    unsigned next; /* for branches, tags and Call-IDs */
    unsigned register_cseq;
    char register_id[64];
    char username[32]; /* of its device */
    char realm[64];
    char nonce[256]; /* empty: it has none */
    unsigned nonce_count;
    unsigned register_tries;
    int64_t register_ms; /* the last REGISTER was sent */
    bool registered;
    int64_t registered_until_ms;
    bool register_spoilt; /* a message of that arrived damaged */
    struct ct_timer refresh;
    struct ua_call calls[UA_CALLS];
    struct ua_client clients[UA_CLIENTS];
    struct ua_server servers[UA_SERVERS];
};

/** Sets it up, switched off: a phone, or with @p device_id 0 a carrier. */
void ua_init(struct ua *ua, struct ua_world *world, int64_t device_id, const char *user,
             const char *address, enum ct_sip_transport transport);
void ua_switch_on(struct ua *ua);
/** It forgets all that it knew, and hears nothing. */
void ua_crash(struct ua *ua);
/** Whether it has nothing under way. */
bool ua_is_idle(const struct ua *ua);
/** Calls a number; @p replaces: whose place to take (NULL: nobody's). */
void ua_call(struct ua *ua, const char *number, const struct ua_call *replaces);
/** Hangs up all its calls, as far as it can. */
void ua_hang_up(struct ua *ua);
/** A chance of @p percent. */
bool ua_chance(struct ua *ua, unsigned percent);
int64_t ua_between(struct ua *ua, int64_t from_ms, int64_t to_ms);

/* ---- transactions (ua_transactions.c) ---- */

int64_t ua_now(const struct ua *ua);
/** Begins a client transaction; @p text is a request without Via. The index; -1: there is no room, and nothing was
 *  sent. */
int ua_request(struct ua *ua, const char *method, unsigned cseq, int call, const char *start,
               const char *rest, const char *branch);
/** Sends the ACK of a final response, and again when the response comes again. */
void ua_client_ack(struct ua *ua, struct ua_client *client, const char *text);
void ua_client_free(struct ua_client *client);
/** Answers; @p rest are further fields, an empty line and the body. */
void ua_reply(struct ua *ua, struct ua_server *server, const char *tag, int status,
              const char *rest);
void ua_server_free(struct ua_server *server);
/** Writes what stands behind the last header: Content-Type, length, body. */
void ua_body(char *out, size_t size, const char *sdp);
/** One place for all messages. */
void ua_receive(void *ctx, const struct ct_sip_hop *hop, struct ct_str bytes, bool spoilt);
void ua_lost(void *ctx, const struct ct_sip_hop *hop);
/** As Via names its transport. */
const char *ua_via(const struct ua *ua);
/** The value of its Contact. */
void ua_contact(const struct ua *ua, char *out, size_t size);

/* ---- digests (ua_digest.c) ---- */

/** The field Authorization with CRLF; nothing while there is no nonce. */
void ua_authorization(struct ua *ua, const char *method, const char *uri, char *out, size_t size);
/** Takes the challenge for MD5 among those of a 401. */
bool ua_take_challenge(struct ua *ua, const struct said *said);
/** Whether a request has the right credentials of a carrier's customer; otherwise it has been answered. */
bool ua_believes(struct ua *ua, struct ua_server *server, const struct said *said);

/* ---- calls (ua_calls.c, ua_dialogs.c) ---- */

/** A new request that no transaction knows. */
void ua_on_request(struct ua *ua, struct ua_server *server, const struct said *said);
void ua_on_cancel(struct ua *ua, struct ua_server *invite);
void ua_on_ack(struct ua *ua, struct ua_server *invite, const struct said *said);
/** A response that the client transaction has not seen; status 408 without a message: none came. */
void ua_on_response(struct ua *ua, struct ua_client *client, int status, const struct said *said);
/** Our 2xx was not acknowledged. */
void ua_on_unacked(struct ua *ua, int call);
/** Registers, and again before that is over. */
void ua_register(void *ctx);
/** The customer of a carrier registers. */
void ua_registered(struct ua *ua, struct ua_server *server, const struct said *said);
void ua_on_register_response(struct ua *ua, int status, const struct said *said);
struct ua_call *ua_call_find(struct ua *ua, const struct said *said);
void ua_call_over(struct ua_call *call, int status);
void ua_call_leave(struct ua_call *call);
/** Sends the INVITE that begins a call. False: there is no room. */
bool ua_call_invite(struct ua_call *call);
/** In a dialog; begins a client transaction. */
int ua_call_request(struct ua_call *call, const char *method, const char *rest);
void ua_call_up(struct ua_call *call);
void ua_in_dialog(struct ua_call *call, struct ua_server *server, const struct said *said);
void ua_dialog_response(struct ua_call *call, struct ua_client *client, int status,
                        const struct said *said);
void ua_call_extra(void *ctx);
const char *ua_sdp(const struct ua *ua);

#endif
