#ifndef CT_VOICE_REGISTRATION_PLAN_H
#define CT_VOICE_REGISTRATION_PLAN_H

#include "voice/locations.h"
#include "voice/registration.h"
#include "voice/registration_job.h"

/** The contacts of a device are in places from 0 up to this. */
#define CT_CONTACTS_MOST ((size_t)100)

/** A REGISTER, and what it changes. */
struct ct_registration_plan {
    struct ct_arena *arena; /* of the changes */
    int64_t device_id;
    const struct ct_registration_wish *wish;
    const struct ct_sip_hop *from;
    size_t contacts_max;
    struct ct_str node;           /* of the bindings: see struct ct_binding_row */
    int64_t now;                  /* milliseconds since 1970 */
    struct ct_location_list list; /* what the device has */
    /* what comes out */
    struct ct_registration_change *changes;
    size_t count;
    int status; /* 0, or what it is to be answered with; then nothing of it is done */
};

/** Fills in what comes out. CT_NOMEM. */
CT_CHECKED enum ct_result ct_registration_plan(struct ct_registration_plan *plan);

#endif
