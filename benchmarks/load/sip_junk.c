/*
 * What an open SIP port hears: RATE datagrams a second that nobody asked for, each from another address of 127.128.0.0/10.
 *
 *   sip_junk PORT RATE SECONDS
 *
 * Scanners that say so, guessed names, calls to expensive numbers, names that look like ours, responses and requests of dialogs
 * that there are not, SIP that ends too early, and bytes of chance, as much of each. Prints a line of JSON: what was
 * sent, and how much of it was answered.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define KINDS 8
#define PIECES 4096 /* made before, sent in turn */
#define PIECE_BYTES 1200
#define BATCH 64

struct control {
    alignas(size_t) char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

struct piece {
    size_t size;
    char bytes[PIECE_BYTES];
};

static uint64_t chance = 88172645463325252;

static uint32_t any(void)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (uint32_t)(chance >> 16);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static size_t request(char *out, const char *method, const char *user, const char *agent,
                      const char *tag)
{
    return (size_t)snprintf(
        out, PIECE_BYTES,
        "%s sip:%s@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
        "127.130.1.2:5080;branch=z9hG4bK-%u;rport\r\n"
        "Max-Forwards: 70\r\nFrom: \"sip\" <sip:%s@127.0.0.1>;tag=%x\r\nTo: \"sip\" "
        "<sip:%s@127.0.0.1>%s\r\nCall-ID: %u%u\r\nCSeq: 1 %s\r\nContact: "
        "<sip:%s@127.130.1.2:5080>\r\n"
        "User-Agent: %s\r\nAccept: application/sdp\r\nContent-Length: 0\r\n\r\n",
        method, user, any(), user, any(), user, tag, any(), any(), method, user, agent);
}

static size_t response(char *out)
{
    return (size_t)snprintf(
        out, PIECE_BYTES,
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK-%u;rport=5060\r\n"
        "From: <sip:%u@127.0.0.1>;tag=%x\r\nTo: <sip:100@127.0.0.1>;tag=%x\r\nCall-ID: %u\r\n"
        "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
        any(), any(), any(), any(), any());
}

static void make(struct piece *piece, size_t kind)
{
    static const char *const methods[] = {"OPTIONS", "REGISTER", "INVITE", "BYE"};
    char user[40];
    const char *method = methods[any() % 4];

    switch (kind) {
    case 0:
        piece->size = request(piece->bytes, "OPTIONS", "100", "friendly-scanner", "");
        break;
    case 1:
        (void)snprintf(user, sizeof(user), "%u", 100 + any() % 9900);
        piece->size = request(piece->bytes, "REGISTER", user, "Linksys/SPA942", "");
        break;
    case 2:
        (void)snprintf(user, sizeof(user), "00972%09u", any() % 1000000000);
        piece->size = request(piece->bytes, "INVITE", user, "Asterisk PBX", "");
        break;
    case 3:
        (void)snprintf(user, sizeof(user), "d%u-%08x%08x%08x", 1 + any() % 10000, any(), any(),
                       any());
        piece->size = request(piece->bytes, method, user, "MicroSIP/3.21", "");
        break;
    case 4:
        piece->size = response(piece->bytes);
        break;
    case 5:
        piece->size = request(piece->bytes, any() % 2 ? "BYE" : "ACK", "200", "x", ";tag=as1f");
        break;
    case 6:
        piece->size = request(piece->bytes, method, "1000", "sipcli/v1.8", "");
        piece->size = 1 + any() % piece->size;
        break;
    default:
        piece->size = 1 + any() % PIECE_BYTES;
        for (size_t i = 0; i < piece->size; i++)
            piece->bytes[i] = (char)any();
        break;
    }
}

/* So many datagrams; how many the kernel took. */
static size_t send_some(int fd, const struct sockaddr_in *to, struct piece *pieces, size_t count)
{
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    struct control controls[BATCH];

    memset(messages, 0, sizeof(messages));
    memset(controls, 0, sizeof(controls));
    for (size_t i = 0; i < count; i++) {
        struct piece *piece = &pieces[any() % PIECES];
        vectors[i] = (struct iovec){piece->bytes, piece->size};
        messages[i].msg_hdr = (struct msghdr){.msg_name = (void *)(uintptr_t)to,
                                              .msg_namelen = sizeof(*to),
                                              .msg_iov = &vectors[i],
                                              .msg_iovlen = 1,
                                              .msg_control = controls[i].bytes,
                                              .msg_controllen = sizeof(controls[i].bytes)};
        struct cmsghdr *header = CMSG_FIRSTHDR(&messages[i].msg_hdr);
        header->cmsg_level = IPPROTO_IP;
        header->cmsg_type = IP_PKTINFO;
        header->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
        const struct in_pktinfo info = {
            .ipi_spec_dst = {.s_addr = htonl(0x7f800001 + any() % 0x3ffffd)}};
        memcpy(CMSG_DATA(header), &info, sizeof(info));
    }
    int sent = sendmmsg(fd, messages, (unsigned)count, 0);
    return sent < 0 ? 0 : (size_t)sent;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: sip_junk PORT RATE SECONDS\n");
        return 2;
    }
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)atoi(argv[1])),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    const double rate = atof(argv[2]);
    const uint64_t all = (uint64_t)(rate * atof(argv[3]));
    uint64_t sent = 0;
    uint64_t due = 0;
    uint64_t answered = 0;
    struct piece *pieces = calloc(PIECES, sizeof(*pieces));
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (pieces == NULL || fd < 0 || bind(fd, (const struct sockaddr *)&own, sizeof(own)) != 0) {
        perror("sip_junk");
        return 1;
    }
    for (size_t i = 0; i < PIECES; i++)
        make(&pieces[i], i % KINDS);
    int64_t began_ns = now_ns();
    while (due < all) {
        char reply[64];
        uint64_t wanted = (uint64_t)((double)(now_ns() - began_ns) * rate / 1e9);
        if (wanted > all)
            wanted = all;
        while (due < wanted) {
            size_t some = wanted - due < BATCH ? (size_t)(wanted - due) : BATCH;
            sent += send_some(fd, &to, pieces, some);
            due += some;
        }
        while (recv(fd, reply, sizeof(reply), MSG_DONTWAIT) >= 0)
            answered++;
        const struct timespec wait = {.tv_nsec = 500000};
        (void)nanosleep(&wait, NULL);
    }
    int64_t passed_ns = now_ns() - began_ns;
    struct rusage used;
    (void)getrusage(RUSAGE_SELF, &used);
    printf("{\"sent\": %" PRIu64 ", \"due\": %" PRIu64 ", \"answered\": %" PRIu64
           ", \"microseconds\": %" PRId64 ", \"cpu_us\": %" PRId64 "}\n",
           sent, due, answered, passed_ns / 1000,
           (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * INT64_C(1000000) +
               used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    return 0;
}
