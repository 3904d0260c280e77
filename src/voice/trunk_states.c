#include "voice/trunk_states.h"

#include <string.h>

#include "accounts/rows.h"
#include "events/events.h"
#include "voice/words.h"

/* Administrators beyond these hear nothing. */
#define ADMINS_MOST 100

/* ---- reading ---- */

#define COLUMNS \
    "trunk_id, node, lease_until, contact, registration, until_at, status, reason, hosts"

static enum ct_result read_state(struct ct_arena *arena, struct ct_stmt *stmt,
                                 struct ct_trunk_state *out)
{
    struct ct_str word;
    struct ct_str hosts;
    *out = (struct ct_trunk_state){.trunk_id = ct_column_int(stmt, 0),
                                   .lease_until = ct_column_int(stmt, 2),
                                   .until = ct_column_time(stmt, 5),
                                   .status = ct_column_int(stmt, 6)};
    enum ct_result result = ct_column_str(stmt, 1, arena, &out->node);
    if (result == CT_OK)
        result = ct_column_str(stmt, 3, arena, &out->contact);
    if (result == CT_OK)
        result = ct_column_str(stmt, 4, arena, &word);
    if (result == CT_OK)
        result = ct_column_text(stmt, 7, arena, &out->reason);
    if (result == CT_OK)
        result = ct_column_str(stmt, 8, arena, &hosts);
    if (result != CT_OK)
        return result;
    out->standing = ct_trunk_standing_of(word);
    return ct_words_split(arena, hosts, &out->hosts);
}

static enum ct_result count_states(struct ct_db *db, size_t *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "SELECT count(*) FROM trunk_states", &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *out = (size_t)ct_column_int(stmt, 0);
    return CT_OK;
}

enum ct_result ct_trunk_state_all(struct ct_arena *arena, struct ct_db *db,
                                  const struct ct_trunk_state **out, size_t *count)
{
    struct ct_stmt *stmt;
    size_t most = 0;
    enum ct_result result = count_states(db, &most);
    if (result != CT_OK)
        return result;
    struct ct_trunk_state *rows = ct_arena_alloc(arena, most * sizeof(*rows));
    if (rows == NULL)
        return CT_NOMEM;
    result = ct_db_query(db, "SELECT " COLUMNS " FROM trunk_states ORDER BY trunk_id", &stmt);
    if (result != CT_OK)
        return result;
    *out = rows;
    *count = 0;
    while (*count < most && (result = ct_step(stmt)) == CT_ROW) {
        result = read_state(arena, stmt, &rows[*count]);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    return result == CT_ROW ? CT_OK : result;
}

enum ct_result ct_trunk_state_get(struct ct_arena *arena, struct ct_db *db, int64_t trunk_id,
                                  struct ct_trunk_state *out)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "SELECT " COLUMNS " FROM trunk_states WHERE trunk_id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, trunk_id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    return read_state(arena, stmt, out);
}

enum ct_trunk_host_state ct_trunk_state_of_host(const struct ct_trunk_state *state,
                                                struct ct_str host)
{
    for (size_t i = 0; i < state->hosts.count; i++) {
        struct ct_str word = state->hosts.at[i];
        if (word.len > host.len && memcmp(word.at, host.at, host.len) == 0 &&
            word.at[host.len] == '=')
            return ct_trunk_host_state_of(
                (struct ct_str){word.at + host.len + 1, word.len - host.len - 1});
    }
    return CT_TRUNK_HOST_UNKNOWN;
}

/* ---- leases ---- */

enum ct_result ct_trunk_lease_take(struct ct_db *db, const struct ct_trunk_lease *lease,
                                   int64_t trunk_id, struct ct_str contact)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db,
        "INSERT INTO trunk_states (trunk_id, node, lease_until, contact, registration, changed_at, "
        "hosts) SELECT id, CAST($1 AS VARCHAR), CAST($2 AS BIGINT), CAST($3 AS VARCHAR), "
        "'pending', "
        "CAST($4 AS BIGINT), '' FROM trunks WHERE id = $5 "
        "ON CONFLICT (trunk_id) DO UPDATE SET node = excluded.node, "
        "lease_until = excluded.lease_until "
        "WHERE trunk_states.lease_until < excluded.changed_at OR trunk_states.node = excluded.node "
        "OR CAST($6 AS BIGINT) = 1",
        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, lease->node);
    ct_bind_int(stmt, 2, lease->now_ms + CT_TRUNK_LEASE_MS);
    ct_bind_str(stmt, 3, contact);
    ct_bind_int(stmt, 4, lease->now_ms);
    ct_bind_int(stmt, 5, trunk_id);
    ct_bind_int(stmt, 6, lease->alone);
    return ct_run(stmt);
}

enum ct_result ct_trunk_lease_renew(struct ct_db *db, const struct ct_trunk_lease *lease)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db, "UPDATE trunk_states SET lease_until = $1 WHERE node = $2 AND lease_until > 0", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, lease->now_ms + CT_TRUNK_LEASE_MS);
    ct_bind_str(stmt, 2, lease->node);
    return ct_run(stmt);
}

enum ct_result ct_trunk_lease_return(struct ct_db *db, struct ct_str node)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db,
        "UPDATE trunk_states SET lease_until = 0, registration = 'pending', until_at = NULL "
        "WHERE node = $1",
        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, node);
    return ct_run(stmt);
}

enum ct_result ct_trunk_state_forget(struct ct_db *db, int64_t trunk_id)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "DELETE FROM trunk_states WHERE trunk_id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, trunk_id);
    return ct_run(stmt);
}

/* ---- telling ---- */

/* Whom events of trunks are for. */
struct audience {
    int64_t ids[ADMINS_MOST];
    size_t count;
    struct ct_str name; /* of the trunk */
};

static enum ct_result find_audience(struct ct_arena *arena, struct ct_db *db, int64_t trunk_id,
                                    struct audience *out)
{
    struct ct_stmt *stmt;
    out->count = 0;
    enum ct_result result = ct_db_query(db, "SELECT name FROM trunks WHERE id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, trunk_id);
    result = ct_step(stmt);
    /* a trunk that is gone has nothing to tell */
    if (result != CT_ROW)
        return result;
    result = ct_column_str(stmt, 0, arena, &out->name);
    if (result == CT_OK)
        result = ct_db_query(db, "SELECT id FROM users WHERE role = 'admin' ORDER BY id", &stmt);
    if (result != CT_OK)
        return result;
    while (out->count < ADMINS_MOST && (result = ct_step(stmt)) == CT_ROW)
        out->ids[out->count++] = ct_column_int(stmt, 0);
    return result == CT_ROW ? CT_OK : result;
}

static struct ct_buf begin_data(struct ct_arena *arena, const struct audience *audience)
{
    struct ct_buf data = ct_buf_in(arena);
    ct_buf_member(&data, '{', "name");
    ct_buf_json(&data, audience->name);
    return data;
}

static enum ct_result announce(struct ct_db *db, const struct audience *audience,
                               const struct ct_trunk_state *state, enum ct_event_type type,
                               int64_t now_ms, struct ct_buf *data)
{
    enum ct_result result = CT_OK;
    ct_buf_char(data, '}');
    struct ct_event event = {.type = type,
                             .created_at = now_ms,
                             .subject_id = state->trunk_id,
                             .data = ct_buf_done(data)};
    if (data->failed)
        return CT_NOMEM;
    for (size_t i = 0; result == CT_OK && i < audience->count; i++) {
        event.user_id = audience->ids[i];
        result = ct_event_write(db, &event);
    }
    return result;
}

static enum ct_result announce_registration(struct ct_arena *arena, struct ct_db *db,
                                            const struct audience *audience,
                                            const struct ct_trunk_state *state, int64_t now_ms)
{
    struct ct_buf data = begin_data(arena, audience);
    if (state->standing == CT_TRUNK_IS_REGISTERED) {
        ct_buf_member(&data, ',', "until");
        ct_buf_char(&data, '"');
        ct_buf_time(&data, state->until);
        ct_buf_char(&data, '"');
        return announce(db, audience, state, CT_EVENT_TRUNK_REGISTERED, now_ms, &data);
    }
    ct_buf_member(&data, ',', "status");
    ct_buf_int(&data, state->status);
    ct_buf_member(&data, ',', "reason");
    ct_buf_json(&data, state->reason);
    return announce(db, audience, state, CT_EVENT_TRUNK_UNREGISTERED, now_ms, &data);
}

/* What is told of a host that was not known to be up before, nor down: only that it is down. */
static enum ct_result announce_hosts(struct ct_arena *arena, struct ct_db *db,
                                     const struct audience *audience,
                                     const struct ct_trunk_state *before,
                                     const struct ct_trunk_state *state, int64_t now_ms)
{
    enum ct_result result = CT_OK;
    for (size_t i = 0; result == CT_OK && i < state->hosts.count; i++) {
        struct ct_str word = state->hosts.at[i];
        const char *equals = memchr(word.at, '=', word.len);
        if (equals == NULL)
            continue;
        struct ct_str host = {word.at, (size_t)(equals - word.at)};
        enum ct_trunk_host_state then = ct_trunk_state_of_host(before, host);
        enum ct_trunk_host_state now = ct_trunk_state_of_host(state, host);
        bool back = then == CT_TRUNK_HOST_DOWN && now == CT_TRUNK_HOST_UP;
        if (!back && (then == CT_TRUNK_HOST_DOWN || now != CT_TRUNK_HOST_DOWN))
            continue;
        struct ct_buf data = begin_data(arena, audience);
        ct_buf_member(&data, ',', "host");
        ct_buf_json(&data, host);
        result =
            announce(db, audience, state,
                     back ? CT_EVENT_TRUNK_REACHABLE : CT_EVENT_TRUNK_UNREACHABLE, now_ms, &data);
    }
    return result;
}

static enum ct_result write_state(struct ct_arena *arena, struct ct_db *db,
                                  const struct ct_trunk_state *state, int64_t now_ms)
{
    struct ct_stmt *stmt;
    struct ct_str hosts;
    enum ct_result result = ct_words_join(arena, &state->hosts, &hosts);
    if (result == CT_OK)
        result = ct_db_query(db,
                             "UPDATE trunk_states SET registration = $1, until_at = $2, "
                             "status = $3, reason = $4, hosts = $5, changed_at = $6 "
                             "WHERE trunk_id = $7",
                             &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, ct_str_of(ct_trunk_standing_words[state->standing]));
    if (state->until == CT_NO_TIME)
        ct_bind_null(stmt, 2);
    else
        ct_bind_int(stmt, 2, state->until);
    if (state->status == 0)
        ct_bind_null(stmt, 3);
    else
        ct_bind_int(stmt, 3, state->status);
    ct_bind_text_or_null(stmt, 4, state->reason);
    ct_bind_str(stmt, 5, hosts);
    ct_bind_int(stmt, 6, now_ms);
    ct_bind_int(stmt, 7, state->trunk_id);
    return ct_run(stmt);
}

enum ct_result ct_trunk_state_tell(struct ct_arena *arena, struct ct_db *db,
                                   const struct ct_trunk_state *state, bool registration,
                                   int64_t now_ms)
{
    struct ct_trunk_state before;
    struct ct_trunk_state after = *state;
    struct audience audience;
    enum ct_result result = ct_trunk_state_get(arena, db, state->trunk_id, &before);
    if (result == CT_NOT_FOUND || (result == CT_OK && !ct_str_equal(before.node, state->node)))
        return CT_OK;
    if (result == CT_OK && !registration) {
        after.standing = before.standing;
        after.until = before.until;
        after.status = before.status;
        after.reason = before.reason;
    }
    if (result == CT_OK)
        result = write_state(arena, db, &after, now_ms);
    if (result == CT_OK)
        result = find_audience(arena, db, state->trunk_id, &audience);
    if (result != CT_OK || audience.count == 0)
        return result;
    if (after.standing != before.standing && after.standing != CT_TRUNK_IS_PENDING)
        result = announce_registration(arena, db, &audience, &after, now_ms);
    return result == CT_OK ? announce_hosts(arena, db, &audience, &before, &after, now_ms) : result;
}
