#include "http/exchange.h"

#include <string.h>

#include "exchange_fixture.h"
#include "harness.h"

/* "hello\n" and nothing, as `gzip -n` packs them. */
#define HELLO                                                                                      \
    "\x1F\x8B\x08\x00\x00\x00\x00\x00\x00\x03\xCB\x48\xCD\xC9\xC9\xE7\x02\x00\x20\x30\x3A\x36\x06" \
    "\x00\x00\x00"
#define NOTHING "\x1F\x8B\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"

static enum ct_result get_plain(struct ct_call *call)
{
    *(struct ct_content *)call->reply = (struct ct_content){.body = CT_STR("text"),
                                                            .type = "text/plain",
                                                            .etag = "\"1a\"",
                                                            .cache = "no-cache",
                                                            .policy = "default-src 'none'"};
    return CT_OK;
}

static enum ct_result get_both(struct ct_call *call)
{
    *(struct ct_content *)call->reply = (struct ct_content){
        .body = CT_STR("plain"), .gzip_body = CT_STR(HELLO), .type = "text/plain"};
    return CT_OK;
}

static enum ct_result get_packed(struct ct_call *call)
{
    *(struct ct_content *)call->reply =
        (struct ct_content){.gzip_body = CT_STR(HELLO), .type = "text/plain", .etag = "W/\"2b\""};
    return CT_OK;
}

static enum ct_result get_packed_nothing(struct ct_call *call)
{
    *(struct ct_content *)call->reply =
        (struct ct_content){.gzip_body = CT_STR(NOTHING), .type = "text/plain"};
    return CT_OK;
}

static enum ct_result get_broken(struct ct_call *call)
{
    static const char bytes[] = HELLO;
    struct ct_str cut = {bytes, *(const int *)call->room == 0 ? 17 : 24};
    *(struct ct_content *)call->reply =
        (struct ct_content){.gzip_body = cut, .type = "text/plain", .etag = "\"3\""};
    return CT_OK;
}

static enum ct_result redirect(struct ct_call *call)
{
    *(struct ct_content *)call->reply = (struct ct_content){.location = "/plain"};
    return CT_OK;
}

static enum ct_result create(struct ct_call *call)
{
    (void)call;
    return CT_OK;
}

static enum ct_result vanish(struct ct_call *call)
{
    (void)call;
    return CT_NOT_FOUND;
}

static const struct ct_route routes[] = {
    {.method = CT_GET, .pattern = "/plain", .run = get_plain},
    {.method = CT_GET, .pattern = "/both", .run = get_both},
    {.method = CT_GET, .pattern = "/packed", .run = get_packed},
    {.method = CT_GET, .pattern = "/nothing", .run = get_packed_nothing},
    {.method = CT_GET, .pattern = "/broken", .run = get_broken},
    {.method = CT_GET, .pattern = "/", .status = 307, .run = redirect},
    {.method = CT_GET, .pattern = "/gone", .run = vanish},
    {.method = CT_POST, .pattern = "/plain", .run = create},
};
static int broken_how;
static const struct ct_mount mount = {routes, sizeof(routes) / sizeof(routes[0]), &broken_how};

static enum ct_result test_content(void)
{
    enum ct_result result = CT_OK;
    struct client client;

    client_init(&client, &mount, 1);
    EXPECT_REPLY(&client, 200, "text", .target = "/plain");
    EXPECT_HEADER(&client, "Content-Type", "text/plain");
    EXPECT_HEADER(&client, "ETag", "\"1a\"");
    EXPECT_HEADER(&client, "Cache-Control", "no-cache");
    EXPECT_HEADER(&client, "Content-Security-Policy", "default-src 'none'");
    EXPECT_HEADER(&client, "X-Content-Type-Options", "nosniff");
    EXPECT_HEADER(&client, "Vary", "");
    EXPECT_HEADER(&client, "Content-Encoding", "");
    EXPECT_REPLY(&client, 307, "", .target = "/");
    EXPECT_HEADER(&client, "Location", "/plain");
    EXPECT_HEADER(&client, "Cache-Control", "no-store");
    EXPECT_HEADER(&client, "Content-Type", "");
    EXPECT_HEADER(&client, "ETag", "");
    EXPECT_REPLY(&client, 200, "", .target = "/plain", .method = CT_POST);
    EXPECT_REPLY(&client, 404, DETAIL("Not Found"), .target = "/gone");
out:
    client_close(&client);
    return result;
}

static enum ct_result test_etag(void)
{
    static const char *const same[] = {"\"1a\"",        "W/\"1a\"",     "*",
                                       "\"0\", \"1a\"", "\"1a\",\"0\"", "\"0\" , W/\"1a\""};
    static const char *const other[] = {"\"1\"", "1a", "\"1A\"", "", "W/\"\"", "\"\""};
    static const char *const weak[] = {"W/\"2b\"", "\"2b\"", "\"x\", W/\"2b\""};
    enum ct_result result = CT_OK;
    struct client client;

    client_init(&client, &mount, 1);
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        EXPECT_REPLY(&client, 304, "", .target = "/plain", .if_none_match = same[i]);
        EXPECT_HEADER(&client, "ETag", "\"1a\"");
        EXPECT_HEADER(&client, "Cache-Control", "no-cache");
        EXPECT_HEADER(&client, "Content-Type", "");
    }
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
        EXPECT_REPLY(&client, 200, "text", .target = "/plain", .if_none_match = other[i]);
    for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
        EXPECT_REPLY(&client, 304, "", .target = "/packed", .if_none_match = weak[i]);
        EXPECT_HEADER(&client, "Vary", "Accept-Encoding");
    }
    EXPECT_REPLY(&client, 304, "", .target = "/plain", .method = CT_HEAD, .if_none_match = "*");
    EXPECT_REPLY(&client, 200, "plain", .target = "/both", .if_none_match = "*");
out:
    client_close(&client);
    return result;
}

/* Whether the reply is the packed text. */
static bool is_packed(const struct client *client)
{
    return ct_str_equal(client->exchange->reply.body, CT_STR(HELLO)) &&
           strcmp(reply_header(client, "Content-Encoding"), "gzip") == 0 &&
           strcmp(reply_header(client, "Vary"), "Accept-Encoding") == 0;
}

static enum ct_result test_packed_content(void)
{
    static const char *const yes[] = {
        "gzip",       "gzip;q=0.5", "br, gzip", "deflate,gzip ; q=1", "\tGZIP, br;q=0",
        "gzip;q=1.0", "*",          "x-gzip",   "gzip;q=0.001, *;q=0"};
    static const char *const no[] = {
        NULL,           "",      "br",          "gzip;q=0", "gzip2", "br, gzip; q=0",
        "gzip;q=0.000", "*;q=0", "gzip;q=0, *", "identity", ",,"};
    enum ct_result result = CT_OK;
    struct client client;

    client_init(&client, &mount, 1);
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        TRY(client_begin(&client,
                         &(const struct request){.target = "/packed", .accept_encoding = yes[i]}));
        client_end(&client, NULL);
        TRY(client.exchange->reply.status == 503 ? CT_NOMEM : CT_OK);
        EXPECT(is_packed(&client));
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        EXPECT_REPLY(&client, 200, "hello\n", .target = "/packed", .accept_encoding = no[i]);
        EXPECT_HEADER(&client, "Vary", "Accept-Encoding");
        EXPECT_HEADER(&client, "Content-Encoding", "");
        EXPECT_HEADER(&client, "Content-Type", "text/plain");
    }
    EXPECT_REPLY(&client, 200, "plain", .target = "/both");
    EXPECT_HEADER(&client, "Vary", "Accept-Encoding");
    EXPECT_REPLY(&client, 200, "", .target = "/nothing");
out:
    client_close(&client);
    return result;
}

/* What was built into the program wrongly: an error, not half a page. */
static enum ct_result test_broken_content(void)
{
    enum ct_result result = CT_OK;
    struct client client;

    client_init(&client, &mount, 1);
    for (broken_how = 0; broken_how < 2; broken_how++) {
        TRY(client_begin(&client, &(const struct request){.target = "/broken"}));
        client_end(&client, NULL);
        TRY(client.exchange->reply.status == 503 ? CT_NOMEM : CT_OK);
        EXPECT(client_got(&client, 500, DETAIL("Internal Server Error")));
        EXPECT_HEADER(&client, "Content-Type", "application/json");
        EXPECT_HEADER(&client, "ETag", "");
    }
out:
    client_close(&client);
    return result;
}

/* ---- CORS ---- */

#define PREFLIGHT(...) .method = CT_OPTIONS, .request_method = "POST", __VA_ARGS__
#define ALLOWED "Access-Control-Allow-Origin"

static enum ct_result test_cors_is_off(void)
{
    enum ct_result result = CT_OK;
    struct client client;

    client_init(&client, &mount, 1);
    EXPECT_REPLY(&client, 200, "text", .target = "/plain", .origin = "https://a.example");
    EXPECT_HEADER(&client, ALLOWED, "");
    EXPECT_HEADER(&client, "Vary", "");
    EXPECT_REPLY(&client, 405, DETAIL("Method Not Allowed"),
                 PREFLIGHT(.target = "/plain", .origin = "https://a.example"));
    EXPECT_HEADER(&client, "Allow", "GET, HEAD, POST");
    EXPECT_HEADER(&client, "Access-Control-Allow-Methods", "");
out:
    client_close(&client);
    return result;
}

static enum ct_result test_cors_for_listed_origins(void)
{
    static const char *const others[] = {"https://a.example.evil",
                                         "https://a.exampl",
                                         "http://a.example",
                                         "https://a.example,https://b.example",
                                         "null",
                                         ""};
    enum ct_result result = CT_OK;
    struct client client;

    client_init(&client, &mount, 1);
    client.config.cors_origins = "https://a.example,https://b.example:8443";
    EXPECT_REPLY(&client, 200, "text", .target = "/plain", .origin = "https://a.example");
    EXPECT_HEADER(&client, ALLOWED, "https://a.example");
    EXPECT_HEADER(&client, "Vary", "Origin");
    EXPECT_HEADER(&client, "Access-Control-Expose-Headers",
                  "ETag, Idempotent-Replayed, Retry-After, X-Request-ID");
    EXPECT_REPLY(&client, 200, "text", .target = "/plain", .origin = "https://b.example:8443");
    EXPECT_HEADER(&client, ALLOWED, "https://b.example:8443");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        EXPECT_REPLY(&client, 200, "text", .target = "/plain", .origin = others[i]);
        EXPECT_HEADER(&client, ALLOWED, "");
        EXPECT_HEADER(&client, "Vary", "Origin");
    }
    EXPECT_REPLY(&client, 200, "text", .target = "/plain");
    EXPECT_HEADER(&client, "Vary", "Origin");
    /* errors too: a page must be able to read them */
    EXPECT_REPLY(&client, 404, DETAIL("Not Found"), .target = "/x", .origin = "https://a.example");
    EXPECT_HEADER(&client, ALLOWED, "https://a.example");
out:
    client_close(&client);
    return result;
}

static enum ct_result test_preflight(void)
{
    enum ct_result result = CT_OK;
    struct client client;

    client_init(&client, &mount, 1);
    client.config.cors_origins = "https://a.example";
    EXPECT_REPLY(&client, 204, "", PREFLIGHT(.target = "/plain", .origin = "https://a.example"));
    EXPECT_HEADER(&client, ALLOWED, "https://a.example");
    EXPECT_HEADER(&client, "Access-Control-Allow-Methods", "GET, HEAD, POST");
    EXPECT_HEADER(&client, "Access-Control-Allow-Headers",
                  "Authorization, Content-Type, Idempotency-Key, If-Match, Last-Event-ID, "
                  "X-Request-ID");
    EXPECT_HEADER(&client, "Access-Control-Max-Age", "600");
    EXPECT_HEADER(&client, "X-Request-ID", "id-1");
    EXPECT_REPLY(&client, 204, "", PREFLIGHT(.target = "/plain", .origin = "https://b.example"));
    EXPECT_HEADER(&client, ALLOWED, "");
    EXPECT_HEADER(&client, "Access-Control-Allow-Methods", "");
    /* without both headers it is an OPTIONS like any other */
    EXPECT_REPLY(&client, 405, DETAIL("Method Not Allowed"), .target = "/plain",
                 .method = CT_OPTIONS, .origin = "https://a.example");
    EXPECT_HEADER(&client, ALLOWED, "https://a.example");
    EXPECT_REPLY(&client, 405, DETAIL("Method Not Allowed"),
                 PREFLIGHT(.target = "/plain", .origin = NULL));
    EXPECT_REPLY(&client, 404, DETAIL("Not Found"),
                 PREFLIGHT(.target = "/x", .origin = "https://a.example"));
out:
    client_close(&client);
    return result;
}

static enum ct_result test_cors_for_any_origin(void)
{
    enum ct_result result = CT_OK;
    struct client client;

    client_init(&client, &mount, 1);
    client.config.cors_origins = "*";
    EXPECT_REPLY(&client, 200, "text", .target = "/plain", .origin = "https://a.example");
    EXPECT_HEADER(&client, ALLOWED, "*");
    EXPECT_HEADER(&client, "Vary", "");
    EXPECT_REPLY(&client, 200, "hello\n", .target = "/packed", .origin = "null");
    EXPECT_HEADER(&client, ALLOWED, "*");
    EXPECT_HEADER(&client, "Vary", "Accept-Encoding");
    EXPECT_REPLY(&client, 200, "text", .target = "/plain");
    EXPECT_HEADER(&client, ALLOWED, "");
out:
    client_close(&client);
    return result;
}

static enum ct_result test_details(void)
{
    static const int statuses[] = {400, 404, 405, 411, 413, 414, 431, 500, 501, 505, 418, 599};
    enum ct_result result = CT_OK;

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        const char *detail = ct_protocol_detail(statuses[i]);
        EXPECT(detail != NULL && detail[0] != '\0' && strlen(detail) < 140);
        EXPECT(strpbrk(detail, "\"\\") == NULL); /* transport_reply.c puts it into JSON as it is */
    }
    EXPECT(strcmp(ct_protocol_detail(599), ct_protocol_detail(500)) == 0);
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_content),        CT_UNIT(test_etag),
        CT_UNIT(test_packed_content), CT_UNIT(test_broken_content),
        CT_UNIT(test_cors_is_off),    CT_UNIT(test_cors_for_listed_origins),
        CT_UNIT(test_preflight),      CT_UNIT(test_cors_for_any_origin),
        CT_UNIT(test_details),
    };
    return ct_unit_main("http/reply", units, sizeof(units) / sizeof(units[0]));
}
