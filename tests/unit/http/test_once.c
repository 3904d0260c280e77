#include "http/once.h"

#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "exchange_fixture.h"
#include "guarded.h"
#include "harness.h"

#define ONCE(with, text)                                                                 \
    .target = "/once", .method = CT_POST, .authorization = "Bearer good", .key = (with), \
    .body = (text)
#define REUSED                                                                         \
    "{\"detail\":[{\"type\":\"value_error\",\"loc\":[\"header\",\"Idempotency-Key\"]," \
    "\"msg\":\"Value error, this key was used with another request\"}]}"
#define REPLAYED(client) (strcmp(reply_header((client), "Idempotent-Replayed"), "true") == 0)

/* The number or text of one row. */
static enum ct_result ask(struct client *client, const char *sql, const char **out)
{
    struct ct_db *db;
    struct ct_stmt *stmt;
    struct ct_str text;
    enum ct_result result = ct_store_read_begin(client->server.store, &db);
    if (result != CT_OK)
        return result;
    result = ct_db_query(db, sql, &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result == CT_ROW)
        result = ct_column_str(stmt, 0, client->scratch.arena, &text);
    if (result == CT_OK)
        *out = text.at;
    ct_store_read_end(db);
    return result;
}

#define EXPECT_VALUE(expected, sql)           \
    do {                                      \
        const char *value = "";               \
        TRY(ask(&client, sql, &value));       \
        EXPECT(strcmp(value, expected) == 0); \
    } while (0)

static enum ct_result run_sql(void *ctx, struct ct_db *db)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, ctx, &stmt);
    return result == CT_OK ? ct_run(stmt) : result;
}

static enum ct_result change_rows(struct client *client, char *sql)
{
    return ct_store_write(client->server.store, run_sql, sql);
}

static enum ct_result open_client(struct client *client, unsigned *tokens)
{
    prepared = ran = 0;
    client_init(client, guarded_mounts, 2);
    return client_open(client, 1, tokens);
}

static enum ct_result test_the_same_again(void)
{
    static const char body[] = "{\"word\":\"a\"}";
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;

    TRY(open_client(&client, &tokens));
    EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"a\"}", ONCE("k", body));
    EXPECT(!REPLAYED(&client));
    for (int i = 0; i < 2; i++) {
        EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"a\"}", ONCE("k", body));
        EXPECT(REPLAYED(&client));
        EXPECT_HEADER(&client, "Content-Type", "application/json");
        EXPECT_HEADER(&client, "Cache-Control", "no-store");
    }
    EXPECT(ran == 1);
    /* also after a restart */
    client_forget(&client);
    ct_store_close(client.scratch.store);
    client.scratch.store = client.server.store = NULL;
    TRY(scratch_open_store(&client.scratch));
    client.server.store = client.scratch.store;
    EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"a\"}", ONCE("k", body));
    EXPECT(REPLAYED(&client) && ran == 1);
    /* without the key, or with another one, it is a new request */
    EXPECT_REPLY(&client, 409, DETAIL("It is taken"), ONCE(NULL, body));
    EXPECT_REPLY(&client, 409, DETAIL("It is taken"), ONCE("K", body));
    EXPECT(!REPLAYED(&client) && ran == 3);
    /* statuses are kept too */
    EXPECT_REPLY(&client, 201, "{\"id\":2,\"word\":\"b\"}", .target = "/once/5", .method = CT_POST,
                 CALLER("good"), .key = "201", .body = "{\"word\":\"b\"}");
    EXPECT_REPLY(&client, 201, "{\"id\":2,\"word\":\"b\"}", .target = "/once/5", .method = CT_POST,
                 CALLER("good"), .key = "201", .body = "{\"word\":\"b\"}");
    EXPECT(REPLAYED(&client));
    for (unsigned i = 0; i < 2; i++) {
        EXPECT_REPLY(&client, 204, "", .target = "/silent", .method = CT_POST, CALLER("good"),
                     .key = "204", .body = "{\"word\":\"c\"}");
        EXPECT_HEADER(&client, "Content-Type", "");
        EXPECT(REPLAYED(&client) == (i == 1));
    }
    /* where no key is understood, it is not looked at */
    EXPECT_REPLY(&client, 200, "{\"id\":7,\"word\":\"192.0.2.1\"}", .target = "/any",
                 CALLER("good"), .key = "k");
out:
    client_close(&client);
    return result;
}

static enum ct_result test_another_request(void)
{
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;

    TRY(open_client(&client, &tokens));
    EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"a\"}", ONCE("k", "{\"word\":\"a\"}"));
    EXPECT_REPLY(&client, 422, REUSED, ONCE("k", "{\"word\":\"b\"}"));
    EXPECT_REPLY(&client, 422, REUSED, ONCE("k", "{\"word\":\"a\" }"));
    EXPECT_REPLY(&client, 422, REUSED, .target = "/once?x", .method = CT_POST, CALLER("good"),
                 .key = "k", .body = "{\"word\":\"a\"}");
    EXPECT_REPLY(&client, 422, REUSED, .target = "/once/1", .method = CT_POST, CALLER("good"),
                 .key = "k", .body = "{\"word\":\"a\"}");
    EXPECT(ran == 1);
    /* another owner's keys are other keys */
    EXPECT_REPLY(&client, 200, "{\"id\":2,\"word\":\"b\"}", .target = "/join", .method = CT_POST,
                 .key = "k", .body = "{\"word\":\"b\"}");
    EXPECT(ran == 2);
out:
    client_close(&client);
    return result;
}

/* What the handler refused is kept; what it could not do, or what did not fit, is not. */
static enum ct_result test_failures(void)
{
#define OUTCOME(outcome) "{\"word\":\"a\",\"outcome\":\"" outcome "\"}"
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;
    static char removal[] = "DELETE FROM users";

    TRY(open_client(&client, &tokens));
    EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"a\"}", ONCE("1", "{\"word\":\"a\"}"));
    EXPECT_REPLY(&client, 409, DETAIL("It is taken"), ONCE("2", "{\"word\":\"a\"}"));
    EXPECT(!REPLAYED(&client));
    TRY(change_rows(&client, removal));
    EXPECT_REPLY(&client, 409, DETAIL("It is taken"), ONCE("2", "{\"word\":\"a\"}"));
    EXPECT(REPLAYED(&client) && ran == 2);
    EXPECT_REPLY(&client, 422, REUSED, ONCE("2", "{\"word\":\"b\"}"));
    EXPECT_REPLY(&client, 403, DETAIL("Not the 1."), ONCE("3", OUTCOME("forbidden")));
    EXPECT_REPLY(&client, 403, DETAIL("Not the 1."), ONCE("3", OUTCOME("forbidden")));
    EXPECT(REPLAYED(&client) && ran == 3);
    EXPECT_REPLY(&client, 404, DETAIL("Not Found"), ONCE("4", OUTCOME("not_found")));
    EXPECT_REPLY(&client, 412, DETAIL("It has changed since it was read"),
                 ONCE("5", OUTCOME("stale")));
    EXPECT_VALUE("5", "SELECT count(*) FROM idempotency_keys");
    EXPECT_VALUE("0", "SELECT count(*) FROM users");
    ran = 0;
    for (unsigned i = 1; i <= 2; i++) {
        EXPECT_REPLY(&client, 422,
                     "{\"detail\":[{\"type\":\"value_error\",\"loc\":[\"body\",\"word\"],"
                     "\"msg\":\"Value error, not that one\"}]}",
                     ONCE("6", OUTCOME("invalid")));
        EXPECT_REPLY(&client, 429, DETAIL("Too many attempts; try again later"),
                     ONCE("7", OUTCOME("limited")));
        EXPECT_REPLY(&client, 503, DETAIL("The server is busy; try again"),
                     ONCE("8", OUTCOME("busy")));
        EXPECT_REPLY(&client, 500, DETAIL("Internal Server Error"), ONCE("9", OUTCOME("bug")));
        EXPECT(ran == 4 * i);
    }
    EXPECT_VALUE("5", "SELECT count(*) FROM idempotency_keys");
    /* what was never a request to the handler leaves the key free */
    EXPECT_REPLY(&client, 422, "{\"detail\":[" FIELD_REQUIRED("\"body\",\"word\"") "]}",
                 ONCE("10", "{}"));
    EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"a\"}", ONCE("10", "{\"word\":\"a\"}"));
out:
    client_close(&client);
    return result;
}

/* A known key is answered before the long computation. */
static enum ct_result test_prepared(void)
{
#define JOIN(with, text) .target = "/join", .method = CT_POST, .key = (with), .body = (text)
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;

    TRY(open_client(&client, &tokens));
    EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"a\"}", JOIN("k", "{\"word\":\"a\"}"));
    EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"a\"}", JOIN("k", "{\"word\":\"a\"}"));
    EXPECT(REPLAYED(&client) && prepared == 1 && ran == 1);
    EXPECT_REPLY(&client, 422, REUSED, JOIN("k", "{\"word\":\"b\"}"));
    EXPECT(prepared == 1);
    /* who is nobody cannot fill the disk with failures, which cost nothing */
    for (unsigned i = 1; i <= 2; i++) {
        EXPECT_REPLY(&client, 409, DETAIL("It is taken"), JOIN("e", "{\"word\":\"early\"}"));
        EXPECT(!REPLAYED(&client) && prepared == 1 + i && ran == 1);
    }
    EXPECT_VALUE("1", "SELECT count(*) FROM idempotency_keys");
out:
    client_close(&client);
    return result;
}

/* Whether a key fits a body tells of the body: strangers may not try that for long. */
static enum ct_result test_mistaken(void)
{
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;

    TRY(open_client(&client, &tokens));
    client.config.login_failures_max = 2;
    client.config.login_failures_minutes = 15;
    TRY(ct_limits_new(&client.config, &client.limits));
    EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"a\"}", JOIN("k", "{\"word\":\"a\"}"));
    for (int i = 0; i < 2; i++)
        EXPECT_REPLY(&client, 422, REUSED, JOIN("k", "{\"word\":\"b\"}"));
    for (int i = 0; i < 2; i++) {
        TRY(client_begin(&client, &(const struct request){JOIN("k", "{\"word\":\"a\"}")}));
        client_end(&client, "{\"word\":\"a\"}");
        if (client.exchange->reply.status == 503)
            TRY(CT_NOMEM);
        EXPECT(client.exchange->reply.status == 429 && !REPLAYED(&client));
        EXPECT(atoi(reply_header(&client, "Retry-After")) >= 899);
    }
    /* other addresses, and accounts with their own keys, do not notice */
    EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"a\"}", JOIN("k", "{\"word\":\"a\"}"),
                 .peer = "192.0.2.2");
    EXPECT(REPLAYED(&client));
    EXPECT_REPLY(&client, 200, "{\"id\":2,\"word\":\"c\"}", ONCE("k", "{\"word\":\"c\"}"));
    for (int i = 0; i < 4; i++)
        EXPECT_REPLY(&client, 422, REUSED, ONCE("k", "{\"word\":\"d\"}"));
out:
    client_close(&client);
    return result;
}

/* A known answer is not for a token that was ended after the headers came. */
static enum ct_result test_ended_meanwhile(void)
{
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;
    const struct request again = {ONCE("k", "{\"word\":\"a\"}")};
    const char *refused = DETAIL("Could not validate credentials");

    TRY(open_client(&client, &tokens));
    EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"a\"}", ONCE("k", "{\"word\":\"a\"}"));
    TRY(client_begin(&client, &again));
    if (client.exchange->refusal == 0)
        client.exchange->headers.authorization = CT_STR("Bearer ended");
    client_end(&client, again.body);
    if (client.exchange->reply.status == 503)
        TRY(CT_NOMEM);
    EXPECT(client_got(&client, 401, refused) && !REPLAYED(&client));
out:
    client_close(&client);
    return result;
}

static enum ct_result test_what_is_no_key(void)
{
#define NO_KEY(message)                                                                \
    "{\"detail\":[{\"type\":\"value_error\",\"loc\":[\"header\",\"Idempotency-Key\"]," \
    "\"msg\":\"Value error, " message "\"}]}"
#define FORM_OF_KEYS NO_KEY("a key is 1 to 255 visible ASCII characters")
    static const char body[] = "{\"word\":\"a\"}";
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;
    char key[257];

    TRY(open_client(&client, &tokens));
    memset(key, '~', sizeof(key));
    key[256] = '\0';
    EXPECT_REPLY(&client, 422, FORM_OF_KEYS, ONCE(key, body));
    EXPECT_REPLY(&client, 422, FORM_OF_KEYS, ONCE("", body));
    EXPECT_REPLY(&client, 422, FORM_OF_KEYS, ONCE("a b", body));
    EXPECT_REPLY(&client, 422, FORM_OF_KEYS, ONCE("\xC3\xA4", body));
    EXPECT_REPLY(&client, 422, NO_KEY("the header came more than once"), ONCE("k", body),
                 .keyed_twice = true);
    /* with the other faults of the input */
    EXPECT_REPLY(&client, 422,
                 "{\"detail\":[" FIELD_REQUIRED(
                     "\"body\",\"word\"") ",{\"type\":\"value_error\",\"loc\":[\"header\","
                                          "\"Idempotency-Key\"],\"msg\":\"Value error, a key is "
                                          "1 to 255 visible ASCII characters\"}]}",
                 ONCE("\x7F", "{}"));
    EXPECT(ran == 0);
    key[255] = '\0';
    EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"a\"}", ONCE(key, body));
    EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"a\"}", ONCE(key, body));
    EXPECT(REPLAYED(&client));
out:
    client_close(&client);
    return result;
}

/* After 24 hours a key is new, and rows go a few at a time. */
static enum ct_result test_age(void)
{
    static char almost[] = "UPDATE idempotency_keys SET created_at = created_at - 86390000";
    static char over[] = "UPDATE idempotency_keys SET created_at = created_at - 10000";
    static char many[] =
        "INSERT INTO idempotency_keys SELECT value, 'h', value, 'r', 200, 's' FROM "
        "(SELECT 1 AS value UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5)";
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;

    TRY(open_client(&client, &tokens));
    EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"a\"}", ONCE("k", "{\"word\":\"a\"}"));
    TRY(change_rows(&client, almost));
    EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"a\"}", ONCE("k", "{\"word\":\"a\"}"));
    EXPECT(REPLAYED(&client));
    TRY(change_rows(&client, over));
    EXPECT_REPLY(&client, 200, "{\"id\":2,\"word\":\"b\"}", ONCE("k", "{\"word\":\"b\"}"));
    EXPECT(!REPLAYED(&client));
    EXPECT_VALUE("1", "SELECT count(*) FROM idempotency_keys");
    TRY(change_rows(&client, many));
    EXPECT_REPLY(&client, 200, "{\"id\":3,\"word\":\"c\"}", ONCE("l", "{\"word\":\"c\"}"));
    EXPECT_VALUE("3", "SELECT count(*) FROM idempotency_keys");
    EXPECT_REPLY(&client, 200, "{\"id\":4,\"word\":\"d\"}", ONCE("m", "{\"word\":\"d\"}"));
    EXPECT_VALUE("3", "SELECT count(*) FROM idempotency_keys");
    EXPECT_REPLY(&client, 200, "{\"id\":2,\"word\":\"b\"}", ONCE("k", "{\"word\":\"b\"}"));
    EXPECT(REPLAYED(&client));
out:
    client_close(&client);
    return result;
}

/* Nothing that is stored tells of the key, the request or the reply. */
static enum ct_result test_what_is_stored(void)
{
    static char spoil[] = "UPDATE idempotency_keys SET reply = 'AAAA'";
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;

    TRY(open_client(&client, &tokens));
    EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"secret\"}",
                 ONCE("my-key", "{\"word\":\"secret\"}"));
    EXPECT_VALUE("1", "SELECT count(*) FROM idempotency_keys WHERE owner = 7 AND status = 200 "
                      "AND length(key_hash) = 43 AND length(request_hash) = 43");
    /* the SHA-256 of the bytes alone would let passwords be tried out */
    EXPECT_VALUE("0", "SELECT count(*) FROM idempotency_keys WHERE key_hash = request_hash "
                      "OR reply LIKE '%secret%' OR key_hash LIKE '%my-key%'");
    /* what was changed by others is no answer */
    TRY(change_rows(&client, spoil));
    EXPECT_REPLY(&client, 500, DETAIL("Internal Server Error"),
                 ONCE("my-key", "{\"word\":\"secret\"}"));
out:
    client_close(&client);
    return result;
}

/* ---- races ---- */

static sem_t writer_busy;
static sem_t writer_go;
static sem_t writer_done;

static enum ct_result hold(void *ctx, struct ct_db *db)
{
    (void)ctx;
    (void)db;
    sem_post(&writer_busy);
    sem_wait(&writer_go);
    return CT_OK;
}

static void held(void *ctx, enum ct_result result)
{
    (void)ctx;
    (void)result;
    sem_post(&writer_done);
}

/* Up to the queue of writes, which does not move. */
static enum ct_result start(struct client *client, const struct request *request, bool *queued)
{
    enum ct_result result = client_begin(client, request);
    if (result != CT_OK)
        return result;
    (void)ct_exchange_body(client->exchange, request->body, strlen(request->body));
    if (ct_exchange_run(client->exchange))
        return client->exchange->refusal == 503 || client->exchange->result == CT_NOMEM ? CT_NOMEM
                                                                                        : CT_BUG;
    struct ct_store_state before;
    struct ct_store_state now;
    bool over = false;
    *queued = true;
    client->woken = 0;
    ct_store_look(client->server.store, &before);
    ct_exchange_submit(client->exchange);
    do { /* it may be on its way through a thread that reads */
        const struct timespec moment = {.tv_nsec = 100000};
        (void)nanosleep(&moment, NULL);
        ct_store_look(client->server.store, &now);
        pthread_mutex_lock(&client->mutex);
        over = client->woken > 0;
        pthread_mutex_unlock(&client->mutex);
    } while (!over && now.waiting == before.waiting);
    return CT_OK;
}

static void await(struct client *client)
{
    pthread_mutex_lock(&client->mutex);
    while (client->woken == 0)
        pthread_cond_wait(&client->wake, &client->mutex);
    pthread_mutex_unlock(&client->mutex);
    ct_exchange_reply(client->exchange);
}

/* Two requests that both have found nothing when the first of them is run. */
static enum ct_result race(struct client *a, struct client *b, const struct request *first,
                           const struct request *second)
{
    struct ct_job job = {.run = hold, .done = held};
    enum ct_result result;
    bool queued[2] = {false, false};
    int done = 0;

    sem_init(&writer_busy, 0, 0);
    sem_init(&writer_go, 0, 0);
    sem_init(&writer_done, 0, 0);
    result = ct_store_submit(a->server.store, &job);
    if (result != CT_OK)
        goto out;
    do {
        struct timespec moment = {.tv_nsec = 1000000};
        (void)nanosleep(&moment, NULL);
        sem_getvalue(&writer_done, &done);
    } while (done == 0 && sem_trywait(&writer_busy) != 0);
    if (done != 0) { /* the writer could not begin, for want of memory: it holds nobody up */
        result = CT_NOMEM;
        goto out;
    }
    result = start(a, first, &queued[0]);
    if (result == CT_OK)
        result = start(b, second, &queued[1]);
    sem_post(&writer_go);
    sem_wait(&writer_done);
    if (queued[0])
        await(a);
    if (queued[1])
        await(b);
    if (result == CT_OK && (a->exchange->reply.status == 503 || b->exchange->reply.status == 503))
        result = CT_NOMEM;
out:
    sem_destroy(&writer_busy);
    sem_destroy(&writer_go);
    sem_destroy(&writer_done);
    return result;
}

static enum ct_result test_races(void)
{
    enum ct_result result = CT_OK;
    struct client client;
    struct client other;
    unsigned tokens = 0;
    const struct request create = {ONCE("k", "{\"word\":\"a\"}")};
    const struct request another = {ONCE("l", "{\"word\":\"b\"}")};
    const struct request not_the_same = {ONCE("l", "{\"word\":\"c\"}")};
    const struct request fails = {ONCE("m", "{\"word\":\"a\"}")};

    client_init(&other, guarded_mounts, 2);
    other.server.authenticate_room = &tokens;
    TRY(open_client(&client, &tokens));
    other.server.store = client.server.store;
    other.server.readers = client.server.readers;
    TRY(race(&client, &other, &create, &create));
    EXPECT(client_got(&client, 200, "{\"id\":1,\"word\":\"a\"}") && !REPLAYED(&client));
    EXPECT(client_got(&other, 200, "{\"id\":1,\"word\":\"a\"}") && REPLAYED(&other));
    EXPECT(ran == 1);
    TRY(race(&client, &other, &another, &not_the_same));
    EXPECT(client_got(&client, 200, "{\"id\":2,\"word\":\"b\"}"));
    EXPECT(client_got(&other, 422, REUSED) && !REPLAYED(&other) && ran == 2);
    /* both are refused before one of the refusals is kept */
    TRY(race(&client, &other, &fails, &fails));
    EXPECT(client_got(&client, 409, DETAIL("It is taken")) && !REPLAYED(&client));
    EXPECT(client_got(&other, 409, DETAIL("It is taken")) && REPLAYED(&other));
    EXPECT(ran == 4);
    EXPECT_VALUE("3", "SELECT count(*) FROM idempotency_keys");
out:
    client_forget(&other);
    other.server.store = NULL;
    other.server.readers = NULL;
    client_close(&client);
    other.scratch = (struct scratch){0};
    client_close(&other);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_the_same_again), CT_UNIT(test_another_request),
        CT_UNIT(test_failures),       CT_UNIT(test_prepared),
        CT_UNIT(test_mistaken),       CT_UNIT(test_ended_meanwhile),
        CT_UNIT(test_what_is_no_key), CT_UNIT(test_age),
        CT_UNIT(test_what_is_stored), CT_UNIT(test_races),
    };
    return ct_unit_main("http/once", units, sizeof(units) / sizeof(units[0]));
}
