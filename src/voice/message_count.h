#ifndef CT_VOICE_MESSAGE_COUNT_H
#define CT_VOICE_MESSAGE_COUNT_H

#include <stdbool.h>

#include "base/metrics.h"
#include "base/text.h"

/** Counts a SIP message: a request that came by its method, a response that is sent by its hundred. @p metrics may be
 *  NULL. */
void ct_message_count(struct ct_metrics *metrics, bool sent, struct ct_str bytes);

#endif
