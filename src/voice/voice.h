#ifndef CT_VOICE_VOICE_H
#define CT_VOICE_VOICE_H

#include "base/arena.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/pulse.h"
#include "base/result.h"
#include "config/config.h"
#include "store/store.h"
#include "voice/shield.h"

/**
 * The SIP side of the program: the network, its thread, and on it the endpoint, the shield, the registrar.
 */
struct ct_voice;
struct ct_switchboard;

/** Takes the addresses of SIP_LISTEN, before anything else is started; nobody is heard yet. With SIP turned off
 *  @p out is NULL, which all that follows understands. When it fails, @p why (in @p arena) is one line that names the
 *  setting. The owner ends it with ct_voice_stop. CT_IO, CT_INVALID, CT_NOMEM. */
CT_CHECKED enum ct_result ct_voice_bind(const struct ct_config *config, struct ct_arena *arena,
                                        struct ct_voice **out, const char **why);
/** What it works with; borrowed until ct_voice_stop. */
struct ct_voice_options {
    struct ct_store *store;
    struct ct_log *log;
    struct ct_metrics *metrics; /* may be NULL */
    struct ct_str node;         /* of the records of its calls: ct_keeper_node */
    bool alone;                 /* no other process has this database */
};
/** Starts it. @p why may stay NULL. */
CT_CHECKED enum ct_result ct_voice_start(struct ct_voice *voice,
                                         const struct ct_voice_options *options,
                                         struct ct_arena *arena, const char **why);
/** Ends it, before the store is closed: hangs up first, and gives both sides of each call, and the records, a few
 *  seconds. */
void ct_voice_stop(struct ct_voice *voice);

/** For the routes of bans: valid until ct_voice_stop. NULL when SIP is off. */
struct ct_shield *ct_voice_shield(struct ct_voice *voice);
/** For the routes of calls, likewise. */
struct ct_switchboard *ct_voice_switchboard(struct ct_voice *voice);
/** Wakes the SIP thread and gives its pulse; NULL when SIP is off. */
const struct ct_pulse *ct_voice_poke(struct ct_voice *voice);

#endif
