#include "voice/call_ends.h"

#include "voice/records.h"
#include "voice/switchboard.h"

/* At once; the rest when it is looked again. */
#define ENDS_MOST 64

void ct_call_ends_look(struct ct_call_ends *ends)
{
    struct ct_str keys[ENDS_MOST];
    size_t count = 0;
    struct ct_db *db;
    struct ct_arena *arena = ends->listens ? ct_arena_new() : NULL;
    if (arena == NULL)
        return;
    if (ct_reader_begin(ends->reader, &db) == CT_OK) {
        if (ct_record_asked_ends(arena, db, ends->node, ENDS_MOST, keys, &count) != CT_OK)
            count = 0;
        ct_reader_end(ends->reader, db);
    }
    for (size_t i = 0; i < count; i++)
        (void)!ct_switchboard_hang_up(ends->board, keys[i].at);
    ct_arena_free(arena);
}

static void open(void *ctx)
{
    struct ct_call_ends *ends = ctx;
    /* first: who is told from now on sends another letter */
    atomic_store(&ends->asked, false);
    ct_call_ends_look(ends);
}

/* On a thread of the store's. */
static void touched(void *ctx, unsigned what)
{
    struct ct_call_ends *ends = ctx;
    if ((what & CT_TOUCHED_CALL_ENDS) != 0 && !atomic_exchange(&ends->asked, true))
        ends->post.post(ends->post.ctx, &ends->letter);
}

void ct_call_ends_start(struct ct_call_ends *ends)
{
    ends->letter = (struct ct_sip_letter){.open = open, .ctx = ends};
    ends->listens = ct_store_reads_wait(ends->store);
    if (ends->listens)
        ct_store_watch(ends->store, touched, ends);
}

void ct_call_ends_stop(struct ct_call_ends *ends)
{
    if (ends->listens)
        ct_store_unwatch(ends->store, ends);
}

bool ct_call_ends_settled(const struct ct_call_ends *ends)
{
    return !atomic_load(&ends->asked);
}
