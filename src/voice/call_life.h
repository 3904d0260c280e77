#ifndef CT_VOICE_CALL_LIFE_H
#define CT_VOICE_CALL_LIFE_H

#include <stdbool.h>

#include "voice/call.h"

/** Whether a call may go from one status to the other: the diagram is in call.h. */
bool ct_call_may(enum ct_call_status from, enum ct_call_status to);
/** The status of a call that nobody answered, by what the caller was told. */
enum ct_call_status ct_call_status_of(int sip_code);

/** Which of two final responses the caller gets (RFC 3261 section 16.7, step 6): the better one. 0 is none. */
int ct_call_better(int a, int b);
/** As a caller is told it: 503 of one target says nothing of the others, a challenge is none of his, and a
 *  redirection was not followed. */
int ct_call_told(int status);

#endif
