#ifndef CT_EVENTS_DELIVERIES_H
#define CT_EVENTS_DELIVERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "events/delivery_life.h"
#include "store/store.h"

/** The SQL of deliveries. Times are milliseconds since 1970; CT_NO_TIME is none. */

/** A delivery as it is shown; texts that there are not yet have `at` NULL, numbers INT64_MIN. */
struct ct_delivery {
    int64_t id;
    int64_t webhook_id;
    int64_t event_id;
    struct ct_str type;
    enum ct_delivery_state state;
    int64_t attempts;
    int64_t created_at;
    int64_t due_at; /* CT_NO_TIME once it is over */
    int64_t give_up_at;
    int64_t sent_at;
    int64_t duration_ms;
    int64_t reply_status;
    struct ct_str error;
    struct ct_str request_headers;
    struct ct_str request_body;
    struct ct_str reply_headers;
    struct ct_str reply_body;
};

/** Makes the deliveries of the events behind @p after_id, where they are not there yet: one for each webhook that
 *  wants the event. @p seen is the id up to which was looked; @p more: there may be events behind it. With
 *  @p make false nothing is written, and @p count tells whether there is something to be made. */
CT_CHECKED enum ct_result ct_delivery_fan_out(struct ct_db *db, int64_t after_id, int64_t now_ms,
                                              bool make, size_t *count, int64_t *seen, bool *more);

/** The webhooks with deliveries that are due, at most @p limit of those with ids above @p after_id. */
CT_CHECKED enum ct_result ct_delivery_due(struct ct_db *db, int64_t now_ms, int64_t after_id,
                                          size_t limit, int64_t *webhook_ids, size_t *count);

/** A delivery that was taken: what is to be sent where. */
struct ct_parcel {
    int64_t id;
    int64_t webhook_id;
    int64_t attempts; /* this one included */
    int64_t give_up_at;
    struct ct_str url;
    struct ct_str secret;
    struct ct_str body;
};

/** Takes deliveries of a webhook that are due, at most @p limit, and none whose subject has an earlier one that is
 *  not over. They belong to the caller for CT_DELIVERY_LEASE_MS. */
CT_CHECKED enum ct_result ct_delivery_take(struct ct_arena *arena, struct ct_db *db,
                                           int64_t webhook_id, int64_t now_ms, size_t limit,
                                           struct ct_parcel *out, size_t *count);

/** What came of one attempt. Texts with `at` NULL were not there. */
struct ct_attempt {
    int64_t id;
    int64_t attempts; /* of the parcel: an attempt that another one has followed changes nothing */
    enum ct_delivery_state state; /* what it becomes */
    int64_t due_at;               /* of CT_DELIVERY_PENDING */
    int64_t duration_ms;
    int64_t reply_status; /* 0: none */
    struct ct_str request_headers;
    struct ct_str reply_headers;
    struct ct_str reply_body;
    struct ct_str error;
};
CT_CHECKED enum ct_result ct_delivery_settle(struct ct_db *db, const struct ct_attempt *attempt);

/** The deliveries of a webhook with ids below @p before_id, the newest first, without the texts of request and
 *  reply. */
CT_CHECKED enum ct_result ct_delivery_list(struct ct_arena *arena, struct ct_db *db,
                                           int64_t webhook_id, int64_t before_id, size_t limit,
                                           struct ct_delivery *out, size_t *count);
/** One of them, with all texts. CT_NOT_FOUND also when it is of somebody else's webhook. */
CT_CHECKED enum ct_result ct_delivery_get(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                          int64_t id, struct ct_delivery *out);
/** Sends one that is over again from the beginning, with the same id. */
CT_CHECKED enum ct_result ct_delivery_replay(struct ct_db *db, int64_t id, int64_t now_ms);

/** Whether there is anything for ct_delivery_tidy. */
CT_CHECKED enum ct_result ct_delivery_tidy_is_due(struct ct_db *db, int64_t before_ms, bool *due);
/** Deletes the oldest deliveries that were made before @p before_ms and whose events are gone, and what is left of
 *  webhooks that are, at most @p limit of each. @p more: perhaps there are others. */
CT_CHECKED enum ct_result ct_delivery_tidy(struct ct_db *db, int64_t before_ms, size_t limit,
                                           bool *more);

#endif
