/* Whatever a message is, what is kept of it is text of a limited size, and has no secret in it; blanked again it
 * is the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "voice/ladder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ct_str blank(struct ct_arena *arena, struct ct_str bytes)
{
    struct ct_str out;
    enum ct_result result = ct_ladder_blank(arena, bytes, &out);
    assert(result == CT_OK);
    assert(out.len <= CT_LADDER_BYTES && ct_utf8_valid(out));
    assert(out.len == 0 || memchr(out.at, '\0', out.len) == NULL);
    return out;
}

static bool holds(struct ct_str text, struct ct_str part)
{
    return text.len >= part.len && memmem(text.at, text.len, part.at, part.len) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ct_str secret = {"0f1e2d3c4b5a", 12};
    struct ct_arena *arena = ct_arena_new();
    assert(arena != NULL);
    struct ct_str input = {(const char *)data, size};
    struct ct_str once = blank(arena, input);
    if (once.len < CT_LADDER_BYTES - 4)
        assert(ct_str_equal(blank(arena, once), once));
    /* Parameters of the input's choice in front of a response. */
    if (memchr(data, '"', size) == NULL && memchr(data, '\n', size) == NULL &&
        !holds(input, secret)) {
        struct ct_buf text = ct_buf_in(arena);
        ct_buf_text(&text, "Proxy-Authorization: Digest ");
        ct_buf_str(&text, input);
        ct_buf_text(&text, ", response=\"");
        ct_buf_str(&text, secret);
        ct_buf_text(&text, "\"\r\n\r\na=crypto:1 X inline:");
        ct_buf_str(&text, secret);
        assert(!holds(blank(arena, ct_buf_done(&text)), secret));
    }
    ct_arena_free(arena);
    return 0;
}
