#include "events/tidy.h"

#include "events/deliveries.h"
#include "events/events.h"

struct round {
    int64_t before_ms;
    size_t events;
    bool more;
};

static enum ct_result tidy(void *ctx, struct ct_db *db)
{
    struct round *round = ctx;
    bool more_events = false;
    bool more_deliveries = false;
    /* Deliveries outlive their events: see ct_delivery_tidy. */
    enum ct_result result = ct_event_tidy(db, round->before_ms, CT_TIDY_ROWS, &round->events);
    more_events = round->events == CT_TIDY_ROWS;
    if (result == CT_OK)
        result = ct_delivery_tidy(db, round->before_ms, CT_TIDY_ROWS, &more_deliveries);
    round->more = more_events || more_deliveries;
    return result;
}

static enum ct_result is_due(struct ct_store *store, int64_t before_ms, bool *due)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(store, &db);
    if (result != CT_OK)
        return result;
    result = ct_event_tidy_is_due(db, before_ms, due);
    if (result == CT_OK && !*due)
        result = ct_delivery_tidy_is_due(db, before_ms, due);
    ct_store_read_end(db);
    return result;
}

enum ct_result ct_events_tidy(struct ct_store *store, struct ct_metrics *metrics, int64_t before_ms,
                              bool *more)
{
    struct round round = {.before_ms = before_ms};
    bool due = false;
    *more = false;
    enum ct_result result = is_due(store, before_ms, &due);
    if (result == CT_OK && due)
        result = ct_store_write(store, tidy, &round);
    if (result != CT_OK)
        return result;
    ct_metrics_add(metrics, CT_METRIC_EVENTS_TIDIED, (int64_t)round.events);
    *more = round.more;
    return CT_OK;
}
