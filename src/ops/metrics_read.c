#include "ops/metrics_text.h"
#include "ops/process.h"

static void read_store(struct ct_store *store, int64_t *values)
{
    struct ct_store_state state;
    ct_store_look(store, &state);
    values[CT_METRIC_WRITE_QUEUE] = (int64_t)state.waiting;
    values[CT_METRIC_WRITE_QUEUE_MAX] = (int64_t)state.waiting_max;
    if (state.database_bytes >= 0)
        values[CT_METRIC_DATABASE_BYTES] = state.database_bytes;
    if (state.log_bytes >= 0)
        values[CT_METRIC_DATABASE_LOG_BYTES] = state.log_bytes;
}

static void read_process(int64_t started_us, int64_t *values)
{
    struct ct_process process;
    ct_process_look(&process);
    const struct {
        enum ct_metric row;
        int64_t value;
    } readings[] = {
        {CT_METRIC_CPU_SECONDS, process.cpu_us},
        {CT_METRIC_START_TIME, started_us},
        {CT_METRIC_RESIDENT_BYTES, process.resident_bytes},
        {CT_METRIC_VIRTUAL_BYTES, process.virtual_bytes},
        {CT_METRIC_THREADS, process.threads},
        {CT_METRIC_OPEN_FDS, process.open_fds},
        {CT_METRIC_MAX_FDS, process.max_fds},
    };
    for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
        if (readings[i].value >= 0)
            values[readings[i].row] = readings[i].value;
    }
}

void ct_ops_read(const struct ct_ops *ops, const struct ct_config *config, struct ct_readings *out)
{
    int64_t *values = out->values;
    for (size_t i = 0; i < CT_METRIC_TABLE_END; i++)
        values[i] = CT_NO_READING;
    values[CT_METRIC_BUILD_INFO] = 1;
    values[CT_METRIC_READY] = ct_readiness_ask(ops->readiness) == CT_READY;
    values[CT_METRIC_CONNECTIONS_MAX] = config->max_connections;
    values[CT_METRIC_HASHING_QUEUE] = (int64_t)ct_pool_waiting(ops->hashing);
    values[CT_METRIC_HASHING_QUEUE_MAX] = (int64_t)ops->hashing_max;
    read_store(ops->store, values);
    read_process(ops->started_us, values);
}
