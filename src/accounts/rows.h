#ifndef CT_ACCOUNTS_ROWS_H
#define CT_ACCOUNTS_ROWS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "store/store.h"

/** What is NULL in a row, and 0, empty or null in a struct. */

/** Binds an id; 0 is NULL. */
static inline void ct_bind_id_or_null(struct ct_stmt *stmt, int index, int64_t id)
{
    if (id == 0)
        ct_bind_null(stmt, index);
    else
        ct_bind_int(stmt, index, id);
}

/** Binds a text, borrowed as by ct_bind_str; an empty one is NULL. */
static inline void ct_bind_text_or_null(struct ct_stmt *stmt, int index, struct ct_str text)
{
    if (text.len == 0)
        ct_bind_null(stmt, index);
    else
        ct_bind_str(stmt, index, text);
}

/** Binds a time; CT_NO_TIME is NULL. */
static inline void ct_bind_time_or_null(struct ct_stmt *stmt, int index, int64_t time_ms)
{
    if (time_ms == CT_NO_TIME)
        ct_bind_null(stmt, index);
    else
        ct_bind_int(stmt, index, time_ms);
}

/** A text for a nullable field of a reply: NULL is all zero. As ct_column_str. */
CT_CHECKED static inline enum ct_result ct_column_text(struct ct_stmt *stmt, int index,
                                                       struct ct_arena *arena, struct ct_str *out)
{
    *out = (struct ct_str){0};
    return ct_column_is_null(stmt, index) ? CT_OK : ct_column_str(stmt, index, arena, out);
}

/** An id for a nullable field of a reply: NULL is CT_NO_INT. */
#define CT_NO_INT INT64_MIN
static inline int64_t ct_column_id(struct ct_stmt *stmt, int index)
{
    return ct_column_is_null(stmt, index) ? CT_NO_INT : ct_column_int(stmt, index);
}

#endif
