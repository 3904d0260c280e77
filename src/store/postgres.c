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
    COMMON_SETTINGS "SET default_transaction_isolation = 'repeatable read'; "
                    "SET default_transaction_read_only = on; SET tcp_keepalives_idle = 5; "
                    "SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 5; "
                    "SET statement_timeout = 5000; SELECT current_setting('server_encoding')";

static struct ct_pg_connection *connection_of(struct ct_db *db)
{
    return (struct ct_pg_connection *)db;
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
    connection->failures = atomic_load(&database->failures);
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
    /* What one reader has found out, not every other one has to wait for: a connection of before the failure
     * may lead to a server that is gone. */
    if (!connection->writes && connection->failures != atomic_load(&database->failures))
        ct_pg_drop(&connection->link);
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
    connection->base.backend = ct_postgres_module_table.backend;
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

/* The schema is written in SQLite's words. An INTEGER is too small here, and text is to sort and compare
 * by its bytes, as it does there, whatever the language of the database. */
static const struct ct_word words[] = {
    {"INTEGER", "BIGINT"}, {"VARCHAR", "VARCHAR COLLATE \"C\""}, {NULL, NULL}};

static const struct ct_backend backend = {
    .scheme = CT_POSTGRES_SCHEME,
    .other_scheme = CT_POSTGRES_OTHER_SCHEME,
    .batch_limit = 64, /* with more savepoints in a transaction, snapshots become expensive */
    .given_up = CT_UNAVAILABLE,
    .is_remote = true,
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
    .touch = ct_pg_touch,
    .deafen = ct_pg_deafen,
    .tidy = postgres_tidy,
    .prepare = ct_pg_prepare,
    .finalize = ct_pg_finalize,
    .reset = ct_pg_reset,
    .bind_int = ct_pg_bind_int,
    .bind_str = ct_pg_bind_str,
    .bind_null = ct_pg_bind_null,
    .step = ct_pg_step,
    .send = ct_pg_send,
    .settle = ct_pg_settle,
    .column_int = ct_pg_column_int,
    .column_is_null = ct_pg_column_is_null,
    .column_str = ct_pg_column_str,
};

const struct ct_postgres_module ct_postgres_module_table = {.version = CT_VERSION,
                                                            .backend = &backend};
