#ifndef CT_HTTP_ONCE_H
#define CT_HTTP_ONCE_H

#include "http/exchange.h"
#include "store/store.h"

/*
 * How a request with an Idempotency-Key runs:
 *
 *   ct_once_begin      the header is judged with the rest of the input
 *   ct_once_look_up    a known key is answered before anything is done
 *   ct_once_run        in the write: two requests that race run one after the other here, and the second
 *                      finds the answer of the first, which is kept in the transaction of its work
 *   ct_once_keeps,     what the handler refuses is undone with all it wrote; the answer is then kept by a
 *   ct_once_keep       write of its own, unless by now another one is there: then that one counts. On a
 *                      public route it is not kept: rows would cost a stranger nothing
 */

/** Sets `idempotency` when the route and the request want it; adds a fault for what is no key. CT_NOMEM.
 */
CT_CHECKED enum ct_result ct_once_begin(struct ct_exchange *exchange);
/** CT_OK: `kept` is the reply; CT_NOT_FOUND: the handler is to run; CT_INVALID: the key was used with
 *  another request (the fault is added); else what went wrong, or `refusal` is set. */
CT_CHECKED enum ct_result ct_once_look_up(struct ct_exchange *exchange);
/** Looks again, else calls @p run and keeps what it makes. What to answer for the job. */
CT_CHECKED enum ct_result ct_once_run(struct ct_exchange *exchange, struct ct_db *db,
                                      enum ct_result (*run)(struct ct_exchange *exchange,
                                                            struct ct_db *db));
/** Whether the key gets this failure again. */
bool ct_once_keeps(const struct ct_exchange *exchange, enum ct_result result);
/** A write that keeps the failure `result` of the exchange @p ctx. */
CT_CHECKED enum ct_result ct_once_keep(void *ctx, struct ct_db *db);

#endif
