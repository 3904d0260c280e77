#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/bind.h"
#include "simulator/exchange.h"
#include "voice/call_view.h"
#include "voice/dial_api.h"

/* The API of the server: its real handlers, without HTTP. */

#define POST_CALLS 0
#define DELETE_CALL 1

static enum ct_result run(void *ctx, struct ct_db *db)
{
    struct order *order = ctx;
    struct exchange *exchange = order->exchange;
    const struct ct_route *route = &ct_dial_routes[POST_CALLS];
    struct ct_faults faults = {.arena = order->arena};
    struct ct_call call = {.arena = order->arena,
                           .room = &exchange->voice,
                           .config = &exchange->config,
                           .db = db,
                           .user_id = order->user_id,
                           .reply = order->reply,
                           .scratch = order->scratch,
                           .faults = &faults};
    void *body = ct_arena_alloc(order->arena, route->body->size);
    enum ct_result result;

    if (body == NULL)
        return CT_NOMEM;
    memset(body, 0, route->body->size);
    result =
        ct_bind_json(order->arena, call.config, route->body, ct_str_of(order->body), &faults, body);
    call.body = body;
    if (result == CT_OK && faults.first != NULL)
        result = CT_BUG;
    return result == CT_OK ? route->run(&call) : result;
}

static void done(void *ctx, enum ct_result result)
{
    struct order *order = ctx;
    char text[100];

    order->done = true;
    /* the key of its record is the first that the handler keeps */
    if (result == CT_OK)
        snprintf(order->key, sizeof(order->key), "%s", (const char *)order->scratch);
    else if (result != CT_CONFLICT && result != CT_UNAVAILABLE && result != CT_BUSY) {
        snprintf(text, sizeof(text), "POST /calls answers: %s", ct_result_text(result));
        order->exchange->complain(order->exchange->ctx, text);
    }
}

/* NULL: there is no room for more. */
static struct order *new_order(struct exchange *exchange, int64_t user_id,
                               enum ct_result (*run_it)(void *ctx, struct ct_db *db),
                               void (*done_it)(void *ctx, enum ct_result result))
{
    struct order *order = &exchange->orders[exchange->order_count];

    if (exchange->order_count == EXCHANGE_ORDERS)
        return NULL;
    exchange->order_count++;
    *order = (struct order){.exchange = exchange,
                            .arena = ct_arena_new(),
                            .user_id = user_id,
                            .job = {.run = run_it, .done = done_it, .ctx = order}};
    order->reply =
        order->arena == NULL ? NULL : ct_arena_alloc(order->arena, sizeof(struct ct_call_reply));
    if (order->reply == NULL)
        abort();
    memset(order->reply, 0, sizeof(struct ct_call_reply));
    return order;
}

static void submit(struct order *order)
{
    if (ct_store_submit(order->exchange->archive.scratch.store, &order->job) != CT_OK)
        order->done = true;
}

void exchange_dial(struct exchange *exchange, int64_t device_id, const char *number)
{
    const struct ct_route *route = &ct_dial_routes[POST_CALLS];
    struct order *order =
        exchange->away ? NULL : new_order(exchange, people_account_of(device_id), run, done);
    char from[PEOPLE_NUMBER];

    if (order == NULL)
        return;
    people_own_number(device_id, from);
    snprintf(order->body, sizeof(order->body),
             "{\"from\": \"%s\", \"to\": \"%s\", \"device_id\": %lld}", from, number,
             (long long)device_id);
    order->scratch = ct_arena_alloc(order->arena, route->scratch_size);
    if (order->scratch == NULL)
        abort();
    memset(order->scratch, 0, route->scratch_size);
    submit(order);
}

/* ---- hanging up ---- */

struct choice {
    struct exchange *exchange;
    size_t seen;
    int64_t user_id;
    char key[CT_CALL_KEY_BYTES + 1];
};

static void choose(void *ctx, const struct ct_call_facts *facts)
{
    struct choice *choice = ctx;

    if (lan_random(choice->exchange->lan, (uint32_t)++choice->seen) == 0) {
        memcpy(choice->key, facts->key, sizeof(choice->key));
        choice->user_id =
            facts->parties.caller_id != 0 ? facts->parties.caller_id : facts->parties.callee_id;
    }
}

/* The id of a record; 0: it is not there yet. */
static int64_t id_of(struct ct_db *db, const char *key)
{
    struct ct_stmt *stmt;
    int64_t id = 0;

    if (ct_db_query(db, "SELECT id FROM calls WHERE call_key = $1", &stmt) != CT_OK)
        abort();
    ct_bind_str(stmt, 1, ct_str_of(key));
    if (ct_step(stmt) == CT_ROW)
        id = ct_column_int(stmt, 0);
    return id;
}

static enum ct_result run_hang_up(void *ctx, struct ct_db *db)
{
    struct order *order = ctx;
    int64_t id = id_of(db, order->body);
    struct ct_call call = {.arena = order->arena,
                           .room = &order->exchange->voice,
                           .config = &order->exchange->config,
                           .db = db,
                           .user_id = order->user_id,
                           .path = &id,
                           .reply = order->reply};

    return id == 0 ? CT_NOT_FOUND : ct_dial_routes[DELETE_CALL].run(&call);
}

static void hung_up(void *ctx, enum ct_result result)
{
    struct order *order = ctx;

    order->done = true;
    if (result != CT_OK && result != CT_NOT_FOUND && result != CT_UNAVAILABLE)
        exchange_complain(order->exchange, order->body, "cannot be hung up");
}

void exchange_hang_up(struct exchange *exchange)
{
    struct choice choice = {.exchange = exchange};
    struct order *order;

    if (exchange->away)
        return;
    ct_calls_each(exchange->calls, choose, &choice);
    order = choice.user_id == 0 ? NULL : new_order(exchange, choice.user_id, run_hang_up, hung_up);
    if (order == NULL)
        return;
    snprintf(order->body, sizeof(order->body), "%s", choice.key);
    submit(order);
}
