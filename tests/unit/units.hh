#ifndef CT_TESTS_UNIT_UNITS_HH
#define CT_TESTS_UNIT_UNITS_HH

#include <cstddef>
#include <cstdio>

/** A test of what is written in C++: the harness's sweep knows C's allocations alone. */
struct Unit {
    const char *name;
    bool (*run)();
};

/** Says where, and answers false. */
#define EXPECT(condition)                                                             \
    do {                                                                              \
        if (!(condition)) {                                                           \
            std::printf("%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
            return false;                                                             \
        }                                                                             \
    } while (0)

/** Runs all of them and reports as cmocka does; what main() returns. */
template <size_t Count> int run_units(const Unit (&units)[Count])
{
    int failed = 0;
    for (const Unit &unit : units) {
        std::printf("[ RUN      ] %s\n", unit.name);
        std::fflush(stdout);
        const bool right = unit.run();
        failed += right ? 0 : 1;
        std::printf(right ? "[       OK ] %s\n" : "[  FAILED  ] %s\n", unit.name);
        std::fflush(stdout);
    }
    return failed == 0 ? 0 : 1;
}

#endif
