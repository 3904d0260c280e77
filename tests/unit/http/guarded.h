#ifndef CT_TESTS_UNIT_HTTP_GUARDED_H
#define CT_TESTS_UNIT_HTTP_GUARDED_H

#include "service.h"

/** Routes that not everybody may use, that creates only once, or that answer in other ways. */

static unsigned prepared; /* how often a `prepare` ran, */
static unsigned ran;      /* and how many requests a handler of what is created only once ran for */

static enum ct_result who(struct ct_call *call)
{
    struct item *reply = call->reply;
    reply->id = call->caller.user_id;
    reply->word = call->address;
    return call->caller.user_id == call->user_id ? CT_OK : CT_BUG;
}

/* A job may run more than once. */
static void count(struct ct_call *call)
{
    char *exchange = (char *)call - offsetof(struct ct_exchange, call);
    struct client *client = ((struct ct_exchange *)(void *)exchange)->transport;
    ran += client->counted ? 0 : 1;
    client->counted = true;
}

static enum ct_result create_once(struct ct_call *call)
{
    const struct word *body = call->body;
    struct item *reply = call->reply;
    count(call);
    reply->word = body->word;
    enum ct_result result = insert(call->db, body->word, &reply->id);
    if (result == CT_OK)
        result = outcome_of(body->outcome);
    if (result == CT_FORBIDDEN)
        return ct_call_say(call, result, ct_arena_printf(call->arena, "Not the %u.", 1U));
    if (result == CT_INVALID)
        return ct_call_refuse(call, "body", "word", "value_error", "Value error, not that one");
    return result;
}

static enum ct_result prepare_once(struct ct_call *call)
{
    prepared++;
    ct_call_end_read(call);
    return ct_str_equal(((const struct word *)call->body)->word, CT_STR("early")) ? CT_CONFLICT
                                                                                  : CT_OK;
}

static enum ct_result change(struct ct_call *call)
{
    struct item *reply = call->reply;
    enum ct_result result = ct_call_if_match(call, "\"3\"");
    reply->id = 1;
    reply->word = CT_STR("changed");
    call->etag = "\"4\"";
    return result;
}

static enum ct_result say(struct ct_call *call)
{
    const struct word *body = call->body;
    enum ct_result result = outcome_of(body->outcome);
    if (result == CT_LIMITED)
        call->retry_after_s = 77;
    (void)ct_call_say(call, result == CT_BUG ? CT_CONFLICT : result, "Just so");
    return result;
}

static enum ct_result drop(struct ct_call *call)
{
    return ct_str_equal(((const struct word *)call->body)->word, CT_STR("x")) ? CT_OK
                                                                              : CT_NOT_FOUND;
}

static enum ct_result all(struct ct_call *call)
{
    static const struct item items[] = {{3, {"a", 1}}, {5, {"b", 1}}};
    struct ct_page *reply = call->reply;
    reply->items = items;
    reply->count = *(const int64_t *)call->path == 1 ? 2 : 0;
    return CT_OK;
}

static const struct ct_route_error guarded_errors[] = {
    {CT_CONFLICT, 409, "It is taken"}, {CT_FORBIDDEN, 403, "Never"}, {0}};

#define READS .method = CT_GET, .reply = &item_schema, .access = CT_READ, .run = who
#define MAKES                                                                              \
    .method = CT_POST, .body = &word_schema, .access = CT_WRITE, .errors = guarded_errors, \
    .run = create_once

static const struct ct_route guarded_routes[] = {
    {READS, .pattern = "/session", .auth = CT_SESSION},
    {READS, .pattern = "/admin", .auth = CT_ADMIN, .scope = "items:write"},
    {READS, .pattern = "/scope", .auth = CT_USER, .scope = "items:read"},
    {READS, .pattern = "/written", .auth = CT_USER, .scope = "items:write"},
    {READS, .pattern = "/any", .auth = CT_USER},
    {READS, .pattern = "/free"},
    {READS, .pattern = "/watch", .auth = CT_USER, .unlimited = true},
    {MAKES, .pattern = "/once", .reply = &item_schema, .auth = CT_USER, .idempotent = true},
    {MAKES, .pattern = "/once/{id}", .path = &id_schema, .reply = &item_schema, .auth = CT_USER,
     .idempotent = true, .status = 201},
    {MAKES, .pattern = "/silent", .auth = CT_USER, .idempotent = true, .status = 204},
    {MAKES, .pattern = "/join", .reply = &item_schema, .prepare = prepare_once, .idempotent = true},
    {.method = CT_PATCH,
     .pattern = "/items/{id}/word",
     .path = &id_schema,
     .reply = &item_schema,
     .access = CT_WRITE,
     .auth = CT_USER,
     .conditional = true,
     .run = change},
    {.method = CT_POST,
     .pattern = "/say",
     .body = &word_schema,
     .reply = &item_schema,
     .run = say,
     .errors = guarded_errors},
    {.method = CT_DELETE,
     .pattern = "/drop",
     .body = &word_schema,
     .access = CT_WRITE,
     .auth = CT_USER,
     .status = 204,
     .run = drop},
    {.method = CT_GET,
     .pattern = "/all/{id}",
     .path = &id_schema,
     .reply = &item_schema,
     .array = true,
     .access = CT_READ,
     .run = all},
};

static const struct ct_mount guarded_mounts[] = {
    {routes, sizeof(routes) / sizeof(routes[0]), &room},
    {guarded_routes, sizeof(guarded_routes) / sizeof(guarded_routes[0]), NULL},
};

#define CALLER(name) .authorization = "Bearer " name

#endif
