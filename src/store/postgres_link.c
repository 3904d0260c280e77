#include "store/postgres_link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* A server that could not be connected to is asked again after this long, while another is waited for. */
#define AGAIN_US 200000

/* ---- what the server says ---- */

/* SQLSTATEs by their first characters, the longest first (PostgreSQL's documentation, appendix A). */
static const struct {
    const char *prefix;
    enum ct_result result;
    bool may_retry;
} meanings[] = {
    {"23505", CT_CONFLICT, false},   /* unique_violation */
    {"23503", CT_NOT_FOUND, false},  /* foreign_key_violation */
    {"25006", CT_UNAVAILABLE, true}, /* read_only_sql_transaction: this is no primary any more */
    {"25P03", CT_UNAVAILABLE, true}, /* idle_in_transaction_session_timeout */
    {"55P03", CT_UNAVAILABLE, true}, /* lock_not_available */
    {"08", CT_UNAVAILABLE, true},    /* connection exceptions */
    {"40", CT_UNAVAILABLE, true},    /* serialization failures, deadlocks */
    {"53", CT_UNAVAILABLE, false},   /* disk full, too many connections */
    {"57", CT_UNAVAILABLE, true},    /* operator intervention: shutdowns, time limits */
    {"58", CT_UNAVAILABLE, false},   /* system errors: input and output */
};

enum ct_result ct_pg_result_of(const char *sqlstate, bool *may_retry)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (strncmp(sqlstate, meanings[i].prefix, strlen(meanings[i].prefix)) == 0) {
            *may_retry = meanings[i].may_retry;
            return meanings[i].result;
        }
    }
    *may_retry = false;
    return CT_BUG;
}

/* Keeps the first line of a message, without its line end and with single spaces. */
static void note(struct ct_pg_link *link, const char *message, const char *sqlstate)
{
    char *to = link->trouble;
    const char *end = link->trouble + link->trouble_size - sizeof(" (SQLSTATE 00000)");
    for (bool space = true; *message != '\0' && *message != '\n' && to < end; message++) {
        bool blank = *message == ' ' || *message == '\t';
        if (!blank || !space)
            *to++ = *message;
        space = blank;
    }
    *to = '\0';
    if (sqlstate != NULL)
        (void)snprintf(to, (size_t)(link->trouble + link->trouble_size - to), " (SQLSTATE %.5s)",
                       sqlstate);
}

/* ---- ends ---- */

void ct_pg_drop(struct ct_pg_link *link)
{
    PQfinish(link->conn);
    link->conn = NULL;
    link->unread = 0;
}

static enum ct_result lose(struct ct_pg_link *link, const char *message)
{
    note(link, message, NULL);
    link->may_retry = true;
    ct_pg_drop(link);
    return CT_UNAVAILABLE;
}

/* It may be there, but nothing comes. */
static enum ct_result lose_silent(struct ct_pg_link *link)
{
    link->silent = true;
    return lose(link, "the database does not answer");
}

/* libpq's own last message, or another where it has none. */
static const char *message_of(const PGconn *conn)
{
    const char *message = PQerrorMessage(conn);
    return message[0] == '\0' ? "the connection to the database was lost" : message;
}

/* ---- waiting ---- */

/* False once the time is over. */
static bool wait_for(struct pollfd *fds, nfds_t count, int64_t deadline_us)
{
    for (;;) {
        int64_t left_us = deadline_us - ct_clock_monotonic_us();
        if (left_us <= 0)
            return false;
        int64_t left_ms = left_us / 1000 + 1;
        int ready = poll(fds, count, left_ms > 60000 ? 60000 : (int)left_ms);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return true;
    }
}

/* Waits until there is something to be read, sending what still waits to be sent. */
static bool wait_for_input(PGconn *conn, int64_t deadline_us, bool *broken)
{
    int unsent = PQflush(conn);
    struct pollfd one = {.fd = PQsocket(conn),
                         .events = (short)(unsent > 0 ? POLLIN | POLLOUT : POLLIN)};
    *broken = unsent < 0 || one.fd < 0;
    if (*broken || !wait_for(&one, 1, deadline_us))
        return false;
    *broken = PQconsumeInput(conn) == 0;
    return !*broken;
}

/* The next of libpq's results, NULL between two commands. */
static enum ct_result next(struct ct_pg_link *link, int64_t deadline_us, PGresult **out)
{
    while (PQisBusy(link->conn) != 0) {
        bool broken;
        if (!wait_for_input(link->conn, deadline_us, &broken))
            return broken ? lose(link, message_of(link->conn)) : lose_silent(link);
    }
    *out = PQgetResult(link->conn);
    if (*out == NULL && PQstatus(link->conn) == CONNECTION_BAD)
        return lose(link, message_of(link->conn));
    return CT_OK;
}

/* ---- connecting ---- */

struct attempt {
    PGconn *conn; /* NULL once it has failed */
    PostgresPollingStatusType wants;
    int64_t again_us; /* when it is made again, should another one take as long */
};

static void fail(struct ct_pg_link *link, struct attempt *attempt)
{
    note(link, attempt->conn == NULL ? "out of memory" : message_of(attempt->conn), NULL);
    PQfinish(attempt->conn);
    *attempt = (struct attempt){.again_us = ct_clock_monotonic_us() + AGAIN_US};
}

/* Starts an attempt; whether it is under way. */
static bool start(struct ct_pg_link *link, const struct ct_pg_server *server,
                  struct attempt *attempt)
{
    PGconn *conn = PQconnectStartParams(server->keywords, server->values, 0);
    *attempt = (struct attempt){.conn = conn, .wants = PGRES_POLLING_WRITING};
    if (conn != NULL && PQstatus(conn) != CONNECTION_BAD)
        return true;
    fail(link, attempt);
    return false;
}

/* Moves on those attempts for which something has happened. The first that succeeds is taken out. */
static PGconn *advance(struct ct_pg_link *link, struct attempt *attempts, const struct pollfd *fds,
                       size_t count, size_t *alive)
{
    for (size_t i = 0; i < count; i++) {
        struct attempt *attempt = &attempts[i];
        if (attempt->conn == NULL || fds[i].revents == 0)
            continue;
        attempt->wants = PQconnectPoll(attempt->conn);
        if (attempt->wants == PGRES_POLLING_OK) {
            PGconn *conn = attempt->conn;
            attempt->conn = NULL;
            return conn;
        }
        if (attempt->wants == PGRES_POLLING_FAILED) {
            fail(link, attempt);
            --*alive;
        }
    }
    return NULL;
}

/* Makes again what has failed some time ago: while one server does not answer at all, the other may
 * have become the primary. How many more are under way; when to look again. */
static size_t try_again(struct ct_pg_link *link, const struct ct_pg_url *url,
                        struct attempt *attempts, int64_t *next_us)
{
    size_t started = 0;
    int64_t now_us = ct_clock_monotonic_us();
    for (size_t i = 0; i < url->count; i++) {
        if (attempts[i].conn == NULL && attempts[i].again_us <= now_us &&
            start(link, &url->servers[i], &attempts[i]))
            started++;
        if (attempts[i].conn == NULL && attempts[i].again_us < *next_us)
            *next_us = attempts[i].again_us;
    }
    return started;
}

/* Asks all servers at once, until one is what is wanted or all have said that they are not. */
static PGconn *connect_to_any(struct ct_pg_link *link, const struct ct_pg_url *url,
                              int64_t deadline_us)
{
    struct attempt attempts[CT_PG_MAX_SERVERS];
    struct pollfd fds[CT_PG_MAX_SERVERS];
    PGconn *won = NULL;
    size_t alive = 0;
    note(link, "the database does not answer", NULL);
    for (size_t i = 0; i < url->count; i++)
        alive += start(link, &url->servers[i], &attempts[i]);
    while (alive > 0 && won == NULL && ct_clock_monotonic_us() < deadline_us) {
        int64_t until_us = deadline_us;
        alive += try_again(link, url, attempts, &until_us);
        for (size_t i = 0; i < url->count; i++)
            fds[i] = (struct pollfd){
                .fd = attempts[i].conn == NULL ? -1 : PQsocket(attempts[i].conn),
                .events = attempts[i].wants == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        if (wait_for(fds, url->count, until_us))
            won = advance(link, attempts, fds, url->count, &alive);
    }
    for (size_t i = 0; i < url->count; i++)
        PQfinish(attempts[i].conn);
    return won;
}

/* Notices of the server. */
static void notice(void *ctx, const PGresult *result)
{
    struct ct_pg_link *link = ctx;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity != NULL && strcmp(severity, "WARNING") == 0) {
        link->warned = true;
        const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        note(link, message != NULL ? message : "a warning", NULL);
    }
}

static enum ct_result check_encoding(struct ct_pg_link *link, const PGresult *result)
{
    const char *encoding = PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "";
    if (strcmp(encoding, "UTF8") == 0)
        return CT_OK;
    (void)snprintf(link->trouble, link->trouble_size,
                   "the database has the encoding %.20s: make one with ENCODING 'UTF8'", encoding);
    return CT_INVALID;
}

/* Runs the statements that prepare a session, before the pipeline mode. */
static enum ct_result set_up(struct ct_pg_link *link, const char *setup, int64_t deadline_us)
{
    int version = PQserverVersion(link->conn);
    if (version < 150000) {
        (void)snprintf(link->trouble, link->trouble_size,
                       "the server is PostgreSQL %d, and this program needs 15 or newer",
                       version / 10000);
        return CT_INVALID;
    }
    if (PQsetnonblocking(link->conn, 1) != 0 || PQsendQuery(link->conn, setup) == 0)
        return lose(link, message_of(link->conn));
    PGresult *one = NULL;
    enum ct_result result = CT_OK;
    for (;;) {
        PGresult *got;
        if (next(link, deadline_us, &got) != CT_OK) {
            PQclear(one);
            return CT_UNAVAILABLE;
        }
        if (got == NULL)
            break;
        PQclear(one);
        one = got;
        ExecStatusType status = PQresultStatus(one);
        if (result == CT_OK && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
            note(link, PQresultErrorMessage(one), NULL);
            result = CT_UNAVAILABLE;
        }
    }
    if (result == CT_OK)
        result = one == NULL ? CT_UNAVAILABLE : check_encoding(link, one);
    PQclear(one);
    if (result == CT_OK && PQenterPipelineMode(link->conn) == 0)
        result = CT_UNAVAILABLE;
    return result;
}

enum ct_result ct_pg_connect(struct ct_pg_link *link, const struct ct_pg_url *url,
                             const char *setup, int64_t deadline_us)
{
    ct_pg_drop(link);
    link->may_retry = true;
    link->silent = false;
    link->conn = connect_to_any(link, url, deadline_us);
    if (link->conn == NULL)
        return CT_UNAVAILABLE;
    (void)PQsetNoticeReceiver(link->conn, notice, link);
    enum ct_result result = set_up(link, setup, deadline_us);
    if (result != CT_OK)
        ct_pg_drop(link);
    return result;
}

/* ---- commands and results ---- */

bool ct_pg_sent(struct ct_pg_link *link, int answer)
{
    if (link->conn != NULL && answer == 0)
        (void)lose(link, message_of(link->conn));
    return link->conn != NULL;
}

static enum ct_result send_out(struct ct_pg_link *link, int64_t deadline_us)
{
    for (;;) {
        int unsent = PQflush(link->conn);
        bool broken = unsent < 0;
        if (unsent == 0)
            return CT_OK;
        if (broken || !wait_for_input(link->conn, deadline_us, &broken))
            return broken ? lose(link, message_of(link->conn)) : lose_silent(link);
    }
}

enum ct_result ct_pg_sync(struct ct_pg_link *link, int64_t deadline_us)
{
    if (link->conn == NULL || PQpipelineSync(link->conn) == 0)
        return lose(link, link->conn == NULL ? "not connected" : message_of(link->conn));
    link->unread++;
    return send_out(link, deadline_us);
}

enum ct_result ct_pg_ask(struct ct_pg_link *link, int64_t deadline_us)
{
    if (link->conn == NULL || PQsendFlushRequest(link->conn) == 0)
        return lose(link, link->conn == NULL ? "not connected" : message_of(link->conn));
    return send_out(link, deadline_us);
}

/* What a command that failed has met; a server that ends the session is gone. */
static enum ct_result failure_of(struct ct_pg_link *link, const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    bool over = sqlstate == NULL || PQstatus(link->conn) == CONNECTION_BAD ||
                (severity != NULL && strcmp(severity, "ERROR") != 0) ||
                strcmp(sqlstate, "25006") == 0;
    note(link, message != NULL ? message : message_of(link->conn), sqlstate);
    if (!over)
        return ct_pg_result_of(sqlstate, &link->may_retry);
    link->may_retry = true;
    ct_pg_drop(link);
    return CT_UNAVAILABLE;
}

/* Reads up to the next synchronization, or the results of so many commands and what ends them. */
static enum ct_result receive_one(struct ct_pg_link *link, int64_t deadline_us, size_t count,
                                  PGresult **last, size_t *good)
{
    enum ct_result failed = CT_OK;
    bool was_null = false;
    size_t read = 0;
    *good = 0;
    for (;;) {
        PGresult *result;
        enum ct_result got = next(link, deadline_us, &result);
        if (got != CT_OK)
            return failed != CT_OK ? failed : got;
        if (result == NULL) {
            if (was_null)
                return lose(link, "the database sent nothing");
            was_null = true;
            if (read == count)
                return failed;
            continue;
        }
        was_null = false;
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            return failed;
        }
        read++;
        if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
            PQclear(*last);
            *last = result;
            ++*good;
            continue;
        }
        if (failed == CT_OK && status != PGRES_PIPELINE_ABORTED)
            failed = failure_of(link, result);
        PQclear(result);
        if (link->conn == NULL)
            return failed;
    }
}

/* Ends the reading of results: the last one is the caller's unless something has failed. */
static enum ct_result hand_over(struct ct_pg_link *link, enum ct_result failed, PGresult *result,
                                PGresult **last)
{
    if (link->conn == NULL && failed == CT_OK)
        failed = CT_UNAVAILABLE;
    if (failed == CT_OK && result == NULL)
        failed = lose(link, "the database sent nothing");
    if (failed != CT_OK)
        PQclear(result);
    else
        *last = result;
    return failed;
}

/* Reads up to the last synchronization. */
static enum ct_result receive_all(struct ct_pg_link *link, int64_t deadline_us, PGresult **result,
                                  size_t *good)
{
    enum ct_result failed = CT_OK;
    while (link->conn != NULL && link->unread > 0) {
        PQclear(*result);
        *result = NULL;
        failed = receive_one(link, deadline_us, SIZE_MAX, result, good);
        if (link->conn != NULL)
            link->unread--;
    }
    return failed;
}

enum ct_result ct_pg_receive(struct ct_pg_link *link, int64_t deadline_us, PGresult **last,
                             size_t *good)
{
    PGresult *result = NULL;
    enum ct_result failed = receive_all(link, deadline_us, &result, good);
    return hand_over(link, failed, result, last);
}

enum ct_result ct_pg_receive_some(struct ct_pg_link *link, int64_t deadline_us, size_t count,
                                  PGresult **last, size_t *good)
{
    PGresult *result = NULL;
    enum ct_result failed = receive_all(link, deadline_us, &result, good);
    PQclear(result);
    result = NULL;
    *good = 0;
    if (link->conn != NULL)
        failed = receive_one(link, deadline_us, count, &result, good);
    return hand_over(link, failed, result, last);
}
