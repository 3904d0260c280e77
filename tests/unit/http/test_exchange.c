#include "http/exchange.h"

#include <string.h>

#include "exchange_fixture.h"
#include "harness.h"
#include "service.h"

/* ---- what is decided without storage ---- */

static enum ct_result test_no_such_path_or_method(void)
{
    enum ct_result result = CT_OK;
    struct client client;

    client_init(&client, &mount, 1);
    EXPECT_REPLY(&client, 404, DETAIL("Not Found"), .target = "/nothing");
    EXPECT_HEADER(&client, "Content-Type", "application/json");
    EXPECT_HEADER(&client, "Cache-Control", "no-store");
    EXPECT_HEADER(&client, "X-Content-Type-Options", "nosniff");
    EXPECT_HEADER(&client, "X-Request-ID", "id-1");
    EXPECT_REPLY(&client, 404, DETAIL("Not Found"), .target = "*", .method = CT_OPTIONS);
    EXPECT_REPLY(&client, 404, DETAIL("Not Found"), .target = "", .method = CT_METHOD_COUNT);
    EXPECT_REPLY(&client, 405, DETAIL("Method Not Allowed"), .target = "/items/1?x",
                 .method = CT_POST, .body = "not even JSON");
    EXPECT_HEADER(&client, "Allow", "GET, HEAD, PUT, DELETE");
    EXPECT_REPLY(&client, 405, DETAIL("Method Not Allowed"), .target = "/echo",
                 .method = CT_METHOD_COUNT);
    EXPECT_HEADER(&client, "Allow", "POST");
    EXPECT_REPLY(&client, 405, DETAIL("Method Not Allowed"), .target = "/echo", .method = CT_HEAD);
    EXPECT(client.exchange->call.user_id == 0 && client.exchange->match.route == NULL);
out:
    client_close(&client);
    return result;
}

#define HEADERS_TOO_LARGE DETAIL("The request headers are larger than this server accepts (6 KB)")

/* A body of @p size bytes that is JSON with blanks behind. */
static const char *padded(size_t size)
{
    static char body[4096];
    memset(body, ' ', size);
    memcpy(body, "{\"word\":\"x\"}", 12);
    body[size] = '\0';
    return body;
}

static enum ct_result test_headers_too_large(void)
{
    enum ct_result result = CT_OK;
    struct client client;

    client_init(&client, &mount, 1);
    EXPECT_REPLY(&client, 431, HEADERS_TOO_LARGE, .target = "/nothing", .header_bytes = 6145);
    EXPECT(client.exchange->closing);
    EXPECT_REPLY(&client, 404, DETAIL("Not Found"), .target = "/nothing", .header_bytes = 6144);
    /* Records of many headers, and a copy of the cookies, take the memory that a reply needs. */
    EXPECT_REPLY(&client, 431, HEADERS_TOO_LARGE, .target = "/nothing", .short_headers = 110,
                 .header_bytes = 600);
    EXPECT_REPLY(&client, 431, HEADERS_TOO_LARGE, .target = "/nothing", .cookie = padded(3900),
                 .header_bytes = 4000);
    EXPECT_REPLY(&client, 404, DETAIL("Not Found"), .target = "/nothing", .cookie = padded(2000),
                 .short_headers = 40, .header_bytes = 2300);
out:
    client_close(&client);
    return result;
}

static enum ct_result test_what_the_headers_say_of_a_body(void)
{
#define ECHO(...) .target = "/echo", .method = CT_POST, __VA_ARGS__
#define TOO_LARGE DETAIL("The request body is larger than MAX_BODY_BYTES allows")
#define NO_JSON DETAIL("The body must be application/json")
    static const char good[] = "{\"id\":42,\"word\":\"x\"}";
    static const char body[] = "{\"word\":\"x\"}";
    enum ct_result result = CT_OK;
    struct client client;

    client_init(&client, &mount, 1);
    EXPECT_REPLY(&client, 200, good, ECHO(.body = body));
    EXPECT_REPLY(&client, 200, good, ECHO(.body = body, .chunks = "chunked"));
    EXPECT_REPLY(&client, 200, good,
                 ECHO(.body = body, .type = "Application/JSON ; charset=utf-8"));
    EXPECT_REPLY(&client, 200, good, ECHO(.body = body, .type = ""));
    EXPECT_REPLY(&client, 411, DETAIL("The request needs a Content-Length header"),
                 ECHO(.body = NULL));
    EXPECT(!client.exchange->closing);
    EXPECT_REPLY(&client, 413, TOO_LARGE, ECHO(.length = "1025"));
    EXPECT(client.exchange->closing);
    EXPECT_REPLY(&client, 413, TOO_LARGE, ECHO(.length = "99999999999999999999"));
    EXPECT_REPLY(&client, 413, TOO_LARGE, ECHO(.length = "1025", .type = "text/plain"));
    EXPECT_REPLY(&client, 415, NO_JSON, ECHO(.body = body, .type = "text/plain"));
    EXPECT_REPLY(&client, 415, NO_JSON, ECHO(.body = body, .type = "application/jsonx"));
    EXPECT_REPLY(&client, 415, NO_JSON, ECHO(.body = body, .type = ";application/json"));
    EXPECT_REPLY(&client, 415, NO_JSON,
                 ECHO(.body = "word=x", .type = "application/x-www-form-urlencoded"));
    /* where it is not certain how long it is */
    EXPECT_REPLY(&client, 400, DETAIL("The request is not well-formed HTTP"),
                 ECHO(.length = "5", .chunks = "chunked"));
    EXPECT(client.exchange->closing);
    EXPECT_REPLY(&client, 501, DETAIL("This transfer coding or method is not implemented"),
                 ECHO(.chunks = "gzip, chunked"));
    EXPECT(client.exchange->closing);
out:
    client_close(&client);
    return result;
}

static enum ct_result test_forms(void)
{
#define FORM(...) .target = "/form", .method = CT_POST, __VA_ARGS__
    static const char type[] = "application/x-www-form-urlencoded;charset=UTF-8";
    enum ct_result result = CT_OK;
    struct client client;

    client_init(&client, &mount, 1);
    EXPECT_REPLY(&client, 201, "{\"id\":42,\"word\":\"a b\"}",
                 FORM(.type = type, .body = "x=1&word=a+b"));
    EXPECT_REPLY(&client, 201, "{\"id\":42,\"word\":\"x\"}", FORM(.body = "{\"word\":\"x\"}"));
    EXPECT_REPLY(&client, 422, "{\"detail\":[" FIELD_REQUIRED("\"body\",\"word\"") "]}",
                 FORM(.type = type, .body = "", .length = "0"));
    EXPECT_REPLY(&client, 415,
                 DETAIL("The body must be application/json or application/x-www-form-urlencoded"),
                 FORM(.type = "multipart/form-data", .body = "x"));
out:
    client_close(&client);
    return result;
}

static enum ct_result test_bodies_without_a_length(void)
{
    enum ct_result result = CT_OK;
    struct client client;
    const struct request endless = {
        .target = "/echo", .method = CT_POST, .chunks = "chunked", .type = "text/plain"};

    client_init(&client, &mount, 1);
    EXPECT_REPLY(&client, 200, "{\"id\":42,\"word\":\"x\"}",
                 ECHO(.body = padded(1024), .chunks = "chunked"));
    EXPECT_REPLY(&client, 413, TOO_LARGE, ECHO(.body = padded(1025), .chunks = "chunked"));
    /* what is refused is read on for a while, so that the reply arrives */
    TRY(client_begin(&client, &endless));
    EXPECT(client.exchange->refusal == 415);
    for (size_t i = 0; i < (1024 + (1 << 20)) / 1024; i++)
        EXPECT(ct_exchange_body(client.exchange, padded(1024), 1024));
    EXPECT(!ct_exchange_body(client.exchange, "x", 1));
    EXPECT(client.exchange->body.at == NULL);
    /* as is a body that nobody asked for */
    EXPECT_REPLY(&client, 404, DETAIL("Not Found"), .target = "/", .body = "some text");
out:
    client_close(&client);
    return result;
}

static enum ct_result test_input_that_does_not_fit(void)
{
    enum ct_result result = CT_OK;
    struct client client;

    client_init(&client, &mount, 1);
    EXPECT_REPLY(&client, 422, "{\"detail\":[" FIELD_REQUIRED("\"body\",\"word\"") "]}",
                 ECHO(.body = "{}"));
    EXPECT_REPLY(&client, 422, "{\"detail\":[" FIELD_REQUIRED("\"body\"") "]}",
                 ECHO(.body = "", .length = "0"));
    EXPECT_HEADER(&client, "Content-Type", "application/json");
    EXPECT_HEADER(&client, "Cache-Control", "no-store");
out:
    client_close(&client);
    return result;
}

/* ---- with storage ---- */

static enum ct_result test_authentication(void)
{
#define ITEM(...) .target = "/items/1", __VA_ARGS__
#define PUT(...) .target = "/items/0?limit=0", .method = CT_PUT, __VA_ARGS__
#define NONE DETAIL("Not authenticated")
#define BAD DETAIL("Could not validate credentials")
#define NO_CHECK DETAIL("The server cannot check credentials now; try again")
    static const char good[] = "{\"id\":1,\"word\":\"item\"}";
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;

    client_init(&client, &mount, 1);
    TRY(client_open(&client, 0, &tokens));
    EXPECT_REPLY(&client, 200, good, ITEM(.authorization = "Bearer good"));
    EXPECT_REPLY(&client, 200, good, ITEM(.authorization = "bEARER   good", .method = CT_HEAD));
    EXPECT(tokens == 2 && client.exchange->call.user_id == USER);
    EXPECT_REPLY(&client, 401, NONE, .target = "/items/1");
    EXPECT_HEADER(&client, "WWW-Authenticate", "Bearer");
    EXPECT_REPLY(&client, 401, NONE, ITEM(.authorization = ""));
    EXPECT_REPLY(&client, 401, NONE, ITEM(.authorization = "Bearer"));
    EXPECT_REPLY(&client, 401, NONE, ITEM(.authorization = "Bearer  "));
    EXPECT_REPLY(&client, 401, NONE, ITEM(.authorization = "Bearergood"));
    EXPECT_REPLY(&client, 401, NONE, ITEM(.authorization = "Basic good"));
    EXPECT(tokens == 2);
    EXPECT_REPLY(&client, 401, BAD, ITEM(.authorization = "Bearer good2"));
    EXPECT_HEADER(&client, "WWW-Authenticate", "Bearer");
    EXPECT_REPLY(&client, 401, BAD, ITEM(.authorization = "Bearer good", .authorized_twice = true));
    EXPECT(tokens == 3);
    /* nothing of the input is judged before */
    EXPECT_REPLY(&client, 401, NONE, .target = "/items/x");
    EXPECT_REPLY(&client, 401, NONE, PUT(.type = "text/plain"));
    EXPECT_REPLY(&client, 401, NONE, PUT(.length = "4096"));
    EXPECT_REPLY(&client, 401, BAD, PUT(.body = "x", .authorization = "Bearer bad"));
    EXPECT_REPLY(&client, 401, NONE, .target = "/items/1", .method = CT_DELETE);
    EXPECT_REPLY(&client, 404, DETAIL("Not Found"), .target = "/item");
    /* storage that fails is no wrong token */
    EXPECT_REPLY(&client, 503, NO_CHECK, ITEM(.authorization = "Bearer spoiled"));
    EXPECT_HEADER(&client, "Retry-After", "1");
    EXPECT_REPLY(&client, 503, NO_CHECK, PUT(.body = "{}", .authorization = "Bearer spoiled"));
out:
    client_close(&client);
    return result;
}

static enum ct_result test_reads(void)
{
#define GET(path) .target = (path), .authorization = "Bearer good"
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;

    client_init(&client, &mount, 1);
    TRY(client_open(&client, 0, &tokens));
    EXPECT_REPLY(&client, 200, "{\"id\":12,\"word\":\"item\"}", GET("/items/%31%32?x=1"));
    EXPECT_REPLY(&client, 404, DETAIL("Not Found"), GET("/items/404"));
    EXPECT_REPLY(&client, 200,
                 "{\"items\":[{\"id\":3,\"word\":\"a\"},{\"id\":5,\"word\":\"b\"}],\"next\":null}",
                 GET("/items"));
    EXPECT_REPLY(&client, 200, "{\"items\":[{\"id\":3,\"word\":\"a\"}],\"next\":\"Mw\"}",
                 GET("/items?limit=1"));
    EXPECT_REPLY(&client, 200, "{\"items\":[{\"id\":5,\"word\":\"b\"}],\"next\":null}",
                 GET("/items?limit=1&after=Mw"));
    EXPECT_REPLY(&client, 422,
                 "{\"detail\":[{\"type\":\"value_error\",\"loc\":[\"query\",\"after\"],"
                 "\"msg\":\"Value error, this is not a cursor that a list has answered\"}]}",
                 GET("/items?after=x!"));
    EXPECT_REPLY(&client, 422,
                 "{\"detail\":[{\"type\":\"less_than_equal\",\"loc\":[\"query\",\"limit\"],"
                 "\"msg\":\"Input should be less than or equal to 100\",\"ctx\":{\"le\":100}}]}",
                 GET("/items?limit=101"));
out:
    client_close(&client);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_no_such_path_or_method),
        CT_UNIT(test_headers_too_large),
        CT_UNIT(test_what_the_headers_say_of_a_body),
        CT_UNIT(test_forms),
        CT_UNIT(test_bodies_without_a_length),
        CT_UNIT(test_input_that_does_not_fit),
        CT_UNIT(test_authentication),
        CT_UNIT(test_reads),
    };
    return ct_unit_main("http/exchange", units, sizeof(units) / sizeof(units[0]));
}
