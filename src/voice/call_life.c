#include "voice/call_life.h"

#include <assert.h>

/* What is not in the table is not allowed. */
static const bool steps[CT_CALL_STATUSES][CT_CALL_STATUSES] = {
    [CT_CALL_QUEUED] =
        {
            [CT_CALL_RINGING] = true,
            [CT_CALL_IN_PROGRESS] = true,
            [CT_CALL_BUSY] = true,
            [CT_CALL_FAILED] = true,
            [CT_CALL_NO_ANSWER] = true,
            [CT_CALL_CANCELED] = true,
        },
    [CT_CALL_RINGING] =
        {
            [CT_CALL_IN_PROGRESS] = true,
            [CT_CALL_BUSY] = true,
            [CT_CALL_FAILED] = true,
            [CT_CALL_NO_ANSWER] = true,
            [CT_CALL_CANCELED] = true,
        },
    [CT_CALL_IN_PROGRESS] =
        {
            [CT_CALL_COMPLETED] = true,
        },
};

bool ct_call_may(enum ct_call_status from, enum ct_call_status to)
{
    assert(from < CT_CALL_STATUSES && to < CT_CALL_STATUSES);
    return steps[from][to];
}

enum ct_call_status ct_call_status_of(int sip_code)
{
    switch (sip_code) {
    case 486:
    case 600:
    case 603:
        return CT_CALL_BUSY;
    case 408:
    case 480:
        return CT_CALL_NO_ANSWER;
    case 487:
        return CT_CALL_CANCELED;
    default:
        return CT_CALL_FAILED;
    }
}

/* The lower, the better. A 6xx speaks for all; then the lowest class, and in it what tells the caller how to
 * try again; a time-out, which tells nothing, comes last. */
static int rank(int status)
{
    int hundred = status / 100;
    int within = 50;

    if (hundred == 6)
        return 0;
    /* a redirection is not passed on, so whatever else there is says more */
    if (hundred == 3)
        return 9000;
    switch (status) {
    case 401:
    case 407:
        within = 10;
        break;
    case 415:
    case 420:
    case 484:
        within = 11;
        break;
    case 486:
        within = 20;
        break;
    case 480:
        within = 30;
        break;
    case 408:
        within = 90;
        break;
    default:
        break;
    }
    return hundred * 100 + within;
}

int ct_call_better(int a, int b)
{
    if (a == 0 || b == 0)
        return a == 0 ? b : a;
    return rank(b) < rank(a) ? b : a;
}

int ct_call_told(int status)
{
    if (status == 503)
        return 500;
    if (status == 401 || status == 407)
        return 403;
    return status < 400 ? 480 : status;
}

struct ct_str ct_call_status_word(enum ct_call_status status)
{
    static const char *const words[CT_CALL_STATUSES] = {
        [CT_CALL_QUEUED] = "queued",
        [CT_CALL_RINGING] = "ringing",
        [CT_CALL_IN_PROGRESS] = "in-progress",
        [CT_CALL_COMPLETED] = "completed",
        [CT_CALL_BUSY] = "busy",
        [CT_CALL_FAILED] = "failed",
        [CT_CALL_NO_ANSWER] = "no-answer",
        [CT_CALL_CANCELED] = "canceled",
    };

    assert(status < CT_CALL_STATUSES);
    return ct_str_of(words[status]);
}

struct ct_str ct_call_party_word(enum ct_call_party party)
{
    static const char *const words[] = {"", "caller", "callee", "system"};

    return ct_str_of(words[party]);
}
