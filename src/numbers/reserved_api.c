#include "accounts/audit.h"
#include "base/clock.h"
#include "numbers/e164.h"
#include "numbers/numbers.h"

struct reservation {
    struct ct_str phone_number;
};

static const struct ct_field reservation_fields[] = {
    CT_FIELD(struct reservation, phone_number, CT_FIELD_STRING, .max = 64,
             .pattern = CT_E164_PATTERN, .normalize = ct_e164_normalize,
             .doc = "E.164, as for POST /phone_numbers.", .example = "\"+4930123456\""),
};

static const struct ct_schema reservation_schema = CT_SCHEMA(
    "ReservationCreate", "The number to reserve.", struct reservation, reservation_fields);

static enum ct_result reserve_number(struct ct_call *call)
{
    const struct reservation *body = call->body;
    struct ct_number number;
    int64_t now_ms = ct_clock_unix_ms();
    int64_t id = 0;
    enum ct_result result = ct_number_reserve(call->db, body->phone_number, now_ms, &id);
    if (result == CT_OK)
        result =
            ct_audit_call(call, call->user_id, CT_AUDIT_NUMBER_RESERVED, id, body->phone_number);
    if (result == CT_OK)
        result = ct_number_by_id(call->arena, call->db, id, now_ms, &number);
    return result == CT_OK ? ct_number_describe(call->room, call->arena, &number, call->reply)
                           : result;
}

static enum ct_result list_reserved(struct ct_call *call)
{
    const struct ct_list_query *query = call->query;
    struct ct_page *reply = call->reply;
    int64_t after = 0;
    enum ct_result result = ct_cursor_read(call, query->after, &after);
    if (result != CT_OK)
        return result;
    /* One more than asked for tells whether there is a next page. */
    size_t limit = (size_t)query->limit;
    size_t count = 0;
    struct ct_number *rows = ct_arena_alloc(call->arena, (limit + 1) * sizeof(*rows));
    struct ct_number_full *items = ct_arena_alloc(call->arena, limit * sizeof(*items));
    if (rows == NULL || items == NULL)
        return CT_NOMEM;
    result = ct_number_list_reserved(call->arena, call->db, after, limit + 1, ct_clock_unix_ms(),
                                     rows, &count);
    reply->items = items;
    reply->count = count < limit ? count : limit;
    for (size_t i = 0; result == CT_OK && i < reply->count; i++)
        result = ct_number_describe(call->room, call->arena, &rows[i], &items[i]);
    if (result == CT_OK && count > limit)
        result = ct_cursor_make(call->arena, rows[limit - 1].id, &reply->next);
    return result;
}

static enum ct_result unreserve_number(struct ct_call *call)
{
    const struct ct_number_path *path = call->path;
    struct ct_number number;
    enum ct_result result =
        ct_number_unreserve(call->arena, call->db, path->id, ct_clock_unix_ms(), &number);
    return result == CT_OK ? ct_audit_call(call, call->user_id, CT_AUDIT_NUMBER_UNRESERVED,
                                           number.id, number.phone_number)
                           : result;
}

const struct ct_route ct_reserved_routes[] = {
    {.method = CT_POST,
     .pattern = "/reserved_numbers",
     .body = &reservation_schema,
     .reply = &ct_number_full_schema,
     .access = CT_WRITE,
     .auth = CT_ADMIN,
     .scope = "pools:write",
     .idempotent = true,
     .run = reserve_number,
     .errors =
         (const struct ct_route_error[]){{CT_CONFLICT, 409, "Phone number already registered"},
                                         {0}},
     .summary = "Reserve a number",
     .doc = "For administrators. Nobody can have it then, whether a pool holds it or not. A number "
            "that somebody has, or that is in quarantine, cannot be reserved (409).",
     .tag = "Pools"},
    {.method = CT_GET,
     .pattern = "/reserved_numbers",
     .query = &ct_list_query_schema,
     .reply = &ct_number_full_schema,
     .list = true,
     .access = CT_READ,
     .auth = CT_ADMIN,
     .scope = "pools:read",
     .run = list_reserved,
     .summary = "List the reserved numbers",
     .doc = "For administrators. In the order of their ids.",
     .tag = "Pools"},
    {.method = CT_DELETE,
     .pattern = "/reserved_numbers/{id}",
     .path = &ct_number_path_schema,
     .status = 204,
     .access = CT_WRITE,
     .auth = CT_ADMIN,
     .scope = "pools:write",
     .run = unreserve_number,
     .errors =
         (const struct ct_route_error[]){{CT_NOT_FOUND, 404, "Reserved number not found"}, {0}},
     .summary = "End a reservation",
     .doc = "For administrators. The number is available again.",
     .tag = "Pools"},
};
const size_t ct_reserved_route_count = sizeof(ct_reserved_routes) / sizeof(ct_reserved_routes[0]);
