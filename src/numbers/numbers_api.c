#include <stddef.h>
#include <string.h>

#include "accounts/audit.h"
#include "base/clock.h"
#include "numbers/e164.h"
#include "numbers/filter.h"
#include "numbers/inventory.h"
#include "numbers/name.h"
#include "numbers/number_tell.h"
#include "numbers/numbers.h"
#include "numbers/plan.h"

/* ---- POST /phone_numbers ---- */

struct number_create {
    struct ct_str phone_number;
    struct ct_str friendly_name; /* `at` NULL: none */
};

static const struct ct_field create_fields[] = {
    CT_FIELD(struct number_create, phone_number, CT_FIELD_STRING, .max = 64,
             .pattern = CT_E164_PATTERN, .normalize = ct_e164_normalize,
             .doc = "E.164: `+`, then 2 to 15 digits, the first not 0. Spaces, dots, dashes and "
                    "parentheses are dropped; `00` in front becomes `+`.",
             .example = "\"+1234567890\""),
    CT_NAME_FIELD(struct number_create, friendly_name, CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE,
                  .doc = "What you call it.", .example = "\"Front desk\""),
};

static const struct ct_schema create_schema =
    CT_SCHEMA("PhoneNumberCreate", "The number to create.", struct number_create, create_fields);

struct number_created {
    int64_t id;
    struct ct_str phone_number;
    int64_t user_id;
    struct ct_str friendly_name;
};

static const struct ct_field created_fields[] = {
    CT_FIELD(struct number_created, id, CT_FIELD_INT, .doc = "The number's id.", .example = "1"),
    CT_FIELD(struct number_created, phone_number, CT_FIELD_STRING, .pattern = CT_E164_PATTERN,
             .doc = "E.164, plain.", .example = "\"+1234567890\""),
    CT_FIELD(struct number_created, user_id, CT_FIELD_INT, .doc = "Its owner.", .example = "1"),
    CT_FIELD(struct number_created, friendly_name, CT_FIELD_STRING, .flags = CT_FIELD_OMITTED,
             .doc = "What you call it; there when it was given.", .example = "\"Front desk\""),
};

static const struct ct_schema created_schema =
    CT_SCHEMA("PhoneNumberCreated", "The number is yours.", struct number_created, created_fields);

/* NUMBER_CHECK and NUMBER_POLICY. With their defaults this looks at nothing. */
static enum ct_result judge_new(struct ct_call *call, struct ct_str phone_number)
{
    const struct ct_numbers *room = call->room;
    enum ct_result result = CT_OK;
    if (call->config->number_check == CT_CHECK_STRICT) {
        struct ct_plan_info info;
        result = room->plan == NULL
                     ? CT_UNAVAILABLE
                     : ct_plan_describe(room->plan, call->arena, phone_number, &info);
        if (result == CT_OK && !info.valid)
            return ct_call_refuse(call, "body", "phone_number", "value_error",
                                  "Value error, no country assigns this number");
    }
    if (result == CT_OK && call->config->number_policy == CT_POLICY_POOL) {
        bool held = false;
        result = ct_inventory_holds(call->db, phone_number, &held);
        if (result == CT_OK && !held)
            return ct_call_say(call, CT_FORBIDDEN,
                               "No pool holds this number: see GET /available_phone_numbers");
    }
    return result;
}

static enum ct_result create_number(struct ct_call *call)
{
    const struct number_create *body = call->body;
    struct number_created *reply = call->reply;
    enum ct_result result = judge_new(call, body->phone_number);
    if (result == CT_OK)
        result = ct_number_quota(call, 1);
    if (result == CT_OK)
        result = ct_number_insert(call->db, body->phone_number, call->user_id, body->friendly_name,
                                  ct_clock_unix_ms(), &reply->id);
    reply->phone_number = body->phone_number;
    reply->user_id = call->user_id;
    reply->friendly_name = body->friendly_name;
    return result == CT_OK ? ct_audit_call(call, call->user_id, CT_AUDIT_NUMBER_CREATED, reply->id,
                                           body->phone_number)
                           : result;
}

/* ---- GET /phone_numbers/{id}, and what changes one ---- */

static enum ct_result get_number(struct ct_call *call)
{
    const struct ct_number_path *path = call->path;
    struct ct_number number;
    enum ct_result result =
        ct_number_get(call->arena, call->db, call->user_id, path->id, ct_clock_unix_ms(), &number);
    return result == CT_OK ? ct_number_reply(call, &number) : result;
}

/* One of the caller's numbers, to be changed: its row says what is in force. */
static enum ct_result own_number(struct ct_call *call, int64_t now_ms, struct ct_number *out)
{
    const struct ct_number_path *path = call->path;
    enum ct_result result =
        ct_number_get(call->arena, call->db, call->user_id, path->id, now_ms, out);
    return result == CT_OK ? ct_number_tidy(call->db, out, now_ms) : result;
}

struct number_patch {
    struct ct_str friendly_name;
    struct ct_texts tags;
    bool has_name;
    bool has_tags;
};

static const struct ct_field patch_fields[] = {
    CT_NAME_FIELD(struct number_patch, friendly_name, CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE,
                  .present = offsetof(struct number_patch, has_name),
                  .doc = "What you call it; null for nothing.", .example = "\"Front desk\""),
    CT_FIELD(struct number_patch, tags, CT_FIELD_TEXTS, .flags = CT_FIELD_OPTIONAL, .min = 1,
             .max = CT_NAME_MAX, .max_count = 20, .pattern = CT_NAME_PATTERN,
             .normalize = ct_name_normalize, .present = offsetof(struct number_patch, has_tags),
             .doc = "What you sort it under: these in place of those before. Of equal ones one "
                    "is kept.",
             .example = "[\"berlin\", \"sales\"]"),
};

static const struct ct_schema patch_schema = CT_SCHEMA(
    "PhoneNumberChange", "What is not there stays as it is.", struct number_patch, patch_fields);

static bool among(const struct ct_str *texts, size_t count, struct ct_str text)
{
    for (size_t i = 0; i < count; i++) {
        if (ct_str_equal(texts[i], text))
            return true;
    }
    return false;
}

/* As the row has them: all zero for none. */
static enum ct_result write_tags(struct ct_arena *arena, const struct ct_texts *tags,
                                 struct ct_str *out)
{
    struct ct_buf text = ct_buf_in(arena);
    for (size_t i = 0; i < tags->count; i++) {
        if (among(tags->at, i, tags->at[i]))
            continue;
        ct_buf_char(&text, i == 0 ? '[' : ',');
        ct_buf_json(&text, tags->at[i]);
    }
    *out = (struct ct_str){0};
    if (tags->count == 0)
        return CT_OK;
    ct_buf_char(&text, ']');
    *out = ct_buf_done(&text);
    return text.failed ? CT_NOMEM : CT_OK;
}

static enum ct_result patch_number(struct ct_call *call)
{
    const struct number_patch *body = call->body;
    struct ct_number number;
    enum ct_result result = own_number(call, ct_clock_unix_ms(), &number);
    if (result != CT_OK)
        return result;
    const char *etag = ct_number_etag(call->arena, &number);
    if (etag == NULL)
        return CT_NOMEM;
    result = ct_call_if_match(call, etag);
    if (result != CT_OK || (!body->has_name && !body->has_tags))
        return result == CT_OK ? ct_number_reply(call, &number) : result;
    if (body->has_name)
        number.friendly_name = body->friendly_name;
    if (body->has_tags)
        result = write_tags(call->arena, &body->tags, &number.tags);
    if (result == CT_OK)
        result = ct_number_save(call->db, &number);
    if (result == CT_OK)
        result = ct_audit_call(call, call->user_id, CT_AUDIT_NUMBER_CHANGED, number.id,
                               number.phone_number);
    return result == CT_OK ? ct_number_reply(call, &number) : result;
}

static enum ct_result release_number(struct ct_call *call)
{
    int64_t now_ms = ct_clock_unix_ms();
    struct ct_number number;
    enum ct_result result = own_number(call, now_ms, &number);
    if (result == CT_OK)
        result = ct_number_release(call->db, &number, call->config->number_quarantine_days, now_ms);
    if (result == CT_OK)
        result = ct_audit_call(call, call->user_id, CT_AUDIT_NUMBER_RELEASED, number.id,
                               number.phone_number);
    if (result == CT_OK)
        result = ct_number_tell(call, call->user_id, CT_EVENT_NUMBER_RELEASED, &number);
    return result == CT_OK ? ct_number_describe(call->room, call->arena, &number, call->reply)
                           : result;
}

static enum ct_result restore_number(struct ct_call *call)
{
    const struct ct_number_path *path = call->path;
    struct ct_number number;
    enum ct_result result =
        ct_number_by_id(call->arena, call->db, path->id, ct_clock_unix_ms(), &number);
    if (result != CT_OK)
        return result;
    if (number.user_id == call->user_id)
        return CT_CONFLICT;
    /* Also after the end: then it is nobody's. */
    if (number.state != CT_LIFE_QUARANTINED || number.last_owner_id != call->user_id)
        return CT_NOT_FOUND;
    result = ct_number_quota(call, 1);
    if (result == CT_OK)
        result = ct_number_restore(call->db, &number);
    if (result == CT_OK)
        result = ct_audit_call(call, call->user_id, CT_AUDIT_NUMBER_RESTORED, number.id,
                               number.phone_number);
    if (result == CT_OK)
        result = ct_number_tell(call, call->user_id, CT_EVENT_NUMBER_RESTORED, &number);
    return result == CT_OK ? ct_number_describe(call->room, call->arena, &number, call->reply)
                           : result;
}

/* ---- routes ---- */

#define QUOTA                                                                      \
    {                                                                              \
        CT_FORBIDDEN, 403, "This account may have no more numbers (QUOTA_NUMBERS)" \
    }
#define UNKNOWN                                     \
    {                                               \
        CT_NOT_FOUND, 404, "Phone number not found" \
    }
#define ERRORS(...)                 \
    (const struct ct_route_error[]) \
    {                               \
        __VA_ARGS__,                \
        {                           \
            0                       \
        }                           \
    }

const struct ct_route ct_numbers_routes[] = {
    {.method = CT_POST,
     .pattern = "/phone_numbers",
     .body = &create_schema,
     .reply = &created_schema,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "numbers:write",
     .idempotent = true,
     .run = create_number,
     .errors = ERRORS({CT_CONFLICT, 409, "Phone number already registered"}, QUOTA,
                      /* the account was deleted since its token was looked at */
                      {CT_NOT_FOUND, 401, "Could not validate credentials"}),
     .summary = "Create a virtual phone number",
     .doc = "The reply is sent once the number is on disk. It is taken (409) also while it is "
            "reserved, or in quarantine: its last owner restores it. The server's settings may "
            "want that a pool holds it (NUMBER_POLICY, 403), that a country assigns it "
            "(NUMBER_CHECK, 422), and that an account has only so many (QUOTA_NUMBERS, 403).",
     .tag = "Numbers",
     .about = "Virtual phone numbers: making, reading, changing and releasing them, and offering "
              "them to another account."},
    {.method = CT_GET,
     .pattern = "/phone_numbers/{id}",
     .path = &ct_number_path_schema,
     .reply = &ct_number_full_schema,
     .access = CT_READ,
     .auth = CT_USER,
     .scope = "numbers:read",
     .run = get_number,
     .errors = ERRORS(UNKNOWN),
     .summary = "Get one of your numbers",
     .doc = "A number of somebody else is answered as one that does not exist, and so is one that "
            "you released. The reply's ETag is what PATCH takes as `If-Match`.",
     .tag = "Numbers"},
    {.method = CT_PATCH,
     .pattern = "/phone_numbers/{id}",
     .path = &ct_number_path_schema,
     .body = &patch_schema,
     .reply = &ct_number_full_schema,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "numbers:write",
     .conditional = true,
     .run = patch_number,
     .errors =
         ERRORS(UNKNOWN, {CT_STALE, 412, "The number has changed since it was read: get it again"}),
     .summary = "Name a number, or tag it",
     .doc = "Send the ETag of the reply that you saw as `If-Match`: when the number was changed "
            "since then, the answer is 412 and nothing is overwritten. Get it again, and decide "
            "anew. Without `If-Match` the last change wins.",
     .tag = "Numbers"},
    {.method = CT_DELETE,
     .pattern = "/phone_numbers/{id}",
     .path = &ct_number_path_schema,
     .reply = &ct_number_full_schema,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "numbers:write",
     .run = release_number,
     .errors = ERRORS(UNKNOWN),
     .summary = "Release a number",
     .doc = "It goes into quarantine for NUMBER_QUARANTINE_DAYS: nobody else can have it, and you "
            "can restore it, with its name and tags. An offer of it ends. With 0 days it is "
            "available to anyone at once.",
     .tag = "Numbers"},
    {.method = CT_POST,
     .pattern = "/phone_numbers/{id}/restore",
     .path = &ct_number_path_schema,
     .reply = &ct_number_full_schema,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "numbers:write",
     .run = restore_number,
     .errors = ERRORS(UNKNOWN, QUOTA, {CT_CONFLICT, 409, "This number is not in quarantine"}),
     .summary = "Take a released number back",
     .doc = "For its last owner, until the quarantine is over; `GET "
            "/phone_numbers?status=quarantined` lists what can be restored. It comes back with its "
            "name and tags. It counts against QUOTA_NUMBERS again (403).",
     .tag = "Numbers"},
};
const size_t ct_numbers_route_count = sizeof(ct_numbers_routes) / sizeof(ct_numbers_routes[0]);
