#ifndef CT_HTTP_CLIENT_ADDRESS_H
#define CT_HTTP_CLIENT_ADDRESS_H

#include "base/text.h"

struct sockaddr;

/** Room for an address as inet_ntop prints it, and its end: INET6_ADDRSTRLEN. */
#define CT_ADDRESS_TEXT 46

/** Prints the other end of a connection; "-" when it has no address (NULL is allowed). */
void ct_peer_text(const struct sockaddr *peer, char out[CT_ADDRESS_TEXT]);

/** Where a request came from: the connection's other end, or, when that is one of the @p trusted proxies
 *  (TRUSTED_PROXIES), the last address of X-Forwarded-For that is not one itself. Borrows @p peer or is
 *  in @p room, terminated; as inet_ntop prints it. */
struct ct_str ct_client_address(const char *trusted, const char *peer, struct ct_str forwarded_for,
                                char room[CT_ADDRESS_TEXT]);

#endif
