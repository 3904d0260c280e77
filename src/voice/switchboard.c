#include "voice/switchboard.h"

#include <stdlib.h>
#include <string.h>

#include "sip/session.h"
#include "sip/write.h"
#include "voice/call_counts.h"
#include "voice/call_peer.h"
#include "voice/messages.h"
#include "voice/stray.h"
#include "voice/switchboard_parts.h"

/* ---- the records ---- */

static void created(void *ctx, const struct ct_call_facts *facts)
{
    struct ct_switchboard *board = ctx;
    const struct ct_trip *trip = facts->parties.own;
    ct_metrics_add(board->options.metrics, CT_METRIC_CALLS, 1);
    ct_call_counts_began(board->counts, facts->parties.caller_id);
    const struct ct_call_toll *toll = trip != NULL && trip->toll.payer_id != 0 ? &trip->toll : NULL;
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

static void transferred(void *ctx, const struct ct_call_facts *facts, bool done)
{
    struct ct_switchboard *board = ctx;
    ct_call_log_transferred(board->log, facts, done);
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

static void again(void *ctx, const char *key, const struct ct_call_verdict *verdict)
{
    struct ct_switchboard *board = ctx;
    ct_call_plan_prolong(&board->planner, key, verdict);
}

static void ended(void *ctx, const struct ct_call_facts *facts)
{
    struct ct_switchboard *board = ctx;
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
    ct_order_over(board, facts->key);
}

/* ---- requests ---- */

static void answer(struct ct_sip_server *transaction, int status, struct ct_str headers)
{
    const struct ct_sip_reply_options options = {.headers = headers, .forget = true};
    (void)!ct_sip_reply(transaction, status, &options);
}

static void take_call(struct ct_switchboard *board, struct ct_sip_server *transaction,
                      const struct ct_sip_message *message)
{
    const struct ct_call_sources sources = {board->options.authenticator, board->options.watch};
    struct ct_call_peer peer;
    if (board->closed)
        answer(transaction, 503, CT_STR("Retry-After: 10\r\n"));
    else if (ct_call_peer_find(&sources, transaction, message, &peer) &&
             ct_call_peer_may_call(board->counts, transaction, &peer))
        ct_calls_incoming(board->calls, transaction, message, &peer);
}

static void take_message(struct ct_switchboard *board, struct ct_sip_server *transaction,
                         const struct ct_sip_message *message)
{
    const struct ct_call_sources sources = {board->options.authenticator, board->options.watch};
    struct ct_call_peer peer;
    if (board->closed)
        answer(transaction, 503, CT_STR("Retry-After: 10\r\n"));
    else if (!ct_call_peer_find(&sources, transaction, message, &peer))
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
                                            .again = again,
                                            .ctx = board};
    const struct ct_messages_options messages = {.config = options->config,
                                                 .sip = options->sip,
                                                 .env = options->env,
                                                 .store = options->store,
                                                 .reader = options->reader,
                                                 .registrar = options->registrar,
                                                 .relay = options->relay};
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
    const struct ct_calls_options calls = {.sip = options->sip,
                                           .sessions = board->sessions,
                                           .env = options->env,
                                           .plan = {.ctx = &board->planner,
                                                    .incoming = ct_call_plan_incoming,
                                                    .unanswered = ct_call_plan_unanswered,
                                                    .redirected = ct_call_plan_redirected,
                                                    .transfer = ct_call_plan_transfer,
                                                    .may_replace = ct_call_plan_may_replace,
                                                    .again = ct_call_plan_again},
                                           .sink = {.ctx = board,
                                                    .created = created,
                                                    .changed = changed,
                                                    .ended = ended,
                                                    .transferred = transferred,
                                                    .leg = leg}};
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
    ct_orders_free(board);
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

void ct_switchboard_lose(struct ct_switchboard *board, const struct ct_call_gone *gone)
{
    ct_calls_lose(board->calls, gone,
                  gone->account_id != 0  ? CT_STR("The account was deleted")
                  : gone->device_id != 0 ? CT_STR("The device was deleted")
                                         : CT_STR("The trunk was deleted"));
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
