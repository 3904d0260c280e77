#ifndef CT_VOICE_DEVICE_REPLY_H
#define CT_VOICE_DEVICE_REPLY_H

#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"
#include "http/schema.h"
#include "store/store.h"
#include "voice/devices.h"

/** What a phone is told to use. */
struct ct_device_sip {
    struct ct_str username;
    struct ct_str password; /* `at` NULL: it is not known any more */
    struct ct_str domain;
    struct ct_texts transports;
};

/** Where it is registered. */
struct ct_device_registration {
    struct ct_str contact;
    struct ct_str transport;
    struct ct_str source;     /* address and port */
    struct ct_str user_agent; /* `at` NULL is null */
    int64_t expires_at;
};

/** A device as replies show it. */
struct ct_device_reply {
    int64_t id;
    struct ct_str name;
    struct ct_str caller_id; /* `at` NULL is null */
    const struct ct_device_sip *sip;
    struct ct_objects registrations; /* struct ct_device_registration */
    int64_t created_at;
};
extern const struct ct_schema ct_device_schema;

/** Fills it, in @p arena; @p password with `at` NULL is not shown. CT_NOMEM, CT_UNAVAILABLE. */
CT_CHECKED enum ct_result ct_device_describe(const struct ct_config *config, struct ct_arena *arena,
                                             struct ct_db *db, const struct ct_device *device,
                                             struct ct_str password, struct ct_device_reply *out);

#endif
