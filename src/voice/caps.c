#include "voice/caps.h"

#include <string.h>

#include "accounts/rows.h"
#include "voice/words.h"

#define MINUTE_MS INT64_C(60000)
#define DAY_MS INT64_C(86400000)

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

/* What calls to trunks have lasted today, those that go on included. */
static enum ct_result sum_today(struct ct_db *db, int64_t user_id, int64_t now_ms, int64_t *out)
{
    int64_t running = 0;
    enum ct_result result =
        one_int(db, "SELECT coalesce(sum(ms), 0) FROM call_usage WHERE user_id = $1 AND day = $2",
                (const int64_t[]){user_id, now_ms / DAY_MS}, 2, out);
    if (result == CT_OK)
        result =
            one_int(db,
                    "SELECT coalesce(sum($2 - CASE WHEN paid_from > answered_at THEN paid_from "
                    "ELSE answered_at END), 0) FROM calls "
                    "WHERE payer_id = $1 AND ended_at IS NULL AND answered_at IS NOT NULL",
                    (const int64_t[]){user_id, now_ms}, 2, &running);
    *out += running;
    return result;
}

static enum ct_result refuse(struct ct_call_verdict *out, const char *why)
{
    out->why = why;
    return CT_OK;
}

static enum ct_result judge(struct ct_db *db, int64_t user_id, struct ct_str number, int64_t now_ms,
                            const struct ct_call_caps *caps, struct ct_call_verdict *out)
{
    int64_t found = 0;
    enum ct_result result = CT_OK;
    *out = (struct ct_call_verdict){.longest_ms = INT64_MAX};
    if (!caps->trunks)
        return refuse(out, "The account may not call outside");
    if (!is_allowed(&caps->prefixes, number))
        return refuse(out, "The account may not call this number");
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
    if (caps->longest_call_s > 0)
        out->longest_ms = caps->longest_call_s * 1000;
    if (caps->minutes_per_day == 0)
        return CT_OK;
    result = sum_today(db, user_id, now_ms, &found);
    int64_t left = caps->minutes_per_day * MINUTE_MS - found;
    if (result == CT_OK && left <= 0)
        return refuse(out, "The account has used its minutes of the day");
    if (left < out->longest_ms)
        out->longest_ms = left;
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

/* As sum_today, of all who have calls now. */
#define USED_UP                                                                                 \
    "(SELECT coalesce(sum(ms), 0) FROM call_usage AS u WHERE u.user_id = c.payer_id "           \
    "AND u.day = $3) + "                                                                        \
    "(SELECT coalesce(sum($2 - CASE WHEN r.paid_from > r.answered_at THEN r.paid_from "         \
    "ELSE r.answered_at END), 0) FROM calls AS r WHERE r.payer_id = c.payer_id AND r.payer_id " \
    "IS NOT NULL AND r.ended_at IS NULL AND r.answered_at IS NOT NULL)"

enum ct_result ct_call_caps_spent(struct ct_arena *arena, struct ct_db *db, struct ct_str node,
                                  int64_t now_ms, size_t most, struct ct_str *out, size_t *count)
{
    struct ct_stmt *stmt;
    *count = 0;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT c.call_key FROM calls AS c JOIN call_caps AS k ON k.user_id = "
                    "c.payer_id WHERE c.payer_id IS NOT NULL AND c.ended_at IS NULL AND "
                    "c.answered_at IS NOT NULL AND c.node = $1 AND k.minutes_per_day > 0 AND "
                    "k.minutes_per_day * 60000 <= " USED_UP " LIMIT $4",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, node);
    ct_bind_int(stmt, 2, now_ms);
    ct_bind_int(stmt, 3, now_ms / DAY_MS);
    ct_bind_int(stmt, 4, (int64_t)most);
    while (*count < most && (result = ct_step(stmt)) == CT_ROW) {
        result = ct_column_str(stmt, 0, arena, &out[*count]);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    return result == CT_ROW ? CT_OK : result;
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
