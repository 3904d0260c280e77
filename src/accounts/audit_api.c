#include "accounts/audit.h"

#include "accounts/rows.h"

/* How many rows are looked at for one page, when only some actions are asked for. */
#define LOOKED_AT 2000

static const char *const words[] = {
#define CT_AUDIT_ACTION(name, word, ...) word,
#include "accounts/audit_actions.def"
    NULL,
};

static const char action_doc[] = "Only this one."
#define CT_AUDIT_ACTION(name, word, target, happened) "\n- `" word "`: " happened
#include "accounts/audit_actions.def"
    ;

struct audit_query {
    int64_t limit;
    struct ct_str after;
    struct ct_str action;
};

static const struct ct_field query_fields[] = {
    CT_LIST_QUERY_FIELDS(struct audit_query),
    CT_FIELD(struct audit_query, action, CT_FIELD_STRING, .flags = CT_FIELD_OPTIONAL,
             .words = words, .doc = action_doc, .example = "\"account.logged_in\""),
};

static const struct ct_schema query_schema =
    CT_SCHEMA("AuditQuery", NULL, struct audit_query, query_fields);

struct audit_reply {
    int64_t id;
    int64_t at;
    struct ct_str action;
    struct ct_str target;
    int64_t target_id;
    struct ct_str detail;
    int64_t actor_id;
    struct ct_str actor;
    int64_t key_id;
    struct ct_str address;
};

static const struct ct_field audit_fields[] = {
    CT_FIELD(struct audit_reply, id, CT_FIELD_INT, .doc = "The entry's id.", .example = "1"),
    CT_FIELD(struct audit_reply, at, CT_FIELD_TIME, .doc = "When it was done.",
             .example = "\"2026-01-31T12:00:00.000Z\""),
    CT_FIELD(struct audit_reply, action, CT_FIELD_STRING, .doc = "What was done.",
             .example = "\"number.created\""),
    CT_FIELD(struct audit_reply, target, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE,
             .doc = "What kind of thing it was done to.", .example = "\"phone_number\""),
    CT_FIELD(struct audit_reply, target_id, CT_FIELD_INT, .flags = CT_FIELD_NULLABLE,
             .doc = "The id of that thing.", .example = "1"),
    CT_FIELD(struct audit_reply, detail, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE,
             .doc = "A few words more, such as the number itself.", .example = "\"+4930123456\""),
    CT_FIELD(struct audit_reply, actor_id, CT_FIELD_INT, .flags = CT_FIELD_NULLABLE,
             .doc = "The account that did it; null: the operator, or the passing of time.",
             .example = "1"),
    CT_FIELD(struct audit_reply, actor, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE,
             .doc = "Its username; null also when it was deleted since.", .example = "\"alice\""),
    CT_FIELD(struct audit_reply, key_id, CT_FIELD_INT, .flags = CT_FIELD_NULLABLE,
             .doc = "The API key that it was done with; null: none.", .example = "null"),
    CT_FIELD(struct audit_reply, address, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE,
             .doc = "Where the request came from.", .example = "\"192.0.2.1\""),
};

static const struct ct_schema audit_schema =
    CT_SCHEMA("AuditEntry", "What was done to the account.", struct audit_reply, audit_fields);

/* The kind of an action, by its word; none for one of a newer program. */
static struct ct_str target_of(struct ct_str action)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (ct_str_equal(action, ct_str_of(words[i])))
            return ct_str_of(ct_audit_target((enum ct_audit_action)i));
    }
    return (struct ct_str){0};
}

static enum ct_result read_entry(struct ct_arena *arena, struct ct_stmt *stmt,
                                 struct audit_reply *out)
{
    out->id = ct_column_int(stmt, 0);
    out->at = ct_column_time(stmt, 1);
    out->target_id = ct_column_id(stmt, 3);
    out->actor_id = ct_column_id(stmt, 5);
    out->key_id = ct_column_id(stmt, 7);
    enum ct_result result = ct_column_str(stmt, 2, arena, &out->action);
    if (result == CT_OK)
        result = ct_column_text(stmt, 4, arena, &out->detail);
    if (result == CT_OK)
        result = ct_column_text(stmt, 6, arena, &out->actor);
    if (result == CT_OK)
        result = ct_column_text(stmt, 8, arena, &out->address);
    if (result == CT_OK)
        out->target = target_of(out->action);
    return result;
}

static enum ct_result find_entries(struct ct_call *call, int64_t before, struct ct_stmt **out)
{
    const struct audit_query *query = call->query;
    enum ct_result result =
        ct_db_query(call->db,
                    "SELECT a.id, a.at, a.action, a.target_id, a.detail, a.actor_id, u.username, "
                    "a.key_id, a.address, CASE WHEN $4 = '' OR a.action = $4 THEN 1 ELSE 0 END "
                    "FROM audit a LEFT JOIN users u ON u.id = a.actor_id "
                    "WHERE a.user_id = $1 AND a.id < $2 ORDER BY a.id DESC LIMIT $3",
                    out);
    if (result != CT_OK)
        return result;
    ct_bind_int(*out, 1, call->user_id);
    ct_bind_int(*out, 2, before);
    ct_bind_int(*out, 3, query->action.len == 0 ? query->limit + 1 : LOOKED_AT);
    ct_bind_str(*out, 4, query->action.len == 0 ? CT_STR("") : query->action);
    return CT_OK;
}

static enum ct_result list_audit(struct ct_call *call)
{
    const struct audit_query *query = call->query;
    struct ct_page *reply = call->reply;
    int64_t after = 0;
    enum ct_result result = ct_cursor_read(call, query->after, &after);
    if (result != CT_OK)
        return result;
    size_t limit = (size_t)query->limit;
    struct audit_reply *items = ct_arena_alloc(call->arena, limit * sizeof(*items));
    if (items == NULL)
        return CT_NOMEM;
    reply->items = items;
    struct ct_stmt *stmt;
    int64_t last = 0; /* the last row that was looked at and is on this page or on none */
    size_t looked_at = 0;
    bool more = false;
    result = find_entries(call, after == 0 ? INT64_MAX : after, &stmt);
    while (result == CT_OK && !more && (result = ct_step(stmt)) == CT_ROW) {
        looked_at++;
        bool wanted = ct_column_int(stmt, 9) == 1;
        result = CT_OK;
        more = wanted && reply->count == limit;
        if (wanted && !more)
            result = read_entry(call->arena, stmt, &items[reply->count++]);
        if (!more)
            last = ct_column_int(stmt, 0);
    }
    if (result == CT_OK && (more || looked_at == LOOKED_AT))
        result = ct_cursor_make(call->arena, last, &reply->next);
    return result;
}

const struct ct_route ct_audit_routes[] = {
    {.method = CT_GET,
     .pattern = "/audit",
     .query = &query_schema,
     .reply = &audit_schema,
     .list = true,
     .access = CT_READ,
     .auth = CT_USER,
     .scope = "audit:read",
     .run = list_audit,
     .summary = "See what was done to the account",
     .doc = "By whom, when and from where, the newest first. With `action` a page may be short, or "
            "even empty, and have a `next` all the same: 2,000 entries are looked at for each.",
     .tag = "Accounts"},
};
const size_t ct_audit_route_count = sizeof(ct_audit_routes) / sizeof(ct_audit_routes[0]);
