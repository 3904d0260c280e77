#include "events/deliveries.h"

#include <string.h>

#include "accounts/rows.h"
#include "events/events.h"
#include "store/migrations.h"

/* Pairs of an event and a webhook that are looked at in one go; no account has as many webhooks. */
#define PAIRS 500
/* Events that are looked at in one go, whoever wants them. */
#define EVENTS 5000

/* ---- events become deliveries ---- */

struct pair {
    struct ct_event event;
    int64_t webhook_id;
    struct ct_str wanted;
};

static enum ct_result find_pairs(struct ct_db *db, int64_t after_id, int64_t up_to,
                                 struct ct_stmt **out)
{
    enum ct_result result =
        ct_db_query(db,
                    "SELECT e.id, e.type, e.created_at, e.subject_id, e.data, w.id, w.events "
                    "FROM events AS e CROSS JOIN webhooks AS w WHERE w.user_id = e.user_id "
                    "AND w.since_event_id < e.id AND e.id > $1 AND e.id <= $2 "
                    "ORDER BY e.id, w.id LIMIT $3",
                    out);
    if (result != CT_OK)
        return result;
    ct_bind_int(*out, 1, after_id);
    ct_bind_int(*out, 2, up_to);
    ct_bind_int(*out, 3, PAIRS);
    return CT_OK;
}

/* Whether the webhook wants the event. A type of a later version of this program is nobody's. */
static enum ct_result read_pair(struct ct_arena *arena, struct ct_stmt *stmt, struct pair *out,
                                bool *wanted)
{
    struct ct_str type;
    uint64_t types = 0;
    out->event = (struct ct_event){.id = ct_column_int(stmt, 0),
                                   .created_at = ct_column_int(stmt, 2),
                                   .subject_id = ct_column_int(stmt, 3)};
    out->webhook_id = ct_column_int(stmt, 5);
    enum ct_result result = ct_column_str(stmt, 1, arena, &type);
    if (result == CT_OK)
        result = ct_column_str(stmt, 4, arena, &out->event.data);
    if (result == CT_OK)
        result = ct_column_str(stmt, 6, arena, &out->wanted);
    if (result != CT_OK)
        return result;
    *wanted = false;
    if (ct_event_type_of(type, &out->event.type) != CT_OK)
        return CT_OK;
    if (out->event.type == CT_EVENT_WEBHOOK_TEST)
        *wanted = out->event.subject_id == out->webhook_id;
    else
        *wanted = ct_event_patterns(out->wanted, &types) == CT_OK &&
                  (types & ct_event_bit(out->event.type)) != 0;
    return CT_OK;
}

static enum ct_result insert(struct ct_arena *arena, struct ct_db *db, const struct pair *pair,
                             int64_t now_ms)
{
    const struct ct_event *event = &pair->event;
    struct ct_stmt *stmt;
    int64_t id;
    struct ct_buf body = ct_buf_in(arena);
    struct ct_buf subject = ct_buf_in(arena);
    ct_event_print(event, &body);
    ct_buf_printf(&subject, "%s/%lld", ct_event_subject(event->type), (long long)event->subject_id);
    if (body.failed || subject.failed)
        return CT_NOMEM;
    enum ct_result result = ct_next_id(db, CT_NEXT_ID_QUERY("webhook_deliveries"), &id);
    if (result == CT_OK)
        result = ct_db_query(
            db,
            "INSERT INTO webhook_deliveries (id, webhook_id, event_id, type, subject, status, "
            "attempts, created_at, due_at, give_up_at, body) "
            "VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $7, $8, $9)",
            &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    ct_bind_int(stmt, 2, pair->webhook_id);
    ct_bind_int(stmt, 3, event->id);
    ct_bind_str(stmt, 4, ct_str_of(ct_event_word(event->type)));
    if (event->subject_id == 0)
        ct_bind_null(stmt, 5);
    else
        ct_bind_str(stmt, 5, (struct ct_str){subject.at, subject.len});
    ct_bind_str(stmt, 6, ct_delivery_word(CT_DELIVERY_PENDING));
    ct_bind_int(stmt, 7, now_ms);
    ct_bind_int(stmt, 8, now_ms + CT_DELIVERY_PATIENCE_MS);
    ct_bind_str(stmt, 9, (struct ct_str){body.at, body.len});
    return ct_run(stmt);
}

/* Events up to this one have their deliveries: they are made in the order of events, and outlive them. */
static enum ct_result last_made(struct ct_db *db, int64_t *out)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "SELECT COALESCE(max(event_id), 0) FROM webhook_deliveries", &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *out = ct_column_int(stmt, 0);
    return CT_OK;
}

/* Keeps the pairs whose webhook wants the event, in @p pairs. */
static enum ct_result collect(struct ct_arena *arena, struct ct_db *db, int64_t after_id,
                              int64_t up_to, struct pair *pairs, size_t *count, int64_t *seen)
{
    struct ct_stmt *stmt;
    size_t rows = 0;
    int64_t last = after_id;
    *count = 0;
    enum ct_result result = find_pairs(db, after_id, up_to, &stmt);
    while (result == CT_OK && (result = ct_step(stmt)) == CT_ROW) {
        bool wanted;
        rows++;
        result = read_pair(arena, stmt, &pairs[*count], &wanted);
        if (result != CT_OK)
            break;
        last = pairs[*count].event.id;
        *count += wanted;
    }
    if (result != CT_OK)
        return result;
    *seen = up_to;
    if (rows < PAIRS)
        return CT_OK;
    /* The last event may have further webhooks: it is for the next time. */
    while (*count > 0 && pairs[*count - 1].event.id == last)
        --*count;
    *seen = last - 1;
    return CT_OK;
}

enum ct_result ct_delivery_fan_out(struct ct_db *db, int64_t after_id, int64_t now_ms, bool make,
                                   size_t *count, int64_t *seen, bool *more)
{
    int64_t made;
    int64_t last;
    *count = 0;
    enum ct_result result = last_made(db, &made);
    if (result == CT_OK)
        result = ct_event_last(db, &last);
    if (result != CT_OK)
        return result;
    after_id = after_id > made ? after_id : made;
    *seen = after_id;
    *more = false;
    if (last <= after_id)
        return CT_OK;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    struct pair *pairs = ct_arena_alloc(arena, PAIRS * sizeof(*pairs));
    int64_t up_to = last - after_id > EVENTS ? after_id + EVENTS : last;
    result = pairs == NULL ? CT_NOMEM : collect(arena, db, after_id, up_to, pairs, count, seen);
    for (size_t i = 0; result == CT_OK && make && i < *count; i++)
        result = insert(arena, db, &pairs[i], now_ms);
    *more = result == CT_OK && *seen < last;
    ct_arena_free(arena);
    return result;
}

/* ---- deliveries are sent ---- */

/* A delivery d may be sent: it is due, and no earlier one of its subject is on its way. $1 is the time. */
#define MAY_BE_SENT                                                                        \
    "d.due_at <= $1 AND (d.subject IS NULL OR NOT EXISTS (SELECT 1 FROM "                  \
    "webhook_deliveries AS e WHERE e.webhook_id = d.webhook_id AND e.subject = d.subject " \
    "AND e.due_at IS NOT NULL AND e.id < d.id))"

enum ct_result ct_delivery_due(struct ct_db *db, int64_t now_ms, int64_t after_id, size_t limit,
                               int64_t *webhook_ids, size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT w.id FROM webhooks AS w WHERE w.id > $2 AND EXISTS (SELECT 1 FROM "
                    "webhook_deliveries AS d WHERE d.webhook_id = w.id AND " MAY_BE_SENT ") "
                    "ORDER BY w.id LIMIT $3",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, now_ms);
    ct_bind_int(stmt, 2, after_id);
    ct_bind_int(stmt, 3, (int64_t)limit);
    *count = 0;
    while (*count < limit && (result = ct_step(stmt)) == CT_ROW)
        webhook_ids[(*count)++] = ct_column_int(stmt, 0);
    return result == CT_ROW ? CT_OK : result;
}

static enum ct_result find_due(struct ct_arena *arena, struct ct_db *db, int64_t webhook_id,
                               int64_t now_ms, size_t limit, struct ct_parcel *out, size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT d.id, d.attempts + 1, d.give_up_at, w.url, w.secret, d.body "
                    "FROM webhook_deliveries AS d JOIN webhooks AS w ON w.id = d.webhook_id "
                    "WHERE d.webhook_id = $2 AND " MAY_BE_SENT " "
                    "ORDER BY d.due_at, d.id LIMIT $3",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, now_ms);
    ct_bind_int(stmt, 2, webhook_id);
    ct_bind_int(stmt, 3, (int64_t)limit);
    *count = 0;
    while (*count < limit && (result = ct_step(stmt)) == CT_ROW) {
        struct ct_parcel *parcel = &out[*count];
        *parcel = (struct ct_parcel){.id = ct_column_int(stmt, 0),
                                     .webhook_id = webhook_id,
                                     .attempts = ct_column_int(stmt, 1),
                                     .give_up_at = ct_column_int(stmt, 2)};
        result = ct_column_str(stmt, 3, arena, &parcel->url);
        if (result == CT_OK)
            result = ct_column_str(stmt, 4, arena, &parcel->secret);
        if (result == CT_OK)
            result = ct_column_str(stmt, 5, arena, &parcel->body);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    return result == CT_ROW ? CT_OK : result;
}

static enum ct_result hold(struct ct_db *db, const struct ct_parcel *parcel, int64_t now_ms)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "UPDATE webhook_deliveries SET status = $2, attempts = $3, due_at = $4, "
                    "sent_at = $5 WHERE id = $1",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, parcel->id);
    ct_bind_str(stmt, 2, ct_delivery_word(CT_DELIVERY_SENDING));
    ct_bind_int(stmt, 3, parcel->attempts);
    ct_bind_int(stmt, 4, now_ms + CT_DELIVERY_LEASE_MS);
    ct_bind_int(stmt, 5, now_ms);
    return ct_run(stmt);
}

enum ct_result ct_delivery_take(struct ct_arena *arena, struct ct_db *db, int64_t webhook_id,
                                int64_t now_ms, size_t limit, struct ct_parcel *out, size_t *count)
{
    enum ct_result result = find_due(arena, db, webhook_id, now_ms, limit, out, count);
    for (size_t i = 0; result == CT_OK && i < *count; i++)
        result = hold(db, &out[i], now_ms);
    return result;
}

enum ct_result ct_delivery_settle(struct ct_db *db, const struct ct_attempt *attempt)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "UPDATE webhook_deliveries SET status = $3, due_at = $4, duration_ms = $5, "
                    "reply_status = $6, request_headers = $7, reply_headers = $8, "
                    "reply_body = $9, error = $10 "
                    "WHERE id = $1 AND attempts = $2 AND status = $11",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, attempt->id);
    ct_bind_int(stmt, 2, attempt->attempts);
    ct_bind_str(stmt, 3, ct_delivery_word(attempt->state));
    ct_bind_time_or_null(stmt, 4,
                         attempt->state == CT_DELIVERY_PENDING ? attempt->due_at : CT_NO_TIME);
    ct_bind_int(stmt, 5, attempt->duration_ms);
    ct_bind_id_or_null(stmt, 6, attempt->reply_status);
    ct_bind_text_or_null(stmt, 7, attempt->request_headers);
    ct_bind_text_or_null(stmt, 8, attempt->reply_headers);
    ct_bind_text_or_null(stmt, 9, attempt->reply_body);
    ct_bind_text_or_null(stmt, 10, attempt->error);
    ct_bind_str(stmt, 11, ct_delivery_word(CT_DELIVERY_SENDING));
    return ct_run(stmt);
}

/* ---- deliveries are looked at ---- */

#define COLUMNS                                                                              \
    "d.id, d.webhook_id, d.event_id, d.type, d.status, d.attempts, d.created_at, d.due_at, " \
    "d.give_up_at, d.sent_at, d.duration_ms, d.reply_status, d.error"

static enum ct_result read_delivery(struct ct_arena *arena, struct ct_stmt *stmt,
                                    struct ct_delivery *out)
{
    struct ct_str word;
    *out = (struct ct_delivery){.id = ct_column_int(stmt, 0),
                                .webhook_id = ct_column_int(stmt, 1),
                                .event_id = ct_column_int(stmt, 2),
                                .attempts = ct_column_int(stmt, 5),
                                .created_at = ct_column_int(stmt, 6),
                                .due_at = ct_column_time(stmt, 7),
                                .give_up_at = ct_column_int(stmt, 8),
                                .sent_at = ct_column_time(stmt, 9),
                                .duration_ms = ct_column_id(stmt, 10),
                                .reply_status = ct_column_id(stmt, 11)};
    enum ct_result result = ct_column_str(stmt, 3, arena, &out->type);
    if (result == CT_OK)
        result = ct_column_str(stmt, 4, arena, &word);
    if (result == CT_OK)
        result = ct_delivery_state_of(word, &out->state);
    return result == CT_OK ? ct_column_text(stmt, 12, arena, &out->error) : result;
}

enum ct_result ct_delivery_list(struct ct_arena *arena, struct ct_db *db, int64_t webhook_id,
                                int64_t before_id, size_t limit, struct ct_delivery *out,
                                size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT " COLUMNS " FROM webhook_deliveries AS d WHERE d.webhook_id = $1 "
                    "AND d.id < $2 ORDER BY d.id DESC LIMIT $3",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, webhook_id);
    ct_bind_int(stmt, 2, before_id);
    ct_bind_int(stmt, 3, (int64_t)limit);
    *count = 0;
    while (*count < limit && (result = ct_step(stmt)) == CT_ROW) {
        result = read_delivery(arena, stmt, &out[*count]);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    return result == CT_ROW ? CT_OK : result;
}

enum ct_result ct_delivery_get(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                               int64_t id, struct ct_delivery *out)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT " COLUMNS ", d.request_headers, d.body, d.reply_headers, d.reply_body "
                    "FROM webhook_deliveries AS d JOIN webhooks AS w ON w.id = d.webhook_id "
                    "WHERE d.id = $1 AND w.user_id = $2",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    ct_bind_int(stmt, 2, user_id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    result = read_delivery(arena, stmt, out);
    if (result == CT_OK)
        result = ct_column_text(stmt, 13, arena, &out->request_headers);
    if (result == CT_OK)
        result = ct_column_str(stmt, 14, arena, &out->request_body);
    if (result == CT_OK)
        result = ct_column_text(stmt, 15, arena, &out->reply_headers);
    return result == CT_OK ? ct_column_text(stmt, 16, arena, &out->reply_body) : result;
}

enum ct_result ct_delivery_replay(struct ct_db *db, int64_t id, int64_t now_ms)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "UPDATE webhook_deliveries SET status = $2, attempts = 0, due_at = $3, "
                    "give_up_at = $4 WHERE id = $1",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    ct_bind_str(stmt, 2, ct_delivery_word(CT_DELIVERY_PENDING));
    ct_bind_int(stmt, 3, now_ms);
    ct_bind_int(stmt, 4, now_ms + CT_DELIVERY_PATIENCE_MS);
    ct_db_touch(db, CT_TOUCHED_EVENTS);
    return ct_run(stmt);
}

/* ---- deliveries are forgotten ---- */

/* Whose time is over, of the oldest $2. Not before its event is gone: the last event that has a delivery tells
 * which have theirs. $1 is the time. */
#define OVER                                                                                       \
    " FROM webhook_deliveries WHERE id < coalesce((SELECT id FROM webhook_deliveries ORDER BY id " \
    "LIMIT 1 OFFSET $2), 9223372036854775807) AND created_at < $1 AND due_at IS NULL "             \
    "AND event_id < COALESCE((SELECT min(id) FROM events), event_id + 1)"
/* The first webhook that is no more and has deliveries. Ids of webhooks are found one after the other in an
 * index, however many deliveries each has. */
#define GONE                                                                               \
    "WITH RECURSIVE ids(id) AS (SELECT min(webhook_id) FROM webhook_deliveries UNION ALL " \
    "SELECT (SELECT min(webhook_id) FROM webhook_deliveries WHERE webhook_id > ids.id) "   \
    "FROM ids WHERE ids.id IS NOT NULL) SELECT min(ids.id) FROM ids WHERE NOT EXISTS "     \
    "(SELECT 1 FROM webhooks AS w WHERE w.id = ids.id)"
/* At most $2 of the deliveries of a webhook. */
#define LEFT                                                                                  \
    "DELETE FROM webhook_deliveries WHERE webhook_id = $1 AND id < coalesce((SELECT id FROM " \
    "webhook_deliveries WHERE webhook_id = $1 ORDER BY id LIMIT 1 OFFSET $2), "               \
    "9223372036854775807) RETURNING id"

static enum ct_result count_rows(struct ct_stmt *stmt, size_t *count)
{
    enum ct_result result;
    *count = 0;
    while ((result = ct_step(stmt)) == CT_ROW)
        ++*count;
    return result;
}

static enum ct_result run_with(struct ct_db *db, const char *sql, int64_t first, size_t limit,
                               size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, sql, &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, first);
    ct_bind_int(stmt, 2, (int64_t)limit);
    return count_rows(stmt, count);
}

/* 0: there is none. */
static enum ct_result find_gone(struct ct_db *db, int64_t *webhook_id)
{
    struct ct_stmt *stmt;
    *webhook_id = 0;
    enum ct_result result = ct_db_query(db, GONE, &stmt);
    if (result != CT_OK)
        return result;
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    if (!ct_column_is_null(stmt, 0))
        *webhook_id = ct_column_int(stmt, 0);
    return ct_run(stmt);
}

enum ct_result ct_delivery_tidy_is_due(struct ct_db *db, int64_t before_ms, bool *due)
{
    size_t over = 0;
    int64_t gone = 0;
    enum ct_result result = run_with(db, "SELECT id" OVER, before_ms, 1, &over);
    if (result == CT_OK && over == 0)
        result = find_gone(db, &gone);
    *due = over > 0 || gone != 0;
    return result;
}

enum ct_result ct_delivery_tidy(struct ct_db *db, int64_t before_ms, size_t limit, bool *more)
{
    size_t over = 0;
    size_t left = 0;
    int64_t gone = 0;
    enum ct_result result = run_with(db, "DELETE" OVER " RETURNING id", before_ms, limit, &over);
    if (result == CT_OK)
        result = find_gone(db, &gone);
    if (result == CT_OK && gone != 0)
        result = run_with(db, LEFT, gone, limit, &left);
    *more = over == limit || left == limit;
    return result;
}
