#ifndef CT_BASE_SPARES_H
#define CT_BASE_SPARES_H

#include <stddef.h>

#include "base/result.h"

/**
 * Blocks of memory of one size, which a thread that has given some back takes again without asking malloc.
 * malloc has quick ways for up to some 1,000 bytes; for more it tidies up all that was freed before. In the
 * sanitizer builds each take is a malloc and each give a free, so that what is used too late is seen.
 */
struct ct_spares;

/** Each thread keeps up to @p most blocks of @p size bytes, until it ends. CT_NOMEM; CT_IO when the process has no
 *  key for data of its threads left. The owner frees it with ct_spares_free. */
CT_CHECKED enum ct_result ct_spares_new(size_t size, size_t most, struct ct_spares **out);
/** A block, aligned for any type and not zeroed, or NULL without memory. */
void *ct_spares_take(struct ct_spares *spares);
/** Gives a block back, whichever thread has taken it. NULL is allowed. */
void ct_spares_give(struct ct_spares *spares, void *block);
/** Frees all that the calling thread keeps; other threads that kept blocks have ended. NULL is allowed. */
void ct_spares_free(struct ct_spares *spares);

#endif
