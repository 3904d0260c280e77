#include "numbers/numbers.h"

#include "base/clock.h"
#include "numbers/e164.h"

#define NUMBER_FIELD_ID \
    CT_FIELD(struct ct_number, id, CT_FIELD_INT, .doc = "The number's id.", .example = "1")
#define NUMBER_FIELD_PHONE_NUMBER                                                         \
    CT_FIELD(struct ct_number, phone_number, CT_FIELD_STRING, .pattern = CT_E164_PATTERN, \
             .doc = "E.164, plain.", .example = "\"+1234567890\"")
#define NUMBER_FIELD_USER_ID \
    CT_FIELD(struct ct_number, user_id, CT_FIELD_INT, .doc = "Its owner.", .example = "1")

struct number_create {
    struct ct_str phone_number;
};

static const struct ct_field create_fields[] = {
    CT_FIELD(struct number_create, phone_number, CT_FIELD_STRING, .max = 64,
             .pattern = CT_E164_PATTERN, .normalize = ct_e164_normalize,
             .doc = "E.164: `+`, then 2 to 15 digits, the first not 0. Spaces, dots, dashes and "
                    "parentheses are dropped; `00` in front becomes `+`.",
             .example = "\"+1234567890\""),
};

static const struct ct_schema create_schema =
    CT_SCHEMA("PhoneNumberCreate", "The number to create.", struct number_create, create_fields);

static const struct ct_field created_fields[] = {
    NUMBER_FIELD_ID,
    NUMBER_FIELD_PHONE_NUMBER,
    NUMBER_FIELD_USER_ID,
};

static const struct ct_schema created_schema =
    CT_SCHEMA("PhoneNumberCreated", "The number is yours.", struct ct_number, created_fields);

static const struct ct_field number_fields[] = {
    NUMBER_FIELD_ID,
    NUMBER_FIELD_PHONE_NUMBER,
    NUMBER_FIELD_USER_ID,
    CT_FIELD(struct ct_number, created_at, CT_FIELD_TIME, .flags = CT_FIELD_NULLABLE,
             .doc = "When it was created; null for one that an earlier service made.",
             .example = "\"2026-01-31T12:00:00.000Z\""),
};

static const struct ct_schema number_schema =
    CT_SCHEMA("PhoneNumber", "A virtual phone number.", struct ct_number, number_fields);

struct number_path {
    int64_t id;
};

static const struct ct_field path_fields[] = {
    CT_FIELD(struct number_path, id, CT_FIELD_INT, .doc = "The number's id.", .example = "1"),
};

static const struct ct_schema path_schema =
    CT_SCHEMA("PhoneNumberPath", NULL, struct number_path, path_fields);

static enum ct_result create_number(struct ct_call *call)
{
    const struct number_create *body = call->body;
    struct ct_number *reply = call->reply;
    reply->phone_number = body->phone_number;
    reply->user_id = call->user_id;
    return ct_number_create(call->db, body->phone_number, call->user_id, ct_clock_unix_ms(),
                            &reply->id);
}

static enum ct_result list_numbers(struct ct_call *call)
{
    const struct ct_list_query *query = call->query;
    struct ct_page *reply = call->reply;
    int64_t after = 0;
    enum ct_result result = ct_cursor_read(call, query->after, &after);
    if (result != CT_OK)
        return result;
    /* One more than asked for tells whether there is a next page. */
    size_t limit = (size_t)query->limit;
    struct ct_number *rows = ct_arena_alloc(call->arena, (limit + 1) * sizeof(*rows));
    if (rows == NULL)
        return CT_NOMEM;
    size_t count = 0;
    result = ct_number_list(call->arena, call->db, call->user_id, after, limit + 1, rows, &count);
    if (result != CT_OK)
        return result;
    reply->items = rows;
    reply->count = count < limit ? count : limit;
    if (count > limit)
        return ct_cursor_make(call->arena, rows[limit - 1].id, &reply->next);
    return CT_OK;
}

static enum ct_result get_number(struct ct_call *call)
{
    const struct number_path *path = call->path;
    return ct_number_get(call->arena, call->db, call->user_id, path->id, call->reply);
}

const struct ct_route ct_numbers_routes[] = {
    {.method = CT_POST,
     .pattern = "/phone_numbers",
     .body = &create_schema,
     .reply = &created_schema,
     .access = CT_WRITE,
     .auth = CT_USER,
     .run = create_number,
     .errors =
         (const struct ct_route_error[]){{CT_CONFLICT, 409, "Phone number already registered"},
                                         /* the account was deleted since its token was looked at */
                                         {CT_NOT_FOUND, 401, "Could not validate credentials"},
                                         {0}},
     .summary = "Create a virtual phone number",
     .doc = "The reply is sent once the number is on disk.",
     .tag = "Numbers"},
    {.method = CT_GET,
     .pattern = "/phone_numbers",
     .query = &ct_list_query_schema,
     .reply = &number_schema,
     .list = true,
     .access = CT_READ,
     .auth = CT_USER,
     .run = list_numbers,
     .summary = "List your numbers",
     .doc = "In the order of their ids. Paging is stable while numbers come and go.",
     .tag = "Numbers"},
    {.method = CT_GET,
     .pattern = "/phone_numbers/{id}",
     .path = &path_schema,
     .reply = &number_schema,
     .access = CT_READ,
     .auth = CT_USER,
     .run = get_number,
     .errors = (const struct ct_route_error[]){{CT_NOT_FOUND, 404, "Phone number not found"}, {0}},
     .summary = "Get one of your numbers",
     .doc = "A number of somebody else is answered as one that does not exist.",
     .tag = "Numbers"},
};
const size_t ct_numbers_route_count = sizeof(ct_numbers_routes) / sizeof(ct_numbers_routes[0]);
