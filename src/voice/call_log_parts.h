#ifndef CT_VOICE_CALL_LOG_PARTS_H
#define CT_VOICE_CALL_LOG_PARTS_H

#include "voice/call_log.h"
#include "voice/ladder.h"
#include "voice/records.h"

/* What call_log.c and call_log_job.c share, and nobody else includes. */

#define CT_LOG_BUCKETS ((size_t)16384)
#define CT_LOG_PENDING_MOST 8

enum {
    CT_LOG_BEGUN = 1,
    CT_LOG_RINGING = 2,
    CT_LOG_ANSWERED = 4,
    CT_LOG_ENDED = 8,
};

/* Messages that wait for the store. */
struct ct_log_heard {
    struct ct_log_heard *next;
    struct ct_ladder_message message;
};
struct ct_log_page {
    struct ct_arena *arena; /* NULL: it is empty */
    struct ct_log_heard *first, **end;
    size_t count;
    size_t bytes;
};

struct ct_log_leg {
    struct ct_log_leg *next;  /* in its bucket */
    struct ct_log_leg *other; /* of the same call */
    struct ct_log_entry *entry;
    struct ct_str side;
    struct ct_str call_id;
};

enum ct_log_move_kind {
    CT_LOG_PAY,         /* it goes out to a trunk, if the limits allow it */
    CT_LOG_UNPAY,       /* it has not gone out: as it was before */
    CT_LOG_TRANSFERRED, /* one of its sides was replaced */
    CT_LOG_AGAIN,       /* the limits are asked again */
};

/* What may happen to a call more than once. Written before it is counted in `move_count`: the writer may read it. */
struct ct_log_move {
    struct ct_log_move *next;
    enum ct_log_move_kind kind;
    bool answered; /* before it came */
    int64_t at;
    struct ct_call_toll toll; /* of PAY and AGAIN; of UNPAY who paid before */
    int64_t trunk_id;
    bool paid;                      /* of TRANSFERRED: since then, and not before */
    struct ct_call_verdict verdict; /* set by the writer */
};

/* A call. What a step says is written once, before its bit is set in `wanted`: the writer may read it. */
struct ct_log_entry {
    struct ct_log_entry *next; /* in its bucket */
    struct ct_call_log *log;
    struct ct_arena *arena;
    char key[CT_CALL_KEY_BYTES + 1];
    struct ct_record_new call;
    int64_t ringing_ms, answered_ms, ended_ms;
    int64_t device_id, trunk_id; /* who answered */
    enum ct_record_status end;
    enum ct_record_ender ender;
    int64_t code;
    struct ct_str reason;

    bool dialled;                         /* its legs are the caller's */
    bool asks;                            /* the limits, as it begins */
    bool told;                            /* what they say */
    struct ct_str number;                 /* that goes out, as it begins: the writer's */
    struct ct_call_toll toll;             /* what the limits were asked for last */
    int64_t asked_ms;                     /* when, after the beginning; 0: not yet */
    struct ct_call_verdict verdict;       /* of the beginning: set by the writer */
    const struct ct_call_verdict *judged; /* NULL: not yet */

    struct ct_log_move *moves, **moves_end; /* that are not written */
    size_t move_count, moves_sent;
    int64_t last_ms; /* of all moves: no two are at the same time */
    /* Of a transfer that has to be paid for, until it is settled; at_ms 0: there is none. */
    struct {
        int64_t at_ms;
        int64_t payer_id;
        int64_t trunk_id;
        struct ct_call_toll toll;
        struct ct_log_move *settles; /* room for what is written then, come what may */
    } before;

    unsigned wanted;
    unsigned sent;
    unsigned written;
    int64_t id; /* of the record; set by the writer */
    bool under_way;
    bool closing;
    enum ct_result outcome;
    struct ct_job job;
    struct ct_sip_letter letter;
    struct ct_timer retry;
    struct ct_timer linger;
    int64_t retry_ms;

    struct ct_log_leg *legs;
    struct ct_log_page open, gone;
    size_t messages; /* in all */
    size_t first;    /* of `gone` */
};

/* A message of a leg that is not known yet. */
struct ct_log_pending {
    bool sent;
    int64_t at;
    struct ct_sip_hop hop;
    struct ct_str call_id;
    struct ct_str bytes;
};

struct ct_call_log {
    struct ct_call_log_options options;
    struct ct_log_entry *entries[CT_LOG_BUCKETS];
    struct ct_log_leg *legs[CT_LOG_BUCKETS];
    size_t count;
    size_t under_way;
    size_t bytes;
    bool hurries;
    struct ct_arena *arena; /* of what follows */
    struct ct_log_pending pending[CT_LOG_PENDING_MOST];
    size_t pending_count;
};

size_t ct_log_bucket(struct ct_str text);
/** NULL: there is none. */
struct ct_log_entry *ct_log_find(struct ct_call_log *log, const char *key);
/** Writes what there is to write, unless some of it is under way. May free the entry. */
void ct_log_submit(struct ct_log_entry *entry);
/** A copy. CT_NOMEM. */
CT_CHECKED enum ct_result ct_log_keep(struct ct_arena *arena, struct ct_str text,
                                      struct ct_str *out);
/** What was heard and belongs to nobody yet is forgotten. */
void ct_log_clear_pending(struct ct_call_log *log);

/** Writes what is to be written of a call, on the writer's thread: the `run` of its job. */
CT_CHECKED enum ct_result ct_call_log_write(void *ctx, struct ct_db *db);

#endif
