#include <stddef.h>

#include "base/clock.h"
#include "numbers/filter.h"
#include "numbers/name.h"
#include "numbers/numbers.h"

/* A filter that few numbers pass must not make one request read them all. */
#define LOOK_MAX 2000
#define LOOK_BATCH 250

struct number_query {
    int64_t limit;
    struct ct_str after;
    /* What is not asked for is empty. */
    struct ct_str country;
    struct ct_str prefix;
    struct ct_str contains;
    struct ct_str tag;
    struct ct_str status;
};

static const char *const states[] = {"assigned", "transferring", "quarantined", NULL};

#define FILTER(member, ...) \
    CT_FIELD(struct number_query, member, CT_FIELD_STRING, .flags = CT_FIELD_OPTIONAL, __VA_ARGS__)

static const struct ct_field query_fields[] = {
    CT_LIST_QUERY_FIELDS(struct number_query),
    FILTER(country, .pattern = CT_COUNTRY_PATTERN, .normalize = ct_country_normalize,
           .doc = "Only numbers of this country, by its ISO 3166-1 alpha-2 code.",
           .example = "\"DE\""),
    FILTER(prefix, .pattern = CT_PREFIX_PATTERN, .normalize = ct_prefix_normalize,
           .doc = "Only numbers that begin with these digits, with or without a `+`.",
           .example = "\"4930\""),
    FILTER(contains, .pattern = CT_CONTAINS_PATTERN, .normalize = ct_contains_normalize,
           .doc = "Only numbers with these digits somewhere in a row; `*` is any one digit.",
           .example = "\"12*4\""),
    FILTER(tag, .min = 1, .max = CT_NAME_MAX, .doc = "Only numbers with this tag.",
           .example = "\"berlin\""),
    FILTER(status, .words = states,
           .doc = "Only numbers of this status. `quarantined`: those that you released and can "
                  "still restore, which are not listed otherwise.",
           .example = "\"assigned\""),
};

static const struct ct_schema query_schema =
    CT_SCHEMA("PhoneNumberQuery", NULL, struct number_query, query_fields);

static bool has_filters(const struct number_query *query)
{
    return query->country.len > 0 || query->prefix.len > 0 || query->contains.len > 0 ||
           query->tag.len > 0 || query->status.len > 0;
}

static bool has_tag(const struct ct_number_full *number, struct ct_str tag)
{
    for (size_t i = 0; i < number->tags.count; i++) {
        if (ct_str_equal(number->tags.at[i], tag))
            return true;
    }
    return tag.len == 0;
}

/* What is cheap to know is looked at first. */
static enum ct_result judge(struct ct_call *call, const struct ct_number *number, bool *fits,
                            struct ct_number_full *out)
{
    const struct number_query *query = call->query;
    *fits = (query->status.len == 0 || ct_str_equal(query->status, ct_life_word(number->state))) &&
            ct_number_has_prefix(number->phone_number, query->prefix) &&
            ct_number_contains(number->phone_number, query->contains) &&
            (query->tag.len == 0 || number->tags.len > 0);
    if (!*fits)
        return CT_OK;
    enum ct_result result = ct_number_describe(call->room, call->arena, number, out);
    *fits = result == CT_OK && has_tag(out, query->tag) &&
            (query->country.len == 0 || ct_str_equal(query->country, out->country));
    return result;
}

static enum ct_result read_batch(struct ct_call *call, int64_t after, size_t size, int64_t now_ms,
                                 struct ct_number *rows, size_t *count)
{
    const struct number_query *query = call->query;
    bool quarantined = ct_str_equal(query->status, ct_life_word(CT_LIFE_QUARANTINED));
    return quarantined ? ct_number_list_quarantined(call->arena, call->db, call->user_id, after,
                                                    size, now_ms, rows, count)
                       : ct_number_list(call->arena, call->db, call->user_id, after, size, now_ms,
                                        rows, count);
}

/* Fills @p items up to the query's limit. @p last is where the next page begins, 0 behind the end. */
static enum ct_result collect(struct ct_call *call, int64_t after, struct ct_number_full *items,
                              size_t *count, int64_t *last)
{
    const struct number_query *query = call->query;
    size_t limit = (size_t)query->limit;
    /* One more than asked for tells whether there is a next page. */
    size_t size = has_filters(query) ? LOOK_BATCH : limit + 1;
    int64_t now_ms = ct_clock_unix_ms();
    struct ct_number *rows = ct_arena_alloc(call->arena, size * sizeof(*rows));
    if (rows == NULL)
        return CT_NOMEM;
    *count = 0;
    for (size_t looked = 0; looked < LOOK_MAX; looked += size) {
        size_t got = 0;
        enum ct_result result = read_batch(call, after, size, now_ms, rows, &got);
        for (size_t i = 0; result == CT_OK && i < got; i++) {
            bool fits;
            struct ct_number_full full;
            result = judge(call, &rows[i], &fits, &full);
            if (result == CT_OK && fits && *count == limit) {
                *last = items[limit - 1].id;
                return CT_OK;
            }
            if (result == CT_OK && fits)
                items[(*count)++] = full;
            after = rows[i].id;
        }
        if (result != CT_OK)
            return result;
        if (got < size) {
            *last = 0;
            return CT_OK;
        }
    }
    *last = after;
    return CT_OK;
}

static enum ct_result list_numbers(struct ct_call *call)
{
    const struct number_query *query = call->query;
    struct ct_page *reply = call->reply;
    int64_t after = 0;
    int64_t last = 0;
    enum ct_result result = ct_cursor_read(call, query->after, &after);
    if (result != CT_OK)
        return result;
    struct ct_number_full *items =
        ct_arena_alloc(call->arena, (size_t)query->limit * sizeof(*items));
    if (items == NULL)
        return CT_NOMEM;
    result = collect(call, after, items, &reply->count, &last);
    reply->items = items;
    if (result == CT_OK && last != 0)
        result = ct_cursor_make(call->arena, last, &reply->next);
    return result;
}

const struct ct_route ct_number_list_routes[] = {
    {.method = CT_GET,
     .pattern = "/phone_numbers",
     .query = &query_schema,
     .reply = &ct_number_full_schema,
     .list = true,
     .access = CT_READ,
     .auth = CT_USER,
     .scope = "numbers:read",
     .run = list_numbers,
     .summary = "List your numbers",
     .doc =
         "In the order of their ids. Paging is stable while numbers come and go. With filters at "
         "most 2,000 numbers are looked at for a page: it may be short, or empty, and there are "
         "more as long as `next` is not null.",
     .tag = "Numbers"},
};
const size_t ct_number_list_route_count =
    sizeof(ct_number_list_routes) / sizeof(ct_number_list_routes[0]);
