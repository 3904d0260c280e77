#include "events/service.h"

#include "events/events.h"
#include "events/webhooks.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

/* After a commit, of this process or another one. */
static void touched(void *ctx, unsigned what)
{
    const struct ct_events *events = ctx;
    if ((what & CT_TOUCHED_EVENTS) == 0)
        return;
    ct_event_streams_wake(events->streams);
    ct_courier_wake(events->courier);
}

enum ct_result ct_events_start(const struct ct_events_options *options, struct ct_events *events)
{
    const struct ct_config *config = options->config;
    const struct ct_event_streams_options streaming = {.store = options->store,
                                                       .accounts = options->accounts,
                                                       .log = options->log,
                                                       .metrics = options->metrics,
                                                       .most = config->event_streams_max,
                                                       .most_per_account =
                                                           config->event_streams_per_account};
    const struct ct_courier_options sending = {.store = options->store,
                                               .log = options->log,
                                               .metrics = options->metrics,
                                               .networks = config->webhook_private_addresses,
                                               .keep_ms = config->events_keep_days * DAY_MS};
    *events = (struct ct_events){.store = options->store};
    enum ct_result result = ct_event_streams_new(&streaming, &events->streams);
    if (result == CT_OK)
        result = ct_courier_new(&sending, &events->courier);
    if (result == CT_OK)
        ct_store_watch(options->store, touched, events);
    else
        ct_events_stop(events);
    return result;
}

void ct_events_stop(struct ct_events *events)
{
    if (events->store != NULL)
        ct_store_unwatch(events->store, events);
    ct_courier_free(events->courier);
    ct_event_streams_free(events->streams);
    *events = (struct ct_events){0};
}

enum ct_result ct_events_forget_account(struct ct_call *call)
{
    enum ct_result result = ct_webhook_forget_account(call->db, call->user_id);
    return result == CT_OK ? ct_event_forget_account(call->db, call->user_id) : result;
}
