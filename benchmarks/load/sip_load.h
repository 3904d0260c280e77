/* What sip_load.c (when something begins and ends) and sip_phones.c (what phones say) share. */
#ifndef SIP_LOAD_H
#define SIP_LOAD_H

#include "sip_text.h"
#include "sip_wire.h"

#define SLOTS 8192
#define STATUSES 700
#define DOMAIN "localhost"

struct phone {
    char user[64], password[64], number[64]; /* number "-": it is called by nobody */
    struct in_addr at;
    char address[40]; /* and port */
    struct challenge challenge;
    uint32_t cseq; /* of its last REGISTER */
};

/* What a side has sent last, and when it is due again (0: not any more). */
struct said {
    char text[WIRE_BYTES];
    size_t size;
    int64_t due_ns, interval_ns;
};

/* A registration, or a call with both its sides. */
struct slot {
    enum { FREE, REGISTER, CALL } kind;
    uint32_t generation;
    struct phone *caller, *callee;
    struct said caller_said, callee_said;
    int step;  /* of its messages: makes branches differ */
    bool keep; /* the call goes on until it is told to end */
    bool authorized, proxy, answered, acknowledged, ending, caller_done, callee_done;
    int64_t began_ns, invite_ns, invited_ns, ok_ns, answered_ns;
    char branch[40]; /* of the last REGISTER or INVITE */
    char to[200], contact[200], routes[512];
};

struct counts {
    uint64_t started, done, up, statuses[STATUSES], timeouts, unstarted;
    uint64_t retransmitted, repeated, stray;
    int64_t *took_ns;
    size_t took, took_room;
};

struct load {
    struct wire wire;
    struct phone *phones, **callers, **callees;
    size_t phone_count, caller_count, callee_count, next;
    struct slot *slots;
    uint32_t free[SLOTS];
    size_t free_count, active;
    uint32_t run; /* differs from process to process */
    bool again;   /* REGISTERs answer the challenge that the phone knows */
    struct counts counts;
};

/* sip_phones.c */
void phones_register(struct load *load, struct slot *slot);
void phones_call(struct load *load, struct slot *slot);
void phones_hang_up(struct load *load, struct slot *slot);
void phones_repeat(struct load *load, struct slot *slot, int64_t now_ns);
/* A datagram came. */
void phones_take(void *load, const struct wire_datagram *datagram);

/* sip_load.c: a slot is over; status 0: well, -1: nobody answered. `took_ns` is noted when it is well. */
void load_over(struct load *load, struct slot *slot, int status, int64_t took_ns);

#endif
