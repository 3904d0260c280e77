#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/postgres.h"

/* PostgreSQL's own number for the type bigint. */
#define INT8_TYPE 20
/* So many statements are sent at most before their answers are read: what they take and what they answer is in
 * memory meanwhile, and all of them have the time of one answer. */
#define MOST_AHEAD 250

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
enum ct_result ct_pg_prepare(struct ct_db *db, const char *sql, struct ct_stmt **out)
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

void ct_pg_reset(struct ct_stmt *stmt)
{
    struct statement *statement = statement_of(stmt);
    PQclear(statement->rows);
    statement->rows = NULL;
    memset(statement->values, 0, sizeof(statement->values));
    free_copies(statement);
}

void ct_pg_finalize(struct ct_stmt *stmt)
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

enum ct_result ct_pg_bind_int(struct ct_stmt *stmt, int index, int64_t value)
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
enum ct_result ct_pg_bind_str(struct ct_stmt *stmt, int index, struct ct_str value)
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

enum ct_result ct_pg_bind_null(struct ct_stmt *stmt, int index)
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

/* What was pending in front of a statement has failed. */
static enum ct_result not_begun(struct ct_pg_link *link, enum ct_result result)
{
    link->may_retry = true;
    return link->conn == NULL ? result : CT_UNAVAILABLE;
}

/* One attempt: all that is pending, the statement, one round trip. A read has no BEGIN and no COMMIT: the first
 * statement begins it, and the next synchronization ends it. */
static enum ct_result attempt(struct ct_pg_connection *connection, struct statement *statement)
{
    struct ct_pg_link *link = &connection->link;
    size_t good = 0;
    size_t before = ct_pg_send_pending(connection);
    size_t own = send_statement(connection, statement);
    int64_t deadline_us = ct_pg_deadline(connection);
    connection->begun = true;
    enum ct_result result =
        connection->writes ? ct_pg_sync(link, deadline_us) : ct_pg_ask(link, deadline_us);
    if (result == CT_OK && connection->writes)
        result = ct_pg_receive(link, deadline_us, &statement->rows, &good);
    else if (result == CT_OK)
        result = ct_pg_receive_some(link, deadline_us, own, &statement->rows, &good);
    if (link->conn != NULL && statement->runs > 0 && good >= before + own - 1)
        statement->generation = connection->generation;
    return result != CT_OK && good < before ? not_begun(link, result) : result;
}

/* What follows when a statement has failed. */
static enum ct_result fail(struct ct_pg_connection *connection, enum ct_result result)
{
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

static enum ct_result run(struct ct_pg_connection *connection, struct statement *statement)
{
    if (!connection->open)
        return CT_UNAVAILABLE;
    if (connection->ahead > 0) {
        enum ct_result settled = ct_pg_settle(&connection->base);
        if (settled != CT_OK)
            return settled;
    }
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
    return fail(connection, result);
}

enum ct_result ct_pg_step(struct ct_stmt *stmt)
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

enum ct_result ct_pg_send(struct ct_stmt *stmt)
{
    struct statement *statement = statement_of(stmt);
    struct ct_pg_connection *connection = connection_of(stmt->db);
    if (!connection->open)
        return CT_UNAVAILABLE;
    if (connection->failed)
        return CT_BUG; /* goes on after a statement has failed */
    size_t before = ct_pg_send_pending(connection);
    connection->pending_count = 0;
    connection->begun = true;
    if (connection->ahead++ == 0)
        connection->ahead_pending = before;
    if (send_statement(connection, statement) == 0)
        return ct_pg_settle(stmt->db); /* which finds that there is no connection any more */
    if (statement->runs > 0)
        statement->generation = connection->generation;
    statement->runs++;
    return connection->ahead < MOST_AHEAD ? CT_OK : ct_pg_settle(stmt->db);
}

enum ct_result ct_pg_settle(struct ct_db *db)
{
    struct ct_pg_connection *connection = connection_of(db);
    struct ct_pg_link *link = &connection->link;
    PGresult *last = NULL;
    size_t good = 0;
    if (connection->ahead == 0)
        return CT_OK;
    connection->ahead = 0;
    enum ct_result result = ct_pg_sync(link, ct_pg_deadline(connection));
    if (result == CT_OK)
        result = ct_pg_receive(link, ct_pg_deadline(connection), &last, &good);
    if (result == CT_OK) {
        PQclear(last);
        return CT_OK;
    }
    connection->generation++; /* which of the statements were prepared is not known */
    return fail(connection, good < connection->ahead_pending ? not_begun(link, result) : result);
}

int64_t ct_pg_column_int(struct ct_stmt *stmt, int index)
{
    struct statement *statement = statement_of(stmt);
    return strtoll(PQgetvalue(statement->rows, statement->row, index), NULL, 10);
}

bool ct_pg_column_is_null(struct ct_stmt *stmt, int index)
{
    struct statement *statement = statement_of(stmt);
    return PQgetisnull(statement->rows, statement->row, index) != 0;
}

enum ct_result ct_pg_column_str(struct ct_stmt *stmt, int index, struct ct_arena *arena,
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
