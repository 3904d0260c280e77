#ifndef CT_HTTP_LOOPS_H
#define CT_HTTP_LOOPS_H

#include "base/pulse.h"

/* What src/http watches of libmicrohttpd's threads. They belong to the library, which tells nothing of
 * them; what they all do is to ask epoll_wait for work. */

/** Some more than HTTP_THREADS may be; a thread that finds no place is not watched. */
#define CT_LOOPS_MOST 80

/** Makes every thread that waits for events turn at least this often, in milliseconds, also without any. From
 * a thread's next wait on, so it is called before a server is started. 0: they sleep until there is one. */
void ct_loops_turn_within(int milliseconds);
/** Calls @p call with @p ctx once, before the calling thread waits for events again. */
void ct_loops_before_waiting(void (*call)(void *ctx), void *ctx);
/** The CT_LOOPS_MOST pulses of the threads of this process that wait for events; static. One that has not
 * begun is nobody's. */
const struct ct_pulse *ct_loops(void);

#endif
