#include <stddef.h>

#include "accounts/audit.h"
#include "accounts/users.h"
#include "voice/caps.h"
#include "voice/trunks.h"

#define CAPS(member, kind, ...) CT_FIELD(struct ct_call_caps, member, kind, __VA_ARGS__)
#define LIMIT(member, most, sample, text)                                           \
    CAPS(member, CT_FIELD_INT, .flags = CT_FIELD_OPTIONAL, .min = 0, .max = (most), \
         .doc = text "; 0, as without it, is no limit.", .example = sample)

static const struct ct_field caps_fields[] = {
    CAPS(trunks, CT_FIELD_BOOL, .doc = "Whether it may call over trunks at all.",
         .example = "true"),
    CAPS(prefixes, CT_FIELD_TEXTS, .max = 16, .max_count = 200, .pattern = CT_CALL_PREFIX_PATTERN,
         .normalize = ct_call_prefix_normalize,
         .doc = "What the numbers begin with that it may call there; `+` is all.",
         .example = "[\"+49\", \"+43\"]"),
    LIMIT(concurrent_calls, 100000, "2", "How many such calls it may have at the same time"),
    LIMIT(calls_per_minute, 100000, "10", "How many it may begin within a minute"),
    LIMIT(longest_call_s, 86400, "3600", "After how many seconds such a call is ended"),
    LIMIT(minutes_per_day, 1000000, "120", "How many minutes all of them may last in a day of UTC"),
};

static const struct ct_schema caps_schema =
    CT_SCHEMA("CallLimits", "What an account may do on trunks.", struct ct_call_caps, caps_fields);
static const struct ct_schema body_schema = CT_SCHEMA(
    "CallLimitsSet", "What an account may do on trunks.", struct ct_call_caps, caps_fields);

struct user_path {
    int64_t id;
};

static const struct ct_field path_fields[] = {
    CT_FIELD(struct user_path, id, CT_FIELD_INT, .doc = "The account's id.", .example = "1"),
};
static const struct ct_schema path_schema =
    CT_SCHEMA("CallLimitsPath", NULL, struct user_path, path_fields);

static enum ct_result show(struct ct_call *call, int64_t user_id)
{
    struct ct_user user;
    enum ct_result result = ct_user_by_id(call->arena, call->db, user_id, &user);
    return result == CT_OK ? ct_call_caps_read(call->arena, call->db, user_id, call->reply)
                           : result;
}

static enum ct_result get_caps(struct ct_call *call)
{
    const struct user_path *path = call->path;
    return show(call, path->id);
}

static enum ct_result put_caps(struct ct_call *call)
{
    const struct user_path *path = call->path;
    struct ct_user user;
    enum ct_result result = ct_user_by_id(call->arena, call->db, path->id, &user);
    if (result == CT_OK)
        result = ct_call_caps_write(call->arena, call->db, path->id, call->body);
    if (result == CT_OK)
        result = ct_audit_call(call, path->id, CT_AUDIT_CALL_LIMITS_SET, path->id, user.username);
    return result == CT_OK ? show(call, path->id) : result;
}

#define UNKNOWN                                   \
    (const struct ct_route_error[])               \
    {                                             \
        {CT_NOT_FOUND, 404, "Account not found"}, \
        {                                         \
            0                                     \
        }                                         \
    }

const struct ct_route ct_call_caps_routes[] = {
    {.method = CT_GET,
     .pattern = "/users/{id}/call_limits",
     .path = &path_schema,
     .reply = &caps_schema,
     .access = CT_READ,
     .auth = CT_ADMIN,
     .scope = "trunks:read",
     .run = get_caps,
     .errors = UNKNOWN,
     .summary = "See what an account may do on trunks",
     .doc = "For administrators; `cloud-telephony user list` shows the ids of accounts. As long as "
            "nothing was set, an account may not call over trunks.",
     .tag = "Trunks"},
    {.method = CT_PUT,
     .pattern = "/users/{id}/call_limits",
     .path = &path_schema,
     .body = &body_schema,
     .reply = &caps_schema,
     .access = CT_WRITE,
     .auth = CT_ADMIN,
     .scope = "trunks:write",
     .run = put_caps,
     .errors = UNKNOWN,
     .summary = "Say what an account may do on trunks",
     .doc = "For administrators. This replaces what was set before. It counts for calls that begin "
            "from now on; a call that is refused has a record that says why, and an event.",
     .tag = "Trunks"},
};
const size_t ct_call_caps_route_count =
    sizeof(ct_call_caps_routes) / sizeof(ct_call_caps_routes[0]);
