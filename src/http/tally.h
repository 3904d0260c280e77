#ifndef CT_HTTP_TALLY_H
#define CT_HTTP_TALLY_H

#include "http/access_log.h"
#include "http/exchange.h"
#include "http/server.h"

/* What a server tells of what it did: a line of log for who looks at one request, metrics for all. */

/** A request has ended, with what was sent (or CT_STATUS_CLIENT_GONE). */
void ct_tally_request(struct ct_exchange *exchange, int status);
/** As ct_access_log_garbage. */
void ct_tally_garbage(const struct ct_server_options *server, const char *id, const char *peer,
                      int status, int64_t bytes);
/** A connection was accepted, or is gone. */
void ct_tally_connection(const struct ct_server_options *server, bool begins);

#endif
