#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sip/core.h"

/* Client transactions: the tables' actions, and the requests that they send by themselves, ACK and CANCEL. */

struct ct_sip_client {
    struct ct_sip_link link;
    struct ct_sip_link waiting;
    struct ct_sip *sip;
    const struct ct_sip_machine *machine;
    enum ct_sip_state state;
    struct ct_timer repeat;
    struct ct_timer life;
    int64_t repeat_ms; /* how long `repeat` ran the last time; 0: not yet */
    struct ct_sip_hop to;
    enum ct_sip_method method;
    bool held;      /* its user has not let go of it */
    unsigned busy;  /* it is not freed while it is worked on */
    bool cancelled; /* the user wants it cancelled … */
    bool cancel_sent;
    char *cancel_headers; /* … with these, when a 1xx comes; terminated */
    struct ct_sip_token token;
    const struct ct_sip_client_events *events;
    void *ctx;
    struct ct_str call_id;
    size_t request_len;
    char request[]; /* as it was sent */
};

static enum ct_result step(struct ct_sip_client *client, enum ct_sip_event event,
                           const struct ct_sip_message *response);

/* ---- its end ---- */

static void release(struct ct_sip_client *client)
{
    if (client->busy > 0 || client->held || client->state != CT_SIP_TERMINATED)
        return;
    free(client->cancel_headers);
    free(client);
}

static void terminate(struct ct_sip_client *client)
{
    ct_timer_stop(&client->repeat);
    ct_timer_stop(&client->life);
    ct_sip_table_remove(&client->sip->waiting, &client->waiting);
    ct_sip_table_remove(&client->sip->clients, &client->link);
}

static void close_client(struct ct_sip_client *client)
{
    bool waits = client->state < CT_SIP_COMPLETED;

    client->busy++;
    client->state = CT_SIP_TERMINATED;
    terminate(client);
    if (client->held && waits)
        client->events->failed(client->ctx, 503);
    else if (client->held && client->events->ended != NULL)
        client->events->ended(client->ctx);
    client->busy--;
    release(client);
}

void ct_sip_clients_close(struct ct_sip *sip)
{
    struct ct_sip_link *link;
    for (size_t at = 0; (link = ct_sip_table_any(&sip->clients, &at)) != NULL;)
        close_client(CT_SIP_OF_LINK(struct ct_sip_client, link, link));
}

/* ---- timers ---- */

static void repeat_fired(void *ctx)
{
    (void)step(ctx, CT_SIP_E_RETRANSMIT, NULL);
}

static void life_fired(void *ctx)
{
    struct ct_sip_client *client = ctx;
    (void)step(client, client->machine->life_event[client->state], NULL);
}

static void set_repeat(struct ct_sip_client *client, enum ct_sip_timer timer)
{
    if (timer == CT_SIP_KEEP)
        return;
    ct_timer_stop(&client->repeat);
    if (timer == CT_SIP_STOP)
        return;
    int64_t ms = ct_sip_timer_ms(timer, &client->sip->times, ct_sip_reliable(client->to.transport),
                                 client->repeat_ms);
    if (ms < 0)
        return;
    client->repeat_ms = ms;
    ct_timer_start(client->sip->wheel, &client->repeat, ms);
}

/* True: it is over at once. */
static bool set_life(struct ct_sip_client *client, enum ct_sip_timer timer)
{
    if (timer == CT_SIP_KEEP)
        return false;
    ct_timer_stop(&client->life);
    if (timer == CT_SIP_STOP)
        return false;
    int64_t ms =
        ct_sip_timer_ms(timer, &client->sip->times, ct_sip_reliable(client->to.transport), 0);
    if (ms > 0)
        ct_timer_start(client->sip->wheel, &client->life, ms);
    return ms <= 0;
}

/* ---- ACK and CANCEL (sections 17.1.1.3 and 9.1) ---- */

static enum ct_result read_sent(const struct ct_sip_client *client, struct ct_arena *arena,
                                struct ct_sip_message **out)
{
    return ct_sip_message_read(arena, (struct ct_str){client->request, client->request_len}, false,
                               out);
}

/* Without memory no ACK is sent, and the response comes once more. */
static enum ct_result send_ack(struct ct_sip_client *client, const struct ct_sip_message *response)
{
    CT_SIP_ARENA(arena);
    if (arena == NULL)
        return CT_OK;
    struct ct_buf text = ct_buf_in(arena);
    struct ct_sip_message *sent;
    enum ct_result result = CT_OK;

    if (read_sent(client, arena, &sent) == CT_OK) {
        ct_sip_write_companion(&text, sent, CT_STR("ACK"), ct_sip_header(response, CT_SIP_H_TO));
        ct_sip_write_body(&text, CT_STR(""), CT_STR(""));
        if (!text.failed)
            result = ct_sip_transmit(client->sip, &client->to, (struct ct_str){text.at, text.len},
                                     client->call_id);
    }
    ct_arena_free(arena);
    return result;
}

static enum ct_result start(struct ct_sip *sip, const struct ct_sip_hop *to, struct ct_str request,
                            const struct ct_sip_message *message, struct ct_sip_token token,
                            struct ct_sip_client **out);

static enum ct_result send_cancel(struct ct_sip_client *client)
{
    CT_SIP_ARENA(arena);
    if (arena == NULL)
        return CT_NOMEM;
    struct ct_buf text = ct_buf_in(arena);
    struct ct_sip_message *sent;
    struct ct_sip_message *cancel;
    struct ct_sip_client *transaction;
    enum ct_result result = read_sent(client, arena, &sent);

    if (result != CT_OK)
        goto out;
    ct_sip_write_companion(&text, sent, CT_STR("CANCEL"), ct_sip_header(sent, CT_SIP_H_TO));
    if (client->cancel_headers != NULL)
        ct_buf_text(&text, client->cancel_headers);
    ct_sip_write_body(&text, CT_STR(""), CT_STR(""));
    result = text.failed ? CT_NOMEM : CT_OK;
    if (result == CT_OK)
        result = ct_sip_message_read(arena, (struct ct_str){text.at, text.len}, false, &cancel);
    if (result == CT_OK)
        result =
            start(client->sip, &client->to, cancel->bytes, cancel, client->token, &transaction);
    if (result != CT_OK)
        goto out;
    client->cancel_sent = true;
    (void)set_life(client, CT_SIP_TIMER_B);

out:
    ct_arena_free(arena);
    return result;
}

/* ---- the machine ---- */

static enum ct_result send_request(struct ct_sip_client *client)
{
    return ct_sip_transmit(client->sip, &client->to,
                           (struct ct_str){client->request, client->request_len}, client->call_id);
}

/* Tells the user. */
static void tell(struct ct_sip_client *client, unsigned actions,
                 const struct ct_sip_message *response)
{
    if (client->held && (actions & CT_SIP_PASS) != 0)
        client->events->response(client->ctx, response);
    if (client->held && (actions & CT_SIP_SAY_408) != 0)
        client->events->failed(client->ctx, 408);
    if (client->held && (actions & CT_SIP_SAY_503) != 0)
        client->events->failed(client->ctx, 503);
}

static enum ct_result step(struct ct_sip_client *client, enum ct_sip_event event,
                           const struct ct_sip_message *response)
{
    const struct ct_sip_step *row = &client->machine->steps[client->state][event];
    enum ct_result sent = CT_OK;

    assert(row->possible);
    client->busy++;
    client->state = row->next;
    set_repeat(client, row->retransmit);
    bool over = set_life(client, row->life);
    if (client->state >= CT_SIP_COMPLETED)
        ct_sip_table_remove(&client->sip->waiting, &client->waiting);
    if (row->actions & CT_SIP_SEND)
        sent = send_request(client);
    if (row->actions & CT_SIP_SEND_ACK)
        sent = send_ack(client, response);
    if (client->state == CT_SIP_PROCEEDING && client->cancelled && !client->cancel_sent &&
        send_cancel(client) != CT_OK)
        (void)set_life(client, CT_SIP_TIMER_B);
    bool final = client->state == CT_SIP_TERMINATED && event == CT_SIP_E_END;
    if (client->state == CT_SIP_TERMINATED)
        terminate(client);
    tell(client, row->actions, response);
    if (final && client->held && client->events->ended != NULL)
        client->events->ended(client->ctx);
    if (sent != CT_OK && client->state != CT_SIP_TERMINATED)
        (void)step(client, CT_SIP_E_TRANSPORT, NULL);
    if (over && client->state != CT_SIP_TERMINATED)
        (void)step(client, client->machine->life_event[client->state], NULL);
    client->busy--;
    release(client);
    return sent;
}

/* ---- its beginning ---- */

/* Under which a client transaction is found: the token of its branch, which is our own randomness. A CANCEL has that of
 * its INVITE. */
static void client_key(const char *token, enum ct_sip_method method, uint64_t key[2])
{
    memcpy(key, token, CT_SIP_TOKEN_SIZE);
    key[1] ^= method == CT_SIP_CANCEL;
}

/* What waits on a stream is found by its other end. */
static enum ct_result wait_for_peer(struct ct_sip *sip, struct ct_arena *arena,
                                    const struct ct_sip_hop *hop, uint64_t out[2])
{
    char port[2] = {(char)(hop->peer.port >> 8), (char)(hop->peer.port & 0xFF)};
    char kind = (char)hop->transport;
    const struct ct_str texts[] = {
        {(const char *)hop->peer.bytes, sizeof(hop->peer.bytes)}, {port, 2}, {&kind, 1}};
    return ct_sip_key(sip, arena, texts, 3, out);
}

/* A transaction that has sent its request, which has its Via. Its user is nobody. */
static enum ct_result start(struct ct_sip *sip, const struct ct_sip_hop *to, struct ct_str request,
                            const struct ct_sip_message *message, struct ct_sip_token token,
                            struct ct_sip_client **out)
{
    uint64_t peer[2] = {0, 0};
    bool reliable = ct_sip_reliable(to->transport);

    if (!ct_sip_has_room(sip))
        return CT_BUSY;
    if (reliable) {
        CT_SIP_ARENA(arena);
        enum ct_result result = arena == NULL ? CT_NOMEM : wait_for_peer(sip, arena, to, peer);
        ct_arena_free(arena);
        if (result != CT_OK)
            return result;
    }
    struct ct_sip_client *client = malloc(sizeof(*client) + request.len);
    if (client == NULL)
        return CT_NOMEM;
    memset(client, 0, sizeof(*client));
    memcpy(client->request, request.at, request.len);
    client->request_len = request.len;
    /* An unfolded copy would not be in the request. */
    if (message->call_id.at >= request.at && message->call_id.at < request.at + request.len)
        client->call_id = (struct ct_str){client->request + (message->call_id.at - request.at),
                                          message->call_id.len};
    client->sip = sip;
    client->machine =
        message->method == CT_SIP_INVITE ? &ct_sip_invite_client : &ct_sip_other_client;
    client->state = client->machine->initial;
    client->to = *to;
    client->method = message->method;
    client->token = token;
    client->repeat = (struct ct_timer){.fire = repeat_fired, .ctx = client};
    client->life = (struct ct_timer){.fire = life_fired, .ctx = client};
    enum ct_result result = send_request(client);
    if (result != CT_OK) {
        free(client);
        return CT_UNAVAILABLE;
    }
    client_key(token.at, client->method, client->link.key);
    ct_sip_table_add(&sip->clients, &client->link);
    if (reliable) {
        memcpy(client->waiting.key, peer, sizeof(peer));
        ct_sip_table_add(&sip->waiting, &client->waiting);
    }
    set_repeat(client, client->machine->retransmit);
    (void)set_life(client, client->machine->life);
    *out = client;
    return CT_OK;
}

enum ct_result ct_sip_request(struct ct_sip *sip, const struct ct_sip_hop *to,
                              struct ct_str request, const struct ct_sip_client_events *events,
                              void *ctx, struct ct_sip_client **out)
{
    CT_SIP_ARENA(arena);
    if (arena == NULL)
        return CT_NOMEM;
    struct ct_buf text = ct_buf_in(arena);
    struct ct_sip_token token = ct_sip_token(sip);
    struct ct_sip_message *message;
    struct ct_sip_client *client;
    uint64_t fingerprint[2];
    size_t mark_at;

    enum ct_result result =
        ct_sip_with_via(sip, &text, to, request, CT_SIP_TOKEN_STR(token), &mark_at);
    if (result == CT_OK)
        result = ct_sip_message_read(arena, (struct ct_str){text.at, text.len}, true, &message);
    if (result == CT_OK && (!message->request || message->fault.status != 0))
        result = CT_INVALID;
    if (result == CT_OK)
        result = ct_sip_fingerprint(sip, arena, message, fingerprint);
    if (result == CT_OK)
        result = ct_sip_mark(sip, arena, CT_SIP_TOKEN_STR(token), fingerprint, text.at + mark_at);
    if (result == CT_OK)
        result = start(sip, to, message->bytes, message, token, &client);
    if (result == CT_OK) {
        client->events = events;
        client->ctx = ctx;
        client->held = true;
        *out = client;
    }
    ct_arena_free(arena);
    return result;
}

/* ---- what comes ---- */

bool ct_sip_client_receive(struct ct_sip *sip, const struct ct_sip_message *response)
{
    struct ct_str branch = response->via.branch;
    uint64_t key[2];

    if (branch.len != CT_SIP_BRANCH_SIZE || memcmp(branch.at, CT_SIP_BRANCH_COOKIE, 7) != 0)
        return false;
    client_key(branch.at + 7, response->cseq_method, key);
    struct ct_sip_link *link = ct_sip_table_find(&sip->clients, key);
    if (link == NULL)
        return false;
    struct ct_sip_client *client = CT_SIP_OF_LINK(struct ct_sip_client, link, link);
    if (client->method != response->cseq_method)
        return false;
    (void)step(client,
               response->status < 200   ? CT_SIP_E_1XX
               : response->status < 300 ? CT_SIP_E_2XX
                                        : CT_SIP_E_FAILURE,
               response);
    return true;
}

/* A client that waits on this stream, or NULL. */
static struct ct_sip_client *next_waiting(struct ct_sip *sip, const uint64_t key[2],
                                          const struct ct_sip_hop *hop)
{
    struct ct_sip_link *link = ct_sip_table_find(&sip->waiting, key);
    for (; link != NULL; link = ct_sip_table_find_next(link)) {
        struct ct_sip_client *client = CT_SIP_OF_LINK(struct ct_sip_client, waiting, link);
        if (client->to.connection == 0 || hop->connection == 0 ||
            client->to.connection == hop->connection)
            return client;
    }
    return NULL;
}

void ct_sip_client_hop_lost(struct ct_sip *sip, const struct ct_sip_hop *hop)
{
    struct ct_sip_client *client;
    uint64_t key[2];
    CT_SIP_ARENA(arena);
    /* Without memory they wait until their time is over. */
    if (arena == NULL)
        return;
    if (wait_for_peer(sip, arena, hop, key) == CT_OK)
        while ((client = next_waiting(sip, key, hop)) != NULL)
            (void)step(client, CT_SIP_E_TRANSPORT, NULL);
    ct_arena_free(arena);
}

/* ---- for the user ---- */

enum ct_result ct_sip_cancel(struct ct_sip_client *client, struct ct_str headers)
{
    if (client->method != CT_SIP_INVITE || client->cancelled || client->state >= CT_SIP_COMPLETED)
        return CT_STALE;
    if (headers.len > 0) {
        client->cancel_headers = malloc(headers.len + 1);
        if (client->cancel_headers == NULL)
            return CT_NOMEM;
        memcpy(client->cancel_headers, headers.at, headers.len);
        client->cancel_headers[headers.len] = '\0';
    }
    client->cancelled = true;
    if (client->state != CT_SIP_PROCEEDING)
        return CT_OK;
    enum ct_result result = send_cancel(client);
    if (result == CT_NOMEM) {
        free(client->cancel_headers);
        client->cancel_headers = NULL;
        client->cancelled = false;
        return result;
    }
    /* It could not be sent: the INVITE ends for want of an answer. */
    (void)set_life(client, CT_SIP_TIMER_B);
    return CT_OK;
}

void ct_sip_client_forget(struct ct_sip_client *client)
{
    assert(client->held);
    client->held = false;
    /* Nobody will cancel it any more. */
    if (client->method == CT_SIP_INVITE && client->state == CT_SIP_PROCEEDING &&
        !ct_timer_running(&client->life))
        (void)set_life(client, CT_SIP_TIMER_B);
    release(client);
}

const struct ct_sip_hop *ct_sip_client_to(const struct ct_sip_client *client)
{
    return &client->to;
}
