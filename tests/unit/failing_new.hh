#ifndef CT_TESTS_UNIT_FAILING_NEW_HH
#define CT_TESTS_UNIT_FAILING_NEW_HH

/** How many allocations of C++ this thread still gets before all fail with std::bad_alloc. Negative: all are made,
 *  as at first. Those that libraries make never fail: protobuf would leak what it was making. (Not thread_local: GCC reads
 *  that through a function which its own sanitizer takes for a null pointer.) */
extern __thread long allocations_left;

#endif
