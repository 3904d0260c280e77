#include "accounts/rows.h"
#include "voice/caps.h"
#include "voice/record_parts.h"

/* Who pays for a call in progress that turns to a trunk, or does not after all; and that its sides have changed. */

static enum ct_result look_at_open(struct ct_db *db, int64_t id, struct ct_record_row *out)
{
    enum ct_result result = ct_record_look(db, id, out);
    return result == CT_OK && out->ended_at != CT_NO_TIME ? CT_CONFLICT : result;
}

static enum ct_result set_bill(struct ct_db *db, int64_t id, const struct ct_record_bill *bill)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db,
                                        "UPDATE calls SET payer_id = $2, paid_from = $3, "
                                        "to_trunk_id = $4, granted_ms = $5 WHERE id = $1",
                                        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    ct_bind_id_or_null(stmt, 2, bill->payer_id);
    ct_bind_id_or_null(stmt, 3, bill->payer_id == 0 ? 0 : bill->at);
    ct_bind_id_or_null(stmt, 4, bill->trunk_id);
    ct_bind_id_or_null(stmt, 5, bill->granted_ms);
    return ct_run(stmt);
}

enum ct_result ct_record_pay(struct ct_db *db, int64_t id, const struct ct_record_bill *bill)
{
    struct ct_record_row row;
    enum ct_result result = look_at_open(db, id, &row);
    int64_t owed_ms = result == CT_OK && row.payer_id != 0 ? ct_record_paid_ms(&row, bill->at) : 0;
    if (result == CT_OK && owed_ms != 0)
        result = ct_call_usage_add(db, row.payer_id, row.answered_at, owed_ms);
    return result == CT_OK ? set_bill(db, id, bill) : result;
}

enum ct_result ct_record_is_paid(struct ct_db *db, int64_t id, const struct ct_record_bill *bill,
                                 bool *out)
{
    struct ct_record_row row;
    enum ct_result result = ct_record_look(db, id, &row);
    *out = result == CT_OK && row.payer_id == bill->payer_id && row.paid_from == bill->at;
    return result == CT_NOT_FOUND ? CT_OK : result;
}

enum ct_result ct_record_unpay(struct ct_db *db, int64_t id, const struct ct_record_bill *bill)
{
    struct ct_record_row row;
    enum ct_result result = look_at_open(db, id, &row);
    return result == CT_OK ? set_bill(db, id, bill) : result;
}

enum ct_result ct_record_transferred(struct ct_db *db, int64_t id, bool paid, int64_t to_trunk_id,
                                     int64_t at)
{
    struct ct_record_row row;
    struct ct_stmt *stmt;
    enum ct_result result = look_at_open(db, id, &row);
    if (result != CT_OK || row.transferred_at == at)
        return result;
    result = ct_db_query(db,
                         "UPDATE calls SET transferred_at = $2, paid_from = $3, to_trunk_id = $4 "
                         "WHERE id = $1",
                         &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    ct_bind_int(stmt, 2, at);
    ct_bind_id_or_null(stmt, 3, paid ? at : row.paid_from);
    ct_bind_id_or_null(stmt, 4, to_trunk_id);
    result = ct_run(stmt);
    return result == CT_OK ? ct_record_tell(db, id, CT_EVENT_CALL_TRANSFERRED, at) : result;
}
