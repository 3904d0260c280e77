#include "http/authorize.h"

#include <string.h>

#include "exchange_fixture.h"
#include "guarded.h"
#include "harness.h"

#define WHO "{\"id\":7,\"word\":\"192.0.2.1\"}"
#define NO_KEYS DETAIL("This needs the token of a login, not an API key")
#define NO_ADMIN DETAIL("This needs the role admin")
#define LACKS(scope) DETAIL("This API key lacks the scope " scope)

static enum ct_result test_who_may(void)
{
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;

    client_init(&client, guarded_mounts, 2);
    TRY(client_open(&client, 0, &tokens));
    EXPECT_REPLY(&client, 200, WHO, .target = "/any", CALLER("good"));
    EXPECT_REPLY(&client, 200, WHO, .target = "/any", CALLER("key"));
    EXPECT(client.exchange->call.caller.key_id == 3);
    EXPECT_REPLY(&client, 200, WHO, .target = "/session", CALLER("good"));
    EXPECT_REPLY(&client, 403, NO_KEYS, .target = "/session", CALLER("key"));
    EXPECT_HEADER(&client, "WWW-Authenticate", "");
    EXPECT_HEADER(&client, "Content-Type", "application/json");
    EXPECT_REPLY(&client, 403, NO_KEYS, .target = "/session", CALLER("star"));
    EXPECT_REPLY(&client, 200, WHO, .target = "/admin", CALLER("admin"));
    EXPECT_REPLY(&client, 403, NO_ADMIN, .target = "/admin", CALLER("good"));
    EXPECT_REPLY(&client, 403, NO_ADMIN, .target = "/admin", CALLER("star"));
    EXPECT_REPLY(&client, 200, WHO, .target = "/scope", CALLER("good"));
    EXPECT_REPLY(&client, 200, WHO, .target = "/scope", CALLER("star"));
    EXPECT_REPLY(&client, 403, LACKS("items:read"), .target = "/scope", CALLER("key"));
    EXPECT_REPLY(&client, 200, WHO, .target = "/written", CALLER("key"));
    EXPECT_REPLY(&client, 401, DETAIL("Could not validate credentials"), .target = "/scope",
                 CALLER("bad"));
    EXPECT(client.exchange->call.user_id == 0);
    EXPECT_REPLY(&client, 200, "{\"id\":0,\"word\":\"192.0.2.1\"}", .target = "/free");
out:
    client_close(&client);
    return result;
}

/* 401, then 403, then 429, before anything is said of the body. */
static enum ct_result test_before_the_body(void)
{
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;

    client_init(&client, guarded_mounts, 2);
    TRY(client_open(&client, 0, &tokens));
    EXPECT_REPLY(&client, 401, DETAIL("Not authenticated"), .target = "/once", .method = CT_POST);
    client.config.rate_limit_per_account = 1;
    TRY(ct_limits_new(&client.config, &client.limits));
    EXPECT_REPLY(&client, 411, DETAIL("The request needs a Content-Length header"),
                 .target = "/once", .method = CT_POST, CALLER("good"));
    EXPECT_REPLY(&client, 403, NO_KEYS, .target = "/session", CALLER("key"));
    EXPECT_REPLY(&client, 429, DETAIL("Too many requests of this account; try again in 60 seconds"),
                 .target = "/once", .method = CT_POST, CALLER("good"));
    EXPECT_HEADER(&client, "Retry-After", "60");
    EXPECT_REPLY(&client, 401, DETAIL("Could not validate credentials"), .target = "/once",
                 .method = CT_POST, CALLER("bad"));
    /* the keys of an account count with it */
    EXPECT_REPLY(&client, 429, DETAIL("Too many requests of this account; try again in 60 seconds"),
                 .target = "/any", CALLER("key"));
    EXPECT_REPLY(&client, 200, WHO, .target = "/watch", CALLER("good"));
    EXPECT_REPLY(&client, 200, "{\"id\":0,\"word\":\"192.0.2.1\"}", .target = "/free");
out:
    client_close(&client);
    return result;
}

static enum ct_result test_addresses(void)
{
#define TOO_MANY DETAIL("Too many requests from this address; try again in 30 seconds")
    enum ct_result result = CT_OK;
    struct client client;
    unsigned tokens = 0;

    client_init(&client, guarded_mounts, 2);
    TRY(client_open(&client, 0, &tokens));
    client.config.rate_limit_per_address = 2;
    TRY(ct_limits_new(&client.config, &client.limits));
    EXPECT_REPLY(&client, 200, WHO, .target = "/any", CALLER("good"));
    /* what leads nowhere counts too */
    EXPECT_REPLY(&client, 404, DETAIL("Not Found"), .target = "/nothing");
    EXPECT_REPLY(&client, 429, TOO_MANY, .target = "/nothing");
    EXPECT_HEADER(&client, "Retry-After", "30");
    tokens = 0;
    EXPECT_REPLY(&client, 429, TOO_MANY, .target = "/any", CALLER("good"));
    EXPECT(tokens == 0); /* nobody looked at it */
    EXPECT_REPLY(&client, 429, TOO_MANY, .target = "/once", .method = CT_POST, .body = "{}");
    EXPECT_REPLY(&client, 200, WHO, .target = "/watch", CALLER("good"));
    /* others are not concerned */
    EXPECT_REPLY(&client, 200, "{\"id\":7,\"word\":\"192.0.2.2\"}", .target = "/any",
                 CALLER("good"), .peer = "192.0.2.2");
    /* nor is one that says to be another */
    EXPECT_REPLY(&client, 429, TOO_MANY, .target = "/any", CALLER("good"),
                 .forwarded_for = "192.0.2.3");
    client.config.trusted_proxies = "192.0.2.1";
    EXPECT_REPLY(&client, 200, "{\"id\":7,\"word\":\"192.0.2.3\"}", .target = "/any",
                 CALLER("good"), .forwarded_for = "9.9.9.9, 192.0.2.3");
out:
    client_close(&client);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_who_may),
        CT_UNIT(test_before_the_body),
        CT_UNIT(test_addresses),
    };
    return ct_unit_main("http/authorize", units, sizeof(units) / sizeof(units[0]));
}
