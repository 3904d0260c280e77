#ifndef CT_VOICE_READER_H
#define CT_VOICE_READER_H

#include "base/result.h"
#include "store/store.h"

/** Reads of the SIP thread: those of one turn share a state of the database. All zero but for the store. */
struct ct_reader {
    struct ct_store *store;
    struct ct_db *paused; /* of the reader */
    struct ct_db *open;   /* a read has begun and not ended */
    unsigned turn;        /* what was read since the thread last slept is as new as it gets */
};

/** Begins a read, which ct_reader_end ends. Not nested. CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED static inline enum ct_result ct_reader_begin(struct ct_reader *reader,
                                                        struct ct_db **out)
{
    enum ct_result result = ct_store_read_begin(reader->store, out);
    reader->open = result == CT_OK ? *out : NULL;
    return result;
}

static inline void ct_reader_end(struct ct_reader *reader, struct ct_db *db)
{
    ct_store_read_pause(db);
    reader->paused = db;
    reader->open = NULL;
}

/** Before the thread sleeps. */
static inline void ct_reader_rest(struct ct_reader *reader)
{
    if (reader->paused != NULL)
        ct_store_read_rest(reader->paused);
    reader->paused = NULL;
    reader->turn++;
}

#endif
