#ifndef CT_VOICE_SWITCHBOARD_PARTS_H
#define CT_VOICE_SWITCHBOARD_PARTS_H

#include <stdatomic.h>

#include "voice/call_plan.h"
#include "voice/switchboard.h"

/* What the files switchboard*.c share, and nobody else includes. */

struct ct_order;

struct ct_switchboard {
    struct ct_switchboard_options options;
    struct ct_sip_sessions *sessions;
    struct ct_calls *calls;
    struct ct_call_log *log;
    struct ct_call_planner planner;
    struct ct_call_counts *counts;
    struct ct_messages *messages;
    bool closed;
    bool had_calls;           /* when it was closed */
    bool dialled;             /* the call that is being begun was */
    struct ct_order *waiting; /* for their records */
    struct ct_order *orders;  /* calls that were dialled, and go on */
    atomic_size_t letters;    /* under way */
};

/** What was kept of a call that was dialled is freed, if it was. */
void ct_order_over(struct ct_switchboard *board, const char *key);
/** All of them, also those that wait. */
void ct_orders_free(struct ct_switchboard *board);

#endif
