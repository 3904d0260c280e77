#include "events/delivery_life.h"

#include "harness.h"

static enum ct_result test_steps(void)
{
    enum ct_result result = CT_OK;
    enum ct_delivery_state state;
    /* state, event, the state after it; what is not here is not allowed */
    static const int steps[][3] = {
        {CT_DELIVERY_PENDING, CT_DELIVERY_TAKE, CT_DELIVERY_SENDING},
        {CT_DELIVERY_SENDING, CT_DELIVERY_TAKE, CT_DELIVERY_SENDING},
        {CT_DELIVERY_SENDING, CT_DELIVERY_ANSWERED, CT_DELIVERY_DELIVERED},
        {CT_DELIVERY_SENDING, CT_DELIVERY_FAIL, CT_DELIVERY_PENDING},
        {CT_DELIVERY_SENDING, CT_DELIVERY_GIVE_UP, CT_DELIVERY_FAILED},
        {CT_DELIVERY_DELIVERED, CT_DELIVERY_REPLAY, CT_DELIVERY_PENDING},
        {CT_DELIVERY_FAILED, CT_DELIVERY_REPLAY, CT_DELIVERY_PENDING},
    };
    size_t allowed = 0;

    for (int from = 0; from < CT_DELIVERY_STATES; from++) {
        for (int event = 0; event < CT_DELIVERY_EVENTS; event++)
            allowed +=
                ct_delivery_allows((enum ct_delivery_state)from, (enum ct_delivery_event)event);
        TRY(ct_delivery_state_of(ct_delivery_word((enum ct_delivery_state)from), &state));
        EXPECT(state == (enum ct_delivery_state)from);
    }
    EXPECT(allowed == sizeof(steps) / sizeof(steps[0]));
    for (size_t i = 0; i < allowed; i++)
        EXPECT(ct_delivery_next((enum ct_delivery_state)steps[i][0],
                                (enum ct_delivery_event)steps[i][1]) ==
               (enum ct_delivery_state)steps[i][2]);
    EXPECT_RESULT(CT_BUG, ct_delivery_state_of(CT_STR("lost"), &state));
out:
    return result;
}

static enum ct_result test_waiting(void)
{
    enum ct_result result = CT_OK;
    int64_t longest = 5000;

    for (int64_t attempts = 1; attempts < 100; attempts++) {
        EXPECT(ct_delivery_wait_ms(attempts, 0, 0) == longest / 2);
        EXPECT(ct_delivery_wait_ms(attempts, (uint32_t)(longest / 2), 0) == longest);
        for (uint32_t chance = 1; chance != 0 && chance < UINT32_MAX / 3; chance *= 3) {
            int64_t wait = ct_delivery_wait_ms(attempts, chance, 0);
            EXPECT(wait >= longest / 2 && wait <= longest);
        }
        longest = longest * 2 > 3600000 ? 3600000 : longest * 2;
    }
    EXPECT(ct_delivery_wait_ms(1, 0, 60000) == 60000);
    EXPECT(ct_delivery_wait_ms(1, 0, 1) == 2500);
    EXPECT(ct_delivery_wait_ms(1, 0, INT64_MAX) == 3600000);
    /* a lease is longer than an attempt, and the day has many */
    EXPECT(CT_DELIVERY_LEASE_MS > 20000 && CT_DELIVERY_PATIENCE_MS == 86400000);
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_steps), CT_UNIT(test_waiting)};
    return ct_unit_main("delivery_life", units, sizeof(units) / sizeof(units[0]));
}
