#ifndef CT_TESTS_UNIT_SIP_WORLD_H
#define CT_TESTS_UNIT_SIP_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sip/endpoint.h"

/** The outer world of one endpoint in a test: a clock that the test moves, randomness from a seed, and a network that
 *  keeps what is sent. Nothing is allocated by it. */
#define WORLD_SENT 64
#define WORLD_BYTES 4096

struct world_sent {
    int64_t at_ms;
    struct ct_sip_hop to;
    size_t size; /* of the whole, also when it is more than is kept */
    char bytes[WORLD_BYTES];
};

struct world {
    int64_t now_ms;
    uint64_t seed;
    bool broken;              /* nothing can be sent */
    uint64_t lost_connection; /* nothing can be sent on this one; 0: none */
    size_t count;
    struct world_sent sent[WORLD_SENT];
    struct ct_sip *sip;
};

/** Everything of it zero, the clock at 1,000,000 ms. */
void world_init(struct world *world);
struct ct_sip_env world_env(struct world *world);
/** Lets time pass, a millisecond at a time when anything could happen. */
void world_pass(struct world *world, int64_t ms);
/** A datagram (or a message of a stream) from 192.0.2.1:5060, in which a line end is "\n". */
void world_receive(struct world *world, enum ct_sip_transport transport, const char *text);
/** The same from a hop, byte for byte. */
void world_receive_from(struct world *world, const struct ct_sip_hop *from, struct ct_str bytes);
/** 192.0.2.1:5060 over a transport; of a stream, connection 7. */
struct ct_sip_hop world_hop(enum ct_sip_transport transport);
/** What was sent last; the empty text if nothing was. */
struct ct_str world_last(const struct world *world);
/** Whether the last that was sent begins with a text (and something was). */
bool world_last_begins(const struct world *world, const char *text);
/** The same, anywhere in it. */
bool world_last_has(const struct world *world, const char *text);
/** The status of the last that was sent; 0: none, or a request. */
int world_last_status(const struct world *world);
/** Whether the messages that were sent, and no others, were sent so long after a moment. */
bool world_sent_at(const struct world *world, int64_t from_ms, const int64_t *after_ms,
                   size_t count);
/** Forgets what was sent. */
void world_clear(struct world *world);
/** The value of the first header line that begins with "NAME: " in the last that was sent. */
struct ct_str world_last_header(const struct world *world, const char *name);

/** Runs a scenario. What comes while there is no memory is lost, as on a network, so a scenario that fails is tried once
 *  more, when the one allocation that fails has failed: when it is right then, the answer is CT_NOMEM. */
enum ct_result world_despite_loss(enum ct_result (*scenario)(void));
/** A test that does so: SCENARIO(name) follows a function scenario_name. */
#define SCENARIO(name)                              \
    static enum ct_result name(void)                \
    {                                               \
        return world_despite_loss(scenario_##name); \
    }

#endif
