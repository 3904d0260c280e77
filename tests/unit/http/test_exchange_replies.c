#include "http/exchange.h"

#include <string.h>

#include "exchange_fixture.h"
#include "guarded.h"
#include "harness.h"

#define CHANGED "{\"id\":1,\"word\":\"changed\"}"
#define CHANGE(...) \
    .target = "/items/1/word", .method = CT_PATCH, .authorization = "Bearer good", __VA_ARGS__

static enum ct_result test_versions(void)
{
    static const char *const fits[] = {"\"3\"", "*", "\"1\", \"3\"", "W/\"9\" ,\"3\""};
    static const char *const others[] = {"\"4\"", "W/\"3\"", "3", "", "\"\"", "\"3", "\"33\""};
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;

    client_init(&client, guarded_mounts, 2);
    TRY(client_open(&client, 0, &tokens));
    EXPECT_REPLY(&client, 200, CHANGED, CHANGE(.if_match = NULL));
    EXPECT_HEADER(&client, "ETag", "\"4\"");
    EXPECT_HEADER(&client, "Content-Type", "application/json");
    for (size_t i = 0; i < sizeof(fits) / sizeof(fits[0]); i++)
        EXPECT_REPLY(&client, 200, CHANGED, CHANGE(.if_match = fits[i]));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        EXPECT_REPLY(&client, 412, DETAIL("It has changed since it was read"),
                     CHANGE(.if_match = others[i]));
        EXPECT_HEADER(&client, "ETag", "");
    }
out:
    client_close(&client);
    return result;
}

static enum ct_result test_no_content(void)
{
#define DROP(...) \
    .target = "/drop", .method = CT_DELETE, .authorization = "Bearer good", __VA_ARGS__
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;

    client_init(&client, guarded_mounts, 2);
    TRY(client_open(&client, 0, &tokens));
    EXPECT_REPLY(&client, 204, "", DROP(.body = "{\"word\":\"x\"}"));
    EXPECT_HEADER(&client, "Content-Type", "");
    EXPECT_HEADER(&client, "X-Request-ID", "id-1");
    EXPECT_REPLY(&client, 404, DETAIL("Not Found"), DROP(.body = "{\"word\":\"y\"}"));
    EXPECT_REPLY(&client, 422, "{\"detail\":[" FIELD_REQUIRED("\"body\",\"word\"") "]}",
                 DROP(.body = "{}"));
    EXPECT_REPLY(&client, 411, DETAIL("The request needs a Content-Length header"),
                 DROP(.body = NULL));
out:
    client_close(&client);
    return result;
}

static enum ct_result test_arrays(void)
{
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;

    client_init(&client, guarded_mounts, 2);
    TRY(client_open(&client, 0, &tokens));
    EXPECT_REPLY(&client, 200, "[{\"id\":3,\"word\":\"a\"},{\"id\":5,\"word\":\"b\"}]",
                 .target = "/all/1");
    EXPECT_REPLY(&client, 200, "[]", .target = "/all/2");
out:
    client_close(&client);
    return result;
}

/* A handler's own sentence counts for the result that it belongs to. */
static enum ct_result test_sentences(void)
{
#define SAY(outcome) \
    .target = "/say", .method = CT_POST, .body = "{\"word\":\"x\",\"outcome\":\"" outcome "\"}"
    enum ct_result result = CT_OK;
    struct client client;

    client_init(&client, guarded_mounts, 2);
    EXPECT_REPLY(&client, 409, DETAIL("Just so"), SAY("conflict"));
    EXPECT_REPLY(&client, 403, DETAIL("Just so"), SAY("forbidden"));
    EXPECT_REPLY(&client, 404, DETAIL("Just so"), SAY("not_found"));
    EXPECT_REPLY(&client, 412, DETAIL("Just so"), SAY("stale"));
    EXPECT_HEADER(&client, "Retry-After", "");
    EXPECT_REPLY(&client, 429, DETAIL("Just so"), SAY("limited"));
    EXPECT_HEADER(&client, "Retry-After", "77");
    EXPECT_REPLY(&client, 503, DETAIL("Just so"), SAY("busy"));
    EXPECT_HEADER(&client, "Retry-After", "1");
    EXPECT_REPLY(&client, 500, DETAIL("Internal Server Error"), SAY("bug"));
    EXPECT_REPLY(&client, 500, DETAIL("Internal Server Error"), SAY("denied"));
out:
    client_close(&client);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_versions),
        CT_UNIT(test_no_content),
        CT_UNIT(test_arrays),
        CT_UNIT(test_sentences),
    };
    return ct_unit_main("http/exchange, replies", units, sizeof(units) / sizeof(units[0]));
}
