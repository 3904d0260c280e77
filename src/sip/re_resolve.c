/* Questions to the DNS, over UDP, with libre's reader of its messages. Each has a socket of its own, connected to one
 * server: its port is chance, and nobody else can answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sip/re_inside.h"
#include "sip/resolve.h"

#define SERVERS_MOST 4
#define NAME_MOST 253
#define RECORDS_MOST 32
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

/* In the order of enum ct_dns_type. */
static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_SRV, DNS_TYPE_NAPTR};

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
        mbuf_write_u16(text, htons(types[question->type])) == 0 &&
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

static struct ct_str without_dot(const char *name)
{
    struct ct_str text = ct_str_of(name);
    while (text.len > 0 && text.at[text.len - 1] == '.')
        text.len--;
    return text;
}

static bool read_record(const struct dnsrr *record, enum ct_dns_type type,
                        struct ct_dns_record *out)
{
    if (record->type != types[type] || record->dnsclass != DNS_CLASS_IN)
        return false;
    *out = (struct ct_dns_record){.type = type};
    uint32_t v4 = htonl(record->rdata.a.addr);
    switch (type) {
    case CT_DNS_A:
        out->address.family = CT_SIP_IPV4;
        memcpy(out->address.bytes, &v4, sizeof(v4));
        break;
    case CT_DNS_AAAA:
        out->address.family = CT_SIP_IPV6;
        memcpy(out->address.bytes, record->rdata.aaaa.addr, sizeof(out->address.bytes));
        break;
    case CT_DNS_SRV:
        out->priority = record->rdata.srv.pri;
        out->weight = record->rdata.srv.weight;
        out->port = record->rdata.srv.port;
        out->target = without_dot(record->rdata.srv.target);
        break;
    case CT_DNS_NAPTR:
        out->priority = record->rdata.naptr.order;
        out->weight = record->rdata.naptr.pref;
        out->flags = ct_str_of(record->rdata.naptr.flags);
        out->service = ct_str_of(record->rdata.naptr.services);
        out->target = without_dot(record->rdata.naptr.replace);
        break;
    }
    return true;
}

/* Whether it is the answer to this question; what it says of it is then in the rest. */
static bool is_answer(const struct ct_dns_question *question, struct mbuf *text,
                      struct dnshdr *head)
{
    char *name = NULL;
    bool same = dns_hdr_decode(text, head) == 0 && head->qr && head->id == question->id &&
                head->nq == 1 && dns_dname_decode(text, &name, 0) == 0 &&
                str_casecmp(name, question->name) == 0 && mbuf_get_left(text) >= 4 &&
                ntohs(mbuf_read_u16(text)) == types[question->type] &&
                ntohs(mbuf_read_u16(text)) == DNS_CLASS_IN;
    mem_deref(name);
    return same;
}

static void take_answer(struct ct_dns_question *question, struct mbuf *text,
                        const struct dnshdr *head)
{
    struct dnsrr *kept[RECORDS_MOST];
    struct ct_dns_record records[RECORDS_MOST];
    size_t count = 0;
    for (size_t i = 0; i < head->nans && count < RECORDS_MOST; i++) {
        struct dnsrr *record = NULL;
        if (dns_rr_decode(text, &record, 0) != 0)
            break;
        if (read_record(record, question->type, &records[count]))
            kept[count++] = record;
        else
            mem_deref(record);
    }
    end(question, records, count);
    for (size_t i = 0; i < count; i++)
        mem_deref(kept[i]);
}

static void came(int flags, void *arg)
{
    struct ct_dns_question *question = arg;
    struct ct_sip_net *net = question->dns->net;
    struct dnshdr head;
    (void)flags;
    struct mbuf *text = mbuf_alloc(MESSAGE_MOST);
    ssize_t size = text == NULL ? -1 : recv(question->fd, text->buf, text->size, MSG_DONTWAIT);
    if (size > 0)
        text->end = (size_t)size;
    bool refused = size < 0 && errno != EAGAIN;
    if (size > 0 && is_answer(question, text, &head)) {
        refused = head.rcode != DNS_RCODE_OK && head.rcode != DNS_RCODE_NAME_ERR;
        if (!refused)
            take_answer(question, text, &head);
    }
    if (refused && !try_next(question))
        end(question, NULL, 0);
    mem_deref(text);
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
