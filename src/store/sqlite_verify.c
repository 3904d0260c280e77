#include <sqlite3.h>

#include <stdio.h>
#include <string.h>

#include "store/sqlite.h"

struct teller {
    void (*tell)(void *ctx, const char *fault);
    void *ctx;
    bool no_memory;
};

static const char *text_of(char *value)
{
    return value == NULL ? "?" : value;
}

/* SQLite tells of a page that there was no memory for as if the page were at fault. */
static bool is_no_memory(const char *line)
{
    static const char *const ends[] = {"error code=7", "error code 7"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        const char *found = strstr(line, ends[i]);
        if (found != NULL && found[strlen(ends[i])] == '\0')
            return true;
    }
    return false;
}

/* A row may tell of several faults, a line each, below a line that names the database. */
static int tell_structure(void *ctx, int columns, char **values, char **names)
{
    struct teller *teller = ctx;
    char *rest = values[0];
    (void)columns;
    (void)names;
    if (rest == NULL || strcmp(rest, "ok") == 0)
        return 0;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        if (is_no_memory(line))
            teller->no_memory = true;
        else if (line[0] != '\0' && strncmp(line, "***", 3) != 0)
            teller->tell(teller->ctx, line);
    }
    return 0;
}

static int tell_foreign_key(void *ctx, int columns, char **values, char **names)
{
    const struct teller *teller = ctx;
    char fault[160];
    (void)columns;
    (void)names;
    (void)snprintf(fault, sizeof(fault), "row %s of %s refers to a row of %s that there is not",
                   text_of(values[1]), text_of(values[0]), text_of(values[2]));
    teller->tell(teller->ctx, fault);
    return 0;
}

enum ct_result ct_sqlite_verify(struct ct_db *db, enum ct_look look,
                                void (*tell)(void *ctx, const char *fault), void *ctx)
{
    static const struct {
        const char *sql;
        int (*row)(void *, int, char **, char **);
    } looks[] = {
        [CT_LOOK_QUICK] = {"PRAGMA quick_check", tell_structure},
        [CT_LOOK_STRUCTURES] = {"PRAGMA integrity_check", tell_structure},
        [CT_LOOK_REFERENCES] = {"PRAGMA foreign_key_check", tell_foreign_key},
    };
    struct ct_sqlite_db *connection = ct_sqlite_db_of(db);
    struct teller teller = {.tell = tell, .ctx = ctx};
    int code = sqlite3_exec(connection->handle, looks[look].sql, looks[look].row, &teller, NULL);
    if (teller.no_memory)
        return CT_NOMEM;
    if ((code & 0xff) != SQLITE_CORRUPT && (code & 0xff) != SQLITE_NOTADB)
        return ct_sqlite_judge(connection, code);
    /* SQLite ends a look early at a fault that it cannot look behind. */
    tell(ctx, sqlite3_errmsg(connection->handle));
    return CT_OK;
}
