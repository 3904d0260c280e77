#include "voice/call_counts.h"

#include <stdio.h>

#include "harness.h"
#include "outside.h"

#define ALICE 1
#define BOB (1 + 4096) /* in the same bucket */

static enum ct_result open_counts(struct outside *outside, size_t at_once, size_t per_minute,
                                  struct ct_call_counts **out)
{
    outside_open(outside);
    const struct ct_call_counts_options options = {
        .env = &outside->env, .at_once = at_once, .per_minute = per_minute};
    return ct_call_counts_new(&options, out);
}

static enum ct_result test_at_once(void)
{
    enum ct_result result = CT_OK;
    struct outside outside;
    struct ct_call_counts *counts = NULL;
    const char *why;
    TRY(open_counts(&outside, 2, 0, &counts));
    for (int i = 0; i < 2; i++) {
        EXPECT(ct_call_counts_may(counts, ALICE, &why));
        ct_call_counts_began(counts, ALICE);
    }
    ct_call_counts_began(counts, BOB);
    if (ct_call_counts_may(counts, ALICE, &why)) {
        result = CT_NOMEM; /* a call that could not be counted */
        goto out;
    }
    EXPECT(strcmp(why, "The account has too many calls at the same time") == 0);
    /* what was counted already is not one more; a trunk is no account */
    EXPECT(ct_call_counts_dialled(counts, ALICE, &why) && ct_call_counts_may(counts, BOB, &why));
    for (int i = 0; i < 10; i++)
        ct_call_counts_began(counts, 0);
    EXPECT(ct_call_counts_may(counts, 0, &why));
    ct_call_counts_began(counts, ALICE);
    EXPECT(!ct_call_counts_dialled(counts, ALICE, &why));
    ct_call_counts_ended(counts, ALICE);
    EXPECT(!ct_call_counts_may(counts, ALICE, &why));
    ct_call_counts_ended(counts, ALICE);
    EXPECT(ct_call_counts_may(counts, ALICE, &why));
    ct_call_counts_ended(counts, ALICE);
    ct_call_counts_ended(counts, ALICE);
    EXPECT(ct_call_counts_may(counts, ALICE, &why));
out:
    ct_call_counts_free(counts);
    return result;
}

static enum ct_result test_in_a_minute(void)
{
    enum ct_result result = CT_OK;
    struct outside outside;
    struct ct_call_counts *counts = NULL;
    const char *why;
    TRY(open_counts(&outside, 0, 3, &counts));
    for (int i = 0; i < 3; i++) {
        EXPECT(ct_call_counts_may(counts, ALICE, &why));
        ct_call_counts_began(counts, ALICE);
    }
    EXPECT(ct_call_counts_may(counts, BOB, &why) && !ct_call_counts_dialled(counts, ALICE, &why));
    EXPECT(!ct_call_counts_may(counts, ALICE, &why));
    EXPECT(strcmp(why, "The account has made too many calls in the last minute") == 0);
    for (int i = 0; i < 10; i++)
        EXPECT(ct_call_counts_may(counts, 0, &why));
    outside.now_ms += 20000;
    EXPECT(ct_call_counts_may(counts, ALICE, &why) && !ct_call_counts_may(counts, ALICE, &why));
out:
    ct_call_counts_free(counts);
    return result;
}

static enum ct_result test_no_limits(void)
{
    enum ct_result result = CT_OK;
    struct outside outside;
    struct ct_call_counts *counts = NULL;
    const char *why;
    TRY(open_counts(&outside, 0, 0, &counts));
    for (int i = 0; i < 1000; i++) {
        EXPECT(ct_call_counts_may(counts, ALICE, &why));
        ct_call_counts_began(counts, ALICE);
    }
out:
    ct_call_counts_free(counts);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_at_once), CT_UNIT(test_in_a_minute),
                                           CT_UNIT(test_no_limits)};
    return ct_unit_main("voice/call_counts", units, sizeof(units) / sizeof(units[0]));
}
