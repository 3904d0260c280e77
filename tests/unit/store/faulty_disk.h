#ifndef CT_TESTS_UNIT_STORE_FAULTY_DISK_H
#define CT_TESTS_UNIT_STORE_FAULTY_DISK_H

#include <stdbool.h>
#include <stdint.h>

/** What a disk has for sure of each file, and what was written to it and not synced. For faulty_vfs.c; any
 *  thread. */
struct tracked;

/** What of the unsynced writes is on the disk after a power cut. */
enum faulty_left {
    FAULTY_NOTHING,
    FAULTY_EVERYTHING,
    FAULTY_WRITES,  /* any of the writes, whole */
    FAULTY_SECTORS, /* any of their sectors of 512 bytes */
    FAULTY_PREFIX,  /* those before a moment, the last one torn */
    FAULTY_LEFTS
};

/** A file that is opened; what is there at the first time has been there for long. */
struct tracked *faulty_disk_open(const char *path);
/** A write or, with @p data NULL, a change of the size to @p offset. */
void faulty_disk_note(struct tracked *tracked, int64_t offset, const void *data, int64_t size);
void faulty_disk_sync(struct tracked *tracked);
/** A sync has failed: nobody will write what was not synced. */
void faulty_disk_give_up(struct tracked *tracked);
void faulty_disk_removed(const char *path, bool synced);
/** Makes the real files what they are after a power cut. */
void faulty_disk_cut(enum faulty_left left, uint64_t seed);
/** Knows of no file any more. */
void faulty_disk_forget(void);

#endif
