#include "sip/framing.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"

#define MESSAGE "OPTIONS sip:a SIP/2.0\r\nContent-Length: 4\r\n\r\nbody"
#define SHAKE                                                                      \
    "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"              \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
    "Sec-WebSocket-Protocol: sip\r\n\r\n"

/* One end of a connection: what was said, "<" in front of what came and ">" of what was sent. */
struct end {
    struct ct_framing framing;
    char said[2048];
    size_t size;
    size_t enough; /* messages until the connection ends; 0: none does */
};

static void say(struct end *end, char mark, struct ct_str text)
{
    int length = snprintf(end->said + end->size, sizeof(end->said) - end->size, "%c%.*s|", mark,
                          (int)text.len, text.at);
    end->size += (size_t)length;
}

static void sent(void *ctx, const void *head, size_t head_size, struct ct_str bytes)
{
    struct end *end = ctx;
    if (head_size > 0) /* the opcode */
        say(end, (char)('0' + (((const uint8_t *)head)[0] & 15)), bytes);
    else
        say(end, '>', bytes);
}

static bool got(void *ctx, struct ct_str bytes)
{
    struct end *end = ctx;
    say(end, '<', bytes);
    return end->enough == 0 || --end->enough > 0;
}

static const struct ct_framing_user user = {.send = sent, .message = got};

/* Bytes that come in pieces of @p piece. */
static enum ct_result come(struct end *end, struct ct_str bytes, size_t piece)
{
    char copy[512];
    bool whole;
    enum ct_result result = CT_OK;
    for (size_t at = 0; result == CT_OK && at < bytes.len; at += piece) {
        size_t some = bytes.len - at < piece ? bytes.len - at : piece;
        memcpy(copy, bytes.at + at, some);
        result = ct_framing_read(&end->framing, copy, some, &user, end, &whole);
    }
    return result;
}

static const size_t pieces[] = {1, 2, 3, 7, 50, 500};
#define PIECES (sizeof(pieces) / sizeof(pieces[0]))

static enum ct_result test_sip(void)
{
    enum ct_result result = CT_OK;
    struct end end = {.size = 0};
    for (size_t i = 0; i < PIECES; i++) {
        end.size = 0;
        ct_framing_init(&end.framing, 1000, false);
        TRY(come(&end, CT_STR(MESSAGE MESSAGE "\r\n\r\n\r\n\r\n" MESSAGE "OPT"), pieces[i]));
        EXPECT(strcmp(end.said, "<" MESSAGE "|<" MESSAGE "|>\r\n|>\r\n|<" MESSAGE "|") == 0);
        EXPECT(ct_framing_waits(&end.framing));
        TRY(come(&end, CT_STR("IONS sip:a SIP/2.0\r\nl:0\r\n\r\n"), pieces[i]));
        EXPECT(!ct_framing_waits(&end.framing));
        ct_framing_free(&end.framing);
        end.framing = (struct ct_framing){0};
    }
    uint8_t head[CT_WEBSOCKET_HEAD_ROOM];
    EXPECT(ct_framing_head(&end.framing, CT_STR(MESSAGE), head) == 0);
out:
    ct_framing_free(&end.framing);
    return result;
}

static enum ct_result test_sip_ends(void)
{
    enum ct_result result = CT_OK;
    struct end end = {.size = 0};
    ct_framing_init(&end.framing, 60, false);
    EXPECT_RESULT(
        CT_INVALID,
        come(&end, CT_STR("OPTIONS sip:a SIP/2.0\r\nContent-Length: 400\r\n\r\nbody"), 5));
    EXPECT(strncmp(end.said, "<OPTIONS", 8) == 0);
    ct_framing_free(&end.framing);
    ct_framing_init(&end.framing, 1000, false);
    end.size = 0;
    end.enough = 2;
    EXPECT_RESULT(CT_INVALID, come(&end, CT_STR(MESSAGE MESSAGE MESSAGE), 500));
    EXPECT(strcmp(end.said, "<" MESSAGE "|<" MESSAGE "|") == 0);
out:
    ct_framing_free(&end.framing);
    return result;
}

/* A frame of the client's with the mask 0, into @p at. */
static size_t put_frame(char *at, uint8_t first, const char *payload)
{
    size_t length = strlen(payload);
    at[0] = (char)first;
    at[1] = (char)(128 | length);
    memset(at + 2, 0, 4);
    memcpy(at + 6, payload, length);
    return 6 + length;
}

static enum ct_result test_websocket(void)
{
    enum ct_result result = CT_OK;
    struct end end = {.size = 0};
    for (size_t i = 0; i < PIECES; i++) {
        char bytes[512] = SHAKE;
        size_t size = strlen(SHAKE);
        size += put_frame(bytes + size, 0x81, "one");
        size += put_frame(bytes + size, 0x82, "two");
        size += put_frame(bytes + size, 0x81, "\r\n\r\n");
        size += put_frame(bytes + size, 0x81, "\r\n");
        size += put_frame(bytes + size, 0x81, "");
        size += put_frame(bytes + size, 0x01, "th");
        size += put_frame(bytes + size, 0x89, "ping");
        size += put_frame(bytes + size, 0x8a, "");
        size += put_frame(bytes + size, 0x00, "");
        size += put_frame(bytes + size, 0x80, "ree");
        size += put_frame(bytes + size, 0x81, "four");
        end.size = 0;
        ct_framing_init(&end.framing, 100, true);
        EXPECT(ct_framing_waits(&end.framing));
        TRY(come(&end, (struct ct_str){bytes, size}, pieces[i]));
        EXPECT(!ct_framing_waits(&end.framing));
        EXPECT(strncmp(end.said, ">HTTP/1.1 101", 13) == 0);
        EXPECT(strcmp(strchr(end.said, '|'), "|<one|<two|1\r\n|:ping|<three|<four|") == 0);
        size = put_frame(bytes, 0x88,
                         "\x03\xe8"
                         "bye");
        EXPECT_RESULT(CT_INVALID, come(&end, (struct ct_str){bytes, size}, pieces[i]));
        EXPECT(strcmp(end.said + end.size - 4, "8\x03\xe8|") == 0);
        ct_framing_free(&end.framing);
        end.framing = (struct ct_framing){0};
    }
out:
    ct_framing_free(&end.framing);
    return result;
}

static enum ct_result test_websocket_ends(void)
{
    static const char long_one[] = "1234567890123456789012345678901";
    static const struct {
        uint8_t first[2];
        const char *payloads[2];
        const char *last; /* how what was said ends */
    } cases[] = {
        {{0x01, 0x01}, {"a", "b"}, "8\x03\xea|"},
        {{0x81, 0x80}, {"a", "b"}, "8\x03\xea|"},
        {{0x01, 0x80}, {"123456789012345678901234567890", "1"}, "8\x03\xf1|"},
        {{0x81, 0x81}, {"a", long_one}, "8\x03\xf1|"},
        {{0x81, 0x88}, {"a", ""}, "8|"},
    };
    enum ct_result result = CT_OK;
    struct end end = {.size = 0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char bytes[512] = SHAKE;
        size_t size = strlen(SHAKE);
        for (size_t f = 0; f < 2; f++)
            size += put_frame(bytes + size, cases[i].first[f], cases[i].payloads[f]);
        end.size = 0;
        ct_framing_init(&end.framing, 30, true);
        EXPECT_RESULT(CT_INVALID, come(&end, (struct ct_str){bytes, size}, 500));
        EXPECT(strcmp(end.said + end.size - strlen(cases[i].last), cases[i].last) == 0);
        ct_framing_free(&end.framing);
        end.framing = (struct ct_framing){0};
    }
    ct_framing_init(&end.framing, 30, true);
    end.size = 0;
    EXPECT_RESULT(CT_INVALID, come(&end, CT_STR("GET / HTTP/1.1\r\n\r\n"), 500));
    EXPECT(strncmp(end.said, ">HTTP/1.1 426", 13) == 0);
    uint8_t head[CT_WEBSOCKET_HEAD_ROOM];
    EXPECT(ct_framing_head(&end.framing, CT_STR("a"), head) == 2 && head[0] == 0x81);
    EXPECT(ct_framing_head(&end.framing, CT_STR("\xff"), head) == 2 && head[0] == 0x82);
out:
    ct_framing_free(&end.framing);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_sip), CT_UNIT(test_sip_ends),
                                           CT_UNIT(test_websocket), CT_UNIT(test_websocket_ends)};
    return ct_unit_main("sip/framing", units, sizeof(units) / sizeof(units[0]));
}
