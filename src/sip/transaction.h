#ifndef CT_SIP_TRANSACTION_H
#define CT_SIP_TRANSACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The four machines of RFC 3261 section 17, as corrected by RFC 6026, as tables: pure data, and the times of their
 * timers. What the actions do is in client.c and server.c.
 */

enum ct_sip_state {
    CT_SIP_CALLING,
    CT_SIP_TRYING,
    CT_SIP_PROCEEDING,
    CT_SIP_COMPLETED,
    CT_SIP_CONFIRMED,
    CT_SIP_ACCEPTED,
    CT_SIP_TERMINATED,
    CT_SIP_STATES
};

enum ct_sip_event {
    CT_SIP_E_RETRANSMIT, /* timers A, E, G; of an INVITE server without an answer: 200 ms are over */
    CT_SIP_E_TIMEOUT,    /* timers B, F, H; of another server: nobody answered */
    CT_SIP_E_END,        /* timers D, I, J, K, L, M */
    CT_SIP_E_1XX,        /* a response came, or the user gives one */
    CT_SIP_E_2XX,
    CT_SIP_E_FAILURE,   /* 300 to 699 */
    CT_SIP_E_REQUEST,   /* servers: the request came once more */
    CT_SIP_E_ACK,       /* servers: its ACK came */
    CT_SIP_E_TRANSPORT, /* what was to be sent could not be, or the stream is lost */
    CT_SIP_EVENTS
};

/* The timers by their letters (RFC 3261 table 4, RFC 6026). */
enum ct_sip_timer {
    CT_SIP_KEEP, /* leave it as it is */
    CT_SIP_STOP,
    CT_SIP_TIMER_A,
    CT_SIP_TIMER_B,
    CT_SIP_TIMER_D,
    CT_SIP_TIMER_E,
    CT_SIP_TIMER_E2, /* E in Proceeding: T2 at once */
    CT_SIP_TIMER_F,
    CT_SIP_TIMER_G,
    CT_SIP_TIMER_H,
    CT_SIP_TIMER_I,
    CT_SIP_TIMER_J,
    CT_SIP_TIMER_K,
    CT_SIP_TIMER_L,
    CT_SIP_TIMER_M,
    CT_SIP_TIMER_100, /* after 200 ms the server says 100 (section 17.2.1) */
    CT_SIP_TIMER_WAITING, /* how long a server other than INVITE waits for its user's answer: 64*T1, when no client
                             waits any more (RFC 4320) */
    CT_SIP_TIMERS
};

enum ct_sip_action {
    CT_SIP_SEND = 1,     /* clients: the request; servers: the last response */
    CT_SIP_SEND_ACK = 2, /* for a response of 300 to 699 */
    CT_SIP_PASS = 4,     /* the response, or the ACK, goes to the user */
    CT_SIP_SAY_408 = 8,  /* the user is told: no response came */
    CT_SIP_SAY_503 = 16, /* the user is told: it could not be sent */
    CT_SIP_SAY_100 = 32, /* the server says 100 by itself */
    CT_SIP_INFORM = 64,  /* servers: the user is told that the answer did not go out */
    CT_SIP_UNACKED = 128 /* servers: the user is told that no ACK came, or that he was too late */
};

/** A cell of a table. One that is all zero can never be met. */
struct ct_sip_step {
    bool possible;
    enum ct_sip_state next;
    unsigned actions;
    enum ct_sip_timer retransmit; /* what becomes of the timer that repeats */
    enum ct_sip_timer life;       /* and of the one that ends something */
};

struct ct_sip_machine {
    enum ct_sip_state initial;
    enum ct_sip_timer retransmit; /* what runs from the beginning */
    enum ct_sip_timer life;
    enum ct_sip_event life_event[CT_SIP_STATES]; /* what the second timer means in a state */
    struct ct_sip_step steps[CT_SIP_STATES][CT_SIP_EVENTS];
};

extern const struct ct_sip_machine ct_sip_invite_client;
extern const struct ct_sip_machine ct_sip_other_client;
extern const struct ct_sip_machine ct_sip_invite_server;
extern const struct ct_sip_machine ct_sip_other_server;

struct ct_sip_times {
    int64_t t1_ms, t2_ms, t4_ms;
};

/** How long a timer runs: @p before_ms is how long it ran the last time, 0 at first. -1: it is not started on this kind of
 *  transport; 0: it is over at once. */
int64_t ct_sip_timer_ms(enum ct_sip_timer timer, const struct ct_sip_times *times, bool reliable,
                        int64_t before_ms);

#endif
