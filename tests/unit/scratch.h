#ifndef CT_TESTS_UNIT_SCRATCH_H
#define CT_TESTS_UNIT_SCRATCH_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "harness.h"
#include "store/store.h"

/* The tests of store/ see each allocation of SQLite's fail, others some. */
#ifndef SCRATCH_SQLITE_EVERY
#define SCRATCH_SQLITE_EVERY 8
#endif

/** A database of its own for one run of a test, in a folder of its own, and an arena. */
struct scratch {
    struct ct_arena *arena;
    struct ct_store *store;
    char folder[64];
};

/** Opens the database with room for so many waiting writes; 0: for as many as by default. */
static inline enum ct_result scratch_open_queue(struct scratch *scratch, size_t queue_capacity)
{
    const char *why = NULL;
    char url[128];

    (void)snprintf(url, sizeof(url), "sqlite:///%s/db", scratch->folder);
    const struct ct_store_options options = {.url = url, .queue_capacity = queue_capacity};
    return ct_store_open(&options, scratch->arena, &scratch->store, &why);
}

static inline enum ct_result scratch_open_store(struct scratch *scratch)
{
    return scratch_open_queue(scratch, 4);
}

static inline void scratch_close_store(struct scratch *scratch)
{
    ct_store_close(scratch->store);
    scratch->store = NULL;
}

/* A sweep makes some thousand databases: the schema is made once for the process, and the file copied
 * from then on. */
static inline enum ct_result scratch_copy_schema(struct scratch *scratch)
{
    static char file[512 * 1024];
    static ssize_t size;
    char path[80];
    bool first = size == 0;

    (void)snprintf(path, sizeof(path), "%s/db", scratch->folder);
    if (first) {
        enum ct_result result = scratch_open_store(scratch);
        if (result != CT_OK)
            return result;
        scratch_close_store(scratch);
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return CT_IO;
    if (first)
        size = read(fd, file, sizeof(file));
    bool done = first || write(fd, file, (size_t)size) == size;
    (void)close(fd);
    return done && size > 0 && size < (ssize_t)sizeof(file) ? CT_OK : CT_IO;
}

/** An empty folder and an arena. Zeroes @p scratch first, so that scratch_close can be called whatever this
 *  answers. */
static inline enum ct_result scratch_folder(struct scratch *scratch)
{
    const char *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    *scratch = (struct scratch){0};
    (void)snprintf(scratch->folder, sizeof(scratch->folder), "%s/ct-unit-XXXXXX", place);
    if (mkdtemp(scratch->folder) == NULL) {
        scratch->folder[0] = '\0';
        return CT_IO;
    }
    scratch->arena = ct_arena_new();
    return scratch->arena == NULL ? CT_NOMEM : CT_OK;
}

/** The same with a database that is up to date, and open. The tests of store/ sweep that; here nothing fails. */
static inline enum ct_result scratch_open(struct scratch *scratch)
{
    ct_unit_spare(true);
    enum ct_result result = scratch_folder(scratch);
    if (result == CT_OK)
        result = scratch_copy_schema(scratch);
    if (result == CT_OK)
        result = scratch_open_store(scratch);
    ct_unit_spare_sqlite(SCRATCH_SQLITE_EVERY);
    ct_unit_spare(false);
    return result;
}

static inline void scratch_close(struct scratch *scratch)
{
    static const char *const files[] = {"/db", "/db-wal", "/db-shm"};
    char path[80];

    ct_store_close(scratch->store);
    ct_arena_free(scratch->arena);
    for (size_t i = 0; i < 3 && scratch->folder[0] != '\0'; i++) {
        (void)snprintf(path, sizeof(path), "%s%s", scratch->folder, files[i]);
        (void)unlink(path);
    }
    if (scratch->folder[0] != '\0')
        (void)rmdir(scratch->folder);
}

#endif
