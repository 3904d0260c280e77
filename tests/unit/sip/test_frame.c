#include <string.h>

#include "harness.h"
#include "sip/message.h"

#define MESSAGE "OPTIONS sip:a SIP/2.0\r\nVia: x\r\nl: 5\r\n\r\nhello"
#define SHORT "ACK sip:a SIP/2.0\nContent-Length : 0\n\n"

struct expected {
    enum ct_sip_frame frame;
    size_t size;
};

/* Reads a stream that comes in pieces of this size; a piece is added when the framer wants more. */
static enum ct_result read_stream(struct ct_str stream, size_t piece, const struct expected *all,
                                  size_t count)
{
    struct ct_sip_framer framer = {0};
    enum ct_result result = CT_OK;
    size_t from = 0;
    size_t have = 0;
    size_t met = 0;
    while (met < count) {
        size_t size;
        struct ct_str buffered = {stream.at + from, have - from};
        enum ct_sip_frame frame = ct_sip_frame(&framer, buffered, 100, &size);
        if (frame == CT_SIP_FRAME_MORE) {
            EXPECT(have < stream.len && size > have - from);
            have = have + piece < stream.len ? have + piece : stream.len;
            continue;
        }
        EXPECT(frame == all[met].frame);
        EXPECT(frame > CT_SIP_FRAME_MESSAGE || size == all[met].size);
        EXPECT(framer.scanned == 0 && framer.whole == 0 && size <= have - from);
        met++;
        if (frame > CT_SIP_FRAME_MESSAGE)
            goto out;
        from += size;
    }
    EXPECT(from == stream.len);

out:
    return result;
}

static enum ct_result test_streams(void)
{
    static const struct {
        const char *stream;
        size_t count;
        struct expected all[6];
    } streams[] = {
        {MESSAGE SHORT "\r\n\r\n" MESSAGE,
         4,
         {{CT_SIP_FRAME_MESSAGE, sizeof(MESSAGE) - 1},
          {CT_SIP_FRAME_MESSAGE, sizeof(SHORT) - 1},
          {CT_SIP_FRAME_PING, 4},
          {CT_SIP_FRAME_MESSAGE, sizeof(MESSAGE) - 1}}},
        {"\r\n" SHORT "\n" SHORT,
         4,
         {{CT_SIP_FRAME_BLANK, 2},
          {CT_SIP_FRAME_MESSAGE, sizeof(SHORT) - 1},
          {CT_SIP_FRAME_BLANK, 1},
          {CT_SIP_FRAME_MESSAGE, sizeof(SHORT) - 1}}},
        {"A b SIP/2.0\r\nVia: x\r\n\r\n", 1, {{CT_SIP_FRAME_BAD, 0}}},
        {"A b SIP/2.0\r\nContent-Length: x\r\n\r\n", 1, {{CT_SIP_FRAME_BAD, 0}}},
        {"A b SIP/2.0\r\nContent-Length: -1\r\n\r\n", 1, {{CT_SIP_FRAME_BAD, 0}}},
        {"A b SIP/2.0\r\nl: 1\r\nContent-Length: 1\r\n\r\n", 1, {{CT_SIP_FRAME_BAD, 0}}},
        {"A b SIP/2.0\r\nl: 99999999999999999999\r\n\r\n", 1, {{CT_SIP_FRAME_BAD, 0}}},
        {"\rA", 1, {{CT_SIP_FRAME_BAD, 0}}},
        {"A b SIP/2.0\r\nContent-Length:\r\n 3\r\n\r\nabc", 1, {{CT_SIP_FRAME_MESSAGE, 39}}},
        {"A b SIP/2.0\r\nl: 79\r\n\r\nabc", 1, {{CT_SIP_FRAME_TOO_LONG, 0}}},
        {"A b SIP/2.0\r\nSubject: a head that goes on and on and on, and on for longer than "
         "the 100 bytes that may be, and then some",
         1,
         {{CT_SIP_FRAME_TOO_LONG, 0}}},
    };
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
        for (size_t piece = 1; piece <= strlen(streams[i].stream); piece++)
            TRY(read_stream(ct_str_of(streams[i].stream), piece, streams[i].all, streams[i].count));

out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_streams)};
    return ct_unit_main("sip/frame", units, sizeof(units) / sizeof(units[0]));
}
