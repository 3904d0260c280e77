#include "sip/transaction.h"

#include <assert.h>

/* Short names for the tables below. */
#define CALLING CT_SIP_CALLING
#define TRYING CT_SIP_TRYING
#define PROCEEDING CT_SIP_PROCEEDING
#define COMPLETED CT_SIP_COMPLETED
#define CONFIRMED CT_SIP_CONFIRMED
#define ACCEPTED CT_SIP_ACCEPTED
#define TERMINATED CT_SIP_TERMINATED
#define STOP CT_SIP_STOP
#define KEEP CT_SIP_KEEP
#define T(letter) CT_SIP_TIMER_##letter
/* event: the next state, the actions, the timer that repeats, the timer that ends */
#define ON(event, next, actions, retransmit, life) \
    [CT_SIP_E_##event] = {true, next, actions, retransmit, life}
#define NOTHING 0U
#define SEND CT_SIP_SEND
#define ACK CT_SIP_SEND_ACK
#define PASS CT_SIP_PASS

/* clang-format off */

/*
 * INVITE client (RFC 3261 17.1.1, RFC 6026 figure 5)
 *
 *                           | INVITE from user: send
 *           timer A: send   v
 *               +------[ Calling ]------------- timer B: 408, not sent: 503 ------------+
 *               +-------->  |  |  \                                                     |
 *                       1xx |  |   \ 2xx: pass                                          |
 *                      pass v  |    \----------------------------------+                |
 *       1xx: pass +-[ Proceeding ]--- 2xx: pass ------------------+    |                |
 *                 +---->    |  |                                  v    v                |
 *                           |  |              2xx: pass +-----[ Accepted ]              |
 *          300-699: ACK,    |  | 300-699: ACK,          +-------->  |                   |
 *                     pass  v  v  pass                              | timer M           |
 *    300-699: ACK +-[ Completed ]                                   |                   |
 *                 +---->    |                                       |                   |
 *                           | timer D, ACK not sent: 503            |                   |
 *                           v                                       v                   v
 *                      [ Terminated ]<----------------------------------------------------
 *
 * Beyond the RFC: a stream that is lost in Proceeding fails with 503, since there no timer runs that would ever end
 * the wait; and when it was cancelled there, timer B runs once more (section 9.1).
 */
const struct ct_sip_machine ct_sip_invite_client = {
    .initial = CALLING, .retransmit = T(A), .life = T(B),
    .life_event = {[CALLING] = CT_SIP_E_TIMEOUT, [PROCEEDING] = CT_SIP_E_TIMEOUT,
                   [COMPLETED] = CT_SIP_E_END, [ACCEPTED] = CT_SIP_E_END},
    .steps = {
        [CALLING] = {
            ON(RETRANSMIT, CALLING,    SEND,           T(A), KEEP),
            ON(TIMEOUT,    TERMINATED, CT_SIP_SAY_408, STOP, STOP),
            ON(TRANSPORT,  TERMINATED, CT_SIP_SAY_503, STOP, STOP),
            ON(1XX,        PROCEEDING, PASS,           STOP, STOP),
            ON(2XX,        ACCEPTED,   PASS,           STOP, T(M)),
            ON(FAILURE,    COMPLETED,  ACK | PASS,     STOP, T(D)),
        },
        [PROCEEDING] = {
            ON(TIMEOUT,    TERMINATED, CT_SIP_SAY_408, STOP, STOP),
            ON(TRANSPORT,  TERMINATED, CT_SIP_SAY_503, STOP, STOP),
            ON(1XX,        PROCEEDING, PASS,           KEEP, KEEP),
            ON(2XX,        ACCEPTED,   PASS,           STOP, T(M)),
            ON(FAILURE,    COMPLETED,  ACK | PASS,     STOP, T(D)),
        },
        [COMPLETED] = {
            ON(END,        TERMINATED, NOTHING,        STOP, STOP),
            ON(TRANSPORT,  TERMINATED, NOTHING,        STOP, STOP),
            ON(1XX,        COMPLETED,  NOTHING,        KEEP, KEEP),
            ON(2XX,        COMPLETED,  NOTHING,        KEEP, KEEP),
            ON(FAILURE,    COMPLETED,  ACK,            KEEP, KEEP),
        },
        [ACCEPTED] = {
            ON(END,        TERMINATED, NOTHING,        STOP, STOP),
            ON(TRANSPORT,  ACCEPTED,   NOTHING,        KEEP, KEEP),
            ON(1XX,        ACCEPTED,   NOTHING,        KEEP, KEEP),
            ON(2XX,        ACCEPTED,   PASS,           KEEP, KEEP),
            ON(FAILURE,    ACCEPTED,   NOTHING,        KEEP, KEEP),
        },
    },
};

/*
 * any other client (RFC 3261 17.1.2, figure 6)
 *
 *                           | request from user: send
 *           timer E: send   v
 *               +------[ Trying ]----------- timer F: 408, not sent: 503 --------+
 *               +-------->  |  \                                                 |
 *                       1xx |   \ 200-699: pass                                  |
 *     timer E: send    pass v    \------------+                                  |
 *         1xx: pass +-[ Proceeding ]          |                                  |
 *                   +---->  |  \   \          |                                  |
 *                           |   \   \--- timer F: 408, not sent: 503 ----------->|
 *             200-699: pass v            v                                       |
 *                      [ Completed ] <---+                                       |
 *                           | timer K                                            |
 *                           v                                                    v
 *                      [ Terminated ]<--------------------------------------------
 */
const struct ct_sip_machine ct_sip_other_client = {
    .initial = TRYING, .retransmit = T(E), .life = T(F),
    .life_event = {[TRYING] = CT_SIP_E_TIMEOUT, [PROCEEDING] = CT_SIP_E_TIMEOUT,
                   [COMPLETED] = CT_SIP_E_END},
    .steps = {
        [TRYING] = {
            ON(RETRANSMIT, TRYING,     SEND,           T(E), KEEP),
            ON(TIMEOUT,    TERMINATED, CT_SIP_SAY_408, STOP, STOP),
            ON(TRANSPORT,  TERMINATED, CT_SIP_SAY_503, STOP, STOP),
            ON(1XX,        PROCEEDING, PASS,           KEEP, KEEP),
            ON(2XX,        COMPLETED,  PASS,           STOP, T(K)),
            ON(FAILURE,    COMPLETED,  PASS,           STOP, T(K)),
        },
        [PROCEEDING] = {
            ON(RETRANSMIT, PROCEEDING, SEND,           T(E2), KEEP),
            ON(TIMEOUT,    TERMINATED, CT_SIP_SAY_408, STOP, STOP),
            ON(TRANSPORT,  TERMINATED, CT_SIP_SAY_503, STOP, STOP),
            ON(1XX,        PROCEEDING, PASS,           KEEP, KEEP),
            ON(2XX,        COMPLETED,  PASS,           STOP, T(K)),
            ON(FAILURE,    COMPLETED,  PASS,           STOP, T(K)),
        },
        [COMPLETED] = {
            ON(END,        TERMINATED, NOTHING,        STOP, STOP),
            ON(1XX,        COMPLETED,  NOTHING,        KEEP, KEEP),
            ON(2XX,        COMPLETED,  NOTHING,        KEEP, KEEP),
            ON(FAILURE,    COMPLETED,  NOTHING,        KEEP, KEEP),
        },
    },
};

/*
 * INVITE server (RFC 3261 17.2.1, RFC 6026 figure 7)
 *
 *                           | INVITE: pass; after 200 ms without an answer: 100
 *     INVITE: send          v
 *     101-199: send +-[ Proceeding ]---- 2xx: send ------+
 *                   +---->  |                            v
 *                           |          INVITE: -  +-[ Accepted ]
 *             300-699: send |           2xx: send +---->  |
 *                           |           ACK: pass         |
 *     INVITE: send          v                             |
 *     timer G: send +-[ Completed ]-- timer H: not acknowledged ------+
 *                   +---->  |                             |           |
 *                           | ACK                         |           |
 *                           v                             |           |
 *          INVITE, ACK: - [ Confirmed ]                   |           |
 *                           | timer I                     | timer L   |
 *                           v                             v           v
 *                      [ Terminated ]<---------------------------------
 *
 * An answer that cannot be sent changes no state (RFC 6026); its user is told by ct_sip_reply.
 */
const struct ct_sip_machine ct_sip_invite_server = {
    .initial = PROCEEDING, .retransmit = T(100), .life = STOP,
    .life_event = {[COMPLETED] = CT_SIP_E_TIMEOUT, [CONFIRMED] = CT_SIP_E_END,
                   [ACCEPTED] = CT_SIP_E_END},
    .steps = {
        [PROCEEDING] = {
            ON(RETRANSMIT, PROCEEDING, CT_SIP_SAY_100, STOP, KEEP),
            ON(REQUEST,    PROCEEDING, SEND,           KEEP, KEEP),
            ON(ACK,        PROCEEDING, NOTHING,        KEEP, KEEP),
            ON(1XX,        PROCEEDING, SEND,           STOP, KEEP),
            ON(2XX,        ACCEPTED,   SEND,           STOP, T(L)),
            ON(FAILURE,    COMPLETED,  SEND,           T(G), T(H)),
            ON(TRANSPORT,  PROCEEDING, NOTHING,        KEEP, KEEP),
        },
        [COMPLETED] = {
            ON(RETRANSMIT, COMPLETED,  SEND,           T(G), KEEP),
            ON(TIMEOUT,    TERMINATED, CT_SIP_UNACKED, STOP, STOP),
            ON(REQUEST,    COMPLETED,  SEND,           KEEP, KEEP),
            ON(ACK,        CONFIRMED,  NOTHING,        STOP, T(I)),
            ON(TRANSPORT,  COMPLETED,  NOTHING,        KEEP, KEEP),
        },
        [CONFIRMED] = {
            ON(END,        TERMINATED, NOTHING,        STOP, STOP),
            ON(REQUEST,    CONFIRMED,  NOTHING,        KEEP, KEEP),
            ON(ACK,        CONFIRMED,  NOTHING,        KEEP, KEEP),
        },
        [ACCEPTED] = {
            ON(END,        TERMINATED, NOTHING,        STOP, STOP),
            ON(REQUEST,    ACCEPTED,   NOTHING,        KEEP, KEEP),
            ON(ACK,        ACCEPTED,   PASS,           KEEP, KEEP),
            ON(2XX,        ACCEPTED,   SEND,           KEEP, KEEP),
            ON(TRANSPORT,  ACCEPTED,   NOTHING,        KEEP, KEEP),
        },
    },
};

/*
 * any other server (RFC 3261 17.2.2, figure 8)
 *
 *                           | request: pass
 *                           v
 *          request: -  [ Trying ]------ too late ----------------------------------+
 *                           |  \                                                   |
 *                  1xx: send|   \ 200-699: send                                    |
 *     request: send         v    \------------+                                    |
 *         1xx: send +-[ Proceeding ]-- too late, 1xx not sent -------------------->|
 *                   +---->  |                 |                                    |
 *             200-699: send v                 v                                    |
 *      request: send +-[ Completed ] <--------+                                    |
 *                    +---->  |                                                     |
 *                            | timer J, answer not sent                            |
 *                            v                                                     v
 *                      [ Terminated ]<----------------------------------------------
 */
const struct ct_sip_machine ct_sip_other_server = {
    .initial = TRYING, .retransmit = STOP, .life = T(WAITING),
    .life_event = {[TRYING] = CT_SIP_E_TIMEOUT, [PROCEEDING] = CT_SIP_E_TIMEOUT,
                   [COMPLETED] = CT_SIP_E_END},
    .steps = {
        [TRYING] = {
            ON(TIMEOUT,    TERMINATED, CT_SIP_UNACKED, STOP, STOP),
            ON(REQUEST,    TRYING,     NOTHING,        KEEP, KEEP),
            ON(1XX,        PROCEEDING, SEND,           KEEP, KEEP),
            ON(2XX,        COMPLETED,  SEND,           STOP, T(J)),
            ON(FAILURE,    COMPLETED,  SEND,           STOP, T(J)),
        },
        [PROCEEDING] = {
            ON(TIMEOUT,    TERMINATED, CT_SIP_UNACKED, STOP, STOP),
            ON(REQUEST,    PROCEEDING, SEND,           KEEP, KEEP),
            ON(1XX,        PROCEEDING, SEND,           KEEP, KEEP),
            ON(2XX,        COMPLETED,  SEND,           STOP, T(J)),
            ON(FAILURE,    COMPLETED,  SEND,           STOP, T(J)),
            ON(TRANSPORT,  TERMINATED, CT_SIP_INFORM,  STOP, STOP),
        },
        [COMPLETED] = {
            ON(END,        TERMINATED, NOTHING,        STOP, STOP),
            ON(REQUEST,    COMPLETED,  SEND,           KEEP, KEEP),
            ON(TRANSPORT,  TERMINATED, CT_SIP_INFORM,  STOP, STOP),
        },
    },
};

/* ---- the times (RFC 3261 table 4, RFC 6026 section 10) ---- */

static const struct {
    int t1, t2, t4;       /* how often each: its first value */
    int64_t fixed_ms;     /* or this */
    bool doubles;         /* each time twice as long … */
    bool up_to_t2;        /* … but T2 at most */
    int64_t reliable_ms;  /* over a stream: -1 not at all, 0 over at once, 1 as otherwise */
} timers[CT_SIP_TIMERS] = {
    [T(A)]       = {.t1 = 1, .doubles = true, .reliable_ms = -1},
    [T(B)]       = {.t1 = 64, .reliable_ms = 1},
    [T(D)]       = {.fixed_ms = 32000, .reliable_ms = 0},
    [T(E)]       = {.t1 = 1, .doubles = true, .up_to_t2 = true, .reliable_ms = -1},
    [T(E2)]      = {.t2 = 1, .reliable_ms = -1},
    [T(F)]       = {.t1 = 64, .reliable_ms = 1},
    [T(G)]       = {.t1 = 1, .doubles = true, .up_to_t2 = true, .reliable_ms = -1},
    [T(H)]       = {.t1 = 64, .reliable_ms = 1},
    [T(I)]       = {.t4 = 1, .reliable_ms = 0},
    [T(J)]       = {.t1 = 64, .reliable_ms = 0},
    [T(K)]       = {.t4 = 1, .reliable_ms = 0},
    [T(L)]       = {.t1 = 64, .reliable_ms = 1},
    [T(M)]       = {.t1 = 64, .reliable_ms = 1},
    [T(100)]     = {.fixed_ms = 200, .reliable_ms = 1},
    [T(WAITING)] = {.t1 = 64, .reliable_ms = 1},
};

/* clang-format on */

int64_t ct_sip_timer_ms(enum ct_sip_timer timer, const struct ct_sip_times *times, bool reliable,
                        int64_t before_ms)
{
    assert(timer > CT_SIP_STOP && timer < CT_SIP_TIMERS);
    if (reliable && timers[timer].reliable_ms < 1)
        return timers[timer].reliable_ms;
    if (timers[timer].doubles && before_ms > 0) {
        int64_t twice = before_ms * 2;
        return timers[timer].up_to_t2 && twice > times->t2_ms ? times->t2_ms : twice;
    }
    return timers[timer].fixed_ms + timers[timer].t1 * times->t1_ms +
           timers[timer].t2 * times->t2_ms + timers[timer].t4 * times->t4_ms;
}
