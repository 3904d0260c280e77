#include "store/faulty_disk.h"

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

static struct {
    pthread_mutex_t mutex;
    struct tracked files[FILES];
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void *must(void *memory)
{
    assert(memory != NULL);
    return memory;
}

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

void faulty_disk_note(struct tracked *tracked, int64_t offset, const void *data, int64_t size)
{
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

void faulty_disk_sync(struct tracked *tracked)
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

struct tracked *faulty_disk_open(const char *path)
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

void faulty_disk_give_up(struct tracked *tracked)
{
    pthread_mutex_lock(&disk.mutex);
    forget_ops(tracked);
    pthread_mutex_unlock(&disk.mutex);
}

void faulty_disk_removed(const char *path, bool synced)
{
    pthread_mutex_lock(&disk.mutex);
    struct tracked *tracked = find(path);
    if (synced)
        forget(tracked);
    else
        tracked->deleted = true;
    pthread_mutex_unlock(&disk.mutex);
}

void faulty_disk_forget(void)
{
    for (size_t i = 0; i < FILES; i++)
        forget(&disk.files[i]);
}

/* ---- after a power cut ---- */

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

void faulty_disk_cut(enum faulty_left left, uint64_t seed)
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
}
