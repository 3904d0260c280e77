#ifndef CT_VOICE_CALLS_API_H
#define CT_VOICE_CALLS_API_H

#include <stddef.h>

#include "http/route.h"

/** GET /calls, GET /calls.csv, GET /calls/{id}, GET /calls/{id}/ladder: what the records say, of live calls too.
 *  They need no room. */
extern const struct ct_route ct_calls_routes[];
extern const size_t ct_calls_route_count;

#endif
