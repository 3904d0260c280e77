#ifndef CT_TESTS_SIMULATOR_ARCHIVE_H
#define CT_TESTS_SIMULATOR_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scratch.h"
#include "simulator/faults.h"
#include "sip/lan.h"
#include "voice/call.h"
#include "voice/call_log_parts.h"

/**
 * The real database of the simulated server, on disk. The linker hands ct_store_submit to this file: a write waits for a simulated while, is done in the order of the queue, and its report takes a while
 * again; some are not taken, some are undone, some are lost, and some are done twice.
 */
#define ARCHIVE_WRITES 256
#define ARCHIVE_ROWS 600

enum archive_fate {
    ARCHIVE_KEPT,
    ARCHIVE_TWICE,  /* committed, and once more */
    ARCHIVE_UNDONE, /* it ran, and the commit failed */
    ARCHIVE_REFUSED /* it did not run */
};

struct archive;

/* A write under way. */
struct archive_write {
    struct archive *archive;
    struct ct_job *job; /* NULL: unused */
    enum archive_fate fate;
    bool ran;
    enum ct_result result;
    struct ct_timer timer;
};

/** What the database says of a call. Times are those of the world's clock; 0: not yet. */
struct archive_row {
    char key[CT_CALL_KEY_BYTES + 1];
    char status[16];
    char hangup_by[16];
    int64_t started_ms, ringing_ms, answered_ms, ended_ms;
    int64_t sip_code;
    int64_t messages;
    int64_t begun,
        over; /* events of its beginning, and of its end, that one of its accounts got at most */
    int64_t payer_id, paid_ms;
    int64_t caller_id, to_trunk_id;
    char reason[80];
};

/** What an account has used up of a day. */
struct archive_usage {
    int64_t user_id;
    int64_t day;
    int64_t ms;
};
#define ARCHIVE_USAGES 16

struct archive {
    struct lan *lan;
    enum fault fault;
    bool fault_done;
    bool closed; /* takes no more writes */
    struct scratch scratch;
    unsigned lives; /* of the server */
    char node[16];
    struct archive_write writes[ARCHIVE_WRITES];
    size_t under_way;
    size_t steps;    /* jobs that have run */
    int64_t last_ms; /* when the last write of the queue runs */
    /** The log was told that these steps of a call (CT_LOG_BEGUN, …) are on disk. */
    void (*kept)(void *ctx, const char *key, unsigned steps);
    void *ctx;
    size_t row_count;
    struct archive_row rows[ARCHIVE_ROWS];
    size_t usage_count;
    struct archive_usage usages[ARCHIVE_USAGES];
};

#define UNIX_START_MS INT64_C(1795000000000) /* what the lan's clock says at 0 */

/** Opens an empty database. CT_IO, CT_NOMEM and what ct_store_open says. */
CT_CHECKED enum ct_result archive_open(struct archive *archive, struct lan *lan, enum fault fault);
/** A server begins on it, as another process than the last. */
void archive_begin(struct archive *archive);
/** The server is gone: what the database has not yet done is lost. */
void archive_end(struct archive *archive);
/** Whether nothing is being written. */
bool archive_is_quiet(const struct archive *archive);
/** Reads what the database says into `rows`, and closes it. */
CT_CHECKED enum ct_result archive_close(struct archive *archive);

#endif
