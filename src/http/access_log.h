#ifndef CT_HTTP_ACCESS_LOG_H
#define CT_HTTP_ACCESS_LOG_H

#include "http/exchange.h"

/** The status logged for a request whose client was gone before the reply's end. */
#define CT_STATUS_CLIENT_GONE 499

/** Writes the line of one request, which took @p duration_us microseconds. */
void ct_access_log(struct ct_exchange *exchange, int status, int64_t duration_us);
/** Writes the line of bytes that were no request. @p peer is the connection's other end, as text. */
void ct_access_log_garbage(struct ct_log *log, const char *id, const char *peer, int status,
                           int64_t bytes);

#endif
