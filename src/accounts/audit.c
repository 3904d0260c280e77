#include "accounts/audit.h"

#include <assert.h>

#include "accounts/rows.h"
#include "base/clock.h"
#include "store/migrations.h"

static const struct {
    const char *word;
    const char *target;
} actions[] = {
#define CT_AUDIT_ACTION(name, action, changes, ...) [CT_AUDIT_##name] = {action, changes},
#include "accounts/audit_actions.def"
};

const char *ct_audit_word(enum ct_audit_action action)
{
    assert((size_t)action < sizeof(actions) / sizeof(actions[0]));
    return actions[action].word;
}

const char *ct_audit_target(enum ct_audit_action action)
{
    assert((size_t)action < sizeof(actions) / sizeof(actions[0]));
    return actions[action].target;
}

enum ct_result ct_audit_write(struct ct_db *db, int64_t now_ms, const struct ct_audit *entry)
{
    struct ct_stmt *stmt;
    int64_t id;
    enum ct_result result = ct_next_id(db, CT_NEXT_ID_QUERY("audit"), &id);
    if (result == CT_OK)
        result = ct_db_query(db,
                             "INSERT INTO audit (id, at, user_id, actor_id, key_id, action, "
                             "target_id, detail, address) "
                             "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                             &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    ct_bind_int(stmt, 2, now_ms);
    ct_bind_int(stmt, 3, entry->user_id);
    ct_bind_id_or_null(stmt, 4, entry->actor_id);
    ct_bind_id_or_null(stmt, 5, entry->key_id);
    ct_bind_str(stmt, 6, ct_str_of(ct_audit_word(entry->action)));
    ct_bind_id_or_null(stmt, 7, entry->target_id);
    ct_bind_text_or_null(stmt, 8, entry->detail);
    ct_bind_text_or_null(stmt, 9, entry->address);
    return ct_run(stmt);
}

enum ct_result ct_audit_call(const struct ct_call *call, int64_t user_id,
                             enum ct_audit_action action, int64_t target_id, struct ct_str detail)
{
    const struct ct_audit entry = {.user_id = user_id,
                                   .actor_id = call->caller.user_id,
                                   .key_id = call->caller.key_id,
                                   .action = action,
                                   .target_id = target_id,
                                   .detail = detail,
                                   .address = call->address};
    return ct_audit_write(call->db, ct_clock_unix_ms(), &entry);
}
