#include <sqlite3.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/sqlite.h"

#define MAX_PARAMETERS 32
/* What the texts of one execution mostly need together. */
#define TEXT_ROOM 256

struct statement {
    struct ct_stmt base;
    sqlite3_stmt *handle;
    /* SQLite numbers $1, $2, … in the order of their appearance; 0 = there is none. */
    int place[MAX_PARAMETERS + 1];
    uint64_t bound; /* a bit for each place that was bound for this execution, */
    uint64_t set;   /* and for each that may still hold a value, also of an earlier one */
    bool alters;    /* the schema: no rows tell of it */
    size_t text_used;
    char text[TEXT_ROOM]; /* of parameters: copied here, which takes no allocation */
};

static struct statement *statement_of(struct ct_stmt *stmt)
{
    return (struct statement *)stmt;
}

/* ---- what SQLite answers ---- */

enum ct_result ct_sqlite_result(int code)
{
    if (code == SQLITE_CONSTRAINT_FOREIGNKEY)
        return CT_NOT_FOUND;
    if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
        code == SQLITE_CONSTRAINT_ROWID)
        return CT_CONFLICT;
    if (code == SQLITE_IOERR_NOMEM)
        return CT_NOMEM;
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
        return CT_OK;
    case SQLITE_ROW:
        return CT_ROW;
    case SQLITE_NOMEM:
        return CT_NOMEM;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
        return CT_UNAVAILABLE;
    default:
        return CT_BUG;
    }
}

void ct_sqlite_complain(struct ct_sqlite_db *connection, const char *event)
{
    struct ct_database *database = connection->database;
    int64_t now = ct_clock_monotonic_us();
    int64_t before = atomic_load(&database->complained_us);
    if (now - before < CT_SQLITE_COMPLAINT_US ||
        !atomic_compare_exchange_strong(&database->complained_us, &before, now))
        return;
    CT_LOG(database->log, CT_LOG_ERROR, event, CT_F_TEXT("reason", connection->base.trouble));
}

enum ct_result ct_sqlite_judge(struct ct_sqlite_db *connection, int code)
{
    if (code == SQLITE_OK || code == SQLITE_DONE)
        return CT_OK;
    enum ct_result result = ct_sqlite_result(code);
    if (result == CT_OK || result == CT_ROW || result == CT_CONFLICT || result == CT_NOT_FOUND)
        return result;
    snprintf(connection->base.trouble, sizeof(connection->base.trouble), "%s (SQLite %d)",
             connection->handle != NULL ? sqlite3_errmsg(connection->handle) : sqlite3_errstr(code),
             code);
    if (result == CT_BUG || (result == CT_UNAVAILABLE && connection->use != CT_SQLITE_WRITER))
        ct_sqlite_complain(connection, "database_error");
    return result;
}

/* ---- statements ---- */

/* $1, $2, … as the order in which they appear says nothing of their numbers. */
static void number_parameters(struct statement *statement)
{
    int count = sqlite3_bind_parameter_count(statement->handle);
    assert(count <= MAX_PARAMETERS);
    for (int place = 1; place <= count; place++) {
        const char *name = sqlite3_bind_parameter_name(statement->handle, place);
        assert(name != NULL && name[0] == '$');
        int number = atoi(name + 1);
        assert(number >= 1 && number <= count);
        statement->place[number] = place;
    }
}

static bool begins(const char *sql, const char *word)
{
    return strncmp(sql, word, strlen(word)) == 0;
}

static enum ct_result sqlite_prepare(struct ct_db *db, const char *sql, struct ct_stmt **out)
{
    struct ct_sqlite_db *connection = ct_sqlite_db_of(db);
    struct statement *statement = calloc(1, sizeof(*statement));
    if (statement == NULL)
        return CT_NOMEM;
    int code = sqlite3_prepare_v3(connection->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                  &statement->handle, NULL);
    if (code != SQLITE_OK) {
        free(statement);
        return ct_sqlite_judge(connection, code);
    }
    statement->base.db = db;
    number_parameters(statement);
    statement->alters = begins(sql, "CREATE") || begins(sql, "DROP") || begins(sql, "ALTER");
    *out = &statement->base;
    return CT_OK;
}

static void sqlite_finalize(struct ct_stmt *stmt)
{
    sqlite3_finalize(statement_of(stmt)->handle);
    free(statement_of(stmt));
}

static void sqlite_reset(struct ct_stmt *stmt)
{
    struct statement *statement = statement_of(stmt);
    sqlite3_reset(statement->handle); /* answers what the last step has answered */
    statement->bound = 0;
    statement->text_used = 0;
}

/* The place of a parameter that is being bound. */
static int place_of(struct statement *statement, int index)
{
    assert(index >= 1 && index <= MAX_PARAMETERS && statement->place[index] != 0);
    int place = statement->place[index];
    statement->bound |= UINT64_C(1) << place;
    statement->set |= UINT64_C(1) << place;
    return place;
}

static enum ct_result sqlite_bind_int(struct ct_stmt *stmt, int index, int64_t value)
{
    struct statement *statement = statement_of(stmt);
    return ct_sqlite_judge(
        ct_sqlite_db_of(stmt->db),
        sqlite3_bind_int64(statement->handle, place_of(statement, index), value));
}

static enum ct_result sqlite_bind_str(struct ct_stmt *stmt, int index, struct ct_str value)
{
    struct statement *statement = statement_of(stmt);
    int place = place_of(statement, index);
    const char *at = value.at == NULL ? "" : value.at; /* SQLite takes NULL for the value NULL */
    sqlite3_destructor_type keeping = SQLITE_TRANSIENT;
    if (value.len <= sizeof(statement->text) - statement->text_used) {
        char *copy = statement->text + statement->text_used;
        memcpy(copy, at, value.len);
        statement->text_used += value.len;
        at = copy;
        keeping = SQLITE_STATIC;
    }
    return ct_sqlite_judge(
        ct_sqlite_db_of(stmt->db),
        sqlite3_bind_text64(statement->handle, place, at, value.len, keeping, SQLITE_UTF8));
}

static enum ct_result sqlite_bind_null(struct ct_stmt *stmt, int index)
{
    struct statement *statement = statement_of(stmt);
    int code = sqlite3_bind_null(statement->handle, place_of(statement, index));
    return ct_sqlite_judge(ct_sqlite_db_of(stmt->db), code);
}

/* What was bound for an earlier execution is forgotten where nothing took its place. */
static void forget_parameters(struct statement *statement)
{
    for (int place = 1; place <= MAX_PARAMETERS; place++) {
        if ((statement->set & ~statement->bound & UINT64_C(1) << place) != 0)
            (void)sqlite3_bind_null(statement->handle, place); /* takes no memory */
    }
    statement->set &= statement->bound;
}

static enum ct_result sqlite_step(struct ct_stmt *stmt)
{
    struct statement *statement = statement_of(stmt);
    struct ct_sqlite_db *connection = ct_sqlite_db_of(stmt->db);
    if ((statement->set & ~statement->bound) != 0)
        forget_parameters(statement);
    int code = sqlite3_step(statement->handle);
    if (statement->alters)
        connection->altered++;
    return ct_sqlite_judge(connection, code);
}

static int64_t sqlite_column_int(struct ct_stmt *stmt, int index)
{
    return sqlite3_column_int64(statement_of(stmt)->handle, index);
}

static bool sqlite_column_is_null(struct ct_stmt *stmt, int index)
{
    return sqlite3_column_type(statement_of(stmt)->handle, index) == SQLITE_NULL;
}

static enum ct_result sqlite_column_str(struct ct_stmt *stmt, int index, struct ct_arena *arena,
                                        struct ct_str *out)
{
    sqlite3_stmt *handle = statement_of(stmt)->handle;
    if (sqlite3_column_type(handle, index) == SQLITE_NULL) {
        *out = CT_STR("");
        return CT_OK;
    }
    const void *text = sqlite3_column_text(handle, index);
    if (text == NULL)
        return CT_NOMEM;
    size_t len = (size_t)sqlite3_column_bytes(handle, index);
    *out = (struct ct_str){ct_arena_copy(arena, text, len), len};
    return out->at == NULL ? CT_NOMEM : CT_OK;
}

/* ---- transactions ---- */

static enum ct_result sqlite_control(struct ct_db *db, enum ct_control which)
{
    struct ct_sqlite_db *connection = ct_sqlite_db_of(db);
    if (which == CT_BEGIN_READ)
        ct_sqlite_note_commits(connection);
    int code = sqlite3_step(connection->controls[which]);
    sqlite3_reset(connection->controls[which]);
    enum ct_result result = ct_sqlite_judge(connection, code);
    bool writes = which == CT_BEGIN_WRITE || which == CT_BEGIN_MIGRATION;
    return writes && (code & 0xff) == SQLITE_BUSY ? CT_BUSY : result;
}

static int64_t sqlite_changes(struct ct_db *db)
{
    struct ct_sqlite_db *connection = ct_sqlite_db_of(db);
    return sqlite3_total_changes64(connection->handle) + connection->altered;
}

static bool sqlite_in_transaction(struct ct_db *db)
{
    return sqlite3_get_autocommit(ct_sqlite_db_of(db)->handle) == 0;
}

const struct ct_backend ct_sqlite = {
    .scheme = "sqlite:",
    .batch_limit = 1024, /* more do not make a commit cheaper, but keep the first of them waiting */
    .given_up = CT_NOMEM,
    .open = ct_sqlite_open,
    .inspect = ct_sqlite_inspect,
    .verify = ct_sqlite_verify,
    .connect_reader = ct_sqlite_connect_reader,
    .disconnect = ct_sqlite_disconnect,
    .close = ct_sqlite_close,
    .control = sqlite_control,
    .in_transaction = sqlite_in_transaction,
    .is_current = ct_sqlite_is_current,
    .changes = sqlite_changes,
    .tidy = ct_sqlite_tidy,
    .sizes = ct_sqlite_sizes,
    .prepare = sqlite_prepare,
    .finalize = sqlite_finalize,
    .reset = sqlite_reset,
    .bind_int = sqlite_bind_int,
    .bind_str = sqlite_bind_str,
    .bind_null = sqlite_bind_null,
    .step = sqlite_step,
    .column_int = sqlite_column_int,
    .column_is_null = sqlite_column_is_null,
    .column_str = sqlite_column_str,
};
