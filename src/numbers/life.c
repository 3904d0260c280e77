#include "numbers/life.h"

#include <assert.h>

#include "store/store.h"

/* What is not in the table is not allowed. Rows that are missing of a state are zero, which is
 * CT_LIFE_AVAILABLE: so each entry is one more than the state. */
#define TO(state) ((unsigned char)((state) + 1))

static const unsigned char steps[CT_LIFE_COUNT][CT_LIFE_EVENT_COUNT] = {
    [CT_LIFE_AVAILABLE] =
        {
            [CT_LIFE_TAKE] = TO(CT_LIFE_ASSIGNED),
            [CT_LIFE_RESERVE] = TO(CT_LIFE_RESERVED),
        },
    [CT_LIFE_ASSIGNED] =
        {
            [CT_LIFE_RELEASE] = TO(CT_LIFE_QUARANTINED),
            [CT_LIFE_OFFER] = TO(CT_LIFE_TRANSFERRING),
        },
    [CT_LIFE_TRANSFERRING] =
        {
            [CT_LIFE_RELEASE] = TO(CT_LIFE_QUARANTINED),
            [CT_LIFE_ACCEPT] = TO(CT_LIFE_ASSIGNED),
            [CT_LIFE_REFUSE] = TO(CT_LIFE_ASSIGNED),
            [CT_LIFE_EXPIRE] = TO(CT_LIFE_ASSIGNED),
        },
    [CT_LIFE_QUARANTINED] =
        {
            [CT_LIFE_RESTORE] = TO(CT_LIFE_ASSIGNED),
            [CT_LIFE_EXPIRE] = TO(CT_LIFE_AVAILABLE),
        },
    [CT_LIFE_RESERVED] =
        {
            [CT_LIFE_UNRESERVE] = TO(CT_LIFE_AVAILABLE),
        },
};

static const char *const words[CT_LIFE_COUNT] = {
    [CT_LIFE_AVAILABLE] = "available",       [CT_LIFE_ASSIGNED] = "assigned",
    [CT_LIFE_TRANSFERRING] = "transferring", [CT_LIFE_QUARANTINED] = "quarantined",
    [CT_LIFE_RESERVED] = "reserved",
};

bool ct_life_allows(enum ct_life state, enum ct_life_event event)
{
    assert(state < CT_LIFE_COUNT && event < CT_LIFE_EVENT_COUNT);
    return steps[state][event] != 0;
}

enum ct_life ct_life_next(enum ct_life state, enum ct_life_event event)
{
    assert(ct_life_allows(state, event));
    return (enum ct_life)(steps[state][event] - 1);
}

enum ct_life ct_life_now(enum ct_life state, int64_t until_ms, int64_t now_ms)
{
    bool over = until_ms != CT_NO_TIME && until_ms <= now_ms;
    return over && ct_life_allows(state, CT_LIFE_EXPIRE) ? ct_life_next(state, CT_LIFE_EXPIRE)
                                                         : state;
}

struct ct_str ct_life_word(enum ct_life state)
{
    assert(state < CT_LIFE_COUNT);
    return ct_str_of(words[state]);
}

enum ct_result ct_life_read(struct ct_str word, enum ct_life *out)
{
    if (word.at == NULL) {
        *out = CT_LIFE_ASSIGNED;
        return CT_OK;
    }
    /* An available number has no row, so none says that it is. */
    for (enum ct_life state = CT_LIFE_ASSIGNED; state < CT_LIFE_COUNT; state++) {
        if (ct_str_equal(word, ct_str_of(words[state]))) {
            *out = state;
            return CT_OK;
        }
    }
    return CT_BUG;
}
