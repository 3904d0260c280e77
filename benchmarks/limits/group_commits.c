/*
 * What SQLite itself can do: the rows that POST /phone_numbers writes, BATCH to a transaction, every
 * commit on disk (WAL, synchronous=FULL), on one thread, with no server around it.
 *
 *   group_commits DATABASE USER_ID BATCH SECONDS FIRST same|bare
 *
 * DATABASE was made by the server, so its tables and indexes are the real ones; user USER_ID exists.
 * The numbers are +FIRST and up. `same` writes all that a create must: the number with its indexes and the
 * row of the audit record with its index; `bare` leaves the audit record out.
 * Prints {"rows": …, "commits": …, "microseconds": …, "commit_p50_us": …}.
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* So many commits are told apart; of further ones the time is not kept. */
#define KEPT 1000000

struct rows {
    sqlite3 *db;
    sqlite3_stmt *begin;
    sqlite3_stmt *commit;
    sqlite3_stmt *number;
    sqlite3_stmt *audit; /* NULL: none are written */
};

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

static bool prepare(struct rows *rows, bool audit)
{
    return sqlite3_prepare_v2(rows->db, "BEGIN IMMEDIATE", -1, &rows->begin, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(rows->db, "COMMIT", -1, &rows->commit, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(
               rows->db,
               "INSERT INTO virtual_phone_numbers (phone_number, user_id, created_at)"
               " VALUES (?1, ?2, ?3)",
               -1, &rows->number, NULL) == SQLITE_OK &&
           (!audit || sqlite3_prepare_v2(
                          rows->db,
                          "INSERT INTO audit (at, user_id, actor_id, action, target_id, detail,"
                          " address) VALUES (?1, ?2, ?2, 'number.created', ?3, ?4, '127.0.0.1')",
                          -1, &rows->audit, NULL) == SQLITE_OK);
}

static bool insert(struct rows *rows, int64_t number, int64_t user_id)
{
    char text[24];
    int length = snprintf(text, sizeof text, "+%" PRId64, number);
    int64_t now = unix_ms();

    sqlite3_bind_text(rows->number, 1, text, length, SQLITE_STATIC);
    sqlite3_bind_int64(rows->number, 2, user_id);
    sqlite3_bind_int64(rows->number, 3, now);
    int result = sqlite3_step(rows->number);
    sqlite3_reset(rows->number);
    if (result != SQLITE_DONE || rows->audit == NULL)
        return result == SQLITE_DONE;
    sqlite3_bind_int64(rows->audit, 1, now);
    sqlite3_bind_int64(rows->audit, 2, user_id);
    sqlite3_bind_int64(rows->audit, 3, sqlite3_last_insert_rowid(rows->db));
    sqlite3_bind_text(rows->audit, 4, text, length, SQLITE_STATIC);
    result = sqlite3_step(rows->audit);
    sqlite3_reset(rows->audit);
    return result == SQLITE_DONE;
}

static int by_size(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc != 7 || (strcmp(argv[6], "same") != 0 && strcmp(argv[6], "bare") != 0)) {
        fprintf(stderr, "usage: group_commits DATABASE USER_ID BATCH SECONDS FIRST same|bare\n");
        return 2;
    }
    int64_t user_id = atoll(argv[2]);
    int64_t batch = atoll(argv[3]);
    int64_t duration_us = (int64_t)(atof(argv[4]) * 1e6);
    int64_t number = atoll(argv[5]);
    int64_t made = 0;
    int64_t commits = 0;
    size_t kept = 0;
    struct rows rows = {0};
    int32_t *took = malloc(KEPT * sizeof(*took));

    if (took == NULL ||
        sqlite3_open_v2(argv[1], &rows.db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        return fail(rows.db, "open");
    if (sqlite3_exec(rows.db,
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                     "PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-8192",
                     NULL, NULL, NULL) != SQLITE_OK)
        return fail(rows.db, "pragmas");
    if (!prepare(&rows, strcmp(argv[6], "same") == 0))
        return fail(rows.db, "prepare");

    int64_t start = now_us();
    int64_t end = start;
    while (end - start < duration_us) {
        int64_t began = end;
        if (sqlite3_step(rows.begin) != SQLITE_DONE)
            return fail(rows.db, "begin");
        sqlite3_reset(rows.begin);
        for (int64_t i = 0; i < batch; i++) {
            if (!insert(&rows, number++, user_id))
                return fail(rows.db, "insert");
        }
        if (sqlite3_step(rows.commit) != SQLITE_DONE)
            return fail(rows.db, "commit");
        sqlite3_reset(rows.commit);
        made += batch;
        commits++;
        end = now_us();
        if (kept < KEPT)
            took[kept++] = (int32_t)(end - began);
    }
    qsort(took, kept, sizeof(*took), by_size);
    printf("{\"rows\": %" PRId64 ", \"commits\": %" PRId64 ", \"microseconds\": %" PRId64
           ", \"commit_p50_us\": %" PRId32 "}\n",
           made, commits, end - start, took[kept / 2]);

    free(took);
    sqlite3_finalize(rows.begin);
    sqlite3_finalize(rows.commit);
    sqlite3_finalize(rows.number);
    sqlite3_finalize(rows.audit);
    return sqlite3_close(rows.db) == SQLITE_OK ? 0 : 1;
}
