#ifndef CT_VOICE_VOICE_H
#define CT_VOICE_VOICE_H

#include "base/arena.h"
#include "base/log.h"
#include "base/pulse.h"
#include "base/result.h"
#include "config/config.h"
#include "store/store.h"
#include "voice/shield.h"

/**
 * The SIP side of the program: the network, its thread, and on it the endpoint, the shield, the registrar.
 */
struct ct_voice;

/** Takes the addresses of SIP_LISTEN, before anything else is started; nobody is heard yet. With SIP turned off
 *  @p out is NULL, which all that follows understands. When it fails, @p why (in @p arena) is one line that names the
 *  setting. The owner ends it with ct_voice_stop. CT_IO, CT_INVALID, CT_NOMEM. */
CT_CHECKED enum ct_result ct_voice_bind(const struct ct_config *config, struct ct_arena *arena,
                                        struct ct_voice **out, const char **why);
/** Starts it. @p store and @p log are borrowed until ct_voice_stop. @p why may stay NULL. */
CT_CHECKED enum ct_result ct_voice_start(struct ct_voice *voice, struct ct_store *store,
                                         struct ct_log *log, struct ct_arena *arena,
                                         const char **why);
/** Ends it, before the store is closed. */
void ct_voice_stop(struct ct_voice *voice);

/** For the routes of bans: valid until ct_voice_stop. NULL when SIP is off. */
struct ct_shield *ct_voice_shield(struct ct_voice *voice);
/** Wakes the SIP thread and gives its pulse; NULL when SIP is off. */
const struct ct_pulse *ct_voice_poke(struct ct_voice *voice);

#endif
