#ifndef CT_VOICE_REGISTRATION_H
#define CT_VOICE_REGISTRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "sip/message.h"

/** What a REGISTER asks for (RFC 3261 section 10.2). Texts are copies in the arena. */
struct ct_registration_contact {
    struct ct_str uri;
    int64_t expires_s; /* 0: it goes */
    int64_t q;         /* in thousandths */
    struct ct_str instance;
    int64_t reg_id; /* 0: none */
};

#define CT_REGISTRATION_CONTACTS 32
struct ct_registration_wish {
    bool star; /* all bindings go */
    struct ct_registration_contact contacts[CT_REGISTRATION_CONTACTS];
    size_t count; /* 0 and no star: it only asks what there is */
    struct ct_str call_id;
    uint32_t cseq;
    struct ct_str path; /* all values, separated by commas */
    struct ct_str user_agent;
};

struct ct_registration_limits {
    int64_t min_s, max_s; /* below the minimum: 423; above the maximum: the maximum */
    int64_t default_s;    /* when it says none */
};

/** Reads it. @p status is 0, or what it is to be answered with: 400, 423. CT_NOMEM. */
CT_CHECKED enum ct_result ct_registration_read(struct ct_arena *arena,
                                               const struct ct_sip_message *message,
                                               const struct ct_registration_limits *limits,
                                               struct ct_registration_wish *out, int *status);

#endif
