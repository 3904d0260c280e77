#ifndef CT_STORE_SQLITE_H
#define CT_STORE_SQLITE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/backend.h"

/* What the files of the engine SQLite share. */

struct sqlite3;
struct sqlite3_stmt;

/** How long another process may hold the lock before a write is refused. */
#define CT_SQLITE_BUSY_MS 5000
/** A disk that fails is said once in this time. */
#define CT_SQLITE_COMPLAINT_US 1000000

struct ct_database {
    struct ct_log *log;
    _Atomic int64_t complained_us;
    char path[];
};

/** What a connection is for. */
enum ct_sqlite_use {
    CT_SQLITE_WRITER, /* the one that writes */
    CT_SQLITE_READER,
    CT_SQLITE_INSPECT, /* reads a database that may be of any version, or nobody's */
    CT_SQLITE_COPY,    /* fills a file of its own, which nobody else may open meanwhile */
};

/** What tells of commits: the header of the write-ahead log's index (sqlite.org/walformat.html). */
struct ct_wal_header {
    uint64_t words[6];
};

struct ct_sqlite_db {
    struct ct_db base;
    struct ct_database *database;
    struct sqlite3 *handle;
    enum ct_sqlite_use use;
    struct sqlite3_stmt *controls[CT_CONTROLS];
    const struct ct_wal_header
        *shared;               /* in memory that all processes share; NULL: not known yet */
    struct ct_wal_header seen; /* before the read began */
    bool has_seen;
    int64_t altered;   /* steps of statements that change the schema */
    int log_pages;     /* in the write-ahead log, after the last commit */
    int checkpoint_at; /* of these it is copied into the database, */
    int force_at;      /* and those who read are waited for */
};

static inline struct ct_sqlite_db *ct_sqlite_db_of(struct ct_db *db)
{
    return (struct ct_sqlite_db *)db;
}

/* ---- sqlite.c: statements and transactions ---- */

/** The result for a code of SQLite's. */
enum ct_result ct_sqlite_result(int code);
/** The same for an answer on this connection. What the caller cannot explain is logged: a defect,
 *  and what a reader meets (the writer's failures are told by who counts the jobs). */
enum ct_result ct_sqlite_judge(struct ct_sqlite_db *connection, int code);
/** Logs the trouble of a connection; of a disk that fails once a second. */
void ct_sqlite_complain(struct ct_sqlite_db *connection, const char *event);

/* ---- sqlite_connect.c ---- */

/** A database whose file nobody has looked at. CT_NOMEM. */
CT_CHECKED enum ct_result ct_sqlite_name(const char *path, struct ct_log *log,
                                         struct ct_database **out);
/** Answers a code of SQLite's; @p out is to be disconnected also when that is not SQLITE_OK, unless it
 *  is NULL. */
CT_CHECKED int ct_sqlite_connect(struct ct_database *database, enum ct_sqlite_use use,
                                 struct ct_sqlite_db **out);
/** Why a database cannot be opened. */
CT_CHECKED enum ct_result ct_sqlite_explain(const char *path, int code, struct ct_arena *arena,
                                            const char **why);
/* For the table of the engine, as backend.h says. */
enum ct_result ct_sqlite_open(const char *url, struct ct_log *log, struct ct_arena *arena,
                              struct ct_database **out, struct ct_db **writer, const char **why);
enum ct_result ct_sqlite_inspect(const char *url, struct ct_arena *arena, struct ct_database **out,
                                 struct ct_db **reader, const char **why);
enum ct_result ct_sqlite_connect_reader(struct ct_database *database, struct ct_db **out);
void ct_sqlite_disconnect(struct ct_db *db);
void ct_sqlite_close(struct ct_database *database);

/* ---- sqlite_verify.c ---- */

/** As verify of backend.h. */
enum ct_result ct_sqlite_verify(struct ct_db *db, enum ct_look look,
                                void (*tell)(void *ctx, const char *fault), void *ctx);

/* ---- sqlite_log.c: the write-ahead log ---- */

/** Begins to note how large the log is. */
void ct_sqlite_watch_log(struct ct_sqlite_db *connection);
/** Before a read begins: notes what has been committed. */
void ct_sqlite_note_commits(struct ct_sqlite_db *connection);
/** As is_current and tidy of backend.h. */
bool ct_sqlite_is_current(struct ct_db *db);
void ct_sqlite_tidy(struct ct_db *db);
/** As sizes of backend.h. */
void ct_sqlite_sizes(struct ct_database *database, int64_t *database_bytes, int64_t *log_bytes);

#endif
