#include "accounts/guessing.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* Of addresses as of accounts. With LOGIN_FAILURES_MAX=10 that is 1.7 MB for each of the two once all
 * slots were in use, and at most ten times as much. */
#define SLOTS 16384

/* Counts of attempts whose passwords are being compared, by address. Two addresses that share one wait for
 * each other now and then. */
#define PENDING_SLOTS 256
/* How long an attempt waits for those, and how often it looks. */
#define WAIT_US 1000000
#define LOOK_US 2000

struct ct_guessing {
    atomic_uint pending[PENDING_SLOTS];
    struct ct_failure_counter *addresses;
    struct ct_failure_counter *accounts;
    void (*failed)(void *ctx, struct ct_str address, struct ct_str name);
    void *ctx;
};

enum ct_result ct_guessing_new(const struct ct_config *config, struct ct_guessing **out)
{
    const struct ct_limiter_options options = {.slots = SLOTS,
                                               .limit = (size_t)config->login_failures_max,
                                               .window_us =
                                                   config->login_failures_minutes * 60 * 1000000};
    struct ct_guessing *guessing = calloc(1, sizeof(*guessing));
    if (guessing == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_failure_counter_new(&options, &guessing->addresses);
    if (result == CT_OK)
        result = ct_failure_counter_new(&options, &guessing->accounts);
    if (result != CT_OK) {
        ct_guessing_free(guessing);
        return result;
    }
    *out = guessing;
    return CT_OK;
}

void ct_guessing_free(struct ct_guessing *guessing)
{
    if (guessing == NULL)
        return;
    ct_failure_counter_free(guessing->addresses);
    ct_failure_counter_free(guessing->accounts);
    free(guessing);
}

static atomic_uint *pending_of(struct ct_guessing *guessing, const struct ct_guess *guess)
{
    unsigned at = 0;
    for (size_t i = 0; i < guess->address.len; i++)
        at = at * 31 + (unsigned char)guess->address.at[i];
    return &guessing->pending[at % PENDING_SLOTS];
}

int64_t ct_guess_address(struct ct_guessing *guessing, struct ct_str address, int64_t now_us,
                         struct ct_guess *out)
{
    *out = (struct ct_guess){.at_us = now_us};
    out->address = ct_limiter_address_key(address, out->address_room);
    int64_t wait_s = ct_failure_counter_reserve(guessing->addresses, out->address, now_us);
    out->by_address = out->pending = wait_s == 0;
    if (out->pending)
        (void)atomic_fetch_add(pending_of(guessing, out), 1);
    return wait_s;
}

/* The counter takes at most 100 events for a key, and an account may have up to 1,000: it has ten keys, and
 * an attempt is counted under the first that is not full. All are full when the account is. */
static int64_t reserve_share(struct ct_guessing *guessing, struct ct_guess *guess)
{
    struct ct_str key = {guess->account, guess->account_size};
    int64_t least = INT64_MAX;
    for (int share = 0; share < CT_GUESSING_SHARES; share++) {
        guess->account[0] = (char)('0' + share);
        int64_t wait_s = ct_failure_counter_reserve(guessing->accounts, key, guess->at_us);
        if (wait_s == 0) {
            guess->by_account = true;
            return 0;
        }
        least = wait_s < least ? wait_s : least;
    }
    return least;
}

enum ct_result ct_guess_count(struct ct_guessing *guessing, struct ct_arena *arena,
                              struct ct_str address, struct ct_str name, int64_t now_us)
{
    struct ct_guess guess = {.at_us = now_us, .account_size = name.len + 1};
    guess.account = ct_arena_alloc(arena, guess.account_size);
    if (guess.account == NULL)
        return CT_NOMEM;
    memcpy(guess.account + 1, name.at, name.len);
    int64_t wait_s = ct_failure_counter_reserve(guessing->addresses, address, now_us);
    wait_s += reserve_share(guessing, &guess);
    (void)wait_s; /* what is full already counts no more */
    return CT_OK;
}

/* Whether it is where the account was last logged in to. */
static bool is_known(const struct ct_guess *guess, struct ct_str known)
{
    uint8_t room[CT_ADDRESS_KEY_BYTES];
    return known.len > 0 && guess->address.len > 0 &&
           ct_str_equal(ct_limiter_address_key(known, room), guess->address);
}

enum ct_result ct_guess_account(struct ct_guessing *guessing, struct ct_arena *arena,
                                struct ct_str username, struct ct_str known, struct ct_guess *guess,
                                int64_t *wait_s)
{
    /* An account is found by its name in any case of letters. */
    struct ct_str name;
    enum ct_result result = ct_utf8_casefold(arena, username, &name);
    if (result == CT_INVALID)
        name = username;
    else if (result != CT_OK)
        return result;
    guess->account_size = name.len + 1;
    guess->account = ct_arena_alloc(arena, guess->account_size);
    if (guess->account == NULL)
        return CT_NOMEM;
    memcpy(guess->account + 1, name.at, name.len);
    int64_t wait = reserve_share(guessing, guess);
    if (wait > 0 && is_known(guess, known))
        wait = 0;
    if (wait > 0)
        ct_guess_take_back(guessing, guess);
    *wait_s = wait;
    return CT_OK;
}

static void no_longer_pending(struct ct_guessing *guessing, struct ct_guess *guess)
{
    if (guess->pending)
        (void)atomic_fetch_sub(pending_of(guessing, guess), 1);
    guess->pending = false;
}

void ct_guess_failed(struct ct_guessing *guessing, struct ct_guess *guess)
{
    no_longer_pending(guessing, guess);
    if (guessing->failed != NULL && guess->by_address && guess->account != NULL)
        guessing->failed(guessing->ctx, guess->address,
                         (struct ct_str){guess->account + 1, guess->account_size - 1});
}

void ct_guess_take_back(struct ct_guessing *guessing, struct ct_guess *guess)
{
    if (guess->by_address)
        ct_failure_counter_refund(guessing->addresses, guess->address, guess->at_us);
    if (guess->by_account)
        ct_failure_counter_refund(
            guessing->accounts, (struct ct_str){guess->account, guess->account_size}, guess->at_us);
    guess->by_address = guess->by_account = false;
    no_longer_pending(guessing, guess);
}

void ct_guessing_tell(struct ct_guessing *guessing,
                      void (*failed)(void *ctx, struct ct_str address, struct ct_str name),
                      void *ctx)
{
    guessing->failed = failed;
    guessing->ctx = ctx;
}

static enum ct_result limited(struct ct_call *call, const char *what, int64_t wait_s)
{
    call->retry_after_s = wait_s;
    return ct_call_say(call, CT_LIMITED,
                       ct_arena_printf(call->arena,
                                       "Too many wrong passwords %s; try again in %lld seconds",
                                       what, (long long)wait_s));
}

enum ct_result ct_guess_call(struct ct_guessing *guessing, struct ct_call *call,
                             struct ct_guess *out)
{
    int64_t began_us = ct_clock_monotonic_us();
    int64_t now_us = began_us;
    int64_t wait_s = ct_guess_address(guessing, call->address, now_us, out);
    while (wait_s > 0 && now_us - began_us < WAIT_US &&
           atomic_load(pending_of(guessing, out)) > 0) {
        (void)usleep(LOOK_US);
        now_us = ct_clock_monotonic_us();
        wait_s = ct_guess_address(guessing, call->address, now_us, out);
    }
    return wait_s == 0 ? CT_OK : limited(call, "from this address", wait_s);
}

enum ct_result ct_guess_call_account(struct ct_guessing *guessing, struct ct_call *call,
                                     struct ct_str username, struct ct_str known,
                                     struct ct_guess *guess)
{
    int64_t wait_s = 0;
    enum ct_result result =
        ct_guess_account(guessing, call->arena, username, known, guess, &wait_s);
    if (result != CT_OK) {
        ct_guess_take_back(guessing, guess);
        return result;
    }
    return wait_s == 0 ? CT_OK : limited(call, "for this account", wait_s);
}
