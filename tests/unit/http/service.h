#ifndef CT_TESTS_UNIT_HTTP_SERVICE_H
#define CT_TESTS_UNIT_HTTP_SERVICE_H

#include "exchange_fixture.h"

/** A small service of items, for the tests of the way of a request. */

struct word {
    struct ct_str word;
    struct ct_str outcome; /* a name of an enum ct_result that a handler is to answer */
};

static const struct ct_field word_fields[] = {
    CT_FIELD(struct word, word, CT_FIELD_STRING, .min = 1, .max = 8),
    CT_FIELD(struct word, outcome, CT_FIELD_STRING, .flags = CT_FIELD_OPTIONAL),
};
static const struct ct_schema word_schema = CT_SCHEMA("Word", NULL, struct word, word_fields);

struct item {
    int64_t id;
    struct ct_str word;
};

static const struct ct_field item_fields[] = {
    CT_FIELD(struct item, id, CT_FIELD_INT, .min = 1, .max = 1000),
    CT_FIELD(struct item, word, CT_FIELD_STRING, .doc = "Any."),
};
static const struct ct_schema item_schema = CT_SCHEMA("Item", NULL, struct item, item_fields);
static const struct ct_schema id_schema = {
    .name = "ItemPath", .size = sizeof(int64_t), .fields = item_fields, .count = 1};

static enum ct_result outcome_of(struct ct_str name)
{
    static const struct {
        const char *name;
        enum ct_result result;
    } outcomes[] = {
        {"", CT_OK},
        {"nomem", CT_NOMEM},
        {"invalid", CT_INVALID},
        {"bug", CT_BUG},
        {"not_found", CT_NOT_FOUND},
        {"conflict", CT_CONFLICT},
        {"forbidden", CT_FORBIDDEN},
        {"stale", CT_STALE},
        {"limited", CT_LIMITED},
        {"denied", CT_DENIED},
        {"busy", CT_BUSY},
        {"unavailable", CT_UNAVAILABLE},
    };
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        if (ct_str_equal(name, ct_str_of(outcomes[i].name)))
            return outcomes[i].result;
    }
    return CT_TOO_NEW;
}

static enum ct_result get_item(struct ct_call *call)
{
    struct item *reply = call->reply;
    reply->id = *(const int64_t *)call->path;
    reply->word = CT_STR("item");
    if (reply->id == 404)
        return CT_NOT_FOUND;
    return call->db != NULL && call->user_id == USER ? CT_OK : CT_BUG;
}

static enum ct_result echo(struct ct_call *call)
{
    const struct word *body = call->body;
    struct item *reply = call->reply;
    reply->id = *(int *)call->room;
    reply->word = body->word;
    return call->db == NULL && call->user_id == 0 ? CT_OK : CT_BUG;
}

static enum ct_result list(struct ct_call *call)
{
    static const struct item items[] = {{3, {"a", 1}}, {5, {"b", 1}}};
    const struct ct_list_query *query = call->query;
    struct ct_page *reply = call->reply;
    int64_t after;
    enum ct_result result = ct_cursor_read(call, query->after, &after);
    if (result != CT_OK)
        return result;
    reply->items = items + (after == 3);
    reply->count = query->limit == 1 ? 1 : 2 - (size_t)(after == 3);
    return after == 0 && query->limit == 1 ? ct_cursor_make(call->arena, 3, &reply->next) : CT_OK;
}

static enum ct_result insert(struct ct_db *db, struct ct_str word, int64_t *id)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "INSERT INTO users (username) VALUES ($1) RETURNING id", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, word);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *id = ct_column_int(stmt, 0);
    return ct_run(stmt);
}

static enum ct_result create(struct ct_call *call)
{
    const struct word *body = call->body;
    struct item *reply = call->reply;
    if (call->user_id != USER)
        return CT_BUG;
    reply->word = body->word;
    enum ct_result result = insert(call->db, body->word, &reply->id);
    if (result == CT_OK && ct_str_equal(body->outcome, CT_STR("refuse")))
        return ct_call_refuse(call, "body", "word", "value_error", "Value error, not that one");
    return result == CT_OK ? outcome_of(body->outcome) : result;
}

/* The scratch memory takes the word from here to `work`. */
static enum ct_result prepare(struct ct_call *call)
{
    const struct word *body = call->body;
    struct ct_str *kept = call->scratch;
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(call->db, "SELECT count(*) FROM users", &stmt);
    if (result == CT_OK && kept->at != NULL)
        return CT_BUG;
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *kept = body->word;
    if (ct_str_equal(body->outcome, CT_STR("refuse")))
        return ct_call_refuse(call, "body", "word", "value_error", "Value error, not that one");
    return ct_str_equal(body->word, CT_STR("early")) ? outcome_of(body->outcome) : CT_OK;
}

static enum ct_result work(struct ct_call *call)
{
    const struct word *body = call->body;
    struct item *reply = call->reply;
    reply->word = *(const struct ct_str *)call->scratch;
    enum ct_result result = insert(call->db, body->word, &reply->id);
    return result == CT_OK ? outcome_of(body->outcome) : result;
}

static const struct ct_route_error errors[] = {{CT_CONFLICT, 409, "It is taken"},
                                               {CT_DENIED, 401, "Wrong word"},
                                               {CT_NOT_FOUND, 404, "No such item"},
                                               {0}};

static const struct ct_route routes[] = {
    {.method = CT_POST,
     .pattern = "/echo",
     .body = &word_schema,
     .reply = &item_schema,
     .run = echo},
    {.method = CT_POST,
     .pattern = "/form",
     .body = &word_schema,
     .reply = &item_schema,
     .form = true,
     .status = 201,
     .run = echo},
    {.method = CT_GET,
     .pattern = "/items",
     .query = &ct_list_query_schema,
     .reply = &item_schema,
     .list = true,
     .access = CT_READ,
     .auth = CT_USER,
     .run = list},
    {.method = CT_GET,
     .pattern = "/items/{id}",
     .path = &id_schema,
     .reply = &item_schema,
     .access = CT_READ,
     .auth = CT_USER,
     .run = get_item},
    {.method = CT_PUT,
     .pattern = "/items/{id}",
     .path = &id_schema,
     .query = &ct_list_query_schema,
     .body = &word_schema,
     .reply = &item_schema,
     .access = CT_WRITE,
     .auth = CT_USER,
     .run = create,
     .errors = errors},
    {.method = CT_DELETE,
     .pattern = "/items/{id}",
     .path = &id_schema,
     .reply = &item_schema,
     .access = CT_WRITE,
     .auth = CT_USER,
     .run = get_item,
     .errors = errors},
    {.method = CT_POST,
     .pattern = "/jobs",
     .body = &word_schema,
     .reply = &item_schema,
     .access = CT_WRITE,
     .prepare = prepare,
     .run = work,
     .scratch_size = sizeof(struct ct_str),
     .errors = errors},
};
static int room = 42;
static const struct ct_mount mount = {routes, sizeof(routes) / sizeof(routes[0]), &room};

#define FIELD_REQUIRED(loc) "{\"type\":\"missing\",\"loc\":[" loc "],\"msg\":\"Field required\"}"

#endif
