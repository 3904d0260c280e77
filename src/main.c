#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "numbers/number_export.h"
#include "numbers/plan.h"
#include "program.h"

static int settings(struct ct_program *program, int argc, char **argv)
{
    if (argc == 1 && strcmp(argv[0], "--env") == 0) {
        ct_config_print(stdout, CT_CONFIG_DOTENV, NULL);
    } else if (argc == 1 && strcmp(argv[0], "--markdown") == 0) {
        ct_config_print(stdout, CT_CONFIG_MARKDOWN, NULL);
    } else if (argc > 0) {
        return ct_program_fail("settings takes --env, --markdown or nothing");
    } else {
        if (!ct_program_load_config(program))
            return 1;
        ct_config_print(stdout, CT_CONFIG_TABLE, &program->config);
    }
    return ct_program_flushed();
}

static int openapi(struct ct_program *program, int argc, char **argv)
{
    (void)argv;
    if (argc > 0)
        return ct_program_fail("openapi takes no arguments");
    if (!ct_program_load_config(program))
        return 1;
    const struct ct_mounts mounts = ct_program_all_mounts(program, NULL);
    struct ct_str document;
    enum ct_result result = ct_program_make_document(program, program->arena, &mounts, &document);
    if (result != CT_OK)
        return ct_program_fail_result("openapi", result);
    (void)fwrite(document.at, 1, document.len, stdout);
    (void)fputc('\n', stdout);
    return ct_program_flushed();
}

static int version(struct ct_program *program, int argc, char **argv)
{
    (void)program;
    (void)argv;
    if (argc > 0)
        return ct_program_fail("version takes no arguments");
    (void)puts("cloud-telephony " CT_VERSION);
    return ct_program_flushed();
}

static int token(struct ct_program *program, int argc, char **argv)
{
    if (argc != 2 || strcmp(argv[0], "issue") != 0) {
        (void)ct_program_fail("token takes: issue NAME");
        return 2;
    }
    if (!ct_program_load_config(program) || !ct_program_require_secret(program) ||
        !ct_program_open_log(program) || !ct_program_open_store(program))
        return 1;
    struct ct_user found;
    struct ct_str text;
    enum ct_result result = ct_program_find_user(program, ct_str_of(argv[1]), &found);
    if (result == CT_NOT_FOUND)
        return ct_program_fail(ct_arena_printf(program->arena, "there is no user %s", argv[1]));
    if (result == CT_OK && !ct_program_open_accounts(program))
        return 1;
    if (result == CT_OK)
        result = ct_accounts_issue(&program->accounts, program->arena, found.id, found.token_epoch,
                                   ct_clock_unix_ms() / 1000, &text);
    if (result != CT_OK)
        return ct_program_fail_result("token issue", result);
    (void)puts(text.at);
    return ct_program_flushed();
}

static const struct {
    const char *name;
    ct_command *run;
    const char *usage;
    const char *what;
    const char *more;
} COMMANDS[] = {
    {"serve", ct_serve_command, "serve", "Answer requests until SIGTERM or SIGINT.",
     "Settings come from .env in the working directory, overridden by the environment.\n"
     "SIGHUP opens LOG_FILE again. Running requests get 30 seconds to finish at a stop.\n"},
    {"settings", settings, "settings [--env | --markdown]",
     "Print every setting, its value, its default and what it does.",
     "--env       as a commented .env file\n--markdown  as a page of documentation\n"
     "Secrets are never printed.\n"},
    {"openapi", openapi, "openapi", "Print the OpenAPI 3.1 document.",
     "The same document as GET /openapi.json.\n"},
    {"user", ct_user_command,
     "user add NAME | list | set-password NAME | grant-admin NAME | revoke-admin NAME | log-out "
     "NAME",
     "Manage the users of the database.",
     "The password is asked for on a terminal, and otherwise read as one line from standard "
     "input.\n"
     "A new password ends all sessions of the user. The role of an administrator counts from the "
     "next\nrequest on; there is no other way to it.\n"
     "The server may run at the same time.\n"},
    {"pool", ct_pool_command, "pool import FILE.csv | list", "Manage the pools of numbers.",
     "The file is CSV with a line of names in front: pool, and number or first,last. Every line "
     "is\n"
     "checked first; when one is bad, nothing is imported. An import that was interrupted goes on\n"
     "when the same file is imported again; until it is complete nobody sees its pools.\n"
     "The server may run at the same time.\n"},
    {"number", ct_number_command, "number export", "Print all numbers as CSV.",
     CT_NUMBER_EXPORT_HEADER
     "\n"
     "Texts that accounts chose get an apostrophe in front where a spreadsheet would take them for "
     "a\nformula: those that begin with = + - or @. The server may run at the same time.\n"},
    {"migrate-database", ct_migrate_command, "migrate-database --from URL --to URL",
     "Copy everything into another database, SQLite or PostgreSQL.",
     "No server may use either of them meanwhile. A copy that was interrupted goes on when the "
     "same "
     "command\nis run again. At the end both are compared, by count and by checksum.\n"},
    {"metrics", ct_metrics_command, "metrics [--markdown]",
     "Print what GET /metrics tells of a server.", "--markdown  as a page of documentation\n"},
    {"events", ct_events_command, "events [--markdown]",
     "Print what GET /events and webhooks tell.", "--markdown  as a page of documentation\n"},
    {"backup", ct_backup_command, "backup FILE", "Copy the database into a new file.",
     "The file has the database as it is when the command begins; the server may run and write\n"
     "meanwhile. It appears complete or not at all, and no file is overwritten.\n"},
    {"restore", ct_restore_command, "restore [--replace] [--anyway] FILE",
     "Make a backup the database.",
     "It is checked first. The server must not run.\n"
     "--replace  sets a database that is there aside, under another name\n"
     "--anyway   restores it also when it breaks rules of this program (see check)\n"
     "When this is interrupted, everything is as before; run it again.\n"},
    {"check", ct_check_command, "check [FILE]", "Look for faults in the database, or in a backup.",
     "Prints one line for each and exits with 1 when there is any. The server may run at the same\n"
     "time. Nothing is changed.\n"},
    {"doctor", ct_doctor_command, "doctor [--markdown]",
     "Say what would keep a phone from reaching this machine.",
     "Run it where the server runs, while it runs, with its settings. Each finding comes with what "
     "to\n"
     "do; when something is wrong, the exit status is 1. Nothing is changed.\n"
     "--markdown  print the table of checks as a page of documentation\n"},
    {"token", token, "token issue NAME", "Print a fresh access token of a user.",
     "It is valid for ACCESS_TOKEN_EXPIRE_MINUTES.\n"},
    {"version", version, "version", "Print the version.", ""},
};
#define COMMAND_COUNT (sizeof(COMMANDS) / sizeof(COMMANDS[0]))
#define USAGE_WIDTH 42

static void print_usage(FILE *out)
{
    (void)fputs("Usage: cloud-telephony COMMAND\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        /* What is too long for its column stands on a line of its own. */
        const char *usage = COMMANDS[i].usage;
        if (strlen(usage) > USAGE_WIDTH) {
            (void)fprintf(out, "  %s\n", usage);
            usage = "";
        }
        (void)fprintf(out, "  %-*s %s\n", USAGE_WIDTH, usage, COMMANDS[i].what);
    }
    (void)fputs("\ncloud-telephony COMMAND --help tells more.\n", out);
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && wants_help(1, argv + 1)) {
        print_usage(stdout);
        return ct_program_flushed();
    }
    size_t i = 0;
    while (argc >= 2 && i < COMMAND_COUNT && strcmp(argv[1], COMMANDS[i].name) != 0)
        i++;
    if (argc < 2 || i == COMMAND_COUNT) {
        if (argc >= 2)
            (void)fprintf(stderr, "cloud-telephony: there is no command %s\n", argv[1]);
        print_usage(stderr);
        return 2;
    }
    if (wants_help(argc - 2, argv + 2)) {
        (void)printf("Usage: cloud-telephony %s\n\n%s\n%s", COMMANDS[i].usage, COMMANDS[i].what,
                     COMMANDS[i].more);
        return ct_program_flushed();
    }
    struct ct_program program = {.arena = ct_arena_new()};
    if (program.arena == NULL)
        return ct_program_fail(NULL);
    int status = COMMANDS[i].run(&program, argc - 2, argv + 2);
    ct_accounts_end(&program.accounts);
    ct_store_close(program.store);
    ct_plan_end(program.numbers.plan);
    ct_log_close(program.log);
    ct_metrics_free(program.metrics);
    ct_arena_free(program.arena);
    return status;
}
