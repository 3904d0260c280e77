#ifndef CT_VOICE_SPENT_H
#define CT_VOICE_SPENT_H

#include "sip/transport.h"
#include "voice/call.h"
#include "voice/reader.h"

/** Ends calls to trunks whose accounts have used up their minutes of the day: each alone would end in time, several at the
 *  same time use them up faster. @p node is this process in the records. */
void ct_calls_end_spent(struct ct_calls *calls, struct ct_reader *reader,
                        const struct ct_sip_env *env, struct ct_str node);

#endif
