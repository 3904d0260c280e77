#ifndef CT_NUMBERS_NUMBER_EXPORT_H
#define CT_NUMBERS_NUMBER_EXPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "store/store.h"

/** The first line of an export. */
#define CT_NUMBER_EXPORT_HEADER \
    "id,phone_number,user_id,username,status,friendly_name,tags,created_at"

/** Appends the next numbers behind @p after_id, at most @p limit, as lines of CSV to @p out, whoever has them:
 *  `status` is what is in force at @p now_ms, `tags` a JSON array. Texts that accounts chose are shielded
 *  (ct_csv_add_foreign). @p last_id is that of the last one, or @p after_id when there are no more. */
CT_CHECKED enum ct_result ct_number_export(struct ct_arena *arena, struct ct_db *db,
                                           int64_t after_id, size_t limit, int64_t now_ms,
                                           struct ct_buf *out, int64_t *last_id);

#endif
