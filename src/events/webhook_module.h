#ifndef CT_EVENTS_WEBHOOK_MODULE_H
#define CT_EVENTS_WEBHOOK_MODULE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/result.h"
#include "base/text.h"
#include "events/webhook.h"

/* The seam between webhook.c, in the program, and webhook_curl.c, the module. */

/** Requests on their way, all on one thread. */
struct ct_webhook_transfers;

/** Whether a request may go to an address; @p text becomes that address. */
typedef bool ct_webhook_allowed(void *ctx, const struct sockaddr *address, socklen_t size,
                                char text[INET6_ADDRSTRLEN]);

/** A request that has ended; what it points to is valid until the next call of `next` or `close`. */
struct ct_webhook_ended {
    void *ctx;
    int64_t status; /* 0: there was no answer */
    int64_t duration_ms;
    int64_t retry_after_ms;
    struct ct_str reply_headers, reply_body; /* as they came: any bytes */
    const char *error;                       /* NULL: there was a (whole) answer */
    const char *refused;                     /* the address that was not allowed; NULL: none */
};

struct ct_webhook_module {
    /** CT_VERSION of the build: a program that runs on while it is replaced would meet the new module. */
    const char *version;
    /** CT_NOMEM. */
    enum ct_result (*open)(ct_webhook_allowed *allowed, void *ctx,
                           struct ct_webhook_transfers **out);
    /** Gives up what is on its way. */
    void (*close)(struct ct_webhook_transfers *transfers);
    /** All is copied. CT_NOMEM. */
    enum ct_result (*send)(struct ct_webhook_transfers *transfers,
                           const struct ct_webhook_request *request);
    /** Goes on with all, and waits until something happens, @p wake can be read, or the time is over. */
    void (*wait)(struct ct_webhook_transfers *transfers, int wake, int timeout_ms);
    /** The next one that has ended. */
    bool (*next)(struct ct_webhook_transfers *transfers, struct ct_webhook_ended *out);
};

/** What the module exports, and the name of it. */
extern const struct ct_webhook_module ct_webhook_module_table
    __attribute__((visibility("default")));
#define CT_WEBHOOK_MODULE_SYMBOL "ct_webhook_module_table"

#endif
