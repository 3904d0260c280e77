#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/csv.h"
#include "base/digest.h"
#include "numbers/pool_file.h"
#include "numbers/pool_import.h"
#include "numbers/pools.h"
#include "program.h"
#include "progress.h"

/* ---- pool import ---- */

/* The file, as it is read. */
struct source {
    FILE *file;
    struct ct_sha256 hash;
    int64_t bytes;
    struct ct_progress progress;
};

static ssize_t read_source(void *ctx, void *out, size_t size)
{
    struct source *source = ctx;
    size_t count = fread(out, 1, size, source->file);
    if (count == 0 && ferror(source->file) != 0)
        return -1;
    ct_sha256_update(&source->hash, out, count);
    source->bytes += (int64_t)count;
    return (ssize_t)count;
}

static void show_lines(void *ctx, int64_t lines)
{
    struct source *source = ctx;
    ct_progress_show(&source->progress, source->bytes, lines);
}

/* Reads and judges the file, whose digest is then known. */
static bool read_file(struct ct_program *program, const char *path, struct ct_pool_file *out,
                      uint8_t sha256[CT_SHA256_BYTES])
{
    struct source source = {.file = fopen(path, "rbe")};
    struct ct_csv *csv = NULL;
    struct stat about;
    const char *why = NULL;
    if (source.file == NULL || fstat(fileno(source.file), &about) != 0) {
        why = strerror(errno);
        goto out;
    }
    ct_sha256_init(&source.hash);
    ct_progress_begin(&source.progress, "reading", "bytes", about.st_size);
    enum ct_result result = ct_csv_new(read_source, &source, &csv);
    if (result == CT_OK)
        result = ct_pool_file_read(program->arena, csv, program->numbers.plan, show_lines, &source,
                                   out, &why);
    ct_progress_end(&source.progress);
    ct_sha256_digest(&source.hash, sha256);
    if (result == CT_IO)
        why = strerror(errno);
    else if (result != CT_OK && why == NULL)
        why = ct_result_text(result);
    else if (result == CT_OK && out->entry_count == 0 && out->bad_count == 0)
        why = "there is no number in it";
out:
    ct_csv_free(csv);
    if (source.file != NULL)
        (void)fclose(source.file);
    if (why != NULL)
        (void)ct_program_fail(ct_arena_printf(program->arena, "%s: %s", path, why));
    return why == NULL;
}

static void print_bad(const char *path, const struct ct_pool_file *file)
{
    size_t told = file->bad_count < CT_BAD_LINES_TOLD ? file->bad_count : CT_BAD_LINES_TOLD;
    for (size_t i = 0; i < told; i++)
        (void)fprintf(stderr, "%s:%lld: %s\n", path, (long long)file->bad[i].line,
                      file->bad[i].why.at);
    if (told < file->bad_count)
        (void)fprintf(stderr, "... and %zu more\n", file->bad_count - told);
    (void)fprintf(stderr, "cloud-telephony: %zu bad line%s: nothing was imported\n",
                  file->bad_count, file->bad_count == 1 ? "" : "s");
}

/* Says why a step failed. */
static int fail_step(struct ct_program *program, const struct ct_pool_import *import,
                     enum ct_result result)
{
    if (result == CT_BUSY)
        return ct_program_fail("another process imports the same file");
    if (result != CT_CONFLICT)
        return ct_program_fail(
            ct_arena_printf(program->arena,
                            "pool import: %s; nobody sees what was imported so far: run the same "
                            "command again to go on",
                            ct_result_text(result)));
    (void)ct_program_fail(
        import->overlap == 0
            ? ct_arena_printf(
                  program->arena,
                  "the pool %s was made by somebody else meanwhile: nothing was imported",
                  import->file->pools[import->pool].name.at)
            : ct_arena_printf(program->arena,
                              "+%lld was put into a pool by somebody else meanwhile: nothing was "
                              "imported",
                              (long long)import->overlap));
    result = ct_pool_import_discard(program->store, import->id);
    return result == CT_OK ? 1 : ct_program_fail_result("pool import", result);
}

static int bring_in(struct ct_program *program, struct ct_pool_import *import,
                    const uint8_t sha256[CT_SHA256_BYTES])
{
    const struct ct_pool_file *file = import->file;
    struct ct_progress progress;
    enum ct_result result = ct_pool_import_begin(import, sha256, ct_clock_unix_ms());
    if (result != CT_OK)
        return fail_step(program, import, result);
    if (import->done > 0)
        (void)fprintf(stderr, "going on behind the first %lld of %lld numbers\n",
                      (long long)import->done, (long long)file->size);
    ct_progress_begin(&progress, "importing", "numbers", file->size);
    do {
        int64_t start = ct_clock_monotonic_us();
        result = ct_pool_import_step(import, ct_clock_unix_ms());
        ct_progress_show(&progress, import->done, 0);
        ct_pool_import_rest(start);
    } while (result == CT_ROW);
    if (result == CT_OK)
        result = ct_pool_import_finish(import, ct_clock_unix_ms());
    ct_progress_end(&progress);
    if (result != CT_OK)
        return fail_step(program, import, result);
    (void)printf("imported %lld numbers in %zu pool%s\n", (long long)file->size, file->pool_count,
                 file->pool_count == 1 ? "" : "s");
    return ct_program_flushed();
}

static int pool_import(struct ct_program *program, const char *path)
{
    struct ct_pool_file file;
    uint8_t sha256[CT_SHA256_BYTES];
    if (!ct_program_open_database(program) || !ct_program_open_numbers(program) ||
        !read_file(program, path, &file, sha256))
        return 1;
    struct ct_pool_import import = {.store = program->store, .file = &file};
    enum ct_result result =
        ct_pool_import_find(program->store, sha256, ct_clock_unix_ms(), &import.id);
    if (result == CT_BUSY)
        return ct_program_fail("another file is being imported; if that was interrupted and is not "
                               "to go on, try again in a minute");
    if (result == CT_OK)
        result = ct_pool_file_judge(program->arena, program->store, import.id, &file);
    if (result == CT_OK && file.bad_count == 0)
        return bring_in(program, &import, sha256);
    if (result == CT_OK) {
        print_bad(path, &file);
        if (import.id == 0)
            return 1;
        result = ct_pool_import_discard(program->store, import.id);
    }
    return result == CT_OK ? 1 : ct_program_fail_result("pool import", result);
}

/* ---- pool list ---- */

static int pool_list(struct ct_program *program)
{
    enum { PAGE = 100 };
    struct ct_pool_row pools[PAGE];
    int64_t after = 0;
    size_t count;
    if (!ct_program_open_database(program))
        return 1;
    (void)puts("ID\tNAME\tSIZE\tTAKEN\tRANGES\tNUMBERS");
    do {
        struct ct_arena *arena = ct_arena_new();
        struct ct_db *db;
        if (arena == NULL)
            return ct_program_fail(NULL);
        count = 0;
        enum ct_result result = ct_store_read_begin(program->store, &db);
        if (result == CT_OK) {
            result = ct_pool_list(arena, db, after, PAGE, ct_clock_unix_ms(), pools, &count);
            ct_store_read_end(db);
        }
        for (size_t i = 0; i < count && result == CT_OK; i++) {
            (void)printf("%lld\t%s\t%lld\t%lld\t%lld\t%s..%s\n", (long long)pools[i].id,
                         pools[i].name.at, (long long)pools[i].size, (long long)pools[i].taken,
                         (long long)pools[i].ranges, pools[i].first.at, pools[i].last.at);
            after = pools[i].id;
        }
        ct_arena_free(arena);
        if (result != CT_OK)
            return ct_program_fail_result("pool list", result);
    } while (count == PAGE);
    return ct_program_flushed();
}

int ct_pool_command(struct ct_program *program, int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[0], "import") == 0)
        return pool_import(program, argv[1]);
    if (argc == 1 && strcmp(argv[0], "list") == 0)
        return pool_list(program);
    (void)ct_program_fail("pool takes: import FILE.csv, or list");
    return 2;
}
