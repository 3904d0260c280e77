#include "accounts/guessing.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define START (1000 * SECOND)

static const struct ct_config config = {.login_failures_max = 10, .login_failures_minutes = 15};

/** One attempt after another, each a second later. */
struct guesser {
    struct ct_arena *arena;
    struct ct_guessing *guessing;
    int64_t now_us;
    struct ct_guess guess;
    int64_t wait_s;
};

static enum ct_result start(struct guesser *g, const struct ct_config *settings)
{
    *g = (struct guesser){.arena = ct_arena_new(), .now_us = START};
    return g->arena == NULL ? CT_NOMEM : ct_guessing_new(settings, &g->guessing);
}

static void stop(struct guesser *g)
{
    ct_guessing_free(g->guessing);
    ct_arena_free(g->arena);
}

/* CT_OK: it may go on; CT_LIMITED: not from there; CT_FORBIDDEN: not with this account. */
static enum ct_result attempt(struct guesser *g, const char *name, const char *address,
                              const char *known)
{
    g->now_us += SECOND;
    g->wait_s = ct_guess_address(g->guessing, ct_str_of(address), g->now_us, &g->guess);
    if (g->wait_s > 0)
        return CT_LIMITED;
    enum ct_result result = ct_guess_account(g->guessing, g->arena, ct_str_of(name),
                                             ct_str_of(known), &g->guess, &g->wait_s);
    return result == CT_OK && g->wait_s > 0 ? CT_FORBIDDEN : result;
}

static enum ct_result test_an_address(void)
{
    enum ct_result result = CT_OK;
    struct guesser g;

    TRY(start(&g, &config));
    for (int i = 0; i < 10; i++)
        TRY(attempt(&g, "alice", "192.0.2.1", ""));
    EXPECT_RESULT(CT_LIMITED, attempt(&g, "alice", "192.0.2.1", ""));
    EXPECT(g.wait_s == 15 * 60 - 10);
    EXPECT_RESULT(CT_LIMITED, attempt(&g, "bob", "::ffff:192.0.2.1", ""));
    /* the address of the last login does not matter here */
    EXPECT_RESULT(CT_LIMITED, attempt(&g, "alice", "192.0.2.1", "192.0.2.1"));
    TRY(attempt(&g, "alice", "192.0.2.2", ""));
    /* the first has left the window */
    g.now_us = START + SECOND + 15 * MINUTE;
    TRY(attempt(&g, "alice", "192.0.2.1", ""));
out:
    stop(&g);
    return result;
}

static enum ct_result test_what_was_right_does_not_count(void)
{
    enum ct_result result = CT_OK;
    struct guesser g;

    TRY(start(&g, &config));
    for (int i = 0; i < 300; i++) {
        TRY(attempt(&g, "alice", "192.0.2.1", ""));
        ct_guess_take_back(g.guessing, &g.guess);
        ct_guess_take_back(g.guessing, &g.guess); /* once is enough */
    }
    for (int i = 0; i < 10; i++)
        TRY(attempt(&g, "alice", "192.0.2.1", ""));
    EXPECT_RESULT(CT_LIMITED, attempt(&g, "alice", "192.0.2.1", ""));
out:
    stop(&g);
    return result;
}

/* Fails @p count times for a name, each time from another address. */
static enum ct_result fail_from_everywhere(struct guesser *g, const char *name, int count)
{
    static int made;
    char address[64];
    enum ct_result result = CT_OK;
    for (int i = 0; i < count && result == CT_OK; i++, made++) {
        (void)snprintf(address, sizeof(address), "10.%d.%d.%d", made / 62500 % 250,
                       made / 250 % 250, made % 250);
        result = attempt(g, name, address, "");
    }
    return result;
}

static enum ct_result test_an_account(void)
{
    enum ct_result result = CT_OK;
    struct guesser g;

    TRY(start(&g, &config));
    TRY(fail_from_everywhere(&g, "Alice", 100));
    EXPECT_RESULT(CT_FORBIDDEN, attempt(&g, "alice", "192.0.2.1", ""));
    EXPECT(g.wait_s == 15 * 60 - 100);
    EXPECT(!g.guess.by_address && !g.guess.by_account);
    EXPECT_RESULT(CT_FORBIDDEN, attempt(&g, "ALICE", "192.0.2.1", "192.0.2.2"));
    TRY(attempt(&g, "alice", "192.0.2.2", "192.0.2.2"));
    TRY(attempt(&g, "alice", "2001:db8::1", "2001:db8::2"));
    EXPECT_RESULT(CT_FORBIDDEN, attempt(&g, "alice", "2001:db8:0:1::1", "2001:db8::2"));
    TRY(attempt(&g, "alice2", "192.0.2.1", ""));
    /* what is no address is nobody's known one */
    EXPECT_RESULT(CT_FORBIDDEN, attempt(&g, "alice", "somewhere", "somewhere"));
    /* what was refused for the account was not counted for the address */
    for (int i = 0; i < 20; i++)
        EXPECT_RESULT(CT_FORBIDDEN, attempt(&g, "alice", "192.0.2.9", ""));
    TRY(attempt(&g, "bob", "192.0.2.9", ""));
out:
    stop(&g);
    return result;
}

/* The counter's own bound is 100 events for a key; an account has ten times what an address has. */
static enum ct_result test_the_largest_limit(void)
{
    static const struct ct_config most = {.login_failures_max = 100, .login_failures_minutes = 15};
    static const struct ct_config least = {.login_failures_max = 1, .login_failures_minutes = 1};
    enum ct_result result = CT_OK;
    struct guesser g;

    TRY(start(&g, &most));
    for (int i = 0; i < 1000; i++) {
        g.now_us -= SECOND - 1000; /* or the first would have left the window */
        TRY(fail_from_everywhere(&g, "alice", 1));
    }
    EXPECT_RESULT(CT_FORBIDDEN, attempt(&g, "alice", "192.0.2.1", ""));
    stop(&g);
    TRY(start(&g, &least));
    TRY(fail_from_everywhere(&g, "alice", 10));
    EXPECT_RESULT(CT_FORBIDDEN, attempt(&g, "alice", "192.0.2.1", ""));
    EXPECT(g.wait_s == 50);
out:
    stop(&g);
    return result;
}

static enum ct_result test_strange_names(void)
{
    static const char *const names[] = {"", "\xFF\xFE", "\xC3\x84", "0", "1"};
    enum ct_result result = CT_OK;
    struct guesser g;

    TRY(start(&g, &config));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        TRY(fail_from_everywhere(&g, names[i], 100));
        EXPECT_RESULT(CT_FORBIDDEN, attempt(&g, names[i], "192.0.2.1", ""));
        g.now_us += 16 * MINUTE;
    }
out:
    stop(&g);
    return result;
}

/* In words, for a request. */
static enum ct_result test_a_request(void)
{
    enum ct_result result = CT_OK;
    struct guesser g;
    struct ct_call call;

    TRY(start(&g, &config));
    call = (struct ct_call){.arena = g.arena, .address = CT_STR("192.0.2.1")};
    for (int i = 0; i < 10; i++) {
        TRY(ct_guess_call(g.guessing, &call, &g.guess));
        TRY(ct_guess_call_account(g.guessing, &call, CT_STR("alice"), CT_STR(""), &g.guess));
        ct_guess_failed(g.guessing, &g.guess);
    }
    EXPECT_RESULT(CT_LIMITED, ct_guess_call(g.guessing, &call, &g.guess));
    EXPECT(call.retry_after_s > 890 && call.retry_after_s <= 900);
    EXPECT(strncmp(call.detail, "Too many wrong passwords from this address; try again in ", 57) ==
           0);
out:
    stop(&g);
    return result;
}

/** An attempt that is being compared until somebody looks at the clock again. */
struct slow {
    struct ct_guessing *guessing;
    struct ct_guess guess;
    bool right;
};

static void *compare(void *ctx)
{
    struct slow *slow = ctx;
    (void)usleep(20000);
    if (slow->right)
        ct_guess_take_back(slow->guessing, &slow->guess);
    else
        ct_guess_failed(slow->guessing, &slow->guess);
    return NULL;
}

/* Whoever comes while the last free attempt is being compared waits for what comes of it. */
static enum ct_result wait_for(bool right, enum ct_result expected)
{
    static const struct ct_config one = {.login_failures_max = 1, .login_failures_minutes = 15};
    enum ct_result result = CT_OK;
    struct guesser g;
    struct ct_call call;
    struct slow slow;
    pthread_t thread;

    TRY(start(&g, &one));
    call = (struct ct_call){.arena = g.arena, .address = CT_STR("192.0.2.1")};
    slow = (struct slow){.guessing = g.guessing, .right = right};
    TRY(ct_guess_call(g.guessing, &call, &slow.guess));
    if (pthread_create(&thread, NULL, compare, &slow) != 0) {
        result = CT_NOMEM;
        goto out;
    }
    result = ct_guess_call(g.guessing, &call, &g.guess);
    (void)pthread_join(thread, NULL);
    EXPECT(result == expected || result == CT_NOMEM);
    result = result == CT_NOMEM ? CT_NOMEM : CT_OK;
out:
    stop(&g);
    return result;
}

static enum ct_result test_many_right_ones_at_once(void)
{
    return wait_for(true, CT_OK);
}

static enum ct_result test_many_wrong_ones_at_once(void)
{
    return wait_for(false, CT_LIMITED);
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_an_address),
        CT_UNIT(test_what_was_right_does_not_count),
        CT_UNIT(test_an_account),
        CT_UNIT(test_the_largest_limit),
        CT_UNIT(test_strange_names),
        CT_UNIT(test_a_request),
        CT_UNIT(test_many_right_ones_at_once),
        CT_UNIT(test_many_wrong_ones_at_once),
    };
    return ct_unit_main("accounts/guessing", units, sizeof(units) / sizeof(units[0]));
}
