#include "accounts/guess_news.h"

#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "harness.h"
#include "scratch.h"

static const struct ct_config config = {.login_failures_max = 3, .login_failures_minutes = 15};

/* Two servers; what one tells is caught here and handed to the other. */
struct pair {
    struct scratch scratch;
    struct ct_guessing *here;
    struct ct_guessing *there;
    struct ct_guess_news news;
};

static enum ct_result start(struct pair *pair)
{
    *pair = (struct pair){0};
    enum ct_result result = scratch_open(&pair->scratch);
    if (result == CT_OK)
        result = ct_guessing_new(&config, &pair->here);
    if (result == CT_OK)
        result = ct_guessing_new(&config, &pair->there);
    if (result == CT_OK)
        result = ct_guess_news_start(&pair->news, pair->there, pair->scratch.store);
    return result;
}

static void stop(struct pair *pair)
{
    ct_guessing_free(pair->here);
    ct_guessing_free(pair->there);
    scratch_close(&pair->scratch);
}

/* What a server tells of a wrong password. */
static enum ct_result told(struct pair *pair, const char *address, const char *name,
                           struct ct_str *out)
{
    uint8_t room[CT_ADDRESS_KEY_BYTES];
    struct ct_str key = ct_limiter_address_key(ct_str_of(address), room);
    return ct_guess_news_text(&pair->news, pair->scratch.arena, key, ct_str_of(name), out);
}

static enum ct_result wait_of(struct pair *pair, const char *address, const char *name,
                              int64_t *by_address, int64_t *by_account)
{
    struct ct_guess guess;
    *by_account = 0;
    *by_address =
        ct_guess_address(pair->there, ct_str_of(address), ct_clock_monotonic_us(), &guess);
    if (*by_address > 0)
        return CT_OK;
    enum ct_result result = ct_guess_account(pair->there, pair->scratch.arena, ct_str_of(name),
                                             (struct ct_str){0}, &guess, by_account);
    ct_guess_take_back(pair->there, &guess);
    return result;
}

static enum ct_result test_what_is_heard_counts(void)
{
    enum ct_result result;
    struct pair pair;
    struct ct_str text;
    int64_t by_address;
    int64_t by_account;

    TRY(start(&pair));
    for (int i = 0; i < 3; i++) {
        TRY(wait_of(&pair, "192.0.2.1", "alice", &by_address, &by_account));
        EXPECT(by_address == 0 && by_account == 0);
        TRY(told(&pair, "192.0.2.1", "alice", &text));
        EXPECT(memmem(text.at, text.len, "alice", 5) == NULL);
        TRY(ct_guess_news_heard(&pair.news, text));
    }
    TRY(wait_of(&pair, "192.0.2.1", "alice", &by_address, &by_account));
    EXPECT(by_address > 0);
    TRY(wait_of(&pair, "192.0.2.2", "alice", &by_address, &by_account));
    EXPECT(by_address == 0 && by_account == 0);
out:
    stop(&pair);
    return result;
}

/* CT_OK when it is no news. */
static enum ct_result refused(struct pair *pair, struct ct_str text)
{
    enum ct_result result = ct_guess_news_heard(&pair->news, text);
    return result == CT_INVALID || result == CT_DENIED ? CT_OK
           : result == CT_NOMEM                        ? CT_NOMEM
                                                       : CT_BUG;
}

static enum ct_result test_what_is_no_news(void)
{
    enum ct_result result;
    struct pair pair;
    struct ct_str text;
    int64_t by_address;
    int64_t by_account;
    static const char *const strange[] = {
        "",         "wrong-password", "wrong-password ", "wrong-password !", "wrong-password AAAA",
        "else AAAA"};

    TRY(start(&pair));
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
        TRY(refused(&pair, ct_str_of(strange[i])));
    TRY(told(&pair, "192.0.2.1", "alice", &text));
    for (size_t i = 0; i < text.len; i++) {
        char *changed = ct_arena_copy(pair.scratch.arena, text.at, text.len);
        TRY_MEMORY(changed);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        TRY(refused(&pair, (struct ct_str){changed, text.len}));
        TRY(refused(&pair, (struct ct_str){text.at, i}));
    }
    pair.news.key[0] ^= 1; /* a server with another key */
    for (int i = 0; i < 5; i++)
        TRY(refused(&pair, text));
    TRY(wait_of(&pair, "192.0.2.1", "alice", &by_address, &by_account));
    EXPECT(by_address == 0 && by_account == 0);
out:
    stop(&pair);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_what_is_heard_counts),
        CT_UNIT(test_what_is_no_news),
    };
    return ct_unit_main("guess_news", units, sizeof(units) / sizeof(units[0]));
}
