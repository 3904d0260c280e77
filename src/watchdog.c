#include "watchdog.h"

#include "base/clock.h"

/* Looks in each WATCHDOG_USEC. What did not move for half of it hangs; then the manager hears nothing, and
 * acts when that has lasted as long as it says. */
#define LOOKS 4

static int64_t look_us(const struct ct_notify *notify)
{
    return notify->watchdog_us / LOOKS;
}

int ct_watchdog_turn_within_ms(const struct ct_notify *notify)
{
    if (notify->watchdog_us == 0)
        return 0;
    /* Twice in each look, so that none passes without a turn. */
    int64_t within = look_us(notify) / 2000;
    return within < 1 ? 1 : within > INT32_MAX ? INT32_MAX : (int)within;
}

void ct_watchdog_start(struct ct_watchdog *watchdog, const struct ct_notify *notify,
                       struct ct_store *store, struct ct_voice *voice, struct ct_log *log)
{
    *watchdog = (struct ct_watchdog){.notify = notify, .store = store, .voice = voice, .log = log};
}

/* Whether it hangs, at @p now. */
static bool hangs(struct ct_watched *watched, const struct ct_pulse *pulse, int64_t now,
                  int64_t patience)
{
    uint64_t beats = atomic_load_explicit(&pulse->beats, memory_order_relaxed);
    if (watched->seen_us == 0 || beats != watched->beats || ct_pulse_waits_for_disk(pulse))
        watched->seen_us = now;
    watched->beats = beats;
    return now - watched->seen_us > patience;
}

/* What hangs, or NULL. */
static const char *find_hanging(struct ct_watchdog *watchdog, int64_t now)
{
    const char *found = NULL;
    int64_t patience = watchdog->notify->watchdog_us / 2;
    if (hangs(&watchdog->writer, ct_store_poke(watchdog->store), now, patience))
        found = "the thread that writes";
    const struct ct_pulse *sip = ct_voice_poke(watchdog->voice);
    if (sip != NULL && hangs(&watchdog->sip, sip, now, patience))
        found = "the thread of SIP";
    const struct ct_pulse *loops = ct_loops();
    for (size_t i = 0; i < CT_LOOPS_MOST; i++) {
        bool begun = atomic_load_explicit(&loops[i].thread, memory_order_acquire) != 0;
        if (!begun)
            watchdog->loops[i].seen_us = 0;
        else if (hangs(&watchdog->loops[i], &loops[i], now, patience))
            found = "a thread that serves requests";
    }
    return found;
}

int64_t ct_watchdog_turn(struct ct_watchdog *watchdog)
{
    const struct ct_notify *notify = watchdog->notify;
    if (notify->watchdog_us == 0)
        return -1;
    int64_t now = ct_clock_monotonic_us();
    if (now < watchdog->next_us)
        return watchdog->next_us - now;
    const char *hanging = find_hanging(watchdog, now);
    if (hanging == NULL)
        (void)ct_notify_send(notify, "WATCHDOG=1");
    else if (!watchdog->silent)
        CT_LOG(watchdog->log, CT_LOG_ERROR, "hangs", CT_F_TEXT("what", hanging));
    watchdog->silent = hanging != NULL;
    watchdog->next_us = now + look_us(notify);
    return look_us(notify);
}
