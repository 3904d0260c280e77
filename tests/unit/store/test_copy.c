#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "databases.h"
#include "harness.h"
#include "rows.h"
#include "scratch.h"
#include "store/copy.h"
#include "store/inspect.h"

/* A scratch database, and names of files beside it. */
struct beside {
    struct scratch scratch;
    char url[128];
    char backup[96];
    char partial[112];
};

static enum ct_result beside_open(struct beside *beside)
{
    enum ct_result result = scratch_open(&beside->scratch);
    const char *folder = beside->scratch.folder;
    (void)snprintf(beside->url, sizeof(beside->url), "sqlite:///%s/db", folder);
    (void)snprintf(beside->backup, sizeof(beside->backup), "%s/backup", folder);
    (void)snprintf(beside->partial, sizeof(beside->partial), "%s.partial", beside->backup);
    return result;
}

static void close_store(struct beside *beside)
{
    ct_store_close(beside->scratch.store);
    beside->scratch.store = NULL;
}

/* How many files there are whose names begin with @p prefix; with @p remove, until they are removed. */
static int files_of(const struct beside *beside, const char *prefix, bool remove)
{
    int count = 0;
    DIR *dir = opendir(beside->scratch.folder);
    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL;
         entry = readdir(dir)) {
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        count++;
        if (remove)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir != NULL)
        (void)closedir(dir);
    return count;
}

static void beside_close(struct beside *beside)
{
    close_store(beside);
    if (beside->scratch.folder[0] != '\0')
        (void)files_of(beside, "", true);
    scratch_close(&beside->scratch);
}

static enum ct_result copy_all(struct ct_copy *copy, const char **why)
{
    int64_t done;
    int64_t total;
    enum ct_result result;
    do {
        result = ct_copy_step(copy, &done, &total, why);
    } while (result == CT_ROW);
    return result == CT_OK && done != total ? CT_BUG : result;
}

static enum ct_result make_backup(struct beside *beside)
{
    const char *why;
    struct ct_copy *copy = NULL;
    enum ct_result result =
        ct_copy_backup(beside->url, beside->backup, beside->scratch.arena, &copy, &why);
    if (result == CT_OK)
        result = copy_all(copy, &why);
    if (result == CT_OK)
        result = ct_copy_publish(copy, &why);
    ct_copy_end(copy);
    return result;
}

static enum ct_result restore(struct beside *beside, bool replace, bool *aside)
{
    const char *why;
    struct ct_copy *copy = NULL;
    enum ct_result result =
        ct_copy_restore(beside->url, beside->backup, replace, beside->scratch.arena, &copy, &why);
    if (result == CT_OK)
        result = copy_all(copy, &why);
    if (result == CT_OK)
        result = ct_copy_publish(copy, &why);
    if (result == CT_OK)
        *aside = ct_copy_aside(copy) != NULL;
    ct_copy_end(copy);
    return result;
}

static void count_fault(void *ctx, const char *fault)
{
    (void)fault;
    ++*(int *)ctx;
}

static enum ct_result test_backup(void)
{
    enum ct_result result;
    struct beside beside;
    struct ct_copy *copy = NULL;
    struct ct_copy *second = NULL;
    struct ct_inspection *inspection = NULL;
    struct ct_db *db;
    struct stat status;
    const char *why;
    int64_t count;
    int64_t version;
    int faults = 0;

    TRY(beside_open(&beside));
    TRY(write_number(beside.scratch.store, "+1"));
    TRY(ct_copy_backup(beside.url, beside.backup, beside.scratch.arena, &copy, &why));
    TRY(write_number(beside.scratch.store, "+2")); /* too late */
    TRY(copy_all(copy, &why));
    EXPECT(access(beside.backup, F_OK) != 0);
    TRY(ct_copy_look(copy, &db));
    result = count_rows(db, &count);
    ct_store_read_end(db);
    TRY(result);
    EXPECT(count == 1);
    TRY(ct_copy_publish(copy, &why));
    ct_copy_end(copy);
    copy = NULL;
    EXPECT(stat(beside.backup, &status) == 0 && (status.st_mode & 0777) == 0600);
    EXPECT(files_of(&beside, "backup", false) == 1);
    EXPECT_RESULT(CT_CONFLICT,
                  ct_copy_backup(beside.url, beside.backup, beside.scratch.arena, &second, &why));

    TRY(ct_inspection_open_file(beside.backup, beside.scratch.arena, &inspection, &why));
    db = ct_inspection_db(inspection);
    TRY(count_rows(db, &count));
    EXPECT(count == 1);
    TRY(ct_inspect_version(db, &version));
    EXPECT(version == ct_inspect_newest());
    TRY(ct_inspect_engine(db, CT_LOOK_QUICK, count_fault, &faults));
    TRY(ct_inspect_engine(db, CT_LOOK_STRUCTURES, count_fault, &faults));
    TRY(ct_inspect_engine(db, CT_LOOK_REFERENCES, count_fault, &faults));
    EXPECT(faults == 0);
out:
    ct_inspection_close(inspection);
    ct_copy_end(second);
    ct_copy_end(copy);
    beside_close(&beside);
    return result;
}

/* A copy that is given up leaves nothing. */
static enum ct_result test_given_up(void)
{
    enum ct_result result;
    struct beside beside;
    struct ct_copy *copy = NULL;
    const char *why;
    int64_t done;
    int64_t total;

    TRY(beside_open(&beside));
    TRY(ct_copy_backup(beside.url, beside.backup, beside.scratch.arena, &copy, &why));
    ct_copy_end(copy);
    copy = NULL;
    EXPECT(files_of(&beside, "backup", false) == 0);
    TRY(ct_copy_backup(beside.url, beside.backup, beside.scratch.arena, &copy, &why));
    EXPECT_RESULT(CT_OK, ct_copy_step(copy, &done, &total, &why));
    EXPECT(access(beside.partial, F_OK) == 0);
out:
    ct_copy_end(copy);
    if (result == CT_OK && files_of(&beside, "backup", false) != 0)
        result = CT_BUG;
    beside_close(&beside);
    return result;
}

/* What appears at the name while the copy is made is not overwritten. */
static enum ct_result test_taken_meanwhile(void)
{
    enum ct_result result;
    struct beside beside;
    struct ct_copy *copy = NULL;
    const char *why;
    int fd;

    TRY(beside_open(&beside));
    TRY(ct_copy_backup(beside.url, beside.backup, beside.scratch.arena, &copy, &why));
    TRY(copy_all(copy, &why));
    fd = open(beside.backup, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    EXPECT(fd >= 0);
    (void)close(fd);
    EXPECT_RESULT(CT_CONFLICT, ct_copy_publish(copy, &why));
    EXPECT(access(beside.partial, F_OK) == 0);
out:
    ct_copy_end(copy);
    beside_close(&beside);
    return result;
}

static enum ct_result test_restore(void)
{
    enum ct_result result;
    struct beside beside;
    int64_t count;
    bool aside;

    TRY(beside_open(&beside));
    TRY(write_number(beside.scratch.store, "+1"));
    TRY(make_backup(&beside));
    TRY(write_number(beside.scratch.store, "+2"));
    close_store(&beside);
    EXPECT_RESULT(CT_CONFLICT, restore(&beside, false, &aside));
    TRY(restore(&beside, true, &aside));
    EXPECT(aside);
    EXPECT(files_of(&beside, "db.replaced-", false) == 1);
    TRY(scratch_open_store(&beside.scratch));
    TRY(read_count(beside.scratch.store, &count));
    EXPECT(count == 1);

    close_store(&beside);
    (void)files_of(&beside, "db", true);
    TRY(restore(&beside, false, &aside));
    EXPECT(!aside);
    EXPECT(files_of(&beside, "db", false) == 1);
out:
    beside_close(&beside);
    return result;
}

static enum ct_result test_refusals(void)
{
    enum ct_result result;
    struct beside beside;
    struct ct_copy *copy = NULL;
    struct ct_inspection *inspection = NULL;
    struct ct_arena *arena;
    const char *why;
    bool aside;

    TRY(beside_open(&beside));
    arena = beside.scratch.arena;
    EXPECT_RESULT(CT_INVALID,
                  ct_copy_backup("postgresql://u@h/d", beside.backup, arena, &copy, &why));
    EXPECT(strstr(why, "pg_dump") != NULL);
    EXPECT_RESULT(CT_INVALID, ct_copy_backup("sqlite://", beside.backup, arena, &copy, &why));
    EXPECT_RESULT(CT_NOT_FOUND,
                  ct_copy_backup("sqlite:////nowhere/db", beside.backup, arena, &copy, &why));
    EXPECT_RESULT(CT_IO, ct_copy_backup(beside.url, "/nowhere/backup", arena, &copy, &why));
    EXPECT_RESULT(CT_NOT_FOUND, restore(&beside, true, &aside));
    EXPECT_RESULT(CT_NOT_FOUND, ct_inspection_open_file(beside.backup, arena, &inspection, &why));
    EXPECT_RESULT(CT_INVALID, ct_inspection_open_file("a?b", arena, &inspection, &why));
    EXPECT_RESULT(CT_INVALID, ct_inspection_open("mysql://x", arena, &inspection, &why));
out:
    ct_inspection_close(inspection);
    ct_copy_end(copy);
    beside_close(&beside);
    return result;
}

/* Whose database is it? */
static enum ct_result test_versions(void)
{
    static const char *const original[] = {
        "CREATE TABLE users (id INTEGER PRIMARY KEY, username, hashed_password)",
        "CREATE TABLE virtual_phone_numbers (id INTEGER PRIMARY KEY, phone_number, user_id)",
        NULL,
    };
    static const char *const foreign[] = {"CREATE TABLE users (name)", NULL};
    const char *const *const all[] = {original, foreign};
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < 2 && result == CT_OK; i++) {
        struct scratch scratch;
        struct ct_inspection *inspection = NULL;
        const char *why;
        char url[128];
        int64_t version = -1;

        TRY(scratch_folder(&scratch));
        TRY(as_another_program(&scratch, all[i]));
        (void)snprintf(url, sizeof(url), "sqlite:///%s/db", scratch.folder);
        TRY(ct_inspection_open(url, scratch.arena, &inspection, &why));
        if (i == 0) {
            TRY(ct_inspect_version(ct_inspection_db(inspection), &version));
            EXPECT(version == 0);
        } else {
            EXPECT_RESULT(CT_INVALID, ct_inspect_version(ct_inspection_db(inspection), &version));
        }
    out:
        ct_inspection_close(inspection);
        scratch_close(&scratch);
    }
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_backup),  CT_UNIT(test_given_up), CT_UNIT(test_taken_meanwhile),
        CT_UNIT(test_restore), CT_UNIT(test_refusals), CT_UNIT(test_versions),
    };
    return ct_unit_main("store copy", units, sizeof(units) / sizeof(units[0]));
}
