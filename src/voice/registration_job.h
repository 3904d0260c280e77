#ifndef CT_VOICE_REGISTRATION_JOB_H
#define CT_VOICE_REGISTRATION_JOB_H

#include "voice/bindings.h"

/** What a REGISTER changes. */
struct ct_registration_change {
    enum ct_registration_kind {
        CT_REGISTRATION_ADD,    /* a contact that was not there: an event */
        CT_REGISTRATION_UPDATE, /* no event */
        CT_REGISTRATION_REMOVE  /* an event */
    } kind;
    struct ct_binding_row row;
};

/** Puts the changes of a device of @p user_id into the store, with their events, at @p now_ms. For a job: safe to run
 *  twice. CT_NOT_FOUND when there is no such device any more. */
CT_CHECKED enum ct_result ct_registration_store(struct ct_db *db, int64_t user_id, int64_t now_ms,
                                                const struct ct_registration_change *changes,
                                                size_t count);
/** Deletes bindings that have expired at @p now_ms, with their events, at most @p limit. @p more: perhaps there are
 *  others. For a job. */
CT_CHECKED enum ct_result ct_registration_expire(struct ct_db *db, int64_t now_ms, size_t limit,
                                                 bool *more);

#endif
