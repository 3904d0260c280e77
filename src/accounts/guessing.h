#ifndef CT_ACCOUNTS_GUESSING_H
#define CT_ACCOUNTS_GUESSING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/limiter.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"
#include "http/route.h"

/**
 * Who may try a password, and how often. Wrong ones are counted in memory of a fixed size:
 *
 *   by address   LOGIN_FAILURES_MAX within LOGIN_FAILURES_MINUTES; then nobody is let in from there,
 *                and other addresses do not notice;
 *   by account   ten times as many, for who has many addresses; then the address of its last login is
 *                still let in, so that its owner is not locked out by strangers. A name that nobody has
 *                is counted like any other.
 *
 * An attempt is counted before its password is compared, so that many at the same time cannot pass all,
 * and taken back when the password is right. Safe from any thread.
 */
struct ct_guessing;

/** Of the settings LOGIN_FAILURES_MAX and LOGIN_FAILURES_MINUTES. The owner frees it with
 *  ct_guessing_free. CT_NOMEM, CT_IO (no randomness). */
CT_CHECKED enum ct_result ct_guessing_new(const struct ct_config *config, struct ct_guessing **out);
/** NULL is allowed. */
void ct_guessing_free(struct ct_guessing *guessing);

/** From now on @p failed is called with each wrong password that was counted here: the key of its address, and
 *  its account's name with its case folded. Not while attempts are under way. */
void ct_guessing_tell(struct ct_guessing *guessing,
                      void (*failed)(void *ctx, struct ct_str address, struct ct_str name),
                      void *ctx);
/** Counts a wrong password that another server saw, by what it was told. CT_NOMEM: it is not. */
CT_CHECKED enum ct_result ct_guess_count(struct ct_guessing *guessing, struct ct_arena *arena,
                                         struct ct_str address, struct ct_str name, int64_t now_us);

/** How many of the counter's shares an account has: that many times LOGIN_FAILURES_MAX. */
#define CT_GUESSING_SHARES 10

/** One attempt: what was counted for it. All zero: nothing. It points into itself: not to be copied. */
struct ct_guess {
    int64_t at_us; /* on the monotonic clock */
    bool by_address;
    bool by_account;
    bool pending; /* its password is being compared */
    uint8_t address_room[CT_ADDRESS_KEY_BYTES];
    struct ct_str address;
    char *account; /* the key of the share; in the arena of ct_guess_account */
    size_t account_size;
};

/** Counts an attempt from @p address. 0: it may go on. Else the seconds until the next one may. */
CT_CHECKED int64_t ct_guess_address(struct ct_guessing *guessing, struct ct_str address,
                                    int64_t now_us, struct ct_guess *out);
/** Then counts it for an account: @p username as somebody wrote it, @p known the address of its last login
 *  (empty: none). CT_OK, with @p wait_s 0 (it may go on) or the seconds until the next one may: then nothing
 *  is counted of this attempt any more, since no password is compared. CT_NOMEM. */
CT_CHECKED enum ct_result ct_guess_account(struct ct_guessing *guessing, struct ct_arena *arena,
                                           struct ct_str username, struct ct_str known,
                                           struct ct_guess *guess, int64_t *wait_s);
/** Takes back what was counted: the password was right, or was not compared after all. */
void ct_guess_take_back(struct ct_guessing *guessing, struct ct_guess *guess);
/** The password was wrong: what was counted stays. One of the two ends every attempt that may go on. */
void ct_guess_failed(struct ct_guessing *guessing, struct ct_guess *guess);

/*
 * The same for a request, which waits for others from its address whose passwords are being compared (at
 * most a second): right ones in great number must not refuse one another. CT_LIMITED, with the sentence and Retry-After, when it may not go on; CT_NOMEM.
 */
CT_CHECKED enum ct_result ct_guess_call(struct ct_guessing *guessing, struct ct_call *call,
                                        struct ct_guess *out);
CT_CHECKED enum ct_result ct_guess_call_account(struct ct_guessing *guessing, struct ct_call *call,
                                                struct ct_str username, struct ct_str known,
                                                struct ct_guess *guess);

#endif
