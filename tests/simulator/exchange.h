#ifndef CT_TESTS_SIMULATOR_EXCHANGE_H
#define CT_TESTS_SIMULATOR_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simulator/archive.h"
#include "simulator/faults.h"
#include "simulator/registry.h"
#include "simulator/said.h"
#include "sip/endpoint.h"
#include "sip/lan.h"
#include "sip/session.h"
#include "voice/call.h"

/**
 * The server of the simulated world: everything from sip/ and voice/ that a call passes through, in a lan, with a plan of
 * whom to ring, and the records that come out.
 */
#define EXCHANGE_RECORDS 512
#define EXCHANGE_LEGS 24
#define UNIX_START_MS INT64_C(1795000000000) /* what the lan's clock says at 0 */

/** What the sink was told of a call. Times are those of the world's clock; 0: not yet. */
struct record {
    char key[CT_CALL_KEY_BYTES + 1];
    enum ct_call_status status;
    bool dialled; /* not by a caller, but by the API */
    bool ended;
    unsigned kept;                       /* its steps that are known to be on disk */
    int64_t gone_ms;                     /* the server went before its end was; 0: it did not */
    char legs[EXCHANGE_LEGS][SAID_TEXT]; /* Call-IDs; the first is the caller's */
    size_t leg_count;
    int64_t winner; /* the device that answered */
    int64_t started_ms, ringing_ms, answered_ms, ended_ms;
    enum ct_call_party hangup_by;
    int sip_code;
};

struct exchange;

/* A call of the API. */
struct exchange_dial {
    struct exchange *exchange;
    char phone[8];
    char number[8];
};
#define EXCHANGE_DIALS 64

struct exchange {
    struct lan *lan;
    const char *address;
    enum fault fault;
    bool fault_done;
    bool gone;               /* its process: nothing is sent any more */
    bool trace;              /* print what is recorded */
    struct ct_sip_env outer; /* the lan's */
    struct ct_sip_env env;   /* what the server sees */
    struct ct_sip *sip;
    struct ct_sip_sessions *sessions;
    struct ct_calls *calls;
    struct archive archive;
    struct registry registry;
    const char *carriers[2]; /* addresses */
    struct record records[EXCHANGE_RECORDS];
    size_t record_count;
    struct exchange_dial dials[EXCHANGE_DIALS];
    size_t dial_count;
    size_t calls_begun; /* INVITEs that were handed to the calls, and calls of the API */
    struct ct_timer stray;
    void *leaked;
    void (*complain)(void *ctx, const char *what);
    void *complain_ctx;
};

/** Opens it at an address. CT_NOMEM. */
CT_CHECKED enum ct_result exchange_open(struct exchange *exchange, struct lan *lan,
                                        const char *address, enum fault fault);
void exchange_close(struct exchange *exchange);
/** The process is gone, and another one begins on the same database. */
CT_CHECKED enum ct_result exchange_restart(struct exchange *exchange);
/** The record of which this Call-ID is a leg; NULL: there is none. @p leg (may be NULL): which. */
struct record *exchange_record(struct exchange *exchange, const char *call_id, size_t *leg);
/** POST /calls: rings a phone, and then a number. */
void exchange_dial(struct exchange *exchange, const char *phone, const char *number);
/** DELETE /calls/{id}: one of those that there are. */
void exchange_hang_up(struct exchange *exchange);

/* ---- whom to ring (exchange_plan.c) ---- */

extern const struct ct_call_plan exchange_plan;
/** 10xx: a phone; 2xxx: by a carrier; 30xx: all phones, at once or in order; others are not in use. */
void exchange_route(struct exchange *exchange, struct ct_str number, struct ct_arena *arena,
                    struct ct_call_route *out);

#endif
