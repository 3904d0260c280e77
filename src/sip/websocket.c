#include "sip/websocket.h"

#include <string.h>

#include "base/digest.h"

/* RFC 6455 section 1.3 */
#define ACCEPT_SUFFIX "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_LENGTH 24
/* A control frame is short and whole (section 5.5). */
#define CONTROL_MOST 125

/* What of a handshake matters. */
struct handshake {
    bool get, upgrade, connection, sip, version_seen, version, key_seen, twice;
    struct ct_str key;
};

static struct ct_str trim(struct ct_str text)
{
    while (text.len > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
        text.at++;
        text.len--;
    }
    while (text.len > 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* Whether a list separated by commas has this word, in any case. */
static bool lists(struct ct_str list, struct ct_str word)
{
    while (list.len > 0) {
        const char *comma = memchr(list.at, ',', list.len);
        size_t length = comma == NULL ? list.len : (size_t)(comma - list.at);
        if (ct_str_equal_nocase(trim((struct ct_str){list.at, length}), word))
            return true;
        length += comma == NULL ? 0 : 1;
        list = (struct ct_str){list.at + length, list.len - length};
    }
    return false;
}

static void read_header(struct handshake *handshake, struct ct_str name, struct ct_str value)
{
    if (ct_str_equal_nocase(name, CT_STR("Upgrade")))
        handshake->upgrade |= lists(value, CT_STR("websocket"));
    else if (ct_str_equal_nocase(name, CT_STR("Connection")))
        handshake->connection |= lists(value, CT_STR("upgrade"));
    else if (ct_str_equal_nocase(name, CT_STR("Sec-WebSocket-Protocol")))
        handshake->sip |= lists(value, CT_STR("sip"));
    else if (ct_str_equal_nocase(name, CT_STR("Sec-WebSocket-Version"))) {
        handshake->twice |= handshake->version_seen;
        handshake->version_seen = true;
        handshake->version = ct_str_equal(value, CT_STR("13"));
    } else if (ct_str_equal_nocase(name, CT_STR("Sec-WebSocket-Key"))) {
        handshake->twice |= handshake->key_seen;
        handshake->key_seen = true;
        handshake->key = value;
    }
}

/* "GET /any HTTP/1.1" */
static bool is_get(struct ct_str line)
{
    static const struct ct_str first = {"GET /", 5};
    static const struct ct_str last = {" HTTP/1.1", 9};
    if (line.len < first.len + last.len ||
        !ct_str_equal((struct ct_str){line.at, first.len}, first) ||
        !ct_str_equal((struct ct_str){line.at + line.len - last.len, last.len}, last))
        return false;
    return memchr(line.at + first.len, ' ', line.len - first.len - last.len) == NULL;
}

/* False: it does not have the form of a request. */
static bool read_request(struct ct_str text, struct handshake *out)
{
    bool first = true;
    while (text.len > 0) {
        const char *end = memmem(text.at, text.len, "\r\n", 2);
        if (end == NULL)
            return false;
        struct ct_str line = {text.at, (size_t)(end - text.at)};
        text = (struct ct_str){end + 2, text.len - line.len - 2};
        if (memchr(line.at, '\0', line.len) != NULL || memchr(line.at, '\n', line.len) != NULL)
            return false;
        const char *colon = memchr(line.at, ':', line.len);
        if (first) {
            out->get = is_get(line);
        } else if (line.len > 0) {
            size_t length = colon == NULL ? 0 : (size_t)(colon - line.at);
            if (length == 0 || memchr(line.at, ' ', length) != NULL)
                return false;
            read_header(out, (struct ct_str){line.at, length},
                        trim((struct ct_str){colon + 1, line.len - length - 1}));
        }
        first = false;
    }
    return !out->twice;
}

static bool is_key(struct ct_str key)
{
    if (key.len != KEY_LENGTH || key.at[22] != '=' || key.at[23] != '=')
        return false;
    for (size_t i = 0; i < 22; i++) {
        char c = key.at[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '+' || c == '/'))
            return false;
    }
    return true;
}

/* RFC 4648 section 4. */
static void write_base64(const uint8_t *bytes, size_t size, struct ct_buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t word = (uint32_t)bytes[i] << 16;
        word |= i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0;
        word |= i + 2 < size ? bytes[i + 2] : 0;
        ct_buf_char(out, digits[word >> 18]);
        ct_buf_char(out, digits[word >> 12 & 63]);
        ct_buf_char(out, i + 1 < size ? digits[word >> 6 & 63] : '=');
        ct_buf_char(out, i + 2 < size ? digits[word & 63] : '=');
    }
}

static enum ct_result refuse(struct ct_buf *reply, const char *status, const char *sentence)
{
    ct_buf_printf(reply,
                  "HTTP/1.1 %s\r\nConnection: close\r\nSec-WebSocket-Version: 13\r\n"
                  "Upgrade: websocket\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s",
                  status, strlen(sentence), sentence);
    return CT_INVALID;
}

enum ct_result ct_websocket_handshake(struct ct_str buffered, size_t *used, struct ct_buf *reply)
{
    struct handshake read = {0};
    uint8_t digest[CT_SHA1_BYTES];
    if (buffered.len == 0)
        return CT_ROW;
    const char *end = memmem(buffered.at, buffered.len, "\r\n\r\n", 4);
    size_t length = end == NULL ? buffered.len : (size_t)(end - buffered.at) + 4;
    if (length > CT_WEBSOCKET_MAX_HANDSHAKE)
        return refuse(reply, "431 Request Header Fields Too Large", "The headers are too long.\n");
    if (end == NULL) {
        /* What does not begin as a request should not be waited for. */
        size_t some = length < 4 ? length : 4;
        if (memcmp(buffered.at, "GET ", some) == 0)
            return CT_ROW;
        return refuse(reply, "400 Bad Request", "This is a WebSocket of SIP (RFC 7118).\n");
    }
    if (!read_request((struct ct_str){buffered.at, length}, &read) || !read.get)
        return refuse(reply, "400 Bad Request", "This is a WebSocket of SIP (RFC 7118).\n");
    if (!read.upgrade || !read.connection || !read.version)
        return refuse(reply, "426 Upgrade Required", "This is a WebSocket of SIP (RFC 7118).\n");
    if (!is_key(read.key))
        return refuse(reply, "400 Bad Request", "The key of the handshake is not one.\n");
    if (!read.sip)
        return refuse(reply, "400 Bad Request", "The subprotocol has to be \"sip\" (RFC 7118).\n");
    const struct ct_str pieces[] = {read.key, CT_STR(ACCEPT_SUFFIX)};
    ct_sha1_of(pieces, 2, digest);
    ct_buf_text(reply, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Protocol: sip\r\n"
                       "Sec-WebSocket-Accept: ");
    write_base64(digest, sizeof(digest), reply);
    ct_buf_text(reply, "\r\n\r\n");
    *used = length;
    return CT_OK;
}

static bool is_known(uint8_t opcode)
{
    return opcode <= CT_WEBSOCKET_BINARY ||
           (opcode >= CT_WEBSOCKET_CLOSE && opcode <= CT_WEBSOCKET_PONG);
}

/* Whether a frame may come now (sections 5.2, 5.4, 5.5). */
static bool fits(const struct ct_websocket *socket, uint8_t first, uint8_t second)
{
    uint8_t opcode = first & 15;
    bool final = (first & 128) != 0;
    if ((first & 0x70) != 0 || !is_known(opcode) || (second & 128) == 0)
        return false;
    if (opcode >= CT_WEBSOCKET_CLOSE)
        return final && (second & 127) <= CONTROL_MOST;
    return socket->within == (opcode == CT_WEBSOCKET_CONTINUATION);
}

enum ct_result ct_websocket_read(struct ct_websocket *socket, char *bytes, size_t size, size_t max,
                                 size_t *used, struct ct_websocket_frame *out, uint16_t *why)
{
    const uint8_t *head = (const uint8_t *)bytes;
    if (size < 2)
        return CT_ROW;
    *why = CT_WEBSOCKET_PROTOCOL_ERROR;
    if (!fits(socket, head[0], head[1]))
        return CT_INVALID;
    size_t extra = (head[1] & 127) == 126 ? 2 : (head[1] & 127) == 127 ? 8 : 0;
    uint64_t length = extra == 0 ? head[1] & 127 : 0;
    if (size < 2 + extra + 4)
        return CT_ROW;
    for (size_t i = 0; i < extra; i++)
        length = length << 8 | head[2 + i];
    *why = CT_WEBSOCKET_TOO_BIG;
    if (length > max)
        return CT_INVALID;
    size_t begin = 2 + extra + 4;
    if (size - begin < length)
        return CT_ROW;
    for (size_t i = 0; i < length; i++)
        bytes[begin + i] = (char)(bytes[begin + i] ^ bytes[2 + extra + (i & 3)]);
    *out = (struct ct_websocket_frame){.opcode = (enum ct_websocket_opcode)(head[0] & 15),
                                       .final = (head[0] & 128) != 0,
                                       .payload = {bytes + begin, (size_t)length}};
    if (out->opcode < CT_WEBSOCKET_CLOSE)
        socket->within = !out->final;
    *used = begin + (size_t)length;
    return CT_OK;
}

size_t ct_websocket_head(enum ct_websocket_opcode opcode, size_t payload,
                         uint8_t out[CT_WEBSOCKET_HEAD_ROOM])
{
    size_t extra = payload < 126 ? 0 : payload < 65536 ? 2 : 8;
    out[0] = (uint8_t)(128 | opcode);
    out[1] = extra == 0 ? (uint8_t)payload : extra == 2 ? 126 : 127;
    for (size_t i = 0; i < extra; i++)
        out[2 + i] = (uint8_t)((uint64_t)payload >> 8 * (extra - 1 - i));
    return 2 + extra;
}
