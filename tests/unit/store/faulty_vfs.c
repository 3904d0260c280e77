#include "store/faulty_vfs.h"

#include <sqlite3.h>

#include <pthread.h>

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
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER};

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

/* ---- the methods of a file ---- */

static void note(struct tracked *tracked, int64_t offset, const void *data, int64_t size)
{
    if (tracked != NULL)
        faulty_disk_note(tracked, offset, data, size);
}

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
        if (tracked != NULL && disk.plan.how != FAULTY_CUT)
            faulty_disk_give_up(tracked);
        return SQLITE_IOERR_FSYNC;
    }
    if (tracked != NULL && !disk.plan.lying)
        faulty_disk_sync(tracked);
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
    struct tracked *tracked = name == NULL ? NULL : faulty_disk_open(name);
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
    if (code == SQLITE_OK)
        faulty_disk_removed(name, sync_folder != 0 && !disk.plan.lying);
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
    faulty_disk_forget();
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

void faulty_after_cut(enum faulty_left left, uint64_t seed)
{
    faulty_disk_cut(left, seed);
    faulty_begin(&(const struct faulty_plan){0});
}
