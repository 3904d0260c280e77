#ifndef CT_NUMBERS_PLAN_TABLES_HH
#define CT_NUMBERS_PLAN_TABLES_HH

#include <array>
#include <atomic>
#include <bitset>
#include <cstddef>
#include <mutex>

#include "numbers/plan_metadata.hh"
#include "numbers/plan_module.h"
#include "numbers/plan_table.hh"

namespace plan
{

/** The tables of the calling codes, each made when a number of it is asked for first. Safe from any thread. */
class Tables
{
  public:
    /** No table yet. Throws std::bad_alloc, as all of these but find. */
    explicit Tables(const Metadata &of = Metadata());
    ~Tables();
    Tables(const Tables &) = delete;
    Tables &operator=(const Tables &) = delete;

    /** What the tables that were made say of a number in the form of ct_e164_normalize; allocates nothing. False
     *  when they do not tell. */
    bool find(const char *e164, size_t size, ct_plan_answer *out) const noexcept;
    /** As find, but makes the table that is missing. False when the library must be asked. */
    bool make_and_find(const char *e164, size_t size, ct_plan_answer *out);
    /** The calling code of two letters A to Z, 0 when there is none. False when the library must be asked. */
    bool code_of(const char *country, int *out) const;

  private:
    /* A calling code has 1 to 3 digits, and none begins with another one (ITU-T E.164 section 6.2.1). */
    static constexpr size_t CODES = 1000;
    static constexpr size_t MOST_DIGITS = 15;

    const Metadata metadata;
    std::bitset<CODES> codes;
    std::mutex making;
    std::array<std::atomic<const Table *>, CODES> tables = {}; /* NULL: not made */

    size_t code_at(const char *digits, size_t size, size_t *length) const noexcept;
};

} // namespace plan

#endif
