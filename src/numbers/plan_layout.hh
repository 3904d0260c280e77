#ifndef CT_NUMBERS_PLAN_LAYOUT_HH
#define CT_NUMBERS_PLAN_LAYOUT_HH

#include <cstddef>
#include <cstdint>
#include <string>

namespace plan
{

/** What a number is written by: characters, and where its digits stand among them. */
struct Layout {
    uint8_t size;
    /** A character, or DIGIT_AT + i for the digit i of the national number. */
    uint8_t parts[50];
};
constexpr uint8_t DIGIT_AT = 0x80;

/** The layout that is the digits alone. */
Layout plain_layout(size_t digits);

/** How the library writes a number of so many digits that @p pattern is known to match whole, by a format as
 *  "$1 $2" with @p rule, as "0$1", in the place of its first group. False when that cannot be said of every such
 *  number alike: then the library is to be asked. */
bool make_layout(const std::string &pattern, const std::string &format, const std::string &rule,
                 size_t digits, Layout *out);

} // namespace plan

#endif
