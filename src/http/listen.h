#ifndef CT_HTTP_LISTEN_H
#define CT_HTTP_LISTEN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"

/** Opens a listening TCP socket on HOST and PORT (0: the kernel chooses) and says which port it
 * got. The caller closes the socket. When it fails, @p why (in @p arena) is one line that names the
 * setting. CT_IO, CT_INVALID, CT_NOMEM. */
CT_CHECKED enum ct_result ct_listen(struct ct_arena *arena, const char *host, uint16_t port,
                                    int *socket_out, uint16_t *port_out, const char **why);

#endif
