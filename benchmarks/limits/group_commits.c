/*
 * What SQLite itself can do: the rows that POST /phone_numbers writes, BATCH to a transaction, every
 * commit on disk (WAL, synchronous=FULL), on one thread, with no server around it.
 *
 *   group_commits DATABASE USER_ID BATCH SECONDS FIRST
 *
 * DATABASE was made by the server, so its tables and indexes are the real ones; user USER_ID exists.
 * The numbers are +FIRST and up. Prints {"rows": …, "commits": …, "microseconds": …}.
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t unix_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int fail(sqlite3 *db, const char *what)
{
    fprintf(stderr, "group_commits: %s: %s\n", what, sqlite3_errmsg(db));
    return 1;
}

static int insert(sqlite3_stmt *stmt, int64_t number, int64_t user_id)
{
    char text[24];
    int length = snprintf(text, sizeof text, "+%" PRId64, number);

    sqlite3_bind_text(stmt, 1, text, length, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, user_id);
    sqlite3_bind_int64(stmt, 3, unix_ms());
    int result = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return result;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: group_commits DATABASE USER_ID BATCH SECONDS FIRST\n");
        return 2;
    }
    int64_t user_id = atoll(argv[2]);
    int64_t batch = atoll(argv[3]);
    int64_t duration_us = (int64_t)(atof(argv[4]) * 1e6);
    int64_t number = atoll(argv[5]);
    int64_t rows = 0;
    int64_t commits = 0;

    sqlite3 *db = NULL;
    if (sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        return fail(db, "open");
    if (sqlite3_exec(db,
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                     "PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-8192",
                     NULL, NULL, NULL) != SQLITE_OK)
        return fail(db, "pragmas");

    sqlite3_stmt *begin = NULL;
    sqlite3_stmt *commit = NULL;
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(db, "BEGIN IMMEDIATE", -1, &begin, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "COMMIT", -1, &commit, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db,
                           "INSERT INTO virtual_phone_numbers (phone_number, user_id, created_at)"
                           " VALUES (?1, ?2, ?3)",
                           -1, &stmt, NULL) != SQLITE_OK)
        return fail(db, "prepare");

    int64_t start = now_us();
    int64_t end = start;
    while (end - start < duration_us) {
        if (sqlite3_step(begin) != SQLITE_DONE)
            return fail(db, "begin");
        sqlite3_reset(begin);
        for (int64_t i = 0; i < batch; i++) {
            if (insert(stmt, number++, user_id) != SQLITE_DONE)
                return fail(db, "insert");
        }
        if (sqlite3_step(commit) != SQLITE_DONE)
            return fail(db, "commit");
        sqlite3_reset(commit);
        rows += batch;
        commits++;
        end = now_us();
    }
    printf("{\"rows\": %" PRId64 ", \"commits\": %" PRId64 ", \"microseconds\": %" PRId64 "}\n",
           rows, commits, end - start);

    sqlite3_finalize(begin);
    sqlite3_finalize(commit);
    sqlite3_finalize(stmt);
    return sqlite3_close(db) == SQLITE_OK ? 0 : 1;
}
