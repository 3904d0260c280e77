#ifndef CT_VOICE_RECORD_STATUS_H
#define CT_VOICE_RECORD_STATUS_H

#include <stdbool.h>

#include "base/result.h"
#include "base/text.h"

/**
 * What the record of a call says of it:
 *
 *    queued --------> ringing --------> in-progress ----> completed
 *      |  |              |                  |
 *      |  +--------------|----------------->|           answered without a 18x
 *      |                 |                  |
 *      +-----------------+------------------|-----------> busy, failed, no-answer, canceled
 *      |                 |                  +-----------> failed
 *      +-----------------+------------------+-----------> interrupted
 *
 * `interrupted` is what another process, or the next one, takes for the end of a call whose server is not
 * heard of any more. If that server comes back it knows better: from `interrupted` a record may go to
 * in-progress and to every other end. No other end is left.
 */
enum ct_record_status { /* up to CANCELED in the order of enum ct_call_status */
                        CT_RECORD_QUEUED,
                        CT_RECORD_RINGING,
                        CT_RECORD_IN_PROGRESS,
                        CT_RECORD_COMPLETED,
                        CT_RECORD_BUSY,
                        CT_RECORD_FAILED,
                        CT_RECORD_NO_ANSWER,
                        CT_RECORD_CANCELED,
                        CT_RECORD_INTERRUPTED,
                        CT_RECORD_STATUS_COUNT
};

/** Who ended a call: in the order of enum ct_call_party. */
enum ct_record_ender {
    CT_ENDED_BY_NOBODY, /* not ended, or interrupted */
    CT_ENDED_BY_CALLER,
    CT_ENDED_BY_CALLEE,
    CT_ENDED_BY_SYSTEM, /* a limit, a timer, a refusal of this server's own */
    CT_ENDED_BY_COUNT
};

/** Whether a record may go from one status to the other. To the same: no. */
bool ct_record_status_allows(enum ct_record_status from, enum ct_record_status to);
/** Whether a call with that status is over. */
bool ct_record_status_is_end(enum ct_record_status status);
/** The word for a status, as in the database and in replies: "in-progress", … */
struct ct_str ct_record_status_word(enum ct_record_status status);
/** The reverse. CT_BUG for an unknown word. */
CT_CHECKED enum ct_result ct_record_status_read(struct ct_str word, enum ct_record_status *out);
/** All words in the order of the enum, ended by NULL. */
extern const char *const ct_record_status_words[];

/** The word for who ended a call; all zero for nobody. */
struct ct_str ct_record_ender_word(enum ct_record_ender ender);
/** All words but that for nobody, ended by NULL. */
extern const char *const ct_record_ender_words[];

#endif
