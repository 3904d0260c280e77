#ifndef CT_STORE_BACKEND_H
#define CT_STORE_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/result.h"
#include "base/text.h"
#include "store/store.h"

/*
 * The face between the store and an engine, private to this room: the store knows queues, threads
 * and migrations, an engine knows how to talk to its database. A connection is used by one thread
 * at a time; which thread that is may change.
 */

/** A connection. An engine's own struct begins with it. */
struct ct_db {
    const struct ct_backend *backend;
};

/** A prepared statement of one connection. An engine's own struct begins with it. */
struct ct_stmt {
    const struct ct_backend *backend;
};

/** Where the data is and what is needed to connect to it: the engine's. */
struct ct_database;

struct ct_backend {
    /** What a URL for this engine begins with, e.g. "sqlite:". */
    const char *scheme;

    /** Finds (or creates) the database and makes the connection that writes. When it fails, @p why
     *  holds one line, in @p arena or static. CT_INVALID, CT_IO, CT_UNAVAILABLE, CT_NOMEM. */
    enum ct_result (*open)(const char *url, struct ct_log *log, struct ct_arena *arena,
                           struct ct_database **out, struct ct_db **writer, const char **why);
    /** One more connection, which can only read. CT_UNAVAILABLE, CT_NOMEM; the reason is logged. */
    enum ct_result (*connect_reader)(struct ct_database *database, struct ct_db **out);
    /** Closes a connection; the writing one last, which leaves all data in the database itself. */
    void (*disconnect)(struct ct_db *db);
    /** After its last connection was closed. */
    void (*close)(struct ct_database *database);

    /** Begins a transaction that sees one state of the database. */
    enum ct_result (*begin_read)(struct ct_db *db);
    /** Begins a transaction that is the only one that writes. CT_BUSY when another process did not
     *  let go of the database within some seconds. */
    enum ct_result (*begin_write)(struct ct_db *db);
    /** Ends the transaction and resets its statements. CT_OK means that what was written is on
     * disk; anything else, that nothing of it was kept. */
    enum ct_result (*commit)(struct ct_db *db);
    /** Ends the transaction, if there is one, and forgets what it wrote. */
    void (*rollback)(struct ct_db *db);
    /** False once an engine had to give up the transaction by itself (disk full, want of memory).
     */
    bool (*in_transaction)(struct ct_db *db);

    /** Marks the state to which rollback_to goes back. Not nested. */
    enum ct_result (*savepoint)(struct ct_db *db);
    /** Keeps what was written since the savepoint and resets the statements used since. Reports a
     *  failure that an engine sees only now, such as a foreign key that a statement left dangling.
     */
    enum ct_result (*release)(struct ct_db *db);
    /** Forgets what was written since the savepoint. When that fails, the transaction is over. */
    void (*rollback_to)(struct ct_db *db);

    /** Housekeeping between transactions of the writing connection, when nobody waits for it. */
    void (*tidy)(struct ct_db *db);
    /** What the engine said about the last failure; valid until the next one. Never NULL. */
    const char *(*trouble)(struct ct_db *db);

    /** Runs a statement once, without parameters and rows, and keeps nothing of it. */
    enum ct_result (*execute)(struct ct_db *db, const char *sql);
    /* the rest is what store.h says of the function with the same name */
    enum ct_result (*query)(struct ct_db *db, const char *sql, struct ct_stmt **out);
    void (*bind_int)(struct ct_stmt *stmt, int index, int64_t value);
    void (*bind_str)(struct ct_stmt *stmt, int index, struct ct_str value);
    void (*bind_null)(struct ct_stmt *stmt, int index);
    enum ct_result (*step)(struct ct_stmt *stmt);
    int64_t (*column_int)(struct ct_stmt *stmt, int index);
    bool (*column_is_null)(struct ct_stmt *stmt, int index);
    enum ct_result (*column_str)(struct ct_stmt *stmt, int index, struct ct_arena *arena,
                                 struct ct_str *out);
};

extern const struct ct_backend ct_sqlite;

/** Sets @p why to one line in @p arena and answers @p result, or CT_NOMEM. */
CT_CHECKED enum ct_result ct_store_explain(struct ct_arena *arena, const char **why,
                                           enum ct_result result, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
