#include "voice/trunk_life.h"

#include <assert.h>
#include <stddef.h>

/* What is not in the table is not allowed: each entry is one more than the state. */
#define TO(state) ((unsigned char)(CT_TRUNK_##state + 1))

static const unsigned char registration[CT_TRUNK_REGISTRATION_STATES][CT_TRUNK_REGISTRATION_STEPS] =
    {
        [CT_TRUNK_WAITING] =
            {
                [CT_TRUNK_DUE] = TO(TRYING),
                [CT_TRUNK_LEAVE] = TO(LEAVING),
            },
        [CT_TRUNK_TRYING] =
            {
                [CT_TRUNK_ACCEPTED] = TO(REGISTERED),
                [CT_TRUNK_FAILED] = TO(WAITING),
                [CT_TRUNK_LEAVE] = TO(LEAVING),
            },
        [CT_TRUNK_REGISTERED] =
            {
                [CT_TRUNK_DUE] = TO(REFRESHING),
                [CT_TRUNK_LEAVE] = TO(LEAVING),
            },
        [CT_TRUNK_REFRESHING] =
            {
                [CT_TRUNK_ACCEPTED] = TO(REGISTERED),
                [CT_TRUNK_FAILED] = TO(WAITING),
                [CT_TRUNK_LEAVE] = TO(LEAVING),
            },
        [CT_TRUNK_LEAVING] =
            {
                [CT_TRUNK_GONE] = TO(OVER),
            },
};

static const unsigned char host[CT_TRUNK_HOST_STATES][CT_TRUNK_HOST_STEPS] = {
    [CT_TRUNK_HOST_UNKNOWN] =
        {
            [CT_TRUNK_HOST_ANSWERED] = TO(HOST_UP),
            [CT_TRUNK_HOST_SILENT] = TO(HOST_DOWN),
        },
    [CT_TRUNK_HOST_UP] =
        {
            [CT_TRUNK_HOST_ANSWERED] = TO(HOST_UP),
            [CT_TRUNK_HOST_SILENT] = TO(HOST_DOWN),
        },
    [CT_TRUNK_HOST_DOWN] =
        {
            [CT_TRUNK_HOST_ANSWERED] = TO(HOST_UP),
            [CT_TRUNK_HOST_SILENT] = TO(HOST_DOWN),
        },
};

bool ct_trunk_registration_allows(enum ct_trunk_registration_state state,
                                  enum ct_trunk_registration_step step)
{
    assert(state < CT_TRUNK_REGISTRATION_STATES && step < CT_TRUNK_REGISTRATION_STEPS);
    return registration[state][step] != 0;
}

enum ct_trunk_registration_state ct_trunk_registration_next(enum ct_trunk_registration_state state,
                                                            enum ct_trunk_registration_step step)
{
    assert(ct_trunk_registration_allows(state, step));
    return (enum ct_trunk_registration_state)(registration[state][step] - 1);
}

enum ct_trunk_host_state ct_trunk_host_next(enum ct_trunk_host_state state,
                                            enum ct_trunk_host_step step)
{
    assert(state < CT_TRUNK_HOST_STATES && step < CT_TRUNK_HOST_STEPS && host[state][step] != 0);
    return (enum ct_trunk_host_state)(host[state][step] - 1);
}

enum ct_trunk_host_step ct_trunk_host_step_of(int status)
{
    return status == 408 || status == 503 ? CT_TRUNK_HOST_SILENT : CT_TRUNK_HOST_ANSWERED;
}

/* ---- words ---- */

const char *const ct_trunk_host_words[] = {
    [CT_TRUNK_HOST_UNKNOWN] = "unknown",
    [CT_TRUNK_HOST_UP] = "up",
    [CT_TRUNK_HOST_DOWN] = "down",
    [CT_TRUNK_HOST_STATES] = NULL,
};

const char *const ct_trunk_standing_words[] = {
    [CT_TRUNK_IS_PENDING] = "pending",
    [CT_TRUNK_IS_REGISTERED] = "registered",
    [CT_TRUNK_IS_FAILED] = "failed",
    [CT_TRUNK_IS_FAILED + 1] = NULL,
};

/* The index of a word; 0 for one that is not there. */
static size_t find(const char *const *words, struct ct_str word)
{
    for (size_t i = 0; words[i] != NULL; i++)
        if (ct_str_equal(word, ct_str_of(words[i])))
            return i;
    return 0;
}

enum ct_trunk_host_state ct_trunk_host_state_of(struct ct_str word)
{
    return (enum ct_trunk_host_state)find(ct_trunk_host_words, word);
}

enum ct_trunk_standing ct_trunk_standing_of(struct ct_str word)
{
    return (enum ct_trunk_standing)find(ct_trunk_standing_words, word);
}

/* ---- patience ---- */

int64_t ct_trunk_wait_ms(unsigned failures, bool refused, uint32_t chance)
{
    const int64_t longest = refused ? 1800000 : 300000;
    int64_t wait = refused ? 60000 : 5000;
    for (unsigned i = 1; i < failures && wait < longest; i++)
        wait *= 2;
    if (wait > longest)
        wait = longest;
    return wait / 2 + (int64_t)chance % (wait / 2 + 1);
}
