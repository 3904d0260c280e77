#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "sip/re_net.h"

#define MESSAGE "OPTIONS sip:a SIP/2.0\r\nContent-Length: 4\r\n\r\nbody"
#define SHAKE                                                                      \
    "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"              \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
    "Sec-WebSocket-Protocol: sip\r\n\r\n"

/* A network that says everything back. */
struct echo {
    struct ct_sip_net *net;
    struct ct_arena *arena;
    const struct ct_sip_env *env;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct ct_sip_hop from;
    struct ct_sip_local local;
    size_t received, lost, ended;
    enum ct_result sent;
};

static void received(void *ctx, const struct ct_sip_hop *from, struct ct_str bytes)
{
    struct echo *echo = ctx;
    (void)pthread_mutex_lock(&echo->lock);
    echo->from = *from;
    echo->received++;
    echo->env->local(echo->env->ctx, from, &echo->local);
    (void)pthread_cond_broadcast(&echo->changed);
    (void)pthread_mutex_unlock(&echo->lock);
    (void)!echo->env->send(echo->env->ctx, from, bytes);
}

static void lost(void *ctx, const struct ct_sip_hop *hop)
{
    struct echo *echo = ctx;
    (void)pthread_mutex_lock(&echo->lock);
    echo->from = *hop;
    echo->lost++;
    (void)pthread_cond_broadcast(&echo->changed);
    (void)pthread_mutex_unlock(&echo->lock);
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

static void ended(void *ctx)
{
    struct echo *echo = ctx;
    echo->ended++;
}

/* The one of test_names; nobody else asks any. */
static struct ct_sip_socket dns_server;

static enum ct_result open_echo(struct echo *echo, const struct ct_sip_listen *listen, size_t count,
                                size_t connections, int64_t idle_ms)
{
    const struct ct_sip_net_options options = {.listen = listen,
                                               .listen_count = count,
                                               .public_address = "",
                                               .tls_cert_file = "",
                                               .tls_key_file = "",
                                               .connections_max = connections,
                                               .connections_per_address = 2,
                                               .idle_ms = idle_ms,
                                               .message_ms = idle_ms,
                                               .dns_server = &dns_server,
                                               .message_bytes = 1000};
    const struct ct_sip_net_user user = {.ctx = echo,
                                         .receive = received,
                                         .lost = lost,
                                         .turn = turn,
                                         .next_ms = next_ms,
                                         .end = ended};
    const char *why = NULL;
    *echo = (struct echo){.arena = ct_arena_new()};
    (void)pthread_mutex_init(&echo->lock, NULL);
    (void)pthread_cond_init(&echo->changed, NULL);
    if (echo->arena == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_sip_net_bind(&options, echo->arena, &echo->net, &why);
    if (result != CT_OK)
        return result;
    echo->env = ct_sip_net_env(echo->net);
    return ct_sip_net_start(echo->net, &user, echo->arena, &why);
}

static void close_echo(struct echo *echo)
{
    ct_sip_net_free(echo->net);
    ct_arena_free(echo->arena);
    (void)pthread_cond_destroy(&echo->changed);
    (void)pthread_mutex_destroy(&echo->lock);
}

static struct sockaddr_in address_of(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
}

static uint16_t port_of(const struct echo *echo, size_t index)
{
    const struct ct_sip_listen *listen;
    (void)ct_sip_net_listeners(echo->net, &listen);
    return listen[index].port;
}

static int open_client(const struct echo *echo, size_t index, int type)
{
    struct sockaddr_in address = address_of(port_of(echo, index));
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static enum ct_result write_all(int fd, const void *bytes, size_t size)
{
    return send(fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size ? CT_OK : CT_NOMEM;
}

/* The other side ends a connection when it has no memory. */
static enum ct_result read_all(int fd, const void *expected, size_t size)
{
    char bytes[512];
    size_t at = 0;
    while (at < size) {
        ssize_t some = recv(fd, bytes + at, size - at, 0);
        if (some <= 0)
            return CT_NOMEM;
        at += (size_t)some;
    }
    return memcmp(bytes, expected, size) == 0 ? CT_OK : CT_BUG;
}

static enum ct_result read_end(int fd)
{
    char byte;
    return recv(fd, &byte, 1, 0) <= 0 ? CT_OK : CT_BUG;
}

static const struct ct_sip_listen all[] = {{CT_SIP_UDP, "127.0.0.1", 0},
                                           {CT_SIP_TCP, "127.0.0.1", 0},
                                           {CT_SIP_WS, "0.0.0.0", 0},
                                           {CT_SIP_UDP, "::", 0}};

/* A name for want of memory is none that a peer could use. */
static bool is_loopback(const struct echo *echo)
{
    return ct_str_equal(echo->local.host, CT_STR("127.0.0.1")) ||
           ct_str_equal(echo->local.host, CT_STR("nowhere.invalid"));
}

static enum ct_result test_udp(void)
{
    enum ct_result result = CT_OK;
    int fd = -1;
    int mapped = -1;
    struct echo echo;
    TRY(open_echo(&echo, all, 4, 4, 60000));
    EXPECT(port_of(&echo, 0) != 0 && port_of(&echo, 1) != 0);
    fd = open_client(&echo, 0, SOCK_DGRAM);
    EXPECT(fd >= 0);
    TRY(write_all(fd, "\r\n\r\n", 4));
    TRY(write_all(fd, "\0\0", 2));
    TRY(write_all(fd, "hello", 5));
    TRY(read_all(fd, "hello", 5));
    (void)pthread_mutex_lock(&echo.lock);
    bool known = echo.received == 1 && echo.from.transport == CT_SIP_UDP &&
                 echo.from.listener == 1 && echo.from.connection == 0 &&
                 echo.from.peer.family == CT_SIP_IPV4 &&
                 memcmp(echo.from.peer.bytes, "\x7f\0\0\1", 4) == 0;
    (void)pthread_mutex_unlock(&echo.lock);
    EXPECT(known && is_loopback(&echo));
    EXPECT(echo.local.port == port_of(&echo, 0) && echo.local.transport == CT_SIP_UDP);
    mapped = open_client(&echo, 3, SOCK_DGRAM);
    EXPECT(mapped >= 0);
    TRY(write_all(mapped, "again", 5));
    TRY(read_all(mapped, "again", 5));
    EXPECT(echo.from.peer.family == CT_SIP_IPV4 && echo.from.listener == 4);
    EXPECT(is_loopback(&echo));
out:
    if (fd >= 0)
        (void)close(fd);
    if (mapped >= 0)
        (void)close(mapped);
    close_echo(&echo);
    return result;
}

static enum ct_result test_tcp(void)
{
    enum ct_result result = CT_OK;
    int fd = -1;
    struct echo echo;
    TRY(open_echo(&echo, all, 2, 4, 60000));
    fd = open_client(&echo, 1, SOCK_STREAM);
    EXPECT(fd >= 0);
    TRY(write_all(fd, "OPT", 3));
    TRY(write_all(fd, &MESSAGE[3], strlen(MESSAGE) - 3));
    TRY(write_all(fd, "\r\n\r\n" MESSAGE, 4 + strlen(MESSAGE)));
    TRY(read_all(fd, MESSAGE "\r\n" MESSAGE, 2 * strlen(MESSAGE) + 2));
    EXPECT(echo.from.transport == CT_SIP_TCP && echo.from.connection != 0);
    (void)close(fd);
    fd = -1;
    (void)pthread_mutex_lock(&echo.lock);
    while (echo.lost == 0)
        (void)pthread_cond_wait(&echo.changed, &echo.lock);
    bool same = echo.from.connection == 1 && echo.from.transport == CT_SIP_TCP;
    (void)pthread_mutex_unlock(&echo.lock);
    EXPECT(same);
    ct_sip_net_free(echo.net);
    echo.net = NULL;
    EXPECT(echo.ended == 1);
out:
    if (fd >= 0)
        (void)close(fd);
    close_echo(&echo);
    return result;
}

static enum ct_result test_websocket(void)
{
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                 "Connection: Upgrade\r\nSec-WebSocket-Protocol: sip\r\n"
                                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
                                 "\x81\x05Hello";
    static const char frame[] = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    enum ct_result result = CT_OK;
    int fd = -1;
    struct echo echo;
    TRY(open_echo(&echo, all, 3, 4, 60000));
    fd = open_client(&echo, 2, SOCK_STREAM);
    EXPECT(fd >= 0);
    TRY(write_all(fd, SHAKE, strlen(SHAKE)));
    TRY(write_all(fd, frame, sizeof(frame) - 1));
    TRY(read_all(fd, answer, sizeof(answer) - 1));
    EXPECT(echo.from.transport == CT_SIP_WS && echo.local.transport == CT_SIP_WS);
out:
    if (fd >= 0)
        (void)close(fd);
    close_echo(&echo);
    return result;
}

/* One more than the limit is ended; so is one that says nothing, and one that does not end what it says. */
static enum ct_result test_limits(void)
{
    enum ct_result result = CT_OK;
    int fds[3] = {-1, -1, -1};
    struct echo echo;
    TRY(open_echo(&echo, all, 2, 4, 40));
    for (size_t i = 0; i < 3; i++) {
        fds[i] = open_client(&echo, 1, SOCK_STREAM);
        EXPECT(fds[i] >= 0);
    }
    (void)send(fds[1], "OPTIONS", 7, MSG_NOSIGNAL);
    for (size_t i = 0; i < 3; i++)
        TRY(read_end(fds[i]));
out:
    for (size_t i = 0; i < 3; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    close_echo(&echo);
    return result;
}

/* A message that the SIP thread sends. */
struct errand {
    struct ct_sip_letter letter;
    struct echo *echo;
    struct ct_sip_hop to;
};

static void run_errand(void *ctx)
{
    struct errand *errand = ctx;
    struct echo *echo = errand->echo;
    enum ct_result sent = echo->env->send(echo->env->ctx, &errand->to, CT_STR(MESSAGE));
    if (sent == CT_OK)
        sent = echo->env->send(echo->env->ctx, &errand->to, CT_STR(MESSAGE));
    (void)pthread_mutex_lock(&echo->lock);
    echo->sent = sent;
    echo->received = 1;
    (void)pthread_cond_broadcast(&echo->changed);
    (void)pthread_mutex_unlock(&echo->lock);
}

static enum ct_result run_there(struct errand *errand)
{
    struct echo *echo = errand->echo;
    const struct ct_sip_post post = ct_sip_net_post(echo->net);
    errand->letter = (struct ct_sip_letter){.open = run_errand, .ctx = errand};
    echo->received = 0;
    post.post(post.ctx, &errand->letter);
    (void)pthread_mutex_lock(&echo->lock);
    while (echo->received == 0)
        (void)pthread_cond_wait(&echo->changed, &echo->lock);
    (void)pthread_mutex_unlock(&echo->lock);
    return echo->sent;
}

static enum ct_result test_connect(void)
{
    enum ct_result result = CT_OK;
    int listener = -1;
    int fd = -1;
    struct echo echo;
    struct sockaddr_in address = address_of(0);
    socklen_t size = sizeof(address);
    TRY(open_echo(&echo, all, 2, 4, 60000));
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0);
    EXPECT(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    struct errand errand = {.echo = &echo,
                            .to = {.transport = CT_SIP_TCP,
                                   .peer = {.family = CT_SIP_IPV4,
                                            .bytes = {127, 0, 0, 1},
                                            .port = ntohs(address.sin_port)}}};
    TRY(run_there(&errand));
    fd = accept(listener, NULL, NULL);
    EXPECT(fd >= 0);
    TRY(read_all(fd, MESSAGE MESSAGE, 2 * strlen(MESSAGE)));
    /* The way that a message came is the way back. */
    TRY(write_all(fd, MESSAGE, strlen(MESSAGE)));
    TRY(read_all(fd, MESSAGE, strlen(MESSAGE)));
    errand.to.connection = 99;
    EXPECT_RESULT(CT_UNAVAILABLE, run_there(&errand));
    errand.to.connection = 0;
    errand.to.transport = CT_SIP_WS;
    EXPECT_RESULT(CT_UNAVAILABLE, run_there(&errand));
    errand.to.transport = CT_SIP_UDP;
    errand.to.peer.family = CT_SIP_IPV6; /* there is no socket for it */
    EXPECT_RESULT(CT_UNAVAILABLE, run_there(&errand));
out:
    if (fd >= 0)
        (void)close(fd);
    if (listener >= 0)
        (void)close(listener);
    close_echo(&echo);
    return result;
}

/* A question about a name, on the SIP thread. */
struct inquiry {
    struct ct_sip_letter letter;
    struct echo *echo;
    const char *uri;
    struct ct_sip_lookup *lookup;
    bool done; /* under the lock, as what follows */
    enum ct_result result;
    struct ct_sip_hop hops[4];
    size_t count;
};

static void tell_inquiry(struct inquiry *inquiry)
{
    (void)pthread_mutex_lock(&inquiry->echo->lock);
    inquiry->done = true;
    (void)pthread_cond_broadcast(&inquiry->echo->changed);
    (void)pthread_mutex_unlock(&inquiry->echo->lock);
}

static void found(void *ctx, const struct ct_sip_hop *hops, size_t count)
{
    struct inquiry *inquiry = ctx;
    inquiry->count = count < 4 ? count : 4;
    memcpy(inquiry->hops, hops, inquiry->count * sizeof(hops[0]));
    tell_inquiry(inquiry);
}

static void begin_inquiry(void *ctx)
{
    struct inquiry *inquiry = ctx;
    const struct ct_sip_env *env = inquiry->echo->env;
    inquiry->result =
        env->resolve(env->ctx, ct_str_of(inquiry->uri), found, inquiry, &inquiry->lookup);
    if (inquiry->result != CT_OK)
        tell_inquiry(inquiry);
}

/* Answers questions of DNS: to SRV (33) with port 5099 of "b.test", to A with 192.0.2.7; refuses the first one of all. */
static bool answer_dns(int fd, bool *first)
{
    static const char srv[] = "\xc0\x0c\0\x21\0\1\0\0\0\1\0\x0e\0\1\0\1\x13\xeb\1b\4test";
    static const char a[] = "\xc0\x0c\0\1\0\1\0\0\0\1\0\4\xc0\0\2\7";
    char text[512];
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    ssize_t length =
        recvfrom(fd, text, sizeof(text) - 64, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
    if (length < 17)
        return false;
    int type = (unsigned char)text[length - 3];
    text[2] = (char)0x81;
    text[3] = *first ? (char)0x82 : (char)0x80; /* SERVFAIL */
    *first = false;
    if (type == 33) {
        memcpy(text + length, srv, sizeof(srv));
        length += (ssize_t)sizeof(srv);
    } else if (type == 1) {
        memcpy(text + length, a, sizeof(a) - 1);
        length += (ssize_t)sizeof(a) - 1;
    }
    text[7] = type == 33 || type == 1 ? 1 : 0;
    (void)sendto(fd, text, (size_t)length, 0, (const struct sockaddr *)&from, size);
    return true;
}

static enum ct_result test_names(void)
{
    enum ct_result result = CT_OK;
    struct echo echo;
    struct sockaddr_in address = address_of(0);
    socklen_t size = sizeof(address);
    bool first = true;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct inquiry inquiry = {.echo = &echo, .uri = "sip:a.test;transport=tcp"};
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return CT_IO;
    dns_server = (struct ct_sip_socket){
        .family = CT_SIP_IPV4, .bytes = {127, 0, 0, 1}, .port = ntohs(address.sin_port)};
    TRY(open_echo(&echo, all, 1, 4, 60000));
    inquiry.letter = (struct ct_sip_letter){.open = begin_inquiry, .ctx = &inquiry};
    const struct ct_sip_post post = ct_sip_net_post(echo.net);
    post.post(post.ctx, &inquiry.letter);
    for (bool done = false; !done;) {
        const struct timespec pause = {.tv_nsec = 1000000};
        if (!answer_dns(fd, &first))
            (void)nanosleep(&pause, NULL);
        (void)pthread_mutex_lock(&echo.lock);
        done = inquiry.done;
        (void)pthread_mutex_unlock(&echo.lock);
    }
    /* An answer that could not be read is none, as one that is lost; 5060 is where there are no SRV records. */
    if (inquiry.result != CT_OK || inquiry.count == 0 || inquiry.hops[0].peer.port == 5060) {
        result = CT_NOMEM;
        goto out;
    }
    EXPECT(inquiry.count == 1 && inquiry.hops[0].transport == CT_SIP_TCP);
    EXPECT(inquiry.hops[0].peer.port == 5099 && inquiry.hops[0].peer.bytes[3] == 7);
out:
    close_echo(&echo);
    (void)close(fd);
    return result;
}

static enum ct_result test_in_use(void)
{
    enum ct_result result = CT_OK;
    struct echo echo;
    struct ct_sip_net *second = NULL;
    TRY(open_echo(&echo, all, 2, 4, 60000));
    for (size_t i = 0; i < 2; i++) {
        struct ct_sip_listen taken = {all[i].transport, "127.0.0.1", port_of(&echo, i)};
        struct ct_sip_net_options options = {
            .listen = &taken, .listen_count = 1, .tls_cert_file = "", .tls_key_file = ""};
        const char *why = NULL;
        EXPECT_RESULT(CT_IO, ct_sip_net_bind(&options, echo.arena, &second, &why));
        EXPECT(strncmp(why, i == 0 ? "SIP_LISTEN: udp:127.0.0.1:" : "SIP_LISTEN: tcp:127.0.0.1:",
                       26) == 0 &&
               strstr(why, "is in use") != NULL);
        taken = (struct ct_sip_listen){all[i].transport, "192.0.2.1", 0};
        EXPECT_RESULT(CT_IO, ct_sip_net_bind(&options, echo.arena, &second, &why));
        EXPECT(strstr(why, "is not an address of this machine") != NULL);
        taken = (struct ct_sip_listen){CT_SIP_TLS, "127.0.0.1", 0};
        EXPECT_RESULT(CT_INVALID, ct_sip_net_bind(&options, echo.arena, &second, &why));
        EXPECT(strstr(why, "TLS_CERT_FILE") != NULL);
        options.tls_cert_file = options.tls_key_file = "/nowhere";
        EXPECT_RESULT(CT_INVALID, ct_sip_net_bind(&options, echo.arena, &second, &why));
        EXPECT(strstr(why, "TLS_CERT_FILE: /nowhere") != NULL);
    }
out:
    close_echo(&echo);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_udp),     CT_UNIT(test_tcp),   CT_UNIT(test_websocket), CT_UNIT(test_limits),
        CT_UNIT(test_connect), CT_UNIT(test_names), CT_UNIT(test_in_use)};
    return ct_unit_main("sip/net", units, sizeof(units) / sizeof(units[0]));
}
