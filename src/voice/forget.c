#include "voice/forget.h"

#include "events/events.h"
#include "voice/caps.h"
#include "voice/device_news.h"
#include "voice/devices.h"

#define PAGE_ROWS 100

/* The next devices of the user. */
static enum ct_result tell_page(struct ct_db *db, int64_t user_id, int64_t now_ms, int64_t *after,
                                size_t *count)
{
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    struct ct_device *rows = ct_arena_alloc(arena, PAGE_ROWS * sizeof(*rows));
    enum ct_result result =
        rows == NULL ? CT_NOMEM
                     : ct_device_list(arena, db, user_id, *after, PAGE_ROWS, rows, count);
    for (size_t i = 0; result == CT_OK && i < *count; i++) {
        *after = rows[i].id;
        result = ct_event_write(db, &(const struct ct_event){.user_id = user_id,
                                                             .type = CT_EVENT_DEVICE_DELETED,
                                                             .created_at = now_ms,
                                                             .subject_id = rows[i].id});
    }
    ct_arena_free(arena);
    return result;
}

enum ct_result ct_voice_forget_account(struct ct_db *db, int64_t user_id, int64_t now_ms)
{
    int64_t after = 0;
    size_t count = 0;
    /* before its devices, so that its calls end for this reason */
    enum ct_result result = ct_device_news_account(db, user_id, now_ms);
    if (result != CT_OK)
        return result;
    do {
        result = tell_page(db, user_id, now_ms, &after, &count);
    } while (result == CT_OK && count == PAGE_ROWS);
    if (result == CT_OK)
        result = ct_device_delete_all(db, user_id);
    return result == CT_OK ? ct_call_caps_forget(db, user_id) : result;
}
