#ifndef CT_VOICE_AUTHENTICATE_H
#define CT_VOICE_AUTHENTICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"
#include "sip/endpoint.h"
#include "voice/reader.h"

/**
 * Which device sends a request: digest credentials against the devices of the store, whose digests are remembered
 * for a while in a cache of a fixed size. On the SIP thread alone.
 */
struct ct_authenticator;

struct ct_authenticator_options {
    const struct ct_sip_env *env; /* borrowed, as what follows */
    struct ct_reader *reader;
    const char *domain;     /* SIP_DOMAIN, the realm until there is one in the database */
    bool no_sha256, no_md5; /* not offered in challenges, nor taken */
    size_t cached;          /* devices that are remembered; rounded up */
    size_t misses_per_s;    /* names of no device that the database is asked for; 0: 1000 */
    /** Who tried, from where, and whether he failed. May be NULL. */
    void (*tried)(void *ctx, const struct ct_sip_hop *from, bool failed);
    void *tried_ctx;
};
CT_CHECKED enum ct_result ct_authenticator_new(const struct ct_authenticator_options *options,
                                               struct ct_authenticator **out);
/** NULL is allowed. */
void ct_authenticator_free(struct ct_authenticator *authenticator);

/** Who it is. */
#define CT_DEVICE_USERNAME_MOST ((size_t)63)
struct ct_sip_caller {
    int64_t device_id;
    int64_t user_id;
    char username[CT_DEVICE_USERNAME_MOST + 1];
};

/** Judges a request by its Authorization. True: @p out is filled. False: it has been answered: with 401, since it had no
 *  credentials, stale ones or wrong ones; with 400, since they are for another Request-URI; with 503, since the database
 *  or memory is away. */
bool ct_authenticate(struct ct_authenticator *authenticator, struct ct_sip_server *transaction,
                     const struct ct_sip_message *message, struct ct_sip_caller *out);

/** The same against credentials that are handed in, a trunk's: HA1 as hexadecimal digits. */
bool ct_authenticate_as(struct ct_authenticator *authenticator, struct ct_sip_server *transaction,
                        const struct ct_sip_message *message, struct ct_str username,
                        struct ct_str ha1_md5, struct ct_str ha1_sha256);

/** Whether there is a device with this username. CT_OK, CT_NOT_FOUND, CT_UNAVAILABLE, CT_NOMEM; CT_BUSY: the names of too
 *  many others, which there are not, were asked for in this second. */
CT_CHECKED enum ct_result ct_authenticator_find(struct ct_authenticator *authenticator,
                                                struct ct_str username, struct ct_sip_caller *out);
/** Whether an Authorization of the request names a device of ours. */
bool ct_authenticator_is_named(struct ct_authenticator *authenticator,
                               const struct ct_sip_message *message);
/** A device was changed or deleted: what is remembered of it is forgotten. 0: all. */
void ct_authenticator_forget(struct ct_authenticator *authenticator, int64_t device_id);

#endif
