#include "voice/record_status.h"

#include <assert.h>
#include <stddef.h>

#define BIT(status) (1U << (status))
#define UNANSWERED                                                            \
    (BIT(CT_RECORD_BUSY) | BIT(CT_RECORD_FAILED) | BIT(CT_RECORD_NO_ANSWER) | \
     BIT(CT_RECORD_CANCELED))
#define INTERRUPTED BIT(CT_RECORD_INTERRUPTED)

/* To what a record may go. What is missing is an end. */
static const unsigned steps[CT_RECORD_STATUS_COUNT] = {
    [CT_RECORD_QUEUED] =
        BIT(CT_RECORD_RINGING) | BIT(CT_RECORD_IN_PROGRESS) | UNANSWERED | INTERRUPTED,
    [CT_RECORD_RINGING] = BIT(CT_RECORD_IN_PROGRESS) | UNANSWERED | INTERRUPTED,
    [CT_RECORD_IN_PROGRESS] = BIT(CT_RECORD_COMPLETED) | BIT(CT_RECORD_FAILED) | INTERRUPTED,
    [CT_RECORD_INTERRUPTED] = BIT(CT_RECORD_IN_PROGRESS) | BIT(CT_RECORD_COMPLETED) | UNANSWERED,
};

const char *const ct_record_status_words[] = {
    [CT_RECORD_QUEUED] = "queued",
    [CT_RECORD_RINGING] = "ringing",
    [CT_RECORD_IN_PROGRESS] = "in-progress",
    [CT_RECORD_COMPLETED] = "completed",
    [CT_RECORD_BUSY] = "busy",
    [CT_RECORD_FAILED] = "failed",
    [CT_RECORD_NO_ANSWER] = "no-answer",
    [CT_RECORD_CANCELED] = "canceled",
    [CT_RECORD_INTERRUPTED] = "interrupted",
    [CT_RECORD_STATUS_COUNT] = NULL,
};

/* Nobody has no word. */
#define WORD(ender) ((ender)-1)
const char *const ct_record_ender_words[] = {
    [WORD(CT_ENDED_BY_CALLER)] = "caller",
    [WORD(CT_ENDED_BY_CALLEE)] = "callee",
    [WORD(CT_ENDED_BY_SYSTEM)] = "system",
    [WORD(CT_ENDED_BY_COUNT)] = NULL,
};

bool ct_record_status_allows(enum ct_record_status from, enum ct_record_status to)
{
    assert(from < CT_RECORD_STATUS_COUNT && to < CT_RECORD_STATUS_COUNT);
    return (steps[from] & BIT(to)) != 0;
}

bool ct_record_status_is_end(enum ct_record_status status)
{
    assert(status < CT_RECORD_STATUS_COUNT);
    return status >= CT_RECORD_COMPLETED;
}

struct ct_str ct_record_status_word(enum ct_record_status status)
{
    assert(status < CT_RECORD_STATUS_COUNT);
    return ct_str_of(ct_record_status_words[status]);
}

enum ct_result ct_record_status_read(struct ct_str word, enum ct_record_status *out)
{
    for (enum ct_record_status status = CT_RECORD_QUEUED; status < CT_RECORD_STATUS_COUNT;
         status++) {
        if (ct_str_equal(word, ct_str_of(ct_record_status_words[status]))) {
            *out = status;
            return CT_OK;
        }
    }
    return CT_BUG;
}

struct ct_str ct_record_ender_word(enum ct_record_ender ender)
{
    assert(ender < CT_ENDED_BY_COUNT);
    return ender == CT_ENDED_BY_NOBODY ? (struct ct_str){0}
                                       : ct_str_of(ct_record_ender_words[WORD(ender)]);
}
