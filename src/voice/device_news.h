#ifndef CT_VOICE_DEVICE_NEWS_H
#define CT_VOICE_DEVICE_NEWS_H

#include <stdint.h>

#include "base/result.h"
#include "store/store.h"

/** Which devices were changed or deleted since, on any server of the database: read from the event log. @p last is the
 *  id of the event up to which was read, 0 at first: then nothing is told, and it is set to the last one that there is.
 *  What there is no room for is told the next time. */
#define CT_DEVICE_NEWS_MOST ((size_t)256)
CT_CHECKED enum ct_result ct_device_news(struct ct_db *db, int64_t *last,
                                         int64_t ids[CT_DEVICE_NEWS_MOST], size_t *count);

#endif
