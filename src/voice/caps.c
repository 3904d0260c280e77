#include "voice/caps.h"

#include <string.h>

#include "accounts/rows.h"
#include "voice/words.h"

#define MINUTE_MS INT64_C(60000)
#define DAY_MS INT64_C(86400000)
/* How often the limits of a call are asked again; how much it gets of a day at a time, at most; how long before the end of
 * that they are asked. */
#define AGAIN_MS MINUTE_MS
#define GRANT_MOST_MS MINUTE_MS
#define GRANT_LEAST_MS INT64_C(1000)
#define AHEAD_MS INT64_C(10000)

static const char no_minutes[] = "The account has used its minutes of the day";

enum ct_result ct_call_caps_read(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                 struct ct_call_caps *out)
{
    struct ct_stmt *stmt;
    struct ct_str prefixes;
    *out = (struct ct_call_caps){.trunks = false};
    enum ct_result result =
        ct_db_query(db,
                    "SELECT trunks, prefixes, concurrent_calls, calls_per_minute, longest_call_s, "
                    "minutes_per_day FROM call_caps WHERE user_id = $1",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result;
    out->trunks = ct_column_int(stmt, 0) != 0;
    out->concurrent_calls = ct_column_int(stmt, 2);
    out->calls_per_minute = ct_column_int(stmt, 3);
    out->longest_call_s = ct_column_int(stmt, 4);
    out->minutes_per_day = ct_column_int(stmt, 5);
    result = ct_column_str(stmt, 1, arena, &prefixes);
    return result == CT_OK ? ct_words_split(arena, prefixes, &out->prefixes) : result;
}

enum ct_result ct_call_caps_write(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                  const struct ct_call_caps *caps)
{
    struct ct_str prefixes;
    struct ct_stmt *stmt;
    enum ct_result result = ct_words_join(arena, &caps->prefixes, &prefixes);
    if (result == CT_OK)
        result =
            ct_db_query(db,
                        "INSERT INTO call_caps (user_id, trunks, prefixes, concurrent_calls, "
                        "calls_per_minute, longest_call_s, minutes_per_day) "
                        "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (user_id) DO UPDATE SET "
                        "trunks = excluded.trunks, prefixes = excluded.prefixes, "
                        "concurrent_calls = excluded.concurrent_calls, "
                        "calls_per_minute = excluded.calls_per_minute, "
                        "longest_call_s = excluded.longest_call_s, "
                        "minutes_per_day = excluded.minutes_per_day",
                        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, caps->trunks);
    ct_bind_str(stmt, 3, prefixes);
    ct_bind_int(stmt, 4, caps->concurrent_calls);
    ct_bind_int(stmt, 5, caps->calls_per_minute);
    ct_bind_int(stmt, 6, caps->longest_call_s);
    ct_bind_int(stmt, 7, caps->minutes_per_day);
    return ct_run(stmt);
}

static enum ct_result delete_of(struct ct_db *db, const char *sql, int64_t user_id)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, sql, &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    return ct_run(stmt);
}

enum ct_result ct_call_caps_forget(struct ct_db *db, int64_t user_id)
{
    enum ct_result result = delete_of(db, "DELETE FROM call_caps WHERE user_id = $1", user_id);
    return result == CT_OK ? delete_of(db, "DELETE FROM call_usage WHERE user_id = $1", user_id)
                           : result;
}

/* ---- judging ---- */

static bool is_allowed(const struct ct_texts *prefixes, struct ct_str number)
{
    for (size_t i = 0; i < prefixes->count; i++) {
        struct ct_str prefix = prefixes->at[i];
        if (prefix.len <= number.len && memcmp(number.at, prefix.at, prefix.len) == 0)
            return true;
    }
    return false;
}

/* The one integer of a statement with the parameters $1 to $3, as far as it has them. */
static enum ct_result one_int(struct ct_db *db, const char *sql, const int64_t *parameters,
                              int count, int64_t *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, sql, &stmt);
    if (result != CT_OK)
        return result;
    for (int i = 0; i < count; i++)
        ct_bind_int(stmt, i + 1, parameters[i]);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *out = ct_column_int(stmt, 0);
    return CT_OK;
}

/* How many calls to trunks are open, counting no further than the limit is. */
static enum ct_result count_open(struct ct_db *db, int64_t user_id, int64_t limit, int64_t *out)
{
    return one_int(db,
                   "SELECT count(*) FROM (SELECT 1 FROM calls WHERE payer_id = $1 "
                   "AND ended_at IS NULL LIMIT $2) AS running",
                   (const int64_t[]){user_id, limit}, 2, out);
}

static enum ct_result count_since(struct ct_db *db, int64_t user_id, int64_t since_ms,
                                  int64_t limit, int64_t *out)
{
    return one_int(db,
                   "SELECT count(*) FROM (SELECT 1 FROM calls WHERE payer_id = $1 "
                   "AND paid_from > $2 LIMIT $3) AS lately",
                   (const int64_t[]){user_id, since_ms, limit}, 3, out);
}

/* What is left of a day: without what its calls have used, and what those that go on may use yet. */
static enum ct_result count_left(struct ct_db *db, int64_t user_id, int64_t day, int64_t now_ms,
                                 int64_t minutes, int64_t *out)
{
    int64_t used = 0;
    int64_t granted = 0;
    enum ct_result result =
        one_int(db, "SELECT coalesce(sum(ms), 0) FROM call_usage WHERE user_id = $1 AND day = $2",
                (const int64_t[]){user_id, day}, 2, &used);
    if (result == CT_OK)
        result = one_int(db,
                         "SELECT coalesce(sum(CASE WHEN granted_ms IS NOT NULL THEN granted_ms "
                         "WHEN answered_at IS NULL THEN 0 "
                         "WHEN paid_from > answered_at THEN $3 - paid_from "
                         "ELSE $3 - answered_at END), 0) FROM calls "
                         "WHERE payer_id = $1 AND ended_at IS NULL "
                         "AND (answered_at IS NULL OR answered_at >= $2)",
                         (const int64_t[]){user_id, day * DAY_MS, now_ms}, 3, &granted);
    *out = minutes * MINUTE_MS - used - granted;
    return result;
}

/* How much of that the next call gets: half, so that something is left for others, unless that is next to nothing. */
static int64_t portion(int64_t left_ms)
{
    int64_t some = left_ms / 2 > GRANT_LEAST_MS ? left_ms / 2 : GRANT_LEAST_MS;
    some = some < left_ms ? some : left_ms;
    return some < GRANT_MOST_MS ? some : GRANT_MOST_MS;
}

/* @p granted_ms is what the call has in all, 0 for one that is not counted; @p passed_ms what it has used of it. */
static void settle(const struct ct_call_caps *caps, int64_t granted_ms, int64_t passed_ms,
                   bool more, struct ct_call_verdict *out)
{
    int64_t longest = caps->longest_call_s > 0 ? caps->longest_call_s * 1000 : INT64_MAX;
    bool counted = caps->minutes_per_day > 0;
    *out = (struct ct_call_verdict){.longest_ms = longest, .again_ms = passed_ms + AGAIN_MS};
    if (counted && granted_ms < longest) {
        int64_t rest = granted_ms - passed_ms;
        int64_t ahead = rest / 2 < AHEAD_MS ? rest / 2 : AHEAD_MS;
        out->longest_ms = granted_ms;
        out->over = no_minutes;
        if (granted_ms - ahead < out->again_ms)
            out->again_ms = granted_ms - ahead;
        if (!more)
            out->again_ms = 0;
    }
    if (out->again_ms >= out->longest_ms)
        out->again_ms = 0;
    out->granted_ms = counted ? (granted_ms < longest ? granted_ms : longest) : 0;
}

static enum ct_result refuse(struct ct_call_verdict *out, const char *why)
{
    out->why = why;
    return CT_OK;
}

static bool may_call(const struct ct_call_caps *caps, struct ct_str number,
                     struct ct_call_verdict *out)
{
    *out = (struct ct_call_verdict){.longest_ms = INT64_MAX};
    if (!caps->trunks)
        out->why = "The account may not call outside";
    else if (!is_allowed(&caps->prefixes, number))
        out->why = "The account may not call this number";
    return out->why == NULL;
}

static enum ct_result judge(struct ct_db *db, int64_t user_id, struct ct_str number, int64_t now_ms,
                            const struct ct_call_caps *caps, struct ct_call_verdict *out)
{
    int64_t found = 0;
    enum ct_result result = CT_OK;
    if (!may_call(caps, number, out))
        return CT_OK;
    if (caps->concurrent_calls > 0)
        result = count_open(db, user_id, caps->concurrent_calls, &found);
    if (result != CT_OK)
        return result;
    if (caps->concurrent_calls > 0 && found >= caps->concurrent_calls)
        return refuse(out, "The account has too many calls at the same time");
    if (caps->calls_per_minute > 0)
        result = count_since(db, user_id, now_ms - MINUTE_MS, caps->calls_per_minute, &found);
    if (result != CT_OK)
        return result;
    if (caps->calls_per_minute > 0 && found >= caps->calls_per_minute)
        return refuse(out, "The account has made too many calls in the last minute");
    int64_t left = 0;
    if (caps->minutes_per_day > 0)
        result = count_left(db, user_id, now_ms / DAY_MS, now_ms, caps->minutes_per_day, &left);
    if (result == CT_OK && caps->minutes_per_day > 0 && left <= 0)
        return refuse(out, no_minutes);
    settle(caps, portion(left), 0, true, out);
    return result;
}

enum ct_result ct_call_caps_judge(struct ct_db *db, int64_t user_id, struct ct_str number,
                                  int64_t now_ms, struct ct_call_verdict *out)
{
    struct ct_call_caps caps;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_call_caps_read(arena, db, user_id, &caps);
    if (result == CT_OK)
        result = judge(db, user_id, number, now_ms, &caps, out);
    ct_arena_free(arena);
    return result;
}

/* ---- calls in progress ---- */

/* What its record says of it. */
struct running {
    int64_t payer_id;
    int64_t answered_at;
    int64_t paid_from; /* or answered, whatever was later */
    int64_t granted_ms;
};

static enum ct_result find_running(struct ct_db *db, int64_t call_id, struct running *out)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT payer_id, answered_at, paid_from, granted_ms FROM calls WHERE id = $1 "
                    "AND payer_id IS NOT NULL AND answered_at IS NOT NULL "
                    "AND (ended_at IS NULL OR status = 'interrupted')",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, call_id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    *out = (struct running){.payer_id = ct_column_int(stmt, 0),
                            .answered_at = ct_column_int(stmt, 1),
                            .paid_from = ct_column_int(stmt, 2),
                            .granted_ms = ct_column_int(stmt, 3)};
    if (out->paid_from < out->answered_at)
        out->paid_from = out->answered_at;
    return CT_OK;
}

static enum ct_result grant(struct ct_db *db, int64_t call_id, int64_t granted_ms)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "UPDATE calls SET granted_ms = $2 WHERE id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, call_id);
    ct_bind_int(stmt, 2, granted_ms);
    return ct_run(stmt);
}

static enum ct_result judge_again(struct ct_arena *arena, struct ct_db *db, int64_t call_id,
                                  struct ct_str number, int64_t now_ms, struct ct_call_verdict *out)
{
    struct ct_call_caps caps;
    struct running running;
    int64_t left = 0;
    enum ct_result result = find_running(db, call_id, &running);
    if (result == CT_OK)
        result = ct_call_caps_read(arena, db, running.payer_id, &caps);
    if (result != CT_OK || !may_call(&caps, number, out))
        return result;
    int64_t passed_ms = now_ms > running.paid_from ? now_ms - running.paid_from : 0;
    /* a limit that is new counts from now on */
    int64_t granted_ms = running.granted_ms > 0 ? running.granted_ms : passed_ms;
    if (caps.minutes_per_day > 0)
        result = count_left(db, running.payer_id, running.answered_at / DAY_MS, now_ms,
                            caps.minutes_per_day, &left);
    bool more = left > 0;
    if (more)
        granted_ms += portion(left);
    settle(&caps, granted_ms, passed_ms, more, out);
    if (result == CT_OK && out->granted_ms != running.granted_ms && out->granted_ms > 0)
        result = grant(db, call_id, out->granted_ms);
    return result;
}

enum ct_result ct_call_caps_again(struct ct_db *db, int64_t call_id, struct ct_str number,
                                  int64_t now_ms, struct ct_call_verdict *out)
{
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    enum ct_result result = judge_again(arena, db, call_id, number, now_ms, out);
    ct_arena_free(arena);
    return result;
}

enum ct_result ct_call_usage_add(struct ct_db *db, int64_t user_id, int64_t answered_at, int64_t ms)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "INSERT INTO call_usage (user_id, day, ms) VALUES ($1, $2, $3) "
                    "ON CONFLICT (user_id, day) DO UPDATE SET ms = call_usage.ms + excluded.ms",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, answered_at / DAY_MS);
    ct_bind_int(stmt, 3, ms);
    return ct_run(stmt);
}
