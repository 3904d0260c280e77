#ifndef CT_NUMBERS_PLAN_TABLE_HH
#define CT_NUMBERS_PLAN_TABLE_HH

#include <cstddef>
#include <cstdint>
#include <vector>

#include "numbers/plan_automaton.hh"
#include "numbers/plan_layout.hh"
#include "numbers/plan_metadata.hh"
#include "numbers/plan_module.h"

namespace plan
{

/** What libphonenumber would say of every number with one calling code, in a form that is walked digit by digit. */
class Table
{
  public:
    /** Of the regions of a calling code in their order, for national numbers of up to @p longest digits. When
     *  something in them cannot be expressed, the table knows nothing. Throws std::bad_alloc. */
    Table(const std::vector<Region> &regions, size_t longest);

    /** Sets the country, type and format. False when the library is to be asked. */
    bool describe(const char *digits, size_t count, ct_plan_answer *out) const;

    /** What the digits lead through, so that a test can go every way. */
    const Automaton &ways() const
    {
        return automaton;
    }
    size_t bytes() const;

  private:
    /* What is said of all numbers that lead to a node */
    struct Verdict {
        char country[2];
        uint8_t type; /* ASK: the library knows */
        Layout layout;
    };
    static constexpr uint8_t ASK = 0xff;

    size_t most_digits;
    Automaton automaton;
    std::vector<Verdict> verdicts;

    friend class Judging;
};

} // namespace plan

#endif
