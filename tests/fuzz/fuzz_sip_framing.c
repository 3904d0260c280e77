/* Whatever a connection brings, and in whichever pieces, the same messages come out of it; the first byte says
 * whether it is a WebSocket. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "sip/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST 4096

/* All that was said, as one hash. */
struct end {
    struct ct_sha256 hash;
    size_t messages;
};

static void sent(void *ctx, const void *head, size_t head_size, struct ct_str bytes)
{
    struct end *end = ctx;
    ct_sha256_update(&end->hash, ">", 1);
    if (head_size > 0)
        ct_sha256_update(&end->hash, head, head_size);
    if (bytes.len > 0)
        ct_sha256_update(&end->hash, bytes.at, bytes.len);
}

static bool got(void *ctx, struct ct_str bytes)
{
    struct end *end = ctx;
    assert(bytes.len > 0);
    ct_sha256_update(&end->hash, "<", 1);
    /* A message that is too long comes as far as it has. */
    if (bytes.len <= MOST)
        ct_sha256_update(&end->hash, bytes.at, bytes.len < 16 ? bytes.len : 16);
    end->messages++;
    return true;
}

static enum ct_result feed(const uint8_t *data, size_t size, size_t piece, struct end *end)
{
    static const struct ct_framing_user user = {.send = sent, .message = got};
    struct ct_framing framing;
    enum ct_result result = CT_OK;
    *end = (struct end){.messages = 0};
    ct_sha256_init(&end->hash);
    ct_framing_init(&framing, MOST, (data[0] & 1) != 0);
    for (size_t at = 1; result == CT_OK && at < size; at += piece) {
        size_t some = size - at < piece ? size - at : piece;
        bool whole;
        char *copy = malloc(some);
        assert(copy != NULL);
        memcpy(copy, data + at, some);
        result = ct_framing_read(&framing, copy, some, &user, end, &whole);
        free(copy);
    }
    assert(result == CT_OK || result == CT_INVALID);
    ct_framing_free(&framing);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct end whole;
    struct end pieces;
    if (size == 0)
        return 0;
    enum ct_result first = feed(data, size, size, &whole);
    enum ct_result second = feed(data, size, 1 + (data[0] >> 1), &pieces);
    assert(first == second);
    /* A connection that ends may have said more of it by then. */
    if (first == CT_OK) {
        uint8_t hashes[2][CT_SHA256_BYTES];
        ct_sha256_digest(&whole.hash, hashes[0]);
        ct_sha256_digest(&pieces.hash, hashes[1]);
        assert(whole.messages == pieces.messages);
        assert(memcmp(hashes[0], hashes[1], sizeof(hashes[0])) == 0);
    }
    return 0;
}
