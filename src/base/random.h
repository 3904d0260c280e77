#ifndef CT_BASE_RANDOM_H
#define CT_BASE_RANDOM_H

#include <stddef.h>

#include "base/result.h"

/** Fills @p out with bytes fit for keys, from the kernel. CT_IO when it has none to give. */
CT_CHECKED enum ct_result ct_random_bytes(void *out, size_t size);

#endif
