#ifndef CT_STORE_STORE_H
#define CT_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/pulse.h"
#include "base/result.h"
#include "base/text.h"

/**
 * The database, without the name of an engine. A job is one straight function that is handed a
 * ct_db, a transaction to work in:
 *
 *   reads   run where they are called, on the calling thread's own read-only connection;
 *   writes  are queued for the writer, which takes all that is queued, runs them
 *           in one transaction, commits once, and only then reports each result. What a job wrote
 *           that fails is undone, that of the others is not.
 *
 * A job must be safe to run twice: an engine may have to run it again.
 */
struct ct_store;
struct ct_db;
struct ct_stmt;

struct ct_store_options {
    const char *url;            /* DATABASE_URL, e.g. "sqlite:///./cloud_telephony.db"; borrowed */
    size_t queue_capacity;      /* writes that may wait; 0 is 4,096 */
    int64_t max_wait_ms;        /* how long a write may wait for its turn; 0: as long as it takes */
    struct ct_log *log;         /* borrowed; NULL logs nothing */
    struct ct_metrics *metrics; /* borrowed; may be NULL */
};

/** Opens the database, creates it if need be, and brings it to this program's version: numbered
 *  migrations, each in a transaction of its own, under a lock that a second starting process waits
 *  for. When it fails, @p why holds one line (in @p arena) that says what is wrong, where, and what
 * to do. CT_INVALID (the URL), CT_IO, CT_TOO_NEW, CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_store_open(const struct ct_store_options *options,
                                        struct ct_arena *arena, struct ct_store **out,
                                        const char **why);
/** Commits what is queued, stops the writer, copies the write-ahead log into the database, closes.
 *  No thread may be inside a read, and none that has read may be just ending. NULL is allowed. */
void ct_store_close(struct ct_store *store);

/** A write that waits for its turn. The caller owns it and keeps it until `done` was called. */
struct ct_job {
    enum ct_result (*run)(void *ctx, struct ct_db *db); /* on the writer's thread */
    /** On the writer's thread, after the commit is on disk: @p result is what `run` answered, or
     *  CT_UNAVAILABLE (CT_NOMEM for want of memory) when the commit failed and nothing was kept; or
     *  CT_BUSY when it has waited longer than max_wait_ms, others wait behind it, and `run` was not
     *  called. */
    void (*done)(void *ctx, enum ct_result result);
    void *ctx;
    struct ct_job *next; /* the store's while queued, as what follows */
    int64_t queued_us;
    enum ct_result result;
};

/** Queues a write. CT_BUSY when the queue is full, when what is queued would keep this one waiting longer
 * than max_wait_ms, or when the store is closing; then `done` is not called. A job whose `run` answers anything but CT_OK leaves no trace in the database. */
CT_CHECKED enum ct_result ct_store_submit(struct ct_store *store, struct ct_job *job);
/** Takes note that this write has changed something that others wait for: @p what is one of the bits of CT_TOUCHED.
 *  After the commit the functions of ct_store_watch are told, once for all of the transaction, and perhaps
 *  also when this write was undone. */
void ct_db_touch(struct ct_db *db, unsigned what);
/** What can be touched, by any room. */
enum {
    CT_TOUCHED_EVENTS = 1,    /* events were written */
    CT_TOUCHED_CALL_ENDS = 2, /* a call is to be ended by the process that has it */
};
/** From now on @p touched is called after each commit with a write that called ct_db_touch, with all bits of it: on
 *  the writer's thread; and soon, on another thread of the store's, after commits of other processes on this database,
 *  once ct_store_listen was called. Those may be told late, together, or not at all when the database is away. It must
 *  not wait for anything, nor call the store. At most four for a store, each with a @p ctx of its own. */
void ct_store_watch(struct ct_store *store, void (*touched)(void *ctx, unsigned what), void *ctx);
/** Ends that; once it has returned, the function is not called any more. */
void ct_store_unwatch(struct ct_store *store, const void *ctx);
/** Runs one write and waits for its commit (start-up, command line, tests). */
CT_CHECKED enum ct_result ct_store_write(struct ct_store *store,
                                         enum ct_result (*run)(void *ctx, struct ct_db *db),
                                         void *ctx);
/** Wakes the thread that writes, so that it turns when it has nothing to do, and gives its pulse, which
 * beats with each turn and each job. Borrowed from the store. */
const struct ct_pulse *ct_store_poke(struct ct_store *store);
/** What of a store is worth watching. */
struct ct_store_state {
    size_t waiting;         /* writes in the queue */
    size_t waiting_max;     /* and how many it takes */
    int64_t database_bytes; /* of the files on this machine; -1: not known, or not here */
    int64_t log_bytes;      /* of the write-ahead log */
};
/** Looks at it; from any thread. */
void ct_store_look(struct ct_store *store, struct ct_store_state *out);
/** Whether a read waits for a network, and may wait for seconds: not what a thread should do that serves others
 *  meanwhile. */
bool ct_store_reads_wait(const struct ct_store *store);
/** Begins a read on this thread's connection: everything until ct_store_read_end sees one state of
 *  the database. Not nested. CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_store_read_begin(struct ct_store *store, struct ct_db **out);
void ct_store_read_end(struct ct_db *db);
/** Ends a read as far as its caller is concerned. When nobody has written anything in between, the
 *  thread's next read goes on with the same state of the database, which saves locks and looks. The
 *  caller sees to it that ct_store_read_rest is called before the thread waits for anything. */
void ct_store_read_pause(struct ct_db *db);
/** Ends what ct_store_read_pause has left, if it still is there. */
void ct_store_read_rest(struct ct_db *db);

/** From now on @p heard is called, on a thread of the store's, with what other processes on this database tell;
 *  until the store is closed. Once for a store. An engine that is for one machine hears nothing. CT_NOMEM. */
CT_CHECKED enum ct_result ct_store_listen(struct ct_store *store,
                                          void (*heard)(void *ctx, struct ct_str text), void *ctx);
/** Tells all others a text of up to 7,900 bytes without NUL, soon; nobody waits for that, and it may be lost when
 *  the database is away. Safe from any thread. */
void ct_store_tell(struct ct_store *store, struct ct_str text);

/*
 * Statements. SQL is static text with parameters $1, $2, …; it is prepared once a connection and
 * found again by its address. A statement stays valid until the same text is asked for again or the
 * transaction ends. A bind that fails is reported by the next step.
 *
 *   struct ct_stmt *stmt;
 *   enum ct_result result = ct_db_query(db, "SELECT id FROM users WHERE username = $1", &stmt);
 *   if (result != CT_OK) return result;
 *   ct_bind_str(stmt, 1, name);
 *   result = ct_step(stmt);              CT_ROW, CT_OK at the end, or what went wrong
 */
CT_CHECKED enum ct_result ct_db_query(struct ct_db *db, const char *sql, struct ct_stmt **out);
/** Parameters count from 1. Text is borrowed until the next step. */
void ct_bind_int(struct ct_stmt *stmt, int index, int64_t value);
void ct_bind_str(struct ct_stmt *stmt, int index, struct ct_str value);
void ct_bind_null(struct ct_stmt *stmt, int index);
/** CT_ROW when a row is there to be read, CT_OK when there is no (further) one, CT_CONFLICT when a
 *  UNIQUE constraint refuses the row, CT_NOT_FOUND when a foreign key does, CT_UNAVAILABLE (disk full, busy, I/O), CT_NOMEM, CT_BUG. */
CT_CHECKED enum ct_result ct_step(struct ct_stmt *stmt);
/** Steps to the end of a statement that gives no rows: CT_OK or what ct_step says went wrong. */
CT_CHECKED enum ct_result ct_run(struct ct_stmt *stmt);
/** As ct_run, but an engine at the other end of a network does not wait for the answer. What the statement
 *  meets is then told by ct_settle, or by a later step, and CT_OK says only that it is on its way. */
CT_CHECKED enum ct_result ct_send(struct ct_stmt *stmt);
/** Waits for all that ct_send has sent: CT_OK, or what the first that failed has met. A job that sends
 *  calls it before it answers CT_OK. */
CT_CHECKED enum ct_result ct_settle(struct ct_db *db);
/** Columns count from 0. Text is copied into @p arena; NULL without memory gives an empty text. */
int64_t ct_column_int(struct ct_stmt *stmt, int index);
bool ct_column_is_null(struct ct_stmt *stmt, int index);
CT_CHECKED enum ct_result ct_column_str(struct ct_stmt *stmt, int index, struct ct_arena *arena,
                                        struct ct_str *out);

/** The id of a new row, in a write: above all that are and all that were. @p query is
 *  CT_NEXT_ID_QUERY of store/migrations.h, always with the same table: it is asked once a
 *  transaction, so every id of that table's new rows must come from here. */
CT_CHECKED enum ct_result ct_next_id(struct ct_db *db, const char *query, int64_t *out);

/** No time: the value of a time column that is NULL. */
#define CT_NO_TIME INT64_MIN
/** A time column in milliseconds since 1970, or CT_NO_TIME. */
int64_t ct_column_time(struct ct_stmt *stmt, int index);

#endif
