#ifndef CT_TESTS_SIMULATOR_EXCHANGE_H
#define CT_TESTS_SIMULATOR_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "simulator/archive.h"
#include "simulator/faults.h"
#include "simulator/people.h"
#include "simulator/said.h"
#include "sip/endpoint.h"
#include "sip/lan.h"
#include "sip/re_net.h"
#include "sip/session.h"
#include "voice/call.h"
#include "voice/call_log.h"
#include "voice/registrar.h"
#include "voice/voice.h"

/**
 * The server of the simulated world: the program's own SIP side (voice/voice.h) with all that belongs to it, but for the
 * sockets, whose place a lan takes. The linker hands what passes between its parts to this file's functions where
 * something is to be seen, or a fault to be planted: they call the real ones.
 */
#define EXCHANGE_RECORDS 512
#define EXCHANGE_LEGS 24
#define EXCHANGE_ORDERS 128
#define EXCHANGE_BEAT_MS 2000
#define EXCHANGE_PROBES \
    4 /* requests to its carriers that may be under way at any time: one for each host, a REGISTER */

struct record_leg {
    char call_id[SAID_TEXT];
    char number[PEOPLE_NUMBER]; /* outside; empty: it is a device's, or the caller's */
    int64_t at_ms;
    bool vain; /* of a transfer of which nothing came */
};

/** What the calls themselves said of a call. Times are those of the world's clock; 0: not yet. */
struct record {
    char key[CT_CALL_KEY_BYTES + 1];
    enum ct_call_status status;
    bool dialled; /* not by a caller, but by the API */
    bool ended;
    unsigned kept;                         /* its steps that are known to be on disk */
    int64_t gone_ms;                       /* the server went before its end was; 0: it did not */
    int64_t beat_ms;                       /* likewise: when it was last said to be up */
    struct record_leg legs[EXCHANGE_LEGS]; /* the first is the caller's */
    size_t leg_count;
    size_t settled; /* legs, when it was answered or transferred last */
    int64_t winner; /* the device that answered */
    int64_t caller_id;
    int64_t started_ms, ringing_ms, answered_ms, ended_ms;
    enum ct_call_party hangup_by;
    int sip_code;
};

/** What was said when the limits of an account were asked. */
struct verdict {
    int64_t user_id;
    char number[PEOPLE_NUMBER];
    int64_t asked_ms; /* the moment that it was asked for */
    int64_t at_ms;    /* when it was */
    const char *why;  /* NULL: it may */
};
#define EXCHANGE_VERDICTS 1024

/** What was asked for over the API. */
struct order {
    struct exchange *exchange;
    struct ct_job job;
    struct ct_arena *arena;
    int64_t user_id;
    void *scratch;
    void *reply;
    char body[160];                  /* of POST; of DELETE the key of the call */
    char key[CT_CALL_KEY_BYTES + 1]; /* of the record that it began; empty: it began none */
    bool done;
};

struct exchange {
    struct lan *lan;
    const char *address;
    enum fault fault;
    bool fault_done;
    bool trace; /* print what is recorded */
    struct ct_config config;
    struct ct_arena *arena; /* of a life */

    /* its network */
    struct ct_sip_env outer; /* the lan's */
    struct ct_sip_env env;   /* what the server sees */
    struct ct_sip_net_user user;
    struct ct_sip_letter *letters, **last_letter;
    bool opening; /* letters */
    bool gone;    /* its process: nothing is sent any more */
    bool deaf;    /* what is posted is not opened: the process is gone */
    bool away;    /* between two lives */

    /* its parts */
    struct ct_voice *voice;
    struct ct_sip *sip;
    struct ct_sip_sessions *sessions;
    struct ct_calls *calls;
    struct ct_registrar *registrar;
    struct ct_call_sink sink; /* the switchboard's */
    struct ct_call_plan plan; /* likewise */
    struct archive archive;
    struct ct_timer beat;
    size_t beats;
    bool alone; /* it takes all that was open for interrupted at once */

    struct people_caps caps[PEOPLE_ACCOUNTS];
    struct record records[EXCHANGE_RECORDS];
    size_t record_count;
    struct order orders[EXCHANGE_ORDERS];
    size_t order_count;
    size_t calls_begun; /* INVITEs that were handed to the calls, and calls that are dialled */
    struct verdict verdicts[EXCHANGE_VERDICTS];
    size_t verdict_count;
    bool dialling;
    char called[PEOPLE_NUMBER]; /* the number of the leg that is being made */
    struct ct_timer stray;
    void *leaked;
    void (*complain)(void *ctx, const char *what);
    /** The shield has let nothing through of what came from there; @p message is NULL: since the address is banned, or
     *  sends too much. */
    void (*dropped)(void *ctx, const struct ct_sip_hop *from, const struct ct_sip_message *message);
    /** Somebody has failed to say who he is. */
    void (*failed)(void *ctx, const struct ct_sip_hop *from, bool banned);
    void *ctx; /* of these */
};

/** The one of the world that is lived through. */
extern struct exchange *exchange_now;

/** Opens it at an address. CT_NOMEM. */
CT_CHECKED enum ct_result exchange_open(struct exchange *exchange, struct lan *lan,
                                        const char *address, const char *const carriers[2],
                                        enum fault fault);
/** The process is gone, at once. */
void exchange_crash(struct exchange *exchange);
/** It is asked to stop, and does what it can until it has. Lets time go by: not for those whom the lan calls. */
void exchange_stop(struct exchange *exchange);
/** Another one begins on the same database. */
CT_CHECKED enum ct_result exchange_begin(struct exchange *exchange);
/** Whether nothing goes on in it. */
bool exchange_is_quiet(const struct exchange *exchange);
/** Frees all that is left of it, the database too. */
void exchange_close(struct exchange *exchange);

/** Whether a fault is to be planted here; the second: once. */
bool exchange_plant(const struct exchange *exchange, enum fault fault);
bool exchange_plant_once(struct exchange *exchange, enum fault fault);

/* ---- its network (exchange_net.c) ---- */

/** Moves it in at its address. */
CT_CHECKED enum ct_result exchange_connect(struct exchange *exchange);
/** What the thread does after each thing that happens: opens letters, and rests. */
void exchange_drain(struct exchange *exchange);

/* ---- records (exchange_tap.c) ---- */

void exchange_complain(struct exchange *exchange, const char *key, const char *what);
/** The record of this key; NULL: there is none. */
struct record *exchange_record(struct exchange *exchange, const char *key);
/** The record of which this Call-ID is a leg; NULL: there is none. @p leg (may be NULL): which. */
struct record *exchange_record_of(struct exchange *exchange, const char *call_id, size_t *leg);
/** A step of a call is on disk: for the archive. */
void exchange_kept(void *ctx, const char *key, unsigned steps);

/* ---- the API (exchange_api.c) ---- */

/** POST /calls: rings a device of an account, and then a number. */
void exchange_dial(struct exchange *exchange, int64_t device_id, const char *number);
/** DELETE /calls/{id}: one of those that there are. */
void exchange_hang_up(struct exchange *exchange);

#endif
