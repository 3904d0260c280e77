/* A stream is cut into the same messages whatever pieces it comes in, and what is cut out is inside of it. */
#include <assert.h>
#include <stdint.h>

#include "sip/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST 1000
#define LIMIT ((size_t)400)

/* Where the messages end, and what ended the stream. */
struct cuts {
    size_t ends[MOST];
    enum ct_sip_frame kinds[MOST];
    size_t count;
};

static void cut(struct ct_str stream, size_t piece, struct cuts *out)
{
    struct ct_sip_framer framer = {0};
    size_t from = 0;
    size_t have = 0;

    out->count = 0;
    while (out->count < MOST) {
        size_t size;
        enum ct_sip_frame frame =
            ct_sip_frame(&framer, (struct ct_str){stream.at + from, have - from}, LIMIT, &size);
        if (frame == CT_SIP_FRAME_MORE) {
            assert(size > have - from && size <= LIMIT + 1);
            if (have == stream.len)
                return;
            have = stream.len - have < piece ? stream.len : have + piece;
            continue;
        }
        assert(size > 0 && size <= have - from && framer.scanned == 0 && framer.whole == 0);
        from += frame > CT_SIP_FRAME_MESSAGE ? 0 : size;
        out->kinds[out->count] = frame;
        out->ends[out->count++] = from;
        if (frame > CT_SIP_FRAME_MESSAGE)
            return;
        assert(frame != CT_SIP_FRAME_MESSAGE || size <= LIMIT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cuts whole;
    static struct cuts pieces;
    struct ct_str stream = {(const char *)data, size};

    for (size_t piece = 1; piece < 9; piece += 3) {
        cut(stream, piece, &pieces);
        if (piece == 1)
            whole = pieces;
        assert(whole.count == pieces.count);
        for (size_t i = 0; i < whole.count; i++)
            assert(whole.kinds[i] == pieces.kinds[i] && whole.ends[i] == pieces.ends[i]);
    }
    return 0;
}
