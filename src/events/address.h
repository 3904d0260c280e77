#ifndef CT_EVENTS_ADDRESS_H
#define CT_EVENTS_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/** Whether an address is one of the open internet: globally reachable and of one host, by the registries of
 *  special-purpose addresses (RFC 6890) as IANA keeps them. An IPv4 address inside an IPv6 one (mapped, NAT64)
 *  counts as itself. What is neither IPv4 nor IPv6 is not. */
bool ct_address_is_public(const struct sockaddr *address, socklen_t size);

/** The address as text, without port, an IPv4 one inside IPv6 as itself; "-" for any other family. */
void ct_address_text(const struct sockaddr *address, socklen_t size, char out[INET6_ADDRSTRLEN]);

#endif
