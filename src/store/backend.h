#ifndef CT_STORE_BACKEND_H
#define CT_STORE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/result.h"
#include "base/text.h"
#include "store/inspect.h"
#include "store/store.h"

/*
 * The face between the store and an engine, private to this room: the store knows queues, threads,
 * migrations and which statements are in use; an engine knows how to talk to its database. A
 * connection is used by one thread at a time; which thread that is may change.
 */

/** Of how many tables a transaction remembers the last id. */
#define CT_LAST_IDS 8

/** A connection. An engine's own struct begins with it, zeroed but for the backend. */
struct ct_db {
    const struct ct_backend *backend;
    char trouble[160]; /* what the engine said about its last failure */
    /* the rest is db.c's */
    struct ct_stmt **slots; /* statements by the address of their SQL */
    size_t slot_count;
    size_t statement_count;
    bool paused;          /* a read that is over, whose transaction the next one may take over */
    unsigned touched;     /* what the transaction has changed: see ct_db_touch */
    struct ct_stmt *used; /* handed out since the savepoint or, outside one, in the transaction */
    struct ct_last_id {
        const char *query;
        int64_t id;
    } last_ids[CT_LAST_IDS]; /* given in this transaction; the first without a query ends them */
};

/** A prepared statement of one connection. An engine's own struct begins with it, zeroed but for
 *  the connection. */
struct ct_stmt {
    struct ct_db *db;
    const char *sql;
    struct ct_stmt *next_used;
    bool used;
    bool finished;         /* stepped to the end: one more step would run it again */
    enum ct_result failed; /* what a bind or a step has met */
};

/** Where the data is and what is needed to connect to it: the engine's. */
struct ct_database;

enum ct_control {
    CT_BEGIN_READ,      /* sees one state of the database */
    CT_BEGIN_WRITE,     /* and is the only one that writes */
    CT_BEGIN_MIGRATION, /* the same; statements may take as long as they need */
    CT_COMMIT,
    CT_ROLLBACK,
    CT_SAVEPOINT, /* not nested */
    CT_RELEASE,
    CT_ROLLBACK_TO,
    CT_CONTROLS
};

/** A word of the schema, and what an engine calls it. */
struct ct_word {
    const char *from;
    const char *to;
};

struct ct_backend {
    /** What a URL for this engine begins with, e.g. "sqlite:". A statement of a migration that begins so
     *  is for this engine alone. */
    const char *scheme;
    const char *other_scheme; /* may be NULL */
    /** How many jobs a transaction takes at most. */
    size_t batch_limit;
    /** Why an engine gives up a transaction by itself, when it did not say so: CT_NOMEM or
     *  CT_UNAVAILABLE. */
    enum ct_result given_up;
    /** Whether what is read comes over a network: a thread that reads waits. */
    bool is_remote;
    /** Words of the schema that it has others for; ends with NULL; NULL is none. */
    const struct ct_word *words;

    /** Finds (or creates) the database and makes the connection that writes. When it fails, @p why
     *  holds one line, in @p arena or static. CT_INVALID, CT_IO, CT_UNAVAILABLE, CT_NOMEM. */
    enum ct_result (*open)(const char *url, struct ct_log *log, struct ct_arena *arena,
                           struct ct_database **out, struct ct_db **writer, const char **why);
    /** Finds a database that is there already, of any version, and makes a connection that only reads.
     *  As `open`, and CT_NOT_FOUND. NULL for engines whose `open` changes nothing: that is asked then. */
    enum ct_result (*inspect)(const char *url, struct ct_arena *arena, struct ct_database **out,
                              struct ct_db **reader, const char **why);
    /** Looks at the engine's own structures, as ct_inspect_engine; may be NULL. */
    enum ct_result (*verify)(struct ct_db *db, enum ct_look look,
                             void (*tell)(void *ctx, const char *fault), void *ctx);
    /** One more connection, which can only read. CT_UNAVAILABLE, CT_NOMEM; the reason is logged. */
    enum ct_result (*connect_reader)(struct ct_database *database, struct ct_db **out);
    /** Closes a connection; the writing one last, which leaves all data in the database itself. */
    void (*disconnect)(struct ct_db *db);
    /** After its last connection was closed. */
    void (*close)(struct ct_database *database);

    /** Moves the connection's transaction. CT_BUSY from CT_BEGIN_WRITE and CT_BEGIN_MIGRATION when
     *  another process did not let go of the database within some seconds; CT_OK from CT_COMMIT means that what was
     *  written is on disk, anything else that nothing of it was kept. Only db.c ends what was
     *  begun. */
    enum ct_result (*control)(struct ct_db *db, enum ct_control which);
    /** False once an engine gave up the transaction by itself (disk full, want of memory). */
    bool (*in_transaction)(struct ct_db *db);
    /** Whether nobody has committed anything since the connection's read began: what the next one would
     *  see is what this one sees. It may say no without need. NULL: the engine cannot tell. */
    bool (*is_current)(struct ct_db *db);
    /** A count that every change of the database by this connection has raised, once the statements
     *  that made it are reset; a failed statement, whose changes are undone, need not raise it. NULL:
     *  the engine does not tell, or a statement that fails spoils its transaction. */
    int64_t (*changes)(struct ct_db *db);

    /** After a batch has failed and was rolled back: whether it is to be run again. Else @p result is
     *  what its jobs are told, CT_OK when it turned out to have been committed. @p began_us is when the
     *  batch began, on the monotonic clock. NULL: a failure is final. */
    bool (*recover)(struct ct_db *db, int64_t began_us, enum ct_result *result);

    /** As ct_store_listen and ct_store_tell; NULL: there are no others. Ends with deafen, which comes
     *  before close and is allowed at any time. */
    enum ct_result (*listen)(struct ct_database *database,
                             void (*heard)(void *ctx, struct ct_str text), void *ctx);
    void (*tell)(struct ct_database *database, struct ct_str text);
    /** Tells the others soon that a commit has touched something: what several told is told together. As tell; NULL
     *  with it. */
    void (*touch)(struct ct_database *database, unsigned what);
    void (*deafen)(struct ct_database *database);

    /** Housekeeping of the writing connection between transactions, when nobody waits for it. */
    void (*tidy)(struct ct_db *db);

    /** How large the files of the database and of its log are, in bytes; -1 for what cannot be told. NULL
     *  where there are none on this machine. From any thread. */
    void (*sizes)(struct ct_database *database, int64_t *database_bytes, int64_t *log_bytes);

    /** Prepares a statement that is kept until finalize. */
    enum ct_result (*prepare)(struct ct_db *db, const char *sql, struct ct_stmt **out);
    void (*finalize)(struct ct_stmt *stmt);
    /** Ends the execution and forgets the parameters. */
    void (*reset)(struct ct_stmt *stmt);
    enum ct_result (*bind_int)(struct ct_stmt *stmt, int index, int64_t value);
    enum ct_result (*bind_str)(struct ct_stmt *stmt, int index, struct ct_str value);
    enum ct_result (*bind_null)(struct ct_stmt *stmt, int index);
    /* as the functions of store.h */
    enum ct_result (*step)(struct ct_stmt *stmt);
    /* as ct_send and ct_settle; NULL: it runs at once */
    enum ct_result (*send)(struct ct_stmt *stmt);
    enum ct_result (*settle)(struct ct_db *db);
    int64_t (*column_int)(struct ct_stmt *stmt, int index);
    bool (*column_is_null)(struct ct_stmt *stmt, int index);
    enum ct_result (*column_str)(struct ct_stmt *stmt, int index, struct ct_arena *arena,
                                 struct ct_str *out);
};

extern const struct ct_backend ct_sqlite;

/** PostgreSQL's engine is the module ct_postgres.so, which exports this. It calls functions of the program, which
 *  cmake/postgres.cmake lists. */
struct ct_postgres_module {
    /** CT_VERSION of the build: a program that runs on while it is replaced would meet the new module. */
    const char *version;
    const struct ct_backend *backend;
};
extern const struct ct_postgres_module ct_postgres_module_table
    __attribute__((visibility("default")));
#define CT_POSTGRES_MODULE_SYMBOL "ct_postgres_module_table"
#define CT_POSTGRES_SCHEME "postgresql:"
#define CT_POSTGRES_OTHER_SCHEME "postgres:"

/** The engine of a URL; that of PostgreSQL is loaded. CT_INVALID; CT_IO: its module cannot be loaded; both with @p why,
 *  in @p arena or static. CT_NOMEM. */
CT_CHECKED enum ct_result ct_backend_of(const char *url, struct ct_arena *arena,
                                        const struct ct_backend **out, const char **why);

/*
 * db.c: how a transaction or a savepoint ends. The statements used in it are reset first, so that
 * none of them holds a lock or an old state of the database.
 */

/** Ends the use of all statements since the savepoint or the beginning. */
void ct_db_reset(struct ct_db *db);
/** Keeps what was written since the savepoint. Unless it answers CT_OK, ct_db_rollback_to must
 *  follow. */
CT_CHECKED enum ct_result ct_db_release(struct ct_db *db);
/** Forgets what was written since the savepoint. When that fails, the whole transaction is over. */
void ct_db_rollback_to(struct ct_db *db);
/** Ends the transaction: as CT_COMMIT. Unless it answers CT_OK, ct_db_rollback must follow. */
CT_CHECKED enum ct_result ct_db_commit(struct ct_db *db);
/** Ends the transaction, if there still is one, and forgets what it wrote. */
void ct_db_rollback(struct ct_db *db);
/** Runs a statement once, without parameters and rows, and keeps nothing of it. */
CT_CHECKED enum ct_result ct_db_execute(struct ct_db *db, const char *sql);
/** Finalizes all statements: for an engine, before it closes the connection. */
void ct_db_finalize(struct ct_db *db);

/** Sets @p why to one line in @p arena and answers @p result, or CT_NOMEM. */
CT_CHECKED enum ct_result ct_store_explain(struct ct_arena *arena, const char **why,
                                           enum ct_result result, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
