#include <pthread.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/spares.h"
#include "harness.h"

#define SIZE 4096
#define MOST 3

static enum ct_result test_blocks_are_apart(void)
{
    enum ct_result result = CT_OK;
    struct ct_spares *spares = NULL;
    unsigned char *blocks[MOST + 2] = {0};

    TRY(ct_spares_new(SIZE, MOST, &spares));
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < MOST + 2; i++) {
            blocks[i] = ct_spares_take(spares);
            TRY_MEMORY(blocks[i]);
            EXPECT((uintptr_t)blocks[i] % alignof(max_align_t) == 0);
            memset(blocks[i], (int)i, SIZE);
        }
        /* more than are kept */
        for (size_t i = 0; i < MOST + 2; i++) {
            EXPECT(blocks[i][0] == i && blocks[i][SIZE - 1] == i);
            ct_spares_give(spares, blocks[i]);
            blocks[i] = NULL;
        }
    }
out:
    for (size_t i = 0; i < MOST + 2; i++)
        ct_spares_give(spares, blocks[i]);
    ct_spares_free(spares);
    return result;
}

#ifndef CT_ARENA_CHECKED

static enum ct_result test_what_was_given_is_taken_again(void)
{
    enum ct_result result = CT_OK;
    struct ct_spares *spares = NULL;
    void *block = NULL;
    void *again = NULL;

    TRY(ct_spares_new(SIZE, MOST, &spares));
    block = ct_spares_take(spares);
    TRY_MEMORY(block);
    ct_spares_give(spares, block);
    again = ct_spares_take(spares);
    TRY_MEMORY(again);
    TRY(again == block ? CT_OK : CT_NOMEM); /* want of memory alone keeps nothing */
out:
    ct_spares_give(spares, again);
    ct_spares_free(spares);
    return result;
}

#endif

struct lender {
    struct ct_spares *spares;
    void *given;
    void *taken;
};

/* Keeps what it is given, and some more, and ends. */
static void *lend(void *ctx)
{
    struct lender *lender = ctx;
    ct_spares_give(lender->spares, lender->given);
    lender->taken = ct_spares_take(lender->spares);
    ct_spares_give(lender->spares, ct_spares_take(lender->spares));
    return NULL;
}

static enum ct_result test_a_block_of_another_thread(void)
{
    enum ct_result result = CT_OK;
    struct lender lender = {0};
    pthread_t thread;

    TRY(ct_spares_new(SIZE, MOST, &lender.spares));
    lender.given = ct_spares_take(lender.spares);
    TRY_MEMORY(lender.given);
    EXPECT(pthread_create(&thread, NULL, lend, &lender) == 0);
    pthread_join(thread, NULL);
    TRY_MEMORY(lender.taken);
    memset(lender.taken, 1, SIZE);
out:
    ct_spares_give(lender.spares, lender.taken);
    ct_spares_free(lender.spares);
    return result;
}

static enum ct_result test_freeing_nothing(void)
{
    ct_spares_free(NULL);
    return CT_OK;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_blocks_are_apart),
#ifndef CT_ARENA_CHECKED
        CT_UNIT(test_what_was_given_is_taken_again),
#endif
        CT_UNIT(test_a_block_of_another_thread),
        CT_UNIT(test_freeing_nothing),
    };
    return ct_unit_main("base_spares", units, sizeof(units) / sizeof(units[0]));
}
