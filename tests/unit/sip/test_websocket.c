#include "sip/websocket.h"

#include <string.h>

#include "harness.h"

#define SHAKE_FIRST "GET / HTTP/1.1\r\nHost: server.example.com\r\n"
#define SHAKE_KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define SHAKE_UP \
    "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
#define SHAKE_SIP "Sec-WebSocket-Protocol: chat, sip\r\n"

/* RFC 6455 section 1.3's key, and RFC 7118 section 3's subprotocol. */
static enum ct_result test_handshake(void)
{
    static const char request[] = SHAKE_FIRST SHAKE_KEY SHAKE_UP SHAKE_SIP "\r\nmore";
    enum ct_result result = CT_OK;
    size_t used = 0;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    for (size_t length = 0; length < sizeof(request) - 5; length++) {
        struct ct_buf reply = ct_buf_in(arena);
        EXPECT(ct_websocket_handshake((struct ct_str){request, length}, &used, &reply) == CT_ROW);
        EXPECT(reply.len == 0);
    }
    struct ct_buf reply = ct_buf_in(arena);
    TRY(ct_websocket_handshake(CT_STR(request), &used, &reply));
    EXPECT(used == sizeof(request) - 5);
    if (reply.failed) {
        result = CT_NOMEM;
        goto out;
    }
    EXPECT(ct_str_equal(ct_buf_done(&reply),
                        CT_STR("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                               "Connection: Upgrade\r\nSec-WebSocket-Protocol: sip\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_refusals(void)
{
    static const struct {
        const char *request;
        const char *status;
    } cases[] = {
        {"REGISTER sip:example.com SIP/2.0\r\n", "400"},
        {"\r\n", "400"},
        {"GET / HTTP/1.0\r\n" SHAKE_KEY SHAKE_UP SHAKE_SIP "\r\n", "400"},
        {"GET /a b HTTP/1.1\r\n" SHAKE_KEY SHAKE_UP SHAKE_SIP "\r\n", "400"},
        {"GET http://h/ HTTP/1.1\r\n" SHAKE_KEY SHAKE_UP SHAKE_SIP "\r\n", "400"},
        {SHAKE_FIRST "\r\n", "426"},
        {SHAKE_FIRST SHAKE_KEY SHAKE_SIP "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
         "426"},
        {SHAKE_FIRST SHAKE_KEY SHAKE_SIP
         "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n\r\n",
         "426"},
        {SHAKE_FIRST SHAKE_KEY SHAKE_SIP "Upgrade: h2c\r\nConnection: Upgrade\r\n"
                                         "Sec-WebSocket-Version: 13\r\n\r\n",
         "426"},
        {SHAKE_FIRST SHAKE_UP SHAKE_SIP "\r\n", "400"},
        {SHAKE_FIRST SHAKE_KEY SHAKE_KEY SHAKE_UP SHAKE_SIP "\r\n", "400"},
        {SHAKE_FIRST SHAKE_UP SHAKE_SIP "Sec-WebSocket-Key: short\r\n\r\n", "400"},
        {SHAKE_FIRST SHAKE_UP SHAKE_SIP "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=!\r\n\r\n",
         "400"},
        {SHAKE_FIRST SHAKE_UP SHAKE_SIP "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j_Q==\r\n\r\n",
         "400"},
        {SHAKE_FIRST SHAKE_KEY SHAKE_UP "\r\n", "400"},
        {SHAKE_FIRST SHAKE_KEY SHAKE_UP "Sec-WebSocket-Protocol: sipx\r\n\r\n", "400"},
        {SHAKE_FIRST SHAKE_KEY SHAKE_UP SHAKE_SIP "no colon\r\n\r\n", "400"},
        {SHAKE_FIRST SHAKE_KEY SHAKE_UP SHAKE_SIP "a b: c\r\n\r\n", "400"},
        {SHAKE_FIRST SHAKE_KEY SHAKE_UP SHAKE_SIP ": c\r\n\r\n", "400"},
        {SHAKE_FIRST SHAKE_KEY SHAKE_UP SHAKE_SIP "a: b\nc: d\r\n\r\n", "400"},
    };
    enum ct_result result = CT_OK;
    char longest[CT_WEBSOCKET_MAX_HANDSHAKE + 1];
    size_t used;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ct_buf reply = ct_buf_in(arena);
        EXPECT_RESULT(CT_INVALID,
                      ct_websocket_handshake(ct_str_of(cases[i].request), &used, &reply));
        if (reply.failed) {
            result = CT_NOMEM;
            goto out;
        }
        EXPECT(strncmp(ct_buf_done(&reply).at + strlen("HTTP/1.1 "), cases[i].status, 3) == 0);
    }
    memset(longest, 'a', sizeof(longest));
    memcpy(longest, "GET ", 4);
    struct ct_buf reply = ct_buf_in(arena);
    EXPECT(ct_websocket_handshake((struct ct_str){longest, sizeof(longest) - 1}, &used, &reply) ==
           CT_ROW);
    EXPECT(ct_websocket_handshake((struct ct_str){longest, sizeof(longest)}, &used, &reply) ==
           CT_INVALID);
out:
    ct_arena_free(arena);
    return result;
}

/* RFC 6455 section 5.7's masked "Hello". */
static enum ct_result test_frame(void)
{
    static const char masked[] = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x81";
    enum ct_result result = CT_OK;
    struct ct_websocket state = {false};
    struct ct_websocket_frame frame;
    char bytes[sizeof(masked)];
    size_t used;
    uint16_t why;
    memcpy(bytes, masked, sizeof(masked));
    for (size_t size = 0; size < 11; size++)
        EXPECT(ct_websocket_read(&state, bytes, size, 5, &used, &frame, &why) == CT_ROW);
    TRY(ct_websocket_read(&state, bytes, sizeof(bytes), 5, &used, &frame, &why));
    EXPECT(used == 11 && frame.final && frame.opcode == CT_WEBSOCKET_TEXT && !state.within);
    EXPECT(ct_str_equal(frame.payload, CT_STR("Hello")));
    memcpy(bytes, masked, sizeof(masked));
    EXPECT(ct_websocket_read(&state, bytes, sizeof(bytes), 4, &used, &frame, &why) == CT_INVALID);
    EXPECT(why == CT_WEBSOCKET_TOO_BIG);
out:
    return result;
}

static enum ct_result test_bad_frames(void)
{
    static const struct {
        const char *head;
        bool within;
    } cases[] = {
        {"\x81\x05", false},                      /* not masked */
        {"\xc1\x85", false},                      /* a reserved bit */
        {"\x83\x85", false},                      /* an opcode that is none */
        {"\x8b\x85", false}, {"\x09\x85", false}, /* a control frame in pieces */
        {"\x89\xfe", false},                      /* a long one */
        {"\x80\x85", false},                      /* what is not begun goes on */
        {"\x81\x85", true},                       /* a message within another */
    };
    enum ct_result result = CT_OK;
    struct ct_websocket_frame frame;
    size_t used;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ct_websocket state = {cases[i].within};
        char bytes[16] = {0};
        uint16_t why = 0;
        memcpy(bytes, cases[i].head, 2);
        EXPECT(ct_websocket_read(&state, bytes, sizeof(bytes), 100, &used, &frame, &why) ==
               CT_INVALID);
        EXPECT(why == CT_WEBSOCKET_PROTOCOL_ERROR);
    }
    /* 2^63 and more bytes */
    struct ct_websocket state = {false};
    char huge[] = "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff....";
    uint16_t why = 0;
    EXPECT(ct_websocket_read(&state, huge, sizeof(huge), 100, &used, &frame, &why) == CT_INVALID);
    EXPECT(why == CT_WEBSOCKET_TOO_BIG);
out:
    return result;
}

static enum ct_result test_heads(void)
{
    enum ct_result result = CT_OK;
    uint8_t head[CT_WEBSOCKET_HEAD_ROOM];
    EXPECT(ct_websocket_head(CT_WEBSOCKET_TEXT, 125, head) == 2 && head[0] == 0x81 &&
           head[1] == 125);
    EXPECT(ct_websocket_head(CT_WEBSOCKET_PONG, 0, head) == 2 && head[0] == 0x8a && head[1] == 0);
    EXPECT(ct_websocket_head(CT_WEBSOCKET_BINARY, 65535, head) == 4);
    EXPECT(memcmp(head, "\x82\x7e\xff\xff", 4) == 0);
    EXPECT(ct_websocket_head(CT_WEBSOCKET_BINARY, 65536, head) == 10);
    EXPECT(memcmp(head, "\x82\x7f\0\0\0\0\0\x01\0\0", 10) == 0);
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_handshake), CT_UNIT(test_refusals),
                                           CT_UNIT(test_frame), CT_UNIT(test_bad_frames),
                                           CT_UNIT(test_heads)};
    return ct_unit_main("sip/websocket", units, sizeof(units) / sizeof(units[0]));
}
