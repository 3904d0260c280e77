#include "voice/messages.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/limiter.h"
#include "events/events.h"
#include "sip/write.h"
#include "voice/call_life.h"
#include "voice/call_read.h"
#include "voice/relay.h"

/* Phones that one message goes to at most. */
#define COPIES_MOST ((size_t)16)
/* Accounts and numbers whose rates are remembered. */
#define KEYS ((size_t)16384)
#define MINUTE_US 60000000
/* A phone that is there answers at once. Whoever waits gives up by himself after 32 s (RFC 3261, timer F). */
#define PATIENCE_MS 20000

/* A message to one phone. */
struct copy {
    struct parcel *parcel;
    struct ct_sip_client *client; /* NULL: it has been answered */
};

/* A message on its way. */
struct parcel {
    struct ct_messages *messages;
    struct parcel *next, **back;
    struct ct_arena *arena; /* of itself */
    struct ct_sip_server *server;
    struct ct_timer patience;
    struct ct_routing routing;
    int64_t device_id;
    int best;       /* of the answers so far; 0: none */
    size_t waiting; /* copies without an answer */
    size_t count;
    struct copy copies[COPIES_MOST];
};

struct ct_messages {
    struct ct_messages_options options;
    struct ct_rate_limiter *senders, *receivers; /* NULL: messages are off */
    struct parcel *first;
    size_t count;
    atomic_size_t jobs;
};

static void answer(struct ct_sip_server *transaction, int status, const char *reason)
{
    const struct ct_sip_reply_options options = {
        .reason = ct_str_of(reason),
        .headers = status == 503 ? CT_STR("Retry-After: 5\r\n") : (struct ct_str){0},
        .forget = true};
    (void)!ct_sip_reply(transaction, status, &options);
}

/* ---- events ---- */

/* What has become of a message, for the two accounts. */
struct news {
    struct ct_messages *messages;
    struct ct_arena *arena; /* of itself */
    struct ct_job job;
    struct ct_event sent, received;
    bool delivered;
};

static enum ct_result write_news(void *ctx, struct ct_db *db)
{
    const struct news *news = ctx;
    enum ct_result result = ct_event_write(db, &news->sent);
    return result == CT_OK && news->delivered ? ct_event_write(db, &news->received) : result;
}

/* On the writer's thread. An event that is lost is no message that is lost. */
static void news_written(void *ctx, enum ct_result result)
{
    struct news *news = ctx;
    struct ct_messages *messages = news->messages;
    (void)result;
    ct_arena_free(news->arena);
    atomic_fetch_sub(&messages->jobs, 1);
}

static void tell(const struct parcel *parcel, int status)
{
    struct ct_messages *messages = parcel->messages;
    const struct ct_sip_env *env = messages->options.env;
    const struct ct_routing *routing = &parcel->routing;
    struct ct_arena *arena = ct_arena_new();
    struct news *news = arena == NULL ? NULL : ct_arena_alloc(arena, sizeof(*news));
    /* both are numbers in their plain form */
    const char *data =
        news == NULL
            ? NULL
            : ct_arena_printf(arena, "{\"from\":\"%.*s\",\"to\":\"%.*s\",\"sip_code\":%d}",
                              (int)routing->identity.number.len, routing->identity.number.at,
                              (int)routing->to.len, routing->to.at, status);
    if (data == NULL) {
        ct_arena_free(arena);
        return;
    }
    const struct ct_event event = {.created_at = env->unix_ms(env->ctx), .data = ct_str_of(data)};
    *news = (struct news){.messages = messages, .arena = arena, .delivered = status == 200};
    news->sent = event;
    news->sent.type = CT_EVENT_MESSAGE_SENT;
    news->sent.user_id = routing->caller_id;
    news->sent.subject_id = parcel->device_id;
    news->received = event;
    news->received.type = CT_EVENT_MESSAGE_RECEIVED;
    news->received.user_id = routing->callee_id;
    news->received.subject_id = routing->number_id;
    news->job = (struct ct_job){.run = write_news, .done = news_written, .ctx = news};
    atomic_fetch_add(&messages->jobs, 1);
    if (ct_store_submit(messages->options.store, &news->job) != CT_OK)
        news_written(news, CT_UNAVAILABLE);
}

/* ---- what becomes of a message ---- */

static void drop(struct parcel *parcel)
{
    ct_timer_stop(&parcel->patience);
    for (size_t i = 0; i < parcel->count; i++)
        if (parcel->copies[i].client != NULL)
            ct_sip_client_forget(parcel->copies[i].client);
    *parcel->back = parcel->next;
    if (parcel->next != NULL)
        parcel->next->back = parcel->back;
    parcel->messages->count--;
    ct_sip_server_forget(parcel->server);
    ct_arena_free(parcel->arena);
}

static void settle(struct parcel *parcel, int status)
{
    (void)!ct_sip_reply(parcel->server, status, NULL);
    tell(parcel, status);
    drop(parcel);
}

/* A phone has said something, or nothing in time. */
static void note(struct copy *copy, int status)
{
    struct parcel *parcel = copy->parcel;
    ct_sip_client_forget(copy->client);
    copy->client = NULL;
    parcel->waiting--;
    if (status >= 200 && status < 300) {
        settle(parcel, 200);
        return;
    }
    /* a request that is no INVITE is never answered with 408 (RFC 4320) */
    parcel->best = ct_call_better(parcel->best, status == 408 ? 480 : status);
    if (parcel->waiting == 0)
        settle(parcel, ct_call_told(parcel->best));
}

static void on_response(void *ctx, const struct ct_sip_message *message)
{
    if (message->status >= 200)
        note(ctx, message->status);
}

static void on_failed(void *ctx, int status)
{
    (void)status;
    note(ctx, 480);
}

static const struct ct_sip_client_events client_events = {on_response, on_failed, NULL};

static void on_gone(void *ctx, enum ct_sip_gone why)
{
    (void)why;
    drop(ctx);
}

static const struct ct_sip_server_events server_events = {NULL, on_gone};

static void out_of_patience(void *ctx)
{
    struct parcel *parcel = ctx;
    settle(parcel, parcel->best == 0 ? 480 : ct_call_told(parcel->best));
}

/* ---- sending ---- */

static void write_address(struct ct_buf *out, struct ct_str number, const char *domain)
{
    ct_buf_text(out, "<sip:");
    ct_sip_escape_user(out, number);
    ct_buf_char(out, '@');
    ct_buf_text(out, domain);
    ct_buf_char(out, '>');
}

/* The message as the phone of a binding gets it: of the sender's, the body and what says how to read it. */
static void write_copy(const struct parcel *parcel, const struct ct_sip_message *message,
                       const struct ct_binding *binding, struct ct_str way, struct ct_buf *out)
{
    static const enum ct_sip_header_id kept[] = {CT_SIP_H_CONTENT_DISPOSITION,
                                                 CT_SIP_H_CONTENT_ENCODING};
    const struct ct_messages_options *options = &parcel->messages->options;
    const char *domain = options->config->sip_domain;
    struct ct_sip_token tag = ct_sip_token(options->sip);
    struct ct_sip_token call_id = ct_sip_token(options->sip);
    ct_sip_write_request_line(out, message->method_name, binding->contact);
    if (way.len > 0)
        ct_sip_write_header(out, CT_SIP_H_ROUTE, way);
    ct_sip_write_number(out, CT_SIP_H_MAX_FORWARDS,
                        message->max_forwards > 0 ? message->max_forwards - 1 : 69);
    ct_buf_text(out, "From: ");
    write_address(out, parcel->routing.identity.number, domain);
    ct_buf_text(out, ";tag=");
    ct_buf_str(out, CT_SIP_TOKEN_STR(tag));
    ct_buf_text(out, "\r\nTo: ");
    write_address(out, parcel->routing.to, domain);
    ct_buf_text(out, "\r\n");
    ct_sip_write_header(out, CT_SIP_H_CALL_ID, CT_SIP_TOKEN_STR(call_id));
    ct_sip_write_cseq(out, 1, message->method_name);
    ct_sip_write_header(out, CT_SIP_H_USER_AGENT, ct_sip_options(options->sip)->name);
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (ct_sip_has(message, kept[i]))
            ct_sip_write_header(out, kept[i], ct_sip_header(message, kept[i]));
    ct_sip_write_body(out, message->content_type, message->body);
}

/* 0: it is under way. */
static int send_copy(struct parcel *parcel, const struct ct_sip_message *message,
                     const struct ct_binding *binding)
{
    struct copy *copy = &parcel->copies[parcel->count];
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return 503;
    struct ct_buf text = ct_buf_in(arena);
    struct ct_sip_hop hop = binding->hop;
    struct ct_str way = binding->path;
    int status = 503;
    if (binding->node.len > 0 &&
        ct_relay_route(parcel->messages->options.relay, arena, binding, &hop, &way) != CT_OK) {
        ct_arena_free(arena);
        return 503;
    }
    write_copy(parcel, message, binding, way, &text);
    *copy = (struct copy){.parcel = parcel};
    if (!text.failed && !ct_sip_reliable(hop.transport) && text.len > CT_MESSAGE_BYTES_MOST) {
        status = 413;
    } else if (!text.failed) {
        enum ct_result result =
            ct_sip_request(parcel->messages->options.sip, &hop, (struct ct_str){text.at, text.len},
                           &client_events, copy, &copy->client);
        status = result == CT_OK ? 0 : result == CT_UNAVAILABLE ? 480 : 503;
    }
    ct_arena_free(arena);
    if (status != 0)
        return status;
    parcel->count++;
    parcel->waiting++;
    return 0;
}

static void send_all(struct parcel *parcel, const struct ct_sip_message *message)
{
    struct ct_messages *messages = parcel->messages;
    const struct ct_routing *routing = &parcel->routing;
    for (size_t i = 0; i < routing->devices.count; i++) {
        const struct ct_binding *const *all;
        size_t count = ct_registrar_find(messages->options.registrar, routing->devices.at[i], &all);
        for (size_t k = 0; k < count && parcel->count < COPIES_MOST; k++) {
            int status = send_copy(parcel, message, all[k]);
            if (status != 0)
                parcel->best = ct_call_better(parcel->best, status);
        }
    }
    if (parcel->waiting == 0)
        settle(parcel, parcel->best == 0 ? 480 : ct_call_told(parcel->best));
}

/* ---- whether it may be sent, and to whom ---- */

static bool is_registered(void *ctx, int64_t device_id)
{
    struct ct_messages *messages = ctx;
    const struct ct_binding *const *all;
    return ct_registrar_find(messages->options.registrar, device_id, &all) > 0;
}

static enum ct_result route(struct ct_messages *messages, struct parcel *parcel,
                            const struct ct_sip_message *message, bool *anonymous)
{
    const struct ct_sip_env *env = messages->options.env;
    const struct ct_routing_world world = {
        .now_ms = env->unix_ms(env->ctx), .ctx = messages, .registered = is_registered};
    struct ct_routing_call call = {0};
    struct ct_device device;
    struct ct_db *db;
    ct_call_read(parcel->arena, message, &call);
    *anonymous = call.anonymous;
    enum ct_result result = ct_reader_begin(messages->options.reader, &db);
    if (result != CT_OK)
        return result;
    result = ct_device_by_id(parcel->arena, db, parcel->device_id, &device);
    call.device = &device;
    if (result == CT_OK)
        result = ct_route_message(&world, parcel->arena, db, &call, &parcel->routing);
    ct_reader_end(messages->options.reader, db);
    return result;
}

static bool take(struct ct_rate_limiter *limiter, const struct ct_sip_env *env, int64_t id)
{
    return ct_rate_limiter_take(limiter, (struct ct_str){(const char *)&id, sizeof(id)},
                                env->now_ms(env->ctx) * 1000) == 0;
}

/* 0: it may go on. */
static int check(struct ct_messages *messages, const struct ct_sip_message *message,
                 const struct ct_sip_hop *from, int64_t user_id, const char **why)
{
    *why = NULL;
    if (messages->senders == NULL) {
        *why = "No Messages Here";
        return 403;
    }
    if (message->body.len > CT_MESSAGE_BODY_MOST ||
        (!ct_sip_reliable(from->transport) && message->bytes.len > CT_MESSAGE_BYTES_MOST))
        return 413;
    if (message->body.len > 0 && message->content_type.len == 0)
        return 400;
    if (message->max_forwards == 0 || message->max_forwards == 1)
        return 483;
    if (messages->count >= CT_MESSAGES_MOST)
        return 503;
    if (take(messages->senders, messages->options.env, user_id))
        return 0;
    *why = "Too Many Messages";
    return 403;
}

/* Likewise, once it is known whom it is for. */
static int check_route(struct ct_messages *messages, const struct ct_routing *routing,
                       bool anonymous, const char **why)
{
    if (routing->status != 0) {
        *why = routing->reason;
        return routing->status;
    }
    /* who sends a message says who he is */
    if (anonymous)
        return 433;
    if (routing->identity.number.len == 0) {
        *why = "The Account Has No Number";
        return 403;
    }
    if (take(messages->receivers, messages->options.env, routing->number_id))
        return 0;
    *why = "The Number Gets Too Many Messages";
    return 403;
}

void ct_messages_request(struct ct_messages *messages, struct ct_sip_server *transaction,
                         const struct ct_sip_message *message, const struct ct_sip_caller *device)
{
    const char *why;
    bool anonymous = false;
    int status = check(messages, message, ct_sip_server_from(transaction), device->user_id, &why);
    if (status != 0) {
        answer(transaction, status, why);
        return;
    }
    struct ct_arena *arena = ct_arena_new();
    struct parcel *parcel = arena == NULL ? NULL : ct_arena_alloc(arena, sizeof(*parcel));
    if (parcel == NULL) {
        ct_arena_free(arena);
        answer(transaction, 503, NULL);
        return;
    }
    *parcel = (struct parcel){.messages = messages, .arena = arena, .device_id = device->device_id};
    enum ct_result result = route(messages, parcel, message, &anonymous);
    if (result == CT_OK)
        status = check_route(messages, &parcel->routing, anonymous, &why);
    else
        status = result == CT_NOT_FOUND ? 403 : 503; /* the device was deleted meanwhile */
    if (status != 0) {
        answer(transaction, status, why);
        ct_arena_free(arena);
        return;
    }
    parcel->server = transaction;
    parcel->next = messages->first;
    parcel->back = &messages->first;
    if (parcel->next != NULL)
        parcel->next->back = &parcel->next;
    messages->first = parcel;
    messages->count++;
    parcel->patience = (struct ct_timer){.fire = out_of_patience, .ctx = parcel};
    ct_timer_start(ct_sip_wheel(messages->options.sip), &parcel->patience, PATIENCE_MS);
    ct_sip_server_watch(transaction, &server_events, parcel);
    send_all(parcel, message);
}

/* ---- the whole ---- */

enum ct_result ct_messages_new(const struct ct_messages_options *options, struct ct_messages **out)
{
    const struct ct_limiter_options rate = {.slots = KEYS,
                                            .limit =
                                                (size_t)options->config->sip_messages_per_minute,
                                            .window_us = MINUTE_US};
    enum ct_result result = CT_OK;
    struct ct_messages *messages = calloc(1, sizeof(*messages));
    if (messages == NULL)
        return CT_NOMEM;
    messages->options = *options;
    if (rate.limit > 0)
        result = ct_rate_limiter_new(&rate, &messages->senders);
    if (result == CT_OK && rate.limit > 0)
        result = ct_rate_limiter_new(&rate, &messages->receivers);
    if (result != CT_OK) {
        ct_messages_free(messages);
        return result;
    }
    *out = messages;
    return CT_OK;
}

void ct_messages_free(struct ct_messages *messages)
{
    if (messages == NULL)
        return;
    while (messages->first != NULL)
        drop(messages->first);
    ct_rate_limiter_free(messages->senders);
    ct_rate_limiter_free(messages->receivers);
    free(messages);
}

bool ct_messages_settled(const struct ct_messages *messages)
{
    return atomic_load(&messages->jobs) == 0;
}

size_t ct_messages_count(const struct ct_messages *messages)
{
    return messages->count;
}
