#ifndef CT_NUMBERS_PLAN_LIBRARY_HH
#define CT_NUMBERS_PLAN_LIBRARY_HH

#include <cstddef>

#include "numbers/plan_module.h"

namespace plan
{

/** What libphonenumber says of a number in the form of ct_e164_normalize. It takes some 20 µs, and 4 MB before the
 *  first. Throws std::bad_alloc. */
void ask_library(const char *e164, size_t size, ct_plan_answer *out);
/** The calling code of two letters A to Z, or 0. */
int ask_library_for_code(const char *country);

} // namespace plan

#endif
