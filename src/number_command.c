#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "numbers/number_export.h"
#include "program.h"

/* So many rows are read in one transaction: a reader that stays keeps the store from tidying its log. */
#define PAGE_ROWS 1000

static int number_export(struct ct_program *program)
{
    int64_t after = 0;
    int64_t last = 0;
    if (!ct_program_open_database(program))
        return 1;
    (void)fputs(CT_NUMBER_EXPORT_HEADER "\r\n", stdout);
    do {
        struct ct_arena *arena = ct_arena_new();
        struct ct_db *db;
        if (arena == NULL)
            return ct_program_fail(NULL);
        struct ct_buf page = ct_buf_in(arena);
        after = last;
        enum ct_result result = ct_store_read_begin(program->store, &db);
        if (result == CT_OK) {
            result =
                ct_number_export(arena, db, after, PAGE_ROWS, ct_clock_unix_ms(), &page, &last);
            ct_store_read_end(db);
        }
        if (result == CT_OK && page.len > 0)
            (void)fwrite(page.at, 1, page.len, stdout);
        ct_arena_free(arena);
        if (result != CT_OK)
            return ct_program_fail_result("number export", result);
    } while (last != after && ferror(stdout) == 0);
    return ct_program_flushed();
}

int ct_number_command(struct ct_program *program, int argc, char **argv)
{
    if (argc == 1 && strcmp(argv[0], "export") == 0)
        return number_export(program);
    (void)ct_program_fail("number takes: export");
    return 2;
}
