#ifndef CT_VOICE_CALL_READ_H
#define CT_VOICE_CALL_READ_H

#include "base/arena.h"
#include "sip/message.h"
#include "voice/routing.h"

/** The user part of a URI, escapes resolved; empty when they are broken, or without memory. */
struct ct_str ct_call_user(struct ct_arena *arena, const struct ct_sip_uri *uri);
/** What an INVITE says of whom it calls and who calls: `dialled`, `presented`, `asserted` and `anonymous`. */
void ct_call_read(struct ct_arena *arena, const struct ct_sip_message *message,
                  struct ct_routing_call *out);

#endif
