#ifndef CT_VOICE_FORGET_H
#define CT_VOICE_FORGET_H

#include <stdint.h>

#include "base/result.h"
#include "store/store.h"

/** Deletes what an account that ends has in this room: devices, limits. The records of its calls stay, for the
 *  other side's account and for the operator, as the audit record does. Comes after its numbers were
 *  released and its events deleted: that its devices are gone is told once more, to the SIP side of each server, which
 *  remembers them (voice/device_news.h) and ends the calls of the account. */
CT_CHECKED enum ct_result ct_voice_forget_account(struct ct_db *db, int64_t user_id,
                                                  int64_t now_ms);

#endif
