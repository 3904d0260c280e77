#ifndef CT_HTTP_LISTEN_H
#define CT_HTTP_LISTEN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"

/** A TCP socket that has an address and a port. */
struct ct_listener {
    int socket; /* -1: none */
    uint16_t port;
};

/** Takes HOST and PORT (0: the kernel chooses) for this program; nobody can connect yet. Another program
 * that listens there is noticed. The owner ends it with ct_listener_close. When it fails, @p why (in
 * @p arena) is one line that names the setting. CT_IO, CT_INVALID, CT_NOMEM. */
CT_CHECKED enum ct_result ct_listener_bind(struct ct_arena *arena, const char *host, uint16_t port,
                                           struct ct_listener *out, const char **why);
/** Lets clients connect. @p host is what it was bound to, for @p why. CT_IO, CT_NOMEM. */
CT_CHECKED enum ct_result ct_listener_open(const struct ct_listener *listener,
                                           struct ct_arena *arena, const char *host,
                                           const char **why);
/** Closes it, unless its socket is -1. */
void ct_listener_close(struct ct_listener *listener);

#endif
