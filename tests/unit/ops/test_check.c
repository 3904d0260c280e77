#include <string.h>

#include "harness.h"
#include "ops/backup.h"
#include "ops/check.h"
#include "ops/rules.h"
#include "scratch.h"
#include "store/inspect.h"

/* What a check told. */
struct told {
    int findings;
    int looks;
    char last[200];
};

static void note_finding(void *ctx, const char *line)
{
    struct told *told = ctx;
    told->findings++;
    (void)snprintf(told->last, sizeof(told->last), "%s", line);
}

static void note_progress(void *ctx, int64_t done, int64_t total)
{
    struct told *told = ctx;
    told->looks += done < total;
}

static enum ct_result execute(void *ctx, struct ct_db *db)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, ctx, &stmt);
    return result == CT_OK ? ct_run(stmt) : result;
}

/* Statements are known by the address of their text, so it is a literal. */
static enum ct_result write_sql(struct scratch *scratch, const char *sql)
{
    return ct_store_write(scratch->store, execute, (void *)(uintptr_t)sql);
}

static enum ct_result check(struct scratch *scratch, struct told *told, struct ct_check *out)
{
    const struct ct_check_watch watch = {note_finding, note_progress, told};
    struct ct_db *db;
    const char *why;
    *told = (struct told){0};
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_check_database(db, &watch, scratch->arena, out, &why);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_check(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct told told;
    struct ct_check found;

    TRY(scratch_open(&scratch));
    TRY(check(&scratch, &told, &found));
    EXPECT(told.findings == 0 && found.faults == 0 && found.breaches == 0);
    EXPECT(found.version == ct_inspect_newest());
    EXPECT(told.looks == (int)ct_rule_count + 1);

    TRY(write_sql(&scratch, "INSERT INTO virtual_phone_numbers (phone_number) VALUES ('+4930')"));
    TRY(check(&scratch, &told, &found));
    EXPECT(told.findings == 1 && found.faults == 0 && found.breaches == 1);
    EXPECT(strcmp(told.last, "broken: a number that is assigned has an owner: +4930") == 0);

    TRY(write_sql(&scratch, "INSERT INTO schema_migrations VALUES (999, 'later', 0)"));
    EXPECT_RESULT(CT_TOO_NEW, check(&scratch, &told, &found));
    TRY(write_sql(&scratch, "DROP TABLE virtual_phone_numbers"));
    EXPECT_RESULT(CT_INVALID, check(&scratch, &told, &found));
out:
    scratch_close(&scratch);
    return result;
}

static void note_bytes(void *ctx, int64_t done, int64_t total)
{
    int64_t *most = ctx;
    if (done <= total && done > *most)
        *most = done;
}

/* A backup is made, refused while its rows break a rule, and restored. */
static enum ct_result test_backup(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct told told = {0};
    int64_t copied = 0;
    const char *why;
    char url[128];
    char file[96];
    char aside[128] = "";

    TRY(scratch_open(&scratch));
    (void)snprintf(url, sizeof(url), "sqlite:///%s/db", scratch.folder);
    (void)snprintf(file, sizeof(file), "%s/backup", scratch.folder);
    struct ct_backup backup = {.url = url,
                               .file = file,
                               .copying = {note_bytes, &copied},
                               .checking = {note_finding, note_progress, &told}};
    TRY(write_sql(&scratch, "INSERT INTO virtual_phone_numbers (phone_number) VALUES ('+4930')"));
    TRY(ct_backup_make(&backup, scratch.arena, &why));
    EXPECT(copied == backup.bytes && copied > 0);
    EXPECT_RESULT(CT_CONFLICT, ct_backup_make(&backup, scratch.arena, &why));
    scratch_close_store(&scratch);

    backup.replace = true;
    EXPECT_RESULT(CT_STALE, ct_backup_restore(&backup, scratch.arena, &why));
    EXPECT(told.findings == 1 && backup.aside == NULL);
    backup.anyway = true;
    TRY(ct_backup_restore(&backup, scratch.arena, &why));
    EXPECT(backup.version == ct_inspect_newest());
    EXPECT(backup.aside != NULL);
    (void)snprintf(aside, sizeof(aside), "%s", backup.aside);
    TRY(scratch_open_store(&scratch));
out:
    (void)unlink(aside);
    (void)unlink(file);
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_check), CT_UNIT(test_backup)};
    return ct_unit_main("ops check", units, sizeof(units) / sizeof(units[0]));
}
