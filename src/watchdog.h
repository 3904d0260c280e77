#ifndef CT_WATCHDOG_H
#define CT_WATCHDOG_H

#include <stdint.h>

#include "base/log.h"
#include "base/notify.h"
#include "http/loops.h"
#include "store/store.h"
#include "voice/voice.h"

/** One thread that is watched. */
struct ct_watched {
    uint64_t beats;
    int64_t seen_us; /* when it last moved, or had a reason not to */
};

/**
 * Tells the service manager that the program is alive, as long as it is: the thread that calls this, each
 * thread that serves requests, the one of SIP, and the one that writes. A thread is alive when it has turned since the last
 * look. One that waits for the disk is none that hangs: killing it would make nothing faster.
 */
struct ct_watchdog {
    const struct ct_notify *notify;
    struct ct_store *store;
    struct ct_voice *voice; /* NULL: SIP is off */
    struct ct_log *log;
    int64_t next_us; /* when to look again */
    struct ct_watched writer;
    struct ct_watched sip;
    struct ct_watched loops[CT_LOOPS_MOST];
    bool silent; /* something hangs, and a line has told of it */
};

/** How often the threads that serve requests have to turn for this, in milliseconds; 0 when no sign of life
 * is wanted. For ct_server_options.turn_within_ms. */
int ct_watchdog_turn_within_ms(const struct ct_notify *notify);
/** Begins to watch; everything is borrowed. */
void ct_watchdog_start(struct ct_watchdog *watchdog, const struct ct_notify *notify,
                       struct ct_store *store, struct ct_voice *voice, struct ct_log *log);
/** Looks when it is time to, and tells. Answers in how many microseconds to call it again, or -1: never. */
int64_t ct_watchdog_turn(struct ct_watchdog *watchdog);

#endif
