#ifndef CT_TESTS_UNIT_STORE_DATABASES_H
#define CT_TESTS_UNIT_STORE_DATABASES_H

#include <string.h>

#include "scratch.h"
#include "store/backend.h"

/** Databases that another program, or an older version of this one, has made. */

/* Runs statements without this program's migrations, as another program would. */
static inline enum ct_result as_another_program(const struct scratch *scratch,
                                                const char *const *sql)
{
    char url[128];
    const char *why;
    struct ct_database *database = NULL;
    struct ct_db *db = NULL;

    (void)snprintf(url, sizeof(url), "sqlite:///%s/db", scratch->folder);
    enum ct_result result = ct_sqlite.open(url, NULL, scratch->arena, &database, &db, &why);
    if (result != CT_OK)
        return result;
    for (; *sql != NULL && result == CT_OK; sql++)
        result = ct_db_execute(db, *sql);
    ct_sqlite.disconnect(db);
    ct_sqlite.close(database);
    return result;
}

/* The first column of the first row, "-" for NULL. */
static inline enum ct_result one_value(struct scratch *scratch, const char *sql, const char **out)
{
    struct ct_db *db;
    struct ct_stmt *stmt;
    struct ct_str text;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_db_query(db, sql, &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result == CT_ROW) {
        bool null = ct_column_is_null(stmt, 0);
        result = ct_column_str(stmt, 0, scratch->arena, &text);
        *out = null ? "-" : text.at;
    } else if (result == CT_OK) {
        result = CT_NOT_FOUND;
    }
    ct_store_read_end(db);
    return result;
}

#define EXPECT_VALUE(expected, sql)            \
    do {                                       \
        const char *value;                     \
        TRY(one_value(&scratch, sql, &value)); \
        EXPECT(strcmp(value, expected) == 0);  \
    } while (0)

#endif
