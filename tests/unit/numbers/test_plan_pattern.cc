/* What a pattern and a format may be made of, and that anything else is left to the library. */
#include <string>
#include <vector>

#include "numbers/plan_automaton.hh"
#include "numbers/plan_layout.hh"
#include "numbers/plan_pattern.hh"
#include "units.hh"

namespace
{

using plan::Automaton;
using plan::Layout;
using plan::Patterns;

/* Whether the number is what the pattern matches, whole or as its beginning. */
bool matches(const std::string &pattern, bool begins, const std::string &digits)
{
    Patterns patterns;
    Automaton automaton;
    size_t at = 0;
    const plan::Judge judge = [](size_t, const std::vector<bool> &found) {
        return static_cast<uint16_t>(found[0] ? 1 : 0);
    };
    if (!patterns.add(pattern, begins, &at) ||
        !plan::build_automaton(patterns, 14, judge, &automaton))
        return false;
    const plan::Node *node = &automaton.nodes[automaton.first];
    for (char digit : digits)
        node = &automaton.nodes[node->next[digit - '0']];
    return node->verdict == 1;
}

bool test_patterns()
{
    EXPECT(matches("12", false, "12") && !matches("12", false, "1") &&
           !matches("12", false, "123"));
    EXPECT(matches("12", true, "123") && matches("12", true, "12") && !matches("12", true, "13"));
    EXPECT(matches("\\d{3}", false, "907") && !matches("\\d{3}", false, "9070"));
    EXPECT(matches("[2-47]\\d", false, "39") && matches("[2-47]\\d", false, "70"));
    EXPECT(!matches("[2-47]\\d", false, "59") && !matches("[2-47]\\d", false, "11"));
    EXPECT(matches("1(?:2|34?)5", false, "125") && matches("1(?:2|34?)5", false, "135"));
    EXPECT(matches("1(?:2|34?)5", false, "1345") && !matches("1(?:2|34?)5", false, "15"));
    EXPECT(matches("(1|2){2,3}", false, "121") && !matches("(1|2){2,3}", false, "1211"));
    EXPECT(matches("1{2,}", false, "11111") && !matches("1{2,}", false, "1"));
    EXPECT(matches("12*", false, "1") && matches("12*", false, "1222"));
    EXPECT(matches("12+", false, "122") && !matches("12+", false, "1"));
    EXPECT(matches("(?:1?2?)*3", false, "12123") && matches("(?:1?2?)*3", false, "3"));
    EXPECT(matches("1|23|", false, "23") && matches("1|23|", false, ""));
    EXPECT(matches("", true, "4930"));
    return true;
}

bool test_what_no_pattern_may_have()
{
    static const char *const wrong[] = {
        "1.",    "^1",     "1$",     "1\\b",    "(?!1)2", "(?=1)\\d", "(?<a>1)",
        "1\\D",  "[^1]",   "[1",     "[]",      "[1-]",   "[a]",      "[3-1]",
        "(1",    "1)",     "1??",    "1*+",     "1{2}?",  "1{",       "1{2",
        "1{,2}", "1{3,2}", "1{100}", "*1",      "a",      "1 2",      "\\p{Nd}",
        "\\1",   "(?i)1",  "(?:1",   "1{2}{3}", "\\",     "(?",       "(?:(?:(?:1{90}){90}){90})",
    };
    for (const char *pattern : wrong) {
        plan::Program program;
        if (plan::compile_pattern(pattern, &program))
            std::printf("%s is taken for a pattern\n", pattern);
        EXPECT(!plan::compile_pattern(pattern, &program));
    }
    return true;
}

std::string shown(const Layout &layout, const std::string &digits)
{
    std::string text;
    for (size_t i = 0; i < layout.size; i++)
        text += layout.parts[i] < plan::DIGIT_AT ? static_cast<char>(layout.parts[i])
                                                 : digits[layout.parts[i] - plan::DIGIT_AT];
    return text;
}

std::string written(const char *pattern, const char *format, const char *rule,
                    const std::string &digits)
{
    Layout layout;
    if (!plan::make_layout(pattern, format, rule, digits.size(), &layout))
        return "?";
    return shown(layout, digits);
}

bool test_layouts()
{
    EXPECT(written("(\\d{2})(\\d{3})", "$1 $2", "", "12345") == "12 345");
    EXPECT(written("(\\d{2})(\\d{3})", "$1-$2", "0$1", "12345") == "012-345");
    EXPECT(written("(\\d{2})(\\d{3})", "$1 $2", "($1)", "12345") == "(12) 345");
    EXPECT(written("(\\d)(\\d{2})(\\d{3})", "$2 15-$3", "0$1", "912345") == "012 15-345");
    /* the first group takes what it can */
    EXPECT(written("(\\d{2,4})(\\d{2,3})", "$1 $2", "", "123456") == "1234 56");
    EXPECT(written("(\\d{2,4})(\\d{2,3})", "$1 $2", "", "1234567") == "1234 567");
    EXPECT(written("(\\d{2,4})(\\d{2,3})", "$1 $2", "", "12345") == "123 45");
    EXPECT(written("(\\d)(\\d*)", "$1 $2", "", "12345") == "1 2345");
    EXPECT(written("(1\\d)(\\d{3,4})", "$1 $2", "", "12345") == "12 345");
    EXPECT(written("15(\\d{3})", "$1", "", "15345") == "345");
    EXPECT(shown(plan::plain_layout(4), "4930") == "4930");
    return true;
}

/* What depends on more than the number of digits, or on rules that are not here. */
bool test_layouts_that_are_not_known()
{
    EXPECT(written("(1?\\d)(\\d{2,3})", "$1 $2", "", "1234") == "?");
    EXPECT(written("(\\d{4})(\\d{2}|\\d{3})", "$1 $2", "", "1234567") == "?");
    EXPECT(written("(\\d{2})(\\d{2})?", "$1 $2", "", "1234") == "?");
    EXPECT(written("((\\d{2})\\d{2})", "$1 $2", "", "1234") == "?");
    EXPECT(written("(?:\\d{2})(\\d{2})", "$1", "", "1234") == "?");
    EXPECT(written("(\\d{2})(\\d{3})", "$1 $2", "", "1234") == "?");
    EXPECT(written("(\\d{2})(\\d{2})", "$1 $3", "", "1234") == "?");
    EXPECT(written("(\\d{2})(\\d{2})", "$0", "", "1234") == "?");
    EXPECT(written("(\\d{2})(\\d{2})", "$1 \\$2", "", "1234") == "?");
    EXPECT(written("(\\d{2})(\\d{2})", "$1 $", "", "1234") == "?");
    EXPECT(written("(\\d{2})(\\d{2})", "$1 \xc2\xa0$2", "", "1234") == "?");
    EXPECT(written("(\\d{2})(\\d{2})", "$1 $2", "0$2", "1234") == "?");
    EXPECT(written("(\\d{2})(\\d{2})", "$1 $2", "$", "1234") == "?");
    EXPECT(written("(\\d{2})(\\d{2})", "$1 $2", "\\0$1", "1234") == "?");
    EXPECT(written("(\\d{2})(\\d{2})", "", "", "1234") == "?");
    EXPECT(written("(\\d{4})", "$1$1$1$1$1$1$1$1$1$1$1$1$1", "", "1234") == "?");
    return true;
}

/* States that no table has room for. */
bool test_too_many_states()
{
    Patterns patterns;
    Automaton automaton;
    size_t at = 0;
    /* which of the last 14 digits were 1: every number is a state of its own */
    const plan::Judge judge = [](size_t, const std::vector<bool> &) { return uint16_t{0}; };
    for (size_t i = 1; i <= 13; i++)
        EXPECT(patterns.add("\\d*1\\d{" + std::to_string(i) + "}", false, &at));
    for (size_t i = 1; i <= 13; i++)
        EXPECT(patterns.add("\\d*2\\d{" + std::to_string(i) + "}", false, &at));
    EXPECT(!plan::build_automaton(patterns, 14, judge, &automaton));
    return true;
}

} // namespace

int main()
{
    static const Unit units[] = {
        {"test_patterns", test_patterns},
        {"test_what_no_pattern_may_have", test_what_no_pattern_may_have},
        {"test_layouts", test_layouts},
        {"test_layouts_that_are_not_known", test_layouts_that_are_not_known},
        {"test_too_many_states", test_too_many_states},
    };
    return run_units(units);
}
