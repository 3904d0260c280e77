#include "sip/session_life.h"

#include <assert.h>

/* What is not in the table is not allowed. What is missing is zero, which is a state too: so each entry is one more
 * than the state. */
#define TO(state) ((unsigned char)(CT_SIP_SESSION_##state + 1))

static const unsigned char steps[CT_SIP_SESSION_STATES][CT_SIP_STEPS] = {
    [CT_SIP_SESSION_CALLING] =
        {
            [CT_SIP_STEP_PROVISIONAL] = TO(PROCEEDING),
            [CT_SIP_STEP_SUCCESS] = TO(CONFIRMED),
            [CT_SIP_STEP_FAILURE] = TO(OVER),
            [CT_SIP_STEP_HANG_UP] = TO(CANCELLING),
        },
    [CT_SIP_SESSION_PROCEEDING] =
        {
            [CT_SIP_STEP_PROVISIONAL] = TO(PROCEEDING),
            [CT_SIP_STEP_SUCCESS] = TO(CONFIRMED),
            [CT_SIP_STEP_FAILURE] = TO(OVER),
            [CT_SIP_STEP_HANG_UP] = TO(CANCELLING),
        },
    [CT_SIP_SESSION_CANCELLING] =
        {
            [CT_SIP_STEP_PROVISIONAL] = TO(CANCELLING),
            /* the CANCEL and the 2xx crossed: section 15 leaves nothing but BYE */
            [CT_SIP_STEP_SUCCESS] = TO(ENDING),
            [CT_SIP_STEP_FAILURE] = TO(OVER),
        },
    [CT_SIP_SESSION_INCOMING] =
        {
            [CT_SIP_STEP_ANSWER] = TO(ANSWERED),
            [CT_SIP_STEP_REFUSE] = TO(OVER),
        },
    [CT_SIP_SESSION_ANSWERED] =
        {
            [CT_SIP_STEP_ACK] = TO(CONFIRMED),
            [CT_SIP_STEP_NO_ACK] = TO(ENDING),
            [CT_SIP_STEP_HANG_UP] = TO(UNACKED),
            [CT_SIP_STEP_BYE] = TO(OVER),
        },
    [CT_SIP_SESSION_UNACKED] =
        {
            [CT_SIP_STEP_ACK] = TO(ENDING),
            [CT_SIP_STEP_NO_ACK] = TO(ENDING),
            [CT_SIP_STEP_BYE] = TO(OVER),
        },
    [CT_SIP_SESSION_CONFIRMED] =
        {
            [CT_SIP_STEP_HANG_UP] = TO(ENDING),
            [CT_SIP_STEP_BYE] = TO(OVER),
        },
    [CT_SIP_SESSION_ENDING] =
        {
            /* BYEs that cross: each is answered, and either ends it */
            [CT_SIP_STEP_BYE] = TO(OVER),
            [CT_SIP_STEP_GONE] = TO(OVER),
        },
};

bool ct_sip_life_allows(enum ct_sip_session_state state, enum ct_sip_session_step step)
{
    assert(state < CT_SIP_SESSION_STATES && step < CT_SIP_STEPS);
    return steps[state][step] != 0;
}

enum ct_sip_session_state ct_sip_life_next(enum ct_sip_session_state state,
                                           enum ct_sip_session_step step)
{
    assert(ct_sip_life_allows(state, step));
    return (enum ct_sip_session_state)(steps[state][step] - 1);
}
