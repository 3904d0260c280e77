#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A first block that holds what an ordinary request needs, so that it costs one malloc. */
#define BLOCK_SIZE ((size_t)4000)
#define ALIGNMENT alignof(max_align_t)
/* More is a size that was computed wrongly. */
#define MAX_PIECE ((size_t)1 << 30)

struct block {
    struct block *next;
    size_t used;
    size_t size;
    alignas(ALIGNMENT) unsigned char bytes[];
};

struct ct_arena {
    struct block *newest;
    struct block *borrowed; /* the caller's, which is not freed */
};

static struct block *block_new(size_t size)
{
    if (size > MAX_PIECE)
        return NULL;
    struct block *block = malloc(sizeof(*block) + size);
    if (block == NULL)
        return NULL;
    block->next = NULL;
    block->used = 0;
    block->size = size;
    return block;
}

#ifdef CT_ARENA_CHECKED

static void *take(struct ct_arena *arena, size_t size)
{
    struct block *block = block_new(size == 0 ? 1 : size);
    if (block == NULL)
        return NULL;
    block->used = block->size;
    block->next = arena->newest;
    arena->newest = block;
    return block->bytes;
}

struct ct_arena *ct_arena_new(void)
{
    return calloc(1, sizeof(struct ct_arena));
}

struct ct_arena *ct_arena_sized(size_t first)
{
    (void)first;
    return ct_arena_new();
}

struct ct_arena *ct_arena_in(void *memory, size_t size)
{
    (void)memory;
    (void)size;
    return ct_arena_new();
}

void ct_arena_free(struct ct_arena *arena)
{
    if (arena == NULL)
        return;
    struct block *next;
    for (struct block *block = arena->newest; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

#else

static void *take(struct ct_arena *arena, size_t size)
{
    size_t rounded = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (rounded < size)
        return NULL;
    struct block *block = arena->newest;
    if (block->size - block->used < rounded) {
        struct block *fresh = block_new(rounded > BLOCK_SIZE / 4 ? rounded : BLOCK_SIZE);
        if (fresh == NULL)
            return NULL;
        if (fresh->size == rounded) {
            /* A large piece gets a block of its own behind the newest, which keeps its free room.
             */
            fresh->used = rounded;
            fresh->next = block->next;
            block->next = fresh;
            return fresh->bytes;
        }
        fresh->next = block;
        arena->newest = block = fresh;
    }
    void *at = block->bytes + block->used;
    block->used += rounded;
    return at;
}

/* The arena lives at the start of its first block. */
static struct ct_arena *begin(struct block *block)
{
    struct ct_arena *arena = (struct ct_arena *)(void *)block->bytes;
    block->used = (sizeof(*arena) + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    arena->newest = block;
    arena->borrowed = NULL;
    return arena;
}

struct ct_arena *ct_arena_new(void)
{
    struct block *block = block_new(BLOCK_SIZE);
    return block == NULL ? NULL : begin(block);
}

struct ct_arena *ct_arena_sized(size_t first)
{
    assert(first <= BLOCK_SIZE);
    struct block *block = block_new(sizeof(struct ct_arena) + ALIGNMENT + first);
    return block == NULL ? NULL : begin(block);
}

struct ct_arena *ct_arena_in(void *memory, size_t size)
{
    assert(size >= CT_ARENA_ROOM);
    struct block *block = memory;
    block->next = NULL;
    block->size = size - sizeof(*block);
    struct ct_arena *arena = begin(block);
    arena->borrowed = block;
    return arena;
}

void ct_arena_free(struct ct_arena *arena)
{
    if (arena == NULL)
        return;
    const struct block *borrowed = arena->borrowed;
    struct block *next;
    for (struct block *block = arena->newest; block != NULL; block = next) {
        next = block->next; /* the oldest, freed last, holds the arena itself */
        if (block != borrowed)
            free(block);
    }
}

#endif

void *ct_arena_alloc(struct ct_arena *arena, size_t size)
{
    void *at = take(arena, size);
    if (at != NULL)
        memset(at, 0, size);
    return at;
}

void *ct_arena_room(struct ct_arena *arena, size_t size)
{
    return take(arena, size);
}

char *ct_arena_copy(struct ct_arena *arena, const void *data, size_t size)
{
    if (size == SIZE_MAX)
        return NULL;
    char *at = take(arena, size + 1);
    if (at == NULL)
        return NULL;
    if (size > 0)
        memcpy(at, data, size);
    at[size] = '\0';
    return at;
}

char *ct_arena_printf(struct ct_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0)
        return NULL;
    char *at = take(arena, (size_t)size + 1);
    if (at == NULL)
        return NULL;
    va_start(args, format);
    (void)vsnprintf(at, (size_t)size + 1, format, args);
    va_end(args);
    return at;
}
