#include "accounts/key_text.h"

#include <string.h>

#include "harness.h"

/* Of the bytes 0 to 23, made by another implementation, as are the other checksums below. */
#define KNOWN "ctk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXwRr2Zw"

static enum ct_result test_known_key(void)
{
    enum ct_result result = CT_OK;
    struct ct_str out;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    EXPECT(ct_key_text_wellformed(CT_STR(KNOWN)));
    EXPECT(ct_key_text_wellformed(CT_STR("ctk_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_tB7whA")));
    TRY(ct_key_text_hash(arena, CT_STR(KNOWN), &out));
    EXPECT(ct_str_equal(out, CT_STR("6qONINCKgeDZ-IWenjtDqAND2NOFx8eoyC1Iiw7tujk")));
    TRY(ct_key_text_hint(arena, CT_STR(KNOWN), &out));
    EXPECT(ct_str_equal(out, CT_STR("ctk_AAEC\xE2\x80\xA6")));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_new_keys(void)
{
    enum ct_result result = CT_OK;
    bool seen[CT_KEY_TEXT_LENGTH] = {false};
    struct ct_str last = {0};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (int i = 0; i < 32; i++) {
        struct ct_str text;
        TRY(ct_key_text_make(arena, &text));
        EXPECT(text.len == CT_KEY_TEXT_LENGTH && text.at[text.len] == '\0');
        EXPECT(memcmp(text.at, "ctk_", 4) == 0);
        EXPECT(ct_key_text_wellformed(text));
        for (size_t at = 0; i > 0 && at < text.len; at++)
            seen[at] = seen[at] || text.at[at] != last.at[at];
        last = text;
    }
    /* every place behind the prefix is random: that one stays the same has the chance of 64^-31 */
    for (size_t at = 4; at < CT_KEY_TEXT_LENGTH; at++)
        EXPECT(seen[at]);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_no_keys(void)
{
    static const struct ct_str wrong[] = {
        {"", 0},
        {NULL, 0},
        {"ctk_", 4},
        {KNOWN, 41},
        {KNOWN "A", 43},
        {KNOWN, 43},
        /* the checksums are right */
        {"CTK_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAASnIeMQ", 42},
        {"ctk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+Kn7vXg", 42},
        {"ctk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0hsIWHg", 42},
        {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.AAAAAA", 42},
    };
    enum ct_result result = CT_OK;
    char text[CT_KEY_TEXT_LENGTH];

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        EXPECT(!ct_key_text_wellformed(wrong[i]));
    /* one character mistyped, anywhere; or two that changed places */
    for (size_t at = 0; at < sizeof(text); at++) {
        for (int c = 0; c < 256; c++) {
            memcpy(text, KNOWN, sizeof(text));
            text[at] = (char)c;
            EXPECT(ct_key_text_wellformed((struct ct_str){text, sizeof(text)}) ==
                   ((char)c == KNOWN[at]));
        }
        memcpy(text, KNOWN, sizeof(text));
        if (at == 0 || text[at] == text[at - 1])
            continue;
        text[at] = KNOWN[at - 1];
        text[at - 1] = KNOWN[at];
        EXPECT(!ct_key_text_wellformed((struct ct_str){text, sizeof(text)}));
    }
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_known_key),
        CT_UNIT(test_new_keys),
        CT_UNIT(test_no_keys),
    };
    return ct_unit_main("accounts/key_text", units, sizeof(units) / sizeof(units[0]));
}
