#ifndef CT_TESTS_UNIT_SIP_TWO_H
#define CT_TESTS_UNIT_SIP_TWO_H

#include "sip/phone.h"

/** Two phones in a lan: ann at 192.0.2.1, bob at 192.0.2.2. */
struct two {
    struct lan *lan;
    struct phone ann;
    struct phone bob;
};

#define BOB "sip:bob@192.0.2.2"
/** Longer than any timer of a call that has ended. */
#define TWO_LONG_MS 70000

CT_CHECKED enum ct_result two_new(struct two *two, uint64_t seed);
void two_free(struct two *two);
/** Lets all timers run out: whether both have come to rest, and nothing went wrong on the way. */
bool two_at_rest(struct two *two);

/** What begins with a text is lost so many times. */
struct losses {
    const char *beginning;
    int left;
    int copies; /* of the others that begin so; 0: one */
};

/** For lan_network, with losses. */
struct lan_fate two_lose(void *ctx, const struct lan_packet *packet);

#endif
