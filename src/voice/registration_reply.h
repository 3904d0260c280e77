#ifndef CT_VOICE_REGISTRATION_REPLY_H
#define CT_VOICE_REGISTRATION_REPLY_H

#include "voice/locations.h"

/** Appends the headers of a 200 to REGISTER (RFC 3261 section 10.3, step 8): what the device has at @p now, in
 *  milliseconds since 1970; @p path as it came, empty: none. */
void ct_registration_write(struct ct_buf *out, struct ct_location_list list, struct ct_str path,
                           int64_t now);

#endif
