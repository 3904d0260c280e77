#include "failing_new.hh"

#include <cstddef>
#include <new>

/* The linker sends the program's calls of operator new here, and those alone. */
extern "C" {
void *__real__Znwm(size_t size);
void *__wrap__Znwm(size_t size);
}

__thread long allocations_left = -1;

void *__wrap__Znwm(size_t size)
{
    if (allocations_left == 0)
        throw std::bad_alloc();
    if (allocations_left > 0)
        allocations_left--;
    return __real__Znwm(size);
}
