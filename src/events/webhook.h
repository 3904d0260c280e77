#ifndef CT_EVENTS_WEBHOOK_H
#define CT_EVENTS_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/result.h"
#include "base/text.h"

/**
 * Sends requests to webhooks, many at a time, on one thread, without waiting for any. A request goes to
 * the address that its host has at that moment, and only if that is one of the open internet or of the networks
 * that the settings allow; a redirect is not followed, no proxy of the environment is used. An answer is read up
 * to CT_WEBHOOK_REPLY_BYTES; an attempt takes no longer than CT_WEBHOOK_TIMEOUT_MS.
 */
struct ct_webhook_sender;

#define CT_WEBHOOK_TIMEOUT_MS 15000
#define CT_WEBHOOK_CONNECT_TIMEOUT_MS 5000
/** What is kept of a reply's body, and the same of its header. */
#define CT_WEBHOOK_REPLY_BYTES ((size_t)4096)

struct ct_webhook_options {
    const char
        *networks;      /* may be reached though not public, as ct_config_in_networks takes them */
    struct ct_log *log; /* may be NULL */
    const char *module; /* NULL: beside the program, or as installed */
};
/** All that @p options names is borrowed. CT_NOMEM, CT_IO. */
CT_CHECKED enum ct_result ct_webhook_sender_new(const struct ct_webhook_options *options,
                                                struct ct_webhook_sender **out);
/** Gives up what is on its way. NULL is allowed. */
void ct_webhook_sender_free(struct ct_webhook_sender *sender);

/** Loads the module, unless it is. CT_UNAVAILABLE: it cannot be, and the log has said why, once. CT_NOMEM. */
CT_CHECKED enum ct_result ct_webhook_load(struct ct_webhook_sender *sender);

/** One request. All is copied. */
struct ct_webhook_request {
    struct ct_str url;
    const struct ct_str *headers; /* "name: value" */
    size_t header_count;
    struct ct_str body;
    void *ctx; /* handed back with the outcome */
};
/** Begins one, and loads the module. CT_UNAVAILABLE as ct_webhook_load, CT_NOMEM. */
CT_CHECKED enum ct_result ct_webhook_send(struct ct_webhook_sender *sender,
                                          const struct ct_webhook_request *request);

/** What came of it. Texts are well-formed UTF-8 without NUL. */
struct ct_webhook_outcome {
    void *ctx;
    int64_t status; /* 0: there was no answer */
    int64_t duration_ms;
    int64_t retry_after_ms; /* 0: not asked for */
    struct ct_str reply_headers;
    struct ct_str reply_body;
    struct ct_str error; /* why there was no (whole) answer; empty when there was */
};
/** The next request that has ended, its texts in @p arena. False: there is none. Without memory for a text it is
 *  empty. */
bool ct_webhook_next(struct ct_webhook_sender *sender, struct ct_arena *arena,
                     struct ct_webhook_outcome *out);
/** How many are on their way. */
size_t ct_webhook_sending(const struct ct_webhook_sender *sender);

/** Goes on with all of them, and waits until something happens, ct_webhook_wake was called, or the time is over. */
void ct_webhook_wait(struct ct_webhook_sender *sender, int timeout_ms);
/** From any thread. */
void ct_webhook_wake(struct ct_webhook_sender *sender);

#endif
