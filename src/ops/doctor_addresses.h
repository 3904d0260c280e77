#ifndef CT_OPS_DOCTOR_ADDRESSES_H
#define CT_OPS_DOCTOR_ADDRESSES_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "ops/doctor.h"

/* Addresses as the doctor's checks compare them: an IPv4 address inside an IPv6 one counts as itself. */

bool ct_doctor_is_loopback(const struct sockaddr_storage *address);
bool ct_doctor_has_address(const struct ct_addresses *list, const struct sockaddr_storage *address);

/** Addresses with commas between them, in @p arena. NULL: no memory. */
const char *ct_doctor_addresses_text(struct ct_arena *arena, const struct ct_addresses *list);

/** The address and port of an entry of SIP_LISTEN, and its size. */
socklen_t ct_doctor_socket(const struct ct_sip_entry *entry, struct sockaddr_storage *out);

/** Whether what is sent to an address of this machine arrives at that entry. */
bool ct_doctor_hears(const struct ct_sip_entry *entry, const struct sockaddr_storage *address);

#endif
