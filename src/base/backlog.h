#ifndef CT_BASE_BACKLOG_H
#define CT_BASE_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * How long what waits in a queue has to wait, told from what the work before it took: so that a queue
 * refuses at once what it could not do in time, however slow the work has become, and does not begin
 * what has waited too long. It knows no queue and no clock; the owner's lock guards it.
 *
 * The work is done in turns of up to `turn` pieces (a group commit), by `workers` at the same time. A turn
 * costs something however many pieces it has. What the first turn's worth that waits would cost so is not
 * counted: it would be refused when a turn alone takes longer than the limit, and no turn have more than
 * one piece.
 *
 * What has been begun is waited for as well, where its owner counts it: as whole, since nobody knows how much of
 * it is left.
 */
struct ct_backlog {
    int64_t max_wait_us; /* 0: whatever waits may wait */
    size_t turn;         /* pieces of work in a turn, at most; 1 or more */
    size_t workers;      /* 1 or more */
    size_t begun;     /* pieces that are being worked on; 0 for an owner that does not count them */
    int64_t piece_ns; /* what a piece of work took lately; 0: nothing is known */
    int64_t turn_ns;  /* and a turn besides its pieces */
};

/** Takes note of a turn: @p pieces of work took @p pieces_us, all else @p rest_us. */
void ct_backlog_measured(struct ct_backlog *backlog, size_t pieces, int64_t pieces_us,
                         int64_t rest_us);
/** Microseconds that what is queued behind @p waiting pieces, besides those begun, is expected to wait. */
int64_t ct_backlog_wait_us(const struct ct_backlog *backlog, size_t waiting);
/** Whether one more is to be refused: @p waiting pieces are queued, the first of them (if there is one)
 *  since @p first_us, and it is @p now_us. */
bool ct_backlog_is_full(const struct ct_backlog *backlog, size_t waiting, int64_t first_us,
                        int64_t now_us);
/** Whether what was queued at @p queued_us has waited too long to be begun. */
bool ct_backlog_is_late(const struct ct_backlog *backlog, int64_t queued_us, int64_t now_us);

#endif
