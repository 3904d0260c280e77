#ifndef CT_TESTS_UNIT_STORE_FAULTY_VFS_H
#define CT_TESTS_UNIT_STORE_FAULTY_VFS_H

#include <stdbool.h>
#include <stdint.h>

#include "store/faulty_disk.h"

/**
 * A disk that fails, and one that loses its power. It lies between SQLite and the real files: every
 * operation is counted, one of them (or all from it on) can go wrong, and what was written and not
 * synced is known. One for the process.
 */

/** What is done with a file. */
enum faulty_kind {
    FAULTY_OPEN = 1,
    FAULTY_READ = 2,
    FAULTY_WRITE = 4,
    FAULTY_SYNC = 8,
    FAULTY_TRUNCATE = 16,
    FAULTY_DELETE = 32,
    FAULTY_LOCK = 64,
    FAULTY_SHM = 128,   /* the shared memory of the log, and its locks */
    FAULTY_OTHER = 256, /* how large a file is, whether it is there */
    FAULTY_ALL = 511,
};

enum faulty_how {
    FAULTY_ERROR, /* an error of the disk */
    FAULTY_FULL,  /* no space for what is written; locks are taken */
    FAULTY_SHORT, /* half of it is written, and then there is no space */
    FAULTY_CUT,   /* the power goes: nothing works any more */
};

struct faulty_plan {
    long at;      /* the number of the operation that goes wrong, from 1 on; 0 is none */
    int kinds;    /* which kinds count; 0 is all */
    bool forever; /* and all behind it */
    enum faulty_how how;
    bool lying; /* syncs do nothing, and say that they did */
};

/** Makes it the disk of every database that is opened from now on. */
void faulty_install(void);
/** Begins to count anew, by a plan. Nothing may be open. */
void faulty_begin(const struct faulty_plan *plan);
/** How many operations there were since; whether the one of the plan was among them. */
long faulty_count(void);
bool faulty_hit(void);
/** Cuts the power now. */
void faulty_cut(void);
/** Once all is closed: makes the files what they are after the power cut. */
void faulty_after_cut(enum faulty_left left, uint64_t seed);

#endif
