#ifndef CT_EVENTS_STREAMS_H
#define CT_EVENTS_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accounts/accounts.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/text.h"
#include "events/event_types.h"
#include "http/stream.h"
#include "store/store.h"

/**
 * The live streams of events. One thread reads the log for all of them, when something was written here and once
 * a second for what other nodes have written, and puts what concerns a stream into its buffer, from
 * which a server's thread sends it. A stream that has fallen behind is read for at its own pace; only whoever
 * takes nothing at all for a while is cut off.
 */
struct ct_event_streams;

struct ct_event_streams_options {
    struct ct_store *store;
    struct ct_accounts *accounts; /* which judges tokens again while a stream goes on */
    struct ct_log *log;           /* may be NULL */
    struct ct_metrics *metrics;   /* may be NULL */
    int64_t most;                 /* streams in all */
    int64_t most_per_account;
    bool still; /* no thread is started: who owns it calls ct_event_streams_turn (tests) */
};

/** A comment is sent when nothing else was for so long. */
#define CT_STREAM_HEARTBEAT_US INT64_C(15000000)
/** Who takes nothing of what there is for so long is cut off. */
#define CT_STREAM_LAG_US INT64_C(30000000)
/** How often a token is judged again while nothing is sent; before events are sent it always is. */
#define CT_STREAM_JUDGE_US INT64_C(5000000)
/** Bytes that wait for one stream, about. */
#define CT_STREAM_BUFFER ((size_t)32 * 1024)

/** All that @p options names is borrowed until ct_event_streams_free. CT_NOMEM. */
CT_CHECKED enum ct_result ct_event_streams_new(const struct ct_event_streams_options *options,
                                               struct ct_event_streams **out);
/** Ends the thread; no stream is left. NULL is allowed. */
void ct_event_streams_free(struct ct_event_streams *streams);

/** Something was written. From any thread, without waiting. */
void ct_event_streams_wake(struct ct_event_streams *streams);

/** Who wants to hear what. All is copied. */
struct ct_event_listener {
    int64_t user_id;
    uint64_t types;      /* bits of ct_event_bit */
    int64_t after_id;    /* events behind this one */
    struct ct_str token; /* what the caller has proved himself with */
    struct ct_str scope; /* that it must have */
    struct ct_str address;
};

/** Adds a stream; @p out is for http/stream.h. CT_BUSY: there are too many in all; CT_LIMITED: the account has too
 *  many; CT_NOMEM. */
CT_CHECKED enum ct_result ct_event_streams_open(struct ct_event_streams *streams,
                                                const struct ct_event_listener *listener,
                                                struct ct_stream_source *out);

/** What the thread does each time it is woken; @p now_us is on the monotonic clock. */
void ct_event_streams_turn(struct ct_event_streams *streams, int64_t now_us);

#endif
