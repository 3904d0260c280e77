/* A number in E.164 form is described, and the same the second time; anything else is refused. The first
 * byte is no part of it: it says whether the rest is asked for as a number or as a country. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "numbers/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ct_plan *start(void)
{
    struct ct_plan *plan = NULL;
    const char *why = NULL;
    static struct ct_arena *arena; /* for as long as the process lives */
    arena = ct_arena_new();
    assert(arena != NULL);
    enum ct_result result = ct_plan_new(NULL, arena, &plan, &why);
    assert(result == CT_OK);
    return plan;
}

static bool is_e164(struct ct_str text)
{
    if (text.len < 3 || text.len > 16 || text.at[0] != '+' || text.at[1] == '0')
        return false;
    for (size_t i = 1; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    }
    return true;
}

static void check_number(struct ct_plan *plan, struct ct_arena *arena, struct ct_str text)
{
    struct ct_plan_info info = {0};
    struct ct_plan_info again = {0};
    enum ct_result result = ct_plan_describe(plan, arena, text, &info);
    assert(result == (is_e164(text) ? CT_OK : CT_INVALID));
    if (result != CT_OK)
        return;
    assert(info.type.len > 0 && info.national_format.len > 0);
    assert(info.valid == !ct_str_equal(info.type, CT_STR("unknown")));
    assert(info.country.at == NULL ? info.country.len == 0 : info.country.len == 2);
    assert(!info.valid || info.calling_code > 0);
    result = ct_plan_describe(plan, arena, text, &again);
    assert(result == CT_OK && ct_str_equal(info.national_format, again.national_format));
    assert(info.valid == again.valid && info.calling_code == again.calling_code);
    assert(ct_str_equal(info.country, again.country) && ct_str_equal(info.type, again.type));
    if (info.country.at == NULL)
        return;
    int code = 0;
    result = ct_plan_calling_code(plan, info.country, &code);
    assert(result == CT_OK && code == info.calling_code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ct_plan *plan;
    if (plan == NULL)
        plan = start();
    struct ct_arena *arena = ct_arena_new();
    assert(arena != NULL);
    int code = 0;
    if (size > 0 && data[0] != 'c') {
        check_number(plan, arena, (struct ct_str){(const char *)data + 1, size - 1});
    } else if (size > 0) {
        struct ct_str country = {(const char *)data + 1, size - 1};
        enum ct_result result = ct_plan_calling_code(plan, country, &code);
        assert(result == CT_NOT_FOUND || (result == CT_OK && code > 0 && code < 1000));
    }
    ct_arena_free(arena);
    return 0;
}
