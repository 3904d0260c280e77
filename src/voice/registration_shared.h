#ifndef CT_VOICE_REGISTRATION_SHARED_H
#define CT_VOICE_REGISTRATION_SHARED_H

#include "voice/registration_plan.h"

/** What a device had in the store when its REGISTER was done. */
struct ct_registration_before {
    struct ct_binding_row *rows; /* in the plan's arena */
    size_t count;
};

/** Plans a REGISTER by what the store has, and does it: where other processes have the same database, memory may not
 *  know of their phones, whose places are not to be taken. The plan has all but its list. For a job; as
 *  ct_registration_store. */
CT_CHECKED enum ct_result ct_registration_share(struct ct_db *db, int64_t user_id,
                                                struct ct_registration_plan *plan,
                                                struct ct_registration_before *before);

#endif
