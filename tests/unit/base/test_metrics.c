#include "base/metrics.h"

#include <pthread.h>
#include <string.h>

#include "harness.h"

#define ANSWERED(metrics, ...) \
    ct_metrics_request(metrics, &(const struct ct_metric_request){__VA_ARGS__})

static const struct ct_metric_route routes[] = {{"GET", "/a"}, {"POST", "/b/{id}"}};

static enum ct_result open_metrics(struct ct_metrics **out)
{
    *out = NULL;
    return ct_metrics_new(routes, 2, out);
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    size_t of_end = strlen(end);
    return size > of_end && strcmp(text + size - of_end, end) == 0;
}

/* What Prometheus expects of names and units (https://prometheus.io/docs/practices/naming/), and the printer
 * of texts. */
static bool row_is_sound(const struct ct_metric_row *row)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    bool is_ours = strncmp(row->name, "cloud_telephony_", 16) == 0;
    bool total = ends_with(row->name, "_total");
    bool seconds = ends_with(row->name, "_seconds") || ends_with(row->name, "_seconds_total");
    bool bytes = ends_with(row->name, "_bytes") || ends_with(row->name, "_bytes_total");
    return row->name[strspn(row->name, letters)] == '\0' &&
           (is_ours || strncmp(row->name, "process_", 8) == 0) &&
           total == (row->type == CT_METRIC_COUNTER) &&
           seconds == (row->unit == CT_METRIC_SECONDS) && bytes == (row->unit == CT_METRIC_BYTES) &&
           (row->type == CT_METRIC_HISTOGRAM_TYPE) ==
               (row->source == CT_FROM_HISTOGRAM ||
                (row->source == CT_FROM_ROUTES && row->unit == CT_METRIC_SECONDS)) &&
           row->help[strcspn(row->help, "\\\n|")] == '\0' && ends_with(row->help, ".");
}

static enum ct_result test_the_table(void)
{
    enum ct_result result = CT_OK;

    for (size_t i = 0; i < CT_METRIC_TABLE_END; i++) {
        const struct ct_metric_row *row = &ct_metric_rows[i];
        EXPECT(row->name != NULL && row_is_sound(row));
        bool follows = i > 0 && strcmp(row[-1].name, row->name) == 0;
        EXPECT(!follows || (row[-1].type == row->type && row[-1].unit == row->unit &&
                            row[-1].source == row->source && strcmp(row[-1].help, row->help) == 0 &&
                            strcmp(row[-1].labels, row->labels) != 0));
        for (size_t k = 0; k + 1 < i; k++)
            EXPECT(follows || strcmp(ct_metric_rows[k].name, row->name) != 0);
    }
out:
    return result;
}

static enum ct_result test_the_table_can_be_wrong(void)
{
    enum ct_result result = CT_OK;
    const struct ct_metric_row right = {
        .source = CT_FROM_COUNTED,
        .type = CT_METRIC_COUNTER,
        .unit = CT_METRIC_BYTES,
        .name = "cloud_telephony_x_bytes_total",
        .help = "A sentence.",
    };
    struct ct_metric_row wrong = right;

    EXPECT(row_is_sound(&right));
    wrong.unit = CT_METRIC_COUNT;
    EXPECT(!row_is_sound(&wrong));
    wrong = right;
    wrong.type = CT_METRIC_GAUGE;
    EXPECT(!row_is_sound(&wrong));
    wrong = right;
    wrong.name = "telephony_x_bytes_total";
    EXPECT(!row_is_sound(&wrong));
    wrong.name = "cloud_telephony_X_bytes_total";
    EXPECT(!row_is_sound(&wrong));
    wrong = right;
    wrong.help = "Two\nlines.";
    EXPECT(!row_is_sound(&wrong));
out:
    return result;
}

static enum ct_result test_adding(void)
{
    enum ct_result result = CT_OK;
    struct ct_metrics *metrics;

    TRY(open_metrics(&metrics));
    EXPECT(ct_metrics_value(metrics, CT_METRIC_CONNECTIONS) == 0);
    ct_metrics_add(metrics, CT_METRIC_CONNECTIONS, 1);
    ct_metrics_add(metrics, CT_METRIC_CONNECTIONS, 1);
    ct_metrics_add(metrics, CT_METRIC_CONNECTIONS, -1);
    ct_metrics_add(metrics, CT_METRIC_REPLY_BYTES, INT64_C(5000000000));
    EXPECT(ct_metrics_value(metrics, CT_METRIC_CONNECTIONS) == 1);
    EXPECT(ct_metrics_value(metrics, CT_METRIC_REPLY_BYTES) == INT64_C(5000000000));
    EXPECT(ct_metrics_value(metrics, CT_METRIC_REQUEST_BYTES) == 0);
    ANSWERED(metrics, .route = 1, .status = 200, .body_bytes = 7, .reply_bytes = 5);
    EXPECT(ct_metrics_value(metrics, CT_METRIC_REPLY_BYTES) == INT64_C(5000000005));
    EXPECT(ct_metrics_value(metrics, CT_METRIC_REQUEST_BYTES) == 7);
out:
    ct_metrics_free(metrics);
    return result;
}

static enum ct_result test_histograms(void)
{
    enum ct_result result = CT_OK;
    struct ct_metrics *metrics;
    struct ct_histogram got;
    const int64_t *sizes = ct_metrics_bounds(CT_METRIC_COUNT);
    const int64_t *times = ct_metrics_bounds(CT_METRIC_SECONDS);

    TRY(open_metrics(&metrics));
    for (size_t i = 1; i < CT_METRIC_BOUNDS; i++)
        EXPECT(sizes[i] > sizes[i - 1] && times[i] > times[i - 1]);
    ct_metrics_observe(metrics, CT_METRIC_WRITE_BATCH, 0);
    ct_metrics_observe(metrics, CT_METRIC_WRITE_BATCH, sizes[0]);
    ct_metrics_observe(metrics, CT_METRIC_WRITE_BATCH, sizes[0] + 1);
    ct_metrics_observe(metrics, CT_METRIC_WRITE_BATCH, sizes[CT_METRIC_BOUNDS - 1] + 1);
    ct_metrics_histogram(metrics, CT_METRIC_WRITE_BATCH, &got);
    EXPECT(got.at_most[0] == 2 && got.at_most[1] == 3);
    EXPECT(got.at_most[CT_METRIC_BOUNDS - 1] == 3 && got.at_most[CT_METRIC_BOUNDS] == 4);
    EXPECT(got.sum == 2 * sizes[0] + 1 + sizes[CT_METRIC_BOUNDS - 1] + 1);
    /* one does not reach into the next */
    ct_metrics_histogram(metrics, CT_METRIC_WRITE, &got);
    EXPECT(got.at_most[CT_METRIC_BOUNDS] == 0 && got.sum == 0);
    ct_metrics_observe(metrics, CT_METRIC_COMMIT, times[3]);
    ct_metrics_histogram(metrics, CT_METRIC_COMMIT, &got);
    EXPECT(got.at_most[2] == 0 && got.at_most[3] == 1 && got.sum == times[3]);
out:
    ct_metrics_free(metrics);
    return result;
}

/* How many requests of a route were answered so. */
static int64_t requests(const struct ct_metrics *metrics, size_t route, int status)
{
    for (size_t i = 0; ct_metrics_status(i) != 0; i++) {
        if (ct_metrics_status(i) == status)
            return ct_metrics_requests(metrics, route, i);
    }
    return -1;
}

static enum ct_result test_requests(void)
{
    enum ct_result result = CT_OK;
    struct ct_metrics *metrics;
    struct ct_histogram got;

    TRY(open_metrics(&metrics));
    EXPECT(ct_metrics_route_count(metrics) == 3);
    EXPECT(strcmp(ct_metrics_route(metrics, 1)->pattern, "/b/{id}") == 0);
    EXPECT(strcmp(ct_metrics_route(metrics, 2)->pattern, "-") == 0);
    ANSWERED(metrics, .route = 0, .status = 200, .duration_us = 100);
    ANSWERED(metrics, .route = 1, .status = 404, .duration_us = 200);
    ANSWERED(metrics, .route = 1, .status = 418, .duration_us = 300); /* has no cell of its own */
    ANSWERED(metrics, .route = 1, .status = 599, .duration_us = 400);
    ANSWERED(metrics, .route = CT_METRIC_NO_ROUTE, .status = 404, .duration_us = 500);
    EXPECT(requests(metrics, 0, 200) == 1 && requests(metrics, 1, 200) == 0);
    EXPECT(requests(metrics, 1, 404) == 1 && requests(metrics, 1, 400) == 1);
    EXPECT(requests(metrics, 1, 500) == 1 && requests(metrics, 1, 418) == -1);
    EXPECT(requests(metrics, 2, 404) == 1);
    ct_metrics_durations(metrics, 1, 3, &got);
    EXPECT(got.at_most[CT_METRIC_BOUNDS] == 2 && got.sum == 500);
    ct_metrics_durations(metrics, 1, 1, &got);
    EXPECT(got.at_most[CT_METRIC_BOUNDS] == 0);
    ct_metrics_durations(metrics, 2, 3, &got);
    EXPECT(got.at_most[CT_METRIC_BOUNDS] == 1);
out:
    ct_metrics_free(metrics);
    return result;
}

static enum ct_result test_nothing_to_record_to(void)
{
    enum ct_result result = CT_OK;
    struct ct_histogram got;

    ct_metrics_add(NULL, CT_METRIC_CONNECTIONS, 1);
    ct_metrics_observe(NULL, CT_METRIC_COMMIT, 1);
    ANSWERED(NULL, .route = 0, .status = 200, .duration_us = 1);
    ct_metrics_free(NULL);
    ct_metrics_histogram(NULL, CT_METRIC_COMMIT, &got);
    EXPECT(got.at_most[CT_METRIC_BOUNDS] == 0);
    EXPECT(ct_metrics_value(NULL, CT_METRIC_CONNECTIONS) == 0);
    EXPECT(ct_metrics_route_count(NULL) == 0);
out:
    return result;
}

#define THREADS 4
#define TURNS 5000

static void *record(void *ctx)
{
    for (int i = 0; i < TURNS; i++) {
        ct_metrics_add(ctx, CT_METRIC_TOKEN_HITS, 1);
        ANSWERED(ctx, .route = (size_t)i % 3, .status = 200, .duration_us = i);
    }
    return NULL;
}

static enum ct_result test_threads_lose_nothing(void)
{
    enum ct_result result = CT_OK;
    struct ct_metrics *metrics;
    struct ct_histogram got;
    pthread_t threads[THREADS];
    size_t started = 0;
    int64_t sum = 0;
    int64_t count = 0;

    TRY(open_metrics(&metrics));
    while (started < THREADS && pthread_create(&threads[started], NULL, record, metrics) == 0)
        started++;
    /* who reads meanwhile sees what is true of any moment */
    bool grows = true;
    ct_metrics_durations(metrics, 0, 1, &got);
    for (size_t i = 1; i <= CT_METRIC_BOUNDS; i++)
        grows = grows && got.at_most[i] >= got.at_most[i - 1];
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    EXPECT(grows);
    EXPECT(ct_metrics_value(metrics, CT_METRIC_TOKEN_HITS) == (int64_t)started * TURNS);
    for (size_t route = 0; route < 3; route++) {
        ct_metrics_durations(metrics, route, 1, &got);
        sum += got.sum;
        count += got.at_most[CT_METRIC_BOUNDS];
        EXPECT(requests(metrics, route, 200) == got.at_most[CT_METRIC_BOUNDS]);
    }
    EXPECT(count == (int64_t)started * TURNS);
    EXPECT(sum == (int64_t)started * TURNS * (TURNS - 1) / 2);
    if (started < THREADS)
        result = CT_NOMEM;
out:
    ct_metrics_free(metrics);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_the_table),
        CT_UNIT(test_the_table_can_be_wrong),
        CT_UNIT(test_adding),
        CT_UNIT(test_histograms),
        CT_UNIT(test_requests),
        CT_UNIT(test_nothing_to_record_to),
        CT_UNIT(test_threads_lose_nothing),
    };
    return ct_unit_main("base/metrics", units, sizeof(units) / sizeof(units[0]));
}
