#ifndef CT_VOICE_SHIELD_API_H
#define CT_VOICE_SHIELD_API_H

#include <stddef.h>

#include "http/route.h"
#include "voice/voice.h"

/** GET /sip_bans, DELETE /sip_bans/{address}. Their room is a struct ct_voice **: with SIP off there are none. */
extern const struct ct_route ct_shield_routes[];
extern const size_t ct_shield_route_count;

#endif
