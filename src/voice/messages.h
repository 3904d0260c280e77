#ifndef CT_VOICE_MESSAGES_H
#define CT_VOICE_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/result.h"
#include "config/config.h"
#include "sip/endpoint.h"
#include "store/store.h"
#include "voice/authenticate.h"
#include "voice/reader.h"
#include "voice/registrar.h"

/**
 * Messages between devices: MESSAGE outside of dialogs (RFC 3428). One of a device to a number of this server goes to all
 * phones that are registered for that number, from a number of the sender's owner. It is not kept: the answer is 200
 * when a phone has taken it, else what the phones said; 480 when there is none. Nothing goes to trunks, and nothing
 * comes from them. Its text is written nowhere. On the SIP thread alone.
 */
struct ct_messages;

/** What a request of MESSAGE may have, in bytes: the whole over UDP (RFC 3428 section 8), its body over streams. */
#define CT_MESSAGE_BYTES_MOST ((size_t)1300)
#define CT_MESSAGE_BODY_MOST ((size_t)8192)
/** Messages under way at the same time. */
#define CT_MESSAGES_MOST ((size_t)2000)

struct ct_messages_options {
    const struct ct_config *config; /* borrowed, as what follows */
    struct ct_sip *sip;
    const struct ct_sip_env *env;
    struct ct_store *store;
    struct ct_reader *reader;
    struct ct_registrar *registrar;
    struct ct_relay *relay; /* may be NULL: bindings of other servers are none */
};
/** The owner frees it with ct_messages_free. CT_NOMEM, CT_IO. */
CT_CHECKED enum ct_result ct_messages_new(const struct ct_messages_options *options,
                                          struct ct_messages **out);
/** Before the endpoint is freed; ct_messages_settled says yes. NULL is allowed. */
void ct_messages_free(struct ct_messages *messages);
/** Whether no event is on its way to the store. */
bool ct_messages_settled(const struct ct_messages *messages);
/** Messages that wait for an answer of a phone. */
size_t ct_messages_count(const struct ct_messages *messages);

/** A MESSAGE of a device that has proved who it is. It is answered, now or later. */
void ct_messages_request(struct ct_messages *messages, struct ct_sip_server *transaction,
                         const struct ct_sip_message *message, const struct ct_sip_caller *device);

#endif
