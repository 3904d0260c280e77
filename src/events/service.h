#ifndef CT_EVENTS_SERVICE_H
#define CT_EVENTS_SERVICE_H

#include <stddef.h>

#include "accounts/accounts.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "config/config.h"
#include "events/courier.h"
#include "events/streams.h"
#include "http/route.h"
#include "store/store.h"

/** The room's state: what makes events heard while the program serves. All zero where nothing is served. */
struct ct_events {
    struct ct_store *store;
    struct ct_event_streams *streams;
    struct ct_courier *courier;
};

struct ct_events_options {
    const struct ct_config *config;
    struct ct_store *store;
    struct ct_accounts *accounts;
    struct ct_log *log;         /* may be NULL */
    struct ct_metrics *metrics; /* may be NULL */
};

/** Starts streams and webhooks; all is borrowed until ct_events_stop, and @p events must not move. CT_NOMEM. */
CT_CHECKED enum ct_result ct_events_start(const struct ct_events_options *options,
                                          struct ct_events *events);
/** Comes after the server and before the store. All zero is allowed. */
void ct_events_stop(struct ct_events *events);

/** Deletes what an account that ends has in this room; the call's user is the account. */
CT_CHECKED enum ct_result ct_events_forget_account(struct ct_call *call);

/* The routes. The room of all of them is a struct ct_events. */
/** GET /events. */
extern const struct ct_route ct_events_routes[];
extern const size_t ct_events_route_count;
/** POST, GET /webhooks, DELETE /webhooks/{id}, POST /webhooks/{id}/test. */
extern const struct ct_route ct_webhooks_routes[];
extern const size_t ct_webhooks_route_count;
/** GET /webhooks/{id}/deliveries, GET /webhook_deliveries/{id}, POST /webhook_deliveries/{id}/replay. */
extern const struct ct_route ct_deliveries_routes[];
extern const size_t ct_deliveries_route_count;

#endif
