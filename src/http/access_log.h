#ifndef CT_HTTP_ACCESS_LOG_H
#define CT_HTTP_ACCESS_LOG_H

#include <sys/socket.h>

#include "http/exchange.h"

/** The status logged for a request whose client was gone before the reply's end. */
#define CT_STATUS_CLIENT_GONE 499

/** Writes the line of one request. @p peer is the connection's other end, or NULL. */
void ct_access_log(struct ct_exchange *exchange, const struct sockaddr *peer, int status);
/** Writes the line of bytes that were no request. */
void ct_access_log_garbage(struct ct_log *log, const char *id, const struct sockaddr *peer,
                           int status, int64_t bytes);

#endif
