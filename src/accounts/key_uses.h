#ifndef CT_ACCOUNTS_KEY_USES_H
#define CT_ACCOUNTS_KEY_USES_H

#include <stdint.h>

#include "base/result.h"
#include "base/text.h"
#include "store/store.h"

/**
 * When API keys were last used, written behind the requests' back: no request waits for it, and none
 * fails because of it. A use that cannot be kept is forgotten; the next one tells as much. Of a fixed
 * size, with one write under way at a time; safe from any thread.
 */
struct ct_key_uses;

/** At most one write for a key in this time. */
#define CT_KEY_USE_INTERVAL_MS INT64_C(60000)

/** @p store is borrowed. The owner frees it with ct_key_uses_free. CT_NOMEM. */
CT_CHECKED enum ct_result ct_key_uses_new(struct ct_store *store, struct ct_key_uses **out);
/** Waits for the write that is under way. NULL is allowed. */
void ct_key_uses_free(struct ct_key_uses *uses);
/** Notes that a key was used, from @p address (an address as text). */
void ct_key_uses_note(struct ct_key_uses *uses, int64_t key_id, int64_t now_ms,
                      struct ct_str address);

#endif
