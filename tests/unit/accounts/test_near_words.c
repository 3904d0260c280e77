#include "accounts/near_words.h"
#include "harness.h"

static enum ct_result test_words_that_lie_near(void)
{
    static const char *const near[] = {
        "cloudtelephony",    "Cloud-Telephony", "CLOUD TELEPHONY 2026!",
        "2026administrator", "t3elephony",      "phone_numbers"};
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++)
        EXPECT(ct_password_is_near_word(ct_str_of(near[i])));
out:
    return result;
}

static enum ct_result test_other_passwords(void)
{
    static const char *const other[] = {
        "",
        "1234567890",
        "cloudtelephonyx",
        "cloudtelephonycloudtelephony",
        "tel\xC3\xA9phony",
        "correct horse battery staple",
        "telephon",
    };
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
        EXPECT(!ct_password_is_near_word(ct_str_of(other[i])));
    /* a NUL is no end */
    EXPECT(!ct_password_is_near_word(CT_STR("telephony\0extra")));
    EXPECT(ct_password_is_near_word(CT_STR("tele\0phony")));
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_words_that_lie_near),
        CT_UNIT(test_other_passwords),
    };
    return ct_unit_main("accounts/near_words", units, sizeof(units) / sizeof(units[0]));
}
