#include "accounts/audit.h"
#include "base/clock.h"
#include "numbers/claim.h"
#include "numbers/e164.h"
#include "numbers/filter.h"
#include "numbers/inventory.h"
#include "numbers/number_mask.h"
#include "numbers/numbers.h"

/* How many blocks of a thousand one page of a search looks at: some milliseconds of work. */
#define PAGE_WORK 1000
#define QUANTITY_MAX 100

/* The same three in the query of a search and in the body of a claim. */
#define FILTER_FIELDS(structure)                                                                \
    CT_FIELD(structure, country, CT_FIELD_STRING, .flags = CT_FIELD_OPTIONAL,                   \
             .pattern = CT_COUNTRY_PATTERN, .normalize = ct_country_normalize,                  \
             .doc = "Only those of this country: ISO 3166-1 alpha-2.", .example = "\"DE\""),    \
        CT_FIELD(structure, prefix, CT_FIELD_STRING, .flags = CT_FIELD_OPTIONAL,                \
                 .pattern = CT_PREFIX_PATTERN, .normalize = ct_prefix_normalize,                \
                 .doc = "Only those that begin with these digits, with or without `+`.",        \
                 .example = "\"+4930\""),                                                       \
        CT_FIELD(structure, contains, CT_FIELD_STRING, .flags = CT_FIELD_OPTIONAL,              \
                 .pattern = CT_CONTAINS_PATTERN, .normalize = ct_contains_normalize,            \
                 .doc = "Only those that have these digits in a row somewhere; `*` is any one " \
                        "digit.",                                                               \
                 .example = "\"12*4\"")

/* ---- GET /available_phone_numbers ---- */

struct search_query {
    int64_t limit;
    struct ct_str after;
    struct ct_str country;
    struct ct_str prefix;
    struct ct_str contains;
};

static const struct ct_field query_fields[] = {
    CT_LIST_QUERY_FIELDS(struct search_query),
    FILTER_FIELDS(struct search_query),
};

static const struct ct_schema query_schema =
    CT_SCHEMA("AvailablePhoneNumbersQuery", NULL, struct search_query, query_fields);

#define AVAILABLE(member, kind, ...) CT_FIELD(struct ct_number_full, member, kind, __VA_ARGS__)

static const struct ct_field available_fields[] = {
    AVAILABLE(phone_number, CT_FIELD_STRING, .pattern = CT_E164_PATTERN, .doc = "E.164, plain.",
              .example = "\"+4930123456\""),
    AVAILABLE(country, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE, .min = 2, .max = 2,
              .doc = "ISO 3166-1 alpha-2; null when none is known, or it belongs to none.",
              .example = "\"DE\""),
    AVAILABLE(type, CT_FIELD_STRING, .doc = "What kind of line its country uses it for.",
              .example = "\"fixed_line\""),
    AVAILABLE(national_format, CT_FIELD_STRING, .doc = "As it is written within its country.",
              .example = "\"030 123456\""),
    AVAILABLE(valid, CT_FIELD_BOOL, .doc = "Whether a country assigns it.", .example = "true"),
};

static const struct ct_schema available_schema =
    CT_SCHEMA("AvailablePhoneNumber", "A number of a pool that is free.", struct ct_number_full,
              available_fields);

static enum ct_result search_numbers(struct ct_call *call)
{
    const struct ct_numbers *room = call->room;
    const struct search_query *query = call->query;
    const struct ct_search search = {.country = query->country,
                                     .prefix = query->prefix,
                                     .contains = query->contains,
                                     .plan = room->plan,
                                     .now_ms = ct_clock_unix_ms(),
                                     .work = PAGE_WORK};
    struct ct_page *reply = call->reply;
    size_t limit = (size_t)query->limit;
    int64_t after = 0;
    enum ct_result result = ct_cursor_read(call, query->after, &after);
    if (result != CT_OK)
        return result;
    /* One more than asked for tells whether there is a next page. */
    struct ct_search_result found = {0};
    int64_t *numbers = ct_arena_alloc(call->arena, (limit + 1) * sizeof(*numbers));
    struct ct_number_full *items = ct_arena_alloc(call->arena, limit * sizeof(*items));
    if (numbers == NULL || items == NULL)
        return CT_NOMEM;
    result = ct_search(call->db, call->arena, &search, after, limit + 1, numbers, &found);
    if (found.count > limit) {
        found.count = limit;
        found.reached = numbers[limit - 1];
    }
    for (size_t i = 0; result == CT_OK && i < found.count; i++) {
        struct ct_number number = {.state = CT_LIFE_AVAILABLE, .created_at = CT_NO_TIME};
        result = ct_number_e164(call->arena, numbers[i], &number.phone_number);
        if (result == CT_OK)
            result = ct_number_describe(room, call->arena, &number, &items[i]);
    }
    if (result != CT_OK)
        return result;
    reply->items = items;
    reply->count = found.count;
    return found.reached < CT_NUMBER_MAX ? ct_cursor_make(call->arena, found.reached, &reply->next)
                                         : CT_OK;
}

/* ---- POST /phone_numbers/claim ---- */

struct claim {
    struct ct_str country;
    struct ct_str prefix;
    struct ct_str contains;
    int64_t quantity;
};

static const struct ct_field claim_fields[] = {
    FILTER_FIELDS(struct claim),
    CT_FIELD(struct claim, quantity, CT_FIELD_INT, .flags = CT_FIELD_OPTIONAL, .min = 1,
             .max = QUANTITY_MAX, .fallback = 1, .doc = "How many numbers.", .example = "1"),
};

static const struct ct_schema claim_schema =
    CT_SCHEMA("PhoneNumberClaim", "What the numbers are to be like.", struct claim, claim_fields);

static enum ct_result judge_quotas(struct ct_call *call, int64_t quantity, int64_t now_ms)
{
    int64_t most = call->config->quota_claims_per_day;
    int64_t claimed = 0;
    enum ct_result result = ct_number_quota(call, quantity);
    if (result == CT_OK)
        result = ct_claim_count(call->db, call->user_id, now_ms, quantity, &claimed);
    if (result != CT_OK || most == 0 || claimed <= most)
        return result;
    return ct_call_say(
        call, CT_FORBIDDEN,
        ct_arena_printf(call->arena,
                        "An account may claim %lld numbers a day (of UTC); today it "
                        "can claim %lld more",
                        (long long)most,
                        (long long)(claimed - quantity < most ? most - (claimed - quantity) : 0)));
}

static enum ct_result fill_reply(struct ct_call *call, const int64_t *ids, size_t count,
                                 int64_t now_ms)
{
    struct ct_page *reply = call->reply;
    struct ct_number_full *items = ct_arena_alloc(call->arena, count * sizeof(*items));
    enum ct_result result = items == NULL ? CT_NOMEM : CT_OK;
    for (size_t i = 0; result == CT_OK && i < count; i++) {
        struct ct_number number;
        result = ct_number_by_id(call->arena, call->db, ids[i], now_ms, &number);
        if (result == CT_OK)
            result = ct_number_describe(call->room, call->arena, &number, &items[i]);
        if (result == CT_OK)
            result = ct_audit_call(call, call->user_id, CT_AUDIT_NUMBER_CLAIMED, number.id,
                                   number.phone_number);
    }
    reply->items = items;
    reply->count = count;
    return result;
}

static enum ct_result claim_numbers(struct ct_call *call)
{
    const struct ct_numbers *room = call->room;
    const struct claim *body = call->body;
    const struct ct_search search = {.country = body->country,
                                     .prefix = body->prefix,
                                     .contains = body->contains,
                                     .plan = room->plan,
                                     .now_ms = ct_clock_unix_ms()};
    int64_t ids[QUANTITY_MAX];
    size_t count = 0;
    enum ct_result result = judge_quotas(call, body->quantity, search.now_ms);
    if (result != CT_OK)
        return result;
    result = ct_claim(call->db, call->arena, &search, call->user_id, (size_t)body->quantity, ids,
                      &count);
    if (result == CT_CONFLICT)
        return ct_call_say(call, CT_CONFLICT,
                           ct_arena_printf(call->arena, "Only %zu number%s", count,
                                           count == 1 ? " matches" : "s match"));
    return result == CT_OK ? fill_reply(call, ids, count, search.now_ms) : result;
}

const struct ct_route ct_claim_routes[] = {
    {.method = CT_GET,
     .pattern = "/available_phone_numbers",
     .query = &query_schema,
     .reply = &available_schema,
     .list = true,
     .access = CT_READ,
     .auth = CT_USER,
     .scope = "numbers:read",
     .run = search_numbers,
     .errors = (const struct ct_route_error[]){{0}},
     .summary = "Search the pools for free numbers",
     .doc = "In the order of the numbers, shorter ones first. A page may have fewer numbers than "
            "asked for, or none, while `next` says that there is more to look at. To be shown a "
            "number is no promise: `POST /phone_numbers/claim` takes it.",
     .tag = "Pools"},
    {.method = CT_POST,
     .pattern = "/phone_numbers/claim",
     .body = &claim_schema,
     .reply = &ct_number_full_schema,
     .array = true,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "numbers:write",
     .idempotent = true,
     .run = claim_numbers,
     .errors =
         (const struct ct_route_error[]){
             {CT_CONFLICT, 409, "Fewer numbers match"},
             {CT_FORBIDDEN, 403, "The account may not have more numbers"},
             /* the account was deleted since its token was looked at */
             {CT_NOT_FOUND, 401, "Could not validate credentials"},
             {0}},
     .summary = "Claim free numbers of the pools",
     .doc = "The first ones that match become yours, all or none; no number goes to two callers. "
            "When fewer match than are wanted, 409 says how many and none is taken. QUOTA_NUMBERS "
            "and QUOTA_CLAIMS_PER_DAY limit what an account can claim (403). With an "
            "`Idempotency-Key` a claim whose answer got lost can be sent again.",
     .tag = "Pools"},
};
const size_t ct_claim_route_count = sizeof(ct_claim_routes) / sizeof(ct_claim_routes[0]);
