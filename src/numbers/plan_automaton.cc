#include "numbers/plan_automaton.hh"

#include <algorithm>
#include <array>
#include <map>

namespace plan
{

namespace
{

/* Seven times what the largest numbering plan takes. */
constexpr size_t MOST_STATES = 10000;
static_assert(MOST_STATES <= UINT16_MAX, "a node for each, and a verdict");

/* The steps that a program is at, each a DIGIT or a MATCH, in ascending order. */
using State = std::vector<uint32_t>;

class Builder
{
  public:
    Builder(const Patterns &of, size_t digits, const Judge &by, Automaton *to)
        : patterns(of), program(of.program()), longest(digits), judge(by), out(to),
          known(digits + 1), seen(program.size(), 0)
    {
    }

    bool build()
    {
        State state;
        next_visit();
        for (size_t begin : patterns.begins())
            enter(begin, &state);
        std::sort(state.begin(), state.end());
        return reach(state, 0, &out->first);
    }

  private:
    const Patterns &patterns;
    const Program &program;
    const size_t longest;
    const Judge &judge;
    Automaton *const out;
    /* by the digits that were read: a number of ten digits is not one of eleven */
    std::vector<std::map<State, uint16_t>> known;
    std::map<std::array<uint16_t, 11>, uint16_t> nodes;
    std::vector<uint32_t> seen; /* by step: the last visit that came there */
    uint32_t visit = 0;
    size_t states = 0;

    void next_visit()
    {
        visit++;
    }

    /* Follows what reads nothing. */
    void enter(size_t step, State *state)
    {
        while (seen[step] != visit) {
            seen[step] = visit;
            const Step &here = program[step];
            if (here.kind == Step::DIGIT || here.kind == Step::MATCH) {
                state->push_back(static_cast<uint32_t>(step));
                return;
            }
            const size_t other = static_cast<size_t>(static_cast<ptrdiff_t>(step) + here.by);
            if (here.kind == Step::FORK)
                enter(step + 1, state);
            step = other;
        }
    }

    State after(const State &state, unsigned digit)
    {
        State next;
        next_visit();
        for (uint32_t step : state) {
            if (program[step].kind == Step::DIGIT && (program[step].digits >> digit & 1) != 0)
                enter(step + 1, &next);
        }
        std::sort(next.begin(), next.end());
        return next;
    }

    /* The node of a state, made behind those that it leads to, so that equal ones are found. */
    bool reach(const State &state, size_t digits, uint16_t *node)
    {
        const auto found = known[digits].find(state);
        if (found != known[digits].end()) {
            *node = found->second;
            return true;
        }
        if (++states > MOST_STATES)
            return false;
        std::array<uint16_t, 11> made = {};
        for (unsigned digit = 0; digit < 10 && digits < longest; digit++) {
            if (!reach(after(state, digit), digits + 1, &made[digit]))
                return false;
        }
        std::vector<bool> matches(patterns.count());
        for (uint32_t step : state) {
            if (program[step].kind == Step::MATCH)
                matches[program[step].pattern] = true;
        }
        made[10] = judge(digits, matches);
        const auto same = nodes.find(made);
        if (same != nodes.end()) {
            *node = same->second;
        } else {
            *node = static_cast<uint16_t>(out->nodes.size());
            Node copy;
            std::copy(made.begin(), made.begin() + 10, copy.next);
            copy.verdict = made[10];
            out->nodes.push_back(copy);
            nodes.emplace(made, *node);
        }
        known[digits].emplace(state, *node);
        return true;
    }
};

} // namespace

bool Patterns::add(const std::string &pattern, bool begins, size_t *out)
{
    const std::string text = (begins ? "^" : "=") + pattern;
    const auto found = std::find(texts.begin(), texts.end(), text);
    *out = static_cast<size_t>(found - texts.begin());
    if (found != texts.end())
        return true;
    Program program;
    if (!compile_pattern(begins ? "(?:" + pattern + ")\\d*" : pattern, &program))
        return false;
    starts.push_back(steps.size());
    texts.push_back(text);
    steps.insert(steps.end(), program.begin(), program.end());
    steps.push_back({Step::MATCH, 0, static_cast<uint32_t>(*out), 0});
    return true;
}

bool build_automaton(const Patterns &patterns, size_t longest, const Judge &judge, Automaton *out)
{
    out->nodes.clear();
    if (!Builder(patterns, longest, judge, out).build())
        return false;
    out->nodes.shrink_to_fit();
    return true;
}

} // namespace plan
