#include "store/faulty_vfs.h"

#include <sqlite3.h>

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512
#define FILES 16

/* A write or, with data NULL, a change of the size to `offset`. */
struct op {
    struct op *next;
    int64_t offset;
    int64_t size;
    unsigned char *data;
};

/* A file of a database, also while it is closed. */
struct tracked {
    char path[160];
    unsigned char *synced; /* what the disk has for sure */
    int64_t size;
    bool exists;  /* for sure */
    bool deleted; /* and that was not synced */
    struct op *first;
    struct op **last;
};

struct faulty_file {
    sqlite3_file base;
    struct tracked *tracked; /* NULL: a temporary file */
    sqlite3_file *real;      /* right behind */
};

static struct {
    pthread_mutex_t mutex;
    sqlite3_vfs *real;
    struct faulty_plan plan;
    long count;
    bool hit;
    bool dead;
    struct tracked files[FILES];
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void *must(void *memory)
{
    assert(memory != NULL);
    return memory;
}

/* ---- what goes wrong ---- */

static bool goes_wrong(enum faulty_kind kind)
{
    pthread_mutex_lock(&disk.mutex);
    bool wrong = disk.dead;
    if ((disk.plan.kinds == 0 || (disk.plan.kinds & (int)kind) != 0) && !wrong) {
        long count = ++disk.count;
        wrong = disk.plan.at != 0 &&
                (count == disk.plan.at || (disk.plan.forever && count > disk.plan.at));
        disk.hit = disk.hit || wrong;
        disk.dead = wrong && disk.plan.how == FAULTY_CUT;
    }
    pthread_mutex_unlock(&disk.mutex);
    return wrong;
}

/* ---- what is on the disk ---- */

static void forget_ops(struct tracked *tracked)
{
    for (struct op *op = tracked->first, *next; op != NULL; op = next) {
        next = op->next;
        free(op->data);
        free(op);
    }
    tracked->first = NULL;
    tracked->last = &tracked->first;
}

static void forget(struct tracked *tracked)
{
    forget_ops(tracked);
    free(tracked->synced);
    memset(tracked, 0, sizeof(*tracked));
}

static void resize(struct tracked *tracked, int64_t size, unsigned char filler)
{
    if (size > tracked->size) {
        tracked->synced = must(realloc(tracked->synced, (size_t)size));
        memset(tracked->synced + tracked->size, filler, (size_t)(size - tracked->size));
    }
    tracked->size = size;
}

static void apply(struct tracked *tracked, int64_t offset, const unsigned char *data, int64_t size,
                  unsigned char filler)
{
    if (offset + size > tracked->size)
        resize(tracked, offset + size, filler);
    if (size > 0)
        memcpy(tracked->synced + offset, data, (size_t)size);
}

static void note(struct tracked *tracked, int64_t offset, const void *data, int64_t size)
{
    if (tracked == NULL)
        return;
    struct op *op = must(calloc(1, sizeof(*op)));
    op->offset = offset;
    op->size = size;
    if (data != NULL) {
        op->data = must(malloc((size_t)size + 1));
        memcpy(op->data, data, (size_t)size);
    }
    pthread_mutex_lock(&disk.mutex);
    *tracked->last = op;
    tracked->last = &op->next;
    pthread_mutex_unlock(&disk.mutex);
}

static void sync_file(struct tracked *tracked)
{
    pthread_mutex_lock(&disk.mutex);
    for (const struct op *op = tracked->first; op != NULL; op = op->next) {
        if (op->data == NULL)
            resize(tracked, op->offset, 0);
        else
            apply(tracked, op->offset, op->data, op->size, 0);
    }
    forget_ops(tracked);
    tracked->exists = true; /* SQLite syncs the folder of a file with its first sync */
    pthread_mutex_unlock(&disk.mutex);
}

static struct tracked *find(const char *path)
{
    struct tracked *unused = NULL;
    for (size_t i = 0; i < FILES; i++) {
        if (strcmp(disk.files[i].path, path) == 0)
            return &disk.files[i];
        if (disk.files[i].path[0] == '\0' && unused == NULL)
            unused = &disk.files[i];
    }
    assert(unused != NULL && strlen(path) < sizeof(unused->path));
    (void)snprintf(unused->path, sizeof(unused->path), "%s", path);
    unused->last = &unused->first;
    return unused;
}

/* What is there when it is first opened has been there for long. */
static void load(struct tracked *tracked)
{
    struct stat status;
    int fd = open(tracked->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    assert(fstat(fd, &status) == 0);
    resize(tracked, status.st_size, 0);
    assert(pread(fd, tracked->synced, (size_t)status.st_size, 0) == status.st_size);
    /* Closing it would drop the locks of this process on the file: there are none yet. */
    (void)close(fd);
    tracked->exists = true;
}

static struct tracked *track(const char *path)
{
    pthread_mutex_lock(&disk.mutex);
    bool known = false;
    for (size_t i = 0; i < FILES; i++)
        known = known || strcmp(disk.files[i].path, path) == 0;
    struct tracked *tracked = find(path);
    if (!known)
        load(tracked);
    if (tracked->deleted) { /* made anew */
        forget(tracked);
        tracked = find(path);
    }
    pthread_mutex_unlock(&disk.mutex);
    return tracked;
}

/* ---- the methods of a file ---- */

static struct faulty_file *file_of(sqlite3_file *file)
{
    return (struct faulty_file *)file;
}

#define REAL(file) (file_of(file)->real)

static int file_close(sqlite3_file *file)
{
    return REAL(file)->pMethods == NULL ? SQLITE_OK : REAL(file)->pMethods->xClose(REAL(file));
}

static int file_read(sqlite3_file *file, void *out, int size, sqlite3_int64 offset)
{
    if (goes_wrong(FAULTY_READ))
        return SQLITE_IOERR_READ;
    return REAL(file)->pMethods->xRead(REAL(file), out, size, offset);
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    if (goes_wrong(FAULTY_WRITE)) {
        if (disk.plan.how == FAULTY_SHORT) {
            (void)REAL(file)->pMethods->xWrite(REAL(file), data, size / 2, offset);
            note(file_of(file)->tracked, offset, data, size / 2);
        }
        return disk.plan.how == FAULTY_ERROR || disk.plan.how == FAULTY_CUT ? SQLITE_IOERR_WRITE
                                                                            : SQLITE_FULL;
    }
    int code = REAL(file)->pMethods->xWrite(REAL(file), data, size, offset);
    if (code == SQLITE_OK)
        note(file_of(file)->tracked, offset, data, size);
    return code;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (goes_wrong(FAULTY_TRUNCATE))
        return SQLITE_IOERR_TRUNCATE;
    int code = REAL(file)->pMethods->xTruncate(REAL(file), size);
    if (code == SQLITE_OK)
        note(file_of(file)->tracked, size, NULL, 0);
    return code;
}

static int file_sync(sqlite3_file *file, int flags)
{
    struct tracked *tracked = file_of(file)->tracked;
    (void)flags;
    if (goes_wrong(FAULTY_SYNC)) {
        /* As Linux does it: what could not be written is given up, and the next sync succeeds. */
        if (tracked != NULL && disk.plan.how != FAULTY_CUT) {
            pthread_mutex_lock(&disk.mutex);
            forget_ops(tracked);
            pthread_mutex_unlock(&disk.mutex);
        }
        return SQLITE_IOERR_FSYNC;
    }
    if (tracked != NULL && !disk.plan.lying)
        sync_file(tracked);
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *out)
{
    if (goes_wrong(FAULTY_OTHER))
        return SQLITE_IOERR_FSTAT;
    return REAL(file)->pMethods->xFileSize(REAL(file), out);
}

static int file_lock(sqlite3_file *file, int level)
{
    if (goes_wrong(FAULTY_LOCK))
        return disk.plan.how == FAULTY_FULL ? SQLITE_BUSY : SQLITE_IOERR_LOCK;
    return REAL(file)->pMethods->xLock(REAL(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return REAL(file)->pMethods->xUnlock(REAL(file), level);
}

static int file_check_lock(sqlite3_file *file, int *out)
{
    if (goes_wrong(FAULTY_LOCK))
        return SQLITE_IOERR_CHECKRESERVEDLOCK;
    return REAL(file)->pMethods->xCheckReservedLock(REAL(file), out);
}

static int file_control(sqlite3_file *file, int what, void *argument)
{
    return REAL(file)->pMethods->xFileControl(REAL(file), what, argument);
}

static int file_sector_size(sqlite3_file *file)
{
    return REAL(file)->pMethods->xSectorSize(REAL(file));
}

static int file_characteristics(sqlite3_file *file)
{
    return REAL(file)->pMethods->xDeviceCharacteristics(REAL(file));
}

static int shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    if (goes_wrong(FAULTY_SHM))
        return SQLITE_IOERR_SHMMAP;
    return REAL(file)->pMethods->xShmMap(REAL(file), page, size, extend, out);
}

static int shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    if ((flags & SQLITE_SHM_LOCK) != 0 && goes_wrong(FAULTY_SHM))
        return disk.plan.how == FAULTY_FULL ? SQLITE_BUSY : SQLITE_IOERR_SHMLOCK;
    return REAL(file)->pMethods->xShmLock(REAL(file), offset, count, flags);
}

static void shm_barrier(sqlite3_file *file)
{
    REAL(file)->pMethods->xShmBarrier(REAL(file));
}

static int shm_unmap(sqlite3_file *file, int remove)
{
    return REAL(file)->pMethods->xShmUnmap(REAL(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

/* ---- the methods of the disk ---- */

static int disk_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                     int *out_flags)
{
    struct faulty_file *faulty = file_of(file);
    (void)vfs;
    *faulty = (struct faulty_file){.real = (sqlite3_file *)(faulty + 1)};
    if (goes_wrong(FAULTY_OPEN))
        return SQLITE_CANTOPEN;
    struct tracked *tracked = name == NULL ? NULL : track(name);
    int code = disk.real->xOpen(disk.real, name, faulty->real, flags, out_flags);
    if (code == SQLITE_OK) {
        faulty->tracked = tracked;
        faulty->base.pMethods = &methods;
    }
    return code;
}

static int disk_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    (void)vfs;
    if (goes_wrong(FAULTY_DELETE))
        return SQLITE_IOERR_DELETE;
    int code = disk.real->xDelete(disk.real, name, sync_folder);
    pthread_mutex_lock(&disk.mutex);
    struct tracked *tracked = find(name);
    if (code == SQLITE_OK && sync_folder != 0 && !disk.plan.lying)
        forget(tracked);
    else if (code == SQLITE_OK)
        tracked->deleted = true;
    pthread_mutex_unlock(&disk.mutex);
    return code;
}

static int disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs;
    if (goes_wrong(FAULTY_OTHER))
        return SQLITE_IOERR_ACCESS;
    return disk.real->xAccess(disk.real, name, flags, out);
}

void faulty_install(void)
{
    static sqlite3_vfs vfs;
    if (disk.real != NULL)
        return;
    disk.real = sqlite3_vfs_find(NULL);
    vfs = *disk.real;
    vfs.zName = "faulty";
    vfs.szOsFile = (int)sizeof(struct faulty_file) + disk.real->szOsFile;
    vfs.xOpen = disk_open;
    vfs.xDelete = disk_delete;
    vfs.xAccess = disk_access;
    (void)sqlite3_vfs_register(&vfs, 1);
}

void faulty_begin(const struct faulty_plan *plan)
{
    for (size_t i = 0; i < FILES; i++)
        forget(&disk.files[i]);
    disk.plan = *plan;
    disk.count = 0;
    disk.hit = disk.dead = false;
}

long faulty_count(void)
{
    pthread_mutex_lock(&disk.mutex);
    long count = disk.count;
    pthread_mutex_unlock(&disk.mutex);
    return count;
}

bool faulty_hit(void)
{
    pthread_mutex_lock(&disk.mutex);
    bool hit = disk.hit;
    pthread_mutex_unlock(&disk.mutex);
    return hit;
}

/* ---- after a power cut ---- */

void faulty_cut(void)
{
    pthread_mutex_lock(&disk.mutex);
    disk.dead = true;
    pthread_mutex_unlock(&disk.mutex);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static bool chance(uint64_t *state)
{
    return (next_random(state) >> 20 & 1) != 0;
}

/* One write, whole or in part. What it leaves out of a file that grows is whatever was there before. */
static void leave(struct tracked *tracked, const struct op *op, enum faulty_left left,
                  uint64_t *state, unsigned char filler)
{
    if (op->data == NULL) {
        if (left == FAULTY_EVERYTHING || chance(state))
            resize(tracked, op->offset, filler);
        return;
    }
    if (left != FAULTY_SECTORS) {
        if (left == FAULTY_EVERYTHING || left == FAULTY_PREFIX || chance(state))
            apply(tracked, op->offset, op->data, op->size, filler);
        return;
    }
    for (int64_t at = 0; at < op->size;) {
        int64_t end = (op->offset + at) / SECTOR * SECTOR + SECTOR - op->offset;
        end = end < op->size ? end : op->size;
        if (chance(state))
            apply(tracked, op->offset + at, op->data + at, end - at, filler);
        at = end;
    }
}

static void leave_ops(struct tracked *tracked, enum faulty_left left, uint64_t *state)
{
    unsigned char filler = chance(state) ? 0 : 0xa5;
    uint64_t count = 0;
    for (const struct op *op = tracked->first; op != NULL; op = op->next)
        count++;
    uint64_t kept = count == 0 ? 0 : next_random(state) % (count + 1);
    for (const struct op *op = tracked->first; op != NULL && left != FAULTY_NOTHING;
         op = op->next) {
        if (left == FAULTY_PREFIX && kept-- == 0) {
            leave(tracked, op, FAULTY_SECTORS, state, filler);
            break;
        }
        leave(tracked, op, left, state, filler);
    }
}

static void put(const struct tracked *tracked)
{
    (void)unlink(tracked->path);
    if (!tracked->exists)
        return;
    int fd = open(tracked->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert(fd >= 0);
    assert(write(fd, tracked->synced, (size_t)tracked->size) == tracked->size);
    (void)close(fd);
}

void faulty_after_cut(enum faulty_left left, uint64_t seed)
{
    uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    char index[176];
    for (size_t i = 0; i < FILES; i++) {
        struct tracked *tracked = &disk.files[i];
        if (tracked->path[0] == '\0')
            continue;
        /* The name of a new file may have come to the disk before its content; a removal, or not. */
        if (!tracked->exists)
            tracked->exists =
                left == FAULTY_EVERYTHING || (left != FAULTY_NOTHING && chance(&state));
        if (tracked->deleted)
            tracked->exists = tracked->exists && left != FAULTY_EVERYTHING && chance(&state);
        leave_ops(tracked, left, &state);
        put(tracked);
        (void)snprintf(index, sizeof(index), "%s-shm", tracked->path);
        (void)unlink(index); /* it was memory */
    }
    faulty_begin(&(const struct faulty_plan){0});
}
