/* Datagrams. libre hands over one for each turn of its loop; here as many are read at once as there are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sip/re_inside.h"

/* Datagrams of one system call, and calls before timers and other sockets have their turn. */
#define BATCH 32
#define BATCHES 4
#define DATAGRAM_BYTES ((size_t)65536)

/* What phones send to keep the way open: line ends, NULs. It is not answered: it comes without connection. */
static bool is_keep_alive(struct ct_str bytes)
{
    for (size_t i = 0; i < bytes.len && i < 5; i++)
        if (bytes.at[i] != '\r' && bytes.at[i] != '\n' && bytes.at[i] != '\0' && bytes.at[i] != ' ')
            return false;
    return bytes.len <= 4;
}

static int receive_batch(struct ct_re_listener *listener)
{
    struct ct_sip_net *net = listener->net;
    struct mmsghdr messages[BATCH];
    struct iovec pieces[BATCH];
    struct sockaddr_storage from[BATCH];
    memset(messages, 0, sizeof(messages));
    for (size_t i = 0; i < BATCH; i++) {
        pieces[i] = (struct iovec){net->datagrams + i * DATAGRAM_BYTES, DATAGRAM_BYTES};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                              .msg_namelen = sizeof(from[i]),
                                              .msg_iov = &pieces[i],
                                              .msg_iovlen = 1};
    }
    int count = recvmmsg(listener->fd, messages, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        struct ct_sip_hop hop = {.transport = CT_SIP_UDP, .listener = listener->number};
        struct ct_str bytes = {pieces[i].iov_base, messages[i].msg_len};
        if (ct_re_from_sockaddr((const struct sockaddr *)&from[i], &hop.peer) &&
            !is_keep_alive(bytes))
            net->user.receive(net->user.ctx, &hop, bytes);
    }
    return count;
}

static void receive(int flags, void *arg)
{
    struct ct_re_listener *listener = arg;
    (void)flags;
    for (int i = 0; i < BATCHES; i++)
        if (receive_batch(listener) < BATCH)
            break;
    ct_re_turn(listener->net);
}

enum ct_result ct_re_udp_start(struct ct_re_listener *listener)
{
    struct ct_sip_net *net = listener->net;
    if (net->datagrams == NULL)
        net->datagrams = malloc(BATCH * DATAGRAM_BYTES);
    if (net->datagrams == NULL)
        return CT_NOMEM;
    return fd_listen(listener->fd, FD_READ, receive, listener) == 0 ? CT_OK : CT_IO;
}

/* The socket that a datagram leaves by: the one that the hop names, or the first that leads there. */
static const struct ct_re_listener *choose(const struct ct_sip_net *net,
                                           const struct ct_sip_hop *to)
{
    if (to->listener > 0 && to->listener <= net->listener_count &&
        net->listeners[to->listener - 1].fd >= 0)
        return &net->listeners[to->listener - 1];
    for (size_t i = 0; i < net->listener_count; i++)
        if (net->listeners[i].fd >= 0 && ct_re_reaches(&net->listeners[i], to->peer.family))
            return &net->listeners[i];
    return NULL;
}

enum ct_result ct_re_udp_send(struct ct_sip_net *net, const struct ct_sip_hop *to,
                              struct ct_str bytes)
{
    struct sockaddr_storage address;
    const struct ct_re_listener *listener = choose(net, to);
    if (listener == NULL || to->peer.family == CT_SIP_NO_ADDRESS || to->peer.port == 0)
        return CT_UNAVAILABLE;
    socklen_t size =
        ct_re_to_sockaddr(&to->peer, listener->address.family == CT_SIP_IPV6, &address);
    ssize_t sent;
    do {
        sent = sendto(listener->fd, bytes.at, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL,
                      (const struct sockaddr *)&address, size);
        /* ECONNREFUSED tells of an earlier datagram. */
    } while (sent < 0 && (errno == EINTR || errno == ECONNREFUSED));
    /* A full buffer loses the datagram, as the network may. */
    return sent >= 0 || errno == EAGAIN || errno == ENOBUFS ? CT_OK : CT_UNAVAILABLE;
}
