#include "http/tally.h"

#include "harness.h"

static const struct ct_metric_route routes[] = {{"GET", "/a"}, {"GET", "/b"}};
static const struct ct_route route = {.method = CT_GET, .pattern = "/b"};

/** A server that counts, and a request to it. */
struct scene {
    struct ct_config config;
    struct ct_server_options server;
    struct ct_exchange *exchange;
};

static enum ct_result scene_open(struct scene *scene)
{
    *scene = (struct scene){.config = {.trusted_proxies = "", .cors_origins = ""}};
    scene->server.config = &scene->config;
    enum ct_result result = ct_metrics_new(routes, 2, &scene->server.metrics);
    if (result != CT_OK)
        return result;
    scene->exchange = ct_exchange_new(&scene->server, NULL, "/b");
    return scene->exchange == NULL ? CT_NOMEM : CT_OK;
}

static void scene_close(struct scene *scene)
{
    ct_exchange_free(scene->exchange);
    ct_metrics_free(scene->server.metrics);
}

/* How many requests of a route were answered with 200, and how many in any way. */
static void count(const struct scene *scene, size_t of, int64_t *good, int64_t *all)
{
    *good = *all = 0;
    for (size_t i = 0; ct_metrics_status(i) != 0; i++) {
        int64_t requests = ct_metrics_requests(scene->server.metrics, of, i);
        *all += requests;
        *good += ct_metrics_status(i) == 200 ? requests : 0;
    }
}

static enum ct_result test_requests(void)
{
    enum ct_result result = CT_OK;
    struct scene scene;
    int64_t good;
    int64_t all;

    TRY(scene_open(&scene));
    scene.exchange->match.route = &route;
    scene.exchange->match.number = 1;
    scene.exchange->body.len = 10;
    scene.exchange->reply.body = CT_STR("1234567");
    ct_tally_request(scene.exchange, 200);
    count(&scene, 1, &good, &all);
    EXPECT(good == 1 && all == 1);
    EXPECT(ct_metrics_value(scene.server.metrics, CT_METRIC_REQUEST_BYTES) == 10);
    EXPECT(ct_metrics_value(scene.server.metrics, CT_METRIC_REPLY_BYTES) == 7);
    /* to HEAD no body is sent */
    scene.exchange->method = CT_HEAD;
    ct_tally_request(scene.exchange, CT_STATUS_CLIENT_GONE);
    count(&scene, 1, &good, &all);
    EXPECT(good == 1 && all == 2);
    EXPECT(ct_metrics_value(scene.server.metrics, CT_METRIC_REPLY_BYTES) == 7);
out:
    scene_close(&scene);
    return result;
}

static enum ct_result test_what_led_nowhere(void)
{
    enum ct_result result = CT_OK;
    struct scene scene;
    int64_t good;
    int64_t all;

    TRY(scene_open(&scene));
    ct_tally_request(scene.exchange, 404);
    ct_tally_garbage(&scene.server, "id", "192.0.2.1", 400, 5);
    for (size_t i = 0; i < 2; i++) {
        count(&scene, i, &good, &all);
        EXPECT(all == 0);
    }
    count(&scene, 2, &good, &all);
    EXPECT(good == 0 && all == 2);
    EXPECT(ct_metrics_value(scene.server.metrics, CT_METRIC_REPLY_BYTES) == 5);
out:
    scene_close(&scene);
    return result;
}

static enum ct_result test_connections(void)
{
    enum ct_result result = CT_OK;
    struct scene scene;

    TRY(scene_open(&scene));
    ct_tally_connection(&scene.server, true);
    ct_tally_connection(&scene.server, true);
    ct_tally_connection(&scene.server, false);
    EXPECT(ct_metrics_value(scene.server.metrics, CT_METRIC_CONNECTIONS) == 1);
    EXPECT(ct_metrics_value(scene.server.metrics, CT_METRIC_CONNECTIONS_OPENED) == 2);
out:
    scene_close(&scene);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_requests),
        CT_UNIT(test_what_led_nowhere),
        CT_UNIT(test_connections),
    };
    return ct_unit_main("http/tally", units, sizeof(units) / sizeof(units[0]));
}
