#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "program.h"
#include "progress.h"
#include "store/tables.h"

/* A copy from one database into another. */
struct migration {
    struct ct_program *program;
    struct ct_store *from;
    struct ct_store *to;
    const struct ct_table *tables;
    size_t table_count;
    int64_t total; /* rows of all tables */
    int64_t done;
    struct ct_progress progress;
};

static void show(void *ctx, int64_t rows)
{
    struct migration *migration = ctx;
    migration->done += rows;
    ct_progress_show(&migration->progress, migration->done, 0);
}

static void begin(struct migration *migration, const char *what)
{
    migration->done = 0;
    ct_progress_begin(&migration->progress, what, "rows", migration->total);
}

static int fail_table(struct migration *migration, const struct ct_table *table, const char *why)
{
    ct_progress_end(&migration->progress);
    return ct_program_fail(ct_arena_printf(migration->program->arena, "migrate-database: %s: %s",
                                           ct_table_name(table), why));
}

static const char *reason(enum ct_result result)
{
    return result == CT_CONFLICT ? "somebody else writes into the database of --to"
           : result == CT_NOT_FOUND
               ? "a row refers to one that is not there: the database of --from is damaged, or "
                 "somebody else writes into it"
               : ct_result_text(result);
}

static bool open_store(struct ct_program *program, const char *option, const char *url,
                       struct ct_store **out)
{
    const char *why = NULL;
    const struct ct_store_options options = {.url = url, .log = program->log};
    if (ct_store_open(&options, program->arena, out, &why) == CT_OK)
        return true;
    (void)ct_program_fail(why == NULL ? NULL
                                      : ct_arena_printf(program->arena, "%s: %s", option, why));
    return false;
}

static int count_rows(struct migration *migration)
{
    for (size_t i = 0; i < migration->table_count; i++) {
        const struct ct_table *table = ct_table_at(migration->tables, i);
        int64_t rows = 0;
        enum ct_result result = ct_table_count(migration->from, table, &rows);
        if (result != CT_OK)
            return fail_table(migration, table, ct_result_text(result));
        if (!ct_table_is_counters(table))
            migration->total += rows;
    }
    return migration->total > 0
               ? 0
               : ct_program_fail("migrate-database: the database of --from is empty");
}

/* Compares a table, or its first part: as many rows as are there already. */
static int compare(struct migration *migration, const struct ct_table *table, bool first_part,
                   const char *why, struct ct_table_sum *from)
{
    struct ct_table_sum to;
    enum ct_result result = ct_table_sum(migration->to, table, INT64_MAX, show, migration, &to);
    if (result == CT_OK)
        result = ct_table_sum(migration->from, table, first_part ? to.rows : INT64_MAX, show,
                              migration, from);
    if (result != CT_OK)
        return fail_table(migration, table, ct_result_text(result));
    if (to.rows == from->rows && memcmp(to.sha256, from->sha256, sizeof(to.sha256)) == 0)
        return 0;
    return fail_table(migration, table, why);
}

/* What is in the database of --to must be the first part of what is to come there. */
static int look_at_target(struct migration *migration)
{
    begin(migration, "comparing");
    for (size_t i = 0; i < migration->table_count; i++) {
        const struct ct_table *table = ct_table_at(migration->tables, i);
        int64_t rows = 0;
        if (ct_table_is_counters(table))
            continue;
        enum ct_result result = ct_table_count(migration->to, table, &rows);
        if (result != CT_OK)
            return fail_table(migration, table, ct_result_text(result));
        struct ct_table_sum ignored;
        if (rows > 0 && compare(migration, table, true,
                                "the database of --to has rows that are not of an interrupted "
                                "migration of this one: give it an empty one",
                                &ignored) != 0)
            return 1;
        ct_progress_end(&migration->progress);
        if (rows > 0)
            (void)fprintf(stderr, "%s: going on behind the first %" PRId64 " rows\n",
                          ct_table_name(table), rows);
    }
    return 0;
}

static int copy(struct migration *migration)
{
    begin(migration, "copying");
    for (size_t i = 0; i < migration->table_count; i++) {
        const struct ct_table *table = ct_table_at(migration->tables, i);
        enum ct_result result =
            ct_table_copy(migration->from, migration->to, table, show, migration);
        if (result != CT_OK)
            return fail_table(migration, table, reason(result));
    }
    ct_progress_end(&migration->progress);
    return 0;
}

static int verify(struct migration *migration)
{
    migration->total *= 2;
    begin(migration, "comparing");
    for (size_t i = 0; i < migration->table_count; i++) {
        const struct ct_table *table = ct_table_at(migration->tables, i);
        struct ct_table_sum sum;
        if (compare(migration, table, false,
                    "the two databases differ: somebody has written meanwhile. Stop every server, "
                    "and begin again with an empty database",
                    &sum) != 0)
            return 1;
        ct_progress_end(&migration->progress);
        (void)printf("%-22s %12" PRId64 " rows  sha256 ", ct_table_name(table), sum.rows);
        for (size_t byte = 0; byte < sizeof(sum.sha256); byte++)
            (void)printf("%02x", sum.sha256[byte]);
        (void)putchar('\n');
    }
    return ct_program_flushed();
}

static int migrate(struct migration *migration, const char *from, const char *to)
{
    struct ct_program *program = migration->program;
    if (!ct_program_load_config(program) || !ct_program_open_log(program) ||
        !open_store(program, "--from", from, &migration->from))
        return 1;
    if (ct_tables_make(program->arena, &migration->tables, &migration->table_count) != CT_OK)
        return ct_program_fail(NULL);
    if (count_rows(migration) != 0 || !open_store(program, "--to", to, &migration->to) ||
        look_at_target(migration) != 0 || copy(migration) != 0)
        return 1;
    return verify(migration);
}

int ct_migrate_command(struct ct_program *program, int argc, char **argv)
{
    const char *from = NULL;
    const char *to = NULL;
    for (int i = 0; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--from") == 0)
            from = argv[i + 1];
        else if (strcmp(argv[i], "--to") == 0)
            to = argv[i + 1];
    }
    if (argc != 4 || from == NULL || to == NULL) {
        (void)ct_program_fail("migrate-database takes: --from URL --to URL");
        return 2;
    }
    if (strcmp(from, to) == 0)
        return ct_program_fail("migrate-database: --from and --to are one database");
    struct migration migration = {.program = program};
    int status = migrate(&migration, from, to);
    ct_store_close(migration.from);
    ct_store_close(migration.to);
    return status;
}
