#ifndef CT_TESTS_UNIT_HTTP_EXCHANGE_FIXTURE_H
#define CT_TESTS_UNIT_HTTP_EXCHANGE_FIXTURE_H

#include <pthread.h>
#include <string.h>

#include "harness.h"
#include "http/exchange.h"
#include "scratch.h"

/**
 * A request and its reply without sockets. One request after another, each in an exchange of its own
 * that lives until the next one or stop().
 */
struct client {
    bool counted; /* the request in progress, by the handlers that count what runs */
    struct ct_config config;
    struct ct_server_options server;
    struct scratch scratch;
    struct ct_exchange *exchange;
    struct ct_limits *limits;
    pthread_mutex_t mutex; /* guards `woken` */
    pthread_cond_t wake;
    unsigned woken;
};

/** What is sent; what is not said is absent. */
struct request {
    const char *target;
    enum ct_method method;
    const char *body;   /* NULL: none, and no Content-Length */
    const char *length; /* Content-Length when it is another than that of the body */
    const char *chunks; /* Transfer-Encoding */
    const char *type;
    const char *authorization;
    const char *accept_encoding;
    const char *if_none_match;
    const char *if_match;
    const char *key; /* Idempotency-Key */
    const char *forwarded_for;
    const char *peer; /* the connection's other end; NULL is 192.0.2.1 */
    const char *origin;
    const char *request_method;
    const char *cookie;
    const char *expect;
    unsigned short_headers; /* so many of two letters */
    size_t header_bytes;
    bool authorized_twice;
    bool keyed_twice;
};

#define USER INT64_C(7)

/** Tokens are words here: "good" and "admin" are those of logins, "key" and "star" are API keys. "spoiled"
 *  fails as storage does. */
static inline enum ct_result fake_authenticate(void *room, struct ct_arena *arena, struct ct_db *db,
                                               struct ct_str token, struct ct_str address,
                                               struct ct_caller *out)
{
    struct ct_stmt *stmt;
    (void)arena;
    *(unsigned *)room += 1;
    if (ct_str_equal(token, CT_STR("spoiled")))
        return CT_UNAVAILABLE;
    if (ct_str_equal(token, CT_STR("key")))
        *out = (struct ct_caller){.key_id = 3, .scopes = CT_STR("items:write other:read")};
    else if (ct_str_equal(token, CT_STR("star")))
        *out = (struct ct_caller){.key_id = 4, .scopes = CT_STR("*")};
    else if (ct_str_equal(token, CT_STR("admin")))
        *out = (struct ct_caller){.role = CT_ROLE_ADMIN, .token_id = CT_STR("t")};
    else if (ct_str_equal(token, CT_STR("good")))
        *out = (struct ct_caller){.token_id = CT_STR("t")};
    else
        return CT_DENIED;
    enum ct_result result = ct_db_query(db, "SELECT $1 + 0", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, USER);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    out->user_id = ct_column_int(stmt, 0);
    return address.len > 0 ? CT_OK : CT_BUG;
}

/** A client of a server that needs no storage. @p mounts is borrowed. */
static inline void client_init(struct client *client, const struct ct_mount *mounts, size_t count)
{
    *client = (struct client){
        .config = {.max_body_bytes = 1024,
                   .cors_origins = "",
                   .trusted_proxies = "",
                   .password_min_length = 8},
        .server = {.mounts = mounts, .mount_count = count, .authenticate = fake_authenticate}};
    client->server.config = &client->config;
    pthread_mutex_init(&client->mutex, NULL);
    pthread_cond_init(&client->wake, NULL);
}

/* How many threads there are that reads may wait on: a test that is to have some defines it first. */
#ifndef CLIENT_READERS
#define CLIENT_READERS 0
#endif

/** Adds storage and, with @p hashes, a thread that hashes (@p tokens counts authentications). */
static inline enum ct_result client_open(struct client *client, size_t hashes, unsigned *tokens)
{
    client->server.authenticate_room = tokens;
    enum ct_result result = scratch_open(&client->scratch);
    client->server.store = client->scratch.store;
    if (result == CT_OK && hashes > 0)
        result = ct_pool_start("hashing", 1, hashes, 0, &client->server.hashing);
    if (result == CT_OK && CLIENT_READERS > 0)
        result = ct_pool_start("reading", CLIENT_READERS, 64, 0, &client->server.readers);
    return result == CT_IO ? CT_NOMEM : result;
}

static inline void client_forget(struct client *client)
{
    if (client->exchange != NULL)
        ct_exchange_free(client->exchange);
    client->exchange = NULL;
}

static inline void client_close(struct client *client)
{
    ct_pool_stop(client->server.readers);
    ct_pool_stop(client->server.hashing);
    scratch_close(&client->scratch);
    client_forget(client);
    ct_limits_free(client->limits);
    pthread_cond_destroy(&client->wake);
    pthread_mutex_destroy(&client->mutex);
}

static inline void client_wake(struct ct_exchange *exchange)
{
    struct client *client = exchange->transport;
    pthread_mutex_lock(&client->mutex);
    client->woken++;
    pthread_cond_signal(&client->wake);
    pthread_mutex_unlock(&client->mutex);
}

static inline void add_header(struct ct_headers *headers, const char *name, const char *value)
{
    if (value != NULL)
        ct_headers_add(headers, ct_str_of(name), ct_str_of(value));
}

/** The headers of a request, judged. */
static inline enum ct_result client_begin(struct client *client, const struct request *request)
{
    client_forget(client);
    struct ct_exchange *exchange = ct_exchange_new(&client->server, NULL, request->target);
    if (exchange == NULL)
        return CT_NOMEM;
    client->exchange = exchange;
    client->counted = false;
    exchange->method = request->method;
    exchange->id = "id-1";
    exchange->wake = client_wake;
    exchange->transport = client;
    exchange->limits = client->limits;
    exchange->peer = request->peer == NULL ? "192.0.2.1" : request->peer;
    struct ct_headers *headers = &exchange->headers;
    headers->size = request->header_bytes;
    add_header(headers, "Authorization", request->authorization);
    if (request->authorized_twice)
        add_header(headers, "Authorization", request->authorization);
    add_header(headers, "Content-Type", request->type);
    add_header(headers, "Content-Length", request->length);
    add_header(headers, "Transfer-Encoding", request->chunks);
    add_header(headers, "Accept-Encoding", request->accept_encoding);
    add_header(headers, "If-None-Match", request->if_none_match);
    add_header(headers, "If-Match", request->if_match);
    add_header(headers, "Idempotency-Key", request->key);
    if (request->keyed_twice)
        add_header(headers, "Idempotency-Key", request->key);
    add_header(headers, "X-Forwarded-For", request->forwarded_for);
    add_header(headers, "Origin", request->origin);
    add_header(headers, "Access-Control-Request-Method", request->request_method);
    add_header(headers, "Cookie", request->cookie);
    add_header(headers, "Expect", request->expect);
    for (unsigned i = 0; i < request->short_headers; i++)
        add_header(headers, "A", "b");
    if (request->body != NULL && request->length == NULL && request->chunks == NULL) {
        const char *length = ct_arena_printf(exchange->arena, "%zu", strlen(request->body));
        if (length == NULL)
            return CT_NOMEM;
        add_header(headers, "Content-Length", length);
    }
    ct_exchange_headers(exchange);
    return CT_OK;
}

/** Body and work, as far as it needs no other thread; whether it is to be waited for: client_wait. */
static inline bool client_submit(struct client *client, const char *body)
{
    struct ct_exchange *exchange = client->exchange;
    size_t size = body == NULL ? 0 : strlen(body);

    /* in two pieces, as it may come */
    if (size > 1)
        (void)ct_exchange_body(exchange, body, size / 2);
    if (size > 0)
        (void)ct_exchange_body(exchange, body + size / 2 * (size > 1),
                               size - size / 2 * (size > 1));
    if (ct_exchange_run(exchange))
        return false;
    pthread_mutex_lock(&client->mutex);
    client->woken = 0;
    pthread_mutex_unlock(&client->mutex);
    ct_exchange_submit(exchange);
    return true;
}

static inline void client_wait(struct client *client)
{
    pthread_mutex_lock(&client->mutex);
    while (client->woken == 0)
        pthread_cond_wait(&client->wake, &client->mutex);
    pthread_mutex_unlock(&client->mutex);
}

/** Body, work and reply. */
static inline void client_end(struct client *client, const char *body)
{
    if (client_submit(client, body))
        client_wait(client);
    ct_exchange_reply(client->exchange);
}

static inline bool client_got(const struct client *client, int status, const char *body)
{
    const struct ct_reply *reply = &client->exchange->reply;
    return reply->status == status && ct_str_equal(reply->body, ct_str_of(body));
}

/** Sends a request and compares the reply. @p same is false also when memory was short and the
 *  reply says so: then CT_NOMEM is answered. */
static inline enum ct_result client_ask(struct client *client, const struct request *request,
                                        int status, const char *body, bool *same)
{
    enum ct_result result = client_begin(client, request);
    if (result != CT_OK)
        return result;
    client_end(client, request->body);
    *same = client_got(client, status, body);
    return !*same && client->exchange->reply.status == 503 ? CT_NOMEM : CT_OK;
}

/** The value of a reply's header; "" when it is not there or there twice. */
static inline const char *reply_header(const struct client *client, const char *name)
{
    const struct ct_reply *reply = &client->exchange->reply;
    const char *value = NULL;
    for (size_t i = 0; i < reply->header_count; i++) {
        if (strcmp(reply->headers[i].name, name) != 0)
            continue;
        if (value != NULL)
            return "";
        value = reply->headers[i].value;
    }
    return value == NULL ? "" : value;
}

/** Expects a reply of these contents. */
#define EXPECT_REPLY(client, code, text, ...)                                                    \
    do {                                                                                         \
        bool same_;                                                                              \
        TRY(client_ask((client), &(const struct request){__VA_ARGS__}, (code), (text), &same_)); \
        EXPECT(same_);                                                                           \
    } while (0)
#define EXPECT_HEADER(client, name, value) \
    EXPECT(strcmp(reply_header((client), (name)), (value)) == 0)

#define DETAIL(sentence) "{\"detail\":\"" sentence "\"}"

#endif
