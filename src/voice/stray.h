#ifndef CT_VOICE_STRAY_H
#define CT_VOICE_STRAY_H

#include "sip/endpoint.h"

/** Answers what comes outside of dialogs and is neither a call nor a registration: OPTIONS with what is understood (RFC 3261
 *  section 11.2), what belongs into a dialog with 481, the rest with 405. */
void ct_stray_answer(struct ct_sip *sip, struct ct_sip_server *transaction,
                     const struct ct_sip_message *message);

#endif
