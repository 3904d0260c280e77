#include "store/migrate.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "store/backend.h"
#include "store/migrations.h"

/* Each attempt waits as long as the engine waits for a lock, which is some seconds: together enough
 * for another process to migrate a large database. */
#define LOCK_ATTEMPTS 60

/* The number of the last step that the database has seen; 0 for none. */
static enum ct_result version_of(struct ct_db *db, int64_t *out)
{
    enum ct_result result = ct_db_execute(
        db, "CREATE TABLE IF NOT EXISTS schema_migrations ("
            "number INTEGER PRIMARY KEY, what TEXT NOT NULL, applied_at BIGINT NOT NULL)");
    if (result != CT_OK)
        return result;
    struct ct_stmt *stmt;
    result = ct_db_query(db, "SELECT COALESCE(MAX(number), 0) FROM schema_migrations", &stmt);
    if (result != CT_OK)
        return result;
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *out = ct_column_int(stmt, 0);
    return CT_OK;
}

/* What an engine calls a word of the schema. */
static struct ct_str translate(const struct ct_word *words, struct ct_str word)
{
    for (; words->from != NULL; words++) {
        if (ct_str_equal(word, ct_str_of(words->from)))
            return ct_str_of(words->to);
    }
    return word;
}

/* The statement in the words of the engine, in the arena; NULL without memory. */
static const char *in_words_of(const struct ct_backend *backend, struct ct_arena *arena,
                               const char *sql)
{
    static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (backend->words == NULL)
        return sql;
    struct ct_buf buf = ct_buf_in(arena);
    while (*sql != '\0') {
        size_t word = strspn(sql, capitals);
        size_t other = strcspn(sql + word, capitals);
        ct_buf_str(&buf, translate(backend->words, (struct ct_str){sql, word}));
        ct_buf_add(&buf, sql + word, other);
        sql += word + other;
    }
    struct ct_str text = ct_buf_done(&buf);
    return buf.failed ? NULL : text.at;
}

/* A statement of a step, unless it is for another engine. */
static enum ct_result run_statement(struct ct_db *db, const char *sql)
{
    const char *scheme = db->backend->scheme;
    if (strncmp(sql, scheme, strlen(scheme)) == 0)
        return ct_db_execute(db, sql + strlen(scheme));
    if (islower((unsigned char)sql[0]))
        return CT_OK; /* SQL begins with a capital */
    struct ct_arena *arena = ct_arena_new();
    const char *text = arena == NULL ? NULL : in_words_of(db->backend, arena, sql);
    enum ct_result result = text == NULL ? CT_NOMEM : ct_db_execute(db, text);
    ct_arena_free(arena);
    return result;
}

static enum ct_result apply(struct ct_db *db, const struct ct_migration *migration)
{
    enum ct_result result = CT_OK;
    for (const char *const *sql = migration->statements; sql != NULL && *sql != NULL; sql++) {
        result = run_statement(db, *sql);
        if (result != CT_OK)
            return result;
    }
    if (migration->fill != NULL) {
        result = migration->fill(db);
        if (result != CT_OK)
            return result;
    }
    struct ct_stmt *stmt;
    result = ct_db_query(
        db, "INSERT INTO schema_migrations (number, what, applied_at) VALUES ($1, $2, $3)", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, migration->number);
    ct_bind_str(stmt, 2, ct_str_of(migration->what));
    ct_bind_int(stmt, 3, ct_clock_unix_ms());
    return ct_run(stmt);
}

/* What an older program has written since the last start is brought up to date. */
static enum ct_result fill_again(struct ct_db *db)
{
    for (size_t i = 0; i < ct_migration_count; i++) {
        if (ct_migrations[i].fill == NULL)
            continue;
        enum ct_result result = ct_migrations[i].fill(db);
        if (result != CT_OK)
            return result;
    }
    return CT_OK;
}

static enum ct_result lock(struct ct_db *db, struct ct_log *log)
{
    enum ct_result result = CT_BUSY;
    for (int attempt = 0; attempt < LOCK_ATTEMPTS && result == CT_BUSY; attempt++) {
        if (attempt == 1)
            ct_log_write(log, CT_LOG_WARNING, "waiting_for_database_lock", NULL);
        result = db->backend->control(db, CT_BEGIN_MIGRATION);
    }
    return result;
}

/* The steps behind the version, all of a database that has seen none and one of another: what a large
 * database has taken stays when a later step fails. Writes how long each took. */
static enum ct_result apply_next(struct ct_db *db, int64_t version, int64_t newest,
                                 int64_t *took_us, int64_t *reached)
{
    int64_t at = version;
    enum ct_result result = CT_OK;
    do {
        int64_t start = ct_clock_monotonic_us();
        result = apply(db, &ct_migrations[at]);
        took_us[at++] = ct_clock_monotonic_us() - start;
    } while (result == CT_OK && version == 0 && at < newest);
    *reached = at;
    return result;
}

/* One transaction: the next steps or, when there is none, the fills. Reading the version inside the
 * lock is what keeps two processes from taking the same step. */
static enum ct_result take_steps(struct ct_db *db, int64_t newest, struct ct_log *log,
                                 int64_t *took_us, int64_t *version, bool *finished)
{
    enum ct_result result = lock(db, log);
    if (result != CT_OK)
        return result;
    int64_t reached = 0;
    result = version_of(db, version);
    if (result == CT_OK && *version > newest)
        result = CT_TOO_NEW;
    if (result == CT_OK)
        result = *version < newest ? apply_next(db, *version, newest, took_us, &reached)
                                   : fill_again(db);
    if (result == CT_OK)
        result = ct_db_commit(db);
    if (result != CT_OK) {
        ct_db_rollback(db);
        return result;
    }
    for (int64_t at = *version; at < reached; at++)
        CT_LOG(log, CT_LOG_INFO, "database_migrated", CT_F_INT("number", ct_migrations[at].number),
               CT_F_TEXT("what", ct_migrations[at].what), CT_F_US("ms", took_us[at]));
    db->backend->tidy(db);
    *finished = *version == newest;
    return CT_OK;
}

enum ct_result ct_migrate(struct ct_db *db, struct ct_log *log, struct ct_arena *arena,
                          const char **why)
{
    for (size_t i = 0; i < ct_migration_count; i++)
        assert(ct_migrations[i].number == (int)i + 1);
    int64_t newest = (int64_t)ct_migration_count;
    int64_t version = 0;
    bool finished = false;
    int64_t *took_us = ct_arena_alloc(arena, ct_migration_count * sizeof(*took_us));
    enum ct_result result = took_us == NULL ? CT_NOMEM : CT_OK;
    while (result == CT_OK && !finished)
        result = take_steps(db, newest, log, took_us, &version, &finished);
    switch (result) {
    case CT_OK:
    case CT_NOMEM:
        return result;
    case CT_TOO_NEW:
        return ct_store_explain(arena, why, CT_TOO_NEW,
                                "the database has version %lld and this program knows up to "
                                "version %lld: run a newer version of the program",
                                (long long)version, (long long)newest);
    case CT_BUSY:
        return ct_store_explain(
            arena, why, CT_UNAVAILABLE,
            "another program keeps the database locked: stop it, then try again");
    default:
        return ct_store_explain(
            arena, why, result,
            "the database cannot be brought from version %lld to version %lld: %s",
            (long long)version, (long long)newest, db->trouble);
    }
}
