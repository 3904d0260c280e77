#include "voice/device_news.h"

#include "events/events.h"

enum ct_result ct_device_news(struct ct_db *db, int64_t *last,
                              struct ct_device_news out[CT_DEVICE_NEWS_MOST], size_t *count)
{
    struct ct_stmt *stmt;
    int64_t newest = 0;
    int64_t seen = 0;
    *count = 0;
    enum ct_result result = ct_event_last(db, &newest);
    if (result != CT_OK || newest <= *last)
        return result;
    if (*last < 0) {
        *last = newest;
        return CT_OK;
    }
    result = ct_db_query(db,
                         "SELECT id, subject_id, user_id, CASE WHEN type = 'device.deleted' "
                         "THEN 1 ELSE 0 END FROM events "
                         "WHERE id > $1 AND type IN "
                         "('device.updated', 'device.deleted') ORDER BY id LIMIT $2",
                         &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, *last);
    ct_bind_int(stmt, 2, (int64_t)CT_DEVICE_NEWS_MOST);
    while ((result = ct_step(stmt)) == CT_ROW) {
        seen = ct_column_int(stmt, 0);
        out[(*count)++] = (struct ct_device_news){.device_id = ct_column_int(stmt, 1),
                                                  .user_id = ct_column_int(stmt, 2),
                                                  .deleted = ct_column_int(stmt, 3) != 0};
    }
    if (result == CT_OK)
        *last = *count == CT_DEVICE_NEWS_MOST ? seen : newest;
    return result;
}

enum ct_result ct_device_news_account(struct ct_db *db, int64_t user_id, int64_t now_ms)
{
    return ct_event_write(db, &(const struct ct_event){.user_id = user_id,
                                                       .type = CT_EVENT_DEVICE_DELETED,
                                                       .created_at = now_ms,
                                                       .subject_id = 0});
}
