#ifndef CT_TESTS_UNIT_STORE_ROWS_H
#define CT_TESTS_UNIT_STORE_ROWS_H

#include "base/text.h"
#include "store/store.h"

/* Small jobs on the table of numbers. */

#define INSERT_NUMBER "INSERT INTO virtual_phone_numbers (phone_number) VALUES ($1) RETURNING id"

static inline enum ct_result insert_number(struct ct_db *db, const char *number, int64_t *id)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, INSERT_NUMBER, &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, ct_str_of(number));
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *id = ct_column_int(stmt, 0);
    return CT_OK;
}

static inline enum ct_result insert_once(void *ctx, struct ct_db *db)
{
    const char *const *number = ctx;
    int64_t id;
    return insert_number(db, *number, &id);
}

static inline enum ct_result write_number(struct ct_store *store, const char *number)
{
    return ct_store_write(store, insert_once, &number);
}

static inline enum ct_result count_rows(struct ct_db *db, int64_t *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "SELECT COUNT(*) FROM virtual_phone_numbers", &stmt);
    if (result != CT_OK)
        return result;
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *out = ct_column_int(stmt, 0);
    return CT_OK;
}

static inline enum ct_result read_count(struct ct_store *store, int64_t *out)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(store, &db);
    if (result != CT_OK)
        return result;
    result = count_rows(db, out);
    ct_store_read_end(db);
    return result;
}

#endif
