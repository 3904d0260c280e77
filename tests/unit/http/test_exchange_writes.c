#include "http/exchange.h"

#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "exchange_fixture.h"
#include "harness.h"
#include "service.h"

static enum ct_result count_users(struct client *client, int64_t *out)
{
    struct ct_db *db;
    struct ct_stmt *stmt;
    enum ct_result result = ct_store_read_begin(client->server.store, &db);
    if (result != CT_OK)
        return result;
    result = ct_db_query(db, "SELECT count(*) FROM users", &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result == CT_ROW)
        *out = ct_column_int(stmt, 0);
    ct_store_read_end(db);
    return result == CT_ROW ? CT_OK : result == CT_OK ? CT_BUG : result;
}

static enum ct_result test_writes(void)
{
#define CREATE(text) \
    .target = "/items/1", .method = CT_PUT, .body = (text), .authorization = "Bearer good"
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;
    int64_t count = -1;

    client_init(&client, &mount, 1);
    TRY(client_open(&client, 0, &tokens));
    EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"a\"}", CREATE("{\"word\":\"a\"}"));
    EXPECT_REPLY(&client, 409, DETAIL("It is taken"), CREATE("{\"word\":\"a\"}"));
    /* nothing is kept of what fails */
    EXPECT_REPLY(&client, 401, DETAIL("Wrong word"),
                 CREATE("{\"word\":\"b\",\"outcome\":\"denied\"}"));
    EXPECT_REPLY(&client, 404, DETAIL("No such item"),
                 CREATE("{\"word\":\"b\",\"outcome\":\"not_found\"}"));
    EXPECT_REPLY(&client, 422,
                 "{\"detail\":[{\"type\":\"value_error\",\"loc\":[\"body\",\"word\"],"
                 "\"msg\":\"Value error, not that one\"}]}",
                 CREATE("{\"word\":\"b\",\"outcome\":\"refuse\"}"));
    TRY(count_users(&client, &count));
    EXPECT(count == 1);
    /* every fault of path, query and body at once, and then nothing is done */
    EXPECT_REPLY(&client, 422,
                 "{\"detail\":[{\"type\":\"greater_than_equal\",\"loc\":[\"path\",\"id\"],"
                 "\"msg\":\"Input should be greater than or equal to 1\",\"ctx\":{\"ge\":1}},"
                 "{\"type\":\"int_parsing\",\"loc\":[\"query\",\"limit\"],\"msg\":\"Input should "
                 "be a valid integer, unable to parse string as an integer\"}," FIELD_REQUIRED(
                     "\"body\",\"word\"") "]}",
                 .target = "/items/0?limit=x", .method = CT_PUT, .body = "{}",
                 .authorization = "Bearer good");
    EXPECT_REPLY(&client, 200, "{\"id\":9,\"word\":\"item\"}", .target = "/items/9",
                 .method = CT_DELETE, .authorization = "Bearer good");
out:
    client_close(&client);
    return result;
}

static enum ct_result test_failures_of_a_handler(void)
{
    static const struct {
        const char *body;
        int status;
        const char *reply;
        bool logged;
    } cases[] = {
        {"{\"word\":\"b\",\"outcome\":\"bug\"}", 500, DETAIL("Internal Server Error"), true},
        {"{\"word\":\"b\",\"outcome\":\"too_new\"}", 500, DETAIL("Internal Server Error"), true},
        {"{\"word\":\"b\",\"outcome\":\"invalid\"}", 500, DETAIL("Internal Server Error"), false},
        {"{\"word\":\"b\",\"outcome\":\"nomem\"}", 503,
         DETAIL("The server is out of memory; try again"), false},
        {"{\"word\":\"b\",\"outcome\":\"busy\"}", 503, DETAIL("The server is busy; try again"),
         false},
        {"{\"word\":\"b\",\"outcome\":\"unavailable\"}", 503,
         DETAIL("Storage cannot take this now; try again"), false},
    };
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;
    char line[512];
    char path[64];
    int file = memfd_create("log", MFD_CLOEXEC);

    client_init(&client, &mount, 1);
    TRY(client_open(&client, 0, &tokens));
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    TRY(ct_log_open(path, CT_LOG_JSON, CT_LOG_INFO, &client.server.log));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EXPECT(ftruncate(file, 0) == 0);
        TRY(client_begin(&client, &(const struct request){CREATE(cases[i].body)}));
        client_end(&client, cases[i].body);
        if (!client_got(&client, cases[i].status, cases[i].reply) &&
            client.exchange->reply.status == 503) {
            result = CT_NOMEM;
            goto out;
        }
        EXPECT(client_got(&client, cases[i].status, cases[i].reply));
        EXPECT(strcmp(reply_header(&client, "Retry-After"), cases[i].status == 503 ? "1" : "") ==
               0);
        ssize_t size = pread(file, line, sizeof(line) - 1, 0);
        line[size < 0 ? 0 : size] = '\0';
        EXPECT(size == 0 || strstr(line, "handler_failed") != NULL);
        if (cases[i].logged)
            TRY(size == 0 ? CT_NOMEM : CT_OK); /* a line is not worth failing for */
    }
out:
    ct_log_close(client.server.log);
    client_close(&client);
    if (file >= 0)
        (void)close(file);
    return result;
}

static enum ct_result test_prepared_writes(void)
{
#define WORK(text) .target = "/jobs", .method = CT_POST, .body = (text)
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;
    int64_t count = -1;

    client_init(&client, &mount, 1);
    TRY(client_open(&client, 1, &tokens));
    EXPECT_REPLY(&client, 200, "{\"id\":1,\"word\":\"a\"}", WORK("{\"word\":\"a\"}"));
    EXPECT_REPLY(&client, 401, DETAIL("Wrong word"),
                 WORK("{\"word\":\"early\",\"outcome\":\"denied\"}"));
    EXPECT_REPLY(&client, 409, DETAIL("It is taken"),
                 WORK("{\"word\":\"late\",\"outcome\":\"conflict\"}"));
    EXPECT_REPLY(&client, 422,
                 "{\"detail\":[{\"type\":\"value_error\",\"loc\":[\"body\",\"word\"],"
                 "\"msg\":\"Value error, not that one\"}]}",
                 WORK("{\"word\":\"b\",\"outcome\":\"refuse\"}"));
    EXPECT_REPLY(&client, 422, "{\"detail\":[" FIELD_REQUIRED("\"body\",\"word\"") "]}",
                 WORK("{}"));
    EXPECT(tokens == 0);
    TRY(count_users(&client, &count));
    EXPECT(count == 1);
out:
    client_close(&client);
    return result;
}

/* ---- full queues ---- */

/* Work that goes on until somebody lets it. */
struct brake {
    sem_t begun, go, done;
};

static void brake_init(struct brake *brake)
{
    sem_init(&brake->begun, 0, 0);
    sem_init(&brake->go, 0, 0);
    sem_init(&brake->done, 0, 0);
}

static void brake_task(void *ctx)
{
    struct brake *brake = ctx;
    sem_post(&brake->begun);
    sem_wait(&brake->go);
    sem_post(&brake->done);
}

static enum ct_result brake_run(void *ctx, struct ct_db *db)
{
    struct brake *brake = ctx;
    (void)db;
    sem_post(&brake->begun);
    sem_wait(&brake->go);
    return CT_OK;
}

static void brake_done(void *ctx, enum ct_result job_result)
{
    struct brake *brake = ctx;
    (void)job_result;
    sem_post(&brake->done);
    sem_post(&brake->begun); /* for one that never ran */
}

/* Lets them all go and waits for them. One that had to be run again needs another go. */
static void brake_release(struct brake *brake, size_t count)
{
    while (count > 0) {
        struct timespec soon;
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_nsec += 1000000;
        soon.tv_sec += soon.tv_nsec / 1000000000;
        soon.tv_nsec %= 1000000000;
        sem_post(&brake->go);
        if (sem_timedwait(&brake->done, &soon) == 0)
            count--;
    }
    sem_destroy(&brake->begun);
    sem_destroy(&brake->go);
    sem_destroy(&brake->done);
}

/* @p brake: of the thread that is to tell, once the request has been handed over; NULL: it is told at once. */
static enum ct_result expect_busy(struct client *client, const struct request *request,
                                  struct brake *brake)
{
    enum ct_result result = client_begin(client, request);
    if (result != CT_OK)
        return result;
    if (client_submit(client, request->body)) {
        if (brake != NULL)
            sem_post(&brake->go);
        client_wait(client);
    }
    ct_exchange_reply(client->exchange);
    if (client_got(client, 503, DETAIL("The server is busy; try again")))
        return strcmp(reply_header(client, "Retry-After"), "1") == 0 ? CT_OK : CT_BUG;
    return client->exchange->reply.status == 503 ? CT_NOMEM : CT_BUG;
}

static enum ct_result test_no_room_for_a_hash(void)
{
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;
    struct brake brake;
    struct ct_task tasks[2];
    size_t queued = 0;

    brake_init(&brake);
    client_init(&client, &mount, 1);
    TRY(client_open(&client, 1, &tokens));
    for (size_t i = 0; i < 2; i++, queued++) {
        tasks[i] = (struct ct_task){.run = brake_task, .ctx = &brake};
        TRY(ct_pool_submit(client.server.hashing, &tasks[i]));
        if (i == 0)
            sem_wait(&brake.begun); /* it waits no more, and there is room for one */
    }
    TRY(expect_busy(&client, &(const struct request){WORK("{\"word\":\"a\"}")}, &brake));
out:
    brake_release(&brake, queued);
    client_close(&client);
    return result;
}

static enum ct_result test_no_room_for_a_write(void)
{
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;
    struct brake brake;
    struct ct_job jobs[5];
    size_t queued = 0;

    brake_init(&brake);
    client_init(&client, &mount, 1);
    TRY(client_open(&client, 1, &tokens));
    for (size_t i = 0; i < 5; i++, queued++) {
        jobs[i] = (struct ct_job){.run = brake_run, .done = brake_done, .ctx = &brake};
        TRY(ct_store_submit(client.server.store, &jobs[i]));
        if (i > 0)
            continue;
        int over;
        sem_wait(&brake.begun);
        sem_getvalue(&brake.done, &over);
        queued += over > 0;
        TRY(over > 0 ? CT_NOMEM : CT_OK); /* the batch could not begin */
    }
    TRY(expect_busy(&client, &(const struct request){CREATE("{\"word\":\"a\"}")}, NULL));
    TRY(expect_busy(&client, &(const struct request){WORK("{\"word\":\"a\"}")}, NULL));
out:
    brake_release(&brake, queued);
    client_close(&client);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_writes),
        CT_UNIT(test_failures_of_a_handler),
        CT_UNIT(test_prepared_writes),
        CT_UNIT(test_no_room_for_a_hash),
        CT_UNIT(test_no_room_for_a_write),
    };
    return ct_unit_main("http/exchange, writes", units, sizeof(units) / sizeof(units[0]));
}
