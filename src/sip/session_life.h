#ifndef CT_SIP_SESSION_LIFE_H
#define CT_SIP_SESSION_LIFE_H

#include <stdbool.h>

#include "sip/session.h"

/** What moves a leg from one state to the next: the diagram is in session.h. */
enum ct_sip_session_step {
    CT_SIP_STEP_PROVISIONAL, /* 1xx to our INVITE */
    CT_SIP_STEP_SUCCESS,     /* 2xx to it */
    CT_SIP_STEP_FAILURE,     /* another final response to it, or none */
    CT_SIP_STEP_ANSWER,      /* we answer with 2xx */
    CT_SIP_STEP_REFUSE,      /* we answer with something else, also because of CANCEL or BYE */
    CT_SIP_STEP_ACK,         /* our 2xx was acknowledged */
    CT_SIP_STEP_NO_ACK,      /* it was not, for 64 * T1 */
    CT_SIP_STEP_HANG_UP,     /* the user, or a timer, wants it to end */
    CT_SIP_STEP_BYE,         /* the other side ended it */
    CT_SIP_STEP_GONE,        /* our BYE was answered, or will not be */
    CT_SIP_STEPS
};

/** Whether that may happen in this state. */
bool ct_sip_life_allows(enum ct_sip_session_state state, enum ct_sip_session_step step);
/** The state after it. Asserts that it is allowed. */
enum ct_sip_session_state ct_sip_life_next(enum ct_sip_session_state state,
                                           enum ct_sip_session_step step);

#endif
