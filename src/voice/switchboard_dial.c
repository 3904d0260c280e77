#include <stdlib.h>
#include <string.h>

#include "sip/write.h"
#include "voice/switchboard_parts.h"

/* What other threads ask for: calls that are dialled, and that calls are hung up. */

#define LOOK_AGAIN_MS 200
/* Nobody expects a call any more that was asked for so long ago. */
#define TOO_LATE_MS 15000

struct ct_order {
    struct ct_switchboard *board;
    struct ct_arena *arena; /* of itself */
    struct ct_order *next;
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

void ct_order_over(struct ct_switchboard *board, const char *key)
{
    struct ct_order **link = &board->orders;
    while (*link != NULL && strcmp((*link)->key, key) != 0)
        link = &(*link)->next;
    if (*link != NULL) {
        struct ct_order *order = *link;
        *link = order->next;
        ct_arena_free(order->arena);
    }
}

static void dial_first(void *ctx, const struct ct_call_facts *facts, struct ct_arena *arena,
                       struct ct_call_route *out)
{
    struct ct_order *order = ctx;
    ct_call_plan_first(&order->order, facts, arena, out);
}

static void dial_second(void *ctx, const struct ct_call_facts *facts, struct ct_arena *arena,
                        struct ct_call_route *out)
{
    struct ct_order *order = ctx;
    ct_call_plan_second(&order->order, facts, arena, out);
    if (order->asked)
        ct_call_log_second(order->board->log, order->key);
    order->asked = true;
}

static enum ct_result look_for_record(void *ctx, struct ct_db *db)
{
    struct ct_order *order = ctx;
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
    struct ct_order *order = ctx;
    order->outcome = result;
    post(order->board, &order->letter);
}

static int64_t now_ms(const struct ct_switchboard *board)
{
    return board->options.env->now_ms(board->options.env->ctx);
}

static void look(struct ct_order *order)
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

static void stop_waiting(struct ct_order *order)
{
    struct ct_order **link = &order->board->waiting;
    while (*link != order)
        link = &(*link)->next;
    *link = order->next;
    ct_timer_stop(&order->again);
}

/* There is a record, and no call that would ever end it. */
static void end_record(const struct ct_order *order)
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

static enum ct_result begin(struct ct_switchboard *board, struct ct_order *order)
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
    struct ct_order *order = ctx;
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
    struct ct_order *order = ctx;
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
    struct ct_order *order = arena == NULL ? NULL : ct_arena_alloc(arena, sizeof(*order));
    const char *from = order == NULL ? NULL : ct_str_dup(arena, wanted->from);
    const char *to = order == NULL ? NULL : ct_str_dup(arena, wanted->to);
    const char *number = order == NULL ? NULL : ct_str_dup(arena, wanted->toll.number);
    if (from == NULL || to == NULL || number == NULL) {
        ct_arena_free(arena);
        return CT_NOMEM;
    }
    *order = (struct ct_order){.board = board,
                               .arena = arena,
                               .order = {.planner = &board->planner,
                                         .device_id = wanted->device_id,
                                         .from = ct_str_of(from),
                                         .to = ct_str_of(to),
                                         .toll = {wanted->toll.payer_id, ct_str_of(number)},
                                         .verdict = wanted->verdict},
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
        for (struct ct_order *order = board->waiting; order != NULL; order = order->next)
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

void ct_orders_free(struct ct_switchboard *board)
{
    while (board->orders != NULL) {
        struct ct_order *next = board->orders->next;
        ct_arena_free(board->orders->arena);
        board->orders = next;
    }
    while (board->waiting != NULL) {
        struct ct_order *order = board->waiting;
        stop_waiting(order);
        ct_arena_free(order->arena);
    }
}
