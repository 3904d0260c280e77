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

void exchange_dial(struct exchange *exchange, int64_t device_id, const char *number)
{
    const struct ct_route *route = &ct_dial_routes[POST_CALLS];
    struct order *order = &exchange->orders[exchange->order_count];
    char from[PEOPLE_NUMBER];

    if (exchange->away || exchange->order_count == EXCHANGE_ORDERS)
        return;
    people_own_number(device_id, from);
    *order = (struct order){.exchange = exchange,
                            .arena = ct_arena_new(),
                            .user_id = people_account_of(device_id),
                            .job = {.run = run, .done = done, .ctx = order}};
    snprintf(order->body, sizeof(order->body),
             "{\"from\": \"%s\", \"to\": \"%s\", \"device_id\": %lld}", from, number,
             (long long)device_id);
    if (order->arena == NULL)
        abort();
    order->scratch = ct_arena_alloc(order->arena, route->scratch_size);
    order->reply = ct_arena_alloc(order->arena, sizeof(struct ct_call_reply));
    if (order->scratch == NULL || order->reply == NULL)
        abort();
    memset(order->scratch, 0, route->scratch_size);
    memset(order->reply, 0, sizeof(struct ct_call_reply));
    exchange->order_count++;
    if (ct_store_submit(exchange->archive.scratch.store, &order->job) != CT_OK)
        order->done = true;
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

void exchange_hang_up(struct exchange *exchange)
{
    struct choice choice = {.exchange = exchange};
    struct ct_call_reply reply = {0};
    struct ct_call call = {.room = &exchange->voice, .config = &exchange->config, .reply = &reply};
    struct ct_db *db;
    int64_t id;
    enum ct_result result;

    if (exchange->away)
        return;
    ct_calls_each(exchange->calls, choose, &choice);
    if (choice.user_id == 0)
        return;
    if (ct_store_read_begin(exchange->archive.scratch.store, &db) != CT_OK)
        abort();
    id = id_of(db, choice.key);
    call.arena = ct_arena_new();
    call.db = db;
    call.user_id = choice.user_id;
    call.path = &id;
    result = id == 0 ? CT_NOT_FOUND : ct_dial_routes[DELETE_CALL].run(&call);
    ct_store_read_end(db);
    ct_arena_free(call.arena);
    if (result != CT_OK && result != CT_NOT_FOUND)
        exchange_complain(exchange, choice.key, "cannot be hung up");
    exchange_drain(exchange);
}
