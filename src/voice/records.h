#ifndef CT_VOICE_RECORDS_H
#define CT_VOICE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "store/store.h"
#include "voice/record_status.h"

/**
 * The records of calls: one row for each, from its first moment on. Every change is written together with
 * its event, in the transaction of the caller's job. All times are milliseconds since 1970.
 */

/** A call that begins. Ids that are 0 are not known, or there is none. Texts are borrowed. */
struct ct_record_new {
    struct ct_str key;  /* the call's own on every server: 128 random bits or more, as text */
    struct ct_str node; /* the process that has the call: see ct_node_begin */
    int64_t caller_id;  /* the account that calls; 0: it came from a trunk */
    int64_t callee_id;  /* the account that is called; 0: it goes to a trunk, or to nobody */
    struct ct_str from; /* the caller's number, or whatever it presented */
    struct ct_str to;   /* what was dialled */
    bool anonymous;     /* the callee is not to know `from` */
    int64_t from_device_id;
    int64_t from_number_id; /* the virtual number that is presented */
    int64_t from_trunk_id;
    int64_t to_device_id; /* mostly known only when it is answered */
    int64_t to_number_id; /* the virtual number that is called */
    int64_t to_trunk_id;
    int64_t
        payer_id; /* the account whose limits a call to a trunk counts for; 0: it goes to none */
    int64_t
        granted_ms; /* of its minutes of the day: see ct_call_caps_judge; 0: it has no such limit */
    int64_t started_at;
};

/** Writes the record of a call, as `queued`, and its event. A job that runs twice writes one: with a key that
 *  is there already nothing is done, and @p id is that record's. */
CT_CHECKED enum ct_result ct_record_begin(struct ct_db *db, const struct ct_record_new *call,
                                          int64_t *id);

/** Writes the record of a call that this server refuses, `failed` from its first moment on, and the event of
 *  that. Nobody pays for it, and limits do not count it. @p sip_code and @p reason are what the caller gets. As safe to run twice as ct_record_begin. */
CT_CHECKED enum ct_result ct_record_refuse(struct ct_db *db, const struct ct_record_new *call,
                                           int64_t sip_code, struct ct_str reason, int64_t *id);

/** A step of a call. */
struct ct_record_change {
    int64_t id;
    enum ct_record_status status;
    int64_t at;           /* when; never before the last change */
    int64_t to_device_id; /* who rings, or answered; 0: as it was */
    int64_t to_trunk_id;  /* the same */
    /* Of an end. */
    enum ct_record_ender ender;
    int64_t sip_code;     /* the final status of the call; 0: none */
    struct ct_str reason; /* in a few words, as of a reason phrase; may be empty */
};

/** Writes it, and its event. CT_OK also when the record has that status already: then nothing is done.
 *  CT_NOT_FOUND; CT_CONFLICT when the status does not allow it (the record stays as it is). */
CT_CHECKED enum ct_result ct_record_change(struct ct_db *db, const struct ct_record_change *change);

/** Who pays for a call that goes out. */
struct ct_record_bill {
    int64_t payer_id; /* 0: nobody */
    int64_t trunk_id; /* 0: none */
    int64_t at;       /* from then on */
    int64_t granted_ms;
};
/** A call that has begun goes out to a trunk after all: it was transferred, or nobody answered. What another account owes
 *  for it until then is added to what that has used. CT_NOT_FOUND; CT_CONFLICT when the call is over. */
CT_CHECKED enum ct_result ct_record_pay(struct ct_db *db, int64_t id,
                                        const struct ct_record_bill *bill);
/** Whether that has been done. */
CT_CHECKED enum ct_result ct_record_is_paid(struct ct_db *db, int64_t id,
                                            const struct ct_record_bill *bill, bool *out);
/** It has not gone out: who paid before pays on, from where @p bill, that of the attempt, would have begun.
 *  CT_NOT_FOUND; CT_CONFLICT when the call is over. */
CT_CHECKED enum ct_result ct_record_unpay(struct ct_db *db, int64_t id,
                                          const struct ct_record_bill *bill);
/** One side of a call was replaced by another, and the event of that. @p paid: from now on, and not since ct_record_pay. No
 *  two are @p at the same time: what was written already is not written again. CT_NOT_FOUND; CT_CONFLICT when the call is
 *  over. */
CT_CHECKED enum ct_result ct_record_transferred(struct ct_db *db, int64_t id, bool paid,
                                                int64_t to_trunk_id, int64_t at);

/*
 * What became of the calls of a process that is gone. A process is in the table call_nodes with the last
 * moment that it was known to be up; a call's record names the process that has it. One row written every
 * few seconds says it of all its calls at once. Since the writer keeps the order of the jobs, a call that
 * ended before such a moment is not open any more in the record once that moment is there.
 */

/** How often ct_node_begin is called again by a process that has calls (voice/keeper.h), and after how long without
 *  that it is taken for gone. */
#define CT_NODE_BEAT_MS 2000
#define CT_NODE_GONE_MS 20000

/** Adds this process, or says that it is up if it is there. @p node is its own: 128 random bits as text. */
CT_CHECKED enum ct_result ct_node_begin(struct ct_db *db, struct ct_str node, int64_t now_ms);
/** The calls of processes that were last up before @p before_ms, but not of @p node, become `interrupted`,
 *  ended at the last moment that they were known to be up; with their events. A call that began later than that is
 *  left alone. At most @p limit of them:
 *  @p count is how many. Processes without open calls are forgotten. At the start of the only server of a
 *  database @p before_ms is INT64_MAX, else the time less CT_NODE_GONE_MS. */
CT_CHECKED enum ct_result ct_record_interrupt(struct ct_db *db, struct ct_str node,
                                              int64_t before_ms, size_t limit, size_t *count);

/** Notes that a call is to be ended by the process that has it, which hears of it by CT_TOUCHED_CALL_ENDS. Nothing is
 *  done when it is over. */
CT_CHECKED enum ct_result ct_record_ask_end(struct ct_db *db, int64_t id, int64_t at);
/** The keys of the calls of @p node that are to be ended, in @p arena, at most @p limit. */
CT_CHECKED enum ct_result ct_record_asked_ends(struct ct_arena *arena, struct ct_db *db,
                                               struct ct_str node, size_t limit, struct ct_str *out,
                                               size_t *count);

/** Deletes at most @p limit records of calls that began before @p before_ms and are over, with their
 *  messages: those with the lowest ids first. @p count is how many. */
CT_CHECKED enum ct_result ct_record_discard(struct ct_db *db, int64_t before_ms, size_t limit,
                                            size_t *count);

/** A record. Texts are in the arena that it was read into; `at` NULL is NULL. */
struct ct_record {
    int64_t id;
    int64_t caller_id;
    int64_t callee_id;
    struct ct_str from;
    struct ct_str to;
    bool anonymous;
    int64_t from_device_id;
    int64_t from_number_id;
    int64_t from_trunk_id;
    int64_t to_device_id;
    int64_t to_number_id;
    int64_t to_trunk_id;
    enum ct_record_status status;
    int64_t started_at;
    int64_t ringing_at; /* CT_NO_TIME: it did not */
    int64_t answered_at;
    int64_t ended_at;
    struct ct_str ender; /* a word of ct_record_ender_words */
    int64_t sip_code;    /* 0: none */
    struct ct_str reason;
};

/** Reads a record, whosever it is. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_record_by_id(struct ct_arena *arena, struct ct_db *db, int64_t id,
                                          struct ct_record *out);
/** Reads a record that an account may see: it called, or was called. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_record_get(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                        int64_t id, struct ct_record *out);

/** Where a list of records goes on: behind this one. All zero is the beginning, the newest. */
struct ct_record_place {
    int64_t started_at;
    int64_t id;
};

/** Which records. */
struct ct_record_filter {
    int64_t user_id;
    struct ct_str from; /* exactly; empty: any */
    struct ct_str to;
    int64_t since; /* began at or after; CT_NO_TIME: any */
    int64_t until; /* began before; CT_NO_TIME: any */
    bool open;     /* only calls that are not over */
};

/** The records of an account behind @p after, newest first, at most @p limit. Each filter walks an index. An
 *  anonymous call does not pass `from` for who was called. */
CT_CHECKED enum ct_result ct_record_list(struct ct_arena *arena, struct ct_db *db,
                                         const struct ct_record_filter *filter,
                                         struct ct_record_place after, size_t limit,
                                         struct ct_record *out, size_t *count);

#endif
