#include "voice/calls_api.h"

#include <stdio.h>
#include <string.h>

#include "base/csv.h"
#include "numbers/e164.h"
#include "voice/call_view.h"

/* A filter that few calls pass must not make one request read them all. */
#define LOOK_MAX 2000
#define LOOK_BATCH 250
#define EXPORT_MAX 10000
#define EXPORT_LOOK_MAX 50000

/* ---- which calls ---- */

/* What is not asked for is empty, or CT_NO_TIME. */
struct call_filter {
    struct ct_str from;
    struct ct_str to;
    struct ct_str status;
    struct ct_str direction;
    int64_t since;
    int64_t until;
};

struct call_query {
    struct call_filter filter;
    int64_t limit;
    struct ct_str after;
};

/* A number in its plain form; anything else stays as it is. */
static enum ct_result normalize_party(struct ct_arena *arena, struct ct_str in, struct ct_str *out)
{
    enum ct_result result = ct_e164_normalize(arena, in, out);
    if (result != CT_INVALID)
        return result;
    *out = in;
    return CT_OK;
}

#define FILTER_FIELDS(structure, prefix)                                                           \
    {.name = "from",                                                                               \
     .type = CT_FIELD_STRING,                                                                      \
     .offset = offsetof(structure, prefix from),                                                   \
     .flags = CT_FIELD_OPTIONAL,                                                                   \
     .min = 1,                                                                                     \
     .max = 64,                                                                                    \
     .normalize = normalize_party,                                                                 \
     .doc = "Only calls from this number. Calls to you that are anonymous are from no number.",    \
     .example = "\"+4930123456\""},                                                                \
        {.name = "to",                                                                             \
         .type = CT_FIELD_STRING,                                                                  \
         .offset = offsetof(structure, prefix to),                                                 \
         .flags = CT_FIELD_OPTIONAL,                                                               \
         .min = 1,                                                                                 \
         .max = 64,                                                                                \
         .normalize = normalize_party,                                                             \
         .doc = "Only calls to this number.",                                                      \
         .example = "\"+4930123457\""},                                                            \
        {.name = "status",                                                                         \
         .type = CT_FIELD_STRING,                                                                  \
         .offset = offsetof(structure, prefix status),                                             \
         .flags = CT_FIELD_OPTIONAL,                                                               \
         .words = ct_record_status_words,                                                          \
         .doc = "Only calls of this status.",                                                      \
         .example = "\"completed\""},                                                              \
        {.name = "direction",                                                                      \
         .type = CT_FIELD_STRING,                                                                  \
         .offset = offsetof(structure, prefix direction),                                          \
         .flags = CT_FIELD_OPTIONAL,                                                               \
         .words = ct_call_directions,                                                              \
         .doc = "Only calls of this direction.",                                                   \
         .example = "\"inbound\""},                                                                \
        {.name = "since",                                                                          \
         .type = CT_FIELD_TIME,                                                                    \
         .offset = offsetof(structure, prefix since),                                              \
         .flags = CT_FIELD_OPTIONAL,                                                               \
         .fallback = CT_NO_TIME,                                                                   \
         .doc = "Only calls that began then or later."},                                           \
    {                                                                                              \
        .name = "until", .type = CT_FIELD_TIME, .offset = offsetof(structure, prefix until),       \
        .flags = CT_FIELD_OPTIONAL, .fallback = CT_NO_TIME, .doc = "Only calls that began before." \
    }

static const struct ct_field list_fields[] = {
    CT_LIST_QUERY_FIELDS(struct call_query),
    FILTER_FIELDS(struct call_query, filter.),
};
static const struct ct_schema list_schema =
    CT_SCHEMA("CallQuery", NULL, struct call_query, list_fields);

static const struct ct_field export_fields[] = {
    FILTER_FIELDS(struct call_filter, ),
};
static const struct ct_schema export_schema =
    CT_SCHEMA("CallExportQuery", NULL, struct call_filter, export_fields);

struct call_path {
    int64_t id;
};

static const struct ct_field path_fields[] = {
    CT_FIELD(struct call_path, id, CT_FIELD_INT, .doc = "The call's id.", .example = "1"),
};
static const struct ct_schema path_schema =
    CT_SCHEMA("CallPath", NULL, struct call_path, path_fields);

static bool goes_on(struct ct_str word)
{
    enum ct_record_status status;
    return word.len > 0 && ct_record_status_read(word, &status) == CT_OK &&
           !ct_record_status_is_end(status);
}

static bool fits(const struct call_filter *filter, const struct ct_call_reply *call)
{
    return (filter->status.len == 0 || ct_str_equal(filter->status, call->status)) &&
           (filter->direction.len == 0 || ct_str_equal(filter->direction, call->direction));
}

/* What a walk through the records has found. */
struct found {
    struct ct_call_reply *items;
    size_t count;
    struct ct_record_place last; /* where it goes on; id 0: nowhere */
};

/* Fills `items` up to @p limit, having looked at @p look_max records at most. */
static enum ct_result collect(struct ct_call *call, const struct call_filter *filter,
                              struct ct_record_place after, size_t limit, size_t look_max,
                              struct found *out)
{
    const struct ct_record_filter wanted = {.user_id = call->user_id,
                                            .from = filter->from,
                                            .to = filter->to,
                                            .since = filter->since,
                                            .until = filter->until,
                                            .open = goes_on(filter->status)};
    bool judges = filter->status.len > 0 || filter->direction.len > 0;
    /* One more than asked for tells whether there is a next page. */
    size_t size = judges || limit > LOOK_BATCH ? LOOK_BATCH : limit + 1;
    struct ct_record *rows = ct_arena_alloc(call->arena, size * sizeof(*rows));
    out->items = ct_arena_alloc(call->arena, limit * sizeof(*out->items));
    out->count = 0;
    if (rows == NULL || out->items == NULL)
        return CT_NOMEM;
    for (size_t looked = 0; looked < look_max; looked += size) {
        size_t got = 0;
        enum ct_result result =
            ct_record_list(call->arena, call->db, &wanted, after, size, rows, &got);
        if (result != CT_OK)
            return result;
        for (size_t i = 0; i < got; i++) {
            struct ct_call_reply view;
            ct_call_view(&rows[i], call->user_id, &view);
            if (fits(filter, &view) && out->count == limit) {
                out->last = after;
                return CT_OK;
            }
            if (fits(filter, &view))
                out->items[out->count++] = view;
            after = (struct ct_record_place){rows[i].started_at, rows[i].id};
        }
        if (got < size) {
            out->last = (struct ct_record_place){0};
            return CT_OK;
        }
    }
    out->last = after;
    return CT_OK;
}

/* ---- GET /calls ---- */

static enum ct_result make_cursor(struct ct_arena *arena, struct ct_record_place place,
                                  struct ct_str *out)
{
    char text[64];
    int length =
        snprintf(text, sizeof(text), "%lld %lld", (long long)place.started_at, (long long)place.id);
    *out = ct_str_of(ct_base64url(arena, text, (size_t)length));
    return out->len == 0 ? CT_NOMEM : CT_OK;
}

static enum ct_result read_cursor(struct ct_call *call, struct ct_str after,
                                  struct ct_record_place *out)
{
    struct ct_str text;
    *out = (struct ct_record_place){0};
    if (after.len == 0)
        return CT_OK;
    enum ct_result result = ct_base64url_decode(call->arena, after, &text);
    if (result == CT_NOMEM)
        return result;
    const char *space = result == CT_OK ? memchr(text.at, ' ', text.len) : NULL;
    if (space != NULL) {
        struct ct_str time = {text.at, (size_t)(space - text.at)};
        struct ct_str id = {space + 1, text.len - time.len - 1};
        if (ct_int_parse(time, &out->started_at) == CT_OK && ct_int_parse(id, &out->id) == CT_OK &&
            out->id > 0)
            return CT_OK;
    }
    return ct_call_refuse(call, "query", "after", "value_error",
                          "Value error, this is not a cursor that a list has answered");
}

static enum ct_result list_calls(struct ct_call *call)
{
    const struct call_query *query = call->query;
    struct ct_page *reply = call->reply;
    struct ct_record_place after;
    struct found found = {0};
    enum ct_result result = read_cursor(call, query->after, &after);
    if (result == CT_OK)
        result = collect(call, &query->filter, after, (size_t)query->limit, LOOK_MAX, &found);
    if (result != CT_OK)
        return result;
    reply->items = found.items;
    reply->count = found.count;
    return found.last.id == 0 ? CT_OK : make_cursor(call->arena, found.last, &reply->next);
}

/* ---- GET /calls.csv ---- */

#define EXPORT_HEADER                                                                       \
    "id,from,to,direction,status,device_id,trunk_id,phone_number_id,started_at,ringing_at," \
    "answered_at,ended_at,seconds,hangup_by,sip_code,reason\r\n"

/* What a stranger sent may look like a formula, a plain number may not. */
static void add_party(struct ct_buf *out, struct ct_str party)
{
    bool plain = party.len > 1 && party.at[0] == '+';
    for (size_t i = 1; plain && i < party.len; i++)
        plain = party.at[i] >= '0' && party.at[i] <= '9';
    if (plain)
        ct_csv_add(out, false, party);
    else
        ct_csv_add_foreign(out, false, party);
}

static void add_int(struct ct_buf *out, int64_t value)
{
    ct_buf_char(out, ',');
    if (value != INT64_MIN)
        ct_buf_int(out, value);
}

static void add_time(struct ct_buf *out, int64_t time_ms)
{
    ct_buf_char(out, ',');
    if (time_ms != CT_NO_TIME)
        ct_buf_time(out, time_ms);
}

static void add_line(struct ct_buf *out, const struct ct_call_reply *call)
{
    ct_buf_int(out, call->id);
    add_party(out, call->from);
    add_party(out, call->to);
    ct_csv_add(out, false, call->direction);
    ct_csv_add(out, false, call->status);
    add_int(out, call->device_id);
    add_int(out, call->trunk_id);
    add_int(out, call->phone_number_id);
    add_time(out, call->started_at);
    add_time(out, call->ringing_at);
    add_time(out, call->answered_at);
    add_time(out, call->ended_at);
    ct_buf_char(out, ',');
    if (call->seconds != INT64_MIN) {
        ct_buf_int(out, call->seconds / 1000);
        ct_buf_char(out, '.');
        ct_buf_digits(out, call->seconds % 1000, 3);
    }
    ct_csv_add(out, false, call->hangup_by);
    add_int(out, call->sip_code);
    ct_csv_add_foreign(out, false, call->reason);
    ct_buf_text(out, "\r\n");
}

static enum ct_result export_calls(struct ct_call *call)
{
    const struct call_filter *filter = call->query;
    struct ct_content *reply = call->reply;
    struct ct_buf text = ct_buf_in(call->arena);
    struct found found = {0};
    enum ct_result result =
        collect(call, filter, (struct ct_record_place){0}, EXPORT_MAX, EXPORT_LOOK_MAX, &found);
    if (result != CT_OK)
        return result;
    if (found.last.id != 0)
        return ct_call_refuse(call, "query", "since", "value_error",
                              "Value error, these are too many calls: ask for a shorter time, "
                              "by since and until");
    ct_buf_text(&text, EXPORT_HEADER);
    for (size_t i = 0; i < found.count; i++)
        add_line(&text, &found.items[i]);
    reply->body = ct_buf_done(&text);
    reply->type = "text/csv; charset=utf-8; header=present";
    return text.failed ? CT_NOMEM : CT_OK;
}

/* ---- one call ---- */

static enum ct_result get_call(struct ct_call *call)
{
    const struct call_path *path = call->path;
    struct ct_record record;
    enum ct_result result = ct_record_get(call->arena, call->db, call->user_id, path->id, &record);
    if (result == CT_OK)
        ct_call_view(&record, call->user_id, call->reply);
    return result;
}

struct message_reply {
    int64_t at;
    struct ct_str direction;
    struct ct_str leg;
    struct ct_str transport;
    struct ct_str peer;
    struct ct_str message;
};

static const char *const ways[] = {"received", "sent", NULL};
static const char *const legs[] = {"caller", "callee", NULL};

#define MESSAGE(member, kind, ...) CT_FIELD(struct message_reply, member, kind, __VA_ARGS__)

static const struct ct_field message_fields[] = {
    MESSAGE(at, CT_FIELD_TIME, .doc = "When.", .example = "\"2026-01-31T12:00:00.000Z\""),
    MESSAGE(direction, CT_FIELD_STRING, .words = ways, .doc = "As this server sees it.",
            .example = "\"received\""),
    MESSAGE(leg, CT_FIELD_STRING, .words = legs, .doc = "Between this server and which side.",
            .example = "\"caller\""),
    MESSAGE(transport, CT_FIELD_STRING, .doc = "`udp`, `tcp`, `tls`, `ws` or `wss`.",
            .example = "\"udp\""),
    MESSAGE(peer, CT_FIELD_STRING, .doc = "The side's address and port.",
            .example = "\"192.0.2.1:5060\""),
    MESSAGE(message, CT_FIELD_STRING,
            .doc = "The message, with `***` where a secret was: the response of a digest, the keys "
                   "of a session description. Bytes that are no UTF-8 are U+FFFD; what is longer "
                   "than 16,384 bytes is cut off.",
            .example = "\"BYE sip:d1@192.0.2.1 SIP/2.0\\r\\n\\r\\n\""),
};

static const struct ct_schema message_schema =
    CT_SCHEMA("CallMessage", "A SIP message of a call.", struct message_reply, message_fields);

static enum ct_result get_ladder(struct ct_call *call)
{
    const struct call_path *path = call->path;
    struct ct_page *reply = call->reply;
    struct ct_record record;
    struct ct_ladder_message *rows = NULL;
    size_t count = 0;
    enum ct_result result = ct_record_get(call->arena, call->db, call->user_id, path->id, &record);
    if (result == CT_OK)
        result = ct_ladder_read(call->arena, call->db, path->id, &rows, &count);
    if (result != CT_OK)
        return result;
    struct message_reply *items = ct_arena_alloc(call->arena, count * sizeof(*items));
    if (items == NULL)
        return CT_NOMEM;
    for (size_t i = 0; i < count; i++) {
        if (!ct_call_shows_leg(&record, call->user_id, rows[i].leg))
            continue;
        items[reply->count++] = (struct message_reply){.at = rows[i].at,
                                                       .direction = ct_str_of(ways[rows[i].sent]),
                                                       .leg = rows[i].leg,
                                                       .transport = rows[i].transport,
                                                       .peer = rows[i].peer,
                                                       .message = rows[i].bytes};
    }
    reply->items = items;
    return CT_OK;
}

/* ---- routes ---- */

#define UNKNOWN                                \
    (const struct ct_route_error[])            \
    {                                          \
        {CT_NOT_FOUND, 404, "Call not found"}, \
        {                                      \
            0                                  \
        }                                      \
    }

const struct ct_route ct_calls_routes[] = {
    {.method = CT_GET,
     .pattern = "/calls",
     .query = &list_schema,
     .reply = &ct_call_schema,
     .list = true,
     .access = CT_READ,
     .auth = CT_USER,
     .scope = "calls:read",
     .run = list_calls,
     .summary = "List your calls",
     .doc =
         "Those that you made or got, live ones too, the newest first. Paging is stable while "
         "calls come. With `status` or `direction` at most 2,000 calls are looked at for a page: "
         "it may be short, or empty, and there are more as long as `next` is not null.",
     .tag = "Voice"},
    {.method = CT_GET,
     .pattern = "/calls.csv",
     .query = &export_schema,
     .access = CT_READ,
     .auth = CT_USER,
     .scope = "calls:read",
     .run = export_calls,
     .summary = "Export your calls",
     .doc =
         "As comma-separated values (RFC 4180) with a line of names, the newest first. Texts that "
         "a spreadsheet would take for a formula have an apostrophe in front. Up to "
         "10,000 calls are answered, and up to 50,000 looked at for them: more are asked for in "
         "parts, by `since` and `until` (422).",
     .tag = "Voice",
     .content = "text/csv"},
    {.method = CT_GET,
     .pattern = "/calls/{id}",
     .path = &path_schema,
     .reply = &ct_call_schema,
     .access = CT_READ,
     .auth = CT_USER,
     .scope = "calls:read",
     .run = get_call,
     .errors = UNKNOWN,
     .summary = "Get one of your calls",
     .doc = "A call that you neither made nor got is answered as one that does not exist.",
     .tag = "Voice"},
    {.method = CT_GET,
     .pattern = "/calls/{id}/ladder",
     .path = &path_schema,
     .reply = &message_schema,
     .array = true,
     .access = CT_READ,
     .auth = CT_USER,
     .scope = "calls:read",
     .run = get_ladder,
     .errors = UNKNOWN,
     .summary = "See the SIP messages of a call",
     .doc = "In their order, those of your own side and of a trunk: up to 200, kept for "
            "CALL_MESSAGES_KEEP_DAYS. The list is empty afterwards.",
     .tag = "Voice"},
};
const size_t ct_calls_route_count = sizeof(ct_calls_routes) / sizeof(ct_calls_routes[0]);
