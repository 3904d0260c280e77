#include "harness.h"
#include "voice/trunk_life.h"

/* Every step in every state: -1 is one that may not be made. */
static enum ct_result test_registration(void)
{
    static const int after[CT_TRUNK_REGISTRATION_STATES][CT_TRUNK_REGISTRATION_STEPS] = {
        /* due, accepted, failed, leave, gone */
        [CT_TRUNK_WAITING] = {CT_TRUNK_TRYING, -1, -1, CT_TRUNK_LEAVING, -1},
        [CT_TRUNK_TRYING] = {-1, CT_TRUNK_REGISTERED, CT_TRUNK_WAITING, CT_TRUNK_LEAVING, -1},
        [CT_TRUNK_REGISTERED] = {CT_TRUNK_REFRESHING, -1, -1, CT_TRUNK_LEAVING, -1},
        [CT_TRUNK_REFRESHING] = {-1, CT_TRUNK_REGISTERED, CT_TRUNK_WAITING, CT_TRUNK_LEAVING, -1},
        [CT_TRUNK_LEAVING] = {-1, -1, -1, -1, CT_TRUNK_OVER},
        [CT_TRUNK_OVER] = {-1, -1, -1, -1, -1},
    };
    enum ct_result result = CT_OK;
    for (int state = 0; state < CT_TRUNK_REGISTRATION_STATES; state++) {
        for (int step = 0; step < CT_TRUNK_REGISTRATION_STEPS; step++) {
            bool allowed = ct_trunk_registration_allows((enum ct_trunk_registration_state)state,
                                                        (enum ct_trunk_registration_step)step);
            EXPECT(allowed == (after[state][step] >= 0));
            EXPECT(!allowed || (int)ct_trunk_registration_next(
                                   (enum ct_trunk_registration_state)state,
                                   (enum ct_trunk_registration_step)step) == after[state][step]);
        }
    }
out:
    return result;
}

static enum ct_result test_host(void)
{
    static const int alive[] = {200, 202, 401, 404, 405, 407, 480, 483, 500, 501, 600};
    enum ct_result result = CT_OK;
    for (int state = 0; state < CT_TRUNK_HOST_STATES; state++) {
        enum ct_trunk_host_state from = (enum ct_trunk_host_state)state;
        EXPECT(ct_trunk_host_next(from, CT_TRUNK_HOST_ANSWERED) == CT_TRUNK_HOST_UP);
        EXPECT(ct_trunk_host_next(from, CT_TRUNK_HOST_SILENT) == CT_TRUNK_HOST_DOWN);
        EXPECT(ct_trunk_host_state_of(ct_str_of(ct_trunk_host_words[state])) == from);
    }
    for (size_t i = 0; i < sizeof(alive) / sizeof(alive[0]); i++)
        EXPECT(ct_trunk_host_step_of(alive[i]) == CT_TRUNK_HOST_ANSWERED);
    EXPECT(ct_trunk_host_step_of(408) == CT_TRUNK_HOST_SILENT);
    EXPECT(ct_trunk_host_step_of(503) == CT_TRUNK_HOST_SILENT);
    EXPECT(ct_trunk_host_state_of(CT_STR("upside")) == CT_TRUNK_HOST_UNKNOWN);
    EXPECT(ct_trunk_standing_of(CT_STR("registered")) == CT_TRUNK_IS_REGISTERED);
    EXPECT(ct_trunk_standing_of(CT_STR("failed")) == CT_TRUNK_IS_FAILED);
    EXPECT(ct_trunk_standing_of(CT_STR("what")) == CT_TRUNK_IS_PENDING);
out:
    return result;
}

/* It doubles up to its end, the half of it for certain. */
static enum ct_result test_patience(void)
{
    static const int64_t silent[] = {5000, 10000, 20000, 40000, 80000, 160000, 300000, 300000};
    static const int64_t refused[] = {60000, 120000, 240000, 480000, 960000, 1800000, 1800000};
    enum ct_result result = CT_OK;
    for (unsigned i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
        EXPECT(ct_trunk_wait_ms(i + 1, false, 0) == silent[i] / 2);
        EXPECT(ct_trunk_wait_ms(i + 1, false, (uint32_t)(silent[i] / 2)) == silent[i]);
        EXPECT(ct_trunk_wait_ms(i + 1, false, UINT32_MAX) <= silent[i]);
    }
    for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        EXPECT(ct_trunk_wait_ms(i + 1, true, 0) == refused[i] / 2);
        EXPECT(ct_trunk_wait_ms(i + 1, true, (uint32_t)(refused[i] / 2)) == refused[i]);
    }
    EXPECT(ct_trunk_wait_ms(UINT32_MAX, false, 0) == 150000);
out:
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_registration),
    CT_UNIT(test_host),
    CT_UNIT(test_patience),
};

int main(void)
{
    return ct_unit_main("voice/trunk_life", units, sizeof(units) / sizeof(units[0]));
}
