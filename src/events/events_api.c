#include "events/events.h"
#include "events/service.h"

#define SCOPE "events:read"
/* When a stream that was refused may be tried again. */
#define RETRY_S 10

struct events_query {
    int64_t limit;
    struct ct_str after;
    struct ct_str types;
};

static const struct ct_field query_fields[] = {
    CT_LIST_QUERY_FIELDS(struct events_query),
    CT_FIELD(struct events_query, types, CT_FIELD_STRING, .flags = CT_FIELD_OPTIONAL, .min = 0,
             .max = 1024, .doc = "Only these, separated by commas; without it, all.",
             .example = "\"call.*,device.created\""),
};

static const struct ct_schema query_schema =
    CT_SCHEMA("EventsQuery", NULL, struct events_query, query_fields);

struct event_reply {
    int64_t id;
    struct ct_str type;
    int64_t created_at;
    struct ct_str subject;
    int64_t subject_id;
    struct ct_str data;
};

static const struct ct_field event_fields[] = {
    CT_FIELD(struct event_reply, id, CT_FIELD_INT, .doc = "The event's id; ids rise with time.",
             .example = "12"),
    CT_FIELD(struct event_reply, type, CT_FIELD_STRING, .doc = "What happened.",
             .example = "\"device.created\""),
    CT_FIELD(struct event_reply, created_at, CT_FIELD_TIME, .doc = "When.",
             .example = "\"2026-01-31T12:00:00.000Z\""),
    CT_FIELD(struct event_reply, subject, CT_FIELD_STRING,
             .doc = "What kind of thing it happened to.", .example = "\"device\""),
    CT_FIELD(struct event_reply, subject_id, CT_FIELD_INT, .flags = CT_FIELD_NULLABLE,
             .doc = "And which.", .example = "3"),
    CT_FIELD(struct event_reply, data, CT_FIELD_JSON,
             .doc = "What is told of it: an object whose members depend on the type.",
             .example = "{\"name\":\"desk\"}"),
};

static const struct ct_schema event_schema =
    CT_SCHEMA("Event", "What happened.", struct event_reply, event_fields);

static enum ct_result read_types(struct ct_call *call, struct ct_str types, uint64_t *out)
{
    *out = CT_EVENT_ALL_TYPES;
    if (types.len == 0 || ct_event_patterns(types, out) == CT_OK)
        return CT_OK;
    return ct_call_refuse(call, "query", "types", "value_error",
                          "Value error, there is no such type of event");
}

static enum ct_result list_events(struct ct_call *call)
{
    const struct events_query *query = call->query;
    struct ct_page *reply = call->reply;
    struct ct_event_query wanted = {.user_id = call->user_id, .limit = (size_t)query->limit};
    enum ct_result result = ct_cursor_read(call, query->after, &wanted.after_id);
    if (result == CT_OK)
        result = read_types(call, query->types, &wanted.types);
    if (result != CT_OK)
        return result;
    struct ct_event *events = ct_arena_alloc(call->arena, wanted.limit * sizeof(*events));
    struct event_reply *items = ct_arena_alloc(call->arena, wanted.limit * sizeof(*items));
    if (events == NULL || items == NULL)
        return CT_NOMEM;
    int64_t seen;
    bool more;
    result = ct_event_read(call->arena, call->db, &wanted, events, &reply->count, &seen, &more);
    if (result != CT_OK)
        return result;
    for (size_t i = 0; i < reply->count; i++) {
        items[i] = (struct event_reply){
            .id = events[i].id,
            .type = ct_str_of(ct_event_word(events[i].type)),
            .created_at = events[i].created_at,
            .subject = ct_str_of(ct_event_subject(events[i].type)),
            .subject_id = events[i].subject_id == 0 ? INT64_MIN : events[i].subject_id,
            .data = events[i].data};
    }
    reply->items = items;
    return more ? ct_cursor_make(call->arena, seen, &reply->next) : CT_OK;
}

/* Where a stream begins: behind the last event, or behind the one that the client has seen last. */
static enum ct_result find_start(struct ct_call *call, int64_t *after_id)
{
    struct ct_str given = call->last_event_id;
    int64_t seen;
    enum ct_result result = ct_event_last(call->db, after_id);
    if (result != CT_OK || given.len == 0)
        return result;
    if (ct_int_parse(given, &seen) != CT_OK || seen < 0)
        return ct_call_refuse(call, "header", "Last-Event-ID", "int_parsing",
                              "Input should be a valid integer, unable to parse string as an "
                              "integer");
    /* An id that was never given is of another database. */
    if (seen < *after_id)
        *after_id = seen;
    return CT_OK;
}

static enum ct_result stream_events(struct ct_call *call)
{
    const struct ct_events *room = call->room;
    const struct events_query *query = call->query;
    struct ct_event_listener listener = {.user_id = call->user_id,
                                         .token = call->token,
                                         .scope = CT_STR(SCOPE),
                                         .address = call->address};
    enum ct_result result = read_types(call, query->types, &listener.types);
    if (result == CT_OK)
        result = find_start(call, &listener.after_id);
    if (result == CT_OK)
        result = ct_event_streams_open(room->streams, &listener, call->reply);
    if (result == CT_BUSY || result == CT_LIMITED)
        call->retry_after_s = RETRY_S;
    return result;
}

static const char doc[] =
    "The account's events, the oldest first, as far as they are kept (EVENTS_KEEP_DAYS).\n\n"
    "With `Accept: text/event-stream` the reply is a stream of them as they happen: Server-Sent "
    "Events, whose `id` is the event's id, `event` its type and `data` the object that the list "
    "has. `limit` and `after` mean nothing then; send `Last-Event-ID` to go on behind an event. A "
    "comment comes every 15 seconds. The stream ends when the token does, and when its client "
    "takes nothing for 30 seconds. EVENT_STREAMS_PER_ACCOUNT says how many an account may have "
    "open (429), EVENT_STREAMS_MAX how many there may be (503).\n\n"
    "With `types` a page may be short, or even empty, and have a `next` all the same: 2,000 events "
    "are looked at for each.";

const struct ct_route ct_events_routes[] = {
    {.method = CT_GET,
     .pattern = "/events",
     .query = &query_schema,
     .reply = &event_schema,
     .list = true,
     .access = CT_READ,
     .auth = CT_USER,
     .scope = SCOPE,
     .run = list_events,
     .stream = stream_events,
     .errors =
         (const struct ct_route_error[]){
             {CT_BUSY, 503, "Too many streams of events are open"},
             {CT_LIMITED, 429, "The account has too many streams of events open"},
             {0}},
     .summary = "See what happens",
     .doc = doc,
     .tag = "Events",
     .about = "What happens to what the account has: in pages, or as a stream while it happens."},
};
const size_t ct_events_route_count = sizeof(ct_events_routes) / sizeof(ct_events_routes[0]);
