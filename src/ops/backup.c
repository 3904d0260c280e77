#include "ops/backup.h"

#include "store/copy.h"
#include "store/inspect.h"

static enum ct_result copy_all(struct ct_backup *backup, struct ct_copy *copy, const char **why)
{
    const struct ct_copy_watch *watch = &backup->copying;
    int64_t done = 0;
    enum ct_result result = CT_ROW;
    if (watch->progress != NULL)
        watch->progress(watch->ctx, 0, 0);
    while (result == CT_ROW) {
        result = ct_copy_step(copy, &done, &backup->bytes, why);
        if (watch->progress != NULL)
            watch->progress(watch->ctx, done, backup->bytes);
    }
    return result;
}

struct faults {
    const struct ct_check_watch *watch;
    int64_t count;
};

static void count_fault(void *ctx, const char *fault)
{
    struct faults *faults = ctx;
    faults->count++;
    faults->watch->finding(faults->watch->ctx, fault);
}

/* A damaged page is copied as it is; a backup of it would be found out when it is too late. */
static enum ct_result look_at_backup(struct ct_backup *backup, struct ct_copy *copy,
                                     const char **why)
{
    struct faults faults = {.watch = &backup->checking};
    struct ct_db *db;
    enum ct_result result = ct_copy_look(copy, &db);
    if (result == CT_OK) {
        result = ct_inspect_engine(db, CT_LOOK_QUICK, count_fault, &faults);
        ct_store_read_end(db);
    }
    if (result != CT_OK)
        *why = "the backup cannot be read back: it was not kept";
    if (result != CT_OK || faults.count == 0)
        return result;
    *why = "the database is damaged: no backup was made (the last good one is worth more)";
    return CT_IO;
}

enum ct_result ct_backup_make(struct ct_backup *backup, struct ct_arena *arena, const char **why)
{
    struct ct_copy *copy = NULL;
    enum ct_result result = ct_copy_backup(backup->url, backup->file, arena, &copy, why);
    if (result == CT_OK)
        result = copy_all(backup, copy, why);
    if (result == CT_OK)
        result = look_at_backup(backup, copy, why);
    if (result == CT_OK)
        result = ct_copy_publish(copy, why);
    ct_copy_end(copy);
    return result;
}

static enum ct_result judge(struct ct_backup *backup, struct ct_copy *copy, struct ct_arena *arena,
                            const char **why)
{
    struct ct_check check;
    struct ct_db *db;
    const char *what = NULL;
    enum ct_result result = ct_copy_look(copy, &db);
    if (result == CT_OK) {
        result = ct_check_database(db, &backup->checking, arena, &check, &what);
        ct_store_read_end(db);
    }
    if (result == CT_OK && check.faults > 0) {
        what = "it is damaged";
        result = CT_IO;
    } else if (result == CT_OK && check.breaches > 0 && !backup->anyway) {
        what = "it breaks rules of this program; --anyway restores it all the same";
        result = CT_STALE;
    }
    if (result != CT_OK)
        *why = ct_arena_printf(arena, "%s is not restored: %s", backup->file,
                               what == NULL ? ct_result_text(result) : what);
    else
        backup->version = check.version;
    return result;
}

enum ct_result ct_backup_restore(struct ct_backup *backup, struct ct_arena *arena, const char **why)
{
    struct ct_copy *copy = NULL;
    enum ct_result result =
        ct_copy_restore(backup->url, backup->file, backup->replace, arena, &copy, why);
    if (result == CT_OK)
        result = copy_all(backup, copy, why);
    if (result == CT_OK)
        result = judge(backup, copy, arena, why);
    if (result == CT_OK)
        result = ct_copy_publish(copy, why);
    if (result == CT_OK)
        backup->aside = ct_copy_aside(copy);
    ct_copy_end(copy);
    return result;
}
