#ifndef CT_TESTS_UNIT_VOICE_HUB_H
#define CT_TESTS_UNIT_VOICE_HUB_H

#include "sip/phone.h"
#include "voice/call.h"

/**
 * A telephone exchange at 192.0.2.100, and four phones: ann .1, bob .2, carl .3, dora .4. The user part of the
 * Request-URI says whom to ring, letter by letter: "bc" rings bob and carl at once, "b-c" one after the other,
 * "b+c" bob, and carl when nobody answered; "404" refuses with that; "later-b" decides a second later; "loop" leads
 * back to the exchange.
 */
#define HUB "192.0.2.100"
#define HUB_RECORDS 64

struct hub_record {
    struct ct_call_facts facts;
    char from[32];
    char reason[64];
    int created, changed, ended, transferred, failed;
};

struct hub {
    struct lan *lan;
    struct phone ann, bob, carl, dora;
    struct ct_sip *sip;
    struct ct_sip_env env;
    struct ct_sip_sessions *sessions;
    struct ct_calls *calls;
    struct hub_record records[HUB_RECORDS];
    size_t record_count;
    size_t legs;
    bool disorder; /* the sink was told something in a wrong order */
    int64_t ring_ms;
    int64_t longest_ms;
    int64_t again_ms;
    size_t agains;
    int64_t transferred_by; /* which device */
    char outside;           /* who is called over a trunk, 1000 above his letter; 0: nobody */
    size_t forwards;
    char forward;     /* whom "b+c" leads to next; 0: nobody */
    char to[32];      /* whom the call in the making rings */
    char dialled[32]; /* likewise, of the last call that was dialled, behind who dials */
    char later[CT_CALL_KEY_BYTES + 1];
    bool may_replace;
    int64_t replacer; /* whose device that is */
    size_t media;     /* descriptions that passed */
};

CT_CHECKED enum ct_result hub_new(struct hub *hub, uint64_t seed);
void hub_free(struct hub *hub);
/** Ann calls: "sip:TO@HUB". */
CT_CHECKED enum ct_result hub_call(struct phone *phone, const char *to, const char *body,
                                   const struct ct_sip_invite *invite);
/** The last record; never NULL. */
const struct hub_record *hub_last(const struct hub *hub);
/** Lets all timers run out: whether nothing is left of any call, and all records are complete. */
bool hub_at_rest(struct hub *hub);
/** Prints what was sent and what is left, for a test that went wrong. */
void hub_print(const struct hub *hub);
/** Dials as POST /calls does: first rings `first`, then `to`. */
CT_CHECKED enum ct_result hub_dial(struct hub *hub, const char *key, char first, const char *to);

#endif
