#include "http/limits.h"

#include "harness.h"

static enum ct_result test_off(void)
{
    enum ct_result result = CT_OK;
    const struct ct_config config = {.rate_limit_per_address = 0};
    struct ct_limits *limits = (struct ct_limits *)&limits;

    TRY(ct_limits_new(&config, &limits));
    EXPECT(limits == NULL);
    for (int i = 0; i < 1000; i++)
        EXPECT(ct_limits_take_address(limits, CT_STR("192.0.2.1")) == 0 &&
               ct_limits_take_account(limits, 1) == 0);
    ct_limits_free(limits);
out:
    return result;
}

static enum ct_result test_each_for_itself(void)
{
    enum ct_result result = CT_OK;
    const struct ct_config addresses = {.rate_limit_per_address = 2};
    const struct ct_config accounts = {.rate_limit_per_account = 1};
    struct ct_limits *a = NULL;
    struct ct_limits *b = NULL;

    TRY(ct_limits_new(&addresses, &a));
    TRY(ct_limits_new(&accounts, &b));
    for (int i = 0; i < 2; i++)
        EXPECT(ct_limits_take_address(a, CT_STR("2001:db8::1")) == 0);
    EXPECT(ct_limits_take_address(a, CT_STR("2001:db8::2")) > 0);
    EXPECT(ct_limits_take_address(a, CT_STR("2001:db8:0:1::2")) == 0);
    for (int i = 0; i < 5; i++)
        EXPECT(ct_limits_take_account(a, 1) == 0 &&
               ct_limits_take_address(b, CT_STR("2001:db8::1")) == 0);
    EXPECT(ct_limits_take_account(b, 1) == 0 && ct_limits_take_account(b, 2) == 0);
    EXPECT(ct_limits_take_account(b, 1) == 60);
out:
    ct_limits_free(a);
    ct_limits_free(b);
    return result;
}

static enum ct_result test_mistaken(void)
{
    enum ct_result result = CT_OK;
    const struct ct_config config = {.login_failures_max = 2, .login_failures_minutes = 15};
    struct ct_limits *limits = NULL;

    ct_limits_count_mistaken(NULL, CT_STR("192.0.2.1"));
    EXPECT(ct_limits_mistaken_wait(NULL, CT_STR("192.0.2.1")) == 0);
    TRY(ct_limits_new(&config, &limits));
    for (int i = 0; i < 2; i++) {
        EXPECT(ct_limits_mistaken_wait(limits, CT_STR("192.0.2.1")) == 0);
        ct_limits_count_mistaken(limits, CT_STR("192.0.2.1"));
    }
    EXPECT(ct_limits_mistaken_wait(limits, CT_STR("192.0.2.1")) >= 899);
    EXPECT(ct_limits_mistaken_wait(limits, CT_STR("::ffff:192.0.2.1")) >= 899);
    EXPECT(ct_limits_mistaken_wait(limits, CT_STR("192.0.2.2")) == 0);
    EXPECT(ct_limits_take_address(limits, CT_STR("192.0.2.1")) == 0);
out:
    ct_limits_free(limits);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_off), CT_UNIT(test_each_for_itself),
                                           CT_UNIT(test_mistaken)};
    return ct_unit_main("http/limits", units, sizeof(units) / sizeof(units[0]));
}
