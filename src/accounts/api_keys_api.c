#include "accounts/accounts.h"

#include "accounts/api_keys.h"
#include "accounts/audit.h"
#include "accounts/key_text.h"
#include "accounts/scopes.h"
#include "base/clock.h"

#define MAX_NAME 64
#define MAX_SCOPES 32

struct key_create {
    struct ct_str name;
    struct ct_texts scopes;
    int64_t expires_at;
};

static const struct ct_field create_fields[] = {
    CT_FIELD(struct key_create, name, CT_FIELD_STRING, .min = 1, .max = MAX_NAME,
             .pattern = CT_USERNAME_PATTERN, .normalize = ct_username_normalize,
             .doc = "What you call it: 1 to 64 characters, no control characters.",
             .example = "\"billing\""),
    CT_FIELD(struct key_create, scopes, CT_FIELD_TEXTS,
             .flags = CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE, .max_count = MAX_SCOPES,
             .words = ct_scope_words, .doc = ct_scope_doc,
             .example = "[\"numbers:read\",\"numbers:write\"]"),
    CT_FIELD(struct key_create, expires_at, CT_FIELD_TIME,
             .flags = CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE, .fallback = CT_NO_TIME,
             .doc = "From when on it is refused; without it, never."),
};

static const struct ct_schema create_schema =
    CT_SCHEMA("ApiKeyCreate", "A key to make.", struct key_create, create_fields);

struct key_reply {
    int64_t id;
    struct ct_str name;
    struct ct_str key;
    struct ct_str hint;
    struct ct_texts scopes;
    int64_t created_at;
    int64_t expires_at;
    int64_t last_used_at;
    struct ct_str last_used_address;
};

#define KEY_FIELD_ID \
    CT_FIELD(struct key_reply, id, CT_FIELD_INT, .doc = "The key's id.", .example = "1")
#define KEY_FIELD_NAME                                                              \
    CT_FIELD(struct key_reply, name, CT_FIELD_STRING, .doc = "What you called it.", \
             .example = "\"billing\"")
#define KEY_FIELDS_ON                                                                              \
    CT_FIELD(struct key_reply, hint, CT_FIELD_STRING, .doc = "How it begins.",                     \
             .example = "\"ctk_8sGz…\""),                                                          \
        CT_FIELD(struct key_reply, scopes, CT_FIELD_TEXTS, .words = ct_scope_words,                \
                 .doc = "What it may do.", .example = "[\"numbers:read\"]"),                       \
        CT_FIELD(struct key_reply, created_at, CT_FIELD_TIME, .doc = "When it was made.",          \
                 .example = "\"2026-01-31T12:00:00.000Z\""),                                       \
        CT_FIELD(struct key_reply, expires_at, CT_FIELD_TIME, .flags = CT_FIELD_NULLABLE,          \
                 .doc = "From when on it is refused; null is never."),                             \
        CT_FIELD(struct key_reply, last_used_at, CT_FIELD_TIME, .flags = CT_FIELD_NULLABLE,        \
                 .doc = "When it was last used, to a minute; null before the first time."),        \
        CT_FIELD(struct key_reply, last_used_address, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE, \
                 .doc = "From where; null before the first time.", .example = "\"192.0.2.1\"")

static const struct ct_field made_fields[] = {
    KEY_FIELD_ID,
    KEY_FIELD_NAME,
    CT_FIELD(struct key_reply, key, CT_FIELD_STRING,
             .doc = "The key itself, to be sent as `Authorization: Bearer ctk_…`. It is shown this "
                    "once: only its hash is kept.",
             .example = "\"ctk_8sGzR1…\""),
    KEY_FIELDS_ON,
};

static const struct ct_schema made_schema =
    CT_SCHEMA("ApiKeyCreated", "The key is yours.", struct key_reply, made_fields);

static const struct ct_field key_fields[] = {
    KEY_FIELD_ID,
    KEY_FIELD_NAME,
    KEY_FIELDS_ON,
};

static const struct ct_schema key_schema =
    CT_SCHEMA("ApiKey", "What a machine proves itself with.", struct key_reply, key_fields);

struct key_path {
    int64_t id;
};

static const struct ct_field path_fields[] = {
    CT_FIELD(struct key_path, id, CT_FIELD_INT, .doc = "The key's id.", .example = "1"),
};

static const struct ct_schema path_schema =
    CT_SCHEMA("ApiKeyPath", NULL, struct key_path, path_fields);

/* What a reply shows of a row. */
static enum ct_result describe(struct ct_arena *arena, const struct ct_api_key *key,
                               struct key_reply *out)
{
    *out = (struct key_reply){.id = key->id,
                              .name = key->name,
                              .hint = key->hint,
                              .created_at = key->created_at,
                              .expires_at = key->expires_at,
                              .last_used_at = key->last_used_at,
                              .last_used_address = key->last_used_address};
    return ct_scopes_split(arena, key->scopes, &out->scopes);
}

/* CT_FORBIDDEN at QUOTA_API_KEYS. */
static enum ct_result judge_quota(struct ct_call *call)
{
    int64_t quota = call->config->quota_api_keys;
    int64_t count = 0;
    enum ct_result result = ct_api_key_count(call->db, call->user_id, quota, &count);
    if (result != CT_OK || count < quota)
        return result;
    return ct_call_say(call, CT_FORBIDDEN,
                       ct_arena_printf(call->arena,
                                       "An account may have %lld API keys (QUOTA_API_KEYS)",
                                       (long long)quota));
}

static enum ct_result judge_create(struct ct_call *call, const struct key_create *body,
                                   int64_t now_ms)
{
    if (body->scopes.at != NULL && body->scopes.count == 0)
        return ct_call_refuse(call, "body", "scopes", "value_error",
                              "Value error, name at least one scope");
    if (body->expires_at != CT_NO_TIME && body->expires_at <= now_ms)
        return ct_call_refuse(call, "body", "expires_at", "value_error",
                              "Value error, this time has passed");
    return judge_quota(call);
}

static enum ct_result make_key(struct ct_call *call)
{
    static const struct ct_str everything = {"*", 1};
    const struct key_create *body = call->body;
    struct key_reply *reply = call->reply;
    const struct ct_texts scopes =
        body->scopes.at == NULL ? (struct ct_texts){&everything, 1} : body->scopes;
    struct ct_api_key key = {.name = body->name,
                             .created_at = ct_clock_unix_ms(),
                             .expires_at = body->expires_at,
                             .last_used_at = CT_NO_TIME};
    struct ct_str text;
    struct ct_str hash;
    enum ct_result result = judge_create(call, body, key.created_at);
    if (result == CT_OK)
        result = ct_scopes_join(call->arena, &scopes, &key.scopes);
    if (result == CT_OK)
        result = ct_key_text_make(call->arena, &text);
    if (result == CT_OK)
        result = ct_key_text_hash(call->arena, text, &hash);
    if (result == CT_OK)
        result = ct_key_text_hint(call->arena, text, &key.hint);
    if (result == CT_OK)
        result = ct_api_key_insert(call->db, call->user_id, &key, hash, &key.id);
    if (result == CT_OK)
        result = ct_audit_call(call, call->user_id, CT_AUDIT_KEY_CREATED, key.id, key.name);
    if (result == CT_OK)
        result = describe(call->arena, &key, reply);
    if (result == CT_OK)
        reply->key = text;
    return result;
}

static enum ct_result list_keys(struct ct_call *call)
{
    const struct ct_list_query *query = call->query;
    struct ct_page *reply = call->reply;
    int64_t after = 0;
    enum ct_result result = ct_cursor_read(call, query->after, &after);
    if (result != CT_OK)
        return result;
    /* One more than asked for tells whether there is a next page. */
    size_t limit = (size_t)query->limit;
    struct ct_api_key *rows = ct_arena_alloc(call->arena, (limit + 1) * sizeof(*rows));
    struct key_reply *items = ct_arena_alloc(call->arena, limit * sizeof(*items));
    if (rows == NULL || items == NULL)
        return CT_NOMEM;
    size_t count = 0;
    result = ct_api_key_list(call->arena, call->db, call->user_id, after, limit + 1, rows, &count);
    reply->items = items;
    reply->count = count < limit ? count : limit;
    for (size_t i = 0; i < reply->count && result == CT_OK; i++)
        result = describe(call->arena, &rows[i], &items[i]);
    if (result == CT_OK && count > limit)
        result = ct_cursor_make(call->arena, rows[limit - 1].id, &reply->next);
    return result;
}

static enum ct_result delete_key(struct ct_call *call)
{
    const struct key_path *path = call->path;
    struct ct_str name;
    enum ct_result result =
        ct_api_key_delete(call->arena, call->db, call->user_id, path->id, &name);
    if (result == CT_OK)
        result = ct_audit_call(call, call->user_id, CT_AUDIT_KEY_DELETED, path->id, name);
    return result;
}

const struct ct_route ct_api_keys_routes[] = {
    {.method = CT_POST,
     .pattern = "/api_keys",
     .body = &create_schema,
     .reply = &made_schema,
     .access = CT_WRITE,
     .auth = CT_SESSION,
     .idempotent = true,
     .run = make_key,
     .errors =
         (const struct ct_route_error[]){{CT_FORBIDDEN, 403, "The account has too many API keys"},
                                         /* deleted since its token was looked at */
                                         {CT_NOT_FOUND, 401, "Could not validate credentials"},
                                         {0}},
     .summary = "Make an API key",
     .doc = "For a machine: a key stays valid when its maker logs out or changes the password. It "
            "may do what its scopes say, and never make keys, end sessions or change the password: "
            "that takes the token of a login. It is shown this once. QUOTA_API_KEYS says how many "
            "an account may have (403).",
     .tag = "API keys",
     .about = "For machines: keys that outlive the session that made them, and do what their "
              "scopes say."},
    {.method = CT_GET,
     .pattern = "/api_keys",
     .query = &ct_list_query_schema,
     .reply = &key_schema,
     .list = true,
     .access = CT_READ,
     .auth = CT_SESSION,
     .run = list_keys,
     .summary = "List your API keys",
     .doc = "In the order of their ids, those that have expired too.",
     .tag = "API keys"},
    {.method = CT_DELETE,
     .pattern = "/api_keys/{id}",
     .path = &path_schema,
     .status = 204,
     .access = CT_WRITE,
     .auth = CT_SESSION,
     .run = delete_key,
     .errors = (const struct ct_route_error[]){{CT_NOT_FOUND, 404, "API key not found"}, {0}},
     .summary = "Revoke an API key",
     .doc = "It is refused from now on, on every server of the database.",
     .tag = "API keys"},
};
const size_t ct_api_keys_route_count = sizeof(ct_api_keys_routes) / sizeof(ct_api_keys_routes[0]);
