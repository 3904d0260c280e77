#include <string.h>

#include "harness.h"

static enum ct_result test_every_result_has_a_sentence(void)
{
    enum ct_result result = CT_OK;

    for (int i = CT_OK; i <= CT_BUG; i++) {
        const char *text = ct_result_text((enum ct_result)i);
        EXPECT(text != NULL && text[0] != '\0');
        for (int k = CT_OK; k < i; k++)
            EXPECT(strcmp(text, ct_result_text((enum ct_result)k)) != 0);
    }
out:
    return result;
}

static enum ct_result test_a_number_that_is_no_result(void)
{
    enum ct_result result = CT_OK;

    EXPECT(ct_result_text((enum ct_result)12345) != NULL);
out:
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_every_result_has_a_sentence),
    CT_UNIT(test_a_number_that_is_no_result),
};

int main(void)
{
    return ct_unit_main("base_result", units, sizeof(units) / sizeof(units[0]));
}
