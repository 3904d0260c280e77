#ifndef CT_NUMBERS_PLAN_PATTERN_HH
#define CT_NUMBERS_PLAN_PATTERN_HH

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace plan
{

/** One step of a program that reads digits and may be at several steps at once (Thompson's construction). */
struct Step {
    enum Kind : uint8_t {
        DIGIT, /* reads one of `digits`, goes on to the next step */
        FORK,  /* goes on to the next step and to the one `by` further */
        JUMP,  /* goes on to the step `by` further */
        MATCH, /* `pattern` has matched what was read */
    };
    Kind kind;
    uint16_t digits;  /* bit n: the digit n */
    uint32_t pattern; /* what the program of several patterns calls it */
    int32_t by;
};
using Program = std::vector<Step>;

constexpr uint16_t ANY_DIGIT = 0x3ff;

/** The program of a regular expression, without MATCH. False for what has anything but digits, \d, [0-9], groups,
 *  |, ?, *, + and {n,m}: then the library is to be asked. */
bool compile_pattern(const std::string &pattern, Program *out);

/** One digit of a pattern: `1`, `\d` or `[2-4]`; *at goes behind it. 0 when there is none. */
uint16_t read_digit(const char **at, const char *end);

/** How often what comes before it is repeated: ?, *, +, {n}, {n,} or {n,m}; once when there is none of them. */
struct Count {
    size_t least;
    size_t most;
};
constexpr size_t UNLIMITED = SIZE_MAX;
/** *at goes behind it. False for what is lazy, possessive or no count. */
bool read_count(const char **at, const char *end, Count *out);

} // namespace plan

#endif
