/*
 * One UDP socket that speaks for many addresses of 127.0.0.0/8: each datagram leaves from the address that its sender
 * has, and comes with the one that it was sent to. Datagrams go and come many to a system call.
 */
#ifndef SIP_WIRE_H
#define SIP_WIRE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_BATCH 32
#define WIRE_BYTES 2048

struct wire {
    int fd;
    uint16_t port;             /* of ours, the same at all addresses */
    struct sockaddr_in server; /* whom all is sent to */
    size_t waiting;            /* datagrams of `out` that wait */
    struct {
        size_t size;
        struct in_addr from;
        int64_t *sent_ns; /* where the time of sending is wanted, or NULL */
        char bytes[WIRE_BYTES];
    } out[WIRE_BATCH];
    char in[WIRE_BATCH][WIRE_BYTES + 1];
    uint64_t unsent; /* that the kernel did not take */
};

/* A datagram that came. */
struct wire_datagram {
    char *text; /* ends with a NUL */
    size_t size;
    struct in_addr to;
    struct in_addr from;
    int64_t at_ns; /* when the kernel got it */
};

/* Real time in nanoseconds: what the kernel stamps datagrams with. */
int64_t wire_now_ns(void);
/* 0, or -1 with errno. */
int wire_open(struct wire *wire, uint16_t server_port);
/* Keeps a datagram for the next wire_flush, or earlier. */
void wire_send(struct wire *wire, struct in_addr from, const char *text, size_t size,
               int64_t *sent_ns);
void wire_flush(struct wire *wire);
/* Waits at most so long for datagrams, and hands each to `take`; how many there were. They are sent what `take` sends. */
int wire_receive(struct wire *wire, int64_t wait_ns,
                 void (*take)(void *ctx, const struct wire_datagram *datagram), void *ctx);
/* What the kernel has dropped for want of room in our buffer. */
uint32_t wire_drops(const struct wire *wire);

#endif
