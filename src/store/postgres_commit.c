#include "store/postgres.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"

/* What a node that writes locks in the database, so that it is the only one: "ct_write". */
#define WRITE_LOCK "7166193823637730405"

/* How long a batch is tried again when the database is not there, in all; less once it is known to be
 * away. Whoever waits for its answer waits that long, and some 10 s at most. */
#define RECOVERY_US 8000000
#define RECOVERY_WHEN_FAILING_US 1000000
#define PAUSE_US 50000
/* After this long no node asks for its last batch any more. */
#define KEEP_TOKENS_MS (INT64_C(7) * 24 * 3600 * 1000)

/* READ COMMITTED: each statement behind the lock sees all that was committed before the lock was had. */
static const char *const control_sql[CT_CONTROLS] = {
    [CT_BEGIN_READ] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    [CT_BEGIN_WRITE] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    [CT_BEGIN_MIGRATION] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    [CT_COMMIT] = "COMMIT",
    [CT_ROLLBACK] = "ROLLBACK",
    [CT_SAVEPOINT] = "SAVEPOINT job",
    [CT_RELEASE] = "RELEASE job",
    [CT_ROLLBACK_TO] = "ROLLBACK TO job",
};
static const char lock_sql[] = "SELECT pg_advisory_xact_lock(" WRITE_LOCK ")";

static struct ct_pg_connection *connection_of(struct ct_db *db)
{
    return (struct ct_pg_connection *)db;
}

static bool send_text(struct ct_pg_connection *connection, const char *sql)
{
    struct ct_pg_link *link = &connection->link;
    return link->conn != NULL &&
           ct_pg_sent(link, PQsendQueryParams(link->conn, sql, 0, NULL, NULL, NULL, NULL, 0));
}

static bool is_write_begin(enum ct_control which)
{
    return which == CT_BEGIN_WRITE || which == CT_BEGIN_MIGRATION;
}

size_t ct_pg_send_pending(struct ct_pg_connection *connection)
{
    size_t count = 0;
    for (size_t i = 0; i < connection->pending_count; i++) {
        enum ct_control which = connection->pending[i];
        count += send_text(connection, control_sql[which]);
        if (is_write_begin(which))
            count += send_text(connection, lock_sql);
    }
    return count;
}

/* Sends what is pending, and waits for nothing: what it answers is read before the next answer is. */
static void send_away(struct ct_pg_connection *connection)
{
    (void)ct_pg_send_pending(connection);
    connection->pending_count = 0;
    if (connection->link.conn == NULL)
        return;
    enum ct_result result = ct_pg_sync(&connection->link, ct_pg_deadline(connection));
    (void)result; /* whatever it met, the connection is gone then, and with it the transaction */
}

static void push(struct ct_pg_connection *connection, enum ct_control which)
{
    assert(connection->pending_count < CT_PG_MAX_PENDING);
    connection->pending[connection->pending_count++] = which;
}

static bool last_is(const struct ct_pg_connection *connection, enum ct_control which)
{
    return connection->pending_count > 0 &&
           connection->pending[connection->pending_count - 1] == which;
}

/* Leaves what was sent ahead to itself. Behind one that has failed, nothing is done up to a synchronization. */
static void forget_ahead(struct ct_pg_connection *connection)
{
    if (connection->ahead > 0)
        send_away(connection);
    connection->ahead = 0;
}

/* Ends the transaction without keeping anything. */
static void roll_back(struct ct_pg_connection *connection)
{
    connection->pending_count = 0;
    forget_ahead(connection);
    if (connection->begun) {
        if (connection->writes)
            push(connection, CT_ROLLBACK);
        send_away(connection);
    }
    connection->open = connection->begun = connection->failed = false;
}

void ct_pg_give_up(struct ct_pg_connection *connection)
{
    /* A transaction whose BEGIN failed may be there or not; ROLLBACK does no harm where there is none. */
    connection->begun = connection->link.conn != NULL;
    roll_back(connection);
}

/* ---- the commit of a batch ---- */

enum ct_result ct_pg_make_id(char out[CT_PG_ID_SIZE])
{
    uint8_t bytes[(CT_PG_ID_SIZE - 1) / 2];
    enum ct_result result = ct_random_bytes(bytes, sizeof(bytes));
    if (result != CT_OK)
        return result;
    for (size_t i = 0; i < sizeof(bytes); i++)
        (void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return CT_OK;
}

/* A statement with texts as parameters. */
static bool send_with(struct ct_pg_connection *connection, const char *sql, int count,
                      const char *const *values)
{
    struct ct_pg_link *link = &connection->link;
    return link->conn != NULL &&
           ct_pg_sent(link, PQsendQueryParams(link->conn, sql, count, NULL, values, NULL, NULL, 0));
}

/* Sends COMMIT and reads what comes of it. CT_OK: what was written is where the cluster wants it to be.
 * Otherwise `doubt` says whether it may have been kept all the same. */
static enum ct_result commit_now(struct ct_pg_connection *connection)
{
    struct ct_pg_link *link = &connection->link;
    PGresult *last = NULL;
    size_t good = 0;
    link->warned = false;
    if (!send_text(connection, "COMMIT"))
        return CT_UNAVAILABLE; /* without a synchronization nothing of it was done */
    connection->doubt = true;
    enum ct_result result = ct_pg_sync(link, ct_pg_deadline(connection));
    if (result == CT_OK)
        result = ct_pg_receive(link, ct_pg_deadline(connection), &last, &good);
    if (result != CT_OK) {
        /* An error in good order, before the COMMIT or by it, is an answer: nothing was kept. */
        connection->doubt = link->conn == NULL;
        return result;
    }
    bool committed = strcmp(PQcmdStatus(last), "COMMIT") == 0;
    PQclear(last);
    connection->doubt = committed && link->warned;
    if (committed && !link->warned)
        return CT_OK;
    if (!committed)
        (void)snprintf(connection->base.trouble, sizeof(connection->base.trouble),
                       "the database rolled a transaction back instead of committing it");
    link->may_retry = true;
    return CT_UNAVAILABLE;
}

/* Leaves the batch's token in the transaction, so that it can be asked for when the answer is lost. */
static bool send_token(struct ct_pg_connection *connection)
{
    char now[24];
    char old[24];
    int64_t now_ms = ct_clock_unix_ms();
    if (ct_pg_make_id(connection->token) != CT_OK)
        return false;
    (void)snprintf(now, sizeof(now), "%lld", (long long)now_ms);
    (void)snprintf(old, sizeof(old), "%lld", (long long)(now_ms - KEEP_TOKENS_MS));
    const char *too_old[] = {old};
    const char *mine[] = {connection->database->node_id, connection->token, now};
    if (!connection->swept &&
        !send_with(connection, "DELETE FROM writer_batches WHERE committed_at < $1", 1, too_old))
        return false;
    connection->swept = true;
    return send_with(connection,
                     "INSERT INTO writer_batches (node_id, token, committed_at) "
                     "VALUES ($1, $2, $3) ON CONFLICT (node_id) DO UPDATE "
                     "SET token = excluded.token, committed_at = excluded.committed_at",
                     3, mine);
}

static enum ct_result commit_write(struct ct_pg_connection *connection)
{
    if (!connection->begun) { /* no statement was run: there is nothing to commit */
        roll_back(connection);
        return CT_OK;
    }
    if (connection->failed || connection->ahead > 0)
        return CT_BUG;
    (void)ct_pg_send_pending(connection);
    connection->pending_count = 0;
    enum ct_result result = CT_UNAVAILABLE;
    connection->doubt = false;
    connection->link.may_retry = true;
    if (connection->patient || send_token(connection))
        result = commit_now(connection);
    if (result == CT_OK)
        connection->open = connection->begun = connection->failing = false;
    else
        ct_pg_give_up(connection);
    return result == CT_OK || result == CT_NOMEM ? result : CT_UNAVAILABLE;
}

/* ---- after a loss ---- */

/*
 * Whether the batch whose COMMIT was not answered was kept. The lock makes sure that its transaction is
 * over. That its token can be seen is not enough: a server that was told to stop waiting for its standby
 * shows what only it has. So this writes, too: when that was committed without a warning, all that came
 * before is where it has to be as well.
 */
static enum ct_result confirm(struct ct_pg_connection *connection, bool *kept)
{
    struct ct_pg_link *link = &connection->link;
    PGresult *last = NULL;
    size_t good = 0;
    const char *mine[] = {connection->database->node_id, connection->token};
    push(connection, CT_BEGIN_WRITE);
    connection->begun = true;
    (void)ct_pg_send_pending(connection);
    connection->pending_count = 0;
    enum ct_result result = CT_UNAVAILABLE;
    if (send_with(connection,
                  "UPDATE writer_batches SET committed_at = committed_at + 1 "
                  "WHERE node_id = $1 AND token = $2",
                  2, mine))
        result = ct_pg_sync(link, ct_pg_deadline(connection));
    if (result == CT_OK)
        result = ct_pg_receive(link, ct_pg_deadline(connection), &last, &good);
    if (result == CT_OK) {
        *kept = strcmp(PQcmdTuples(last), "1") == 0;
        PQclear(last);
        if (*kept)
            result = commit_now(connection);
    }
    if (result == CT_OK && *kept)
        connection->begun = false;
    else
        ct_pg_give_up(connection);
    return result;
}

bool ct_pg_recover(struct ct_db *db, int64_t began_us, enum ct_result *result)
{
    struct ct_pg_connection *connection = connection_of(db);
    int64_t end_us = began_us + (connection->failing ? RECOVERY_WHEN_FAILING_US : RECOVERY_US);
    bool may_retry = connection->link.may_retry || connection->doubt;
    if (*result != CT_UNAVAILABLE || !may_retry)
        return false;
    for (bool first = true;; first = false) {
        int64_t now_us = ct_clock_monotonic_us();
        if (now_us > end_us)
            break;
        if (!first)
            (void)usleep(PAUSE_US);
        if (ct_pg_ensure(connection, now_us + connection->database->url.connect_us) != CT_OK)
            continue;
        if (!connection->doubt)
            return true;
        bool kept = false;
        if (confirm(connection, &kept) != CT_OK) {
            connection->doubt = true;
            continue;
        }
        CT_LOG(connection->database->log, CT_LOG_INFO, "commit_in_doubt",
               CT_F_TEXT("outcome", kept ? "committed" : "not committed"));
        connection->doubt = false;
        if (!kept)
            return true;
        connection->failing = false;
        *result = CT_OK;
        return false;
    }
    if (connection->doubt)
        CT_LOG(connection->database->log, CT_LOG_WARNING, "commit_in_doubt",
               CT_F_TEXT("outcome", "unknown"));
    connection->doubt = false;
    connection->failing = true;
    return false;
}

/* ---- the face ---- */

static enum ct_result begin(struct ct_pg_connection *connection, enum ct_control which)
{
    enum ct_result result =
        ct_pg_ensure(connection, ct_clock_monotonic_us() + connection->database->url.connect_us);
    if (result != CT_OK)
        return result;
    assert(!connection->open && connection->pending_count == 0);
    connection->open = true;
    connection->begun = connection->failed = false;
    connection->patient = which == CT_BEGIN_MIGRATION;
    if (connection->writes)
        push(connection, which);
    if (!connection->patient)
        return CT_OK;
    /* It is waited for here, so that the caller can tell that another one has the lock. */
    PGresult *last;
    size_t good;
    (void)ct_pg_send_pending(connection);
    connection->pending_count = 0;
    connection->begun = true;
    result = ct_pg_sync(&connection->link, ct_pg_deadline(connection));
    if (result == CT_OK)
        result = ct_pg_receive(&connection->link, ct_pg_deadline(connection), &last, &good);
    if (result == CT_OK) {
        PQclear(last);
        return CT_OK;
    }
    bool locked = connection->link.conn != NULL && connection->link.may_retry;
    ct_pg_give_up(connection);
    return locked ? CT_BUSY : result;
}

static enum ct_result end_read(struct ct_pg_connection *connection)
{
    connection->pending_count = 0;
    if (connection->begun)
        send_away(connection);
    connection->open = connection->begun = connection->failed = false;
    return CT_OK;
}

enum ct_result ct_pg_control(struct ct_db *db, enum ct_control which)
{
    struct ct_pg_connection *connection = connection_of(db);
    switch (which) {
    case CT_BEGIN_READ:
    case CT_BEGIN_WRITE:
    case CT_BEGIN_MIGRATION:
        return begin(connection, which);
    case CT_COMMIT:
        return connection->writes ? commit_write(connection) : end_read(connection);
    case CT_ROLLBACK:
        roll_back(connection);
        return CT_OK;
    case CT_SAVEPOINT:
        push(connection, which);
        return CT_OK;
    case CT_RELEASE:
        if (connection->failed || connection->ahead > 0)
            return CT_BUG; /* a job that goes on after a statement has failed, or does not know */
        if (last_is(connection, CT_SAVEPOINT))
            connection->pending_count--; /* nothing happened in it */
        else
            push(connection, which);
        return CT_OK;
    case CT_ROLLBACK_TO:
        if (connection->ahead > 0) {
            /* Any of it may have failed, and been the reason for this. */
            enum ct_result settled = ct_pg_settle(db);
            (void)settled;
            if (!connection->open)
                return CT_UNAVAILABLE;
        }
        if (!last_is(connection, CT_SAVEPOINT))
            push(connection, which);
        connection->failed = false;
        return CT_OK;
    case CT_CONTROLS:
        break;
    }
    assert(false);
    return CT_BUG;
}
