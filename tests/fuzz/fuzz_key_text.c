/* What is taken for an API key is made of what one is made of, and one changed bit, anywhere, is noticed. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "accounts/key_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct ct_str text)
{
    char copy[CT_KEY_TEXT_LENGTH];

    assert(text.len == CT_KEY_TEXT_LENGTH && memcmp(text.at, "ctk_", 4) == 0);
    for (size_t i = 4; i < text.len; i++)
        assert(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
                      text.at[i]) != NULL &&
               text.at[i] != '\0');
    for (size_t bit = 0; bit < 8 * sizeof(copy); bit++) {
        memcpy(copy, text.at, sizeof(copy));
        copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
        assert(!ct_key_text_wellformed((struct ct_str){copy, sizeof(copy)}));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_str text = {(const char *)data, size};
    struct ct_str hash;
    struct ct_str hint;

    if (ct_key_text_wellformed(text))
        check(text);
    struct ct_arena *arena = ct_arena_new();
    assert(arena != NULL);
    assert(ct_key_text_hash(arena, text, &hash) == CT_OK && hash.len == 43);
    if (size >= 8)
        assert(ct_key_text_hint(arena, text, &hint) == CT_OK);
    ct_arena_free(arena);
    return 0;
}
