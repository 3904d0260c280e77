#ifndef CT_EVENTS_WEBHOOKS_H
#define CT_EVENTS_WEBHOOKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "store/store.h"

/** A webhook: where the events of an account are sent. The secret is kept as it is, since it has to sign. */
struct ct_webhook {
    int64_t id;
    int64_t user_id;
    struct ct_str url;
    struct ct_str events; /* patterns of types with single spaces between */
    struct ct_str secret;
    int64_t created_at; /* milliseconds since 1970 */
};

/** The longest URL, in bytes. */
#define CT_WEBHOOK_URL_MAX 2048

/** Whether a URL may be a webhook's: http or https, a host, no name and password, no fragment, printable ASCII.
 *  NULL, or static text that says what is wrong with it. Where the host leads to is judged when it is called. */
const char *ct_webhook_url_fault(struct ct_str url);

/** Adds a webhook of a user: url, events, secret and created_at of @p webhook. It gets what is written from now
 *  on. CT_NOT_FOUND when the user is gone. */
CT_CHECKED enum ct_result ct_webhook_insert(struct ct_db *db, int64_t user_id,
                                            const struct ct_webhook *webhook, int64_t *id);
/** How many webhooks a user has; counts no further than @p most. */
CT_CHECKED enum ct_result ct_webhook_count(struct ct_db *db, int64_t user_id, int64_t most,
                                           int64_t *out);
/** The webhooks of a user behind @p after_id, at most @p limit, in the order of their ids. */
CT_CHECKED enum ct_result ct_webhook_list(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                          int64_t after_id, size_t limit, struct ct_webhook *out,
                                          size_t *count);
/** One of them. CT_NOT_FOUND also when it is somebody else's. */
CT_CHECKED enum ct_result ct_webhook_get(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                         int64_t id, struct ct_webhook *out);
/** Deletes one, which ends its deliveries; what is left of them is tidied up later. @p url: where it led.
 *  CT_NOT_FOUND as above. */
CT_CHECKED enum ct_result ct_webhook_delete(struct ct_arena *arena, struct ct_db *db,
                                            int64_t user_id, int64_t id, struct ct_str *url);
/** Deletes all webhooks of an account that ends, and its deliveries. */
CT_CHECKED enum ct_result ct_webhook_forget_account(struct ct_db *db, int64_t user_id);

#endif
