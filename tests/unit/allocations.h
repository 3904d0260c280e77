#ifndef CT_TESTS_UNIT_ALLOCATIONS_H
#define CT_TESTS_UNIT_ALLOCATIONS_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Every allocation that the program and its tests make: counted, remembered until it is freed, and
 * made to fail on request. Calls reach it through the linker's --wrap; jansson and SQLite are
 * handed the same functions. What other libraries allocate inside is not seen, and a pointer that
 * such a library made may be freed here as usual. Safe from any thread.
 */

/** Puts the functions under jansson and SQLite. To be called once, before either was used. */
void ct_allocations_install(void);
/** Counts from zero; the allocation numbered @p fail_at (from 1) returns NULL. 0 fails none. */
void ct_allocations_start(size_t fail_at);
/** Until it is called with false, allocations of all threads are neither counted nor fail. Those not freed are
 *  leaks all the same. */
void ct_allocations_spare(bool yes);
/** Until the next start, only one in @p every of SQLite's is counted and may fail. */
void ct_allocations_of_sqlite(size_t every);
/** Fails no more, and tells how many there were since the start and whether the chosen one failed.
 */
size_t ct_allocations_stop(bool *failed);
/** Whether the chosen one has failed so far. */
bool ct_allocations_failed(void);
/** What was allocated since the start and is not yet freed; @p first (may be NULL) gets the number
 *  of the earliest of them. They are forgotten, so that each leak is reported once. */
size_t ct_allocations_leaked(size_t *first);

#endif
