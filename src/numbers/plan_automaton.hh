#ifndef CT_NUMBERS_PLAN_AUTOMATON_HH
#define CT_NUMBERS_PLAN_AUTOMATON_HH

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "numbers/plan_pattern.hh"

namespace plan
{

/** Many patterns, of which those are sought that match a number. */
class Patterns
{
  public:
    /** A pattern that must match the whole number, or only what it begins with. *out is its place in the
     *  list of matches, the same for the same pattern. False when it cannot be compiled. */
    bool add(const std::string &pattern, bool begins, size_t *out);

    size_t count() const
    {
        return texts.size();
    }
    const Program &program() const
    {
        return steps;
    }
    /** Where the program of each begins. */
    const std::vector<size_t> &begins() const
    {
        return starts;
    }

  private:
    std::vector<std::string> texts;
    std::vector<size_t> starts;
    Program steps;
};

/** The state after some digits: what is to be said of the number that ends here, and where each further digit leads. */
struct Node {
    uint16_t next[10];
    uint16_t verdict;
};

/** What is to be said of the numbers of so many digits that match these patterns and no others. */
using Judge = std::function<uint16_t(size_t digits, const std::vector<bool> &matches)>;

struct Automaton {
    std::vector<Node> nodes;
    uint16_t first;
};

/** All numbers of up to @p longest digits judged; equal states are one. False when there would be too many. */
bool build_automaton(const Patterns &patterns, size_t longest, const Judge &judge, Automaton *out);

} // namespace plan

#endif
