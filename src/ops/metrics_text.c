#include "ops/metrics_text.h"

#include <string.h>

/* The rows of one name: `# HELP` and `# TYPE` come before the first of its lines. */
struct family {
    struct ct_buf *out;
    const struct ct_metric_row *row;
    const char *told; /* whose name has its head already */
};

static const char *type_word(enum ct_metric_type type)
{
    switch (type) {
    case CT_METRIC_COUNTER:
        return "counter";
    case CT_METRIC_GAUGE:
        return "gauge";
    case CT_METRIC_HISTOGRAM_TYPE:
        break;
    }
    return "histogram";
}

static void put_head(struct family *family)
{
    const struct ct_metric_row *row = family->row;
    if (family->told != NULL && strcmp(family->told, row->name) == 0)
        return;
    family->told = row->name;
    ct_buf_printf(family->out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                  type_word(row->type));
}

/* Microseconds as seconds, without zeros at the end. */
static void put_seconds(struct ct_buf *out, int64_t us)
{
    int64_t fraction = us % 1000000;
    int width = 6;
    ct_buf_int(out, us / 1000000);
    if (fraction == 0)
        return;
    for (; fraction % 10 == 0; fraction /= 10)
        width--;
    ct_buf_char(out, '.');
    ct_buf_digits(out, fraction, width);
}

static void put_amount(struct ct_buf *out, enum ct_metric_unit unit, int64_t amount)
{
    if (unit == CT_METRIC_SECONDS)
        put_seconds(out, amount);
    else
        ct_buf_int(out, amount);
}

/* The beginning of a line. */
static void put_name(struct family *family, const char *suffix, struct ct_str labels)
{
    ct_buf_text(family->out, family->row->name);
    ct_buf_text(family->out, suffix);
    if (labels.len > 0) {
        ct_buf_char(family->out, '{');
        ct_buf_str(family->out, labels);
        ct_buf_char(family->out, '}');
    }
    ct_buf_char(family->out, ' ');
}

static void put_sample(struct family *family, struct ct_str labels, int64_t value)
{
    put_head(family);
    put_name(family, "", labels);
    put_amount(family->out, family->row->unit, value);
    ct_buf_char(family->out, '\n');
}

/* @p bound NULL: infinity. */
static void put_bucket(struct family *family, struct ct_str labels, const int64_t *bound,
                       int64_t count)
{
    struct ct_buf *out = family->out;
    ct_buf_text(out, family->row->name);
    ct_buf_text(out, "_bucket{");
    ct_buf_str(out, labels);
    ct_buf_text(out, labels.len > 0 ? ",le=\"" : "le=\"");
    if (bound == NULL)
        ct_buf_text(out, "+Inf");
    else
        put_amount(out, family->row->unit, *bound);
    ct_buf_text(out, "\"} ");
    ct_buf_int(out, count);
    ct_buf_char(out, '\n');
}

static void put_histogram(struct family *family, struct ct_str labels,
                          const struct ct_histogram *histogram)
{
    const int64_t *bounds = ct_metrics_bounds(family->row->unit);
    int64_t count = histogram->at_most[CT_METRIC_BOUNDS];
    put_head(family);
    for (size_t i = 0; i < CT_METRIC_BOUNDS; i++)
        put_bucket(family, labels, &bounds[i], histogram->at_most[i]);
    put_bucket(family, labels, NULL, count);
    put_name(family, "_sum", labels);
    put_amount(family->out, family->row->unit, histogram->sum);
    ct_buf_char(family->out, '\n');
    put_name(family, "_count", labels);
    ct_buf_int(family->out, count);
    ct_buf_char(family->out, '\n');
}

/* The labels of a route and of how its requests were answered. */
static struct ct_str labels_of(struct family *family, const struct ct_metric_route *route,
                               const char *what, int status, const char *behind)
{
    struct ct_buf labels = ct_buf_in(family->out->arena);
    ct_buf_printf(&labels, "method=\"%s\",route=\"%s\",%s=\"%d%s\"", route->method, route->pattern,
                  what, status, behind);
    family->out->failed = family->out->failed || labels.failed;
    return ct_buf_done(&labels);
}

static void put_requests(struct family *family, const struct ct_metrics *metrics, size_t route)
{
    for (size_t i = 0; ct_metrics_status(i) != 0; i++) {
        int64_t count = ct_metrics_requests(metrics, route, i);
        if (count > 0)
            put_sample(family,
                       labels_of(family, ct_metrics_route(metrics, route), "status",
                                 ct_metrics_status(i), ""),
                       count);
    }
}

static void put_durations(struct family *family, const struct ct_metrics *metrics, size_t route)
{
    for (size_t class = 0; class < CT_METRIC_CLASSES; class ++) {
        struct ct_histogram histogram;
        ct_metrics_durations(metrics, route, class, &histogram);
        if (histogram.at_most[CT_METRIC_BOUNDS] > 0)
            put_histogram(
                family,
                labels_of(family, ct_metrics_route(metrics, route), "class", (int)class + 1, "xx"),
                &histogram);
    }
}

static void put_routes(struct family *family, const struct ct_metrics *metrics)
{
    for (size_t route = 0; route < ct_metrics_route_count(metrics); route++) {
        if (family->row->type == CT_METRIC_COUNTER)
            put_requests(family, metrics, route);
        else
            put_durations(family, metrics, route);
    }
}

void ct_metrics_print(const struct ct_metrics *metrics, const struct ct_readings *readings,
                      struct ct_buf *out)
{
    struct family family = {.out = out};
    for (size_t i = 0; i < CT_METRIC_TABLE_END; i++) {
        const struct ct_metric_row *row = &ct_metric_rows[i];
        struct ct_str labels = ct_str_of(row->labels);
        struct ct_histogram histogram;
        family.row = row;
        switch (row->source) {
        case CT_FROM_ROUTES:
            put_routes(&family, metrics);
            break;
        case CT_FROM_COUNTED:
            put_sample(&family, labels, ct_metrics_value(metrics, (enum ct_metric)i));
            break;
        case CT_FROM_HISTOGRAM:
            ct_metrics_histogram(metrics, (enum ct_metric)i, &histogram);
            put_histogram(&family, labels, &histogram);
            break;
        case CT_FROM_READ:
            if (readings->values[i] != CT_NO_READING)
                put_sample(&family, labels, readings->values[i]);
            break;
        }
    }
}

/* ---- what they mean ---- */

static const char MARKDOWN_HEAD[] =
    "# Metrics\n"
    "\n"
    "<!-- Written by `cloud-telephony metrics --markdown` from src/base/metrics.def. -->\n"
    "\n"
    "What `GET /metrics` tells, in Prometheus' text format 0.0.4. Who may read it, METRICS_ALLOW "
    "says\n"
    "([settings.md](settings.md#metrics_allow)); [operations.md](operations.md#watching-it) says "
    "what to watch.\n"
    "A `route` is the pattern of a path such as `/phone_numbers/{id}`, with the `method` that it "
    "is "
    "registered\n"
    "for (HEAD counts as GET); both are `-` for requests that led to no route. Counters begin anew "
    "with the\n"
    "server. A line of a request appears with its first answer; it is counted when that has been "
    "sent.\n"
    "\n"
    "| name | type | labels | means |\n"
    "|---|---|---|---|\n";

static void print_labels(FILE *out, const struct ct_metric_row *row)
{
    /* Rows of one name differ in their labels alone. */
    const struct ct_metric_row *end = &ct_metric_rows[CT_METRIC_TABLE_END];
    for (const struct ct_metric_row *at = row; at < end && strcmp(at->name, row->name) == 0; at++) {
        if (at->labels[0] != '\0')
            (void)fprintf(out, "%s`%s`", at == row ? "" : "<br>", at->labels);
    }
}

static void print_row(FILE *out, const struct ct_metric_row *row, bool markdown)
{
    if (!markdown) {
        (void)fprintf(out, "%s (%s)\n    %s\n", row->name, type_word(row->type), row->help);
        return;
    }
    (void)fprintf(out, "| `%s` | %s | ", row->name, type_word(row->type));
    print_labels(out, row);
    (void)fprintf(out, " | %s |\n", row->help);
}

static void print_bounds(FILE *out, const char *of, enum ct_metric_unit unit)
{
    (void)fprintf(out, "%s", of);
    for (size_t i = 0; i < CT_METRIC_BOUNDS; i++) {
        int64_t bound = ct_metrics_bounds(unit)[i];
        (void)fprintf(out, "%s", i == 0 ? " " : ", ");
        if (unit == CT_METRIC_SECONDS)
            (void)fprintf(out, "%g", (double)bound / 1e6);
        else
            (void)fprintf(out, "%lld", (long long)bound);
    }
    (void)fprintf(out, ".\n");
}

void ct_metrics_explain(FILE *out, bool markdown)
{
    if (markdown)
        (void)fputs(MARKDOWN_HEAD, out);
    for (size_t i = 0; i < CT_METRIC_TABLE_END; i++) {
        const struct ct_metric_row *row = &ct_metric_rows[i];
        if (i == 0 || strcmp(row[-1].name, row->name) != 0)
            print_row(out, row, markdown);
    }
    if (!markdown)
        return;
    print_bounds(out, "\nThe buckets of durations end at (seconds)", CT_METRIC_SECONDS);
    print_bounds(out, "\nThose of amounts end at", CT_METRIC_COUNT);
}
