#ifndef CT_BASE_ARENA_H
#define CT_BASE_ARENA_H

#include <stddef.h>

/**
 * Memory that is freed all at once: a request's, a job's, a command's. Not safe for two threads at
 * the same time. With CT_ARENA_CHECKED defined (the sanitizer builds) every allocation is a malloc
 * of its own, so that an overrun is seen.
 */
struct ct_arena;

/** A new arena, or NULL without memory. The owner frees it with ct_arena_free. */
struct ct_arena *ct_arena_new(void);
/** The same, whose first block has room for @p first bytes (at most 4,000) and no more: for what is small and kept
 *  long. */
struct ct_arena *ct_arena_sized(size_t first);
/** An arena that begins in the caller's memory (aligned for any type, at least CT_ARENA_ROOM bytes) and asks
 *  for more only when that is full: for short texts on the stack. Freed in the same way; never NULL but
 *  in the sanitizer builds, which do not use the memory. */
#define CT_ARENA_ROOM ((size_t)256)
struct ct_arena *ct_arena_in(void *memory, size_t size);
/** Frees the arena and all that was allocated in it. NULL is allowed. */
void ct_arena_free(struct ct_arena *arena);
/** Zeroed memory aligned for any type, or NULL without memory, or for more than 1 GiB. Size
 *  0 gives a valid pointer. */
void *ct_arena_alloc(struct ct_arena *arena, size_t size);
/** The same, not zeroed: for what is written before it is read. */
void *ct_arena_room(struct ct_arena *arena, size_t size);
/** A copy of @p size bytes with a NUL behind them, or NULL without memory. */
char *ct_arena_copy(struct ct_arena *arena, const void *data, size_t size);
/** Text by a format, or NULL without memory. */
char *ct_arena_printf(struct ct_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
