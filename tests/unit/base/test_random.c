#include <string.h>

#include "base/random.h"
#include "harness.h"

static enum ct_result test_two_draws_differ(void)
{
    enum ct_result result = CT_OK;
    unsigned char a[32];
    unsigned char b[32];

    TRY(ct_random_bytes(a, sizeof(a)));
    TRY(ct_random_bytes(b, sizeof(b)));
    EXPECT(memcmp(a, b, sizeof(a)) != 0);
out:
    return result;
}

static enum ct_result test_only_what_was_asked_is_written(void)
{
    enum ct_result result = CT_OK;
    unsigned char bytes[600] = {0};
    bool first_changed = false;
    bool last_changed = false;

    /* A byte may come out as 0 by chance: not in all of 16 draws. */
    for (int i = 0; i < 16; i++) {
        memset(bytes, 0, sizeof(bytes));
        TRY(ct_random_bytes(bytes + 1, 512));
        EXPECT(bytes[0] == 0);
        EXPECT(bytes[513] == 0);
        first_changed = first_changed || bytes[1] != 0;
        last_changed = last_changed || bytes[512] != 0;
    }
    EXPECT(first_changed && last_changed);
    TRY(ct_random_bytes(bytes, 0));
out:
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_two_draws_differ),
    CT_UNIT(test_only_what_was_asked_is_written),
};

int main(void)
{
    return ct_unit_main("base_random", units, sizeof(units) / sizeof(units[0]));
}
