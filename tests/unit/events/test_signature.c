#include "events/signature.h"

#include <string.h>

#include "harness.h"

/* Made with Python's hmac and base64. */
static enum ct_result test_signing(void)
{
    enum ct_result result = CT_NOMEM;
    struct ct_str text;
    struct ct_arena *arena = ct_arena_new();

    TRY_MEMORY(arena);
    TRY(ct_webhook_sign(arena, CT_STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), 42, 1614265330,
                        CT_STR("{\"test\": 2432232314}"), &text));
    EXPECT(ct_str_equal(text, CT_STR("v1,97Z9e2ijWBiSWZdR2cJ1lLq/kLtjkYyGfutva5Jsd3k=")));
    TRY(ct_webhook_sign(arena, CT_STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), 43, 1614265330,
                        CT_STR("{\"test\": 2432232314}"), &text));
    EXPECT(!ct_str_equal(text, CT_STR("v1,97Z9e2ijWBiSWZdR2cJ1lLq/kLtjkYyGfutva5Jsd3k=")));
    EXPECT_RESULT(CT_INVALID, ct_webhook_sign(arena, CT_STR("whsec_"), 1, 1, CT_STR(""), &text));
    EXPECT_RESULT(CT_INVALID, ct_webhook_sign(arena, CT_STR("MfKQ"), 1, 1, CT_STR(""), &text));
    EXPECT_RESULT(CT_INVALID,
                  ct_webhook_sign(arena, CT_STR("whsec_!!!!"), 1, 1, CT_STR(""), &text));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_secrets(void)
{
    enum ct_result result = CT_NOMEM;
    struct ct_str one;
    struct ct_str two;
    struct ct_str text;
    struct ct_arena *arena = ct_arena_new();

    TRY_MEMORY(arena);
    TRY(ct_webhook_secret(arena, &one));
    TRY(ct_webhook_secret(arena, &two));
    EXPECT(one.len == 6 + 44 && memcmp(one.at, "whsec_", 6) == 0 && one.at[49] == '=');
    EXPECT(!ct_str_equal(one, two));
    TRY(ct_webhook_sign(arena, one, 1, 1, CT_STR("x"), &text));
    EXPECT(text.len == 3 + 44 && memcmp(text.at, "v1,", 3) == 0);
out:
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_signing), CT_UNIT(test_secrets)};
    return ct_unit_main("signature", units, sizeof(units) / sizeof(units[0]));
}
