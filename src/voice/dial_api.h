#ifndef CT_VOICE_DIAL_API_H
#define CT_VOICE_DIAL_API_H

#include <stddef.h>

#include "http/route.h"

/** POST /calls, DELETE /calls/{id}. The room is a struct ct_voice **: NULL when SIP is off. */
extern const struct ct_route ct_dial_routes[];
extern const size_t ct_dial_route_count;

#endif
