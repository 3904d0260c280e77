#ifndef CT_EVENTS_SIGNATURE_H
#define CT_EVENTS_SIGNATURE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"

/*
 * How webhooks are signed: as the Standard Webhooks specification has it, so that its libraries verify them.
 * The secret is "whsec_" and the base64 of the key; the signature is "v1," and the base64 of HMAC-SHA256 over
 * the id, the time and the body, with dots between.
 */

/** A new secret of 32 random bytes, in @p arena. CT_IO, CT_NOMEM. */
CT_CHECKED enum ct_result ct_webhook_secret(struct ct_arena *arena, struct ct_str *out);

/** Signs; @p time_s is seconds since 1970. In @p arena. CT_INVALID: that is no secret; CT_NOMEM. */
CT_CHECKED enum ct_result ct_webhook_sign(struct ct_arena *arena, struct ct_str secret, int64_t id,
                                          int64_t time_s, struct ct_str body, struct ct_str *out);

#endif
