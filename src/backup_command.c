#include <stdio.h>
#include <string.h>

#include "ops/backup.h"
#include "ops/check.h"
#include "program.h"
#include "progress.h"
#include "store/inspect.h"

#define MEGABYTE 1000000

/* The two bars of a command: each begins when it is first shown. */
struct bars {
    struct ct_progress copying;
    struct ct_progress checking;
};

static void show(struct ct_progress *progress, const char *what, const char *unit, int64_t done,
                 int64_t total)
{
    if (progress->what == NULL)
        ct_progress_begin(progress, what, unit, total);
    progress->total = total;
    ct_progress_show(progress, done, 0);
}

static void show_copying(void *ctx, int64_t done, int64_t total)
{
    struct bars *bars = ctx;
    show(&bars->copying, "copying", "MB", done / MEGABYTE, total / MEGABYTE);
}

static void show_checking(void *ctx, int64_t done, int64_t total)
{
    struct bars *bars = ctx;
    ct_progress_end(&bars->copying);
    show(&bars->checking, "checking", "looks", done, total);
}

/* Bars go before a line is written. */
static void print_finding(void *ctx, const char *line)
{
    struct bars *bars = ctx;
    ct_progress_end(&bars->copying);
    ct_progress_end(&bars->checking);
    (void)puts(line);
    (void)fflush(stdout);
}

static struct ct_backup backup_of(struct ct_program *program, const char *file, struct bars *bars)
{
    *bars = (struct bars){0};
    return (struct ct_backup){.url = program->config.database_url,
                              .file = file,
                              .copying = {show_copying, bars},
                              .checking = {print_finding, show_checking, bars}};
}

static void end_bars(struct bars *bars)
{
    ct_progress_end(&bars->copying);
    ct_progress_end(&bars->checking);
}

int ct_backup_command(struct ct_program *program, int argc, char **argv)
{
    struct bars bars;
    const char *why = NULL;
    if (argc != 1 || argv[0][0] == '\0' || argv[0][0] == '-') {
        (void)ct_program_fail("backup takes: FILE");
        return 2;
    }
    if (!ct_program_load_config(program))
        return 1;
    struct ct_backup backup = backup_of(program, argv[0], &bars);
    enum ct_result result = ct_backup_make(&backup, program->arena, &why);
    end_bars(&bars);
    if (result != CT_OK)
        return ct_program_fail(why);
    (void)printf("%s has the database as it was when this began, %lld bytes\n", argv[0],
                 (long long)backup.bytes);
    return ct_program_flushed();
}

int ct_restore_command(struct ct_program *program, int argc, char **argv)
{
    struct bars bars;
    const char *why = NULL;
    const char *file = NULL;
    bool replace = false;
    bool anyway = false;
    bool wrong = false;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--replace") == 0)
            replace = true;
        else if (strcmp(argv[i], "--anyway") == 0)
            anyway = true;
        else if (argv[i][0] == '-' || argv[i][0] == '\0' || file != NULL)
            wrong = true;
        else
            file = argv[i];
    }
    if (wrong || file == NULL) {
        (void)ct_program_fail("restore takes: [--replace] [--anyway] FILE");
        return 2;
    }
    if (!ct_program_load_config(program))
        return 1;
    struct ct_backup backup = backup_of(program, file, &bars);
    backup.replace = replace;
    backup.anyway = anyway;
    enum ct_result result = ct_backup_restore(&backup, program->arena, &why);
    end_bars(&bars);
    if (result != CT_OK)
        return ct_program_fail(why);
    (void)printf("restored %s, %lld bytes, version %lld\n", file, (long long)backup.bytes,
                 (long long)backup.version);
    if (backup.aside != NULL)
        (void)printf("the database that was there is now %s\n", backup.aside);
    return ct_program_flushed();
}

/* Open the database of the settings, or a file. */
static bool open_inspection(struct ct_program *program, const char *file,
                            struct ct_inspection **out)
{
    const char *why = NULL;
    if (file == NULL && !ct_program_load_config(program))
        return false;
    enum ct_result result =
        file == NULL ? ct_inspection_open(program->config.database_url, program->arena, out, &why)
                     : ct_inspection_open_file(file, program->arena, out, &why);
    if (result == CT_OK)
        return true;
    (void)ct_program_fail(why);
    return false;
}

int ct_check_command(struct ct_program *program, int argc, char **argv)
{
    struct bars bars = {0};
    struct ct_inspection *inspection = NULL;
    struct ct_check check;
    const char *why = NULL;
    const char *file = argc == 1 ? argv[0] : NULL;
    if (argc > 1 || (argc == 1 && (argv[0][0] == '-' || argv[0][0] == '\0'))) {
        (void)ct_program_fail("check takes: [FILE]");
        return 2;
    }
    if (!open_inspection(program, file, &inspection))
        return 1;
    const struct ct_check_watch watch = {print_finding, show_checking, &bars};
    enum ct_result result =
        ct_check_database(ct_inspection_db(inspection), &watch, program->arena, &check, &why);
    end_bars(&bars);
    if (result != CT_OK)
        (void)ct_program_fail(why == NULL
                                  ? NULL
                                  : ct_arena_printf(program->arena, "%s: %s",
                                                    file == NULL ? "the database" : file, why));
    ct_inspection_close(inspection);
    if (ct_program_flushed() != 0)
        return 1;
    return result == CT_OK && check.faults == 0 && check.breaches == 0 ? 0 : 1;
}
