#ifndef CT_OPS_DOCTOR_OWNER_H
#define CT_OPS_DOCTOR_OWNER_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/result.h"
#include "ops/doctor.h"

/** Who has the UDP socket or the listening TCP socket with this address and port, or with its port at all addresses, as
 *  /proc shows it: CT_PORT_FREE, CT_PORT_OURS, CT_PORT_OTHERS or CT_PORT_HIDDEN, of the latter two with a few
 *  words in @p who (in @p arena). CT_NOMEM. */
CT_CHECKED enum ct_result ct_doctor_owner(struct ct_arena *arena, bool datagrams,
                                          const struct sockaddr_storage *address,
                                          enum ct_port_owner *out, const char **who);

#endif
