#ifndef CT_HTTP_TIME_TEXT_H
#define CT_HTTP_TIME_TEXT_H

#include <stdint.h>

#include "base/text.h"

/** Why a text is no time. */
struct ct_time_fault {
    const char *type;   /* pydantic's name of it */
    const char *before; /* what its sentence says in front of `why` */
    const char *why;    /* a few words */
};

/** Reads a time (RFC 3339 section 5.6) of the years 1970 to 9999 with its offset, in milliseconds since
 *  1970. What is finer is cut off. False: it is none, and @p fault (static texts) says why. */
bool ct_time_parse(struct ct_str text, int64_t *out_ms, struct ct_time_fault *fault);

#endif
