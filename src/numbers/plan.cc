/* The module that plan.c loads. An exception must not leave it: the program knows none. */
#include <new>

#include "numbers/plan_library.hh"
#include "numbers/plan_module.h"
#include "numbers/plan_tables.hh"

struct ct_plan_tables {
    plan::Tables tables;
};

namespace
{

template <typename Work> ct_result guarded(Work work) noexcept
{
    try {
        return work();
    } catch (const std::bad_alloc &) {
        return CT_NOMEM;
    } catch (...) {
        return CT_BUG;
    }
}

ct_result module_open(ct_plan_tables **out)
{
    return guarded([=] {
        *out = new ct_plan_tables;
        return CT_OK;
    });
}

void module_close(ct_plan_tables *tables)
{
    delete tables;
}

bool module_find(const ct_plan_tables *tables, const char *e164, size_t size, ct_plan_answer *out)
{
    return tables->tables.find(e164, size, out);
}

ct_result module_describe(ct_plan_tables *tables, const char *e164, size_t size,
                          ct_plan_answer *out)
{
    return guarded([=] {
        if (!tables->tables.make_and_find(e164, size, out))
            plan::ask_library(e164, size, out);
        return CT_OK;
    });
}

ct_result module_calling_code(const ct_plan_tables *tables, const char *country, int *out)
{
    return guarded([=] {
        if (!tables->tables.code_of(country, out))
            *out = plan::ask_library_for_code(country);
        return *out > 0 ? CT_OK : CT_NOT_FOUND;
    });
}

} // namespace

const ct_plan_module ct_plan_module_table = {CT_VERSION,  module_open,     module_close,
                                             module_find, module_describe, module_calling_code};
