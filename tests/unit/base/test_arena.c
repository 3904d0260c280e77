#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "harness.h"

static bool is_zero(const unsigned char *at, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (at[i] != 0)
            return false;
    }
    return true;
}

static enum ct_result test_memory_is_zeroed_and_aligned(void)
{
    static const size_t sizes[] = {1, 3, 8, 17, 100, 999, 1000, 1001, 4000, 4001, 100000, 7};
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            unsigned char *at = ct_arena_alloc(arena, sizes[i]);
            TRY_MEMORY(at);
            EXPECT((uintptr_t)at % alignof(max_align_t) == 0);
            EXPECT(is_zero(at, sizes[i]));
            memset(at, 0xA5, sizes[i]);
        }
    }
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_pieces_do_not_overlap(void)
{
    enum ct_result result = CT_OK;
    unsigned char *pieces[200];
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < 200; i++) {
        pieces[i] = ct_arena_alloc(arena, i * 13 + 1);
        TRY_MEMORY(pieces[i]);
        memset(pieces[i], (int)i, i * 13 + 1);
    }
    for (size_t i = 0; i < 200; i++) {
        EXPECT(pieces[i][0] == i);
        EXPECT(pieces[i][i * 13] == i);
    }
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_a_small_first_block(void)
{
    static const size_t firsts[] = {0, 1, 17, 600, 4000};
    enum ct_result result = CT_OK;
    struct ct_arena *arena = NULL;

    for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
        unsigned char *pieces[40];
        ct_arena_free(arena);
        arena = ct_arena_sized(firsts[i]);
        TRY_MEMORY(arena);
        for (size_t k = 0; k < 40; k++) {
            pieces[k] = ct_arena_alloc(arena, k * 7 + 1);
            TRY_MEMORY(pieces[k]);
            EXPECT((uintptr_t)pieces[k] % alignof(max_align_t) == 0);
            EXPECT(is_zero(pieces[k], k * 7 + 1));
            memset(pieces[k], (int)k + 1, k * 7 + 1);
        }
        for (size_t k = 0; k < 40; k++) {
            EXPECT(pieces[k][0] == k + 1);
            EXPECT(pieces[k][k * 7] == k + 1);
        }
    }
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_size_zero_is_a_pointer(void)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY_MEMORY(ct_arena_alloc(arena, 0));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_copies_are_terminated(void)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    char *copy = ct_arena_copy(arena, "abcdef", 3);
    TRY_MEMORY(copy);
    EXPECT(strcmp(copy, "abc") == 0);
    copy = ct_arena_copy(arena, "a\0b", 3);
    TRY_MEMORY(copy);
    EXPECT(memcmp(copy, "a\0b", 4) == 0);
    copy = ct_arena_copy(arena, NULL, 0);
    TRY_MEMORY(copy);
    EXPECT(copy[0] == '\0');
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_text_by_a_format(void)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    char *text = ct_arena_printf(arena, "%s has %d", "alice", 3);
    TRY_MEMORY(text);
    EXPECT(strcmp(text, "alice has 3") == 0);
    text = ct_arena_printf(arena, "%5000d", 1);
    TRY_MEMORY(text);
    EXPECT(strlen(text) == 5000);
    EXPECT(text[4999] == '1');
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_sizes_that_no_memory_has(void)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    /* Rounded up or with a header added, each of these would wrap to something small. */
    for (size_t less = 0; less < 64; less++) {
        EXPECT(ct_arena_alloc(arena, SIZE_MAX - less) == NULL);
        EXPECT(ct_arena_copy(arena, "", SIZE_MAX - less) == NULL);
    }
    TRY_MEMORY(ct_arena_alloc(arena, 1));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_freeing_nothing(void)
{
    ct_arena_free(NULL);
    return CT_OK;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_memory_is_zeroed_and_aligned), CT_UNIT(test_pieces_do_not_overlap),
    CT_UNIT(test_a_small_first_block),          CT_UNIT(test_size_zero_is_a_pointer),
    CT_UNIT(test_copies_are_terminated),        CT_UNIT(test_text_by_a_format),
    CT_UNIT(test_sizes_that_no_memory_has),     CT_UNIT(test_freeing_nothing),
};

int main(void)
{
    return ct_unit_main("base_arena", units, sizeof(units) / sizeof(units[0]));
}
