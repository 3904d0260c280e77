/* Connections: TCP, TLS over it, and WebSockets over both. What has ended is buried at the end of a turn, so that
 * nobody loses one that he is working with. */
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "sip/framing.h"
#include "sip/re_inside.h"

/* What may wait for a peer that reads slowly; then the connection ends. */
#define WAITING_BYTES ((size_t)256 * 1024)
/* For how long the last words of a connection may take. */
#define FAREWELL_MS 1000
#define BACKLOG 1024
#define BUCKETS ((size_t)4096)

enum state {
    OPENING, /* TCP or TLS */
    OPEN,
    CLOSING, /* what still comes is not read */
    DEAD,
};

struct stream {
    struct ct_sip_net *net;
    struct ct_sip_hop hop;
    enum state state;
    bool incoming;
    struct tcp_conn *tcp;
    struct tls_conn *tls;
    struct mbuf *waiting; /* to be sent once it is open */
    struct ct_framing frames;
    int64_t heard_ms;
    int64_t
        since_ms; /* when what is under way has begun: opening, a message, closing; 0: nothing is */
    struct stream *next_of_address, **link_of_address;
    struct stream *next_of_number, **link_of_number;
    struct stream *next_dead;
};

struct ct_re_streams {
    struct stream *of_address[BUCKETS];
    struct stream *of_number[BUCKETS];
    struct stream *dead;
    size_t count;
    uint64_t last_number;
    uint32_t seed; /* strangers must not choose addresses that meet in one bucket */
};

/* An address, and of IPv6 the network that one host has. */
static size_t address_bytes(const struct ct_sip_socket *socket)
{
    return socket->family == CT_SIP_IPV4 ? 4 : 8;
}

static struct stream **bucket_of_address(struct ct_re_streams *streams,
                                         const struct ct_sip_socket *socket)
{
    uint32_t hash = streams->seed;
    for (size_t i = 0; i < address_bytes(socket); i++)
        hash = (hash ^ socket->bytes[i]) * 16777619u;
    return &streams->of_address[(hash ^ hash >> 15) % BUCKETS];
}

static void unlink_stream(struct stream *stream)
{
    *stream->link_of_address = stream->next_of_address;
    if (stream->next_of_address != NULL)
        stream->next_of_address->link_of_address = stream->link_of_address;
    *stream->link_of_number = stream->next_of_number;
    if (stream->next_of_number != NULL)
        stream->next_of_number->link_of_number = stream->link_of_number;
}

static void link_stream(struct stream *stream)
{
    struct ct_re_streams *streams = stream->net->streams;
    struct stream **first = bucket_of_address(streams, &stream->hop.peer);
    stream->hop.connection = ++streams->last_number;
    stream->next_of_address = *first;
    stream->link_of_address = first;
    if (*first != NULL)
        (*first)->link_of_address = &stream->next_of_address;
    *first = stream;
    first = &streams->of_number[stream->hop.connection % BUCKETS];
    stream->next_of_number = *first;
    stream->link_of_number = first;
    if (*first != NULL)
        (*first)->link_of_number = &stream->next_of_number;
    *first = stream;
    streams->count++;
}

static void free_stream(struct stream *stream)
{
    unlink_stream(stream);
    stream->net->streams->count--;
    /* TLS says goodbye over the connection. */
    mem_deref(stream->tls);
    mem_deref(stream->tcp);
    mem_deref(stream->waiting);
    ct_framing_free(&stream->frames);
    free(stream);
}

static void kill_stream(struct stream *stream)
{
    struct ct_re_streams *streams = stream->net->streams;
    if (stream->state == DEAD)
        return;
    stream->state = DEAD;
    stream->next_dead = streams->dead;
    streams->dead = stream;
}

void ct_re_streams_bury(struct ct_sip_net *net)
{
    struct ct_re_streams *streams = net->streams;
    while (streams->dead != NULL) {
        struct stream *stream = streams->dead;
        struct ct_sip_hop hop = stream->hop;
        streams->dead = stream->next_dead;
        free_stream(stream);
        net->user.lost(net->user.ctx, &hop);
    }
}

/* What is still to be said may be on its way: a connection that is closed with bytes unread would take it back. */
static void close_stream(struct stream *stream)
{
    if (stream->state != OPEN)
        return;
    stream->state = CLOSING;
    stream->since_ms = ct_re_now_ms();
    (void)shutdown(tcp_conn_fd(stream->tcp), tcp_conn_txqsz(stream->tcp) == 0 ? SHUT_WR : SHUT_RD);
}

/* Takes over @p bytes, whatever becomes of them. */
static enum ct_result send_bytes(struct stream *stream, struct mbuf *bytes)
{
    int error = 0;
    bytes->pos = 0;
    if (stream->state == OPENING && stream->waiting == NULL) {
        stream->waiting = mem_ref(bytes);
    } else if (stream->state == OPENING) {
        stream->waiting->pos = stream->waiting->end;
        error = bytes->end + stream->waiting->end > WAITING_BYTES
                    ? ENOSPC
                    : mbuf_write_mem(stream->waiting, bytes->buf, bytes->end);
    } else {
        error = tcp_send(stream->tcp, bytes);
    }
    mem_deref(bytes);
    if (error == 0)
        return CT_OK;
    kill_stream(stream);
    return error == ENOMEM ? CT_NOMEM : CT_UNAVAILABLE;
}

/* Both in one, or NULL without memory. */
static struct mbuf *join(const void *head, size_t head_size, struct ct_str bytes)
{
    struct mbuf *all = mbuf_alloc(head_size + bytes.len);
    if (all != NULL &&
        ((head_size > 0 && mbuf_write_mem(all, head, head_size) != 0) ||
         (bytes.len > 0 && mbuf_write_mem(all, (const uint8_t *)bytes.at, bytes.len) != 0)))
        return mem_deref(all);
    return all;
}

static void frames_send(void *ctx, const void *head, size_t head_size, struct ct_str bytes)
{
    struct stream *stream = ctx;
    struct mbuf *all = join(head, head_size, bytes);
    if (all == NULL)
        kill_stream(stream);
    else
        (void)!send_bytes(stream, all);
}

static bool frames_message(void *ctx, struct ct_str bytes)
{
    struct stream *stream = ctx;
    stream->net->user.receive(stream->net->user.ctx, &stream->hop, bytes);
    return stream->state == OPEN;
}

static const struct ct_framing_user framing_user = {.send = frames_send, .message = frames_message};

static void received(struct mbuf *mb, void *arg)
{
    struct stream *stream = arg;
    struct ct_sip_net *net = stream->net;
    if (stream->state == OPEN) {
        bool whole;
        stream->heard_ms = ct_re_now_ms();
        enum ct_result result = ct_framing_read(&stream->frames, (char *)mbuf_buf(mb),
                                                mbuf_get_left(mb), &framing_user, stream, &whole);
        if (result == CT_NOMEM)
            kill_stream(stream);
        else if (result != CT_OK)
            close_stream(stream);
        else if (!ct_framing_waits(&stream->frames))
            stream->since_ms = 0;
        else if (stream->since_ms == 0 || whole)
            stream->since_ms = stream->heard_ms;
    }
    ct_re_turn(net);
}

static void opened(void *arg)
{
    struct stream *stream = arg;
    struct ct_sip_net *net = stream->net;
    struct mbuf *waiting = stream->waiting;
    if (stream->state == OPENING) {
        stream->state = OPEN;
        stream->heard_ms = ct_re_now_ms();
        /* Who comes has something to say, and has it said in time. */
        stream->since_ms = stream->incoming ? stream->heard_ms : 0;
        stream->waiting = NULL;
        if (waiting != NULL)
            (void)!send_bytes(stream, waiting);
    }
    ct_re_turn(net);
}

static void closed(int error, void *arg)
{
    struct stream *stream = arg;
    struct ct_sip_net *net = stream->net;
    (void)error;
    kill_stream(stream);
    ct_re_turn(net);
}

static struct stream *make_stream(struct ct_sip_net *net, const struct ct_sip_hop *hop)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL)
        return NULL;
    stream->net = net;
    stream->hop = *hop;
    stream->state = OPENING;
    stream->since_ms = stream->heard_ms = ct_re_now_ms();
    ct_framing_init(&stream->frames, net->options.message_bytes,
                    hop->transport == CT_SIP_WS || hop->transport == CT_SIP_WSS);
    link_stream(stream);
    return stream;
}

/* Small messages go at once, and a peer that is gone without a word is noticed after some minutes. */
static void set_options(struct stream *stream)
{
    static const struct {
        int level, name, value;
    } options[] = {{IPPROTO_TCP, TCP_NODELAY, 1},    {SOL_SOCKET, SO_KEEPALIVE, 1},
                   {IPPROTO_TCP, TCP_KEEPIDLE, 120}, {IPPROTO_TCP, TCP_KEEPINTVL, 30},
                   {IPPROTO_TCP, TCP_KEEPCNT, 4},    {IPPROTO_TCP, TCP_USER_TIMEOUT, 60000}};
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        (void)setsockopt(tcp_conn_fd(stream->tcp), options[i].level, options[i].name,
                         &options[i].value, sizeof(options[i].value));
    tcp_conn_txqsz_set(stream->tcp, WAITING_BYTES);
}

static bool secure(struct stream *stream)
{
    struct ct_sip_net *net = stream->net;
    if (!ct_sip_secure(stream->hop.transport))
        return true;
    struct tls *tls;
    const char *name = stream->incoming ? NULL : stream->hop.name;
    if (name != NULL) {
        const struct ct_re_peer *peer = ct_re_tls_peer(net, name);
        if (peer == NULL)
            return false;
        /* what the hop has of it may not live as long */
        stream->hop.name = name = peer->name;
        tls = peer->tls;
    } else {
        tls = stream->incoming ? net->tls_server : ct_re_tls_client(net);
    }
    return tls != NULL && tls_start_tcp(&stream->tls, tls, stream->tcp, 0) == 0 &&
           (name == NULL || !ct_re_is_domain(name) || tls_set_servername(stream->tls, name) == 0);
}

/* Whether a connection is as safe as is asked for. One that a peer has opened has no name, whoever he is. */
static bool is_trusted(const struct stream *stream, const char *name)
{
    return name == NULL || (stream->hop.name != NULL && strcasecmp(stream->hop.name, name) == 0);
}

static bool has_room(struct ct_sip_net *net, const struct ct_sip_hop *hop)
{
    size_t same = 0;
    if (net->streams->count >= net->options.connections_max)
        return false;
    for (const struct stream *stream = *bucket_of_address(net->streams, &hop->peer); stream != NULL;
         stream = stream->next_of_address)
        if (stream->incoming && stream->hop.peer.family == hop->peer.family &&
            memcmp(stream->hop.peer.bytes, hop->peer.bytes, address_bytes(&hop->peer)) == 0)
            same++;
    return same < net->options.connections_per_address;
}

void ct_re_streams_accept(const struct sa *peer, void *arg)
{
    struct ct_re_listener *listener = arg;
    struct ct_sip_net *net = listener->net;
    struct ct_sip_hop hop = {.transport = listener->listen.transport, .listener = listener->number};
    if (!ct_re_from_sockaddr(&peer->u.sa, &hop.peer) || !has_room(net, &hop) ||
        (net->user.accept != NULL && !net->user.accept(net->user.ctx, &hop))) {
        tcp_reject(listener->tcp);
        return;
    }
    struct stream *stream = make_stream(net, &hop);
    if (stream == NULL) {
        tcp_reject(listener->tcp);
        return;
    }
    stream->incoming = true;
    if (tcp_accept(&stream->tcp, listener->tcp, opened, received, closed, stream) != 0) {
        tcp_reject(listener->tcp);
        free_stream(stream);
        return;
    }
    set_options(stream);
    if (!secure(stream))
        kill_stream(stream);
    ct_re_turn(net);
}

int ct_re_streams_listen(struct ct_re_listener *listener)
{
    return tcp_sock_listen(listener->tcp, BACKLOG);
}

static struct stream *find_stream(struct ct_re_streams *streams, const struct ct_sip_hop *hop)
{
    struct stream *stream;
    if (hop->connection != 0) {
        stream = streams->of_number[hop->connection % BUCKETS];
        while (stream != NULL && stream->hop.connection != hop->connection)
            stream = stream->next_of_number;
        return stream;
    }
    stream = *bucket_of_address(streams, &hop->peer);
    while (stream != NULL &&
           (stream->state > OPEN || stream->hop.transport != hop->transport ||
            !ct_sip_socket_equal(&stream->hop.peer, &hop->peer) || !is_trusted(stream, hop->name)))
        stream = stream->next_of_address;
    return stream;
}

static enum ct_result open_stream(struct ct_sip_net *net, const struct ct_sip_hop *to,
                                  struct stream **out)
{
    struct sa peer;
    if ((to->transport != CT_SIP_TCP && to->transport != CT_SIP_TLS) || to->peer.port == 0 ||
        to->peer.family == CT_SIP_NO_ADDRESS || !ct_re_to_sa(&to->peer, &peer) ||
        net->streams->count >= net->options.connections_max)
        return CT_UNAVAILABLE;
    struct stream *stream = make_stream(net, to);
    if (stream == NULL)
        return CT_NOMEM;
    if (tcp_conn_alloc(&stream->tcp, &peer, opened, received, closed, stream) != 0 ||
        !secure(stream) || tcp_conn_connect(stream->tcp, &peer) != 0) {
        free_stream(stream);
        return CT_UNAVAILABLE;
    }
    set_options(stream);
    *out = stream;
    return CT_OK;
}

enum ct_result ct_re_streams_send(struct ct_sip_net *net, const struct ct_sip_hop *to,
                                  struct ct_str bytes)
{
    uint8_t head[CT_WEBSOCKET_HEAD_ROOM];
    enum ct_result result = CT_OK;
    struct stream *stream = find_stream(net->streams, to);
    if (stream == NULL && to->connection != 0)
        return CT_UNAVAILABLE;
    if (stream == NULL)
        result = open_stream(net, to, &stream);
    if (result != CT_OK)
        return result;
    if (stream->state > OPEN)
        return CT_UNAVAILABLE;
    size_t size = ct_framing_head(&stream->frames, bytes, head);
    struct mbuf *all = join(head, size, bytes);
    if (all == NULL)
        return CT_NOMEM;
    return send_bytes(stream, all);
}

bool ct_re_streams_local(struct ct_sip_net *net, const struct ct_sip_hop *hop,
                         struct ct_sip_socket *out)
{
    struct sa local;
    const struct stream *stream =
        ct_sip_reliable(hop->transport) ? find_stream(net->streams, hop) : NULL;
    return stream != NULL && stream->state == OPEN &&
           tcp_conn_local_get(stream->tcp, &local) == 0 && ct_re_from_sockaddr(&local.u.sa, out);
}

static bool has_had_its_time(const struct stream *stream, int64_t now_ms)
{
    const struct ct_sip_net *net = stream->net;
    int64_t most = stream->state == CLOSING ? FAREWELL_MS : net->options.message_ms;
    if (stream->since_ms != 0 && now_ms - stream->since_ms >= most)
        return true;
    return now_ms - stream->heard_ms >= net->options.idle_ms &&
           (net->user.keep == NULL || !net->user.keep(net->user.ctx, &stream->hop));
}

void ct_re_streams_sweep(struct ct_sip_net *net, int64_t now_ms)
{
    struct ct_re_streams *streams = net->streams;
    if (streams->count == 0)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct stream *stream = streams->of_number[i]; stream != NULL;
             stream = stream->next_of_number)
            if (has_had_its_time(stream, now_ms))
                kill_stream(stream);
}

enum ct_result ct_re_streams_new(struct ct_sip_net *net)
{
    struct ct_re_streams *streams = calloc(1, sizeof(*streams));
    if (streams == NULL)
        return CT_NOMEM;
    net->env.random(net->env.ctx, &streams->seed, sizeof(streams->seed));
    net->streams = streams;
    return CT_OK;
}

void ct_re_streams_free(struct ct_sip_net *net)
{
    struct ct_re_streams *streams = net->streams;
    if (streams == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (streams->of_number[i] != NULL)
            free_stream(streams->of_number[i]);
    free(streams);
    net->streams = NULL;
}
