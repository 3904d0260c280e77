#include "sip_wire.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BUFFER_BYTES (32 * 1024 * 1024)

struct control {
    alignas(size_t) char bytes[CMSG_SPACE(sizeof(struct in_pktinfo)) +
                               CMSG_SPACE(sizeof(struct timespec))];
};

int64_t wire_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int wire_open(struct wire *wire, uint16_t server_port)
{
    const int on = 1;
    const int room = BUFFER_BYTES;
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t size = sizeof(own);

    wire->server = (struct sockaddr_in){.sin_family = AF_INET,
                                        .sin_port = htons(server_port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    wire->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (wire->fd < 0)
        return -1;
    /* beyond the limit for all where that is allowed */
    if (setsockopt(wire->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) != 0)
        (void)setsockopt(wire->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    if (setsockopt(wire->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) != 0 ||
        setsockopt(wire->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) != 0 ||
        bind(wire->fd, (struct sockaddr *)&own, sizeof(own)) != 0 ||
        getsockname(wire->fd, (struct sockaddr *)&own, &size) != 0)
        return -1;
    wire->port = ntohs(own.sin_port);
    return 0;
}

void wire_send(struct wire *wire, struct in_addr from, const char *text, size_t size,
               int64_t *sent_ns)
{
    if (wire->waiting == WIRE_BATCH)
        wire_flush(wire);
    size_t place = wire->waiting++;
    wire->out[place].size = size < WIRE_BYTES ? size : WIRE_BYTES;
    wire->out[place].from = from;
    wire->out[place].sent_ns = sent_ns;
    memcpy(wire->out[place].bytes, text, wire->out[place].size);
}

void wire_flush(struct wire *wire)
{
    struct mmsghdr messages[WIRE_BATCH];
    struct iovec pieces[WIRE_BATCH];
    struct control controls[WIRE_BATCH];
    size_t count = wire->waiting;

    memset(messages, 0, sizeof(messages));
    memset(controls, 0, sizeof(controls));
    for (size_t i = 0; i < count; i++) {
        pieces[i] = (struct iovec){wire->out[i].bytes, wire->out[i].size};
        messages[i].msg_hdr =
            (struct msghdr){.msg_name = &wire->server,
                            .msg_namelen = sizeof(wire->server),
                            .msg_iov = &pieces[i],
                            .msg_iovlen = 1,
                            .msg_control = controls[i].bytes,
                            .msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo))};
        struct cmsghdr *header = CMSG_FIRSTHDR(&messages[i].msg_hdr);
        header->cmsg_level = IPPROTO_IP;
        header->cmsg_type = IP_PKTINFO;
        header->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
        const struct in_pktinfo info = {.ipi_spec_dst = wire->out[i].from};
        memcpy(CMSG_DATA(header), &info, sizeof(info));
        if (wire->out[i].sent_ns != NULL)
            *wire->out[i].sent_ns = wire_now_ns();
    }
    for (size_t done = 0; done < count;) {
        int sent = sendmmsg(wire->fd, messages + done, (unsigned)(count - done), 0);
        if (sent > 0) {
            done += (size_t)sent;
        } else if (errno != EINTR && errno != ECONNREFUSED) {
            wire->unsent++;
            done++;
        }
    }
    wire->waiting = 0;
}

static void read_control(struct msghdr *message, struct wire_datagram *out)
{
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        struct in_pktinfo info;
        struct timespec at;
        if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
            memcpy(&info, CMSG_DATA(header), sizeof(info));
            out->to = info.ipi_addr;
        } else if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_TIMESTAMPNS) {
            memcpy(&at, CMSG_DATA(header), sizeof(at));
            out->at_ns = (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
        }
    }
}

int wire_receive(struct wire *wire, int64_t wait_ns,
                 void (*take)(void *ctx, const struct wire_datagram *datagram), void *ctx)
{
    struct mmsghdr messages[WIRE_BATCH];
    struct iovec pieces[WIRE_BATCH];
    struct sockaddr_in from[WIRE_BATCH];
    struct control controls[WIRE_BATCH];
    struct pollfd readable = {.fd = wire->fd, .events = POLLIN};
    const struct timespec wait = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};

    wire_flush(wire);
    if (wait_ns > 0)
        (void)ppoll(&readable, 1, &wait, NULL);
    memset(messages, 0, sizeof(messages));
    for (size_t i = 0; i < WIRE_BATCH; i++) {
        pieces[i] = (struct iovec){wire->in[i], WIRE_BYTES};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                              .msg_namelen = sizeof(from[i]),
                                              .msg_iov = &pieces[i],
                                              .msg_iovlen = 1,
                                              .msg_control = controls[i].bytes,
                                              .msg_controllen = sizeof(controls[i])};
    }
    int count = recvmmsg(wire->fd, messages, WIRE_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        struct wire_datagram datagram = {
            .text = wire->in[i], .size = messages[i].msg_len, .from = from[i].sin_addr};
        read_control(&messages[i].msg_hdr, &datagram);
        wire->in[i][datagram.size] = '\0';
        take(ctx, &datagram);
    }
    wire_flush(wire);
    return count;
}

uint32_t wire_drops(const struct wire *wire)
{
    uint32_t counts[SK_MEMINFO_VARS] = {0};
    socklen_t size = sizeof(counts);
    (void)getsockopt(wire->fd, SOL_SOCKET, SO_MEMINFO, counts, &size);
    return counts[SK_MEMINFO_DROPS];
}
