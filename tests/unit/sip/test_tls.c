#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sip/re_net.h"
#include "sip/see.h"

/* Two networks of this process that talk over TLS: whose certificate counts, and which connection is used again. */

#define MESSAGE "OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n"
#define NAME "sip.example.com"

/* The certificate that the server has, signed by itself and trusted by the client; main() makes it. */
static char certificate[64];
static char key[64];

struct end {
    struct ct_sip_net *net;
    struct ct_arena *arena;
    const struct ct_sip_env *env;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct ct_sip_hop from;
    size_t received, lost, distrusted, sent;
    enum ct_result result; /* of what was sent last */
    char name[64];
    /* what is to be sent */
    struct ct_sip_letter letter;
    struct ct_sip_hop to;
};

static void note(struct end *end, size_t *count)
{
    ++*count;
    (void)pthread_cond_broadcast(&end->changed);
    (void)pthread_mutex_unlock(&end->lock);
}

static void received(void *ctx, const struct ct_sip_hop *from, struct ct_str bytes)
{
    struct end *end = ctx;
    (void)bytes;
    (void)pthread_mutex_lock(&end->lock);
    end->from = *from;
    note(end, &end->received);
}

static void lost(void *ctx, const struct ct_sip_hop *hop)
{
    struct end *end = ctx;
    (void)hop;
    (void)pthread_mutex_lock(&end->lock);
    note(end, &end->lost);
}

static void distrusted(void *ctx, const char *name, const char *why)
{
    struct end *end = ctx;
    (void)pthread_mutex_lock(&end->lock);
    (void)snprintf(end->name, sizeof(end->name), "%s", name);
    note(end, why[0] == '\0' ? &end->sent : &end->distrusted);
}

static void turn(void *ctx)
{
    (void)ctx;
}

static int64_t next_ms(void *ctx)
{
    (void)ctx;
    return INT64_MAX;
}

static enum ct_result open_end(struct end *end, enum ct_sip_transport transport)
{
    const struct ct_sip_listen listen = {transport, "127.0.0.1", 0};
    const struct ct_sip_net_options options = {.listen = &listen,
                                               .listen_count = 1,
                                               .public_address = "",
                                               .tls_cert_file = certificate,
                                               .tls_key_file = key,
                                               .connections_max = 16,
                                               .connections_per_address = 16,
                                               .idle_ms = 600000,
                                               .message_ms = 600000,
                                               .message_bytes = 1000};
    const struct ct_sip_net_user user = {.ctx = end,
                                         .receive = received,
                                         .lost = lost,
                                         .distrusted = distrusted,
                                         .turn = turn,
                                         .next_ms = next_ms};
    const char *why = NULL;
    *end = (struct end){.arena = ct_arena_new()};
    (void)pthread_mutex_init(&end->lock, NULL);
    (void)pthread_cond_init(&end->changed, NULL);
    if (end->arena == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_sip_net_bind(&options, end->arena, &end->net, &why);
    if (result != CT_OK)
        return result;
    end->env = ct_sip_net_env(end->net);
    return ct_sip_net_start(end->net, &user, end->arena, &why);
}

static void close_end(struct end *end)
{
    if (end->arena == NULL)
        return;
    ct_sip_net_free(end->net);
    ct_arena_free(end->arena);
    (void)pthread_cond_destroy(&end->changed);
    (void)pthread_mutex_destroy(&end->lock);
}

static void send_there(void *ctx)
{
    struct end *end = ctx;
    enum ct_result result = end->env->send(end->env->ctx, &end->to, CT_STR(MESSAGE));
    (void)pthread_mutex_lock(&end->lock);
    end->result = result;
    note(end, &end->sent);
}

/* Sends from an end's own thread; then waits until it has come to the other one, or could not. What the other one has lost
 * says nothing: it may be a connection of before. */
static void say(struct end *end, struct end *other, const struct ct_sip_hop *to)
{
    const struct ct_sip_post post = ct_sip_net_post(end->net);
    (void)pthread_mutex_lock(&other->lock);
    size_t heard = other->received;
    (void)pthread_mutex_unlock(&other->lock);
    (void)pthread_mutex_lock(&end->lock);
    size_t sent = end->sent;
    size_t gone = end->lost;
    end->to = *to;
    end->letter = (struct ct_sip_letter){.open = send_there, .ctx = end};
    post.post(post.ctx, &end->letter);
    while (end->sent == sent)
        (void)pthread_cond_wait(&end->changed, &end->lock);
    bool over = end->result != CT_OK;
    (void)pthread_mutex_unlock(&end->lock);
    while (!over) {
        (void)pthread_mutex_lock(&end->lock);
        over = end->lost > gone;
        (void)pthread_mutex_unlock(&end->lock);
        (void)pthread_mutex_lock(&other->lock);
        over = over || other->received > heard;
        (void)pthread_mutex_unlock(&other->lock);
        if (!over)
            (void)usleep(1000);
    }
}

/* Until an end knows that so many connections are gone; where an allocation has failed there may have been fewer. */
static void await_lost(struct end *end, size_t count)
{
    bool over = false;
    while (!over) {
        (void)pthread_mutex_lock(&end->lock);
        over = end->lost >= count || ct_allocations_failed();
        (void)pthread_mutex_unlock(&end->lock);
        if (!over)
            (void)usleep(1000);
    }
}

static enum ct_result test_names(void)
{
    enum ct_result result = CT_OK;
    struct end server = {0};
    struct end client = {0};
    const struct ct_sip_listen *listen;
    struct ct_sip_hop to = {.transport = CT_SIP_TLS};
    uint64_t first;
    uint64_t second;
    TRY(open_end(&server, CT_SIP_TLS));
    TRY(open_end(&client, CT_SIP_UDP));
    (void)ct_sip_net_listeners(server.net, &listen);
    (void)ct_sip_address_parse(CT_STR("127.0.0.1"), &to.peer);
    to.peer.port = listen[0].port;
    /* nobody looks, and then somebody does: not over the same connection */
    say(&client, &server, &to);
    SEE(server.received == 1);
    first = server.from.connection;
    to.name = NAME;
    say(&client, &server, &to);
    SEE(server.received == 2 && client.lost == 0);
    second = server.from.connection;
    SEE(second != first);
    to.name = "SIP.example.COM";
    say(&client, &server, &to);
    SEE(server.received == 3 && server.from.connection == second);
    /* any connection will do for who does not look */
    to.name = NULL;
    say(&client, &server, &to);
    SEE(server.received == 4 && client.distrusted == 0);
    /* another name, and an address that the certificate does not have */
    to.name = "other.example.com";
    say(&client, &server, &to);
    SEE(server.received == 4 && client.distrusted > 0 && strcmp(client.name, to.name) == 0);
    client.distrusted = 0;
    to.name = "127.0.0.1";
    say(&client, &server, &to);
    SEE(server.received == 4 && client.distrusted > 0 && strcmp(client.name, to.name) == 0);
    await_lost(&server, 2);
    /* nor is a connection used that the other side has opened: nobody knows who that is */
    struct ct_sip_hop back = {.transport = CT_SIP_TLS, .peer = server.from.peer};
    say(&server, &client, &back);
    SEE(client.received == 1);
    back.name = NAME;
    say(&server, &client, &back);
    SEE(client.received == 1);
out:
    if (client.net != NULL)
        ct_sip_net_end(client.net);
    close_end(&client);
    close_end(&server);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_names),
};

int main(void)
{
    char folder[] = "/tmp/ct-unit-tls-XXXXXX";
    char command[512];
    if (mkdtemp(folder) == NULL)
        return 1;
    (void)snprintf(certificate, sizeof(certificate), "%s/certificate.pem", folder);
    (void)snprintf(key, sizeof(key), "%s/key.pem", folder);
    (void)snprintf(command, sizeof(command),
                   "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                   "-days 2 -subj /CN=x -addext subjectAltName=DNS:" NAME
                   " -keyout %s -out %s 2>%s/said || cat %s/said >&2",
                   key, certificate, folder, folder);
    int status = system(command);
    (void)setenv("SSL_CERT_FILE", certificate, 1);
    if (status == 0)
        status = ct_unit_main("sip/tls", units, sizeof(units) / sizeof(units[0]));
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command) != 0 || status != 0;
}
