#ifndef CT_VOICE_CALL_ENDS_H
#define CT_VOICE_CALL_ENDS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/text.h"
#include "sip/mailbox.h"
#include "store/store.h"
#include "voice/reader.h"

struct ct_switchboard;

/**
 * Calls of this process that another one was asked to end (ct_record_ask_end): hung up as soon as the store tells of it,
 * and looked for now and then, since what the store tells may be lost. Set up by its owner, and not moved from then on.
 */
struct ct_call_ends {
    struct ct_store *store; /* borrowed, as what follows */
    struct ct_reader *reader;
    struct ct_switchboard *board;
    struct ct_sip_post post;
    struct ct_str node; /* of this process, in records */
    /* what follows is its own */
    bool listens;
    atomic_bool asked; /* the letter is under way */
    struct ct_sip_letter letter;
};

/** Listens, if other processes may have the database too. */
void ct_call_ends_start(struct ct_call_ends *ends);
/** From now on no letter is sent any more. All zero is allowed. */
void ct_call_ends_stop(struct ct_call_ends *ends);
/** Whether no letter is under way. */
bool ct_call_ends_settled(const struct ct_call_ends *ends);
/** Looks for such calls. On the SIP thread. */
void ct_call_ends_look(struct ct_call_ends *ends);

#endif
