#ifndef CT_VOICE_TRUNK_WATCH_PARTS_H
#define CT_VOICE_TRUNK_WATCH_PARTS_H

#include <stdatomic.h>

#include "voice/trunk_registration.h"
#include "voice/trunk_states.h"
#include "voice/trunk_watch.h"

/* What the files of the watch share; for trunk_watch*.c alone. */

/** What has changed is told soon, and together with what else changes. */
#define CT_TRUNK_TELL_MS 20

/* A trunk as it is looked after. */
struct ct_trunk_entry {
    struct ct_trunk_watch *watch;
    struct ct_trunk_entry *next;
    int64_t trunk_id;
    struct ct_arena *arena; /* of what follows */
    struct ct_trunk trunk;  /* what matters of it, as it was when this began */
    struct ct_trunk_hosts *hosts;
    struct ct_trunk_registration *registration; /* NULL: there is none */
    enum ct_trunk_standing standing;            /* as it is in the log and the metrics */
    bool ended;                                 /* the trunk has gone, or become another */
    bool holds;                                 /* this server has the lease */
    uint64_t news;                              /* grows with each change */
    uint64_t told;                              /* `news` of what is in the store */
};

struct ct_trunk_counts {
    int64_t registered, failed, up, down;
};

struct ct_trunk_watch {
    struct ct_trunk_watch_options options;
    struct ct_trunk_entry *entries;
    struct ct_arena *arena; /* of the states */
    const struct ct_trunk_state *states;
    size_t state_count;
    struct ct_timer timer;
    struct ct_trunk_counts counts; /* in the metrics */
    bool writing;
    bool closed, returned;
    atomic_size_t letters;
};

int64_t ct_trunk_watch_now(const struct ct_trunk_watch *watch);
/** The row of a trunk as it was last read, and how it is looked after; NULL: there is none. */
const struct ct_trunk_state *ct_trunk_watch_state(const struct ct_trunk_watch *watch,
                                                  int64_t trunk_id);
struct ct_trunk_entry *ct_trunk_watch_entry(const struct ct_trunk_watch *watch, int64_t trunk_id);
/** There is something to be told: the next round is soon. */
void ct_trunk_watch_soon(struct ct_trunk_watch *watch);

/** trunk_watch_store.c: reads all rows. */
void ct_trunk_watch_read(struct ct_trunk_watch *watch);
/** Takes free leases, renews those that it holds and tells what is new, or gives all of them back. One such write is under
 *  way at a time. */
void ct_trunk_watch_write(struct ct_trunk_watch *watch, bool give_back);

#endif
