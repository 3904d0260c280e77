/* Whatever is written, the plain form is one that the documented pattern describes, it has the digits of
 * the input in their order, and it is its own plain form. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "numbers/e164.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct ct_arena *arena, struct ct_str in, struct ct_str out)
{
    struct ct_str again = {0};
    size_t from = in.len;

    assert(out.len >= 3 && out.len <= 16 && out.at[0] == '+' && out.at[out.len] == '\0');
    assert(out.at[1] >= '1' && out.at[1] <= '9');
    assert(strspn(out.at + 1, "0123456789") == out.len - 1);
    assert(ct_e164_normalize(arena, out, &again) == CT_OK && ct_str_equal(out, again));
    /* From the end, so that a "00" in front is left over, and nothing else. */
    for (size_t i = out.len; i-- > 1;) {
        while (in.at[--from] < '0' || in.at[from] > '9')
            assert(from > 0);
        assert(in.at[from] == out.at[i]);
    }
    while (from-- > 0)
        assert(in.at[from] < '1' || in.at[from] > '9');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_str in = {(const char *)data, size};
    struct ct_str out = {0};
    struct ct_arena *arena = ct_arena_new();
    assert(arena != NULL);
    enum ct_result result = ct_e164_normalize(arena, in, &out);
    assert(result == CT_OK || result == CT_INVALID);
    if (result == CT_OK)
        check(arena, in, out);
    ct_arena_free(arena);
    return 0;
}
