#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sip/core.h"

/* Server transactions: the tables' actions, and the answers. What an answer takes from its request is written when
 * the request comes, in the same block as the transaction. */

struct ct_sip_server {
    struct ct_sip_link link;
    struct ct_sip_link merged;
    struct ct_sip *sip;
    struct ct_sip_source *source; /* NULL: it is not counted */
    const struct ct_sip_machine *machine;
    enum ct_sip_state state;
    struct ct_timer repeat;
    struct ct_timer life;
    int64_t repeat_ms; /* how long `repeat` ran the last time; 0: not yet */
    struct ct_sip_hop from;
    struct ct_sip_hop to; /* where the answers go */
    uint16_t sent_by_port;
    enum ct_sip_method method;
    bool tagged;    /* the request had a tag in To */
    bool watched;   /* somebody holds a pointer to it */
    bool to_dialog; /* the ACK that came is for the dialog */
    bool replies;   /* its user is answering */
    unsigned busy;  /* it is not freed while it is worked on */
    int status;     /* of the last answer; 0: none */
    enum ct_sip_gone why;
    const struct ct_sip_server_events *events;
    void *ctx;
    struct ct_str before_tag; /* what every answer has, up to the tag in To */
    struct ct_str after_tag;
    struct ct_str routes;
    struct ct_str tag;
    struct ct_str call_id;
    char *last; /* the last answer */
    size_t last_len;
    size_t last_capacity;
    char room[];
};

static enum ct_result step(struct ct_sip_server *server, enum ct_sip_event event);

/* ---- its end ---- */

static void release(struct ct_sip_server *server)
{
    if (server->busy > 0 || server->watched || server->state != CT_SIP_TERMINATED)
        return;
    ct_timer_stop(&server->life);
    ct_sip_table_remove(&server->sip->untold, &server->merged);
    free(server->last);
    free(server);
}

static void terminate(struct ct_sip_server *server)
{
    if (server->link.back == NULL)
        return; /* by what it did on the way here */
    ct_timer_stop(&server->repeat);
    ct_timer_stop(&server->life);
    ct_sip_table_remove(&server->sip->servers, &server->link);
    ct_sip_source_leave(server->sip, server->source);
    server->source = NULL;
    ct_sip_table_remove(&server->sip->merged, &server->merged);
    if (!server->watched || server->events->gone == NULL)
        return;
    if (!server->replies) {
        server->events->gone(server->ctx, server->why);
        return;
    }
    /* its user, in the middle of an answer, would not expect to be told now: at the next turn */
    ct_sip_table_add(&server->sip->untold, &server->merged);
    ct_timer_start(server->sip->wheel, &server->life, 0);
}

static void tell_untold(struct ct_sip_server *server)
{
    ct_timer_stop(&server->life);
    ct_sip_table_remove(&server->sip->untold, &server->merged);
    if (server->watched)
        server->events->gone(server->ctx, server->why);
}

static void close_server(struct ct_sip_server *server)
{
    server->busy++;
    server->state = CT_SIP_TERMINATED;
    server->why = CT_SIP_GONE_CLOSED;
    terminate(server);
    server->busy--;
    release(server);
}

void ct_sip_servers_close(struct ct_sip *sip)
{
    struct ct_sip_link *link;
    for (size_t at = 0; (link = ct_sip_table_any(&sip->servers, &at)) != NULL;)
        close_server(CT_SIP_OF_LINK(struct ct_sip_server, link, link));
    for (size_t at = 0; (link = ct_sip_table_any(&sip->untold, &at)) != NULL;)
        tell_untold(CT_SIP_OF_LINK(struct ct_sip_server, merged, link));
}

/* ---- timers ---- */

static void repeat_fired(void *ctx)
{
    struct ct_sip_server *server = ctx;
    (void)step(server, CT_SIP_E_RETRANSMIT);
}

static void life_fired(void *ctx)
{
    struct ct_sip_server *server = ctx;
    if (server->state == CT_SIP_TERMINATED)
        tell_untold(server);
    else
        (void)step(server, server->machine->life_event[server->state]);
}

static void set_repeat(struct ct_sip_server *server, enum ct_sip_timer timer)
{
    if (timer == CT_SIP_KEEP)
        return;
    ct_timer_stop(&server->repeat);
    if (timer == CT_SIP_STOP)
        return;
    int64_t ms = ct_sip_timer_ms(timer, &server->sip->times, ct_sip_reliable(server->to.transport),
                                 server->repeat_ms);
    if (ms < 0)
        return;
    server->repeat_ms = timer == CT_SIP_TIMER_100 ? 0 : ms;
    ct_timer_start(server->sip->wheel, &server->repeat, ms);
}

/* True: it is over at once. */
static bool set_life(struct ct_sip_server *server, enum ct_sip_timer timer)
{
    if (timer == CT_SIP_KEEP)
        return false;
    ct_timer_stop(&server->life);
    if (timer == CT_SIP_STOP)
        return false;
    int64_t ms =
        ct_sip_timer_ms(timer, &server->sip->times, ct_sip_reliable(server->to.transport), 0);
    if (ms > 0)
        ct_timer_start(server->sip->wheel, &server->life, ms);
    return ms <= 0;
}

/* ---- the machine ---- */

/* When the stream on which the request came is lost, a new one goes to the port of sent-by (section 18.2.2). */
static enum ct_result transmit(struct ct_sip_server *server, struct ct_str answer)
{
    enum ct_result result = ct_sip_transmit(server->sip, &server->to, answer, server->call_id);
    bool again = server->to.transport == CT_SIP_TCP || server->to.transport == CT_SIP_TLS;
    if (result == CT_OK || !again || server->to.connection == 0)
        return result;
    server->to.connection = 0;
    server->to.peer.port = server->sent_by_port;
    return ct_sip_transmit(server->sip, &server->to, answer, server->call_id);
}

static enum ct_result send_last(struct ct_sip_server *server)
{
    if (server->last_len == 0)
        return CT_OK;
    return transmit(server, (struct ct_str){server->last, server->last_len});
}

/* What fails here does no harm: a 100 more or less. */
static void say_trying(struct ct_sip_server *server)
{
    enum ct_result result = ct_sip_reply(server, 100, NULL);
    (void)result;
}

static enum ct_result step(struct ct_sip_server *server, enum ct_sip_event event)
{
    const struct ct_sip_step *row = &server->machine->steps[server->state][event];
    enum ct_result sent = CT_OK;

    assert(row->possible);
    server->busy++;
    server->state = row->next;
    set_repeat(server, row->retransmit);
    bool over = set_life(server, row->life);
    if (row->actions & CT_SIP_SEND)
        sent = send_last(server);
    if (row->actions & CT_SIP_SAY_100)
        say_trying(server);
    if (row->actions & CT_SIP_PASS)
        server->to_dialog = true;
    if (row->actions & CT_SIP_UNACKED)
        server->why = CT_SIP_GONE_TIMEOUT;
    if (row->actions & CT_SIP_INFORM)
        server->why = CT_SIP_GONE_TRANSPORT;
    if (server->state == CT_SIP_TERMINATED)
        terminate(server);
    else if (sent != CT_OK)
        (void)step(server, CT_SIP_E_TRANSPORT);
    if (over && server->state != CT_SIP_TERMINATED)
        (void)step(server, server->machine->life_event[server->state]);
    server->busy--;
    release(server);
    return sent;
}

/* ---- its beginning (section 17.2.3) ---- */

static bool has_cookie(struct ct_str branch)
{
    return branch.len > 7 && strncasecmp(branch.at, CT_SIP_BRANCH_COOKIE, 7) == 0;
}

enum ct_result ct_sip_server_key(const struct ct_sip *sip, struct ct_arena *arena,
                                 const struct ct_sip_message *request, struct ct_str method,
                                 uint64_t out[2])
{
    const struct ct_sip_via *via = &request->via;
    char digits[16];
    struct ct_buf number = {.at = digits, .capacity = sizeof(digits)};

    if (has_cookie(via->branch)) {
        ct_buf_int(&number, via->port);
        const struct ct_str texts[] = {method, via->branch, via->host, {digits, number.len}};
        return ct_sip_key(sip, arena, texts, 4, out);
    }
    ct_buf_int(&number, request->cseq);
    const struct ct_str texts[] = {method,           CT_STR("RFC 2543"), request->uri.text,
                                   request->call_id, request->from.tag,  {digits, number.len},
                                   via->text};
    return ct_sip_key(sip, arena, texts, 7, out);
}

struct ct_sip_server *ct_sip_server_find(struct ct_sip *sip, const uint64_t key[2],
                                         const struct ct_sip_message *request)
{
    struct ct_sip_link *link = ct_sip_table_find(&sip->servers, key);
    if (link == NULL)
        return NULL;
    struct ct_sip_server *server = CT_SIP_OF_LINK(struct ct_sip_server, link, link);
    if (has_cookie(request->via.branch))
        return server;
    /* Of RFC 2543: an ACK has our tag, what comes once more has the tag that it had. */
    bool ours = request->method == CT_SIP_ACK || server->tagged;
    return ct_str_equal(request->to.tag, ours ? server->tag : CT_STR("")) ? server : NULL;
}

/* Whose 101 to 299 make a dialog, or may. */
static bool makes_dialog(enum ct_sip_method method)
{
    return method == CT_SIP_INVITE || method == CT_SIP_SUBSCRIBE || method == CT_SIP_REFER ||
           method == CT_SIP_NOTIFY;
}

enum ct_result ct_sip_server_new(struct ct_sip *sip, struct ct_arena *arena,
                                 const struct ct_sip_hop *from,
                                 const struct ct_sip_message *request, const uint64_t key[2],
                                 const uint64_t *merged_key, struct ct_sip_server **out)
{
    struct ct_buf text = ct_buf_in(arena);
    int64_t tag_at;

    ct_sip_write_reply_head(&text, request, from, CT_STR(""), &tag_at);
    size_t head = text.len;
    if (makes_dialog(request->method))
        ct_sip_write_record_routes(&text, request);
    size_t routes = text.len - head;
    size_t tag_at_end = text.len;
    bool tagged = request->to.tag.len > 0;
    if (tagged) {
        ct_buf_str(&text, request->to.tag);
    } else {
        struct ct_sip_token token = ct_sip_token(sip);
        ct_buf_str(&text, CT_SIP_TOKEN_STR(token));
    }
    size_t call_id_at = text.len;
    ct_buf_str(&text, request->call_id);
    if (text.failed)
        return CT_NOMEM;
    struct ct_sip_server *server = malloc(sizeof(*server) + text.len);
    if (server == NULL)
        return CT_NOMEM;
    bool invite = request->method == CT_SIP_INVITE;
    const struct ct_sip_machine *machine = invite ? &ct_sip_invite_server : &ct_sip_other_server;
    memset(server, 0, sizeof(*server));
    memcpy(server->room, text.at, text.len);
    size_t split = tag_at < 0 ? head : (size_t)tag_at;
    server->before_tag = (struct ct_str){server->room, split};
    server->after_tag = (struct ct_str){server->room + split, head - split};
    server->routes = (struct ct_str){server->room + head, routes};
    server->tag = (struct ct_str){server->room + tag_at_end, call_id_at - tag_at_end};
    server->call_id = (struct ct_str){server->room + call_id_at, text.len - call_id_at};
    server->tagged = tagged;
    server->sip = sip;
    server->machine = machine;
    server->state = machine->initial;
    server->method = request->method;
    server->from = *from;
    server->to = ct_sip_reply_hop(request, from);
    server->sent_by_port =
        request->via.port != 0 ? request->via.port : ct_sip_default_port(from->transport);
    server->repeat = (struct ct_timer){.fire = repeat_fired, .ctx = server};
    server->life = (struct ct_timer){.fire = life_fired, .ctx = server};
    memcpy(server->link.key, key, sizeof(server->link.key));
    ct_sip_table_add(&sip->servers, &server->link);
    server->source = ct_sip_source_enter(sip, from);
    if (merged_key != NULL) {
        memcpy(server->merged.key, merged_key, sizeof(server->merged.key));
        ct_sip_table_add(&sip->merged, &server->merged);
    }
    set_repeat(server, machine->retransmit);
    (void)set_life(server, machine->life);
    *out = server;
    return CT_OK;
}

/* Nobody will answer it. Without memory for an answer it is as if the request had not come. */
static void answer_for_nobody(struct ct_sip_server *server)
{
    if (!ct_sip_server_answered(server) && ct_sip_reply(server, 500, NULL) == CT_NOMEM)
        close_server(server);
}

void ct_sip_server_hand_over(struct ct_sip_server *server,
                             void (*request)(void *, struct ct_sip_server *,
                                             const struct ct_sip_message *),
                             void *ctx, const struct ct_sip_message *message)
{
    server->busy++;
    request(ctx, server, message);
    if (!server->watched)
        answer_for_nobody(server);
    server->busy--;
    release(server);
}

void ct_sip_server_repeated(struct ct_sip_server *server)
{
    (void)step(server, CT_SIP_E_REQUEST);
}

bool ct_sip_server_acked(struct ct_sip_server *server)
{
    server->busy++;
    server->to_dialog = false;
    (void)step(server, CT_SIP_E_ACK);
    bool to_dialog = server->to_dialog;
    server->busy--;
    release(server);
    return to_dialog;
}

void ct_sip_server_answer_cancel(struct ct_sip_server *server, struct ct_str tag)
{
    const struct ct_sip_reply_options options = {.to_tag = tag};
    if (ct_sip_reply(server, 200, &options) == CT_NOMEM)
        close_server(server);
}

void ct_sip_server_cancelled(struct ct_sip_server *server, const struct ct_sip_message *cancel)
{
    if (ct_sip_server_answered(server))
        return;
    if (server->watched && server->events->cancelled != NULL)
        server->events->cancelled(server->ctx, cancel);
    else if (ct_sip_reply(server, 487, NULL) == CT_NOMEM)
        close_server(server);
}

/* ---- for the user ---- */

void ct_sip_server_watch(struct ct_sip_server *server, const struct ct_sip_server_events *events,
                         void *ctx)
{
    server->events = events;
    server->ctx = ctx;
    server->watched = true;
}

void ct_sip_server_forget(struct ct_sip_server *server)
{
    assert(server->watched);
    server->busy++;
    server->watched = false;
    answer_for_nobody(server);
    server->busy--;
    release(server);
}

static void write_answer(struct ct_buf *out, const struct ct_sip_server *server, int status,
                         const struct ct_sip_reply_options *options)
{
    ct_sip_write_status_line(out, status, options->reason);
    ct_buf_str(out, server->before_tag);
    if (status > 100 && !server->tagged) {
        ct_buf_text(out, ";tag=");
        ct_buf_str(out, options->to_tag.len > 0 ? options->to_tag : server->tag);
    }
    ct_buf_str(out, server->after_tag);
    if (status > 100 && status < 300)
        ct_buf_str(out, server->routes);
    ct_sip_write_reply_rest(out, server->sip->options.name, options);
}

/* Keeps the answer, for those who ask once more. */
static enum ct_result keep(struct ct_sip_server *server, struct ct_str answer)
{
    if (answer.len > server->last_capacity) {
        char *last = realloc(server->last, answer.len);
        if (last == NULL)
            return CT_NOMEM;
        server->last = last;
        server->last_capacity = answer.len;
    }
    memcpy(server->last, answer.at, answer.len);
    server->last_len = answer.len;
    return CT_OK;
}

enum ct_result ct_sip_reply(struct ct_sip_server *server, int status,
                            const struct ct_sip_reply_options *options)
{
    static const struct ct_sip_reply_options none;
    enum ct_sip_event event = status < 200   ? CT_SIP_E_1XX
                              : status < 300 ? CT_SIP_E_2XX
                                             : CT_SIP_E_FAILURE;

    assert(status >= 100 && status <= 699);
    if (ct_sip_server_answered(server))
        return CT_STALE;
    CT_SIP_ARENA(arena);
    if (arena == NULL)
        return CT_NOMEM;
    struct ct_buf text = ct_buf_in(arena);
    options = options == NULL ? &none : options;
    write_answer(&text, server, status, options);
    struct ct_str answer = {text.at, text.len};
    enum ct_result result = text.failed ? CT_NOMEM : CT_OK;
    server->busy++;
    server->replies = true;
    if (result == CT_OK && options->forget && status >= 200) {
        server->status = status;
        server->state = CT_SIP_TERMINATED;
        result = transmit(server, answer);
        terminate(server);
    } else if (result == CT_OK && (result = keep(server, answer)) == CT_OK) {
        server->status = status;
        result = step(server, event);
    }
    server->replies = false;
    server->busy--;
    release(server);
    ct_arena_free(arena);
    return result;
}

enum ct_result ct_sip_reply_again(struct ct_sip_server *server)
{
    if (server->state == CT_SIP_TERMINATED || server->last_len == 0)
        return CT_STALE;
    return send_last(server);
}

struct ct_str ct_sip_server_tag(const struct ct_sip_server *server)
{
    return server->tag;
}

const struct ct_sip_hop *ct_sip_server_from(const struct ct_sip_server *server)
{
    return &server->from;
}

enum ct_sip_method ct_sip_server_method(const struct ct_sip_server *server)
{
    return server->method;
}

struct ct_sip *ct_sip_server_endpoint(const struct ct_sip_server *server)
{
    return server->sip;
}

bool ct_sip_server_answered(const struct ct_sip_server *server)
{
    return server->status >= 200 || server->state == CT_SIP_TERMINATED;
}
