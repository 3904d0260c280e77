#ifndef CT_TESTS_SIMULATOR_BORDER_H
#define CT_TESTS_SIMULATOR_BORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simulator/said.h"
#include "sip/lan.h"

/**
 * What passes between the server and the network, seen from outside: which requests reached it whole and what it
 * answered, which 2xx of INVITE went which way and whether they were acknowledged. And a sum of all bytes and times, which
 * tells two runs apart.
 */
#define BORDER_ENTRIES 16384

enum border_kind {
    BORDER_REQUEST, /* reached the server: it is to answer finally */
    BORDER_GIVEN,   /* the server sent a 2xx: an ACK, or a BYE either way, is to follow */
    BORDER_TAKEN,   /* a 2xx reached the server: it is to send an ACK */
    BORDER_CALLED, /* the server sent an INVITE; settled: and waits for its final response as long as it takes */
    BORDER_CANCELLED, /* the server sent a CANCEL */
    BORDER_PASSED,    /* the server passed an INFO on; settled: and got an answer */
    BORDER_KNOWN      /* a Call-ID */
};

struct border_entry {
    uint64_t key; /* 0: unused */
    enum border_kind kind;
    bool settled;
    uint64_t stream;
    int64_t at_ms;
    bool passes; /* an INFO: who gets no answer from the other side gives none (RFC 4320) */
    bool
        denied; /* an INVITE that was answered with 481, or whose stream broke: a 2xx that comes later is nobody's */
    bool asks;  /* an INVITE without an offer: its ACK has to wait for the other side */
    char what[120];
};

struct border {
    struct lan *lan;
    struct ct_sip_socket server;
    uint64_t sum;
    bool trace; /* print everything */
    size_t count;
    int64_t
        restart_ms; /* of what began before, the server knows nothing; -1: it has always been there */
    struct border_entry entries[BORDER_ENTRIES];
    /** A message of a call was damaged on its way. */
    void (*spoilt)(void *ctx, const struct said *said);
    /** A message has reached the server as it was sent. */
    void (*reached)(void *ctx, const struct lan_packet *packet, const struct said *said);
    void *ctx;
};

/** Watches a lan from now on. */
void border_init(struct border *border, struct lan *lan, const char *server, bool trace);
/** A stream breaks: what came on it cannot be answered any more. */
void border_excuse(struct border *border, uint64_t stream);
/** The server has a right to say nothing to that. */
void border_dropped(struct border *border, const struct said *said);
/** The server forgets all calls. */
void border_restart(struct border *border);
/** Calls @p complain with each thing that is not as it must be. */
void border_judge(const struct border *border, void (*complain)(void *ctx, const char *what),
                  void *ctx);

#endif
