#ifndef CT_TESTS_UNIT_VOICE_OUTSIDE_H
#define CT_TESTS_UNIT_VOICE_OUTSIDE_H

#include <string.h>

#include "sip/transport.h"

/** An outer world that stands still until it is told to go on, and whose chance is a count. */
struct outside {
    int64_t now_ms;
    uint8_t chance;
    struct ct_sip_env env;
    void *user; /* of the test */
};

#define OUTSIDE_UNIX INT64_C(1790000000000)

static inline int64_t outside_now(void *ctx)
{
    return ((struct outside *)ctx)->now_ms;
}

static inline int64_t outside_unix(void *ctx)
{
    return OUTSIDE_UNIX + ((struct outside *)ctx)->now_ms;
}

static inline void outside_random(void *ctx, void *out, size_t size)
{
    memset(out, ++((struct outside *)ctx)->chance, size);
}

static inline void outside_open(struct outside *outside)
{
    *outside = (struct outside){.now_ms = 1000};
    outside->env = (struct ct_sip_env){
        .ctx = outside, .now_ms = outside_now, .unix_ms = outside_unix, .random = outside_random};
}

static inline struct ct_sip_hop outside_hop(enum ct_sip_transport transport, const char *address,
                                            uint16_t port, uint64_t connection)
{
    struct ct_sip_hop hop = {.transport = transport, .connection = connection};
    (void)ct_sip_address_parse(ct_str_of(address), &hop.peer);
    hop.peer.port = port;
    return hop;
}

#endif
