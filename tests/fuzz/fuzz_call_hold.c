/* Whatever is offered, what is answered has as many media, and holding that once more changes no port. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "voice/call_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t media(struct ct_str text)
{
    size_t count = 0;

    for (size_t i = 0; i + 2 <= text.len; i++)
        if ((i == 0 || text.at[i - 1] == '\n') && memcmp(text.at + i, "m=", 2) == 0)
            count++;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_arena *arena = ct_arena_new();
    struct ct_str offer = {(const char *)data, size};
    struct ct_str answer;
    struct ct_str again;

    if (arena != NULL && ct_live_hold(arena, offer, &answer) == CT_OK) {
        assert(media(answer) == media(offer) && media(answer) > 0);
        assert(ct_live_hold(arena, answer, &again) == CT_OK && media(again) == media(answer));
    }
    ct_arena_free(arena);
    return 0;
}
