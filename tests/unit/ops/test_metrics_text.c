#include "ops/metrics_text.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define ANSWERED(metrics, ...) \
    ct_metrics_request(metrics, &(const struct ct_metric_request){__VA_ARGS__})

static const struct ct_metric_route routes[] = {{"GET", "/a/{id}"}};

/** Metrics, what is read, and the text that they give. */
struct page {
    struct ct_arena *arena;
    struct ct_metrics *metrics;
    struct ct_readings readings;
    const char *text;
};

static enum ct_result page_open(struct page *page)
{
    *page = (struct page){0};
    for (size_t i = 0; i < CT_METRIC_TABLE_END; i++)
        page->readings.values[i] = CT_NO_READING;
    page->arena = ct_arena_new();
    return page->arena == NULL ? CT_NOMEM : ct_metrics_new(routes, 1, &page->metrics);
}

static void page_close(struct page *page)
{
    ct_metrics_free(page->metrics);
    ct_arena_free(page->arena);
}

static enum ct_result page_print(struct page *page)
{
    struct ct_buf out = ct_buf_in(page->arena);
    ct_metrics_print(page->metrics, &page->readings, &out);
    page->text = ct_buf_done(&out).at;
    return out.failed ? CT_NOMEM : CT_OK;
}

static bool has(const struct page *page, const char *part)
{
    return strstr(page->text, part) != NULL;
}

static enum ct_result test_requests(void)
{
    enum ct_result result = CT_OK;
    struct page page;

    TRY(page_open(&page));
    TRY(page_print(&page));
    /* nothing is said of what never was */
    EXPECT(!has(&page, "http_requests_total") && !has(&page, "http_request_duration_seconds"));
    ANSWERED(page.metrics, .route = 0, .status = 200, .duration_us = 100);
    ANSWERED(page.metrics, .route = 0, .status = 200, .duration_us = 1500000);
    ANSWERED(page.metrics, .route = CT_METRIC_NO_ROUTE, .status = 404, .duration_us = 1);
    TRY(page_print(&page));
    EXPECT(
        has(&page,
            "# TYPE cloud_telephony_http_requests_total counter\n"
            "cloud_telephony_http_requests_total{method=\"GET\",route=\"/a/{id}\",status=\"200\"} "
            "2\n"
            "cloud_telephony_http_requests_total{method=\"-\",route=\"-\",status=\"404\"} 1\n"));
    EXPECT(has(&page,
               "_duration_seconds histogram\n"
               "cloud_telephony_http_request_duration_seconds_bucket{method=\"GET\",route=\"/"
               "a/{id}\",class=\"2xx\",le=\"0.0001\"} 1\n"));
    EXPECT(has(&page, "route=\"/a/{id}\",class=\"2xx\",le=\"0.00025\"} 1\n"));
    EXPECT(has(&page, "route=\"/a/{id}\",class=\"2xx\",le=\"1\"} 1\n"));
    EXPECT(has(&page, "route=\"/a/{id}\",class=\"2xx\",le=\"5\"} 2\n"));
    EXPECT(has(&page, "route=\"/a/{id}\",class=\"2xx\",le=\"+Inf\"} 2\n"));
    EXPECT(has(&page, "_seconds_sum{method=\"GET\",route=\"/a/{id}\",class=\"2xx\"} 1.5001\n"));
    EXPECT(has(&page, "_seconds_count{method=\"GET\",route=\"/a/{id}\",class=\"2xx\"} 2\n"));
    EXPECT(has(&page, "_seconds_sum{method=\"-\",route=\"-\",class=\"4xx\"} 0.000001\n"));
out:
    page_close(&page);
    return result;
}

static enum ct_result test_rows_of_one_name_have_one_head(void)
{
    enum ct_result result = CT_OK;
    struct page page;

    TRY(page_open(&page));
    ct_metrics_add(page.metrics, CT_METRIC_TOKEN_HITS, 7);
    ct_metrics_observe(page.metrics, CT_METRIC_WRITE_BATCH, 3);
    TRY(page_print(&page));
    EXPECT(has(&page, "# TYPE cloud_telephony_cache_lookups_total counter\n"
                      "cloud_telephony_cache_lookups_total{cache=\"token\",result=\"hit\"} 7\n"
                      "cloud_telephony_cache_lookups_total{cache=\"token\",result=\"miss\"} 0\n"));
    EXPECT(has(&page, "cloud_telephony_write_batch_jobs_bucket{le=\"2\"} 0\n"
                      "cloud_telephony_write_batch_jobs_bucket{le=\"4\"} 1\n"));
    EXPECT(has(&page, "cloud_telephony_write_batch_jobs_sum 3\n"
                      "cloud_telephony_write_batch_jobs_count 1\n"));
out:
    page_close(&page);
    return result;
}

static enum ct_result test_readings(void)
{
    enum ct_result result = CT_OK;
    struct page page;

    TRY(page_open(&page));
    TRY(page_print(&page));
    EXPECT(!has(&page, "process_open_fds") && !has(&page, "build_info"));
    page.readings.values[CT_METRIC_BUILD_INFO] = 1;
    page.readings.values[CT_METRIC_OPEN_FDS] = 12;
    page.readings.values[CT_METRIC_START_TIME] = INT64_C(1795367726050000);
    page.readings.values[CT_METRIC_CPU_SECONDS] = 3000000;
    TRY(page_print(&page));
    EXPECT(has(&page, "# TYPE process_open_fds gauge\nprocess_open_fds 12\n"));
    EXPECT(has(&page, "\nprocess_start_time_seconds 1795367726.05\n"));
    EXPECT(has(&page, "\nprocess_cpu_seconds_total 3\n"));
    EXPECT(has(&page, "\ncloud_telephony_build_info{version=\"" CT_VERSION "\"} 1\n"));
out:
    page_close(&page);
    return result;
}

/* Every row stands in the documentation once. */
static enum ct_result test_the_documentation(void)
{
    enum ct_result result = CT_OK;
    char *text = NULL;
    size_t size = 0;
    char name[128];

    FILE *out = open_memstream(&text, &size);
    TRY_MEMORY(out);
    ct_metrics_explain(out, true);
    bool whole = ferror(out) == 0;
    if (fclose(out) != 0 || !whole)
        result = CT_NOMEM;
    if (result != CT_OK)
        goto out;
    for (size_t i = 0; i < CT_METRIC_TABLE_END; i++) {
        const struct ct_metric_row *row = &ct_metric_rows[i];
        (void)snprintf(name, sizeof(name), "| `%s` |", row->name);
        const char *at = strstr(text, name);
        EXPECT(at != NULL && strstr(at + 1, name) == NULL);
        EXPECT(row->labels[0] == '\0' || strstr(at, row->labels) != NULL);
    }
    EXPECT(strstr(text, "(seconds) 0.0001, 0.00025,") != NULL);
out:
    free(text);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_requests),
        CT_UNIT(test_rows_of_one_name_have_one_head),
        CT_UNIT(test_readings),
        CT_UNIT(test_the_documentation),
    };
    return ct_unit_main("ops/metrics_text", units, sizeof(units) / sizeof(units[0]));
}
