#ifndef CT_TESTS_UNIT_SIP_LAN_H
#define CT_TESTS_UNIT_SIP_LAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"
#include "base/wheel.h"
#include "sip/endpoint.h"
#include "sip/transport.h"

/**
 * A network for SIP endpoints, in one thread: its clock moves when it is told to, its network loses, doubles,
 * reorders and damages datagrams as a test wants, its streams break, its randomness comes from a seed. The same seed
 * makes the same world.
 */
struct lan;

#define LAN_DELAY_MS 5

/** A datagram on its way. */
struct lan_packet {
    struct ct_sip_socket from;
    struct ct_sip_socket to;
    struct ct_str bytes;
    size_t number;   /* from 0, in the order in which they were sent */
    uint64_t stream; /* of a message on a stream: its number; 0: a datagram */
};

/** What becomes of a datagram: how many copies arrive, after how many milliseconds, and how many bytes of each are
 *  spoilt on the way. Of a message on a stream the first time alone counts, and it does not overtake others. */
struct lan_fate {
    int copies;
    int64_t after_ms[3];
    uint32_t spoilt[3];
};

typedef struct lan_fate lan_judge(void *ctx, const struct lan_packet *packet);

CT_CHECKED enum ct_result lan_new(uint64_t seed, struct lan **out);
/** The endpoints must be freed. NULL is allowed. */
void lan_free(struct lan *lan);
/** Decides from now on what becomes of datagrams; NULL: each arrives once, after LAN_DELAY_MS. */
void lan_network(struct lan *lan, lan_judge *judge, void *ctx);
/** A place in it: what an endpoint at this IPv4 address, port 5060, sees of the lan. CT_INVALID. */
CT_CHECKED enum ct_result lan_place(struct lan *lan, const char *address, struct ct_sip_env *out);
/** The endpoint at that place; NULL: it is switched off. */
void lan_inhabit(struct lan *lan, const char *address, struct ct_sip *sip);
/** Somebody at a place who is not an endpoint of ours. */
struct lan_resident {
    void *ctx;
    /** @p hop is where it came from; @p spoilt: it is not as it was sent. */
    void (*receive)(void *ctx, const struct ct_sip_hop *hop, struct ct_str bytes, bool spoilt);
    /** A stream that led here is gone: @p hop is its other end. */
    void (*lost)(void *ctx, const struct ct_sip_hop *hop);
    /** Whether a stream from there may be opened. NULL: yes, but none of a WebSocket: a browser listens nowhere. */
    bool (*accept)(void *ctx, const struct ct_sip_hop *from);
    /** When `turn` is to be called next at the latest; NULL: never. */
    int64_t (*next_ms)(void *ctx);
    void (*turn)(void *ctx);
};
/** Makes a place (port 5060) for one who lives there from now on, or after he had moved out, again; with NULL he moves
 *  out. CT_INVALID. */
CT_CHECKED enum ct_result lan_reside(struct lan *lan, const char *address,
                                     const struct lan_resident *resident);
/** A resident sends; over a stream on the one that is open to that peer, else on a new one. */
void lan_send(struct lan *lan, const char *from, const struct ct_sip_hop *to, struct ct_str bytes);
/** Breaks all streams of a place; both ends are told. */
void lan_break(struct lan *lan, const char *address);
/** The number of the stream that was opened last; 0: none was. */
uint64_t lan_streams(const struct lan *lan);
/** Whether there is an open stream of this number. */
bool lan_stream_is_open(struct lan *lan, uint64_t stream);
/** Whether an open stream of this number begins or ends at a place. */
bool lan_stream_is_of(struct lan *lan, uint64_t stream, const char *address);
/** The timers of whoever lives here. */
struct ct_wheel *lan_wheel(struct lan *lan);

/** What happens to a message: it is sent, or it arrives somewhere. */
struct lan_sight {
    const struct lan_packet *packet;
    bool arrives;
    bool spoilt;  /* it is not as it was sent */
    bool nowhere; /* it arrives where nobody is */
};
/** Shows all of it to @p seen, in place of keeping it for lan_count and lan_print. */
void lan_watch(struct lan *lan, void (*seen)(void *ctx, const struct lan_sight *sight), void *ctx);
/** The name of a place, its address; "nowhere" when there is none. */
const char *lan_address(struct lan *lan, const struct ct_sip_socket *socket);
/** How many messages are under way. */
size_t lan_flights(const struct lan *lan);

/** What DNS says of a name: addresses with commas between them. Borrowed. */
void lan_name(struct lan *lan, const char *name, const char *addresses);
/** How long it takes from now on to look up a name; 0: no time at all. */
void lan_slow_names(struct lan *lan, int64_t ms);
/** The hop that leads to an address. */
struct ct_sip_hop lan_hop(const char *address);
/** Lets a datagram fall out of the sky. */
void lan_drop_in(struct lan *lan, const char *from, const char *to, const char *bytes);
int64_t lan_now_ms(const struct lan *lan);
/** Lets time go by. */
void lan_run(struct lan *lan, int64_t ms);
/** A number from 0 to @p below - 1. */
uint32_t lan_random(struct lan *lan, uint32_t below);
/** How many datagrams were sent that begin with this text ("BYE ", "SIP/2.0 200"). */
size_t lan_count(const struct lan *lan, const char *beginning);
/** Prints all that was sent, for a test that went wrong. */
void lan_print(const struct lan *lan);

#endif
