#ifndef CT_VOICE_VOICE_END_H
#define CT_VOICE_VOICE_END_H

#include "sip/endpoint.h"
#include "sip/re_net.h"
#include "voice/switchboard.h"
#include "voice/trunk_watch.h"

/** Hangs up all calls, and takes registrations at trunks back, while the SIP thread still receives, gives both sides and the records a few seconds, and ends the
 *  thread. */
void ct_voice_hang_up(struct ct_sip_net *net, struct ct_sip *sip, struct ct_switchboard *board,
                      struct ct_trunk_watch *watch);

#endif
