#include "numbers/transfers.h"

#include "base/clock.h"

/* ---- reading ---- */

/* Sent by and sent to are two walks through an index each, in the order of the ids. */
#define SELECT_TRANSFERS(direction, condition)                                              \
    "SELECT n.id AS id, n.phone_number AS phone_number, f.username AS sender, "             \
    "t.username AS receiver, '" direction "' AS direction, n.status_until AS status_until " \
    "FROM virtual_phone_numbers AS n JOIN users AS f ON f.id = n.user_id "                  \
    "JOIN users AS t ON t.id = n.transfer_to "                                              \
    "WHERE n.transfer_to IS NOT NULL AND " condition                                        \
    " = $1 AND n.id > $2 AND n.status = 'transferring' AND n.status_until > $3 "

enum ct_result ct_transfer_list(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                int64_t after_id, size_t limit, int64_t now_ms,
                                struct ct_transfer *out, size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    SELECT_TRANSFERS("incoming", "n.transfer_to") "UNION ALL " SELECT_TRANSFERS(
                        "outgoing", "n.user_id") "ORDER BY id LIMIT $4",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, after_id);
    ct_bind_int(stmt, 3, now_ms);
    ct_bind_int(stmt, 4, (int64_t)limit);
    *count = 0;
    while (*count < limit && (result = ct_step(stmt)) == CT_ROW) {
        struct ct_transfer *row = &out[*count];
        row->id = ct_column_int(stmt, 0);
        row->expires_at = ct_column_time(stmt, 5);
        result = ct_column_str(stmt, 1, arena, &row->phone_number);
        if (result == CT_OK)
            result = ct_column_str(stmt, 2, arena, &row->from);
        if (result == CT_OK)
            result = ct_column_str(stmt, 3, arena, &row->to);
        if (result == CT_OK)
            result = ct_column_str(stmt, 4, arena, &row->direction);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    return result == CT_ROW ? CT_OK : result;
}

enum ct_result ct_transfer_get(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                               int64_t id, int64_t now_ms, struct ct_number *out)
{
    enum ct_result result = ct_number_by_id(arena, db, id, now_ms, out);
    if (result != CT_OK)
        return result;
    bool concerned = out->user_id == user_id || out->transfer_to == user_id;
    return out->state == CT_LIFE_TRANSFERRING && concerned ? CT_OK : CT_NOT_FOUND;
}

/* ---- steps ---- */

static void step(struct ct_number *number, enum ct_life_event event, int64_t to_id,
                 int64_t until_ms)
{
    number->stored = ct_life_next(number->state, event);
    number->state = number->stored;
    number->transfer_to = to_id;
    number->until = until_ms;
}

enum ct_result ct_transfer_offer(struct ct_db *db, struct ct_number *number, int64_t to_id,
                                 int64_t until_ms)
{
    if (!ct_life_allows(number->state, CT_LIFE_OFFER) || number->user_id == to_id)
        return CT_CONFLICT;
    step(number, CT_LIFE_OFFER, to_id, until_ms);
    return ct_number_save(db, number);
}

enum ct_result ct_transfer_accept(struct ct_db *db, struct ct_number *number)
{
    if (!ct_life_allows(number->state, CT_LIFE_ACCEPT))
        return CT_CONFLICT;
    number->user_id = number->transfer_to;
    number->friendly_name = (struct ct_str){0};
    number->tags = (struct ct_str){0};
    number->voice = (struct ct_str){0};
    step(number, CT_LIFE_ACCEPT, 0, CT_NO_TIME);
    return ct_number_save(db, number);
}

enum ct_result ct_transfer_audit_other(const struct ct_call *call, int64_t user_id,
                                       enum ct_audit_action action, const struct ct_number *number,
                                       struct ct_str detail)
{
    const struct ct_audit entry = {.user_id = user_id,
                                   .actor_id = call->user_id,
                                   .action = action,
                                   .target_id = number->id,
                                   .detail = detail};
    return ct_audit_write(call->db, ct_clock_unix_ms(), &entry);
}

enum ct_result ct_transfer_end(struct ct_call *call, struct ct_number *number, const char *why)
{
    if (!ct_life_allows(number->state, CT_LIFE_REFUSE))
        return CT_CONFLICT;
    step(number, CT_LIFE_REFUSE, 0, CT_NO_TIME);
    enum ct_result result = ct_number_save(call->db, number);
    if (result != CT_OK)
        return result;
    const char *detail = ct_arena_printf(call->arena, "%.*s %s", (int)number->phone_number.len,
                                         number->phone_number.at, why);
    if (detail == NULL)
        return CT_NOMEM;
    if (number->user_id == call->user_id)
        return ct_audit_call(call, number->user_id, CT_AUDIT_NUMBER_OFFER_ENDED, number->id,
                             ct_str_of(detail));
    return ct_transfer_audit_other(call, number->user_id, CT_AUDIT_NUMBER_OFFER_ENDED, number,
                                   ct_str_of(detail));
}

/* ---- the end of an account ---- */

enum ct_result ct_transfer_end_incoming(struct ct_db *db, int64_t user_id, int64_t now_ms)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "UPDATE virtual_phone_numbers SET status_until = $2 WHERE transfer_to = $1 "
                    "AND status = 'transferring' AND status_until > $2",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, now_ms);
    return ct_run(stmt);
}
