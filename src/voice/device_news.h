#ifndef CT_VOICE_DEVICE_NEWS_H
#define CT_VOICE_DEVICE_NEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "store/store.h"

/** What has become of a device; or of an account, which was deleted. */
struct ct_device_news {
    int64_t device_id; /* 0: it is an account */
    int64_t user_id;
    bool deleted;
};

/** Which devices were changed or deleted since, and which accounts deleted, on any server of the database: read from the
 *  event log. @p last is the id of the event up to which was read, -1 at first: then nothing is told, and it is set to
 *  the last one that there is. What there is no room for is told the next time. */
#define CT_DEVICE_NEWS_MOST ((size_t)256)
CT_CHECKED enum ct_result ct_device_news(struct ct_db *db, int64_t *last,
                                         struct ct_device_news out[CT_DEVICE_NEWS_MOST],
                                         size_t *count);
/** Writes what the others learn of an account that was deleted: an event that nobody can see. */
CT_CHECKED enum ct_result ct_device_news_account(struct ct_db *db, int64_t user_id, int64_t now_ms);

#endif
