/* Questions to the DNS, over UDP, with libre's reader of its messages. Each has a socket of its own, connected to one
 * server: its port is chance, and nobody else can answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sip/re_dns.h"
#include "sip/re_inside.h"

#define SERVERS_MOST 4
#define NAME_MOST 253
#define MESSAGE_MOST 4096
/* A question is asked twice of each server. */
#define ROUNDS 2
#define WAIT_MS 1500

struct ct_dns_question {
    struct ct_dns_question *next, **link;
    struct ct_re_dns *dns;
    ct_dns_answered *answered;
    void *ctx;
    enum ct_dns_type type;
    char name[NAME_MOST + 1];
    uint16_t id;
    int fd;
    size_t tries;
    int64_t asked_ms;
};

struct ct_re_dns {
    struct ct_sip_net *net;
    struct ct_dns face;
    struct sa servers[SERVERS_MOST];
    uint32_t server_count;
    struct ct_dns_question *questions;
};

static void close_socket(struct ct_dns_question *question)
{
    if (question->fd < 0)
        return;
    fd_close(question->fd);
    (void)close(question->fd);
    question->fd = -1;
}

static void free_question(struct ct_dns_question *question)
{
    close_socket(question);
    *question->link = question->next;
    if (question->next != NULL)
        question->next->link = question->link;
    free(question);
}

static void end(struct ct_dns_question *question, const struct ct_dns_record *records, size_t count)
{
    ct_dns_answered *answered = question->answered;
    void *ctx = question->ctx;
    free_question(question);
    answered(ctx, records, count);
}

static void came(int flags, void *arg);

static bool send_question(struct ct_dns_question *question, const struct sa *server)
{
    const struct dnshdr head = {.id = question->id, .rd = true, .nq = 1};
    bool sent = false;
    struct mbuf *text = mbuf_alloc(512);
    if (text == NULL)
        return false;
    question->fd = socket(sa_af(server), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (question->fd >= 0 && connect(question->fd, &server->u.sa, server->len) == 0 &&
        fd_listen(question->fd, FD_READ, came, question) == 0 && dns_hdr_encode(text, &head) == 0 &&
        dns_dname_encode(text, question->name, NULL, 0, false) == 0 &&
        mbuf_write_u16(text, htons(ct_re_dns_type(question->type))) == 0 &&
        mbuf_write_u16(text, htons(DNS_CLASS_IN)) == 0)
        sent = send(question->fd, text->buf, text->end, MSG_NOSIGNAL) == (ssize_t)text->end;
    mem_deref(text);
    if (!sent)
        close_socket(question);
    return sent;
}

/* Asks the next server; false: all have been asked. */
static bool try_next(struct ct_dns_question *question)
{
    struct ct_re_dns *dns = question->dns;
    const struct ct_sip_env *env = &dns->net->env;
    close_socket(question);
    while (question->tries < (size_t)ROUNDS * dns->server_count) {
        const struct sa *server = &dns->servers[question->tries++ % dns->server_count];
        env->random(env->ctx, &question->id, sizeof(question->id));
        question->asked_ms = ct_re_now_ms();
        if (send_question(question, server))
            return true;
    }
    return false;
}

static void came(int flags, void *arg)
{
    struct ct_dns_question *question = arg;
    struct ct_sip_net *net = question->dns->net;
    struct ct_dns_record records[CT_RE_DNS_RECORDS];
    char text[MESSAGE_MOST];
    size_t count;
    (void)flags;
    struct ct_arena *arena = ct_arena_new();
    ssize_t size = recv(question->fd, text, sizeof(text), MSG_DONTWAIT);
    enum ct_result result = CT_INVALID;
    if (arena != NULL && size > 0)
        result = ct_re_dns_read(arena, (struct ct_str){text, (size_t)size}, question->id,
                                question->name, question->type, records, &count);
    else if (arena == NULL || errno != EAGAIN)
        result = CT_UNAVAILABLE;
    if (result == CT_OK)
        end(question, records, count);
    else if (result != CT_INVALID && !try_next(question))
        end(question, NULL, 0);
    ct_arena_free(arena);
    ct_re_turn(net);
}

static enum ct_result ask(void *ctx, struct ct_str name, enum ct_dns_type type,
                          ct_dns_answered *answered, void *answered_ctx,
                          struct ct_dns_question **out)
{
    struct ct_re_dns *dns = ctx;
    while (name.len > 0 && name.at[name.len - 1] == '.')
        name.len--;
    if (name.len == 0 || name.len > NAME_MOST)
        return CT_UNAVAILABLE;
    struct ct_dns_question *question = calloc(1, sizeof(*question));
    if (question == NULL)
        return CT_NOMEM;
    memcpy(question->name, name.at, name.len);
    question->dns = dns;
    question->answered = answered;
    question->ctx = answered_ctx;
    question->type = type;
    question->fd = -1;
    question->next = dns->questions;
    question->link = &dns->questions;
    if (question->next != NULL)
        question->next->link = &question->next;
    dns->questions = question;
    if (!try_next(question)) {
        free_question(question);
        return CT_UNAVAILABLE;
    }
    *out = question;
    return CT_OK;
}

static void cancel(void *ctx, struct ct_dns_question *question)
{
    (void)ctx;
    free_question(question);
}

void ct_re_dns_sweep(struct ct_sip_net *net, int64_t now_ms)
{
    struct ct_dns_question *question = net->dns == NULL ? NULL : net->dns->questions;
    while (question != NULL) {
        struct ct_dns_question *next = question->next;
        if (now_ms - question->asked_ms >= WAIT_MS && !try_next(question)) {
            end(question, NULL, 0);
            next = net->dns->questions; /* others may have come and gone */
        }
        question = next;
    }
}

/* The system's servers, or those of the options. */
static struct ct_re_dns *dns_of(struct ct_sip_net *net)
{
    char domain[256];
    if (net->dns != NULL)
        return net->dns;
    struct ct_re_dns *dns = calloc(1, sizeof(*dns));
    if (dns == NULL)
        return NULL;
    dns->net = net;
    dns->face = (struct ct_dns){.ctx = dns, .ask = ask, .cancel = cancel};
    dns->server_count = SERVERS_MOST;
    if (net->options.dns_server != NULL) {
        dns->server_count = ct_re_to_sa(net->options.dns_server, &dns->servers[0]) ? 1 : 0;
    } else if (dns_srv_get(domain, sizeof(domain), dns->servers, &dns->server_count) != 0) {
        dns->server_count = 0;
    }
    net->dns = dns;
    return dns;
}

void ct_re_dns_free(struct ct_sip_net *net)
{
    if (net->dns == NULL)
        return;
    while (net->dns->questions != NULL)
        free_question(net->dns->questions);
    free(net->dns);
    net->dns = NULL;
}

enum ct_result ct_re_resolve(void *ctx, struct ct_str uri, ct_sip_found *found, void *found_ctx,
                             struct ct_sip_lookup **out)
{
    struct ct_sip_net *net = ctx;
    struct ct_re_dns *dns = dns_of(net);
    if (dns == NULL)
        return CT_NOMEM;
    struct ct_sip_resolve_options options = {.dns = &dns->face, .env = &net->env};
    for (size_t i = 0; i < net->listener_count; i++) {
        options.ipv4 |= ct_re_reaches(&net->listeners[i], CT_SIP_IPV4);
        options.ipv6 |= net->listeners[i].address.family == CT_SIP_IPV6;
    }
    return ct_sip_resolve(&options, uri, found, found_ctx, out);
}

void ct_re_resolve_cancel(void *ctx, struct ct_sip_lookup *lookup)
{
    (void)ctx;
    ct_sip_resolve_cancel(lookup);
}
