#include "events/delivery_life.h"

#include <assert.h>

#define FIRST_WAIT_MS INT64_C(5000)
#define LONGEST_WAIT_MS INT64_C(3600000)

/* What is not in the table is not allowed: each entry is one more than the state. */
#define TO(state) ((unsigned char)((state) + 1))

static const unsigned char steps[CT_DELIVERY_STATES][CT_DELIVERY_EVENTS] = {
    [CT_DELIVERY_PENDING] =
        {
            [CT_DELIVERY_TAKE] = TO(CT_DELIVERY_SENDING),
        },
    [CT_DELIVERY_SENDING] =
        {
            [CT_DELIVERY_TAKE] = TO(CT_DELIVERY_SENDING),
            [CT_DELIVERY_ANSWERED] = TO(CT_DELIVERY_DELIVERED),
            [CT_DELIVERY_FAIL] = TO(CT_DELIVERY_PENDING),
            [CT_DELIVERY_GIVE_UP] = TO(CT_DELIVERY_FAILED),
        },
    [CT_DELIVERY_DELIVERED] =
        {
            [CT_DELIVERY_REPLAY] = TO(CT_DELIVERY_PENDING),
        },
    [CT_DELIVERY_FAILED] =
        {
            [CT_DELIVERY_REPLAY] = TO(CT_DELIVERY_PENDING),
        },
};

static const char *const words[CT_DELIVERY_STATES] = {
    [CT_DELIVERY_PENDING] = "pending",
    [CT_DELIVERY_SENDING] = "sending",
    [CT_DELIVERY_DELIVERED] = "delivered",
    [CT_DELIVERY_FAILED] = "failed",
};

bool ct_delivery_allows(enum ct_delivery_state state, enum ct_delivery_event event)
{
    assert(state < CT_DELIVERY_STATES && event < CT_DELIVERY_EVENTS);
    return steps[state][event] != 0;
}

enum ct_delivery_state ct_delivery_next(enum ct_delivery_state state, enum ct_delivery_event event)
{
    assert(ct_delivery_allows(state, event));
    return (enum ct_delivery_state)(steps[state][event] - 1);
}

struct ct_str ct_delivery_word(enum ct_delivery_state state)
{
    assert(state < CT_DELIVERY_STATES);
    return ct_str_of(words[state]);
}

enum ct_result ct_delivery_state_of(struct ct_str word, enum ct_delivery_state *out)
{
    for (enum ct_delivery_state state = CT_DELIVERY_PENDING; state < CT_DELIVERY_STATES; state++) {
        if (ct_str_equal(word, ct_str_of(words[state]))) {
            *out = state;
            return CT_OK;
        }
    }
    return CT_BUG;
}

int64_t ct_delivery_wait_ms(int64_t attempts, uint32_t chance, int64_t asked_ms)
{
    int64_t wait = FIRST_WAIT_MS;
    for (int64_t i = 1; i < attempts && wait < LONGEST_WAIT_MS; i++)
        wait *= 2;
    if (wait > LONGEST_WAIT_MS)
        wait = LONGEST_WAIT_MS;
    wait = wait / 2 + (int64_t)chance % (wait / 2 + 1);
    if (asked_ms > LONGEST_WAIT_MS)
        asked_ms = LONGEST_WAIT_MS;
    return wait < asked_ms ? asked_ms : wait;
}
