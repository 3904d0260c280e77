#ifndef CT_SIP_WEBSOCKET_H
#define CT_SIP_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"

/**
 * The server's side of the WebSocket protocol (RFC 6455) with the subprotocol "sip" (RFC 7118): bytes in, bytes
 * out. No extensions.
 */

/** The longest request of a handshake, in bytes. */
#define CT_WEBSOCKET_MAX_HANDSHAKE ((size_t)8192)

/** Judges what a connection begins with. CT_ROW: more bytes are needed. CT_OK: @p reply holds the 101, and the
 *  first @p used bytes were the request. CT_INVALID: @p reply holds a refusal, after which the connection ends. A
 *  want of memory shows in @p reply. */
CT_CHECKED enum ct_result ct_websocket_handshake(struct ct_str buffered, size_t *used,
                                                 struct ct_buf *reply);

enum ct_websocket_opcode {
    CT_WEBSOCKET_CONTINUATION = 0,
    CT_WEBSOCKET_TEXT = 1,
    CT_WEBSOCKET_BINARY = 2,
    CT_WEBSOCKET_CLOSE = 8,
    CT_WEBSOCKET_PING = 9,
    CT_WEBSOCKET_PONG = 10,
};

/** Why a connection ends (section 7.4.1). */
#define CT_WEBSOCKET_PROTOCOL_ERROR 1002
#define CT_WEBSOCKET_TOO_BIG 1009

/** A frame of the client's. */
struct ct_websocket_frame {
    enum ct_websocket_opcode opcode;
    bool final;
    struct ct_str payload; /* unmasked where it stands */
};

/** What of a message has come so far. All zero at the beginning of a connection. */
struct ct_websocket {
    bool within; /* a message has begun and goes on */
};

/** Takes one frame off the front of @p size bytes and unmasks it. CT_ROW: more bytes are needed. CT_OK: @p out is
 *  set, the first @p used bytes were the frame. CT_INVALID: the connection ends with the status @p why. @p max is the
 *  longest payload of a frame. */
CT_CHECKED enum ct_result ct_websocket_read(struct ct_websocket *socket, char *bytes, size_t size,
                                            size_t max, size_t *used,
                                            struct ct_websocket_frame *out, uint16_t *why);

/** Writes what stands in front of a payload of the server's; the answer is its length. */
#define CT_WEBSOCKET_HEAD_ROOM 10
size_t ct_websocket_head(enum ct_websocket_opcode opcode, size_t payload,
                         uint8_t out[CT_WEBSOCKET_HEAD_ROOM]);

#endif
