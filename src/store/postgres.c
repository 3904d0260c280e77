#include "store/postgres.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* A database that is away is told of once in this time. */
#define COMPLAINT_INTERVAL_US 1000000
/* After connecting has failed, readers do not try again for this long, and then one of them does. */
#define REST_US 200000
/* PostgreSQL's own number for the type bigint. */
#define INT8_TYPE 20

/*
 * What holds for a session. A node that is cut off while it writes keeps the others waiting for 1 s. The
 * writer has no statement_timeout: one that ran out during a COMMIT would end the wait for the standby and
 * leave the commit on one server alone. synchronous_commit is never less than `on`. Each statement is written
 * for an index, which the planner would not always find as long as it knows too little of a new table.
 */
#define COMMON_SETTINGS                                                         \
    "SET client_min_messages = warning; SET standard_conforming_strings = on; " \
    "SET enable_seqscan = off; SET jit = off; "                                 \
    "SET lock_timeout = 5000; "                                                 \
    "SELECT set_config('synchronous_commit', 'on', false) "                     \
    "WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply'); "
static const char writer_settings[] =
    COMMON_SETTINGS "SET idle_in_transaction_session_timeout = 1000; SET statement_timeout = 0; "
                    "SELECT current_setting('server_encoding')";
static const char reader_settings[] =
    COMMON_SETTINGS "SET idle_in_transaction_session_timeout = 10000; SET statement_timeout = "
                    "5000; SELECT current_setting('server_encoding')";

struct statement {
    struct ct_stmt base;
    int count;           /* parameters */
    uint32_t generation; /* of the connection that it is prepared on; 0 for none */
    uint32_t runs;
    char name[12];
    /* rows */
    PGresult *rows; /* NULL: it has not run */
    int row;
    /* parameters, by their number less 1 */
    const char *values[CT_PG_MAX_PARAMETERS];
    int lengths[CT_PG_MAX_PARAMETERS];
    int formats[CT_PG_MAX_PARAMETERS];
    Oid types[CT_PG_MAX_PARAMETERS];
    char numbers[CT_PG_MAX_PARAMETERS][24];
    char *copies[CT_PG_MAX_PARAMETERS]; /* of texts that could not be sent as they are, or NULL */
};

static struct ct_pg_connection *connection_of(struct ct_db *db)
{
    return (struct ct_pg_connection *)db;
}

static struct statement *statement_of(struct ct_stmt *stmt)
{
    return (struct statement *)stmt;
}

int64_t ct_pg_deadline(const struct ct_pg_connection *connection)
{
    return connection->patient ? INT64_MAX : ct_clock_monotonic_us() + CT_PG_ANSWER_US;
}

/* ---- connecting ---- */

void ct_pg_complain(struct ct_pg_connection *connection, const char *event)
{
    struct ct_database *database = connection->database;
    int64_t now = ct_clock_monotonic_us();
    int64_t before = atomic_load(&database->complained_us);
    if (now - before < COMPLAINT_INTERVAL_US ||
        !atomic_compare_exchange_strong(&database->complained_us, &before, now))
        return;
    CT_LOG(database->log, CT_LOG_ERROR, event, CT_F_TEXT("reason", connection->base.trouble));
}

static enum ct_result connect_now(struct ct_pg_connection *connection, int64_t deadline_us)
{
    struct ct_database *database = connection->database;
    enum ct_result result =
        ct_pg_connect(&connection->link, &database->url,
                      connection->writes ? writer_settings : reader_settings, deadline_us);
    if (result != CT_OK) {
        ct_pg_failed(database);
        ct_pg_complain(connection, "database_unreachable");
        return result;
    }
    connection->generation++;
    connection->swept = false;
    ct_pg_reached(database);
    return CT_OK;
}

enum ct_result ct_pg_ensure(struct ct_pg_connection *connection, int64_t deadline_us)
{
    struct ct_database *database = connection->database;
    if (connection->link.conn != NULL)
        return CT_OK;
    int64_t failed_us = atomic_load(&database->failed_us);
    if (failed_us == 0 || connection->writes)
        return connect_now(connection, deadline_us);
    /* Readers do not wait for a database that is away: the thread that hears news does, or one of them. */
    bool expected = false;
    if (database->news != NULL || ct_clock_monotonic_us() - failed_us < REST_US ||
        !atomic_compare_exchange_strong(&database->probing, &expected, true))
        return CT_UNAVAILABLE;
    enum ct_result result = connect_now(connection, deadline_us);
    atomic_store(&database->probing, false);
    return result;
}

static struct ct_pg_connection *new_connection(struct ct_database *database, bool writes)
{
    struct ct_pg_connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL)
        return NULL;
    connection->base.backend = &ct_postgres;
    connection->database = database;
    connection->writes = writes;
    connection->link.trouble = connection->base.trouble;
    connection->link.trouble_size = sizeof(connection->base.trouble);
    return connection;
}

static void postgres_disconnect(struct ct_db *db)
{
    struct ct_pg_connection *connection = connection_of(db);
    ct_db_finalize(db);
    ct_pg_drop(&connection->link);
    free(connection);
}

static void postgres_close(struct ct_database *database)
{
    ct_arena_free(database->arena); /* the URL's */
    free(database);
}

static enum ct_result postgres_open(const char *url, struct ct_log *log, struct ct_arena *arena,
                                    struct ct_database **out, struct ct_db **writer,
                                    const char **why)
{
    struct ct_pg_connection *connection = NULL;
    enum ct_result result = CT_NOMEM;
    struct ct_database *database = calloc(1, sizeof(*database));
    if (database == NULL)
        return CT_NOMEM;
    database->log = log;
    atomic_store(&database->complained_us, ct_clock_monotonic_us() - COMPLAINT_INTERVAL_US);
    database->arena = ct_arena_new();
    if (database->arena == NULL)
        goto out;
    result = ct_pg_url_read(url, database->arena, &database->url, why);
    if (result == CT_OK)
        result = ct_pg_make_id(database->node_id);
    if (result != CT_OK)
        goto out;
    result = CT_NOMEM;
    connection = new_connection(database, true);
    if (connection == NULL)
        goto out;
    result = ct_pg_connect(&connection->link, &database->url, writer_settings,
                           ct_clock_monotonic_us() + database->url.connect_us);
    if (result != CT_OK) {
        result =
            ct_store_explain(arena, why, result, "the database of DATABASE_URL cannot be used: %s",
                             connection->base.trouble);
        goto out;
    }
    connection->generation++;
out:
    if (result == CT_OK) {
        *out = database;
        *writer = &connection->base;
    } else {
        if (connection != NULL)
            postgres_disconnect(&connection->base);
        postgres_close(database);
    }
    return result;
}

/* The connection itself is made by the first read. */
static enum ct_result postgres_connect_reader(struct ct_database *database, struct ct_db **out)
{
    struct ct_pg_connection *connection = new_connection(database, false);
    if (connection == NULL)
        return CT_NOMEM;
    *out = &connection->base;
    return CT_OK;
}

static bool postgres_in_transaction(struct ct_db *db)
{
    return connection_of(db)->open;
}

static void postgres_tidy(struct ct_db *db)
{
    (void)db;
}

/* ---- statements ---- */

/* The highest of $1, $2, … */
static int count_parameters(const char *sql)
{
    int count = 0;
    while ((sql = strchr(sql, '$')) != NULL) {
        int number = atoi(++sql);
        count = number > count ? number : count;
    }
    return count;
}

/* Nothing is sent before the first run, since only the parameters tell what their types are. */
static enum ct_result postgres_prepare(struct ct_db *db, const char *sql, struct ct_stmt **out)
{
    struct statement *statement = calloc(1, sizeof(*statement));
    if (statement == NULL)
        return CT_NOMEM;
    statement->base.db = db;
    statement->base.sql = sql;
    statement->count = count_parameters(sql);
    assert(statement->count <= CT_PG_MAX_PARAMETERS);
    *out = &statement->base;
    return CT_OK;
}

static void free_copies(struct statement *statement)
{
    for (int i = 0; i < statement->count; i++) {
        free(statement->copies[i]);
        statement->copies[i] = NULL;
    }
}

static void postgres_reset(struct ct_stmt *stmt)
{
    struct statement *statement = statement_of(stmt);
    PQclear(statement->rows);
    statement->rows = NULL;
    memset(statement->values, 0, sizeof(statement->values));
    free_copies(statement);
}

static void postgres_finalize(struct ct_stmt *stmt)
{
    PQclear(statement_of(stmt)->rows);
    free_copies(statement_of(stmt));
    free(statement_of(stmt));
}

static size_t place_of(const struct statement *statement, int index)
{
    assert(index >= 1 && index <= statement->count);
    return (size_t)index - 1;
}

static enum ct_result postgres_bind_int(struct ct_stmt *stmt, int index, int64_t value)
{
    struct statement *statement = statement_of(stmt);
    size_t at = place_of(statement, index);
    (void)snprintf(statement->numbers[at], sizeof(statement->numbers[at]), "%lld",
                   (long long)value);
    statement->values[at] = statement->numbers[at];
    statement->lengths[at] = 0; /* of no meaning for text */
    statement->formats[at] = 0;
    statement->types[at] = INT8_TYPE;
    return CT_OK;
}

/* PostgreSQL's text holds no NUL. U+FFFF, which is no character and never will be, is sent in its place:
 * nothing that is kept has either, so that looking for such a text finds nothing, as it should. */
static enum ct_result replace_nuls(struct statement *statement, size_t at, struct ct_str *value)
{
    static const char nowhere[] = {'\xef', '\xbf', '\xbf'};
    char *copy = malloc(value->len * sizeof(nowhere));
    if (copy == NULL)
        return CT_NOMEM;
    size_t size = 0;
    for (size_t i = 0; i < value->len; i++) {
        if (value->at[i] != '\0') {
            copy[size++] = value->at[i];
        } else {
            memcpy(copy + size, nowhere, sizeof(nowhere));
            size += sizeof(nowhere);
        }
    }
    free(statement->copies[at]);
    statement->copies[at] = copy;
    *value = (struct ct_str){copy, size};
    return CT_OK;
}

/* In the binary format, which for text is the bytes with their length. */
static enum ct_result postgres_bind_str(struct ct_stmt *stmt, int index, struct ct_str value)
{
    struct statement *statement = statement_of(stmt);
    size_t at = place_of(statement, index);
    if (value.len > INT32_MAX / 3)
        return CT_NOMEM;
    if (value.len > 0 && memchr(value.at, '\0', value.len) != NULL) {
        enum ct_result result = replace_nuls(statement, at, &value);
        if (result != CT_OK)
            return result;
    }
    statement->values[at] = value.at == NULL ? "" : value.at;
    statement->lengths[at] = (int)value.len;
    statement->formats[at] = 1;
    statement->types[at] = 0; /* what its place wants */
    return CT_OK;
}

static enum ct_result postgres_bind_null(struct ct_stmt *stmt, int index)
{
    struct statement *statement = statement_of(stmt);
    statement->values[place_of(statement, index)] = NULL;
    return CT_OK;
}

/* Sends the statement; from its second run on a connection it is prepared there. How many commands that
 * are. */
static size_t send_statement(struct ct_pg_connection *connection, struct statement *statement)
{
    struct ct_pg_link *link = &connection->link;
    size_t count = 0;
    if (link->conn == NULL)
        return 0;
    if (statement->runs == 0)
        return ct_pg_sent(link, PQsendQueryParams(link->conn, statement->base.sql, statement->count,
                                                  statement->types, statement->values,
                                                  statement->lengths, statement->formats, 0));
    if (statement->generation != connection->generation) {
        (void)snprintf(statement->name, sizeof(statement->name), "s%u", ++connection->names);
        if (!ct_pg_sent(link, PQsendPrepare(link->conn, statement->name, statement->base.sql,
                                            statement->count, statement->types)))
            return 0;
        count++;
    }
    return count + ct_pg_sent(link, PQsendQueryPrepared(link->conn, statement->name,
                                                        statement->count, statement->values,
                                                        statement->lengths, statement->formats, 0));
}

/* One attempt: all that is pending, the statement, one round trip. */
static enum ct_result attempt(struct ct_pg_connection *connection, struct statement *statement)
{
    struct ct_pg_link *link = &connection->link;
    size_t good = 0;
    size_t before = ct_pg_send_pending(connection);
    size_t own = send_statement(connection, statement);
    connection->begun = true;
    enum ct_result result = ct_pg_sync(link, ct_pg_deadline(connection));
    if (result == CT_OK)
        result = ct_pg_receive(link, ct_pg_deadline(connection), &statement->rows, &good);
    if (link->conn != NULL && statement->runs > 0 && good >= before + own - 1)
        statement->generation = connection->generation;
    if (result != CT_OK && good < before)
        link->may_retry = true; /* it did not even begin */
    if (link->conn != NULL && result != CT_OK && good < before && result != CT_UNAVAILABLE)
        return CT_UNAVAILABLE;
    return result;
}

static enum ct_result run(struct ct_pg_connection *connection, struct statement *statement)
{
    if (!connection->open)
        return CT_UNAVAILABLE;
    if (connection->failed)
        return CT_BUG; /* goes on after a statement has failed */
    bool first = !connection->begun;
    enum ct_result result = attempt(connection, statement);
    if (result == CT_UNAVAILABLE && first && !connection->writes && connection->link.conn == NULL &&
        !connection->link.silent) {
        /* A connection that has ended since it was last used: nobody has seen anything yet. */
        result = ct_pg_ensure(connection,
                              ct_clock_monotonic_us() + connection->database->url.connect_us);
        if (result == CT_OK)
            result = attempt(connection, statement);
    }
    connection->pending_count = 0;
    if (result == CT_OK) {
        statement->runs++;
        statement->row = -1;
        return CT_OK;
    }
    if (connection->link.conn == NULL && !connection->writes)
        ct_pg_failed(connection->database);
    if (result == CT_UNAVAILABLE || result == CT_NOMEM)
        ct_pg_give_up(connection);
    else
        connection->failed = true;
    if (result == CT_BUG || (result == CT_UNAVAILABLE && !connection->writes))
        ct_pg_complain(connection, "database_error");
    return result;
}

static enum ct_result postgres_step(struct ct_stmt *stmt)
{
    struct statement *statement = statement_of(stmt);
    struct ct_pg_connection *connection = connection_of(stmt->db);
    if (statement->rows == NULL) {
        enum ct_result result = run(connection, statement);
        if (result != CT_OK)
            return result;
    }
    return ++statement->row < PQntuples(statement->rows) ? CT_ROW : CT_OK;
}

static int64_t postgres_column_int(struct ct_stmt *stmt, int index)
{
    struct statement *statement = statement_of(stmt);
    return strtoll(PQgetvalue(statement->rows, statement->row, index), NULL, 10);
}

static bool postgres_column_is_null(struct ct_stmt *stmt, int index)
{
    struct statement *statement = statement_of(stmt);
    return PQgetisnull(statement->rows, statement->row, index) != 0;
}

static enum ct_result postgres_column_str(struct ct_stmt *stmt, int index, struct ct_arena *arena,
                                          struct ct_str *out)
{
    struct statement *statement = statement_of(stmt);
    size_t len = (size_t)PQgetlength(statement->rows, statement->row, index);
    if (len == 0) {
        *out = CT_STR("");
        return CT_OK;
    }
    *out = (struct ct_str){
        ct_arena_copy(arena, PQgetvalue(statement->rows, statement->row, index), len), len};
    return out->at == NULL ? CT_NOMEM : CT_OK;
}

/* The schema is written in SQLite's words. An INTEGER is too small here, and text is to sort and compare
 * by its bytes, as it does there, whatever the language of the database. */
static const struct ct_word words[] = {
    {"INTEGER", "BIGINT"}, {"VARCHAR", "VARCHAR COLLATE \"C\""}, {NULL, NULL}};

const struct ct_backend ct_postgres = {
    .scheme = "postgresql:",
    .other_scheme = "postgres:",
    .batch_limit = 64, /* with more savepoints in a transaction, snapshots become expensive */
    .given_up = CT_UNAVAILABLE,
    .words = words,
    .open = postgres_open,
    .connect_reader = postgres_connect_reader,
    .disconnect = postgres_disconnect,
    .close = postgres_close,
    .control = ct_pg_control,
    .in_transaction = postgres_in_transaction,
    .recover = ct_pg_recover,
    .listen = ct_pg_listen,
    .tell = ct_pg_tell,
    .deafen = ct_pg_deafen,
    .tidy = postgres_tidy,
    .prepare = postgres_prepare,
    .finalize = postgres_finalize,
    .reset = postgres_reset,
    .bind_int = postgres_bind_int,
    .bind_str = postgres_bind_str,
    .bind_null = postgres_bind_null,
    .step = postgres_step,
    .column_int = postgres_column_int,
    .column_is_null = postgres_column_is_null,
    .column_str = postgres_column_str,
};
