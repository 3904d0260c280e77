#include "http/limits.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limiter.h"

#define MINUTE_US INT64_C(60000000)
/* 24 bytes each. More that send at the same time push out those that sent least. */
#define ADDRESSES ((size_t)1 << 18)
#define ACCOUNTS ((size_t)1 << 17)
/* 24 bytes, and 8 for each mistake that counts. */
#define MISTAKEN ((size_t)1 << 14)

struct ct_limits {
    struct ct_rate_limiter *addresses; /* NULL: no limit */
    struct ct_rate_limiter *accounts;
    struct ct_failure_counter *mistaken;
};

static enum ct_result make(int64_t a_minute, size_t slots, struct ct_rate_limiter **out)
{
    if (a_minute == 0)
        return CT_OK;
    const struct ct_limiter_options options = {
        .slots = slots, .limit = (size_t)a_minute, .window_us = MINUTE_US};
    return ct_rate_limiter_new(&options, out);
}

static enum ct_result make_mistaken(const struct ct_config *config, struct ct_failure_counter **out)
{
    if (config->login_failures_max == 0)
        return CT_OK;
    const struct ct_limiter_options options = {.slots = MISTAKEN,
                                               .limit = (size_t)config->login_failures_max,
                                               .window_us =
                                                   config->login_failures_minutes * MINUTE_US};
    return ct_failure_counter_new(&options, out);
}

enum ct_result ct_limits_new(const struct ct_config *config, struct ct_limits **out)
{
    *out = NULL;
    if (config->rate_limit_per_address == 0 && config->rate_limit_per_account == 0 &&
        config->login_failures_max == 0)
        return CT_OK;
    struct ct_limits *limits = calloc(1, sizeof(*limits));
    if (limits == NULL)
        return CT_NOMEM;
    enum ct_result result = make(config->rate_limit_per_address, ADDRESSES, &limits->addresses);
    if (result == CT_OK)
        result = make(config->rate_limit_per_account, ACCOUNTS, &limits->accounts);
    if (result == CT_OK)
        result = make_mistaken(config, &limits->mistaken);
    if (result != CT_OK) {
        ct_limits_free(limits);
        return result;
    }
    *out = limits;
    return CT_OK;
}

void ct_limits_free(struct ct_limits *limits)
{
    if (limits == NULL)
        return;
    ct_rate_limiter_free(limits->addresses);
    ct_rate_limiter_free(limits->accounts);
    ct_failure_counter_free(limits->mistaken);
    free(limits);
}

int64_t ct_limits_take_address(struct ct_limits *limits, struct ct_str address)
{
    uint8_t room[CT_ADDRESS_KEY_BYTES];
    if (limits == NULL || limits->addresses == NULL)
        return 0;
    return ct_rate_limiter_take(limits->addresses, ct_limiter_address_key(address, room),
                                ct_clock_monotonic_us());
}

int64_t ct_limits_take_account(struct ct_limits *limits, int64_t user_id)
{
    if (limits == NULL || limits->accounts == NULL)
        return 0;
    const struct ct_str key = {(const char *)&user_id, sizeof(user_id)};
    return ct_rate_limiter_take(limits->accounts, key, ct_clock_monotonic_us());
}

int64_t ct_limits_mistaken_wait(struct ct_limits *limits, struct ct_str address)
{
    uint8_t room[CT_ADDRESS_KEY_BYTES];
    if (limits == NULL || limits->mistaken == NULL)
        return 0;
    return ct_failure_counter_peek(limits->mistaken, ct_limiter_address_key(address, room),
                                   ct_clock_monotonic_us());
}

void ct_limits_count_mistaken(struct ct_limits *limits, struct ct_str address)
{
    uint8_t room[CT_ADDRESS_KEY_BYTES];
    if (limits == NULL || limits->mistaken == NULL)
        return;
    /* Its answer is asked for before the next attempt. */
    (void)!ct_failure_counter_reserve(limits->mistaken, ct_limiter_address_key(address, room),
                                      ct_clock_monotonic_us());
}
