#include "voice/switchboard.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sip/session.h"
#include "sip/write.h"
#include "voice/call_counts.h"
#include "voice/call_log.h"
#include "voice/call_plan.h"
#include "voice/messages.h"
#include "voice/spent.h"
#include "voice/stray.h"

struct order;

struct ct_switchboard {
    struct ct_switchboard_options options;
    struct ct_sip_sessions *sessions;
    struct ct_calls *calls;
    struct ct_call_log *log;
    struct ct_call_planner planner;
    struct ct_call_counts *counts;
    struct ct_messages *messages;
    bool closed;
    bool had_calls;        /* when it was closed */
    bool dialled;          /* the call that is being begun was */
    struct order *waiting; /* for their records */
    struct order *orders;  /* calls that were dialled, and go on */
    atomic_size_t letters; /* under way */
};

/* ---- the records ---- */

static void created(void *ctx, const struct ct_call_facts *facts)
{
    struct ct_switchboard *board = ctx;
    const struct ct_trip *trip = facts->parties.own;
    ct_metrics_add(board->options.metrics, CT_METRIC_CALLS, 1);
    ct_call_counts_began(board->counts, facts->parties.caller_id);
    const struct ct_call_toll *toll =
        trip != NULL && trip->toll.payer_id != 0 && !trip->judged ? &trip->toll : NULL;
    if (ct_call_log_created(board->log, facts, board->dialled, toll) != CT_OK)
        CT_LOG(board->options.log, CT_LOG_ERROR, "call_record_not_written",
               CT_F_TEXT("why", ct_result_text(CT_NOMEM)));
}

static void changed(void *ctx, const struct ct_call_facts *facts)
{
    struct ct_switchboard *board = ctx;
    if (facts->status == CT_CALL_RINGING)
        ct_metrics_observe(board->options.metrics, CT_METRIC_CALL_SETUP,
                           (facts->ringing_ms - facts->started_ms) * 1000);
    ct_call_log_changed(board->log, facts);
}

static void leg(void *ctx, const struct ct_call_facts *facts, struct ct_str call_id)
{
    struct ct_switchboard *board = ctx;
    ct_call_log_leg(board->log, facts->key, call_id);
}

static void judged(void *ctx, const char *key)
{
    struct ct_switchboard *board = ctx;
    /* CT_NOT_FOUND: the caller has not waited for it */
    (void)!ct_calls_decide(board->calls, key, ct_call_plan_decided, &board->planner);
}

/* ---- calls that are dialled ---- */

#define LOOK_AGAIN_MS 200
/* Nobody expects a call any more that was asked for so long ago. */
#define TOO_LATE_MS 15000

struct order {
    struct ct_switchboard *board;
    struct ct_arena *arena; /* of itself */
    struct order *next;
    char key[CT_CALL_KEY_BYTES + 1];
    struct ct_call_order order;
    bool asked;    /* whom it calls, for the record */
    bool found;    /* its record */
    bool unwanted; /* it is to be ended as soon as it has begun */
    enum ct_result outcome;
    int64_t since_ms;
    struct ct_job job;
    struct ct_sip_letter letter;
    struct ct_timer again; /* the store could not say */
};

static void ended(void *ctx, const struct ct_call_facts *facts)
{
    struct ct_switchboard *board = ctx;
    struct order **link = &board->orders;
    static const enum ct_metric rows[CT_CALL_STATUSES] = {
        [CT_CALL_COMPLETED] = CT_METRIC_CALLS_COMPLETED,
        [CT_CALL_BUSY] = CT_METRIC_CALLS_BUSY,
        [CT_CALL_FAILED] = CT_METRIC_CALLS_FAILED,
        [CT_CALL_NO_ANSWER] = CT_METRIC_CALLS_NO_ANSWER,
        [CT_CALL_CANCELED] = CT_METRIC_CALLS_CANCELED};
    ct_metrics_add(board->options.metrics, CT_METRIC_CALLS, -1);
    ct_call_counts_ended(board->counts, facts->parties.caller_id);
    ct_metrics_add(board->options.metrics, rows[facts->status], 1);
    ct_call_log_ended(board->log, facts);
    while (*link != NULL && strcmp((*link)->key, facts->key) != 0)
        link = &(*link)->next;
    if (*link != NULL) {
        struct order *order = *link;
        *link = order->next;
        ct_arena_free(order->arena);
    }
}

static void dial_first(void *ctx, const struct ct_call_facts *facts, struct ct_arena *arena,
                       struct ct_call_route *out)
{
    struct order *order = ctx;
    ct_call_plan_first(&order->order, facts, arena, out);
}

static void dial_second(void *ctx, const struct ct_call_facts *facts, struct ct_arena *arena,
                        struct ct_call_route *out)
{
    struct order *order = ctx;
    ct_call_plan_second(&order->order, facts, arena, out);
    if (order->asked)
        ct_call_log_second(order->board->log, order->key);
    order->asked = true;
}

static enum ct_result look_for_record(void *ctx, struct ct_db *db)
{
    struct order *order = ctx;
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "SELECT 1 FROM calls WHERE call_key = $1 AND ended_at IS NULL", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, ct_str_of(order->key));
    result = ct_step(stmt);
    order->found = result == CT_ROW;
    return result == CT_ROW ? CT_OK : result;
}

static void post(struct ct_switchboard *board, struct ct_sip_letter *letter)
{
    board->options.post.post(board->options.post.ctx, letter);
}

static void looked(void *ctx, enum ct_result result)
{
    struct order *order = ctx;
    order->outcome = result;
    post(order->board, &order->letter);
}

static int64_t now_ms(const struct ct_switchboard *board)
{
    return board->options.env->now_ms(board->options.env->ctx);
}

static void look(struct order *order)
{
    struct ct_switchboard *board = order->board;
    atomic_fetch_add(&board->letters, 1);
    if (ct_store_submit(board->options.store, &order->job) == CT_OK)
        return;
    atomic_fetch_sub(&board->letters, 1);
    ct_timer_start(ct_sip_wheel(board->options.sip), &order->again, LOOK_AGAIN_MS);
}

static void look_again(void *ctx)
{
    look(ctx);
}

static void stop_waiting(struct order *order)
{
    struct order **link = &order->board->waiting;
    while (*link != order)
        link = &(*link)->next;
    *link = order->next;
    ct_timer_stop(&order->again);
}

/* There is a record, and no call that would ever end it. */
static void end_record(const struct order *order)
{
    struct ct_switchboard *board = order->board;
    const int64_t now = board->options.env->unix_ms(board->options.env->ctx);
    const int code = order->unwanted ? 487 : 503;
    struct ct_call_facts facts = {.status = order->unwanted ? CT_CALL_CANCELED : CT_CALL_FAILED,
                                  .parties = {.from = CT_STR(""), .to = CT_STR("")},
                                  .started_ms = now,
                                  .ended_ms = now,
                                  .hangup_by = CT_CALL_SYSTEM,
                                  .sip_code = code,
                                  .reason = ct_sip_reason(code)};
    memcpy(facts.key, order->key, sizeof(facts.key));
    if (ct_call_log_created(board->log, &facts, true, NULL) == CT_OK)
        ct_call_log_ended(board->log, &facts);
}

static enum ct_result begin(struct ct_switchboard *board, struct order *order)
{
    enum ct_result result;
    order->next = board->orders;
    board->orders = order;
    board->dialled = true;
    result = ct_calls_dial(board->calls, order->key, dial_first, dial_second, order);
    board->dialled = false;
    if (result != CT_OK)
        board->orders = order->next;
    return result;
}

static void dial(void *ctx)
{
    struct order *order = ctx;
    struct ct_switchboard *board = order->board;
    atomic_fetch_sub(&board->letters, 1);
    if (order->outcome != CT_OK && order->outcome != CT_BUG && !board->closed) {
        ct_timer_start(ct_sip_wheel(board->options.sip), &order->again, LOOK_AGAIN_MS);
        return;
    }
    stop_waiting(order);
    bool found = order->outcome == CT_OK && order->found;
    bool late = board->closed || now_ms(board) - order->since_ms > TOO_LATE_MS;
    if (found && !late && !order->unwanted && begin(board, order) == CT_OK)
        return;
    if (found)
        end_record(order);
    ct_arena_free(order->arena);
}

static void open_order(void *ctx)
{
    struct order *order = ctx;
    order->next = order->board->waiting;
    order->board->waiting = order;
    order->since_ms = now_ms(order->board);
    order->letter = (struct ct_sip_letter){.open = dial, .ctx = order};
    order->job = (struct ct_job){.run = look_for_record, .done = looked, .ctx = order};
    order->again = (struct ct_timer){.fire = look_again, .ctx = order};
    look(order);
    atomic_fetch_sub(&order->board->letters, 1);
}

struct ct_str ct_switchboard_node(const struct ct_switchboard *board)
{
    return board->options.node;
}

enum ct_result ct_switchboard_dial(struct ct_switchboard *board, const struct ct_dial *wanted)
{
    struct ct_arena *arena = ct_arena_new();
    struct order *order = arena == NULL ? NULL : ct_arena_alloc(arena, sizeof(*order));
    const char *from = order == NULL ? NULL : ct_str_dup(arena, wanted->from);
    const char *to = order == NULL ? NULL : ct_str_dup(arena, wanted->to);
    const char *number = order == NULL ? NULL : ct_str_dup(arena, wanted->toll.number);
    if (from == NULL || to == NULL || number == NULL) {
        ct_arena_free(arena);
        return CT_NOMEM;
    }
    *order = (struct order){.board = board,
                            .arena = arena,
                            .order = {.planner = &board->planner,
                                      .device_id = wanted->device_id,
                                      .from = ct_str_of(from),
                                      .to = ct_str_of(to),
                                      .longest_ms = wanted->longest_ms,
                                      .toll = {wanted->toll.payer_id, ct_str_of(number)}},
                            .letter = {.open = open_order, .ctx = order}};
    memcpy(order->key, wanted->key, sizeof(order->key));
    atomic_fetch_add(&board->letters, 1);
    post(board, &order->letter);
    return CT_OK;
}

/* ---- hanging up ---- */

struct farewell {
    struct ct_switchboard *board;
    struct ct_sip_letter letter;
    char key[CT_CALL_KEY_BYTES + 1];
};

static void open_farewell(void *ctx)
{
    struct farewell *farewell = ctx;
    struct ct_switchboard *board = farewell->board;
    /* CT_NOT_FOUND: it is over, or has not begun */
    if (ct_calls_hang_up(board->calls, farewell->key) != CT_OK)
        for (struct order *order = board->waiting; order != NULL; order = order->next)
            order->unwanted = order->unwanted || strcmp(order->key, farewell->key) == 0;
    free(farewell);
    atomic_fetch_sub(&board->letters, 1);
}

enum ct_result ct_switchboard_hang_up(struct ct_switchboard *board, const char *key)
{
    struct farewell *farewell = calloc(1, sizeof(*farewell));
    if (farewell == NULL)
        return CT_NOMEM;
    farewell->board = board;
    farewell->letter = (struct ct_sip_letter){.open = open_farewell, .ctx = farewell};
    memcpy(farewell->key, key, strnlen(key, CT_CALL_KEY_BYTES));
    atomic_fetch_add(&board->letters, 1);
    post(board, &farewell->letter);
    return CT_OK;
}

/* ---- requests ---- */

static void answer(struct ct_sip_server *transaction, int status, struct ct_str headers)
{
    const struct ct_sip_reply_options options = {.headers = headers, .forget = true};
    (void)!ct_sip_reply(transaction, status, &options);
}

/* False: it has been answered. */
static bool find_peer(struct ct_switchboard *board, struct ct_sip_server *transaction,
                      const struct ct_sip_message *message, struct ct_call_peer *out)
{
    const struct ct_switchboard_options *options = &board->options;
    const struct ct_trunk *trunk =
        ct_trunk_watch_from(options->watch, ct_sip_server_from(transaction), message->uri.user);
    *out = (struct ct_call_peer){0};
    /* a device behind the address of a trunk says that it is one */
    enum ct_result named = CT_OK;
    if (trunk != NULL && !ct_authenticator_is_named(options->authenticator, message))
        named = ct_authenticator_find(options->authenticator, message->from.uri.user, &out->device);
    if (named != CT_OK && named != CT_NOT_FOUND) {
        answer(transaction, 503, CT_STR("Retry-After: 5\r\n"));
        return false;
    }
    if (named == CT_NOT_FOUND) {
        out->device = (struct ct_sip_caller){0};
        out->trunk_id = trunk->id;
        return trunk->inbound_username.len == 0 ||
               ct_authenticate_as(options->authenticator, transaction, message,
                                  trunk->inbound_username, trunk->inbound_ha1_md5,
                                  trunk->inbound_ha1_sha256);
    }
    return ct_authenticate(options->authenticator, transaction, message, &out->device);
}

/* False: it has been answered. */
static bool may_call(struct ct_switchboard *board, struct ct_sip_server *transaction,
                     int64_t user_id)
{
    const char *why;
    if (ct_call_counts_may(board->counts, user_id, &why))
        return true;
    const struct ct_sip_reply_options options = {.reason = ct_str_of(why), .forget = true};
    (void)!ct_sip_reply(transaction, 403, &options);
    return false;
}

static void take_call(struct ct_switchboard *board, struct ct_sip_server *transaction,
                      const struct ct_sip_message *message)
{
    struct ct_call_peer peer;
    if (board->closed)
        answer(transaction, 503, CT_STR("Retry-After: 10\r\n"));
    else if (find_peer(board, transaction, message, &peer) &&
             may_call(board, transaction, peer.device.user_id))
        ct_calls_incoming(board->calls, transaction, message, &peer);
}

static void take_message(struct ct_switchboard *board, struct ct_sip_server *transaction,
                         const struct ct_sip_message *message)
{
    struct ct_call_peer peer;
    if (board->closed)
        answer(transaction, 503, CT_STR("Retry-After: 10\r\n"));
    else if (!find_peer(board, transaction, message, &peer))
        return;
    else if (peer.device.device_id == 0)
        answer(transaction, 403, (struct ct_str){0});
    else
        ct_messages_request(board->messages, transaction, message, &peer.device);
}

void ct_switchboard_request(struct ct_switchboard *board, struct ct_sip_server *transaction,
                            const struct ct_sip_message *message)
{
    if (message->method == CT_SIP_INVITE)
        take_call(board, transaction, message);
    else if (message->method == CT_SIP_MESSAGE)
        take_message(board, transaction, message);
    else
        ct_stray_answer(board->options.sip, transaction, message);
}

void ct_switchboard_trace(struct ct_switchboard *board, bool sent, const struct ct_sip_hop *hop,
                          struct ct_str bytes, struct ct_str call_id)
{
    ct_call_log_trace(board->log, sent, hop, bytes, call_id);
}

/* ---- the whole ---- */

enum ct_result ct_switchboard_new(const struct ct_switchboard_options *options,
                                  struct ct_switchboard **out)
{
    struct ct_switchboard *board = calloc(1, sizeof(*board));
    if (board == NULL)
        return CT_NOMEM;
    board->options = *options;
    const struct ct_call_log_options log = {.env = options->env,
                                            .wheel = ct_sip_wheel(options->sip),
                                            .post = options->post,
                                            .store = options->store,
                                            .log = options->log,
                                            .node = options->node,
                                            .judged = judged,
                                            .judged_ctx = board};
    const struct ct_messages_options messages = {.config = options->config,
                                                 .sip = options->sip,
                                                 .env = options->env,
                                                 .store = options->store,
                                                 .reader = options->reader,
                                                 .registrar = options->registrar};
    const struct ct_call_counts_options counts = {
        .env = options->env,
        .at_once = (size_t)options->config->calls_per_account,
        .per_minute = (size_t)options->config->calls_per_minute};
    enum ct_result result = ct_call_log_new(&log, &board->log);
    if (result == CT_OK)
        result = ct_messages_new(&messages, &board->messages);
    if (result == CT_OK)
        result = ct_call_counts_new(&counts, &board->counts);
    if (result == CT_OK)
        result = ct_sip_sessions_new(options->sip, NULL, &board->sessions);
    const struct ct_calls_options calls = {
        .sip = options->sip,
        .sessions = board->sessions,
        .env = options->env,
        .plan = {.ctx = &board->planner,
                 .incoming = ct_call_plan_incoming,
                 .unanswered = ct_call_plan_unanswered,
                 .redirected = ct_call_plan_redirected,
                 .transfer = ct_call_plan_transfer,
                 .may_replace = ct_call_plan_may_replace},
        .sink = {.ctx = board, .created = created, .changed = changed, .ended = ended, .leg = leg}};
    if (result == CT_OK)
        result = ct_calls_new(&calls, &board->calls);
    if (result != CT_OK) {
        ct_switchboard_free(board);
        return result;
    }
    board->planner = (struct ct_call_planner){.config = options->config,
                                              .env = options->env,
                                              .reader = options->reader,
                                              .registrar = options->registrar,
                                              .carriers = options->carriers,
                                              .watch = options->watch,
                                              .relay = options->relay,
                                              .log = board->log,
                                              .counts = board->counts,
                                              .calls = board->calls};
    *out = board;
    return CT_OK;
}

void ct_switchboard_free(struct ct_switchboard *board)
{
    if (board == NULL)
        return;
    ct_calls_free(board->calls);
    while (board->orders != NULL) {
        struct order *next = board->orders->next;
        ct_arena_free(board->orders->arena);
        board->orders = next;
    }
    while (board->waiting != NULL) {
        struct order *order = board->waiting;
        stop_waiting(order);
        ct_arena_free(order->arena);
    }
    ct_sip_sessions_free(board->sessions);
    ct_messages_free(board->messages);
    ct_call_counts_free(board->counts);
    ct_call_log_free(board->log);
    free(board);
}

/* One call that goes on. */
static void note_key(void *ctx, const struct ct_call_facts *facts)
{
    memcpy(ctx, facts->key, sizeof(facts->key));
}

void ct_switchboard_close(struct ct_switchboard *board)
{
    char key[CT_CALL_KEY_BYTES + 1] = "";
    board->closed = true;
    board->had_calls = ct_calls_count(board->calls) > 0;
    ct_calls_each(board->calls, note_key, key);
    while (key[0] != '\0') {
        (void)!ct_calls_end(board->calls, key, CT_STR("The server stops"));
        key[0] = '\0';
        ct_calls_each(board->calls, note_key, key);
    }
    ct_call_log_hurry(board->log);
}

bool ct_switchboard_is_over(const struct ct_switchboard *board)
{
    return ct_calls_count(board->calls) == 0 &&
           (!board->had_calls || ct_sip_sessions_count(board->sessions) == 0) &&
           ct_call_log_settled(board->log) && ct_messages_settled(board->messages) &&
           atomic_load(&board->letters) == 0;
}

bool ct_switchboard_settled(const struct ct_switchboard *board)
{
    return ct_call_log_quiet(board->log) && ct_messages_settled(board->messages) &&
           atomic_load(&board->letters) == 0;
}

size_t ct_switchboard_count(const struct ct_switchboard *board)
{
    return ct_calls_count(board->calls);
}

void ct_switchboard_end_spent(struct ct_switchboard *board)
{
    const struct ct_switchboard_options *options = &board->options;
    ct_calls_end_spent(board->calls, options->reader, options->env, options->node);
}
