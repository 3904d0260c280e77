#ifndef CT_TESTS_UNIT_SIP_LAN_INSIDE_H
#define CT_TESTS_UNIT_SIP_LAN_INSIDE_H

#include "sip/lan.h"

/* What the files lan*.c share. */

#define PLACES 48
#define STREAMS 64
#define NAMES 8

struct flight {
    struct flight *next;
    int64_t due_ms;
    bool spoilt;
    struct lan_packet packet;
    char bytes[];
};

struct place {
    struct lan *lan;
    struct ct_sip_socket socket;
    char address[20];
    struct ct_sip *sip;
    struct lan_resident resident; /* where there is no endpoint; receive NULL: nobody */
};

/* A stream between two places. */
struct stream {
    uint64_t number; /* 0: unused */
    enum ct_sip_transport transport;
    struct ct_sip_socket ends[2];
    int64_t last_ms; /* when what was sent last arrives */
};

/* The first line of what was sent, for counting. */
struct line {
    struct line *next;
    int64_t at_ms;
    char from[20];
    char to[20];
    char text[64];
};

struct lan {
    int64_t now_ms;
    uint64_t random;
    struct ct_wheel *wheel;
    struct flight *flights; /* in the order of the times */
    struct stream streams[STREAMS];
    uint64_t last_stream;
    void (*seen)(void *ctx, const struct lan_sight *sight);
    void *seen_ctx;
    struct place places[PLACES];
    size_t place_count;
    struct {
        const char *name;
        const char *addresses;
    } names[NAMES];
    size_t name_count;
    int64_t name_ms; /* how long it takes to look one up */
    lan_judge *judge;
    void *judge_ctx;
    size_t sent;
    struct line *lines;
    struct line **last_line;
};

struct place *lan_place_at(struct lan *lan, const struct ct_sip_socket *socket);
uint64_t lan_next_random(struct lan *lan);
/** Sends from a place; CT_UNAVAILABLE: there is no such stream, nor can there be one. */
enum ct_result lan_dispatch(struct lan *lan, const struct ct_sip_socket *from,
                            const struct ct_sip_hop *to, struct ct_str bytes);

#endif
