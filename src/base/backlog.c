#include "base/backlog.h"

#include <assert.h>

/* A measurement moves what is known by an eighth: a single slow turn refuses nobody for long. */
#define WEIGHT 8
/* An hour: what takes longer is not told apart, and sums stay far from overflowing. */
#define LONGEST_US INT64_C(3600000000)

static int64_t moved(int64_t known, int64_t measured)
{
    return known == 0 ? measured : known + (measured - known) / WEIGHT;
}

static int64_t ns_of(int64_t us)
{
    return (us < 0 ? 0 : us > LONGEST_US ? LONGEST_US : us) * 1000;
}

void ct_backlog_measured(struct ct_backlog *backlog, size_t pieces, int64_t pieces_us,
                         int64_t rest_us)
{
    assert(pieces > 0);
    backlog->piece_ns = moved(backlog->piece_ns, ns_of(pieces_us) / (int64_t)pieces);
    backlog->turn_ns = moved(backlog->turn_ns, ns_of(rest_us));
}

int64_t ct_backlog_wait_us(const struct ct_backlog *backlog, size_t waiting)
{
    double ns = ((double)waiting + (double)backlog->begun) * (double)backlog->piece_ns +
                (double)(waiting / backlog->turn) * (double)backlog->turn_ns;
    double us = ns / 1000 / (double)backlog->workers;
    return us > (double)LONGEST_US ? LONGEST_US : (int64_t)us;
}

bool ct_backlog_is_full(const struct ct_backlog *backlog, size_t waiting, int64_t first_us,
                        int64_t now_us)
{
    if (backlog->max_wait_us == 0 || waiting == 0)
        return false;
    return now_us - first_us > backlog->max_wait_us ||
           ct_backlog_wait_us(backlog, waiting) > backlog->max_wait_us;
}

bool ct_backlog_is_late(const struct ct_backlog *backlog, int64_t queued_us, int64_t now_us)
{
    return backlog->max_wait_us != 0 && now_us - queued_us > backlog->max_wait_us;
}
