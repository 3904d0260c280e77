#ifndef CT_VOICE_CALL_LOG_H
#define CT_VOICE_CALL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/result.h"
#include "base/text.h"
#include "base/wheel.h"
#include "sip/mailbox.h"
#include "sip/transport.h"
#include "store/store.h"
#include "voice/call.h"
#include "voice/caps.h"

/**
 * How the records of live calls come into the store: each step of a call with its event in one transaction, in the
 * order of the steps. Of a call one job at most is under way; what happens meanwhile goes with the next one. What the
 * store does not take is tried again, until it does. The messages of a call's legs go with the steps, and what is left of
 * them some seconds after the end. On the SIP thread alone.
 */
struct ct_call_log;

struct ct_call_log_options {
    const struct ct_sip_env *env; /* borrowed, as what follows */
    struct ct_wheel *wheel;
    struct ct_sip_post post;
    struct ct_store *store;
    struct ct_log *log;
    struct ct_str node; /* see struct ct_record_new */
    /** The limits of an account have been asked: see ct_call_log_verdict. */
    void (*judged)(void *ctx, const char *key);
    /** ct_call_log_again was answered. */
    void (*again)(void *ctx, const char *key, const struct ct_call_verdict *verdict);
    void *ctx; /* of both */
};
/** The owner frees it with ct_call_log_free. CT_NOMEM. */
CT_CHECKED enum ct_result ct_call_log_new(const struct ct_call_log_options *options,
                                          struct ct_call_log **out);
/** No job is under way. What is not written is lost. NULL is allowed. */
void ct_call_log_free(struct ct_call_log *log);

/** Whose limits a call to a trunk counts for, and the number that it calls there. */
struct ct_call_toll {
    int64_t payer_id;
    struct ct_str number;
};

/** A call begins. @p toll, NULL: none: with its record the limits are asked, and `judged` is called. @p dialled: its first
 *  legs are the caller's, and whoever began its record has asked them. CT_NOMEM: there will be no record. */
CT_CHECKED enum ct_result ct_call_log_created(struct ct_call_log *log,
                                              const struct ct_call_facts *facts, bool dialled,
                                              const struct ct_call_toll *toll);
void ct_call_log_changed(struct ct_call_log *log, const struct ct_call_facts *facts);
void ct_call_log_ended(struct ct_call_log *log, const struct ct_call_facts *facts);
/** A side was replaced; or is not after all (@p done is false): if the call would have been paid for, it is not. */
void ct_call_log_transferred(struct ct_call_log *log, const struct ct_call_facts *facts, bool done);
/** A leg of the call has this Call-ID. */
void ct_call_log_leg(struct ct_call_log *log, const char *key, struct ct_str call_id);
/** Of a call that was dialled: from now on its new legs are the callee's. */
void ct_call_log_second(struct ct_call_log *log, const char *key);
/** A call that has begun is to go out to a trunk after all: the limits are asked in the transaction that writes it into the
 *  record, and `judged` is called. Not before an earlier question of the call is answered. CT_NOT_FOUND: it has no
 *  record; CT_NOMEM. */
CT_CHECKED enum ct_result ct_call_log_toll(struct ct_call_log *log,
                                           const struct ct_call_facts *facts,
                                           const struct ct_call_toll *toll, int64_t trunk_id);
/** The limits of a call that is paid for are asked whether it may go on: `again` is called, unless the store takes
 *  nothing. */
void ct_call_log_again(struct ct_call_log *log, const char *key);
/** A message, of whatever: those of legs are kept. */
void ct_call_log_trace(struct ct_call_log *log, bool sent, const struct ct_sip_hop *hop,
                       struct ct_str bytes, struct ct_str call_id);
/** What the limits say; NULL: it is not known yet. Borrowed until the thread goes on. */
const struct ct_call_verdict *ct_call_log_verdict(struct ct_call_log *log, const char *key);

/** Whether so many records wait for the store that no call should begin. */
bool ct_call_log_is_full(const struct ct_call_log *log);
/** The server stops: what waits for messages waits no longer. */
void ct_call_log_hurry(struct ct_call_log *log);
/** Whether no job is under way, and nothing is left to be written. */
bool ct_call_log_settled(const struct ct_call_log *log);
/** Whether no job is under way. */
bool ct_call_log_quiet(const struct ct_call_log *log);

#endif
