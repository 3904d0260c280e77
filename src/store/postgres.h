#ifndef CT_STORE_POSTGRES_H
#define CT_STORE_POSTGRES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "store/backend.h"
#include "store/postgres_link.h"
#include "store/postgres_url.h"

/*
 * The parts of the PostgreSQL engine, private to it:
 *
 *   postgres_url.c      the URL: which servers, with which options
 *   postgres_link.c     a connection in pipeline mode, every wait with an end
 *   postgres_commit.c   transactions, and what follows when the answer to a COMMIT is lost
 *   postgres_news.c     what the processes on a database tell each other
 *   postgres_statement.c   statements: what is sent, what comes back
 *   postgres.c          the engine's face: connections
 *
 * What begins, divides and ends a transaction has no result that anybody waits for, so it does not
 * travel alone: it is noted in `pending` and sent with the next statement.
 */

#define CT_PG_MAX_PARAMETERS 32
#define CT_PG_MAX_PENDING 8
#define CT_PG_ID_SIZE 33 /* 128 bits in hexadecimal digits, and a NUL */

/* How long one answer of the server may take, but for those of a migration. */
#define CT_PG_ANSWER_US 5000000

struct ct_database {
    struct ct_log *log;
    struct ct_arena *arena; /* where the URL lies */
    struct ct_pg_url url;
    struct ct_pg_news *news;       /* NULL: nobody listens */
    char node_id[CT_PG_ID_SIZE];   /* of this process: random */
    _Atomic int64_t complained_us; /* when a line of the log last told of a failure */
    _Atomic int64_t failed_us;     /* when connecting last failed; 0 once it has succeeded again */
    _Atomic uint32_t failures;     /* how often it failed, or a connection of readers was lost */
    _Atomic bool probing;          /* while it fails: a reader is trying */
};

struct ct_pg_connection {
    struct ct_db base;
    struct ct_database *database;
    struct ct_pg_link link;
    bool writes;
    uint32_t failures;   /* of the database, before the connection was made */
    uint32_t generation; /* which connection this is: what was prepared on another is gone */
    uint32_t names;      /* prepared statements have numbers as names */
    bool open;           /* a transaction was begun, and not given up */
    bool begun;          /* and the server knows of it */
    bool failed;         /* a statement failed: the savepoint, or all of it, must be rolled back */
    bool patient;        /* a migration: its statements may take as long as they need */
    enum ct_control pending[CT_PG_MAX_PENDING];
    size_t pending_count;
    size_t ahead;         /* statements that were sent since the last answer was read */
    size_t ahead_pending; /* commands that were pending in front of the first of them */
    /* the writer's */
    bool swept;   /* old rows of writer_batches were removed on this connection */
    bool doubt;   /* a COMMIT was sent and nobody knows what became of it */
    bool failing; /* the last batch could not be committed */
    char token[CT_PG_ID_SIZE];
};

/** Connects if need be. CT_UNAVAILABLE. */
CT_CHECKED enum ct_result ct_pg_ensure(struct ct_pg_connection *connection, int64_t deadline_us);
/** When the answer to what is now sent must be there. */
int64_t ct_pg_deadline(const struct ct_pg_connection *connection);
/** Puts what is pending in front of what is sent next; how many commands that are. The connection may be
 *  lost afterwards. */
size_t ct_pg_send_pending(struct ct_pg_connection *connection);
/** Leaves the transaction, which cannot be saved; it is rolled back before the next one. */
void ct_pg_give_up(struct ct_pg_connection *connection);
/** Connecting has failed, or the database has not answered: readers are answered at once until it is reached. */
void ct_pg_failed(struct ct_database *database);
/** A connection was made. */
void ct_pg_reached(struct ct_database *database);
/** Says once a second that something failed. */
void ct_pg_complain(struct ct_pg_connection *connection, const char *event);

/* backend.h's */
enum ct_result ct_pg_control(struct ct_db *db, enum ct_control which);
bool ct_pg_recover(struct ct_db *db, int64_t began_us, enum ct_result *result);

enum ct_result ct_pg_prepare(struct ct_db *db, const char *sql, struct ct_stmt **out);
void ct_pg_finalize(struct ct_stmt *stmt);
void ct_pg_reset(struct ct_stmt *stmt);
enum ct_result ct_pg_bind_int(struct ct_stmt *stmt, int index, int64_t value);
enum ct_result ct_pg_bind_str(struct ct_stmt *stmt, int index, struct ct_str value);
enum ct_result ct_pg_bind_null(struct ct_stmt *stmt, int index);
enum ct_result ct_pg_step(struct ct_stmt *stmt);
enum ct_result ct_pg_send(struct ct_stmt *stmt);
enum ct_result ct_pg_settle(struct ct_db *db);
int64_t ct_pg_column_int(struct ct_stmt *stmt, int index);
bool ct_pg_column_is_null(struct ct_stmt *stmt, int index);
enum ct_result ct_pg_column_str(struct ct_stmt *stmt, int index, struct ct_arena *arena,
                                struct ct_str *out);

enum ct_result ct_pg_listen(struct ct_database *database,
                            void (*heard)(void *ctx, struct ct_str text), void *ctx);
void ct_pg_tell(struct ct_database *database, struct ct_str text);
void ct_pg_touch(struct ct_database *database, unsigned what);
void ct_pg_deafen(struct ct_database *database);

/** Fills @p out with 128 random bits. CT_IO. */
CT_CHECKED enum ct_result ct_pg_make_id(char out[CT_PG_ID_SIZE]);

#endif
