#ifndef CT_HTTP_AUTHORIZE_H
#define CT_HTTP_AUTHORIZE_H

#include <stdbool.h>

#include "http/exchange.h"
#include "store/store.h"

/** Finds out who calls (RFC 6750), whether he may use the route, and whether he has sent too much lately.
 *  Sets `call.caller`, or refuses with 401, 403, 429 or 503. @p db is a read transaction. */
void ct_exchange_authorize(struct ct_exchange *exchange, struct ct_db *db);

/** The same again within the transaction of a write, but for the limit: a token may have been ended while the
 *  body was on its way or the write was waiting. False when it refuses. */
CT_CHECKED bool ct_exchange_still_authorized(struct ct_exchange *exchange, struct ct_db *db);

/** Refuses with 429 when the address has sent too many requests. Needs `address` and `match`. */
void ct_exchange_limit_address(struct ct_exchange *exchange);

/** Refuses with 429 when the address has too often used an Idempotency-Key of another request, on a public
 *  route. Needs `address`. */
void ct_exchange_limit_mistaken(struct ct_exchange *exchange);

#endif
