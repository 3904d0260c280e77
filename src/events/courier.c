#include "events/courier.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "events/deliveries.h"
#include "events/events.h"
#include "events/signature.h"
#include "events/tidy.h"
#include "events/webhook.h"

/* How often the database is looked at without a reason: what other nodes wrote, what has become due. */
#define LOOK_MS 1000
/* And how soon again with one, so that a burst of events is one look. */
#define REST_MS 5
#define TIDY_MS 10000
/* How long what is on its way may take once the server stops. */
#define FAREWELL_MS 2000
/* Webhooks with something to do that are looked at in one turn. */
#define WEBHOOKS 128

/* A delivery that was taken, until what came of it is written down. */
struct errand {
    struct errand *next;
    struct ct_arena *arena; /* its own, and that of its texts */
    int64_t webhook_id;
    int64_t give_up_at;
    bool ended;
    struct ct_attempt attempt;
};

struct ct_courier {
    struct ct_courier_options options;
    struct ct_webhook_sender *sender;
    struct errand *errands;
    size_t count;
    int64_t seen_id;      /* events up to here need no delivery any more */
    int64_t last_webhook; /* whose turn it was last */
    int64_t looked_ms;    /* when the database was last looked at */
    int64_t tidied_ms;
    bool again; /* there is more to do at once */
    _Atomic bool touched;
    _Atomic bool stopping;
    pthread_t thread;
    bool has_thread;
};

/* ---- what has ended ---- */

static uint32_t chance(void)
{
    uint32_t number = 0;
    if (ct_random_bytes(&number, sizeof(number)) != CT_OK)
        return 0; /* then all wait as long */
    return number;
}

static void fail(struct errand *errand, int64_t now_ms, int64_t asked_ms)
{
    struct ct_attempt *attempt = &errand->attempt;
    int64_t due_at = now_ms + ct_delivery_wait_ms(attempt->attempts, chance(), asked_ms);
    bool last = due_at > errand->give_up_at;
    attempt->state =
        ct_delivery_next(CT_DELIVERY_SENDING, last ? CT_DELIVERY_GIVE_UP : CT_DELIVERY_FAIL);
    attempt->due_at = due_at;
}

static void take_outcomes(struct ct_courier *courier, int64_t now_ms)
{
    for (;;) {
        struct ct_arena *arena = ct_arena_new();
        struct ct_webhook_outcome outcome;
        if (arena == NULL || !ct_webhook_next(courier->sender, arena, &outcome)) {
            ct_arena_free(arena);
            return;
        }
        struct errand *errand = outcome.ctx;
        struct ct_attempt *attempt = &errand->attempt;
        errand->ended = true;
        attempt->duration_ms = outcome.duration_ms;
        attempt->reply_status = outcome.status;
        /* For want of memory the record lacks them, and nothing else. */
        attempt->reply_headers = (struct ct_str){ct_str_dup(errand->arena, outcome.reply_headers),
                                                 outcome.reply_headers.len};
        attempt->reply_body =
            (struct ct_str){ct_str_dup(errand->arena, outcome.reply_body), outcome.reply_body.len};
        bool good = outcome.status >= 200 && outcome.status <= 299 && outcome.error.len == 0;
        if (good)
            attempt->state = ct_delivery_next(CT_DELIVERY_SENDING, CT_DELIVERY_ANSWERED);
        else
            fail(errand, now_ms, outcome.retry_after_ms);
        if (!good)
            attempt->error = ct_str_of(
                outcome.error.len > 0
                    ? ct_str_dup(errand->arena, outcome.error)
                    : ct_arena_printf(errand->arena, "answered with %lld, which is not 200 to 299",
                                      (long long)outcome.status));
        if (attempt->reply_headers.at == NULL)
            attempt->reply_headers.len = 0;
        if (attempt->reply_body.at == NULL)
            attempt->reply_body.len = 0;
        ct_metrics_observe(courier->options.metrics, CT_METRIC_WEBHOOK_ATTEMPT,
                           outcome.duration_ms * 1000);
        ct_arena_free(arena);
    }
}

static enum ct_result settle_all(void *ctx, struct ct_db *db)
{
    enum ct_result result = CT_OK;
    for (struct errand *errand = ctx; errand != NULL && result == CT_OK; errand = errand->next) {
        if (errand->ended)
            result = ct_delivery_settle(db, &errand->attempt);
    }
    return result;
}

static void count_ended(struct ct_courier *courier, const struct errand *errand)
{
    enum ct_metric metric =
        errand->attempt.state == CT_DELIVERY_DELIVERED ? CT_METRIC_WEBHOOKS_DELIVERED
        : errand->attempt.state == CT_DELIVERY_FAILED  ? CT_METRIC_WEBHOOKS_GIVEN_UP
                                                       : CT_METRIC_WEBHOOKS_TO_REPEAT;
    ct_metrics_add(courier->options.metrics, metric, 1);
    ct_metrics_add(courier->options.metrics, CT_METRIC_WEBHOOKS_ON_THEIR_WAY, -1);
}

static void complain(struct ct_courier *courier, enum ct_result result)
{
    /* A full queue or disk is said by those who wait for it; this is done later. */
    if (result != CT_OK && result != CT_BUSY && result != CT_UNAVAILABLE)
        CT_LOG(courier->options.log, CT_LOG_ERROR, "webhooks_failed",
               CT_F_TEXT("why", ct_result_text(result)));
}

/* Writes down what has ended; what cannot be written now is written later. */
static void settle(struct ct_courier *courier)
{
    bool any = false;
    for (const struct errand *errand = courier->errands; errand != NULL; errand = errand->next)
        any = any || errand->ended;
    if (!any)
        return;
    enum ct_result result = ct_store_write(courier->options.store, settle_all, courier->errands);
    complain(courier, result);
    if (result != CT_OK)
        return;
    courier->again = true; /* others of the same subject, or webhook, may go now */
    for (struct errand **link = &courier->errands; *link != NULL;) {
        struct errand *errand = *link;
        if (!errand->ended) {
            link = &errand->next;
            continue;
        }
        *link = errand->next;
        courier->count--;
        count_ended(courier, errand);
        ct_arena_free(errand->arena);
    }
}

/* ---- what is to be sent ---- */

static bool add_line(struct ct_buf *text, struct ct_str *line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A header, in a text that keeps all of them a line each. */
static bool add_line(struct ct_buf *text, struct ct_str *line, const char *format, ...)
{
    struct ct_buf one = ct_buf_in(text->arena);
    va_list args;
    va_start(args, format);
    ct_buf_vprintf(&one, format, args);
    va_end(args);
    *line = ct_buf_done(&one);
    if (text->len > 0)
        ct_buf_char(text, '\n');
    ct_buf_str(text, *line);
    return !one.failed && !text->failed;
}

static enum ct_result dispatch(struct ct_courier *courier, struct errand *errand,
                               const struct ct_parcel *parcel, int64_t now_ms)
{
    struct ct_str signature;
    struct ct_str lines[5];
    int64_t now_s = now_ms / 1000;
    enum ct_result result =
        ct_webhook_sign(errand->arena, parcel->secret, parcel->id, now_s, parcel->body, &signature);
    if (result != CT_OK)
        return result;
    struct ct_buf text = ct_buf_in(errand->arena);
    if (!add_line(&text, &lines[0], "Content-Type: application/json") ||
        !add_line(&text, &lines[1], "webhook-id: %lld", (long long)parcel->id) ||
        !add_line(&text, &lines[2], "webhook-timestamp: %lld", (long long)now_s) ||
        !add_line(&text, &lines[3], "webhook-signature: %s", signature.at))
        return CT_NOMEM;
    errand->attempt.request_headers = ct_buf_done(&text);
    lines[4] = CT_STR("Expect:"); /* a body is not asked for twice */
    const struct ct_webhook_request request = {.url = parcel->url,
                                               .headers = lines,
                                               .header_count = sizeof(lines) / sizeof(lines[0]),
                                               .body = parcel->body,
                                               .ctx = errand};
    return text.failed ? CT_NOMEM : ct_webhook_send(courier->sender, &request);
}

/* What cannot be begun, for want of memory, is taken again when its time is over. */
static void begin(struct ct_courier *courier, const struct ct_parcel *parcel, int64_t now_ms)
{
    struct ct_arena *arena = ct_arena_new();
    struct errand *errand = arena == NULL ? NULL : ct_arena_alloc(arena, sizeof(*errand));
    if (errand == NULL) {
        ct_arena_free(arena);
        return;
    }
    errand->arena = arena;
    errand->webhook_id = parcel->webhook_id;
    errand->give_up_at = parcel->give_up_at;
    errand->attempt = (struct ct_attempt){.id = parcel->id, .attempts = parcel->attempts};
    enum ct_result result = dispatch(courier, errand, parcel, now_ms);
    if (result != CT_OK) {
        complain(courier, result);
        ct_arena_free(arena);
        return;
    }
    errand->next = courier->errands;
    courier->errands = errand;
    courier->count++;
    ct_metrics_add(courier->options.metrics, CT_METRIC_WEBHOOKS_ON_THEIR_WAY, 1);
}

static size_t count_of(const struct ct_courier *courier, int64_t webhook_id)
{
    size_t count = 0;
    for (const struct errand *errand = courier->errands; errand != NULL; errand = errand->next)
        count += errand->webhook_id == webhook_id;
    return count;
}

struct taking {
    struct ct_courier *courier;
    int64_t now_ms;
    int64_t webhooks[WEBHOOKS];
    size_t webhook_count;
    struct ct_arena *arena; /* of this attempt of the job */
    struct ct_parcel parcels[CT_COURIER_MOST];
    size_t count;
};

static enum ct_result take_all(void *ctx, struct ct_db *db)
{
    struct taking *taking = ctx;
    ct_arena_free(taking->arena);
    taking->count = 0;
    taking->arena = ct_arena_new();
    enum ct_result result = taking->arena == NULL ? CT_NOMEM : CT_OK;
    for (size_t i = 0; i < taking->webhook_count && result == CT_OK; i++) {
        size_t there = count_of(taking->courier, taking->webhooks[i]);
        size_t room = CT_COURIER_MOST - taking->courier->count - taking->count;
        size_t limit = CT_COURIER_MOST_PER_WEBHOOK - there;
        size_t count = 0;
        if (room == 0)
            break;
        result =
            ct_delivery_take(taking->arena, db, taking->webhooks[i], taking->now_ms,
                             limit < room ? limit : room, &taking->parcels[taking->count], &count);
        taking->count += count;
    }
    return result;
}

/* Keeps the webhooks that may be sent more. */
static void drop_busy(struct taking *taking)
{
    size_t kept = 0;
    for (size_t i = 0; i < taking->webhook_count; i++) {
        if (count_of(taking->courier, taking->webhooks[i]) < CT_COURIER_MOST_PER_WEBHOOK)
            taking->webhooks[kept++] = taking->webhooks[i];
    }
    taking->webhook_count = kept;
}

/* Webhooks are looked at one after the other, so that none waits because of the others. */
static enum ct_result find_webhooks(struct ct_courier *courier, struct ct_db *db,
                                    struct taking *taking)
{
    enum ct_result result = ct_delivery_due(db, taking->now_ms, courier->last_webhook, WEBHOOKS,
                                            taking->webhooks, &taking->webhook_count);
    courier->again = courier->again || taking->webhook_count == WEBHOOKS ||
                     (taking->webhook_count == 0 && courier->last_webhook > 0);
    courier->last_webhook = taking->webhook_count < WEBHOOKS ? 0 : taking->webhooks[WEBHOOKS - 1];
    drop_busy(taking);
    return result;
}

static enum ct_result send_due(struct ct_courier *courier, struct taking *taking)
{
    if (taking->webhook_count == 0 || courier->count == CT_COURIER_MOST)
        return CT_OK;
    /* What could not be sent is not taken, and stays due. */
    enum ct_result result = ct_webhook_load(courier->sender);
    if (result == CT_OK)
        result = ct_store_write(courier->options.store, take_all, taking);
    for (size_t i = 0; i < taking->count && result == CT_OK; i++)
        begin(courier, &taking->parcels[i], taking->now_ms);
    ct_arena_free(taking->arena);
    return result;
}

/* ---- new events ---- */

struct fanning {
    struct ct_courier *courier;
    int64_t now_ms;
    size_t count;
    int64_t seen_id;
    bool more;
};

static enum ct_result fan_out(void *ctx, struct ct_db *db)
{
    struct fanning *fanning = ctx;
    return ct_delivery_fan_out(db, fanning->courier->seen_id, fanning->now_ms, true,
                               &fanning->count, &fanning->seen_id, &fanning->more);
}

static enum ct_result is_any(struct ct_db *db, bool *any)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "SELECT 1 FROM webhooks LIMIT 1", &stmt);
    if (result != CT_OK)
        return result;
    result = ct_step(stmt);
    *any = result == CT_ROW;
    return result == CT_ROW ? CT_OK : result;
}

/* Reads what there is to do, and writes only where there is something. */
static enum ct_result look(struct ct_courier *courier, int64_t now_ms)
{
    struct fanning fanning = {.courier = courier, .now_ms = now_ms};
    struct taking taking = {.courier = courier, .now_ms = now_ms};
    bool any = false;
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(courier->options.store, &db);
    if (result != CT_OK)
        return result;
    result = is_any(db, &any);
    if (result == CT_OK && any)
        result = ct_delivery_fan_out(db, courier->seen_id, now_ms, false, &fanning.count,
                                     &fanning.seen_id, &fanning.more);
    if (result == CT_OK && any)
        result = find_webhooks(courier, db, &taking);
    ct_store_read_end(db);
    if (result != CT_OK || !any)
        return result;
    if (fanning.count > 0) {
        result = ct_store_write(courier->options.store, fan_out, &fanning);
        courier->again = true;
    }
    if (result == CT_OK) {
        courier->seen_id = fanning.seen_id;
        courier->again = courier->again || fanning.more;
    }
    return result == CT_OK ? send_due(courier, &taking) : result;
}

void ct_courier_turn(struct ct_courier *courier, int64_t now_ms)
{
    courier->again = false;
    take_outcomes(courier, now_ms);
    settle(courier);
    enum ct_result result = look(courier, now_ms);
    complain(courier, result);
    /* A clock that was set back is no reason to wait. */
    if (now_ms - courier->tidied_ms < TIDY_MS && now_ms >= courier->tidied_ms)
        return;
    bool more = false;
    result = ct_events_tidy(courier->options.store, courier->options.metrics,
                            now_ms - courier->options.keep_ms, &more);
    complain(courier, result);
    courier->again = courier->again || more;
    if (!more)
        courier->tidied_ms = now_ms;
}

void ct_courier_wait(struct ct_courier *courier, int timeout_ms)
{
    ct_webhook_wait(courier->sender, timeout_ms);
}

size_t ct_courier_count(const struct ct_courier *courier)
{
    return courier->count;
}

/* ---- the thread ---- */

/* What has not ended by now may have arrived or not: it is sent again soon. */
static void take_leave(struct ct_courier *courier)
{
    int64_t until_us = ct_clock_monotonic_us() + FAREWELL_MS * 1000;
    while (ct_webhook_sending(courier->sender) > 0 && ct_clock_monotonic_us() < until_us)
        ct_webhook_wait(courier->sender, 50);
    int64_t now_ms = ct_clock_unix_ms();
    take_outcomes(courier, now_ms);
    for (struct errand *errand = courier->errands; errand != NULL; errand = errand->next) {
        if (errand->ended)
            continue;
        errand->ended = true;
        fail(errand, now_ms, 0);
        errand->attempt.error = CT_STR("the server was stopped before there was an answer");
    }
    settle(courier);
}

static void *run(void *ctx)
{
    struct ct_courier *courier = ctx;
    int64_t looked_us = ct_clock_monotonic_us() - LOOK_MS * 1000;
    while (!atomic_load(&courier->stopping)) {
        int64_t now_us = ct_clock_monotonic_us();
        int64_t since_ms = (now_us - looked_us) / 1000;
        bool wanted = atomic_load(&courier->touched) || courier->again;
        int64_t wait_ms = (wanted ? REST_MS : LOOK_MS) - since_ms;
        if (wait_ms <= 0) {
            atomic_store(&courier->touched, false);
            looked_us = now_us;
            ct_courier_turn(courier, ct_clock_unix_ms());
            wait_ms = courier->again ? REST_MS : LOOK_MS;
        }
        size_t before = ct_webhook_sending(courier->sender);
        ct_webhook_wait(courier->sender, (int)wait_ms);
        take_outcomes(courier, ct_clock_unix_ms());
        courier->again = courier->again || ct_webhook_sending(courier->sender) < before;
    }
    take_leave(courier);
    return NULL;
}

void ct_courier_wake(struct ct_courier *courier)
{
    /* Once is enough until it has looked. */
    if (!atomic_exchange(&courier->touched, true))
        ct_webhook_wake(courier->sender);
}

/* Signals are for the threads that expect them. */
static bool start_thread(struct ct_courier *courier)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    courier->has_thread = pthread_create(&courier->thread, NULL, run, courier) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (courier->has_thread)
        (void)pthread_setname_np(courier->thread, "ct-webhooks");
    return courier->has_thread;
}

enum ct_result ct_courier_new(const struct ct_courier_options *options, struct ct_courier **out)
{
    struct ct_courier *courier = calloc(1, sizeof(*courier));
    if (courier == NULL)
        return CT_NOMEM;
    courier->options = *options;
    const struct ct_webhook_options sending = {
        .networks = options->networks, .log = options->log, .module = options->module};
    if (ct_webhook_sender_new(&sending, &courier->sender) != CT_OK ||
        (!options->still && !start_thread(courier))) {
        ct_courier_free(courier);
        return CT_NOMEM;
    }
    *out = courier;
    return CT_OK;
}

void ct_courier_free(struct ct_courier *courier)
{
    if (courier == NULL)
        return;
    atomic_store(&courier->stopping, true);
    if (courier->sender != NULL)
        ct_webhook_wake(courier->sender);
    if (courier->has_thread)
        pthread_join(courier->thread, NULL);
    ct_webhook_sender_free(courier->sender);
    while (courier->errands != NULL) {
        struct errand *errand = courier->errands;
        courier->errands = errand->next;
        ct_arena_free(errand->arena);
    }
    free(courier);
}
