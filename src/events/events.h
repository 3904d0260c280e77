#ifndef CT_EVENTS_EVENTS_H
#define CT_EVENTS_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "events/event_types.h"
#include "store/store.h"

/**
 * The event log: what happened to what an account has, kept for EVENTS_KEEP_DAYS, followed by streams
 * (GET /events) and delivered to webhooks. An event is written in the transaction of what it tells of, so that
 * neither is there without the other. Its id is above those of all events that were committed before, on
 * every node: who has seen one knows that nothing comes before it any more.
 */
struct ct_event {
    int64_t id;      /* given by ct_event_write */
    int64_t user_id; /* whose it is, and who may see it */
    enum ct_event_type type;
    int64_t created_at; /* milliseconds since 1970 */
    int64_t subject_id; /* of the call, device, …: what kind it is, the type says. 0: none */
    struct ct_str data; /* a JSON object without line breaks; empty is {} */
};

/** Writes one event; all but `id` of @p event counts, and is borrowed until this returns. The streams and webhooks
 *  of the account hear of it after the commit. For a job: safe to run twice. CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_event_write(struct ct_db *db, const struct ct_event *event);

/** What ct_event_read looks for. */
struct ct_event_query {
    int64_t user_id;
    int64_t after_id; /* only events behind this one */
    uint64_t types;   /* of these types: bits as ct_event_bit gives them */
    size_t limit;     /* at most so many */
};

/** Reads events in the order of their ids into @p out, texts into @p arena. @p seen is the id up to which was
 *  looked: all events that fit and are not behind it are in @p out, also when there are fewer than asked for,
 *  since no more than some thousand rows are looked at. @p more: there are rows behind it. */
CT_CHECKED enum ct_result ct_event_read(struct ct_arena *arena, struct ct_db *db,
                                        const struct ct_event_query *query, struct ct_event *out,
                                        size_t *count, int64_t *seen, bool *more);

/** The id of the last event that was written, 0 before the first: also when it is not kept any more. */
CT_CHECKED enum ct_result ct_event_last(struct ct_db *db, int64_t *out);

/** Appends an event as it is shown everywhere: {"id":…,"type":…,"created_at":…,"subject":…,"subject_id":…,
 *  "data":…}. */
void ct_event_print(const struct ct_event *event, struct ct_buf *out);

/** Whether there is anything for ct_event_tidy: one look at the oldest event. */
CT_CHECKED enum ct_result ct_event_tidy_is_due(struct ct_db *db, int64_t before_ms, bool *due);
/** Deletes the oldest events that were written before @p before_ms, at most @p limit of them; @p count is how
 *  many. */
CT_CHECKED enum ct_result ct_event_tidy(struct ct_db *db, int64_t before_ms, size_t limit,
                                        size_t *count);

/** Deletes all events of an account that ends. */
CT_CHECKED enum ct_result ct_event_forget_account(struct ct_db *db, int64_t user_id);

#endif
