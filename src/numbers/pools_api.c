#include <string.h>

#include "accounts/audit.h"
#include "base/clock.h"
#include "numbers/e164.h"
#include "numbers/inventory.h"
#include "numbers/name.h"
#include "numbers/numbers.h"
#include "numbers/plan.h"
#include "numbers/pools.h"

/* ---- what comes in and goes out ---- */

struct pool_create {
    struct ct_str name;
    struct ct_str first;
    struct ct_str last;
    struct ct_texts numbers;
};

#define POOL_NUMBER(structure, member, kind, ...)                            \
    CT_FIELD(structure, member, kind, .max = 64, .pattern = CT_E164_PATTERN, \
             .normalize = ct_e164_normalize, .flags = CT_FIELD_OPTIONAL, __VA_ARGS__)

static const struct ct_field create_fields[] = {
    CT_NAME_FIELD(struct pool_create, name, 0, .doc = "What the pool is called; no two alike.",
                  .example = "\"Berlin\""),
    POOL_NUMBER(struct pool_create, first, CT_FIELD_STRING,
                .doc = "The first number of a range. Together with `last`.",
                .example = "\"+4930120000\""),
    POOL_NUMBER(struct pool_create, last, CT_FIELD_STRING,
                .doc = "The last number of the range: as many digits, the same country calling "
                       "code, and 10,000,000 numbers at most.",
                .example = "\"+4930129999\""),
    POOL_NUMBER(struct pool_create, numbers, CT_FIELD_TEXTS,
                /* no example: that of the whole body is a range */
                .doc = "Single numbers, in place of a range, such as `[\"+4930123456\", "
                       "\"+4930123458\"]`. What is there twice counts once."),
};

static const struct ct_schema create_schema =
    CT_SCHEMA("NumberPoolCreate", "A range of numbers, `first` and `last`, or a list, `numbers`.",
              struct pool_create, create_fields);

#define POOL(member, kind, ...) CT_FIELD(struct ct_pool_row, member, kind, __VA_ARGS__)

static const struct ct_field pool_fields[] = {
    POOL(id, CT_FIELD_INT, .doc = "The pool's id.", .example = "1"),
    POOL(name, CT_FIELD_STRING, .doc = "What it is called.", .example = "\"Berlin\""),
    POOL(size, CT_FIELD_INT, .doc = "How many numbers it has.", .example = "10000"),
    POOL(taken, CT_FIELD_INT,
         .doc = "How many of them nobody can have now: somebody's, in quarantine, reserved.",
         .example = "17"),
    POOL(first, CT_FIELD_STRING, .pattern = CT_E164_PATTERN, .doc = "Its first number.",
         .example = "\"+4930120000\""),
    POOL(last, CT_FIELD_STRING, .pattern = CT_E164_PATTERN, .doc = "Its last number.",
         .example = "\"+4930129999\""),
    POOL(country, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE, .min = 2, .max = 2,
         .doc = "The country of all its numbers, as ISO 3166-1 alpha-2; null when they differ or "
                "have none.",
         .example = "\"DE\""),
    POOL(created_at, CT_FIELD_TIME, .doc = "When it was made.",
         .example = "\"2026-01-31T12:00:00.000Z\""),
};

static const struct ct_schema pool_schema = CT_SCHEMA(
    "NumberPool", "Numbers that accounts can choose from.", struct ct_pool_row, pool_fields);

struct pool_path {
    int64_t id;
};

static const struct ct_field path_fields[] = {
    CT_FIELD(struct pool_path, id, CT_FIELD_INT, .doc = "The pool's id.", .example = "1"),
};

static const struct ct_schema path_schema =
    CT_SCHEMA("NumberPoolPath", NULL, struct pool_path, path_fields);

/* ---- POST /number_pools ---- */

static enum ct_result refuse(struct ct_call *call, const char *field, const char *type,
                             const char *message)
{
    return ct_call_refuse(call, "body", field, type, message);
}

/* Whether a range may be one: CT_OK, or CT_INVALID and it was said. */
static enum ct_result judge_range(struct ct_call *call, struct ct_pool_piece *out)
{
    const struct ct_numbers *room = call->room;
    const struct pool_create *body = call->body;
    *out = (struct ct_pool_piece){.first = ct_number_digits(body->first),
                                  .last = ct_number_digits(body->last)};
    if (body->first.len != body->last.len)
        return refuse(call, "last", "value_error",
                      "Value error, last must have as many digits as first");
    if (out->last < out->first)
        return refuse(call, "last", "value_error", "Value error, last must not be before first");
    if (out->last - out->first >= CT_POOL_RANGE_MAX)
        return refuse(call, "last", "value_error",
                      "Value error, a range has 10,000,000 numbers at most");
    struct ct_plan_info first = {0};
    struct ct_plan_info last = {0};
    enum ct_result result = CT_UNAVAILABLE;
    if (room->plan != NULL)
        result = ct_plan_describe(room->plan, call->arena, body->first, &first);
    if (result == CT_OK)
        result = ct_plan_describe(room->plan, call->arena, body->last, &last);
    if (result == CT_OK && first.calling_code != last.calling_code)
        return refuse(call, "last", "value_error",
                      "Value error, first and last have different country calling codes");
    return result == CT_UNAVAILABLE ? CT_OK : result;
}

static enum ct_result make_list(struct ct_call *call, struct ct_pool_pieces *out)
{
    const struct ct_texts *numbers = &((const struct pool_create *)call->body)->numbers;
    struct ct_pool_piece *pieces = ct_arena_alloc(call->arena, numbers->count * sizeof(*pieces));
    if (pieces == NULL)
        return CT_NOMEM;
    for (size_t i = 0; i < numbers->count; i++)
        pieces[i].first = pieces[i].last = ct_number_digits(numbers->at[i]);
    ct_pool_pieces_sort(pieces, numbers->count, out);
    return CT_OK;
}

static enum ct_result make_range(struct ct_call *call, struct ct_pool_pieces *out)
{
    struct ct_pool_piece *piece = ct_arena_alloc(call->arena, sizeof(*piece));
    if (piece == NULL)
        return CT_NOMEM;
    enum ct_result result = judge_range(call, piece);
    if (result == CT_OK)
        ct_pool_pieces_sort(piece, 1, out);
    return result;
}

/* Judges what is wanted and finds out the countries, while nobody waits for the writer. */
static enum ct_result prepare_pool(struct ct_call *call)
{
    const struct ct_numbers *room = call->room;
    const struct pool_create *body = call->body;
    struct ct_pool_pieces *pieces = call->scratch;
    enum ct_result result;
    ct_call_end_read(call);
    if (body->numbers.count > 0 && (body->first.len > 0 || body->last.len > 0))
        return refuse(call, "numbers", "value_error",
                      "Value error, give either first and last, or numbers");
    if (body->numbers.count > 0)
        result = make_list(call, pieces);
    else if (body->first.len == 0 || body->last.len == 0)
        return refuse(call, body->first.len == 0 ? "first" : "last", "missing", "Field required");
    else
        result = make_range(call, pieces);
    return result == CT_OK ? ct_pool_pieces_describe(room->plan, call->arena, pieces) : result;
}

static enum ct_result say_overlap(struct ct_call *call, int64_t overlap)
{
    struct ct_str number;
    struct ct_str name;
    enum ct_result result =
        ct_pool_overlap(call->arena, call->db, overlap, overlap, 0, &overlap, &name);
    if (result == CT_OK)
        result = ct_number_e164(call->arena, overlap, &number);
    if (result != CT_OK)
        return result;
    const char *detail =
        name.at == NULL
            ? ct_arena_printf(call->arena, "%s is in a pool that is being imported or deleted",
                              number.at)
            : ct_arena_printf(call->arena, "%s is in the pool %s already", number.at, name.at);
    return ct_call_say(call, CT_CONFLICT, detail);
}

static enum ct_result create_pool(struct ct_call *call)
{
    const struct pool_create *body = call->body;
    const struct ct_pool_pieces *pieces = call->scratch;
    int64_t now_ms = ct_clock_unix_ms();
    const struct ct_pool_new pool = {.name = body->name, .pieces = pieces, .created_at = now_ms};
    int64_t id = 0;
    int64_t overlap = 0;
    size_t count = 0;
    enum ct_result result = ct_pool_begin(call->db, &pool, &id);
    if (result != CT_OK)
        return result;
    result = ct_pool_add(call->db, id, pieces->at, pieces->count, &overlap);
    if (result == CT_CONFLICT)
        return say_overlap(call, overlap);
    if (result == CT_OK)
        result = ct_audit_call(call, call->user_id, CT_AUDIT_POOL_CREATED, id, body->name);
    if (result == CT_OK)
        result = ct_pool_list(call->arena, call->db, id - 1, 1, now_ms, call->reply, &count);
    return result == CT_OK && count != 1 ? CT_BUG : result;
}

/* ---- GET /number_pools, DELETE /number_pools/{id} ---- */

static enum ct_result list_pools(struct ct_call *call)
{
    const struct ct_list_query *query = call->query;
    struct ct_page *reply = call->reply;
    int64_t after = 0;
    enum ct_result result = ct_cursor_read(call, query->after, &after);
    if (result != CT_OK)
        return result;
    /* One more than asked for tells whether there is a next page. */
    size_t limit = (size_t)query->limit;
    struct ct_pool_row *rows = ct_arena_alloc(call->arena, (limit + 1) * sizeof(*rows));
    if (rows == NULL)
        return CT_NOMEM;
    size_t count = 0;
    result =
        ct_pool_list(call->arena, call->db, after, limit + 1, ct_clock_unix_ms(), rows, &count);
    if (result != CT_OK)
        return result;
    reply->items = rows;
    reply->count = count < limit ? count : limit;
    return count > limit ? ct_cursor_make(call->arena, rows[limit - 1].id, &reply->next) : CT_OK;
}

static enum ct_result delete_pool(struct ct_call *call)
{
    const struct pool_path *path = call->path;
    struct ct_str name;
    enum ct_result result = ct_pool_delete(call->arena, call->db, path->id, &name);
    return result == CT_OK
               ? ct_audit_call(call, call->user_id, CT_AUDIT_POOL_DELETED, path->id, name)
               : result;
}

const struct ct_route ct_pools_routes[] = {
    {.method = CT_POST,
     .pattern = "/number_pools",
     .body = &create_schema,
     .reply = &pool_schema,
     .access = CT_WRITE,
     .auth = CT_ADMIN,
     .scope = "pools:write",
     .idempotent = true,
     .prepare = prepare_pool,
     .run = create_pool,
     .scratch_size = sizeof(struct ct_pool_pieces),
     .errors =
         (const struct ct_route_error[]){{CT_CONFLICT, 409, "A pool of this name exists already"},
                                         {0}},
     .summary = "Make a pool of numbers",
     .doc = "For administrators. Accounts find its numbers with `GET /available_phone_numbers` and "
            "take them with `POST /phone_numbers/claim`. Numbers that exist already stay whose "
            "they are. No number is in two pools: 409 names one that is in another. Many pools, "
            "and long lists, come in with `cloud-telephony pool import`.",
     .tag = "Pools",
     .about =
         "The inventory: administrators keep it, every account searches it and claims from it."},
    {.method = CT_GET,
     .pattern = "/number_pools",
     .query = &ct_list_query_schema,
     .reply = &pool_schema,
     .list = true,
     .access = CT_READ,
     .auth = CT_ADMIN,
     .scope = "pools:read",
     .run = list_pools,
     .summary = "List the pools",
     .doc = "For administrators. In the order of their ids, each with how much of it is taken.",
     .tag = "Pools"},
    {.method = CT_DELETE,
     .pattern = "/number_pools/{id}",
     .path = &path_schema,
     .status = 204,
     .access = CT_WRITE,
     .auth = CT_ADMIN,
     .scope = "pools:write",
     .run = delete_pool,
     .errors = (const struct ct_route_error[]){{CT_NOT_FOUND, 404, "Number pool not found"}, {0}},
     .summary = "Delete a pool",
     .doc = "For administrators. Its free numbers are no longer offered. Numbers that somebody has "
            "stay theirs.",
     .tag = "Pools"},
};
const size_t ct_pools_route_count = sizeof(ct_pools_routes) / sizeof(ct_pools_routes[0]);
