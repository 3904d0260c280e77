#ifndef CT_VOICE_AUTHENTICATE_H
#define CT_VOICE_AUTHENTICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"
#include "sip/digest.h"
#include "sip/endpoint.h"
#include "sip/transport.h"
#include "store/store.h"

/**
 * Which device sends a request: digest credentials against the devices of the store, whose HA1 are remembered in a
 * cache of a fixed size. On the SIP thread alone.
 */
struct ct_authenticator;

struct ct_authenticator_options {
    const struct ct_sip_env *env;
    struct ct_store *store;
    const char *realm;    /* SIP_DOMAIN; borrowed */
    struct ct_str secret; /* what nonces are signed with: a key derived from SECRET_KEY */
    size_t cached;        /* devices whose digests are remembered */
};
CT_CHECKED enum ct_result ct_authenticator_new(const struct ct_authenticator_options *options,
                                               struct ct_authenticator **out);
void ct_authenticator_free(struct ct_authenticator *authenticator);

/** Who it is. */
struct ct_caller {
    int64_t device_id, user_id;
};
enum ct_auth_verdict {
    CT_AUTH_OK,         /* @p out is filled */
    CT_AUTH_CHALLENGED, /* it had no credentials, or stale ones, and was answered with 401: no failure */
    CT_AUTH_FAILED, /* wrong credentials: answered with 401 (403 when no memory of the name); counted by the shield */
    CT_AUTH_UNAVAILABLE /* the database is away: answered with 503 */
};
/** Judges a request by its Authorization; answers it with 401 or 503 unless it is CT_AUTH_OK. */
CT_CHECKED enum ct_auth_verdict ct_authenticate(struct ct_authenticator *authenticator,
                                                struct ct_sip_server *transaction,
                                                const struct ct_sip_message *message,
                                                struct ct_caller *out);

/** Whether there is a device with this username: asks the cache, then the store. CT_OK, CT_NOT_FOUND,
 *  CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_authenticator_find(struct ct_authenticator *authenticator,
                                                struct ct_str username, struct ct_caller *out);
/** A device was changed or deleted: what is remembered of it is forgotten. */
void ct_authenticator_forget(struct ct_authenticator *authenticator, int64_t device_id);

#endif
