#ifndef CT_VOICE_SWITCHBOARD_H
#define CT_VOICE_SWITCHBOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"
#include "sip/endpoint.h"
#include "sip/mailbox.h"
#include "store/store.h"
#include "voice/call.h"
#include "voice/call_log.h"

/**
 * Where calls meet whom they ring and where they are written down: who calls is found out, the plan (call_plan.h) and
 * the records (call_log.h) are handed to the calls (call.h). On the SIP thread, but for what says otherwise.
 */
struct ct_switchboard;
struct ct_authenticator;
struct ct_carriers;
struct ct_reader;
struct ct_registrar;
struct ct_trunk_watch;
struct ct_relay;

/** What the endpoint of a switchboard says it understands. */
#define CT_SWITCHBOARD_METHODS                                                         \
    CT_STR("INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, PRACK, UPDATE, INFO, REFER, " \
           "NOTIFY, MESSAGE")
#define CT_SWITCHBOARD_EXTENSIONS CT_STR("100rel, timer, replaces, path")

struct ct_switchboard_options {
    const struct ct_config *config; /* borrowed, as what follows */
    struct ct_sip *sip;
    const struct ct_sip_env *env;
    struct ct_sip_post post;
    struct ct_store *store;
    struct ct_reader *reader;
    struct ct_registrar *registrar;
    struct ct_authenticator *authenticator;
    struct ct_carriers *carriers;
    struct ct_trunk_watch *watch;
    struct ct_relay *relay;
    struct ct_log *log;
    struct ct_metrics *metrics; /* may be NULL */
    struct ct_str node;         /* see struct ct_record_new */
};
/** The owner frees it with ct_switchboard_free. CT_NOMEM. */
CT_CHECKED enum ct_result ct_switchboard_new(const struct ct_switchboard_options *options,
                                             struct ct_switchboard **out);
/** ct_switchboard_settled says yes. NULL is allowed. */
void ct_switchboard_free(struct ct_switchboard *board);

/** An INVITE, a MESSAGE, or what else comes outside of dialogs and is no REGISTER. It is answered, now or later. */
void ct_switchboard_request(struct ct_switchboard *board, struct ct_sip_server *transaction,
                            const struct ct_sip_message *message);
/** Every message: for struct ct_sip_user. */
void ct_switchboard_trace(struct ct_switchboard *board, bool sent, const struct ct_sip_hop *hop,
                          struct ct_str bytes, struct ct_str call_id);

/** The server stops: all calls are ended, new ones are refused. */
void ct_switchboard_close(struct ct_switchboard *board);
/** After ct_switchboard_close: whether all sides have been told and all records are written. */
bool ct_switchboard_is_over(const struct ct_switchboard *board);
/** Whether no letter is under way. */
bool ct_switchboard_settled(const struct ct_switchboard *board);
/** Ends the calls of an account, a device or a trunk that is there no longer. */
void ct_switchboard_lose(struct ct_switchboard *board, const struct ct_call_gone *gone);
/** The calls in progress. */
size_t ct_switchboard_count(const struct ct_switchboard *board);

/* ---- from any thread, until the SIP thread has ended ---- */

/** A call to be made for an account. */
struct ct_dial {
    char key[CT_CALL_KEY_BYTES + 1]; /* of a record that the same transaction has begun */
    int64_t device_id;
    struct ct_str from; /* E.164, as what follows; copied */
    struct ct_str to;
    struct ct_call_toll toll; /* what the limits were asked for; payer_id 0: nothing; copied */
    struct ct_call_verdict verdict; /* and what they said; its texts are static */
};
/** The name of this process in records. Borrowed. */
struct ct_str ct_switchboard_node(const struct ct_switchboard *board);
/** Makes a call, once its record is on the disk; never, if that does not come there. CT_NOMEM. */
CT_CHECKED enum ct_result ct_switchboard_dial(struct ct_switchboard *board,
                                              const struct ct_dial *dial);
/** Hangs up, if the call is one of this process. CT_NOMEM. */
CT_CHECKED enum ct_result ct_switchboard_hang_up(struct ct_switchboard *board, const char *key);

#endif
