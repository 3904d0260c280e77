#ifndef CT_OPS_PROCESS_H
#define CT_OPS_PROCESS_H

#include <stdint.h>

#include "base/text.h"

/** What the kernel says of this process; -1 for what it does not say. */
struct ct_process {
    int64_t cpu_us;
    int64_t threads;
    int64_t virtual_bytes;
    int64_t resident_bytes;
    int64_t open_fds;
    int64_t max_fds;
};

void ct_process_look(struct ct_process *out);
/** When the process began, in microseconds since 1970; -1 when that is not known. */
int64_t ct_process_started_us(void);

/** The field of this number (proc(5) counts from 1) of a line of /proc/PID/stat; -1 when there is none. The
 *  second one is a name in parentheses that may hold anything. */
int64_t ct_process_stat_field(struct ct_str line, int number);

#endif
