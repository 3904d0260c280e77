#include "base/metrics.h"

#include <assert.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* More processors than this share cells. */
#define SHARDS_MAX 16
/* A cache line and the one that is fetched with it: what two processors write must not be closer. */
#define LINE_BYTES 128
#define BUCKETS (CT_METRIC_BOUNDS + 1)
#define HISTOGRAM_CELLS (BUCKETS + 1) /* and the sum */

const struct ct_metric_row ct_metric_rows[CT_METRIC_TABLE_END] = {
#define TYPE_COUNTER CT_METRIC_COUNTER
#define TYPE_GAUGE CT_METRIC_GAUGE
#define TYPE_HISTOGRAM CT_METRIC_HISTOGRAM_TYPE
#define ROW(source, id, type, unit, name, labels, help) \
    [CT_METRIC_##id] = {source, TYPE_##type, CT_METRIC_##unit, name, labels, help},
#define CT_METRIC_ROUTES(...) ROW(CT_FROM_ROUTES, __VA_ARGS__)
#define CT_METRIC_COUNTED(...) ROW(CT_FROM_COUNTED, __VA_ARGS__)
#define CT_METRIC_HISTOGRAM(...) ROW(CT_FROM_HISTOGRAM, __VA_ARGS__)
#define CT_METRIC_READ(...) ROW(CT_FROM_READ, __VA_ARGS__)
#include "base/metrics.def"
};

/* Where the cells of a row are in a shard; 0 is that of a row without any. */
enum {
    NO_CELL,
#define CT_METRIC_COUNTED(id, ...) CELL_##id,
#include "base/metrics.def"
    COUNTED_END,
#define CT_METRIC_HISTOGRAM(id, ...) CELL_##id, CELL_##id##_END = CELL_##id + HISTOGRAM_CELLS - 1,
#include "base/metrics.def"
    CELLS_OF_ROWS
};

static const uint16_t cells[CT_METRIC_TABLE_END] = {
#define CT_METRIC_COUNTED(id, ...) [CT_METRIC_##id] = CELL_##id,
#define CT_METRIC_HISTOGRAM(id, ...) [CT_METRIC_##id] = CELL_##id,
#include "base/metrics.def"
};

/* The most frequent ones first: they are looked for in this order. */
static const uint16_t statuses[] = {200, 201, 204, 401, 404, 429, 503, 202, 304,
                                    307, 403, 405, 409, 411, 412, 413, 414, 415,
                                    422, 431, 499, 501, 505, 100, 300, 400, 500};
#define STATUSES (sizeof(statuses) / sizeof(statuses[0]))
#define ROUTE_CELLS (STATUSES + (size_t)CT_METRIC_CLASSES * HISTOGRAM_CELLS)

typedef _Atomic int64_t cell;

struct ct_metrics {
    const struct ct_metric_route *routes;
    size_t route_count; /* and one more for what is none */
    unsigned shard_mask;
    size_t shard_cells;
    void *memory;
    cell *first; /* on a line's beginning */
};

static const struct ct_metric_route no_route = {"-", "-"};

/* A power of two. */
static size_t shard_count(void)
{
    cpu_set_t set;
    size_t processors =
        sched_getaffinity(0, sizeof(set), &set) == 0 ? (size_t)CPU_COUNT(&set) : SHARDS_MAX;
    size_t count = 1;
    while (count < processors && count < SHARDS_MAX)
        count *= 2;
    return count;
}

enum ct_result ct_metrics_new(const struct ct_metric_route *routes, size_t count,
                              struct ct_metrics **out)
{
    const size_t per_line = LINE_BYTES / sizeof(cell);
    size_t shards = shard_count();
    size_t shard_cells = CELLS_OF_ROWS + (count + 1) * ROUTE_CELLS;
    shard_cells = (shard_cells + per_line - 1) / per_line * per_line;
    struct ct_metrics *metrics = calloc(1, sizeof(*metrics));
    if (metrics == NULL)
        return CT_NOMEM;
    /* Memory of this size comes from the kernel, zeroed: only what is used takes any. */
    metrics->memory = calloc(1, shards * shard_cells * sizeof(cell) + LINE_BYTES);
    if (metrics->memory == NULL) {
        free(metrics);
        return CT_NOMEM;
    }
    metrics->first =
        (cell *)(((uintptr_t)metrics->memory + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES);
    metrics->routes = routes;
    metrics->route_count = count;
    metrics->shard_mask = (unsigned)shards - 1;
    metrics->shard_cells = shard_cells;
    *out = metrics;
    return CT_OK;
}

void ct_metrics_free(struct ct_metrics *metrics)
{
    if (metrics == NULL)
        return;
    free(metrics->memory);
    free(metrics);
}

/* ---- recording ---- */

/* The cells of the processor that this thread is on. When it moves right now, two add to one cell: that is
 * slower, and as right. Without an answer (-1) it is any. */
static cell *own_cells(struct ct_metrics *metrics)
{
    return metrics->first + ((unsigned)sched_getcpu() & metrics->shard_mask) * metrics->shard_cells;
}

static void add(cell *to, int64_t amount)
{
    (void)atomic_fetch_add_explicit(to, amount, memory_order_relaxed);
}

static void observe(cell *histogram, const int64_t *bounds, int64_t amount)
{
    size_t bucket = 0;
    while (bucket < CT_METRIC_BOUNDS && amount > bounds[bucket])
        bucket++;
    add(&histogram[bucket], 1);
    add(&histogram[BUCKETS], amount);
}

const int64_t *ct_metrics_bounds(enum ct_metric_unit unit)
{
    static const int64_t durations_us[CT_METRIC_BOUNDS] = {100,    250,    500,     1000,   2500,
                                                           5000,   10000,  25000,   50000,  100000,
                                                           250000, 500000, 1000000, 5000000};
    static const int64_t sizes[CT_METRIC_BOUNDS] = {1,   2,   4,   8,    16,   32,   64,
                                                    128, 256, 512, 1024, 2048, 4096, 8192};
    return unit == CT_METRIC_SECONDS ? durations_us : sizes;
}

void ct_metrics_add(struct ct_metrics *metrics, enum ct_metric row, int64_t amount)
{
    if (metrics == NULL)
        return;
    size_t at = cells[row];
    assert(at != NO_CELL && at < COUNTED_END);
    add(own_cells(metrics) + at, amount);
}

void ct_metrics_observe(struct ct_metrics *metrics, enum ct_metric row, int64_t amount)
{
    if (metrics == NULL)
        return;
    size_t at = cells[row];
    assert(at >= COUNTED_END);
    observe(own_cells(metrics) + at, ct_metrics_bounds(ct_metric_rows[row].unit), amount);
}

static size_t index_of(int status)
{
    for (size_t i = 0; i < STATUSES; i++) {
        if (statuses[i] == status)
            return i;
    }
    assert(status >= 100 && status < 600);
    return index_of(status / 100 * 100);
}

static size_t cells_of_route(const struct ct_metrics *metrics, size_t route)
{
    size_t at = route < metrics->route_count ? route : metrics->route_count;
    return CELLS_OF_ROWS + at * ROUTE_CELLS;
}

static size_t cells_of_class(size_t class)
{
    return STATUSES + class * HISTOGRAM_CELLS;
}

void ct_metrics_request(struct ct_metrics *metrics, const struct ct_metric_request *request)
{
    if (metrics == NULL)
        return;
    int status = request->status;
    assert(status >= 100 && status < 600);
    cell *own = own_cells(metrics);
    if (request->body_bytes > 0)
        add(&own[CELL_REQUEST_BYTES], (int64_t)request->body_bytes);
    if (request->reply_bytes > 0)
        add(&own[CELL_REPLY_BYTES], (int64_t)request->reply_bytes);
    own += cells_of_route(metrics, request->route);
    add(&own[index_of(status)], 1);
    observe(own + cells_of_class((size_t)status / 100 - 1), ct_metrics_bounds(CT_METRIC_SECONDS),
            request->duration_us);
}

/* ---- reading ---- */

static int64_t total(const struct ct_metrics *metrics, size_t at)
{
    int64_t sum = 0;
    for (size_t shard = 0; shard <= metrics->shard_mask; shard++)
        sum += atomic_load_explicit(&metrics->first[shard * metrics->shard_cells + at],
                                    memory_order_relaxed);
    return sum;
}

static void read_histogram(const struct ct_metrics *metrics, size_t at, struct ct_histogram *out)
{
    int64_t count = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        count += total(metrics, at + i);
        out->at_most[i] = count;
    }
    out->sum = total(metrics, at + BUCKETS);
}

int64_t ct_metrics_value(const struct ct_metrics *metrics, enum ct_metric row)
{
    assert(ct_metric_rows[row].source == CT_FROM_COUNTED);
    return metrics == NULL ? 0 : total(metrics, cells[row]);
}

void ct_metrics_histogram(const struct ct_metrics *metrics, enum ct_metric row,
                          struct ct_histogram *out)
{
    assert(ct_metric_rows[row].source == CT_FROM_HISTOGRAM);
    *out = (struct ct_histogram){.sum = 0};
    if (metrics != NULL)
        read_histogram(metrics, cells[row], out);
}

size_t ct_metrics_route_count(const struct ct_metrics *metrics)
{
    return metrics == NULL ? 0 : metrics->route_count + 1;
}

const struct ct_metric_route *ct_metrics_route(const struct ct_metrics *metrics, size_t route)
{
    return route < metrics->route_count ? &metrics->routes[route] : &no_route;
}

int ct_metrics_status(size_t index)
{
    return index < STATUSES ? statuses[index] : 0;
}

int64_t ct_metrics_requests(const struct ct_metrics *metrics, size_t route, size_t index)
{
    assert(index < STATUSES);
    return total(metrics, cells_of_route(metrics, route) + index);
}

void ct_metrics_durations(const struct ct_metrics *metrics, size_t route, size_t class,
                          struct ct_histogram *out)
{
    assert(class < CT_METRIC_CLASSES);
    read_histogram(metrics, cells_of_route(metrics, route) + cells_of_class(class), out);
}
